// Changes whose callers do not wait.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/thread_annotations.hpp"
#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages {

/// A change, and who wants to know what became of it. `done` is called once, on another thread.
struct AsyncChange {
  Change change;
  std::function<void(Result<Allocation>)> done;
};

/// A thread that commits what is handed to it, all that came while the last commit ran together.
/// The thread starts with the first change. Any thread may submit.
class AsyncCommitter {
 public:
  /// `commit` commits changes of which no two change the same page, and calls `done` of each.
  using CommitAll = std::function<void(std::vector<AsyncChange>&)>;

  explicit AsyncCommitter(CommitAll commit) : commit_(std::move(commit)) {}

  /// Waits for everything that was submitted.
  ~AsyncCommitter();
  AsyncCommitter(const AsyncCommitter&) = delete;
  AsyncCommitter& operator=(const AsyncCommitter&) = delete;

  void submit(AsyncChange change) EXCLUDES(mutex_);

 private:
  void work() EXCLUDES(mutex_);
  std::vector<AsyncChange> take_some() REQUIRES(mutex_);

  const CommitAll commit_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<AsyncChange> waiting_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Started under the mutex, joined by the destructor.
};

}  // namespace mappedpages
