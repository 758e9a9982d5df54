#include "mppg0/commit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/try.hpp"
#include "mppg0/commit_rule.hpp"

namespace mappedpages::mppg0 {
namespace {

/// New pages that lie side by side are zeroed in writes of at most this many bytes.
constexpr std::size_t kZeroChunk = std::size_t{1} << 20U;

}  // namespace

Status Committer::commit(const Plan& plan) {
  TRY(require_own_page0());
  TRY_ASSIGN(const std::uint64_t size, geometry_.file_size(plan.next.total()));
  TRY_ASSIGN(const std::uint64_t now, file_.size());
  if (now < size) TRY(file_.reserve(size));
  TRY(write_content(plan));
  for (const auto& [page, bytes] : plan.internal_pages) TRY(write_page(page, bytes));
  TRY(write_ahead(plan));
  // Flush 1: all that page 0 is going to name.
  if (commit_rule().flush1) TRY(file_.sync());
  return switch_page0(plan);
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

Status Committer::write_content(const Plan& plan) {
  for (auto at = plan.content.begin(); at != plan.content.end();) {
    if (!at->second.empty()) {
      TRY(write_page(at->first, at->second));
      ++at;
      continue;
    }
    std::size_t run = 0;
    const PageNumber first = at->first;
    while (at != plan.content.end() && at->second.empty() && at->first.value == first.value + run) {
      ++run;
      ++at;
    }
    if (commit_rule().zero_new_pages) TRY(write_zeros(first, run));
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

Status Committer::write_ahead(const Plan& plan) {
  if (!plan.page0_ahead) return {};
  auto done = file_.write_at(0, *plan.page0_ahead);
  // Page 0 half written is nothing that a later group may build on, whatever the reason.
  if (!done) return tl::unexpected(file_.latch(std::move(done).error()));
  last_page0_ = *plan.page0_ahead;
  return {};
}

Status Committer::switch_page0(const Plan& plan) {
  // Flush 2. Byte 12 lies in the first sector: the group is committed when that sector is.
  if (commit_rule().dsync) {
    TRY(file_.write_and_sync(0, plan.page0));
  } else {
    TRY(file_.write_at(0, plan.page0));
    TRY(file_.sync());
  }
  last_page0_ = plan.page0;
  return {};
}

Status Committer::settle(const Recovered& recovered) {
  // After a kill or a failed flush the cache can show a page 0 that the disk does not have; nothing
  // may be built on it before it is there. Without the mark if it had none: until the opening group
  // is done, the crate's rules hold for what the crate wrote.
  const bool mark = recovered.mark || !commit_rule().mark;
  const State& state = recovered.state;
  if (recovered.report.damaged) {
    // As it was found: a crash before the opening group is done must leave what shows the damage,
    // or an older copy would be taken for the one in force.
    last_page0_.resize(geometry_.page_size());
    TRY(file_.read_at(0, last_page0_));
  } else {
    last_page0_ = format::encode_superblock(geometry_, state.header(mark), state.references);
  }
  auto done = file_.write_at(0, last_page0_);
  if (!done) return tl::unexpected(file_.latch(std::move(done).error()));
  if (commit_rule().flush0) TRY(file_.sync());
  if (commit_rule().scrub) TRY(scrub(recovered));
  return {};
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
