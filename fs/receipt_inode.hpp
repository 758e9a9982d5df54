// Inode numbers of receipts, and of what is in them.
#pragma once

#include <cstdint>

#include "fs/inode.hpp"

namespace mappedpages::fs {

/// Receipts of both directories share one kind of inode: the lowest bit tells whose they are.
constexpr Inode receipt_inode(FixedDirectory receipts, std::uint64_t receipt) {
  return {InodeKind::Receipt, receipt * 2 + (receipts == FixedDirectory::AllocPages ? 0 : 1)};
}
constexpr FixedDirectory directory_of_receipt(Inode receipt) {
  return receipt.number() % 2 == 0 ? FixedDirectory::AllocPages : FixedDirectory::AllocProtected;
}
constexpr std::uint64_t receipt_number(Inode receipt) {
  return receipt.number() / 2;
}

/// What is in the receipts of a directory.
constexpr InodeKind link_kind(FixedDirectory receipts) {
  return receipts == FixedDirectory::AllocPages ? InodeKind::PageLink : InodeKind::ProtectedLink;
}

}  // namespace mappedpages::fs
