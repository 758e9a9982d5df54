// The tree: its open files.
#include <fcntl.h>

#include <memory>
#include <utility>

#include "fs/namespace.hpp"
#include "fs/open_page.hpp"

namespace mappedpages::fs {
namespace {

bool writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}
bool sync_writes(int flags) {
  return (flags & O_DSYNC) != 0;
}  // O_SYNC includes it.

}  // namespace

Answer<Opened> Namespace::open(Inode inode, int flags, pid_t opener) {
  if (is_stale(inode)) return fail(ESTALE);
  switch (inode.kind()) {
    case InodeKind::Page:
      return open_page(PageNumber{inode.number()}, flags);
    case InodeKind::Protected:
      return open_protected(ProtectedNumber{inode.number()}, flags, opener);
    default:
      return fail(is_directory(inode) ? EISDIR : ELOOP);
  }
}

Answer<Opened> Namespace::open_page(PageNumber page, int flags) {
  if (writes(flags) && engine_.read_only()) return fail(EROFS);
  auto pin = engine_.pin(page);
  if (!pin) return fail(ESTALE);
  auto file = std::make_shared<OpenPage>(engine_, attributes_, reporter_, *std::move(pin),
                                         sync_writes(flags));
  if ((flags & O_TRUNC) != 0 && writes(flags)) {
    if (auto done = file->truncate(0); !done) return tl::unexpected(done.error());
  }
  return Opened{.handle = files_.add(std::move(file)), .cached = true};
}

Answer<Opened> Namespace::open_protected(ProtectedNumber page, int flags, pid_t opener) {
  if (writes(flags) && engine_.read_only()) return fail(EROFS);
  auto pin = engine_.pin(page);
  if (!pin) return fail(ESTALE);
  auto file = std::make_shared<OpenProtected>(engine_, attributes_, reporter_, *std::move(pin),
                                              ProtectedOpening{.closing = closing_,
                                                               .commit_on = options_.commit_on,
                                                               .sync_writes = sync_writes(flags),
                                                               .may_write = writes(flags),
                                                               .opener = opener});
  if ((flags & O_TRUNC) != 0 && writes(flags)) {
    if (auto done = file->truncate_at_open(); !done) return tl::unexpected(done.error());
  }
  return Opened{.handle = files_.add(std::move(file)), .cached = false};
}

Done Namespace::truncate(Inode inode, std::uint64_t size, pid_t asker) {
  if (is_directory(inode)) return fail(EISDIR);
  if (is_stale(inode)) return fail(ESTALE);
  if (size == 0) {
    if (const auto file = files_.just_opened(inode.without_version(), asker)) {
      return file->truncate_at_open();
    }
  }
  const auto opened = open(inode, O_WRONLY);
  if (!opened) return tl::unexpected(opened.error());
  const auto opened_file = files_.find(opened->handle);
  Done done = (*opened_file)->truncate(size);
  // Nobody holds a descriptor that could commit it later.
  if (done && inode.kind() == InodeKind::Protected) done = (*opened_file)->sync();
  files_.release(opened->handle);
  return done;
}

}  // namespace mappedpages::fs
