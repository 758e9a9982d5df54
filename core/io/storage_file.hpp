// The narrow waist: everything that the engine does to a file passes through here, so that tests
// can put a recorder or a fault injector in the place of the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/mapping.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages::io {

/// A file of bytes. All offsets and sizes are bytes. Every call may come from any thread at any
/// time; calls that overlap in bytes are ordered by the caller.
///
/// Durability: nothing is durable but what `sync` or `write_and_sync` returned success for. A call
/// that fails may have done any part of its work.
class StorageFile {
 public:
  StorageFile() = default;
  StorageFile(const StorageFile&) = delete;
  StorageFile& operator=(const StorageFile&) = delete;
  virtual ~StorageFile() = default;

  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;

  /// Fills `out` from `offset`. Fewer bytes than that before the end of the file: an Io error with
  /// errno 0.
  virtual Status read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;

  /// Writes all of `bytes`. Visible to readers when it returns, durable after the next `sync`.
  virtual Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;

  /// Writes all of `bytes` and makes *these bytes* durable, and no others, in one call: a kill of
  /// the process leaves both undone or both done. The bytes that `sync` made durable before stay
  /// so.
  virtual Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) = 0;

  /// Grows the file to at least `size` and reserves its space, so that a later write of a byte
  /// below it does not fail for want of space. New bytes read as zeros. Never shrinks.
  virtual Status reserve(std::uint64_t size) = 0;

  /// Makes every write and growth that returned before this call durable.
  virtual Status sync() = 0;

  /// Shows `size` bytes from `offset`, both multiples of the system's page size, in memory: stores
  /// into it are writes, if `writable`, and reads see all writes. The mapping may outlive the file
  /// object. Only files of the operating system can do it: InvalidArgument elsewhere.
  [[nodiscard]] virtual Result<Mapping> map(std::uint64_t offset, std::size_t size,
                                            bool writable) const {
    (void)offset, (void)size, (void)writable;
    return tl::unexpected(Error(ErrorCode::InvalidArgument, name() + " cannot be mapped"));
  }

  /// Makes this new, empty file an exact copy of `source` by sharing its blocks. False where the
  /// filesystem cannot do that; nothing has happened then.
  virtual Result<bool> clone_from(const StorageFile& source) {
    (void)source;
    return false;
  }

  /// What to call this file in messages.
  [[nodiscard]] virtual const std::string& name() const = 0;
};

}  // namespace mappedpages::io
