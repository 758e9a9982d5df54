// Whether the place to mount on can be mounted on; asked before anything is touched.
#pragma once

#include <filesystem>
#include <string>

#include "fs/options.hpp"

namespace mappedpages::fs {

/// The directory's real path. A failure says what is in the way and how to get it out of the way.
Outcome<std::filesystem::path> check_mountpoint(const std::string& mountpoint);

/// A DB in the directory that it is mounted on would be hidden by its own mount.
Outcome<void> check_db_is_outside(const std::filesystem::path& db,
                                  const std::filesystem::path& mountpoint);

/// Whether the kernel's end of FUSE can be opened at all.
Outcome<void> check_fuse_device();

}  // namespace mappedpages::fs
