#include "fs/namespace.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "fs/names.hpp"
#include "fs/receipt_inode.hpp"

namespace mappedpages::fs {
namespace {

/// The kernel has sent a release before close(2) returns; it only has to be served.
constexpr std::chrono::milliseconds kLongestClose{100};

constexpr std::uint64_t kSectorSize = 512;  // The unit of st_blocks.

/// Offsets of a listing: 1 and 2 are behind `.` and `..`; n + 3 is behind the entry numbered n.
constexpr std::uint64_t kFirstEntryOffset = 2;

/// The position of the first staging file in a listing.
constexpr std::uint64_t kFirstStaging = Inode::kMaxNumber + 1;

struct FixedEntry {
  FixedDirectory parent;
  std::string_view name;
  Inode inode;
};

constexpr std::array kFixedTree{
    FixedEntry{FixedDirectory::Root, "pages", FixedDirectory::Pages},
    FixedEntry{FixedDirectory::Root, "protected", FixedDirectory::Protected},
    FixedEntry{FixedDirectory::Root, "alloc", FixedDirectory::Alloc},
    FixedEntry{FixedDirectory::Alloc, "pages", FixedDirectory::AllocPages},
    FixedEntry{FixedDirectory::Alloc, "protected", FixedDirectory::AllocProtected},
    FixedEntry{FixedDirectory::Root, ".ctl", FixedDirectory::Control},
    FixedEntry{FixedDirectory::Control, "command", ControlFile::Command},
    FixedEntry{FixedDirectory::Control, "last_error", ControlFile::LastError},
    FixedEntry{FixedDirectory::Control, "stats.json", ControlFile::Stats},
    FixedEntry{FixedDirectory::Control, "pages", FixedDirectory::ControlPages},
    FixedEntry{FixedDirectory::Control, "protected", FixedDirectory::ControlProtected},
};

Answer<Inode> fixed_child(FixedDirectory parent, std::string_view name) {
  for (const FixedEntry& entry : kFixedTree) {
    if (entry.parent == parent && entry.name == name) return entry.inode;
  }
  return fail(Reason::NoSuchName);
}

/// The permissions that inodes of .ctl/ can have.
mode_t mask_of(Inode inode) {
  constexpr mode_t kReadable = 0555;
  constexpr mode_t kWritable = 0222;
  if (inode.is(ControlFile::Command)) return kWritable;
  const bool is_control_directory = inode.is(FixedDirectory::Control) ||
                                    inode.is(FixedDirectory::ControlPages) ||
                                    inode.is(FixedDirectory::ControlProtected);
  return inode.is_control() || is_control_directory ? kReadable : 0777;
}

}  // namespace

Namespace::Namespace(Engine& engine, const NamespaceOptions& options, Reporter reporter)
    : engine_(engine),
      options_(options),
      reporter_(std::move(reporter)),
      attributes_(options.attributes),
      closing_(options.one_at_a_time ? std::chrono::milliseconds(0) : kLongestClose),
      staging_(attributes_, options.staging_memory),
      placer_(engine, closing_),
      freer_(engine, attributes_, generations_, reporter_),
      runner_(engine, freer_, generations_, files_, reporter_) {}

// --- Names

Answer<Entry> Namespace::lookup(Inode parent, std::string_view name) const {
  const auto inode = find(parent, name);
  if (!inode) return tl::unexpected(inode.error());
  const auto entry = entry_if_there(*inode);
  if (!entry) return fail(Reason::NoSuchName);
  return *entry;
}

Answer<Inode> Namespace::find(Inode parent, std::string_view name) const {
  if (name.size() > kMaxNameLength) return fail(Reason::NameTooLong);
  if (const ReceiptTable* receipts = receipts_in(parent)) {
    const auto receipt = receipts->find(name);
    if (!receipt) return fail(Reason::NoSuchName);
    return receipt_inode(parent.directory(), *receipt);
  }
  if (is_fixed(parent)) return fixed_child(parent.directory(), name);
  const auto number = parse_number(name);
  if (!number && holds_pages(parent)) {
    const auto file = staging_.find(parent.directory(), name);
    if (!file) return fail(Reason::NoSuchName);
    return file->inode();
  }
  if (!number) return fail(Reason::NoSuchName);
  if (parent.kind() == InodeKind::Receipt) {
    const FixedDirectory receipts = directory_of_receipt(parent);
    if (!receipts_in(receipts)->lists(receipt_number(parent), *number))
      return fail(Reason::NoSuchName);
    return Inode(link_kind(receipts), *number);
  }
  const Inode found = page_in(parent, *number);
  if (!exists(found)) return fail(Reason::NoSuchName);
  return found;
}

bool Namespace::exists(Inode inode) const {
  switch (inode.kind()) {
    case InodeKind::Page:
    case InodeKind::PageFacts:
      return engine_.use_of(PageNumber{inode.number()}) == PageUse::Regular;
    case InodeKind::Protected:
    case InodeKind::ProtectedFacts:
      return engine_.info(ProtectedNumber{inode.number()}).has_value();
    case InodeKind::Receipt:
      return receipts_in(directory_of_receipt(inode))->exists(receipt_number(inode));
    case InodeKind::Staging:
      return staging_.is_named(inode);
    default:
      return true;
  }
}

bool Namespace::holds_pages(Inode directory) {
  return directory.is(FixedDirectory::Pages) || directory.is(FixedDirectory::Protected);
}

/// Its entries are always the same.
bool Namespace::is_fixed(Inode directory) {
  return directory.is(FixedDirectory::Root) || directory.is(FixedDirectory::Alloc) ||
         directory.is(FixedDirectory::Control);
}

/// What that number is in one of the directories that have an entry for each page.
Inode Namespace::page_in(Inode directory, std::uint64_t number) {
  if (directory.is(FixedDirectory::Pages)) return PageNumber{number};
  if (directory.is(FixedDirectory::ControlPages)) return {InodeKind::PageFacts, number};
  if (directory.is(FixedDirectory::ControlProtected)) return {InodeKind::ProtectedFacts, number};
  return ProtectedNumber{number};
}

/// From the root of the mount.
std::string Namespace::fixed_path(Inode inode) {
  for (const FixedEntry& entry : kFixedTree) {
    if (entry.inode != inode) continue;
    const std::string name(entry.name);
    return entry.parent == FixedDirectory::Root ? name : fixed_path(entry.parent) + "/" + name;
  }
  return ".";
}

bool Namespace::is_directory(Inode inode) const {
  return inode.kind() == InodeKind::Directory || inode.kind() == InodeKind::Receipt;
}

const ReceiptTable* Namespace::receipts_in(Inode directory) const {
  if (directory.is(FixedDirectory::AllocPages)) return &page_receipts_;
  if (directory.is(FixedDirectory::AllocProtected)) return &protected_receipts_;
  return nullptr;
}

ReceiptTable* Namespace::receipts_in(Inode directory) {
  return const_cast<ReceiptTable*>(  // NOLINT(*-const-cast): this object is not const.
      std::as_const(*this).receipts_in(directory));
}

std::string Namespace::link_target(Inode inode) {
  const char* directory = inode.kind() == InodeKind::PageLink ? "pages/" : "protected/";
  return std::string("../../../") + directory + std::to_string(inode.number());
}

Answer<std::string> Namespace::read_link(Inode inode) const {
  if (inode.kind() != InodeKind::PageLink && inode.kind() != InodeKind::ProtectedLink) {
    return fail(Reason::NotALink);
  }
  return link_target(inode);
}

// --- Attributes

Answer<Entry> Namespace::get(Inode inode) const {
  if (inode.kind() == InodeKind::Staging) {
    const auto file = staging_.find(inode);
    if (!file) return fail(Reason::PageIsGone);
    if (file->is_now() == inode) return entry_of(inode);
    auto entry = get(file->is_now());
    if (entry) entry->lasting_attributes = false;  // Others change them through the page's inode.
    return entry;
  }
  const Presence presence = presence_of(inode);
  if (presence == Presence::Gone) return fail(Reason::PageIsGone);
  Entry entry = entry_of(inode);
  if (presence == Presence::Nameless) entry.attributes.st_nlink = 0;
  return entry;
}

/// Of what is no staging file.
Namespace::Presence Namespace::presence_of(Inode inode) const {
  if (exists(inode)) return is_stale(inode) ? Presence::Gone : Presence::Named;
  // The kernel asks for a directory only as long as somebody has it.
  if (!inode.is_page()) return Presence::Nameless;
  const bool open = inode.kind() == InodeKind::Page
                        ? engine_.is_pinned(PageNumber{inode.number()})
                        : engine_.is_pinned(ProtectedNumber{inode.number()});
  return open ? Presence::Nameless : Presence::Gone;
}

/// None where the page was freed meanwhile. Else it has the generation that the entry says: nobody
/// freed it between the two questions.
std::optional<Entry> Namespace::entry_if_there(Inode inode) const {
  for (;;) {
    Entry entry = entry_of(inode);
    if (!inode.is_page()) return entry;
    if (!exists(inode)) return std::nullopt;
    if (freer_.generation_of(inode) == entry.generation) return entry;
  }
}

Entry Namespace::entry_of(Inode inode) const {
  const std::uint64_t generation = freer_.generation_of(inode);
  Entry entry{.inode = inode.with_version(static_cast<std::uint16_t>(generation)),
              .generation = generation};
  struct stat& facts = entry.attributes;
  facts.st_ino = inode.without_version().bits();
  facts.st_nlink = 1;
  facts.st_blksize = static_cast<blksize_t>(engine_.page_size());
  if (is_directory(inode)) {
    facts.st_mode = S_IFDIR;
    facts.st_nlink = 2 + directories_in(inode);  // Its name, its `.`, and the `..` of each of them.
  } else if (inode.is_page()) {
    facts.st_mode = S_IFREG;
    facts.st_size = static_cast<off_t>(engine_.page_size());
    facts.st_blocks = static_cast<blkcnt_t>(engine_.page_size() / kSectorSize);
  } else if (inode.kind() == InodeKind::Staging) {
    describe_staging(inode, facts);
  } else if (inode.is_control()) {
    facts.st_mode = S_IFREG;
    facts.st_size = static_cast<off_t>(text_of(inode).size());
  } else {
    facts.st_mode = S_IFLNK;
    facts.st_size = static_cast<off_t>(link_target(inode).size());
  }
  attributes_.fill(inode.without_version(), facts, mask_of(inode));
  if (S_ISLNK(facts.st_mode)) facts.st_mode = S_IFLNK | 0777;
  // A commit changes a protected page's times when the kernel does not look.
  entry.lasting_attributes = inode.kind() != InodeKind::Protected &&
                             inode.kind() != InodeKind::Staging && !inode.is_control();
  // A rename takes the inode along to the name of a page, where it must not be found again. Facts
  // go when their page goes, by another name.
  entry.lasting_name = inode.kind() != InodeKind::Staging && inode.kind() != InodeKind::PageFacts &&
                       inode.kind() != InodeKind::ProtectedFacts;
  return entry;
}

void Namespace::describe_staging(Inode inode, struct stat& facts) const {
  facts.st_mode = S_IFREG;
  const auto file = staging_.find(inode);
  if (!file || !staging_.is_named(inode)) facts.st_nlink = 0;
  if (!file) return;
  const MutexLock lock(file->mutex);
  facts.st_size = static_cast<off_t>(file->content.size());
  facts.st_blocks = static_cast<blkcnt_t>(file->content.stored() / kSectorSize);
}

std::size_t Namespace::directories_in(Inode directory) const {
  if (const ReceiptTable* receipts = receipts_in(directory)) return receipts->count();
  return static_cast<std::size_t>(
      std::ranges::count_if(kFixedTree, [this, directory](const FixedEntry& entry) {
        return directory.is(entry.parent) && is_directory(entry.inode);
      }));
}

/// The root's is itself: what it is mounted in is not ours to know.
Inode Namespace::parent_of(Inode directory) {
  if (directory.kind() == InodeKind::Receipt) return directory_of_receipt(directory);
  for (const FixedEntry& entry : kFixedTree) {
    if (directory == entry.inode) return entry.parent;
  }
  return directory;
}

Done Namespace::change_attributes(Inode inode, const AttributeChange& change) {
  if (inode.kind() == InodeKind::Staging) {
    const auto file = staging_.find(inode);
    if (!file) return fail(Reason::PageIsGone);
    inode = file->is_now();
  } else if (presence_of(inode) == Presence::Gone) {
    return fail(Reason::PageIsGone);
  }
  if (!change.empty()) attributes_.change(inode.without_version(), change);
  return {};
}

/// The kernel means a page that had the number before.
bool Namespace::is_stale(Inode inode) const {
  return inode.is_page() && inode.version() != static_cast<std::uint16_t>(generations_.of(inode));
}

struct statvfs Namespace::statistics() const {
  const StoreCounts counts = engine_.counts();
  struct statvfs facts {};
  facts.f_bsize = engine_.page_size();
  facts.f_frsize = engine_.page_size();
  facts.f_blocks = engine_.capacity().value;
  facts.f_bfree = engine_.capacity().value - (counts.total.value - counts.free.value);
  facts.f_bavail = facts.f_bfree;
  facts.f_files = counts.regular.value + counts.protected_pages.value + facts.f_bfree;
  facts.f_ffree = facts.f_bfree;
  facts.f_favail = facts.f_bfree;
  facts.f_namemax = kMaxNameLength;
  return facts;
}

// --- Listings

Done Namespace::list(Inode directory, std::uint64_t offset, const EntryVisitor& visit) const {
  if (!is_directory(directory)) return fail(Reason::NotADirectory);
  if (!exists(directory)) return {};  // A receipt that was removed: an empty listing.
  const Entry self = entry_of(directory);
  if (offset < 1 && !visit(".", self, 1)) return {};
  if (offset < kFirstEntryOffset &&
      !visit("..", entry_of(parent_of(directory)), kFirstEntryOffset)) {
    return {};
  }
  std::uint64_t from = offset <= kFirstEntryOffset ? 0 : offset - kFirstEntryOffset;
  while (const auto next = next_entry(directory, from)) {
    const std::uint64_t behind = next->position + 1;
    const auto entry = entry_if_there(next->inode);
    if (entry && !visit(next->name, *entry, behind + kFirstEntryOffset)) return {};
    from = behind;
  }
  return {};
}

/// The first page from that number on, in a directory that has an entry for each.
std::optional<std::uint64_t> Namespace::next_number(Inode directory, std::uint64_t from) const {
  if (from >= kFirstStaging) return std::nullopt;
  if (directory.is(FixedDirectory::Pages) || directory.is(FixedDirectory::ControlPages)) {
    const auto page = engine_.next_page(PageNumber{from});
    return page ? std::optional(page->value) : std::nullopt;
  }
  if (directory.is(FixedDirectory::Protected) || directory.is(FixedDirectory::ControlProtected)) {
    const auto page = engine_.next_protected(ProtectedNumber{from});
    return page ? std::optional(page->value) : std::nullopt;
  }
  return std::nullopt;
}

/// The first entry at position `from` or later. Positions are numbers of pages or receipts, and
/// behind all pages those of staging files, so that they mean the same whatever comes and goes.
std::optional<Namespace::Listed> Namespace::next_entry(Inode directory, std::uint64_t from) const {
  const auto listed = [](Inode inode, std::uint64_t number) {
    return Listed{inode, std::to_string(number), number};
  };
  if (const auto number = next_number(directory, from)) {
    return listed(page_in(directory, *number), *number);
  }
  if (holds_pages(directory)) {
    const std::uint64_t from_staging = std::max(from, kFirstStaging) - kFirstStaging;
    const auto next = staging_.next(directory.directory(), from_staging);
    if (!next) return std::nullopt;
    const Inode inode = next->file->inode();
    return Listed{inode, next->name, kFirstStaging + inode.number()};
  }
  if (directory.kind() == InodeKind::Receipt) {
    const FixedDirectory receipts = directory_of_receipt(directory);
    const auto entry = receipts_in(receipts)->next_entry(receipt_number(directory), from);
    return entry ? std::optional(listed({link_kind(receipts), *entry}, *entry)) : std::nullopt;
  }
  if (const ReceiptTable* receipts = receipts_in(directory)) {
    const auto next = receipts->next(from);
    if (!next) return std::nullopt;
    return Listed{receipt_inode(directory.directory(), next->receipt), next->name, next->receipt};
  }
  for (; from < kFixedTree.size(); ++from) {
    const FixedEntry& entry = kFixedTree[from];
    if (directory.is(entry.parent)) {
      return Listed{entry.inode, std::string(entry.name), from};
    }
  }
  return std::nullopt;
}

}  // namespace mappedpages::fs
