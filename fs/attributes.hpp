// Modes, owners and times: kept in memory, for those that were changed.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/thread_annotations.hpp"
#include "fs/inode.hpp"

namespace mappedpages::fs {

/// What every file has until somebody changes it.
struct AttributeDefaults {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t file_mode = 0600;       ///< Permission bits.
  mode_t directory_mode = 0700;  ///< Permission bits.
  timespec time{};               ///< Of all three times.
};

/// Changes asked of an inode; what is not there stays.
struct AttributeChange {
  std::optional<mode_t> mode{};  ///< Permission bits.
  std::optional<uid_t> uid{};
  std::optional<gid_t> gid{};
  std::optional<timespec> atime{};
  std::optional<timespec> mtime{};

  [[nodiscard]] bool empty() const { return !mode && !uid && !gid && !atime && !mtime; }
};

timespec now();

/// Any thread.
class AttributeTable {
 public:
  explicit AttributeTable(const AttributeDefaults& defaults) : defaults_(defaults) {}

  /// Owner, permission bits and times of an inode; the rest of `out` is left alone. `out.st_mode`
  /// has the file's type. `mask`: the permissions that it can have until somebody changes them.
  void fill(Inode inode, struct stat& out, mode_t mask = 0777) const EXCLUDES(mutex_);

  /// Applies a change; ctime becomes now.
  void change(Inode inode, const AttributeChange& change) EXCLUDES(mutex_);

  /// A new file: all three times are now, and of whatever had the number before nothing stays.
  void begin(Inode inode) EXCLUDES(mutex_);

  /// Content changed: mtime and ctime become now.
  void touch(Inode inode) EXCLUDES(mutex_);

  /// How often somebody set mtime by `change`. Does not go down while the inode is known.
  [[nodiscard]] std::uint64_t times_set(Inode inode) const EXCLUDES(mutex_);

  void forget(Inode inode) EXCLUDES(mutex_);

  /// What `from` has is `to`'s from now on; ctime becomes now.
  void move(Inode from, Inode to) EXCLUDES(mutex_);

 private:
  struct Known {
    std::optional<mode_t> mode{};
    std::optional<uid_t> uid{};
    std::optional<gid_t> gid{};
    std::optional<timespec> atime{};
    std::optional<timespec> mtime{};
    std::optional<timespec> ctime{};
    std::uint64_t times_set = 0;
  };

  const AttributeDefaults defaults_;
  mutable Mutex mutex_;
  std::unordered_map<std::uint64_t, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::fs
