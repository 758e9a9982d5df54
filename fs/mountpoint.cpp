#include "fs/mountpoint.hpp"

#include <fcntl.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "base/file_descriptor.hpp"

namespace mappedpages::fs {
namespace {

namespace stdfs = std::filesystem;

tl::unexpected<Failure> bad_mountpoint(const std::string& what) {
  return tl::unexpected(Failure{ExitCode::Mountpoint, what});
}

/// What FUSE filesystem is mounted at this very path; empty if none is.
std::string fuse_mount_at(const stdfs::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> mounts(
      ::setmntent("/proc/self/mounts", "r"), ::endmntent);
  std::string found;
  mntent entry{};
  char strings[8192];
  while (mounts && ::getmntent_r(mounts.get(), &entry, strings, sizeof strings) != nullptr) {
    if (path == entry.mnt_dir && std::string_view(entry.mnt_type).starts_with("fuse.")) {
      found = entry.mnt_fsname;
    }
  }
  return found;
}

}  // namespace

Outcome<stdfs::path> check_mountpoint(const std::string& mountpoint) {
  struct stat facts {};
  struct statvfs filesystem {};
  // The kernel may remember the attributes of a mount whose daemon is gone; what it is of, it asks.
  if (::stat(mountpoint.c_str(), &facts) != 0 || ::statvfs(mountpoint.c_str(), &filesystem) != 0) {
    if (errno == ENOTCONN) {
      return bad_mountpoint("the daemon behind " + mountpoint +
                            " is gone; first run: fusermount3 -u " + mountpoint);
    }
    if (errno == ENOENT) {
      return bad_mountpoint("there is no mountpoint " + mountpoint + "; first run: mkdir " +
                            mountpoint);
    }
    return bad_mountpoint("cannot use mountpoint " + mountpoint + ": " +
                          std::generic_category().message(errno));
  }
  if (!S_ISDIR(facts.st_mode)) {
    return bad_mountpoint("mountpoint " + mountpoint + " is not a directory; name one");
  }
  std::error_code error;
  const stdfs::path path = stdfs::canonical(mountpoint, error);
  if (error) return bad_mountpoint("cannot use mountpoint " + mountpoint + ": " + error.message());
  if (const std::string other = fuse_mount_at(path); !other.empty()) {
    return bad_mountpoint(other + " is mounted on " + mountpoint +
                          " already; to unmount it run: fusermount3 -u " + mountpoint);
  }
  return path;
}

Outcome<void> check_db_is_outside(const stdfs::path& db, const stdfs::path& mountpoint) {
  const auto [at, rest] = std::mismatch(mountpoint.begin(), mountpoint.end(), db.begin(), db.end());
  if (at != mountpoint.end()) return {};
  return bad_mountpoint(db.string() + " lies in " + mountpoint.string() +
                        ", where its own mount would hide it; use another mountpoint");
}

Outcome<void> check_fuse_device() {
  constexpr const char* kDevice = "/dev/fuse";
  const FileDescriptor device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (device) return {};
  const char* hint = errno == ENOENT ? "; load the kernel module with: modprobe fuse"
                                     : "; are you allowed to use FUSE here?";
  return tl::unexpected(Failure{ExitCode::Fuse, std::string("cannot open ") + kDevice + ": " +
                                                    std::generic_category().message(errno) + hint});
}

}  // namespace mappedpages::fs
