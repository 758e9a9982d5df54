// How a command ends: for scripts.
#pragma once

namespace mappedpages::tools {

/// The exit codes of every command but `check`.
enum class ExitCode : int {
  Ok = 0,
  Usage = 1,          ///< Arguments that make no sense.
  CannotOpen = 2,     ///< A file cannot be opened, read, written or made; standard output too.
  NotAPagerFile = 3,  ///< Not a pager file, or of a version that is not supported.
  Damaged = 4,        ///< A pager file that cannot be opened.
  Locked = 5,         ///< Another process has it.
};

/// The exit codes of `check`, which are those of fsck(8).
enum class CheckExit : int {
  Clean = 0,
  Problems = 4,  ///< At least one problem of severity `error`.
  CouldNot = 8,  ///< The file could not be read, or is locked, or the report not be written.
  Usage = 16,
};

}  // namespace mappedpages::tools
