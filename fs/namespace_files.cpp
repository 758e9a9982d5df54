// The tree: its open files.
#include <fcntl.h>

#include <memory>
#include <utility>

#include "fs/namespace.hpp"
#include "fs/open_page.hpp"
#include "fs/open_staging.hpp"

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
  if (is_stale(inode)) return fail(Reason::PageIsGone);
  switch (inode.kind()) {
    case InodeKind::Page:
      return open_page(PageNumber{inode.number()}, flags);
    case InodeKind::Protected:
      return open_protected(ProtectedNumber{inode.number()}, flags, opener);
    case InodeKind::Staging:
      return open_staging(inode, flags);
    case InodeKind::ControlFile:
    case InodeKind::PageFacts:
    case InodeKind::ProtectedFacts:
      return open_control(inode, flags);
    default:
      return fail(is_directory(inode) ? Reason::IsADirectory : Reason::IsALink);
  }
}

Answer<Opened> Namespace::open_page(PageNumber page, int flags) {
  if (writes(flags) && engine_.read_only()) return fail(Reason::MountedReadOnly);
  auto pin = engine_.pin(page);
  if (!pin) return fail(Reason::PageIsGone);
  auto file = open_pinned(std::make_shared<const PagePin>(*std::move(pin)), flags);
  if ((flags & O_TRUNC) != 0 && writes(flags)) {
    if (auto done = file->truncate(0); !done) return tl::unexpected(done.error());
  }
  return Opened{.handle = files_.add(std::move(file)), .cached = true};
}

Answer<Opened> Namespace::open_protected(ProtectedNumber page, int flags, pid_t opener) {
  if (writes(flags) && engine_.read_only()) return fail(Reason::MountedReadOnly);
  auto pin = engine_.pin(page);
  if (!pin) return fail(Reason::PageIsGone);
  auto file = open_pinned(std::make_shared<const ProtectedPin>(*std::move(pin)), flags, opener);
  if ((flags & O_TRUNC) != 0 && writes(flags)) {
    if (auto done = file->truncate_at_open(); !done) return tl::unexpected(done.error());
  }
  return Opened{.handle = files_.add(std::move(file)), .cached = false};
}

std::shared_ptr<OpenFile> Namespace::open_pinned(SharedPin<PageNumber> pin, int flags) {
  return std::make_shared<OpenPage>(engine_, attributes_, reporter_, std::move(pin),
                                    sync_writes(flags));
}

std::shared_ptr<OpenFile> Namespace::open_pinned(SharedPin<ProtectedNumber> pin, int flags,
                                                 pid_t opener) {
  const auto outdated = [this, inode = entry_of(pin->page()).inode] {
    if (outdated_) outdated_(inode);
  };
  return std::make_shared<OpenProtected>(engine_, attributes_, reporter_, std::move(pin),
                                         ProtectedOpening{.closing = closing_,
                                                          .commit_on = options_.commit_on,
                                                          .sync_writes = sync_writes(flags),
                                                          .may_write = writes(flags),
                                                          .opener = opener,
                                                          .outdated = outdated});
}

// --- Staging files

Answer<Opened> Namespace::open_staging(Inode inode, int flags) {
  auto file = staging_.find(inode);
  if (!file) return fail(Reason::PageIsGone);
  auto opened = std::make_shared<OpenStaging>(std::move(file), attributes_, flags);
  if ((flags & O_TRUNC) != 0 && writes(flags)) {
    if (auto done = opened->truncate_at_open(); !done) return tl::unexpected(done.error());
  }
  // Never cached: after a rename the page would be in the cache twice.
  return Opened{.handle = files_.add(std::move(opened)), .cached = false};
}

/// The page is claimed.
BecamePage Namespace::page_of(Inode page) {
  return {.page = page.with_version(static_cast<std::uint16_t>(generations_.of(page))),
          .open = page.kind() == InodeKind::Page ? opener_of(PageNumber{page.number()})
                                                 : opener_of(ProtectedNumber{page.number()})};
}

/// Pins the page for as long as somebody may want to open it.
template <class Number>
std::function<std::shared_ptr<OpenFile>(int)> Namespace::opener_of(Number page) {
  auto pin = engine_.pin(page);
  if (!pin) return [](int) { return nullptr; };
  auto shared = std::make_shared<const Pin<Number>>(*std::move(pin));
  return [this, shared](int flags) { return open_pinned(shared, flags); };
}

std::optional<Inode> Namespace::page_behind(Inode inode) const {
  if (inode.kind() != InodeKind::Staging) return std::nullopt;
  const auto file = staging_.find(inode);
  if (!file || file->is_now().kind() != InodeKind::Page) return std::nullopt;
  return file->is_now();
}

// --- Truncation without a descriptor

Done Namespace::truncate(Inode inode, std::uint64_t size, pid_t asker) {
  if (is_directory(inode)) return fail(Reason::IsADirectory);
  if (is_stale(inode)) return fail(Reason::PageIsGone);
  // A shell's `>`.
  if (inode.is(ControlFile::Command) && !engine_.read_only()) return {};
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
  const bool is_protected = (*opened_file)->inode().kind() == InodeKind::Protected;
  if (done && is_protected) done = (*opened_file)->sync();
  files_.release(opened->handle);
  return done;
}

}  // namespace mappedpages::fs
