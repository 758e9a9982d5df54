// A StorageFile on a POSIX filesystem.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/file_descriptor.hpp"
#include "io/storage_file.hpp"

namespace mappedpages::io {

struct PosixOpenOptions {
  bool read_only = false;
  bool no_sync = false;  ///< `sync` does nothing and `write_and_sync` only writes.
  std::chrono::milliseconds lock_wait{0};
};

/// Opens an existing regular file and locks it: exclusively, or shared when read-only. The lock is
/// a flock(2) and goes with the descriptor. Locked, with the holder's pid in the context where the
/// system tells it, if it cannot be had within `lock_wait`.
Result<std::unique_ptr<StorageFile>> open_posix_file(const std::filesystem::path& path,
                                                     const PosixOpenOptions& options);

/// Makes a file that `fill` writes. It gets its name only when it is durable, so that a crash
/// leaves the whole file or none. Mode 0600. AlreadyExists if there is anything at `path`.
Status create_posix_file(const std::filesystem::path& path,
                         const std::function<Status(StorageFile&)>& fill);

}  // namespace mappedpages::io
