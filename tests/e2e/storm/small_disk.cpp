#include "e2e/storm/small_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/calls.hpp"

namespace mappedpages::test::storm {

SmallDisk::SmallDisk(DiskKind kind) {
  std::filesystem::create_directory(directory());
  const std::string at = directory().string();
  const std::string image = (dir_ / "image").string();
  const Ran ran =
      kind == DiskKind::Tmpfs
          ? run({"mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", at})
          : shell("truncate -s 32M " + image +
                      " && PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F -m 0 " +
                      "-b 4096 -O ^has_journal " + image + " && mount -o loop " + image + " " + at,
                  "/");
  mounted_ = ran.code == 0;
  if (!mounted_) problem_ = "no small filesystem: " + ran.err;
}

SmallDisk::~SmallDisk() {
  if (mounted_) ::umount2(directory().c_str(), MNT_DETACH);
}

void SmallDisk::fill(std::uint64_t leave) {
  empty();
  constexpr std::uint64_t kBlock = 4096;
  const auto file = open_file(filler().string(), O_RDWR | O_CREAT);
  struct statvfs facts {};
  if (file.error != 0 || ::statvfs(directory().c_str(), &facts) != 0) {
    problem_ = "cannot fill the small filesystem";
    return;
  }
  // The filler may need blocks for itself, so what is left is looked at again.
  std::uint64_t size = 0;
  for (int tries = 0; tries < 8; ++tries) {
    const std::uint64_t free = facts.f_bavail * facts.f_frsize / kBlock;
    if (free == leave) return;
    if (free > leave) size += (free - leave) * kBlock;
    if (free < leave) size -= (leave - free) * kBlock;
    if (::ftruncate(file.value.get(), static_cast<off_t>(size)) != 0) break;
    (void)::fallocate(file.value.get(), 0, 0, static_cast<off_t>(size));
    if (::statvfs(directory().c_str(), &facts) != 0) break;
  }
}

void SmallDisk::empty() const {
  (void)::unlink(filler().c_str());
}

}  // namespace mappedpages::test::storm
