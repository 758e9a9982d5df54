// The parts of an engine, and how they work together. For core/pager/ alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/page_store.hpp"
#include "io/guarded_file.hpp"
#include "mappedpages/engine.hpp"
#include "pager/async_committer.hpp"
#include "pager/claim_table.hpp"
#include "pager/commit_queue.hpp"
#include "pager/page_map.hpp"
#include "pager/pin_table.hpp"
#include "pager/writer_table.hpp"

namespace mappedpages {

/// The parts, in the order in which they use each other: a change is claimed, goes into the queue,
/// and the queue feeds the store, which writes the file and asks the pins.
class Engine::Impl {
 public:
  Impl(std::unique_ptr<io::StorageFile> storage, bool read_only)
      : file(std::move(storage), read_only), page_map(file, !read_only) {}

  /// Reads, pins and writers first say that they look at a page and then ask whether it is there.
  /// These are the answers if it is not, or cannot be used in this way.
  [[nodiscard]] Status require_usable(PageNumber page) const;
  [[nodiscard]] Status require_unpinned(const Change& change) const;

  /// Where bytes of a regular page lie in the file.
  [[nodiscard]] Result<std::uint64_t> place(PageNumber page, std::uint64_t offset,
                                            std::size_t size) const;

  /// Commits a change, whoever has pins on what it frees.
  Result<Allocation> submit(const Change& change);

  /// Commits a change that must not free pinned pages or write where a writer is open.
  Result<Allocation> submit_checked(const Change& change);
  [[nodiscard]] Status require_no_writer(const Change& change) const;
  [[nodiscard]] Status admit(const Change& change) const;

  /// Commits a change if the pages that it frees and writes, `touched`, are as they were.
  Result<Allocation> submit_unchanged(const Change& change, std::span<const Touch> touched);

  /// What the asynchronous calls become: one group, and each change's own answer.
  void commit_together(std::vector<AsyncChange>& changes);

  Result<std::span<std::byte>> view(PageNumber page, bool for_stores);
  Status copy_to(io::StorageFile& target, const Progress& progress);

  io::GuardedFile file;
  PinTable pins;
  std::unique_ptr<PageStore> store;
  std::unique_ptr<CommitQueue> queue;
  WriterTable writers;
  ClaimTable claims;
  PageMap page_map;

  // Writes to regular pages that have returned, and how many of them a flush has covered.
  std::atomic<std::uint64_t> writes_done{0};
  std::atomic<std::uint64_t> writes_flushed{0};
  std::atomic<bool> viewed_for_writing{false};  ///< Then nobody counts the writes.

  Mutex one_copy;  ///< Held for the length of a snapshot; before all others.

  // Last: it uses all of the above while it ends.
  AsyncCommitter async{[this](std::vector<AsyncChange>& changes) { commit_together(changes); }};
};

}  // namespace mappedpages
