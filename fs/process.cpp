#include "fs/process.hpp"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace mappedpages::fs {

namespace {

/// A process that exits gives its memory up before its files. One that has memory is closing a
/// file, or is in the middle of an exec: then it holds a lock that reading its stat would wait for,
/// while it waits for us.
bool has_memory(const std::string& directory) {
  std::ifstream file(directory + "/statm");
  std::uint64_t pages = 0;
  return file >> pages && pages != 0;
}

}  // namespace

bool is_dying_by_signal(pid_t pid) {
  if (pid <= 0) return false;
  const std::string directory = "/proc/" + std::to_string(pid);
  if (has_memory(directory)) return false;
  std::ifstream file(directory + "/stat");
  std::string line;
  if (!std::getline(file, line, '\0')) return false;
  // proc(5): pid (comm) state ppid pgrp session tty_nr tpgid flags. The name may hold anything, so
  // the fields are counted from its last parenthesis.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream fields(line.substr(name_end + 1));
  const auto skip = [&fields](int count) {
    std::string skipped;
    for (int i = 0; i < count; ++i) fields >> skipped;
  };
  constexpr int kState = 3;
  constexpr int kFlags = 9;
  constexpr int kExitCode = 52;
  unsigned long flags = 0;
  unsigned exit_code = 0;
  skip(kFlags - kState);
  fields >> flags;
  skip(kExitCode - kFlags - 1);
  fields >> exit_code;
  // PF_SIGNALED of the kernel's sched.h. The last thread of a process that calls exit has it too:
  // the others were ended by a SIGKILL of the kernel's own. The signal in the exit code tells them
  // apart.
  constexpr unsigned long kSignaled = 0x400;
  constexpr unsigned kSignal = 0x7F;
  return fields && (flags & kSignaled) != 0 && (exit_code & kSignal) != 0;
}

}  // namespace mappedpages::fs
