// The tree: what makes and removes names.
#include <fcntl.h>

#include "fs/names.hpp"
#include "fs/namespace.hpp"
#include "fs/receipt_inode.hpp"

namespace mappedpages::fs {
namespace {

/// RENAME_NOREPLACE of linux/fs.h: the only flag of renameat2(2) that has a meaning here.
constexpr unsigned kRenameNoReplace = 1;

}  // namespace

// --- Allocating and freeing

Answer<Entry> Namespace::make_directory(Inode parent, std::string_view name) {
  ReceiptTable* receipts = receipts_in(parent);
  if (receipts == nullptr) return fail(Reason::MakesNoDirectories);
  const auto count = parse_receipt_count(name);
  if (!count) return tl::unexpected(count.error());
  if (engine_.read_only()) return fail(Reason::MountedReadOnly);
  // The name first: of two who want it, one must allocate nothing.
  const auto receipt = receipts->reserve(name);
  if (!receipt) return tl::unexpected(receipt.error());
  const auto numbers = allocate(parent, *count);
  if (!numbers) {
    receipts->cancel(*receipt);
    return tl::unexpected(numbers.error());
  }
  const Inode pages = pages_allocated_in(parent);
  for (const std::uint64_t number : *numbers) attributes_.begin(page_in(pages, number));
  const Inode inode = receipt_inode(parent.directory(), *receipt);
  attributes_.begin(inode);
  receipts->fill(*receipt, *numbers);
  attributes_.touch(parent);
  attributes_.touch(pages);
  return entry_of(inode);
}

Answer<std::vector<std::uint64_t>> Namespace::allocate(Inode parent, PageCount count) {
  std::vector<std::uint64_t> numbers;
  const auto take = [&numbers](const auto& pages) {
    for (const auto page : pages) numbers.push_back(page.value);
  };
  if (parent.is(FixedDirectory::AllocPages)) {
    const auto pages = engine_.alloc_bulk(count);
    if (!pages) return fail(pages.error(), reporter_);
    take(*pages);
  } else {
    const auto pages = engine_.alloc_protected_bulk(count);
    if (!pages) return fail(pages.error(), reporter_);
    take(*pages);
  }
  return numbers;
}

Inode Namespace::pages_allocated_in(Inode receipts) {
  return receipts.is(FixedDirectory::AllocPages) ? FixedDirectory::Pages
                                                 : FixedDirectory::Protected;
}

/// A directory changes with its names.
Done Namespace::touched(Inode directory, Done done) {
  if (done) attributes_.touch(directory);
  return done;
}

Done Namespace::remove_directory(Inode parent, std::string_view name) {
  const auto inode = find(parent, name);
  if (!inode) return tl::unexpected(inode.error());
  ReceiptTable* receipts = receipts_in(parent);
  if (receipts == nullptr) {
    return fail(is_directory(*inode) ? Reason::DirectoryStays : Reason::NotADirectory);
  }
  const Done done = receipts->remove(name);
  if (done) attributes_.forget(*inode);
  return touched(parent, done);
}

Done Namespace::remove(Inode parent, std::string_view name) {
  const auto inode = find(parent, name);
  if (!inode) return tl::unexpected(inode.error());
  if (is_directory(*inode)) return fail(Reason::IsADirectory);
  if (parent.kind() == InodeKind::Receipt) {
    return touched(parent, receipts_in(directory_of_receipt(parent))
                               ->remove_entry(receipt_number(parent), inode->number()));
  }
  if (inode->kind() == InodeKind::Staging) {
    return touched(parent, staging_.remove(parent.directory(), name));
  }
  if (inode->is_control()) return fail(Reason::ControlIsFixed);
  return touched(parent, freer_.free({&*inode, 1}));
}

// --- Making files

/// For what would otherwise change memory alone.
Done Namespace::require_changeable() const {
  if (engine_.read_only()) return fail(Reason::MountedReadOnly);
  if (const auto latched = engine_.latched())
    return fail(Reason::FailedEarlier, latched->message());
  return {};
}

Answer<std::pair<Entry, Opened>> Namespace::create(Inode parent, std::string_view name, int flags) {
  if (!holds_pages(parent)) return fail(Reason::MakesNoFiles);
  const auto number = parse_new_name(name);
  if (!number) return tl::unexpected(number.error());
  if (!*number) return create_staging(parent, name, flags);
  const Inode page = page_in(parent, **number);
  const Status made = allocate_at(page);
  if (!made) {
    const bool there = made.error().code() == ErrorCode::AlreadyAllocated;
    if (!there || (flags & O_EXCL) != 0) return fail(made.error(), reporter_);
  }
  if (made) {
    attributes_.begin(page);
    attributes_.touch(parent);
  }
  // A new page is empty: its first commit shall be that of what is written to it.
  const Entry entry = entry_of(page);
  const auto opened = open(entry.inode, made ? flags & ~O_TRUNC : flags);
  if (!opened) return tl::unexpected(opened.error());
  return std::pair(entry, *opened);
}

Status Namespace::allocate_at(Inode page) {
  if (page.kind() == InodeKind::Page) return engine_.alloc_at(PageNumber{page.number()});
  return engine_.alloc_protected_at(ProtectedNumber{page.number()});
}

Answer<std::pair<Entry, Opened>> Namespace::create_staging(Inode parent, std::string_view name,
                                                           int flags) {
  if (auto may = require_changeable(); !may) return tl::unexpected(may.error());
  const auto made = staging_.create(parent.directory(), name);
  const bool there = !made && made.error().value == EEXIST && (flags & O_EXCL) == 0;
  if (!made && !there) return tl::unexpected(made.error());
  const auto file = made ? *made : staging_.find(parent.directory(), name);
  if (!file) return fail(Reason::NoSuchName);  // It was there, and was removed.
  if (made) attributes_.touch(parent);
  const auto opened = open_staging(file->inode(), flags);
  if (!opened) return tl::unexpected(opened.error());
  return std::pair(entry_of(file->inode()), *opened);
}

// --- Renaming

Done Namespace::rename(Inode parent, std::string_view name, Inode new_parent,
                       std::string_view new_name, unsigned flags) {
  if ((flags & ~kRenameNoReplace) != 0) return fail(Reason::BadRenameFlags);
  const auto source = find(parent, name);
  if (!source) return tl::unexpected(source.error());
  if (source->kind() != InodeKind::Staging || !holds_pages(new_parent)) {
    return fail(Reason::NotRenamed);
  }
  const Done done = rename_staging(parent, name, new_parent, new_name, flags);
  return touched(parent, touched(new_parent, done));
}

Done Namespace::rename_staging(Inode parent, std::string_view name, Inode new_parent,
                               std::string_view new_name, unsigned flags) {
  const auto number = parse_new_name(new_name);
  if (!number) return tl::unexpected(number.error());
  const bool may_replace = flags == 0;
  if (!*number) {
    return staging_.rename(parent.directory(), name, new_parent.directory(), new_name, may_replace);
  }
  const auto file = staging_.find(parent.directory(), name);
  if (!file) return fail(Reason::NoSuchName);
  const Inode page = page_in(new_parent, **number);
  Done done = become_page(*file, page, may_replace ? IfThere::Replace : IfThere::Refuse);
  if (done) (void)staging_.remove(parent.directory(), name);
  return done;
}

Done Namespace::become_page(StagingFile& file, Inode page, IfThere if_there) {
  const MutexLock lock(file.mutex);
  if (file.became)
    return fail(Reason::NoSuchName);  // Two renames at once: the other one was first.
  if (file.content.size() > engine_.page_size()) return fail(Reason::LargerThanAPage);
  std::vector<std::byte> bytes = file.content.read(0, engine_.page_size());
  bytes.resize(engine_.page_size());
  // Freed before it is pinned, the number could be another's by then.
  const PageFreer::Claim claim(freer_, {&page, 1});
  const Status placed = page.kind() == InodeKind::Page
                            ? placer_.place(PageNumber{page.number()}, bytes, if_there)
                            : placer_.place(ProtectedNumber{page.number()}, bytes, if_there);
  if (!placed) return fail(placed.error(), reporter_);
  attributes_.move(file.inode(), page);
  file.become(page_of(page));
  (void)file.content.resize(0);
  return {};
}

}  // namespace mappedpages::fs
