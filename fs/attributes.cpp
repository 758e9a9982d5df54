#include "fs/attributes.hpp"

#include <ctime>
#include <utility>

namespace mappedpages::fs {
namespace {

constexpr mode_t kPermissionBits = 07777;

}  // namespace

timespec now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

void AttributeTable::fill(Inode inode, struct stat& out, mode_t mask) const {
  Known known;
  {
    const MutexLock lock(mutex_);
    if (const auto at = known_.find(inode.bits()); at != known_.end()) known = at->second;
  }
  const mode_t mode = S_ISDIR(out.st_mode) ? defaults_.directory_mode : defaults_.file_mode;
  out.st_mode = (out.st_mode & S_IFMT) | known.mode.value_or(mode & mask);
  out.st_uid = known.uid.value_or(defaults_.uid);
  out.st_gid = known.gid.value_or(defaults_.gid);
  out.st_atim = known.atime.value_or(defaults_.time);
  out.st_mtim = known.mtime.value_or(defaults_.time);
  out.st_ctim = known.ctime.value_or(defaults_.time);
}

void AttributeTable::change(Inode inode, const AttributeChange& change) {
  const MutexLock lock(mutex_);
  Known& known = known_[inode.bits()];
  if (change.mode) known.mode = *change.mode & kPermissionBits;
  if (change.uid) known.uid = change.uid;
  if (change.gid) known.gid = change.gid;
  if (change.atime) known.atime = change.atime;
  if (change.mtime) {
    known.mtime = change.mtime;
    ++known.times_set;
  }
  known.ctime = now();
}

void AttributeTable::begin(Inode inode) {
  const timespec time = now();
  const MutexLock lock(mutex_);
  known_[inode.bits()] = {.atime = time, .mtime = time, .ctime = time};
}

void AttributeTable::touch(Inode inode) {
  const MutexLock lock(mutex_);
  Known& known = known_[inode.bits()];
  known.mtime = known.ctime = now();
}

std::uint64_t AttributeTable::times_set(Inode inode) const {
  const MutexLock lock(mutex_);
  const auto at = known_.find(inode.bits());
  return at == known_.end() ? 0 : at->second.times_set;
}

void AttributeTable::move(Inode from, Inode to) {
  const MutexLock lock(mutex_);
  auto known = known_.extract(from.bits());
  known_.erase(to.bits());
  if (known.empty()) return;
  known.key() = to.bits();
  known.mapped().ctime = now();
  known_.insert(std::move(known));
}

void AttributeTable::forget(Inode inode) {
  const MutexLock lock(mutex_);
  known_.erase(inode.bits());
}

}  // namespace mappedpages::fs
