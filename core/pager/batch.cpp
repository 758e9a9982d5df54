#include "mappedpages/batch.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/try.hpp"
#include "pager/batch_impl.hpp"
#include "pager/refusals.hpp"

namespace mappedpages {

// --- What a batch collects

Batch::Impl::~Impl() {
  clear();
}

void Batch::Impl::clear() {
  Allocation promised;
  promised.pages.assign(new_pages_.begin(), new_pages_.end());
  promised.protected_pages.assign(new_protected_.begin(), new_protected_.end());
  // An empty batch asks nothing of an engine that may be gone.
  if (!promised.empty()) engine_.store->take_back(std::move(promised));
  forget_all();
}

/// Lets go of everything without giving numbers back.
void Batch::Impl::forget_all() {
  for (const Touch& touch : touched_) engine_.claims.forget(touch.page);
  touched_.clear();
  touched_keys_.clear();
  new_pages_.clear();
  new_protected_.clear();
  contents_.clear();
  writes_.clear();
  freed_pages_.clear();
  freed_protected_.clear();
}

Result<Allocation> Batch::Impl::reserve(PageCount pages, PageCount protected_pages) {
  if (pages.value == 0 && protected_pages.value == 0) return Allocation{};
  TRY_ASSIGN(Allocation promised, engine_.queue->between_commits([&] {
    return engine_.store->promise(pages, protected_pages);
  }));
  new_pages_.insert(promised.pages.begin(), promised.pages.end());
  new_protected_.insert(promised.protected_pages.begin(), promised.protected_pages.end());
  return promised;
}

template <class Number>
bool Batch::Impl::touch(Number page) {
  const PageKey key(page);
  if (!touched_keys_.insert(key).second) return false;
  touched_.push_back(engine_.claims.touch(key));
  return true;
}

/// The last touch led to nothing.
void Batch::Impl::untouch() {
  engine_.claims.forget(touched_.back().page);
  touched_keys_.erase(touched_.back().page);
  touched_.pop_back();
}

Status Batch::Impl::free(PageNumber page) {
  TRY(engine_.file.writable());
  if (new_pages_.erase(page) != 0) {
    contents_.erase(page);
    engine_.store->take_back({.pages = {page}, .protected_pages = {}});
    return {};
  }
  if (freed_pages_.contains(page)) {
    return refuse(ErrorCode::DoubleFree, name_of(page) + " is freed by this batch already");
  }
  const bool is_first = touch(page);
  if (auto may = may_free(page); !may) {
    if (is_first) untouch();
    return may;
  }
  freed_pages_.insert(page);
  return {};
}

Status Batch::Impl::may_free(PageNumber page) const {
  if (engine_.store->use_of(page) != PageUse::Regular) {
    Status usable = engine_.require_usable(page);
    if (!usable && usable.error().code() != ErrorCode::NotAllocated) return usable;
    return refuse(ErrorCode::DoubleFree, name_of(page) + " is not allocated");
  }
  if (engine_.pins.pages.pinned(page)) return pinned_error(page);
  return {};
}

Status Batch::Impl::free(ProtectedNumber page) {
  TRY(engine_.file.writable());
  if (new_protected_.erase(page) != 0) {
    writes_.erase(page);
    engine_.store->take_back({.pages = {}, .protected_pages = {page}});
    return {};
  }
  if (freed_protected_.contains(page)) {
    return refuse(ErrorCode::DoubleFree, name_of(page) + " is freed by this batch already");
  }
  const bool is_first = touch(page);
  Status may;
  if (!engine_.store->info(page)) {
    may = refuse(ErrorCode::DoubleFree, name_of(page) + " is not allocated");
  } else if (engine_.pins.protected_pages.pinned(page)) {
    may = pinned_error(page);
  }
  if (!may) {
    if (is_first) untouch();
    return may;
  }
  writes_.erase(page);
  freed_protected_.insert(page);
  return {};
}

Result<Batch::Impl::Staged*> Batch::Impl::stage(ProtectedNumber page, bool with_content) {
  TRY(engine_.file.writable());
  if (const auto found = writes_.find(page); found != writes_.end()) return &found->second;
  if (freed_protected_.contains(page)) return not_allocated(page);
  Staged staged{.bytes = std::vector<std::byte>(engine_.store->page_size()), .relocate = false};
  if (new_protected_.contains(page)) return &(writes_[page] = std::move(staged));
  const bool is_first = touch(page);
  const auto there =
      with_content ? engine_.store->read(page, staged.bytes) : engine_.store->info(page);
  if (!there) {
    if (is_first) untouch();
    return tl::unexpected(there.error());
  }
  return &(writes_[page] = std::move(staged));
}

Result<std::span<std::byte>> Batch::Impl::content_of(PageNumber page) {
  if (!new_pages_.contains(page)) {
    return refuse(ErrorCode::InvalidArgument, name_of(page) + " is not allocated by this batch");
  }
  auto& bytes = contents_[page];
  bytes.resize(engine_.store->page_size());
  return std::span(bytes);
}

bool Batch::Impl::empty() const {
  return new_pages_.empty() && new_protected_.empty() && writes_.empty() && freed_pages_.empty() &&
         freed_protected_.empty();
}

Status Batch::Impl::commit() {
  Change change;
  change.free_pages.assign(freed_pages_.begin(), freed_pages_.end());
  change.free_protected.assign(freed_protected_.begin(), freed_protected_.end());
  change.reserved.pages.assign(new_pages_.begin(), new_pages_.end());
  change.reserved.protected_pages.assign(new_protected_.begin(), new_protected_.end());
  for (const auto& [page, staged] : writes_) {
    change.writes.push_back({page, staged.bytes, staged.relocate});
  }
  for (const auto& [page, bytes] : contents_) change.contents.push_back({page, bytes});
  TRY(engine_.submit_unchanged(change, touched_));
  forget_all();
  return {};
}

// --- The face

Batch::Batch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Batch::Batch(Batch&& other) noexcept = default;
Batch& Batch::operator=(Batch&& other) noexcept = default;
Batch::~Batch() = default;

Result<PageNumber> Batch::alloc() {
  TRY_ASSIGN(const auto pages, alloc_bulk(PageCount{1}));
  return pages.front();
}

Result<ProtectedNumber> Batch::alloc_protected() {
  TRY_ASSIGN(const auto pages, alloc_protected_bulk(PageCount{1}));
  return pages.front();
}

Result<std::vector<PageNumber>> Batch::alloc_bulk(PageCount count) {
  TRY_ASSIGN(Allocation given, impl_->reserve(count, PageCount{0}));
  return std::move(given.pages);
}

Result<std::vector<ProtectedNumber>> Batch::alloc_protected_bulk(PageCount count) {
  TRY_ASSIGN(Allocation given, impl_->reserve(PageCount{0}, count));
  return std::move(given.protected_pages);
}

Status Batch::free(PageNumber page) {
  return impl_->free(page);
}

Status Batch::free_protected(ProtectedNumber page) {
  return impl_->free(page);
}

Result<std::span<std::byte>> Batch::edit(ProtectedNumber page) {
  TRY_ASSIGN(auto* const staged, impl_->stage(page, true));
  return std::span(staged->bytes);
}

Status Batch::write(ProtectedNumber page, std::span<const std::byte> bytes) {
  if (bytes.size() != impl_->page_size()) {
    return refuse(ErrorCode::InvalidArgument,
                  std::to_string(bytes.size()) + " bytes for " + name_of(page) + ", not one page");
  }
  TRY_ASSIGN(auto* const staged, impl_->stage(page, false));
  std::memcpy(staged->bytes.data(), bytes.data(), bytes.size());
  return {};
}

Status Batch::relocate(ProtectedNumber page) {
  TRY_ASSIGN(auto* const staged, impl_->stage(page, true));
  staged->relocate = true;
  return {};
}

Result<std::span<std::byte>> Batch::fill(PageNumber page) {
  return impl_->content_of(page);
}

bool Batch::empty() const {
  return impl_->empty();
}

Status Batch::commit() {
  return impl_->commit();
}

void Batch::discard() {
  impl_->clear();
}

Batch Engine::batch() {
  return Batch(std::make_unique<Batch::Impl>(*impl_));
}

}  // namespace mappedpages
