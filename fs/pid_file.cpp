#include "fs/pid_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/file_descriptor.hpp"
#include "fs/log.hpp"

namespace mappedpages::fs {
namespace {

std::string system_words() {
  return std::generic_category().message(errno);
}

tl::unexpected<Failure> cannot_write(const std::string& path, const std::string& why) {
  return tl::unexpected(Failure{ExitCode::Usage, "cannot write --pidfile " + path + ": " + why});
}

/// A file beside it, which can take its name.
FileDescriptor make_beside(const std::string& path, std::string& name) {
  name = path + ".XXXXXX";
  return FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
}

}  // namespace

void PidFile::remove() {
  const auto ours = std::exchange(ours_, std::nullopt);
  struct stat now {};
  if (!ours || ::lstat(path_.c_str(), &now) != 0) return;
  // Somebody else may have taken the name.
  if (now.st_dev != ours->st_dev || now.st_ino != ours->st_ino) return;
  if (::unlink(path_.c_str()) == 0 || errno == ENOENT) return;
  log(LogLevel::Warning, "cannot remove " + path_ + ": " + system_words());
}

Outcome<void> PidFile::try_out() const {
  if (path_.empty()) return {};
  struct stat there {};
  if (::lstat(path_.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    return cannot_write(path_, "there is something that is not a file");
  }
  std::string name;
  if (!make_beside(path_, name)) return cannot_write(path_, system_words());
  ::unlink(name.c_str());
  return {};
}

Outcome<void> PidFile::publish() {
  if (path_.empty()) return {};
  std::string name;
  const FileDescriptor file = make_beside(path_, name);
  if (!file) return cannot_write(path_, system_words());
  constexpr mode_t kEverybodyReads = 0644;
  const std::string pid = std::to_string(::getpid()) + "\n";
  struct stat facts {};
  if (::write(file.get(), pid.data(), pid.size()) == static_cast<ssize_t>(pid.size()) &&
      ::fchmod(file.get(), kEverybodyReads) == 0 && ::fstat(file.get(), &facts) == 0 &&
      ::rename(name.c_str(), path_.c_str()) == 0) {
    ours_ = facts;
    return {};
  }
  auto failed = cannot_write(path_, system_words());
  ::unlink(name.c_str());
  return failed;
}

}  // namespace mappedpages::fs
