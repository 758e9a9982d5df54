#include "fs/process.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace mappedpages::fs {

bool is_dying_by_signal(pid_t pid) {
  if (pid <= 0) return false;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line, '\0')) return false;
  // proc(5): pid (comm) state ppid pgrp session tty_nr tpgid flags. The name may hold anything, so
  // the fields are counted from its last parenthesis.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  constexpr int kFieldsBeforeFlags = 6;
  for (int i = 0; i < kFieldsBeforeFlags; ++i) fields >> skipped;
  unsigned long flags = 0;
  constexpr unsigned long kSignaled = 0x400;  // PF_SIGNALED of the kernel's sched.h.
  return fields >> flags && (flags & kSignaled) != 0;
}

}  // namespace mappedpages::fs
