#include "mppg0/commit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/try.hpp"

namespace mappedpages::mppg0 {
namespace {

/// New pages that lie side by side are zeroed in writes of at most this many bytes.
constexpr std::size_t kZeroChunk = std::size_t{1} << 20U;

}  // namespace

Status Committer::commit(const Plan& plan) {
  TRY(require_own_page0());
  for (const CommitStep step : commit_order()) TRY(perform(step, plan));
  return {};
}

Status Committer::perform(CommitStep step, const Plan& plan) {
  switch (step) {
    case CommitStep::Grow:
      return grow(plan);
    case CommitStep::Content:
      return write_content(plan);
    case CommitStep::NewPages:
      return write_new_pages(plan);
    case CommitStep::Directory:
      for (const auto& [page, bytes] : plan.directory_pages) TRY(write_page(page, bytes));
      return {};
    case CommitStep::Metadata:
      return write_page(plan.metadata_page.first, plan.metadata_page.second);
    case CommitStep::Ahead:
      return plan.page0_ahead ? write_page0(*plan.page0_ahead) : Status();
    case CommitStep::Flush1:
    case CommitStep::Flush2:
      return file_.sync();
    case CommitStep::Switch:
      // Byte 12 lies in the first sector: the group is committed when that sector is.
      return write_and_sync_page0(plan.page0);
    case CommitStep::Page0:
      return write_page0(plan.page0);
  }
  return {};
}

Status Committer::require_own_page0() {
  if (last_page0_.empty()) return {};
  std::vector<std::byte> page0(last_page0_.size());
  TRY(file_.read_at(0, page0));
  if (page0 == last_page0_) return {};
  return tl::unexpected(
      file_.latch(Error(ErrorCode::ForeignWriter, "another program has written page 0 of " +
                                                      file_.name() + " while it was open here")));
}

Status Committer::grow(const Plan& plan) {
  TRY_ASSIGN(const std::uint64_t size, geometry_.file_size(plan.next.total()));
  TRY_ASSIGN(const std::uint64_t now, file_.size());
  return now < size ? file_.reserve(size) : Status();
}

Status Committer::write_content(const Plan& plan) {
  for (const auto& [page, bytes] : plan.content) {
    if (!bytes.empty()) TRY(write_page(page, bytes));
  }
  return {};
}

Status Committer::write_new_pages(const Plan& plan) {
  for (auto at = plan.content.begin(); at != plan.content.end();) {
    const PageNumber first = at->first;
    std::size_t run = 0;
    while (at != plan.content.end() && at->second.empty() && at->first.value == first.value + run) {
      ++run;
      ++at;
    }
    if (run > 0) {
      TRY(write_zeros(first, run));
    } else {
      ++at;
    }
  }
  return {};
}

Status Committer::write_zeros(PageNumber first, std::size_t pages) {
  TRY_ASSIGN(std::uint64_t offset, geometry_.offset_of(first));
  std::uint64_t left = pages * geometry_.page_size();
  const std::vector<std::byte> zeros(
      std::min<std::uint64_t>(left, std::max(kZeroChunk, geometry_.page_size())));
  while (left > 0) {
    const auto part = std::span(zeros).first(std::min<std::uint64_t>(left, zeros.size()));
    TRY(file_.write_at(offset, part));
    offset += part.size();
    left -= part.size();
  }
  return {};
}

Status Committer::write_page(PageNumber page, std::span<const std::byte> bytes) {
  TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(page));
  return file_.write_at(offset, bytes);
}

Status Committer::write_page0(std::span<const std::byte> page0) {
  auto done = file_.write_at(0, page0_buffer_.hold(page0));
  // Page 0 half written is nothing that a later group may build on, whatever the reason.
  if (!done) return tl::unexpected(file_.latch(std::move(done).error()));
  last_page0_.assign(page0.begin(), page0.end());
  return {};
}

Status Committer::write_and_sync_page0(std::span<const std::byte> page0) {
  TRY(file_.write_and_sync(0, page0_buffer_.hold(page0)));
  last_page0_.assign(page0.begin(), page0.end());
  return {};
}

Status Committer::settle(const Recovered& recovered) {
  for (const SettleStep step : settle_order()) TRY(perform(step, recovered));
  return {};
}

Status Committer::perform(SettleStep step, const Recovered& recovered) {
  switch (step) {
    case SettleStep::Rewrite: {
      // In one call: a kill between the two would leave a page 0 in the cache that the disk does
      // not have. The crate might build on it, and then the power goes.
      TRY_ASSIGN(const std::vector<std::byte> page0, recovered_page0(recovered));
      return write_and_sync_page0(page0);
    }
    case SettleStep::Scrub:
      return scrub(recovered);
    case SettleStep::Page0: {
      TRY_ASSIGN(const std::vector<std::byte> page0, recovered_page0(recovered));
      return write_page0(page0);
    }
    case SettleStep::Flush0:
      return file_.sync();
  }
  return {};
}

Result<std::vector<std::byte>> Committer::recovered_page0(const Recovered& recovered) const {
  if (recovered.report.damaged) {
    // As it was found: a crash before the opening group is done must leave what shows the damage,
    // or an older copy would be taken for the one in force. But for a bit that had flipped: beside
    // the metadata page of the opening group it might be taken for what that group changed.
    std::vector<std::byte> found(geometry_.page_size());
    TRY(file_.read_at(0, found));
    if (const auto bit = recovered.mended_bit) {
      found[*bit / 8] ^= static_cast<std::byte>(1U << *bit % 8);
    }
    return found;
  }
  // After a kill or a failed flush the cache can show a page 0 that the disk does not have; nothing
  // may be built on it before it is there. Without the mark if it had none: until the opening group
  // is done, the crate's rules hold for what the crate wrote.
  const bool mark = recovered.mark || !commit_rule().mark;
  const State& state = recovered.state;
  return format::encode_superblock(geometry_, state.header(mark), state.references);
}

Status Committer::replace_pending_metadata(const Plan& plan) {
  TRY(perform(CommitStep::Metadata, plan));
  return perform(CommitStep::Flush1, plan);
}

Status Committer::scrub(const Recovered& recovered) {
  std::vector<std::byte> page(geometry_.page_size());
  for (const std::size_t block : recovered.to_scrub) {
    const format::BlockReference& reference = recovered.state.references[block];
    TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(reference.copy(reference.active)));
    TRY(file_.read_at(offset, page));
    TRY(write_page(reference.copy(1U - reference.active), page));
  }
  return {};
}

}  // namespace mappedpages::mppg0
