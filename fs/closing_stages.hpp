// Stages whose descriptor is being closed.
#pragma once

#include <chrono>
#include <unordered_map>

#include "base/thread_annotations.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::fs {

/// close(2) returns before the kernel's release reaches us: the release is on its way behind the
/// flush, and another thread may serve the closer's next call first. So where a flush left a stage
/// that only the release ends, others wait for it a little. The stage may also stay: then somebody
/// has a duplicate of the descriptor, and the wait was for nothing. Any thread.
class ClosingStages {
 public:
  /// `longest`: how long others wait. Zero where requests are served one after another.
  explicit ClosingStages(std::chrono::milliseconds longest) : longest_(longest) {}

  /// The last that was heard of a stage of this page is a flush.
  void add(ProtectedNumber page) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++closing_[page];
  }

  /// It ended, or is being used again.
  void remove(ProtectedNumber page) EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (--closing_[page] == 0) closing_.erase(page);
    }
    changed_.notify_all();
  }

  /// Returns when there is none, or the time is up.
  void wait(ProtectedNumber page) EXCLUDES(mutex_) {
    const auto deadline = std::chrono::steady_clock::now() + longest_;
    const MutexLock lock(mutex_);
    while (closing_.contains(page)) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return;
    }
  }

 private:
  const std::chrono::milliseconds longest_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::unordered_map<ProtectedNumber, unsigned> closing_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::fs
