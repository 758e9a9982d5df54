// The daemon's life: open the file, mount it, serve, close it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "fs/fuse_session.hpp"
#include "fs/handshake.hpp"
#include "fs/options.hpp"

namespace mappedpages::fs {

/// Checks all that can be checked before anything is touched.
Outcome<MountPlace> prepare(const Options& options);

/// What a service manager is told when the mount is usable.
std::string ready_message(const MountPlace& place, pid_t daemon);

/// Runs until the end of the mount; returns the exit code. Whoever waits at `handshake` is told
/// when the mount is usable, or why it is not.
int run_daemon(const Options& options, const MountPlace& place, Handshake handshake);

/// Prints a failure the way every failure is printed: one line, with the program's name.
void print_failure(const Failure& failure);

}  // namespace mappedpages::fs
