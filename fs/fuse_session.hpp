// The mount itself: libfuse's session, from mounting to unmounting.
#pragma once

#include <filesystem>
#include <functional>

#include "fs/namespace.hpp"
#include "fs/options.hpp"

namespace mappedpages::fs {

struct MountPlace {
  std::filesystem::path db;          ///< Absolute; what df(1) shows.
  std::filesystem::path mountpoint;  ///< Absolute.
};

/// Mounts `tree` and serves it until it is unmounted or the process gets SIGTERM, SIGINT or SIGHUP:
/// requests that run are finished then. `mounted` is called when the kernel talks to us. A failure
/// before that is ExitCode::Fuse, one after it ExitCode::Runtime.
Outcome<void> serve(Namespace& tree, const Options& options, const MountPlace& place,
                    const std::function<void()>& mounted);

}  // namespace mappedpages::fs
