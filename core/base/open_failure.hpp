// Why a pager file could not be opened, in the ways that a script can tell apart.
#pragma once

#include "mappedpages/error.hpp"

namespace mappedpages {

/// The values are the exit codes of every program here.
enum class OpenFailure : int {
  CannotOpen = 2,     ///< The system does not let us.
  NotAPagerFile = 3,  ///< Not a pager file, or of a version that is not supported.
  Damaged = 4,        ///< A pager file that contradicts itself.
  Locked = 5,         ///< Another process has it.
};

constexpr OpenFailure open_failure(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotAPagerFile:
    case ErrorCode::UnsupportedVersion:
      return OpenFailure::NotAPagerFile;
    case ErrorCode::InvalidPageSize:
    case ErrorCode::CorruptSuperblock:
    case ErrorCode::CorruptMetadata:
    case ErrorCode::CorruptDirectoryIndex:
    case ErrorCode::CorruptProtectedDirectory:
    case ErrorCode::ChecksumMismatch:
    case ErrorCode::NeedsRecovery:
      return OpenFailure::Damaged;
    case ErrorCode::Locked:
      return OpenFailure::Locked;
    default:
      return OpenFailure::CannotOpen;
  }
}

}  // namespace mappedpages
