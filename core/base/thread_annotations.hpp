// What clang checks about locks (-Wthread-safety); nothing elsewhere.
// The vocabulary is that of https://clang.llvm.org/docs/ThreadSafetyAnalysis.html.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MAPPEDPAGES_TSA(x) __attribute__((x))  // NOLINT(cppcoreguidelines-macro-usage)
#else
#define MAPPEDPAGES_TSA(x)  // NOLINT(cppcoreguidelines-macro-usage)
#endif

// NOLINTBEGIN(cppcoreguidelines-macro-usage): attributes cannot be anything else.
#define GUARDED_BY(mutex) MAPPEDPAGES_TSA(guarded_by(mutex))
#define REQUIRES(...) MAPPEDPAGES_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) MAPPEDPAGES_TSA(locks_excluded(__VA_ARGS__))
// NOLINTEND(cppcoreguidelines-macro-usage)

namespace mappedpages {

/// std::mutex that the analysis knows.
class MAPPEDPAGES_TSA(capability("mutex")) Mutex {
 public:
  void lock() MAPPEDPAGES_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() MAPPEDPAGES_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() MAPPEDPAGES_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex while it lives.
class MAPPEDPAGES_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MAPPEDPAGES_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() MAPPEDPAGES_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits with a Mutex.
using ConditionVariable = std::condition_variable_any;

}  // namespace mappedpages
