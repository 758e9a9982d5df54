// The tree: what makes and removes names.
#include <fcntl.h>

#include "fs/names.hpp"
#include "fs/namespace.hpp"
#include "fs/receipt_inode.hpp"

namespace mappedpages::fs {

Answer<Entry> Namespace::make_directory(Inode parent, std::string_view name) {
  ReceiptTable* receipts = receipts_in(parent);
  if (receipts == nullptr) return fail(EPERM);
  const auto count = parse_receipt_count(name);
  if (!count) return tl::unexpected(count.error());
  if (engine_.read_only()) return fail(EROFS);
  // The name first: of two who want it, one must allocate nothing.
  const auto receipt = receipts->reserve(name);
  if (!receipt) return tl::unexpected(receipt.error());
  const auto numbers = allocate(parent, *count);
  if (!numbers) {
    receipts->cancel(*receipt);
    return tl::unexpected(numbers.error());
  }
  receipts->fill(*receipt, *numbers);
  return entry_of(receipt_inode(parent.directory(), *receipt));
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

Done Namespace::remove_directory(Inode parent, std::string_view name) {
  ReceiptTable* receipts = receipts_in(parent);
  if (receipts != nullptr) return receipts->remove(name);
  const auto inode = find(parent, name);
  if (!inode) return tl::unexpected(inode.error());
  return fail(is_directory(*inode) ? EPERM : ENOTDIR);
}

Done Namespace::remove(Inode parent, std::string_view name) {
  const auto inode = find(parent, name);
  if (!inode) return tl::unexpected(inode.error());
  if (is_directory(*inode)) return fail(EISDIR);
  if (parent.kind() == InodeKind::Receipt) {
    return receipts_in(directory_of_receipt(parent))
        ->remove_entry(receipt_number(parent), inode->number());
  }
  return free_page(*inode);
}

Done Namespace::free_page(Inode inode) {
  // Before, because once it is freed somebody may be given the number, and find the name while the
  // kernel still has the old inode under it. And after, for who looked it up in between. The kernel
  // removes the names of one directory one after another.
  generations_.count(inode, 1);
  const Status freed = inode.kind() == InodeKind::Page
                           ? engine_.free_when_unpinned(PageNumber{inode.number()})
                           : engine_.free_when_unpinned(ProtectedNumber{inode.number()});
  if (!freed) {
    generations_.count(inode, -1);
    return fail(freed.error(), reporter_);
  }
  attributes_.forget(inode);
  generations_.count(inode, 1);
  return {};
}

Answer<std::pair<Entry, Opened>> Namespace::create(Inode parent, std::string_view name, int flags) {
  if (!parent.is(FixedDirectory::Pages)) return fail(EPERM);
  const auto number = parse_new_number(name);
  if (!number) return tl::unexpected(number.error());
  const PageNumber page{*number};
  if (auto made = engine_.alloc_at(page); !made) {
    const bool there = made.error().code() == ErrorCode::AlreadyAllocated;
    if (!there || (flags & O_EXCL) != 0) return fail(made.error(), reporter_);
  }
  const auto opened = open_page(page, flags);
  if (!opened) return tl::unexpected(opened.error());
  return std::pair(entry_of(page), *opened);
}

}  // namespace mappedpages::fs
