#include "mppg0/store.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "base/try.hpp"
#include "io/posix_error.hpp"
#include "mppg0/commit_rule.hpp"
#include "mppg0/directory_generation.hpp"
#include "mppg0/problems.hpp"

namespace mappedpages::mppg0 {
namespace {

ProtectedInfo info_of(const format::DirectoryEntry& entry) {
  return {.page_a = entry.page_a,
          .page_b = entry.page_b,
          .active_slot = entry.active_slot,
          .generation = entry.generation,
          .crc32 = entry.content_crc};
}

tl::unexpected<Error> not_allocated(ProtectedNumber page) {
  return tl::unexpected(
      Error(ErrorCode::NotAllocated,
            "protected page " + std::to_string(page.value) + " is not allocated"));
}

Status require_openable(const Recovered& recovered, const StoreOptions& options) {
  if (recovered.report.damaged && !options.recover) {
    const auto& problems = recovered.report.problems;
    const auto damage = std::ranges::find(problems, Severity::Error, &Problem::severity);
    const Problem& worst = damage == problems.end() ? problems.front() : *damage;
    return tl::unexpected(
        Error(ErrorCode::NeedsRecovery, "damaged: " + worst.where + ": " + worst.detail));
  }
  if (recovered.newest > kMaxWritableGeneration) {
    return tl::unexpected(Error(ErrorCode::CorruptMetadata,
                                "generation " + std::to_string(recovered.newest.value) +
                                    " leaves no room to count; it can be opened read-only"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<PageStore>> Store::open(io::GuardedFile& file, PageKeeper& keeper,
                                               const StoreOptions& options) {
  TRY_ASSIGN(Recovered recovered, recover(file));
  if (file.read_only()) return std::make_unique<Store>(file, keeper, std::move(recovered));
  TRY(require_openable(recovered, options));
  auto store = std::make_unique<Store>(file, keeper, recovered);
  TRY(store->settle_and_open(recovered));
  return store;
}

Store::Store(io::GuardedFile& file, PageKeeper& keeper, Recovered recovered)
    : file_(file),
      keeper_(keeper),
      geometry_(recovered.state.geometry),
      was_marked_(recovered.mark),
      report_(std::move(recovered.report)),
      committer_(file, geometry_),
      last_generation_(recovered.newest),
      copier_(file.unguarded(), geometry_),
      state_(std::make_shared<const State>(std::move(recovered.state))) {
  file_.observe(copier_);
  fill_pools(*current());
}

/// The opening: page 0 as recovered, then a group of its own with a generation above everything
/// that a later completed write could bring to light.
Status Store::settle_and_open(const Recovered& recovered) {
  TRY_ASSIGN(const std::uint64_t size, geometry_.file_size(recovered.state.total()));
  auto reserved = file_.reserve(size);
  if (!reserved) {
    // The file is served as it is; a write into a hole may find the disk full, and says so then.
    if (!io::is_out_of_space(reserved.error())) return reserved;
    report_.problems.push_back(
        problem_of(ProblemCode::NotReserved, "file",
                   "its holes could not be filled: " + reserved.error().message()));
  }
  TRY(committer_.settle(recovered));
  if (!commit_rule().opening_group) return {};
  last_generation_ = Generation{recovered.newest.value + (commit_rule().bump_two ? 2 : 1)};
  Planner planner(*current(), last_generation_, pools_);
  for (const std::size_t block : recovered.to_rewrite) planner.rewrite(block);
  const Plan plan = planner.finish();
  Status done;
  if (recovered.report.damaged) done = committer_.replace_pending_metadata(plan);
  if (done) done = committer_.commit(plan);
  if (!done) {
    planner.abandon();
    return done;
  }
  publish(plan);
  return {};
}

void Store::fill_pools(const State& state) {
  pools_.pages.insert_all_but(state.allocated);
  const std::size_t slots = geometry_.slots_per_block();
  pools_.protected_pages.resize(geometry_.protected_number(state.contents.size(), 0).value);
  for (std::size_t block = 0; block < state.contents.size(); ++block) {
    for (std::size_t slot = 0; slot < slots; ++slot) {
      if (!state.contents[block]->slots[slot].in_use) {
        pools_.protected_pages.insert(geometry_.protected_number(block, slot).value);
      }
    }
  }
}

StoreFacts Store::facts() const {
  const auto state = current();
  return {.format =
              "MPPG " + std::to_string(state->version[0]) + "." + std::to_string(state->version[1]),
          .active_metadata = state->active_metadata,
          .directory_blocks = state->references.size(),
          .last_writer = was_marked_ ? "mappedpagesfs" : "mappedpages (Rust)"};
}

StoreTraffic Store::traffic() const {
  return {.groups = groups_.load(std::memory_order_relaxed),
          .changes = changes_.load(std::memory_order_relaxed)};
}

std::optional<PageNumber> Store::next_free() {
  take_returned();
  const auto lowest = pools_.pages.lowest();
  return lowest ? std::optional(PageNumber{*lowest}) : std::nullopt;
}

std::shared_ptr<const State> Store::current() const {
  const MutexLock lock(state_mutex_);
  return state_;
}

// --- Protected pages

std::optional<format::DirectoryEntry> Store::find(const State& state, ProtectedNumber page) const {
  if (const format::DirectoryEntry* entry = state.find(page)) return *entry;
  const MutexLock lock(kept_mutex_);
  const auto kept = kept_.find(page);
  return kept == kept_.end() ? std::nullopt : std::optional(kept->second);
}

Result<ProtectedInfo> Store::info(ProtectedNumber page) const {
  const auto state = current();
  const format::DirectoryEntry* entry = state->find(page);
  if (entry == nullptr) return not_allocated(page);
  return info_of(*entry);
}

Result<ProtectedInfo> Store::read(ProtectedNumber page, std::span<std::byte> out) const {
  if (out.size() != geometry_.page_size()) {
    return tl::unexpected(Error(ErrorCode::InvalidArgument, "a protected page is read whole"));
  }
  // No lock: a commit overwrites only a copy that the state before it did not have in force. If the
  // page's entry is still the same after reading, nobody wrote the copy meanwhile.
  for (;;) {
    const auto entry = find(*current(), page);
    if (!entry) return not_allocated(page);
    TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(entry->active_page()));
    TRY(file_.read_at(offset, out));
    if (find(*current(), page) != entry) continue;
    if (crc32(out) == entry->content_crc) return info_of(*entry);
    // The crate stores the CRC of what a new page's bytes were by chance; ours are zeros.
    const std::vector<std::byte> zeros(geometry_.page_size());
    if (entry->generation == 0 && entry->content_crc != crc32(zeros)) return info_of(*entry);
    return tl::unexpected(Error(ErrorCode::ChecksumMismatch,
                                "protected page " + std::to_string(page.value) +
                                    ": the bytes on disk are not those that were committed (page " +
                                    std::to_string(entry->active_page().value) + ")"));
  }
}

Status Store::begin_copy(io::StorageFile& target) {
  return copier_.begin(current(), target);
}

// --- Groups

Status Store::apply(std::span<GroupMember> group) {
  if (const auto cause = file_.latched()) {
    return tl::unexpected(Error(
        ErrorCode::Unavailable,
        "read-only since an earlier failure (" + cause->message() + "); open the file again"));
  }
  take_returned();
  PageCount wanted;
  Status done = apply_group(group, Growth::Double, wanted);
  const bool too_large = !done && io::is_out_of_space(done.error()) && wanted > current()->total();
  if (!too_large || file_.latched()) return done;
  return apply_group(group, Growth::Least, wanted);
}

/// `wanted`: the pages that the file would have.
Status Store::apply_group(std::span<GroupMember> group, Growth growth, PageCount& wanted) {
  const Generation previous = last_generation_;
  last_generation_ = Generation{previous.value + 1};
  const auto base = current();
  Planner planner(*base, last_generation_, pools_, growth);
  for (const std::size_t block : aborted_blocks_) planner.rewrite(block);
  std::uint64_t taken_in = 0;
  for (GroupMember& member : group) {
    member.result = planner.add(*member.change);
    if (member.result && !member.change->empty()) ++taken_in;
  }
  if (taken_in == 0) {
    last_generation_ = previous;
    return {};
  }
  const Plan plan = planner.finish();
  wanted = plan.next.total();
  if (auto done = committer_.commit(plan); !done) {
    // What this group wrote may come to light in a crash. The next group has the same generation,
    // so that none is hidden further ahead than the opening expects, and writes the same blocks
    // again, so that none of them has the generation of a group that it is not of.
    planner.abandon();
    last_generation_ = previous;
    for (const std::size_t block : plan.written_blocks) {
      if (block < base->references.size()) aborted_blocks_.insert(block);
    }
    return done;
  }
  aborted_blocks_.clear();
  publish(plan);
  groups_.fetch_add(1, std::memory_order_relaxed);
  changes_.fetch_add(taken_in, std::memory_order_relaxed);
  return {};
}

void Store::publish(const Plan& plan) {
  const MutexLock publishing(publish_mutex_);
  {
    // Kept entries must be found by whoever does not find them in the new state.
    const MutexLock lock(kept_mutex_);
    for (const FreedProtected& freed : plan.freed_protected) kept_[freed.page] = freed.entry;
  }
  auto next = std::make_shared<const State>(plan.next);
  {
    const MutexLock lock(state_mutex_);
    state_.swap(next);
  }
  pool_freed(plan);
}

/// What was freed can be handed out by the next group, except what somebody still looks at. Asked
/// after the new state is out: who comes later does not find the page.
void Store::pool_freed(const Plan& plan) {
  for (const PageNumber page : plan.freed) {
    if (!keeper_.keep(page)) pool(plan.next, page);
  }
  for (const FreedProtected& freed : plan.freed_protected) {
    if (keeper_.keep(freed.page)) continue;
    {
      const MutexLock lock(kept_mutex_);
      kept_.erase(freed.page);
    }
    pools_.protected_pages.insert(freed.page.value);
    pool(plan.next, freed.entry.page_a);
    pool(plan.next, freed.entry.page_b);
  }
}

void Store::pool(const State& state, PageNumber page) {
  if (!state.allocated.test(page.value)) pools_.pages.insert(page.value);
}

// --- Promises

Error Store::full() const {
  return {ErrorCode::Full, "the file is full: it can have " +
                               std::to_string(geometry_.capacity().value) +
                               " pages with this page size"};
}

Error Store::directory_full() const {
  return {ErrorCode::DirectoryFull, "page 0 can refer to " +
                                        std::to_string(geometry_.max_blocks()) +
                                        " directory blocks and no more"};
}

Result<Allocation> Store::promise(PageCount pages, PageCount protected_pages) {
  TRY(file_.writable());
  // Compared first: what cannot be must not cost.
  if (pages > geometry_.capacity()) return tl::unexpected(full());
  if (protected_pages.value > geometry_.max_blocks() * geometry_.slots_per_block()) {
    return tl::unexpected(directory_full());
  }
  take_returned();
  const auto state = current();
  Allocation promised;
  Status done = promise_pages(pages, *state, promised.pages);
  if (done) done = promise_protected(protected_pages, *state, promised.protected_pages);
  if (done) return promised;
  take_back(std::move(promised));
  return tl::unexpected(done.error());
}

/// The lowest free pages, then such as the file has to grow for.
Status Store::promise_pages(PageCount count, const State& state, std::vector<PageNumber>& given) {
  std::uint64_t beyond = state.total().value;
  while (given.size() < count.value) {
    auto number = pools_.pages.lowest();
    if (!number) {
      while (pools_.promised_pages.contains(beyond)) ++beyond;
      number = beyond;
    }
    if (*number >= geometry_.capacity().value) {
      return tl::unexpected(full());
    }
    pools_.pages.erase(*number);
    pools_.promised_pages.insert(*number);
    given.emplace_back(*number);
  }
  return {};
}

/// The lowest free slots, then such as are in blocks to come.
Status Store::promise_protected(PageCount count, const State& state,
                                std::vector<ProtectedNumber>& given) {
  std::uint64_t beyond = geometry_.protected_number(state.references.size(), 0).value;
  while (given.size() < count.value) {
    auto number = pools_.protected_pages.lowest();
    if (!number) {
      while (pools_.promised_protected.contains(beyond)) ++beyond;
      number = beyond;
    }
    if (geometry_.block_of(ProtectedNumber{*number}) >= geometry_.max_blocks()) {
      return tl::unexpected(directory_full());
    }
    pools_.protected_pages.erase(*number);
    pools_.promised_protected.insert(*number);
    given.emplace_back(*number);
  }
  return {};
}

void Store::take_back(Allocation promised) {
  if (promised.empty()) return;
  const MutexLock lock(kept_mutex_);
  taken_back_.push_back(std::move(promised));
}

void Store::take_back_promises() {
  std::vector<Allocation> all;
  {
    const MutexLock lock(kept_mutex_);
    all.swap(taken_back_);
  }
  // Numbers beyond the end were in no pool, and come into one when the file grows.
  const auto state = current();
  for (const Allocation& promised : all) {
    for (const PageNumber page : promised.pages) {
      pools_.promised_pages.erase(page.value);
      if (page.value < state->total().value) pools_.pages.insert(page.value);
    }
    for (const ProtectedNumber page : promised.protected_pages) {
      pools_.promised_protected.erase(page.value);
      if (geometry_.block_of(page) < state->references.size()) {
        pools_.protected_pages.insert(page.value);
      }
    }
  }
}

void Store::take_returned() {
  take_back_promises();
  const auto state = current();
  for (const PageNumber page : keeper_.take_returned_pages()) pool(*state, page);
  for (const ProtectedNumber page : keeper_.take_returned_protected()) {
    const MutexLock lock(kept_mutex_);
    const auto kept = kept_.find(page);
    if (kept == kept_.end()) continue;
    pools_.protected_pages.insert(page.value);
    pool(*state, kept->second.page_a);
    pool(*state, kept->second.page_b);
    kept_.erase(kept);
  }
}

}  // namespace mappedpages::mppg0
