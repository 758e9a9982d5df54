#include "io/file_lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "io/posix_error.hpp"

namespace mappedpages::io {
namespace {

/// How /proc/locks writes a file: device numbers in hex, inode in decimal.
std::optional<std::string> proc_locks_name(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return std::nullopt;
  char text[64];
  std::snprintf(text, sizeof text, "%02x:%02x:%lu", major(facts.st_dev), minor(facts.st_dev),
                static_cast<unsigned long>(facts.st_ino));
  return text;
}

/// The pid in the first FLOCK line of /proc/locks for this file; none if the holder is in another
/// pid namespace, or gone.
std::optional<long> lock_holder(int fd) {
  const auto wanted = proc_locks_name(fd);
  std::ifstream locks("/proc/locks");
  for (std::string line; wanted && std::getline(locks, line);) {
    // 1: FLOCK  ADVISORY  WRITE 2917 fe:00:1311 0 EOF
    std::istringstream words(line);
    std::string number;
    std::string kind;
    std::string strictness;
    std::string access;
    std::string file;
    long pid = 0;
    if (words >> number >> kind >> strictness >> access >> pid >> file && kind == "FLOCK" &&
        file == *wanted && pid > 0) {
      return pid;
    }
  }
  return std::nullopt;
}

Error locked_error(int fd, const std::string& name) {
  const auto pid = lock_holder(fd);
  return {ErrorCode::Locked,
          name + " is in use by " + (pid ? "process " + std::to_string(*pid) : "another process")};
}

}  // namespace

Status lock_file(int fd, const std::string& name, LockKind kind, std::chrono::milliseconds wait) {
  constexpr std::chrono::milliseconds kRetryEvery{20};
  // Longer than anybody waits, and still a time that the clock can tell.
  constexpr std::chrono::hours kLongest{24 * 365};
  const auto deadline =
      std::chrono::steady_clock::now() + std::min<std::chrono::milliseconds>(wait, kLongest);
  const int operation = (kind == LockKind::Shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd, operation) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return posix_error("cannot lock " + name);
    if (std::chrono::steady_clock::now() >= deadline) {
      return tl::unexpected(locked_error(fd, name));
    }
    std::this_thread::sleep_for(kRetryEvery);
  }
  return {};
}

}  // namespace mappedpages::io
