#include "support/wrapped_calls.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <utility>

namespace mappedpages::test {
namespace {

/// What is in force. Set while no other thread makes such calls.
struct InForce {
  std::shared_ptr<FaultyDevice> device;
  dev_t filesystem = 0;
  ino_t inode = 0;
  JudgedCalls::Judge judge;
};

InForce& in_force() {
  static InForce force;
  return force;
}

template <class Result>
Result result_of(std::int64_t result) {
  if (result < 0) errno = static_cast<int>(-result);
  return static_cast<Result>(result < 0 ? -1 : result);
}

bool fails(SystemCall call) {
  if (!in_force().judge) return false;
  const int os_error = in_force().judge(call);
  if (os_error != 0) errno = os_error;
  return os_error != 0;
}

}  // namespace

extern "C" {
// The linker's names, which no rule of ours fits.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming,cert-*)
int __real_open(const char* path, int flags, ...);
int __real_mkostemp(char* name, int flags);
int __real_fstat(int fd, struct stat* facts);
ssize_t __real_pread(int fd, void* out, std::size_t size, off_t offset);
ssize_t __real_pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __real_ftruncate(int fd, off_t size);
int __real_linkat(int from_at, const char* from, int to_at, const char* to, int flags);
int __real_link(const char* from, const char* to);
int __real_renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags);
int __real_rename(const char* from, const char* to);
}

namespace {

/// The device, if the descriptor is of its file.
FaultyDevice* device_of(int fd) {
  const InForce& force = in_force();
  if (!force.device) return nullptr;
  struct stat facts {};
  if (__real_fstat(fd, &facts) != 0) return nullptr;
  return facts.st_dev == force.filesystem && facts.st_ino == force.inode ? force.device.get()
                                                                         : nullptr;
}

std::uint64_t unsigned_of(off_t offset) {
  return static_cast<std::uint64_t>(offset);
}

}  // namespace

extern "C" {

int __wrap_open(const char* path, int flags, ...) {
  std::va_list words;
  va_start(words, flags);
  const bool makes = (flags & (O_CREAT | O_TMPFILE)) != 0;
  const auto mode = makes ? va_arg(words, mode_t) : 0;
  va_end(words);
  const bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
  const auto call = unnamed                  ? SystemCall::OpenUnnamed
                    : (flags & O_CREAT) != 0 ? SystemCall::OpenNew
                                             : SystemCall::Open;
  return fails(call) ? -1 : __real_open(path, flags, mode);
}

int __wrap_mkostemp(char* name, int flags) {
  return fails(SystemCall::MakeTemporary) ? -1 : __real_mkostemp(name, flags);
}

int __wrap_fstat(int fd, struct stat* facts) {
  if (fails(SystemCall::Stat)) return -1;
  const int done = __real_fstat(fd, facts);
  FaultyDevice* const device = device_of(fd);
  if (device == nullptr || done != 0) return done;
  const auto size = device->size();
  if (size >= 0) facts->st_size = static_cast<off_t>(size);
  return size < 0 ? result_of<int>(size) : 0;
}

ssize_t __wrap_pread(int fd, void* out, std::size_t size, off_t offset) {
  FaultyDevice* const device = device_of(fd);
  if (device == nullptr) return __real_pread(fd, out, size, offset);
  return result_of<ssize_t>(
      device->read(unsigned_of(offset), {static_cast<std::byte*>(out), size}));
}

ssize_t __wrap_pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  if (fails(SystemCall::Write)) return -1;
  FaultyDevice* const device = device_of(fd);
  if (device == nullptr) return __real_pwritev2(fd, parts, count, offset, flags);
  const std::span bytes(static_cast<const std::byte*>(parts->iov_base), parts->iov_len);
  return result_of<ssize_t>((flags & RWF_DSYNC) != 0
                                ? device->write_and_sync(unsigned_of(offset), bytes)
                                : device->write(unsigned_of(offset), bytes));
}

int __wrap_fdatasync(int fd) {
  if (fails(SystemCall::Flush)) return -1;
  FaultyDevice* const device = device_of(fd);
  return device == nullptr ? __real_fdatasync(fd) : result_of<int>(device->sync());
}

int __wrap_fsync(int fd) {
  return fails(SystemCall::FlushDirectory) ? -1 : __real_fsync(fd);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t length) {
  if (fails(SystemCall::Reserve)) return -1;
  FaultyDevice* const device = device_of(fd);
  if (device == nullptr) return __real_fallocate(fd, mode, offset, length);
  return result_of<int>(device->reserve(unsigned_of(offset + length)));
}

int __wrap_ftruncate(int fd, off_t size) {
  FaultyDevice* const device = device_of(fd);
  if (device == nullptr) return __real_ftruncate(fd, size);
  return result_of<int>(device->truncate(unsigned_of(size)));
}

int __wrap_linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
  if (fails(SystemCall::LinkUnnamed)) return -1;
  return __real_linkat(from_at, from, to_at, to, flags);
}

int __wrap_link(const char* from, const char* to) {
  return fails(SystemCall::Link) ? -1 : __real_link(from, to);
}

int __wrap_renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  if (fails(SystemCall::RenameNoReplace)) return -1;
  return __real_renameat2(from_at, from, to_at, to, flags);
}

int __wrap_rename(const char* from, const char* to) {
  return fails(SystemCall::Rename) ? -1 : __real_rename(from, to);
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming,cert-*)
}

CallsOnDevice::CallsOnDevice(const std::filesystem::path& file,
                             std::shared_ptr<FaultyDevice> device) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return;
  in_force().filesystem = facts.st_dev;
  in_force().inode = facts.st_ino;
  in_force().device = std::move(device);
}

CallsOnDevice::~CallsOnDevice() {
  in_force().device.reset();
}

JudgedCalls::JudgedCalls(Judge judge) {
  in_force().judge = std::move(judge);
}

JudgedCalls::~JudgedCalls() {
  in_force().judge = nullptr;
}

}  // namespace mappedpages::test
