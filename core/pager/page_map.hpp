// The file in memory, for views of pages.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "base/mapping.hpp"
#include "base/thread_annotations.hpp"
#include "io/storage_file.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages {

/// Maps the file piece by piece: what it has grown by since is a region of its own, so no byte ever
/// moves and no view goes stale while this lives. Nothing is mapped before the first view. Any
/// thread; a view of what is mapped already takes no lock.
class PageMap {
 public:
  PageMap(io::StorageFile& file, bool writable) : file_(file), writable_(writable) {}

  /// `size` bytes at `offset`, a page of the file that is now `file_size` bytes long.
  Result<std::span<std::byte>> view(std::uint64_t offset, std::size_t size, std::uint64_t file_size)
      EXCLUDES(mutex_);

  /// The same for stores: the file's space is reserved first, so that out of space is an error
  /// here, and no signal later.
  Result<std::span<std::byte>> view_mut(std::uint64_t offset, std::size_t size,
                                        std::uint64_t file_size) EXCLUDES(mutex_);

 private:
  struct Region {
    std::uint64_t begin = 0;  ///< Of the bytes that this region is used for.
    std::uint64_t end = 0;
    std::uint64_t mapped_from = 0;  ///< At most `begin`: the system maps whole pages of its own.
    Mapping mapping;
    const Region* older = nullptr;
  };

  [[nodiscard]] std::span<std::byte> find(std::uint64_t offset, std::size_t size) const;
  Status map_up_to(std::uint64_t file_size) REQUIRES(mutex_);

  io::StorageFile& file_;
  const bool writable_;

  Mutex mutex_;
  // Written under the mutex, and never again once `newest_` leads to it.
  std::deque<Region> regions_;
  std::atomic<const Region*> newest_{nullptr};
  std::atomic<std::uint64_t> reserved_{0};  ///< Bytes from the start of the file.
};

}  // namespace mappedpages
