// The tree: .ctl/.
#include <fcntl.h>

#include <memory>
#include <string>

#include "fs/control_texts.hpp"
#include "fs/namespace.hpp"
#include "fs/open_text.hpp"
#include "fs/receipt_inode.hpp"

namespace mappedpages::fs {
namespace {

/// Instead of a name.
constexpr const char* kRemoved = "(removed)";

}  // namespace

// --- Texts

/// What a reader who opens it now gets; empty for a page that is gone.
std::string Namespace::text_of(Inode inode) const {
  if (inode.is(ControlFile::LastError)) return last_failure_.text();
  if (inode.is(ControlFile::Stats)) return stats_text();
  if (inode.kind() == InodeKind::PageFacts && exists(inode)) {
    const PageNumber page{inode.number()};
    return page_facts(page, engine_.page_offset(page).value_or(0), engine_.is_pinned(page));
  }
  if (inode.kind() == InodeKind::ProtectedFacts) {
    const ProtectedNumber page{inode.number()};
    const auto info = engine_.info(page);
    return info ? protected_facts(*info, engine_.has_writer(page)) : "";
  }
  return "";
}

std::string Namespace::stats_text() const {
  return to_json(ControlStats{.page_size = engine_.page_size(),
                              .capacity = engine_.capacity(),
                              .counts = engine_.counts(),
                              .engine = engine_.stats(),
                              .open_stages = engine_.writer_count(),
                              .receipts = page_receipts_.count() + protected_receipts_.count()});
}

Answer<Opened> Namespace::open_control(Inode inode, int flags) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (writes && !inode.is(ControlFile::Command)) return fail(Reason::ControlIsFixed);
  if (writes && engine_.read_only()) return fail(Reason::MountedReadOnly);
  if (!exists(inode)) return fail(Reason::PageIsGone);
  auto file = std::make_shared<OpenText>(inode, text_of(inode));
  return Opened{.handle = files_.add(std::move(file)), .cached = false};
}

Commanded Namespace::run_commands(std::string_view text) {
  Commanded commanded = runner_.run(text);
  for (const Inode page : commanded.freed) {
    attributes_.touch(page.kind() == InodeKind::Page ? FixedDirectory::Pages
                                                     : FixedDirectory::Protected);
  }
  return commanded;
}

// --- What went wrong

void Namespace::note_failure(const Asked& asked, const Errno& error) {
  if (!is_worth_telling(asked.operation, error)) return;
  std::string path = path_of(asked.inode);
  if (!asked.name.empty()) {
    path = asked.inode.is(FixedDirectory::Root) ? asked.name : path + "/" + asked.name;
  }
  last_failure_.set(describe_failure(asked.operation, path, error));
  attributes_.touch(ControlFile::LastError);
}

/// From the root of the mount, for people: the link of a receipt does not know which one it is in.
std::string Namespace::path_of(Inode inode) const {
  const std::string number = std::to_string(inode.number());
  switch (inode.kind()) {
    case InodeKind::Page:
      return "pages/" + number;
    case InodeKind::Protected:
      return "protected/" + number;
    case InodeKind::PageFacts:
      return ".ctl/pages/" + number;
    case InodeKind::ProtectedFacts:
      return ".ctl/protected/" + number;
    case InodeKind::PageLink:
      return "alloc/pages/*/" + number;
    case InodeKind::ProtectedLink:
      return "alloc/protected/*/" + number;
    case InodeKind::Receipt: {
      const FixedDirectory receipts = directory_of_receipt(inode);
      const auto name = receipts_in(receipts)->name_of(receipt_number(inode));
      return fixed_path(receipts) + "/" + name.value_or(kRemoved);
    }
    case InodeKind::Staging:
      return path_of_staging(inode);
    case InodeKind::Directory:
    case InodeKind::ControlFile:
      break;
  }
  return fixed_path(inode);
}

std::string Namespace::path_of_staging(Inode inode) const {
  const auto file = staging_.find(inode);
  if (file && file->is_now() != inode) return path_of(file->is_now());
  const auto place = staging_.place_of(inode);
  return place ? fixed_path(place->directory) + "/" + place->name : kRemoved;
}

}  // namespace mappedpages::fs
