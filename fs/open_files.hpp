// The open files, by handle.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/thread_annotations.hpp"
#include "fs/open_file.hpp"

namespace mappedpages::fs {

/// Handles are never used twice. Any thread.
class OpenFiles {
 public:
  std::uint64_t add(std::shared_ptr<OpenFile> file) EXCLUDES(mutex_);

  /// EBADF for a handle that is not open.
  [[nodiscard]] Answer<std::shared_ptr<OpenFile>> find(std::uint64_t handle) const EXCLUDES(mutex_);

  /// The last descriptor was closed. No-op for a handle that is not open.
  void release(std::uint64_t handle) EXCLUDES(mutex_);

  /// Drops the stage of whoever has one of this page. False if nobody has.
  bool discard_stage(ProtectedNumber page) const EXCLUDES(mutex_);

  /// The file that a truncation of this page by this thread means; see
  /// `OpenFile::awaits_truncation`. None: it is truncate(2).
  [[nodiscard]] std::shared_ptr<OpenFile> just_opened(Inode inode, pid_t opener) const
      EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<OpenFile>> files_ GUARDED_BY(mutex_);
  std::uint64_t next_handle_ GUARDED_BY(mutex_) = 1;
};

}  // namespace mappedpages::fs
