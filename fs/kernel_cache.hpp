// What the kernel keeps of regular pages: bytes, and attributes. Changes that do not come through
// the inode that it keeps them for have to be told to it.
#pragma once

#include <cstdint>
#include <span>

#include "fs/inode.hpp"

struct fuse_session;

namespace mappedpages::fs {

/// Each call but `drop_attributes` may wait until other requests are answered: the kernel may hold
/// the lock of a cached page until then. So no thread that answers requests makes it. Inodes have
/// their version; for one that the kernel does not know nothing happens.
class KernelCache {
 public:
  /// The session outlives it.
  explicit KernelCache(fuse_session* session) : session_(session) {}

  /// The kernel writes back what was stored into mappings, and forgets the inode's bytes and
  /// attributes.
  void drop(Inode inode) const;

  /// The kernel forgets the inode's attributes alone.
  void drop_attributes(Inode inode) const;

  /// A page was freed: its name is looked up anew, and so are the attributes of who has it open.
  /// Waits until nobody makes, removes or looks up a name in its directory, and, on some kernels,
  /// for the answer to a lookup of its own.
  void forget(Inode page) const;

  /// These are the bytes at `offset` now, in mappings too. False where it takes no more.
  bool store(Inode inode, std::uint64_t offset, std::span<const std::byte> bytes) const;

 private:
  fuse_session* session_;
};

}  // namespace mappedpages::fs
