// Group commit: what waits while a commit runs is committed together, next.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "base/page_store.hpp"
#include "base/thread_annotations.hpp"
#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages {

/// Turns calls from many threads into groups for one store. There is no thread of its own: the
/// first caller who finds no commit running runs one for everybody who waits (leader and
/// followers). Any thread.
class CommitQueue {
 public:
  explicit CommitQueue(PageStore& store) : store_(store) {}

  /// Waits until the change is durable, or is known to have failed.
  Result<Allocation> submit(const Change& change) EXCLUDES(mutex_);

  /// The same for several changes, which commit in one group and fail each on its own.
  void submit(std::span<GroupMember> members) EXCLUDES(mutex_);

  /// Runs `work` while no commit runs; commits wait meanwhile.
  template <class Work>
  auto between_commits(const Work& work) EXCLUDES(mutex_) {
    const Turn turn(*this);
    return work();
  }

 private:
  struct Waiter {
    GroupMember& member;
    bool done = false;
  };

  /// The right to use the store, for the length of a scope.
  class Turn {
   public:
    explicit Turn(CommitQueue& queue) : queue_(queue) { queue_.take_turn(); }
    ~Turn() { queue_.give_turn(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    CommitQueue& queue_;
  };

  void take_turn() EXCLUDES(mutex_);
  void give_turn() EXCLUDES(mutex_);
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
