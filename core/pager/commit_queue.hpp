// Group commit: what waits while a commit runs is committed together, next.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "base/page_store.hpp"
#include "base/thread_annotations.hpp"
#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages {

/// Turns calls from many threads into groups for one store. There is no thread of its own: the
/// first caller who finds no commit running runs one for everybody who waits (leader and
/// followers).
class CommitQueue {
 public:
  explicit CommitQueue(PageStore& store) : store_(store) {}

  /// Waits until the change is durable, or is known to have failed.
  Result<Allocation> submit(const Change& change) EXCLUDES(mutex_);

 private:
  struct Waiter {
    GroupMember member;
    bool done = false;
  };

  void let_others_join() REQUIRES(mutex_);
  void run(const std::vector<Waiter*>& group);
  Status apply(const std::vector<Waiter*>& group);

  PageStore& store_;

  // Not held while a group is applied.
  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<Waiter*> waiting_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
  std::size_t committers_ GUARDED_BY(mutex_) = 1;  ///< Who was in the last group or waited for it.
  std::chrono::steady_clock::duration last_duration_ GUARDED_BY(mutex_){0};
};

}  // namespace mappedpages
