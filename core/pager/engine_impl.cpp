#include "pager/engine_impl.hpp"

#include <optional>
#include <string>

#include "base/try.hpp"
#include "pager/refusals.hpp"

namespace mappedpages {
namespace {

Status enter_all(WriterSlots& slots, const Change& change) {
  for (const ProtectedWrite& write : change.writes) {
    if (!slots.enter(write.page)) return writer_active(write.page);
  }
  return {};
}

}  // namespace

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

Result<Allocation> Engine::Impl::submit_checked(const Change& change) {
  TRY(require_unpinned(change));
  WriterSlots slots(writers);
  TRY(enter_all(slots, change));
  return submit(change);
}

Result<Allocation> Engine::Impl::submit_unchanged(const Change& change,
                                                  std::span<const Touch> touched) {
  TRY(file.writable());
  if (change.empty()) return Allocation{};
  WriterSlots slots(writers);
  TRY(enter_all(slots, change));
  if (!claims.claim_unchanged(touched)) {
    return refuse(ErrorCode::Conflict, "another commit changed a page of this batch");
  }
  std::vector<PageKey> pages;
  pages.reserve(touched.size());
  for (const Touch& touch : touched) pages.push_back(touch.page);
  Result<Allocation> done;
  if (auto unpinned = require_unpinned(change); !unpinned) {
    done = tl::unexpected(unpinned.error());
  } else {
    done = queue->submit(change);
  }
  claims.release(pages, done.has_value());
  return done;
}

void Engine::Impl::commit_together(std::vector<AsyncChange>& changes) {
  std::vector<std::size_t> admitted;
  std::vector<PageKey> pages;
  WriterSlots slots(writers);
  const auto admit = [&](const Change& change) -> Status {
    TRY(file.writable());
    TRY(require_unpinned(change));
    return enter_all(slots, change);
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Status may = admit(changes[i].change);
    if (!may) {
      changes[i].done(tl::unexpected(may.error()));
      continue;
    }
    admitted.push_back(i);
    for (const PageKey page : changed_pages(changes[i].change)) pages.push_back(page);
  }
  std::vector<GroupMember> members;
  for (const std::size_t i : admitted) members.push_back({.change = &changes[i].change});
  {
    // Counted as changed where some failed: a batch is then refused once too often.
    Claim claim(claims, std::move(pages));
    claim.set_changed();
    queue->submit(members);
  }
  for (std::size_t i = 0; i < admitted.size(); ++i) {
    changes[admitted[i]].done(std::move(members[i].result));
  }
}

Result<std::span<std::byte>> Engine::Impl::view(PageNumber page) {
  const InUse in_use(pins.pages, page);
  TRY_ASSIGN(const std::uint64_t offset, place(page, 0, store->page_size()));
  const PageNumber last{store->counts().total.value - 1};
  TRY_ASSIGN(const std::uint64_t last_offset, store->locate(last));
  return page_map.view(offset, store->page_size(), last_offset + store->page_size());
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
