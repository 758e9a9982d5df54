// One writer, or several readers, of a file between processes.
#pragma once

#include <chrono>
#include <string>

#include "mappedpages/error.hpp"

namespace mappedpages::io {

enum class LockKind : std::uint8_t { Shared, Exclusive };

/// Takes a flock(2) on `fd`, trying again until `wait` has passed. It goes with the last duplicate
/// of the descriptor. Locked: the context names the holder's pid where /proc/locks tells it.
Status lock_file(int fd, const std::string& name, LockKind kind, std::chrono::milliseconds wait);

}  // namespace mappedpages::io
