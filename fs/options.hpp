// The command line of mappedpagesfs, and what is mounted by mount(8) with the same words.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "fs/open_protected.hpp"

namespace mappedpages::fs {

/// The exit codes of the daemon. Stable: scripts read them.
enum class ExitCode : int {
  Ok = 0,
  Usage = 1,
  CannotOpen = 2,
  NotAPagerFile = 3,
  Damaged = 4,
  Locked = 5,
  Mountpoint = 6,
  Fuse = 7,
  Runtime = 8,
};

/// Why the program ends, for stderr and the shell.
struct Failure {
  ExitCode code = ExitCode::Runtime;
  std::string message;  ///< One line, without the program's name.
};

template <class T>
using Outcome = tl::expected<T, Failure>;

struct Options {
  std::string db;
  std::string mountpoint;
  std::optional<std::uint64_t> create;  ///< Make a missing DB with this page size in bytes.
  bool read_only = false;
  bool no_sync = false;
  bool recover = false;
  bool untrusted = false;  ///< Check all of the file first; read-only, too.
  CommitOn commit_on = CommitOn::Close;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<mode_t> umask;
  bool allow_other = false;
  bool foreground = false;
  bool debug = false;
  bool single_threaded = false;
  int verbosity = 0;  ///< -1: warnings and errors; 0: one line a start and stop; 1: more.
  std::string log_file;
  std::string pid_file;
};

/// What a command line asks for: to mount, or to print something and leave.
struct Request {
  Options options;
  std::optional<std::string> print;
};

/// `arguments` without the program's name. A usage error says what is wrong and what is right.
Outcome<Request> parse_command_line(std::vector<std::string> arguments);

}  // namespace mappedpages::fs
