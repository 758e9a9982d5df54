#include "mappedpages/engine.hpp"

#include "base/try.hpp"
#include "io/posix_file.hpp"
#include "mppg0/create.hpp"
#include "mppg0/store.hpp"
#include "mppg0/verify.hpp"
#include "pager/engine_impl.hpp"

namespace mappedpages {

// --- Opening and closing

Status Engine::create(const std::filesystem::path& path, const CreateOptions& options) {
  return io::create_posix_file(path, [&options](io::StorageFile& file) {
    return mppg0::format_file(file, options.page_size, options.pages);
  });
}

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& path,
                                             const OpenOptions& options) {
  TRY_ASSIGN(auto file, io::open_posix_file(path, {.read_only = options.access == Access::ReadOnly,
                                                   .no_sync = options.no_sync,
                                                   .lock_wait = options.lock_wait}));
  auto engine = open(std::move(file), options);
  if (!engine && engine.error().code() != ErrorCode::Io) {
    return tl::unexpected(engine.error().with_context(path.string()));
  }
  return engine;
}

Result<std::unique_ptr<Engine>> Engine::open(std::unique_ptr<io::StorageFile> file,
                                             const OpenOptions& options) {
  if (options.verify) TRY(mppg0::require_undamaged(*file));
  auto impl = std::make_unique<Impl>(std::move(file), options.access == Access::ReadOnly);
  TRY_ASSIGN(impl->store, mppg0::Store::open(impl->file, impl->pins, {.recover = options.recover}));
  impl->queue = std::make_unique<CommitQueue>(*impl->store);
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Result<CheckReport> Engine::check(const std::filesystem::path& path, const Progress& progress,
                                  std::chrono::milliseconds lock_wait) {
  TRY_ASSIGN(const auto file,
             io::open_posix_file(path, {.read_only = true, .lock_wait = lock_wait}));
  return check(*file, progress);
}

Result<CheckReport> Engine::check(const io::StorageFile& file, const Progress& progress) {
  return mppg0::verify(file, progress);
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() {
  (void)close();
}

Status Engine::close() {
  const bool all_flushed = impl_->writes_flushed.load() >= impl_->writes_done.load();
  if (all_flushed && !impl_->viewed_for_writing.load()) return {};
  return flush_all();
}

// --- Facts

std::uint64_t Engine::page_size() const {
  return impl_->store->page_size();
}
PageCount Engine::capacity() const {
  return impl_->store->capacity();
}
StoreCounts Engine::counts() const {
  return impl_->store->counts();
}
StoreFacts Engine::facts() const {
  return impl_->store->facts();
}
const OpenReport& Engine::open_report() const {
  return impl_->store->open_report();
}
bool Engine::read_only() const {
  return impl_->file.read_only();
}
std::optional<Error> Engine::latched() const {
  return impl_->file.latched();
}

EngineStats Engine::stats() const {
  const StoreTraffic traffic = impl_->store->traffic();
  return {.changes = traffic.changes, .groups = traffic.groups, .flushes = impl_->file.flushes()};
}

PageUse Engine::use_of(PageNumber page) const {
  return impl_->store->use_of(page);
}
bool Engine::is_pinned(PageNumber page) const {
  return impl_->pins.pages.pinned(page);
}
bool Engine::is_pinned(ProtectedNumber page) const {
  return impl_->pins.protected_pages.pinned(page);
}
bool Engine::has_writer(ProtectedNumber page) const {
  return impl_->writers.has(page);
}
std::size_t Engine::writer_count() const {
  return impl_->writers.count();
}
Result<ProtectedInfo> Engine::info(ProtectedNumber page) const {
  return impl_->store->info(page);
}
Result<std::uint64_t> Engine::page_offset(PageNumber page) const {
  return impl_->store->locate(page);
}
std::optional<PageNumber> Engine::next_page(PageNumber from) const {
  return impl_->store->index()->next(from);
}
std::optional<ProtectedNumber> Engine::next_protected(ProtectedNumber from) const {
  return impl_->store->index()->next(from);
}
std::shared_ptr<const PageIndex> Engine::index() const {
  return impl_->store->index();
}
PageRange<PageNumber> Engine::pages() const {
  return PageRange<PageNumber>(impl_->store->index());
}
PageRange<ProtectedNumber> Engine::protected_pages() const {
  return PageRange<ProtectedNumber>(impl_->store->index());
}
std::optional<PageNumber> Engine::next_free() const {
  return impl_->queue->between_commits([this] { return impl_->store->next_free(); });
}

// --- Allocation

Result<PageNumber> Engine::alloc() {
  TRY_ASSIGN(const auto pages, alloc_bulk(PageCount{1}));
  return pages.front();
}

Result<std::vector<PageNumber>> Engine::alloc_bulk(PageCount count) {
  TRY_ASSIGN(Allocation given, impl_->submit({.alloc_pages = count}));
  return std::move(given.pages);
}

Status Engine::alloc_at(PageNumber page) {
  TRY(impl_->submit({.alloc_at = {page}}));
  return {};
}

Status Engine::free(PageNumber page) {
  return free_bulk({&page, 1});
}

Status Engine::free_bulk(std::span<const PageNumber> pages) {
  TRY(impl_->submit_checked({.free_pages = {pages.begin(), pages.end()}}));
  return {};
}

Status Engine::free_when_unpinned(PageNumber page) {
  return free_bulk_when_unpinned({&page, 1});
}

Status Engine::free_bulk_when_unpinned(std::span<const PageNumber> pages) {
  TRY(impl_->submit({.free_pages = {pages.begin(), pages.end()}}));
  return {};
}

Result<ProtectedNumber> Engine::alloc_protected() {
  TRY_ASSIGN(const auto pages, alloc_protected_bulk(PageCount{1}));
  return pages.front();
}

Result<std::vector<ProtectedNumber>> Engine::alloc_protected_bulk(PageCount count) {
  TRY_ASSIGN(Allocation given, impl_->submit({.alloc_protected = count}));
  return std::move(given.protected_pages);
}

Status Engine::alloc_protected_at(ProtectedNumber page) {
  TRY(impl_->submit({.alloc_protected_at = {page}}));
  return {};
}

Status Engine::free_protected(ProtectedNumber page) {
  return free_protected_bulk({&page, 1});
}

Status Engine::free_protected_bulk(std::span<const ProtectedNumber> pages) {
  TRY(impl_->submit_checked({.free_protected = {pages.begin(), pages.end()}}));
  return {};
}

Status Engine::free_when_unpinned(ProtectedNumber page) {
  return free_bulk_when_unpinned({&page, 1});
}

Status Engine::free_bulk_when_unpinned(std::span<const ProtectedNumber> pages) {
  TRY(impl_->submit({.free_protected = {pages.begin(), pages.end()}}));
  return {};
}

Result<Allocation> Engine::commit(const Change& change) {
  return impl_->submit_checked(change);
}

}  // namespace mappedpages
