#include "fs/mountpoint.hpp"

#include <fcntl.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "base/file_descriptor.hpp"
#include "base/text.hpp"

namespace mappedpages::fs {
namespace {

namespace stdfs = std::filesystem;

tl::unexpected<Failure> bad_mountpoint(const std::string& what) {
  return tl::unexpected(Failure{ExitCode::Mountpoint, what});
}

/// For fusermount3, which does not follow a symlink. Unlike canonical(), realpath asks nothing of a
/// mountpoint whose daemon is gone.
std::string unmount_command(const std::string& mountpoint) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(mountpoint.c_str(), nullptr),
                                                    ::free);
  return "fusermount3 -u " + shell_word(real ? real.get() : mountpoint);
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
                            " is gone; first run: " + unmount_command(mountpoint));
    }
    if (errno == ENOENT) {
      return bad_mountpoint("there is no mountpoint " + mountpoint + "; first run: mkdir " +
                            shell_word(mountpoint));
    }
    return bad_mountpoint("cannot use mountpoint " + mountpoint + ": " +
                          std::generic_category().message(errno));
  }
  if (!S_ISDIR(facts.st_mode)) {
    return bad_mountpoint("mountpoint " + mountpoint + " is not a directory; name one");
  }
  // What fusermount3 asks for: to mount is to replace all that is in there.
  if (::geteuid() != 0 && ::access(mountpoint.c_str(), W_OK | X_OK) != 0) {
    return bad_mountpoint("cannot mount on " + mountpoint + ": " +
                          std::generic_category().message(errno) +
                          "; name a directory that you may write to");
  }
  std::error_code error;
  const stdfs::path path = stdfs::canonical(mountpoint, error);
  if (error) return bad_mountpoint("cannot use mountpoint " + mountpoint + ": " + error.message());
  if (const std::string other = fuse_mount_at(path); !other.empty()) {
    return bad_mountpoint(other + " is mounted on " + mountpoint +
                          " already; to unmount it run: " + unmount_command(mountpoint));
  }
  return path;
}

Outcome<void> check_db_is_outside(const stdfs::path& db, const stdfs::path& mountpoint) {
  struct stat place {};
  struct stat above {};
  if (::stat(mountpoint.c_str(), &place) != 0) return {};
  // Not by name: the same directory may have another one, by a bind mount.
  for (stdfs::path path = db.parent_path(); ::stat(path.c_str(), &above) == 0;
       path = path.parent_path()) {
    if (above.st_dev == place.st_dev && above.st_ino == place.st_ino) {
      return bad_mountpoint(db.string() + " lies in " + mountpoint.string() +
                            ", where its own mount would hide it; use another mountpoint");
    }
    if (path == path.root_path()) break;
  }
  return {};
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
