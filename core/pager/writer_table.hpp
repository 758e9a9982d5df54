// One writer a protected page.
#pragma once

#include <unordered_set>
#include <vector>

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
  void leave(ProtectedNumber page) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    pages_.erase(page);
  }

 private:
  Mutex mutex_;
  std::unordered_set<ProtectedNumber> pages_ GUARDED_BY(mutex_);
};

/// The right to write some protected pages, for the length of a scope.
class WriterSlots {
 public:
  explicit WriterSlots(WriterTable& table) : table_(table) {}
  ~WriterSlots() {
    for (const ProtectedNumber page : pages_) table_.leave(page);
  }
  WriterSlots(const WriterSlots&) = delete;
  WriterSlots& operator=(const WriterSlots&) = delete;

  bool enter(ProtectedNumber page) {
    if (!table_.enter(page)) return false;
    pages_.push_back(page);
    return true;
  }

 private:
  WriterTable& table_;
  std::vector<ProtectedNumber> pages_;
};

}  // namespace mappedpages
