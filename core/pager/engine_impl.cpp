#include "pager/engine_impl.hpp"

#include <optional>
#include <string>

#include "base/try.hpp"
#include "pager/refusals.hpp"

namespace mappedpages {
Status Engine::Impl::require_usable(PageNumber page) const {
  // What was freed while somebody looked at it stays usable for them.
  if (pins.pages.kept(page)) return {};
  switch (store->use_of(page)) {
    case PageUse::Regular:
      return {};
    case PageUse::Free:
      break;
    case PageUse::Internal:
      return refuse(ErrorCode::InternalPage, name_of(page) + " is used by the pager itself");
    case PageUse::Reserved:
      return refuse(ErrorCode::ReservedPage, name_of(page) + " is reserved");
    case PageUse::OutOfBounds:
      return refuse(ErrorCode::OutOfBounds, name_of(page) + " is beyond the capacity");
  }
  // It may have been freed between the two questions, by a commit that is about to ask who looks.
  store->settle();
  if (pins.pages.kept(page) || store->use_of(page) == PageUse::Regular) return {};
  return not_allocated(page);
}

Status Engine::Impl::require_unpinned(const Change& change) const {
  for (const PageNumber page : change.free_pages) {
    if (pins.pages.pinned(page)) return pinned_error(page);
  }
  for (const ProtectedNumber page : change.free_protected) {
    if (pins.protected_pages.pinned(page)) return pinned_error(page);
  }
  return {};
}

Result<std::uint64_t> Engine::Impl::place(PageNumber page, std::uint64_t offset,
                                          std::size_t size) const {
  TRY(require_usable(page));
  if (offset > store->page_size() || size > store->page_size() - offset) {
    return refuse(ErrorCode::OutOfBounds, "bytes past the end of " + name_of(page));
  }
  TRY_ASSIGN(const std::uint64_t begin, store->locate(page));
  return begin + offset;
}

Result<Allocation> Engine::Impl::submit(const Change& change) {
  TRY(file.writable());
  if (change.empty()) return Allocation{};
  Claim claim(claims, changed_pages(change));
  auto done = queue->submit(change);
  if (done) claim.set_changed();
  return done;
}

/// Asked with the pages claimed: who opens a writer later waits for the commit.
Status Engine::Impl::require_no_writer(const Change& change) const {
  for (const ProtectedWrite& write : change.writes) {
    if (writers.has(write.page)) return writer_active(write.page);
  }
  return {};
}

Result<Allocation> Engine::Impl::submit_checked(const Change& change) {
  TRY(file.writable());
  if (change.empty()) return Allocation{};
  Claim claim(claims, changed_pages(change));
  TRY(admit(change));
  auto done = queue->submit(change);
  if (done) claim.set_changed();
  return done;
}

Result<Allocation> Engine::Impl::submit_unchanged(const Change& change,
                                                  std::span<const Touch> touched) {
  TRY(file.writable());
  if (change.empty()) return Allocation{};
  if (!claims.claim_unchanged(touched)) {
    return refuse(ErrorCode::Conflict, "another commit changed a page of this batch");
  }
  std::vector<PageKey> pages;
  pages.reserve(touched.size());
  for (const Touch& touch : touched) pages.push_back(touch.page);
  const auto commit = [&]() -> Result<Allocation> {
    TRY(admit(change));
    return queue->submit(change);
  };
  auto done = commit();
  claims.release(pages, done.has_value());
  return done;
}

void Engine::Impl::commit_together(std::vector<AsyncChange>& changes) {
  std::vector<PageKey> pages;
  for (const AsyncChange& one : changes) {
    for (const PageKey page : changed_pages(one.change)) pages.push_back(page);
  }
  std::vector<GroupMember> members;
  std::vector<Status> admitted;
  {
    // Counted as changed where some fail: a batch is then refused once too often.
    Claim claim(claims, std::move(pages));
    claim.set_changed();
    for (const AsyncChange& one : changes) {
      admitted.push_back(admit(one.change));
      if (admitted.back()) members.push_back({.change = &one.change});
    }
    queue->submit(members);
  }
  auto member = members.begin();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (admitted[i]) {
      changes[i].done(std::move((member++)->result));
    } else {
      changes[i].done(tl::unexpected(admitted[i].error()));
    }
  }
}

Status Engine::Impl::admit(const Change& change) const {
  TRY(file.writable());
  TRY(require_unpinned(change));
  return require_no_writer(change);
}

Result<std::span<std::byte>> Engine::Impl::view(PageNumber page, bool for_stores) {
  const InUse in_use(pins.pages, page);
  TRY_ASSIGN(const std::uint64_t offset, place(page, 0, store->page_size()));
  const PageNumber last{store->counts().total.value - 1};
  TRY_ASSIGN(const std::uint64_t last_offset, store->locate(last));
  const std::uint64_t end = last_offset + store->page_size();
  if (for_stores) return page_map.view_mut(offset, store->page_size(), end);
  return page_map.view(offset, store->page_size(), end);
}

Status Engine::Impl::copy_to(io::StorageFile& target, const Progress& progress) {
  const MutexLock lock(one_copy);
  const bool latched = file.latched().has_value();
  TRY_ASSIGN(const bool cloned, queue->between_commits([&]() -> Result<bool> {
    if (!latched) {
      TRY_ASSIGN(const bool shared, target.clone_from(file.unguarded()));
      if (shared) return true;
    }
    TRY(store->begin_copy(target));
    return false;
  }));
  if (!cloned) TRY(store->finish_copy(progress));
  return target.sync();
}

}  // namespace mappedpages
