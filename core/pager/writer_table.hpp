// One writer a protected page.
#pragma once

#include <cstddef>
#include <unordered_set>

#include "base/thread_annotations.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

/// The protected pages that somebody is writing. Any thread.
class WriterTable {
 public:
  /// False if the page has a writer.
  bool enter(ProtectedNumber page) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return pages_.insert(page).second;
  }
  [[nodiscard]] bool has(ProtectedNumber page) const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return pages_.contains(page);
  }
  [[nodiscard]] std::size_t count() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return pages_.size();
  }
  void leave(ProtectedNumber page) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    pages_.erase(page);
  }

 private:
  mutable Mutex mutex_;
  std::unordered_set<ProtectedNumber> pages_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages
