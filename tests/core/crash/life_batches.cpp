// Changes made by batches: numbers that are known before the commit, and pages that move.
#include <algorithm>
#include <memory>

#include "life.hpp"

namespace mappedpages::test {

/// A random change, by a batch; some of the new pages get a content. Now and then the batch is
/// dropped.
void Life::batch_group(Engine& engine) {
  const Change wanted = random_change();
  Batch batch = engine.batch();
  const Change change = fill_batch(batch, wanted);
  if (over() || change.empty() || random_.chance(.1)) return;
  disk_->note("BATCH: " + std::to_string(change.reserved.pages.size()) + " new, " +
              std::to_string(change.free_pages.size()) + " freed, protected " +
              std::to_string(change.reserved.protected_pages.size()) + " new, " +
              std::to_string(change.free_protected.size()) + " freed, " +
              std::to_string(change.writes.size()) + " written");
  oracle_.start(change);
  if (!acknowledge(batch.commit())) return;
  ++tally_.batches;
  if (is_far(change)) ++tally_.far_groups;
  for (const PageNumber page : change.reserved.pages) planted_.erase(page.value);
}

/// What the batch will do, in the oracle's words. Empty if the file has no room for it.
Change Life::fill_batch(Batch& batch, const Change& wanted) {
  Change change;
  auto pages = batch.alloc_bulk(wanted.alloc_pages);
  auto numbers = batch.alloc_protected_bulk(wanted.alloc_protected);
  if (!pages || !numbers) return {};
  change.reserved = {*std::move(pages), *std::move(numbers)};
  for (const PageNumber page : change.reserved.pages) {
    if (!random_.chance(.5)) continue;
    contents_.push_back(random_.bytes(page_size_));
    change.contents.push_back({page, contents_.back()});
    std::ranges::copy(contents_.back(), batch.fill(page)->begin());
  }
  change.free_pages = wanted.free_pages;
  change.free_protected = wanted.free_protected;
  change.writes = wanted.writes;
  for (const ProtectedNumber number : change.reserved.protected_pages) {
    if (!random_.chance(.3)) continue;
    contents_.push_back(random_.bytes(page_size_));
    change.writes.push_back({number, contents_.back()});
  }
  bool done = true;
  for (const PageNumber page : change.free_pages) done = done && batch.free(page);
  for (const ProtectedNumber page : change.free_protected)
    done = done && batch.free_protected(page);
  for (const ProtectedWrite& write : change.writes) {
    // The crate's never-written pages can be replaced, but not read, so not moved.
    if (!crate_wrote_ && random_.chance(.2)) done = done && batch.relocate(write.page);
    done = done && batch.write(write.page, write.bytes);
  }
  if (!done && !over()) violate("a batch refuses what can be done");
  return change;
}

/// Moves plain pages too, with their contents. Each round is a commit of its own, which is seen
/// when the next one begins.
void Life::defragment(Engine& engine) {
  Change round;
  std::uint64_t groups = engine.stats().groups;
  const auto relocate = [&](PageNumber from, PageNumber to, Batch& batch) -> Status {
    if (engine.stats().groups != groups) {
      if (!round.empty() && !acknowledge({}))
        return tl::unexpected(Error(ErrorCode::Io, "the end"));
      groups = engine.stats().groups;
      round = {};
    }
    const auto content = batch.fill(to);
    contents_.emplace_back(content->begin(), content->end());
    round.free_pages.push_back(from);
    round.reserved.pages.push_back(to);
    round.contents.push_back({to, contents_.back()});
    oracle_.start(round);
    return {};
  };
  disk_->note("DEFRAGMENT");
  DefragmentOptions options;
  const bool also_plain_pages = random_.chance(.7);
  if (also_plain_pages) options.relocate = relocate;
  const auto done = engine.defragment(options);
  const bool was_durable = !round.empty() && engine.stats().groups != groups;
  if (over() && was_durable && !violation_) {
    // The last round that the oracle knows of; it was a later one that failed.
    if (const auto wrong = oracle_.finish({})) violate(*wrong);
  }
  if (over()) return;
  if (!done) return violate("cannot be defragmented: " + done.error().message());
  tally_.moved += done->moved_pages + done->moved_protected;
  if (!round.empty()) (void)acknowledge({});
  planted_.clear();
}

/// The engine answered the change that the oracle knows of.
bool Life::acknowledge(const Status& done) {
  if (over()) return false;  // Both states are possible now.
  if (!done) {
    oracle_.abandon();
    const ErrorCode code = done.error().code();
    if (code == ErrorCode::Full || code == ErrorCode::DirectoryFull) return false;
    violate("a batch was refused: " + done.error().message());
    return false;
  }
  if (const auto wrong = oracle_.finish({})) {
    violate(*wrong);
    return false;
  }
  ++tally_.groups;
  return true;
}

}  // namespace mappedpages::test
