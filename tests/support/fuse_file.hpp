// One regular file, served over FUSE by a thread of this process: a device below the page cache,
// for programs that are tested whole.
#pragma once

#include <filesystem>
#include <memory>
#include <thread>

#include "base/file_descriptor.hpp"
#include "support/faulty_device.hpp"
#include "support/temp_dir.hpp"

struct fuse_session;

namespace mappedpages::test {

/// Mounts a filesystem whose root is a regular file, upon an empty file of its own.
///
/// What other processes do to the file reaches the device one to one, because it is opened with
/// direct I/O: a pread is a Read, a pwrite a Write, a pwritev2 with RWF_DSYNC a WriteAndSync (the
/// kernel sends O_DSYNC with the write, and no flush behind it), fdatasync a Sync, fallocate a
/// Reserve; each up to 1 MiB. The device's errors and short counts are what the calls return, and
/// so is EINTR. `flock` is the kernel's own affair. What does not work: shared mappings, which
/// direct I/O forbids (the daemon makes none), and O_TMPFILE, link or rename, because there is no
/// directory: the file is made beforehand.
///
/// The destructor never waits for anybody: it stops the thread, which waits for nothing but
/// requests, then lets go of /dev/fuse, upon which the kernel fails all that is left, and then
/// unmounts.
class FuseFile {
 public:
  /// Fails the test if it cannot be mounted.
  explicit FuseFile(std::shared_ptr<FaultyDevice> device);
  ~FuseFile();
  FuseFile(const FuseFile&) = delete;
  FuseFile& operator=(const FuseFile&) = delete;

  [[nodiscard]] bool mounted() const { return thread_.joinable(); }
  [[nodiscard]] std::filesystem::path path() const { return dir_ / "device"; }

 private:
  void serve();

  std::shared_ptr<FaultyDevice> device_;
  TempDir dir_;
  FileDescriptor stop_;  ///< An eventfd.
  fuse_session* session_ = nullptr;
  std::thread thread_;
};

}  // namespace mappedpages::test
