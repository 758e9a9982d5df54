// A thread for work that must not be done where it comes up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "base/thread_annotations.hpp"

namespace mappedpages::fs {

/// Does one thing after another, in the order in which they were handed over. Any thread.
class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}

  /// Finishes everything that was handed over.
  ~Worker() {
    {
      const MutexLock lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void later(std::function<void()> job) EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
  }

  /// Waits until nothing is left to do, at most for `longest`.
  void drain(std::chrono::milliseconds longest) EXCLUDES(mutex_) {
    const auto deadline = std::chrono::steady_clock::now() + longest;
    const MutexLock lock(mutex_);
    while (busy_ || !jobs_.empty()) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return;
    }
  }

 private:
  void work() EXCLUDES(mutex_) {
    for (;;) {
      std::function<void()> job;
      {
        const MutexLock lock(mutex_);
        busy_ = false;
        changed_.notify_all();  // Who waits for the end of it.
        while (jobs_.empty() && !ending_) changed_.wait(mutex_);
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
        busy_ = true;
      }
      job();
    }
  }

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
  bool busy_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace mappedpages::fs
