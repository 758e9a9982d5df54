// Which page of a number is meant.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/thread_annotations.hpp"
#include "fs/inode.hpp"

namespace mappedpages::fs {

/// Counts for each page, by its inode, how often the number changed hands. Any thread.
class Generations {
 public:
  /// 0 until somebody counts. The inode's version does not matter.
  [[nodiscard]] std::uint64_t of(Inode page) const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto at = counts_.find(page.without_version().bits());
    return at == counts_.end() ? 0 : at->second;
  }

  void count(Inode page, std::int64_t by) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    counts_[page.without_version().bits()] += static_cast<std::uint64_t>(by);
  }

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint64_t> counts_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::fs
