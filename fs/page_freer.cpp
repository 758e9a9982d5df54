#include "fs/page_freer.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace mappedpages::fs {
namespace {

template <class Number>
std::vector<Number> numbers_of(std::span<const Inode> pages) {
  std::vector<Number> numbers;
  numbers.reserve(pages.size());
  for (const Inode page : pages) numbers.emplace_back(page.number());
  return numbers;
}

/// In a function of its own, because a lambda does not know that the lock of its set is held.
bool holds_any(const std::unordered_set<std::uint64_t>& inodes, std::span<const Inode> pages) {
  return std::ranges::any_of(
      pages, [&](Inode page) { return inodes.contains(page.without_version().bits()); });
}

}  // namespace

PageFreer::Claim::Claim(PageFreer& freer, std::span<const Inode> pages)
    : freer_(freer), pages_(pages) {
  const MutexLock lock(freer_.mutex_);
  while (freer_.any_claimed(pages_)) freer_.changed_.wait(freer_.mutex_);
  for (const Inode page : pages_) freer_.claimed_.insert(page.without_version().bits());
}

PageFreer::Claim::~Claim() {
  {
    const MutexLock lock(freer_.mutex_);
    for (const Inode page : pages_) freer_.claimed_.erase(page.without_version().bits());
  }
  freer_.changed_.notify_all();
}

bool PageFreer::any_claimed(std::span<const Inode> pages) const {
  return holds_any(claimed_, pages);
}

std::uint64_t PageFreer::generation_of(Inode page) const {
  const MutexLock lock(mutex_);
  while (any_claimed({&page, 1})) changed_.wait(mutex_);
  return generations_.of(page);
}

Done PageFreer::free(std::span<const Inode> pages) {
  // Two who freed one page at once, one of them in vain, could leave it a generation that it has
  // had.
  const Claim claim(*this, pages);
  for (const Inode page : pages) {
    if (auto may = require_allocated(page); !may) return may;
  }
  // Before, because once it is freed somebody may be given the number while the kernel still has
  // the old inode under its name: that is stale from now on. And after, so that the successor has
  // another one than what `generation_of` does not tell.
  count(pages, 1);
  if (const Status freed = commit(pages); !freed) {
    count(pages, -1);
    return fail(freed.error(), reporter_);
  }
  for (const Inode page : pages) attributes_.forget(page.without_version());
  count(pages, 1);
  return {};
}

/// Asked before anything is counted, so that a wrong number changes nothing for the right ones.
Done PageFreer::require_allocated(Inode page) const {
  const auto refuse = [page](Reason reason) {
    const char* kind = page.kind() == InodeKind::Page ? "page " : "protected page ";
    return fail(reason, kind + std::to_string(page.number()));
  };
  if (page.kind() == InodeKind::Protected) {
    const bool there = engine_.info(ProtectedNumber{page.number()}).has_value();
    return there ? Done{} : refuse(Reason::NotAllocated);
  }
  switch (engine_.use_of(PageNumber{page.number()})) {
    case PageUse::Regular:
      return {};
    case PageUse::Internal:
      return refuse(Reason::UsedByPager);
    case PageUse::Reserved:
      return refuse(Reason::ReservedNumber);
    default:
      return refuse(Reason::NotAllocated);
  }
}

Status PageFreer::commit(std::span<const Inode> pages) {
  if (pages.front().kind() == InodeKind::Page) {
    return engine_.free_bulk_when_unpinned(numbers_of<PageNumber>(pages));
  }
  return engine_.free_bulk_when_unpinned(numbers_of<ProtectedNumber>(pages));
}

void PageFreer::count(std::span<const Inode> pages, std::int64_t by) {
  for (const Inode page : pages) generations_.count(page, by);
}

}  // namespace mappedpages::fs
