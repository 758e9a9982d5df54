#include "mappedpages/engine.hpp"

#include <algorithm>
#include <atomic>
#include <string>

#include "base/page_store.hpp"
#include "base/try.hpp"
#include "io/guarded_file.hpp"
#include "io/posix_file.hpp"
#include "mppg0/create.hpp"
#include "mppg0/store.hpp"
#include "mppg0/verify.hpp"
#include "pager/commit_queue.hpp"
#include "pager/pin_table.hpp"
#include "pager/writer_table.hpp"

namespace mappedpages {
namespace {

template <class Number>
tl::unexpected<Error> not_allocated(const char* what, Number page) {
  return tl::unexpected(
      Error(ErrorCode::NotAllocated, what + std::to_string(page.value) + " is not allocated"));
}

template <class Number>
tl::unexpected<Error> pinned_error(const char* what, Number page) {
  return tl::unexpected(
      Error(ErrorCode::PagePinned, what + std::to_string(page.value) + " is pinned"));
}

constexpr const char* kPage = "page ";
constexpr const char* kProtected = "protected page ";

/// The right to write some protected pages, for the length of a scope.
class WriterSlots {
 public:
  explicit WriterSlots(WriterTable& table) : table_(table) {}
  ~WriterSlots() {
    for (const ProtectedNumber page : pages_) table_.leave(page);
  }
  WriterSlots(const WriterSlots&) = delete;
  WriterSlots& operator=(const WriterSlots&) = delete;

  bool enter(ProtectedNumber page) {
    if (!table_.enter(page)) return false;
    pages_.push_back(page);
    return true;
  }

 private:
  WriterTable& table_;
  std::vector<ProtectedNumber> pages_;
};

tl::unexpected<Error> writer_active(ProtectedNumber page) {
  return tl::unexpected(
      Error(ErrorCode::WriterActive,
            "protected page " + std::to_string(page.value) + " has a writer already"));
}

}  // namespace

// The parts, in the order in which they use each other: the queue feeds the store, the store writes
// the file and asks the pins.
class Engine::Impl {
 public:
  Impl(std::unique_ptr<io::StorageFile> storage, bool read_only)
      : file(std::move(storage), read_only) {}

  io::GuardedFile file;
  mutable PinTable pins;
  std::unique_ptr<PageStore> store;
  std::unique_ptr<CommitQueue> queue;
  WriterTable writers;

  // Writes to regular pages that have returned, and how many of them a flush has covered. Counted
  // after the write: a flush that began before it ended does not count for it.
  std::atomic<std::uint64_t> writes_done{0};
  std::atomic<std::uint64_t> writes_flushed{0};

  /// Whether the page's bytes may be used: it is allocated, or was freed while in use.
  [[nodiscard]] bool usable(PageNumber page) const {
    return store->use_of(page) == PageUse::Regular || pins.pages.kept(page);
  }

  /// Where the bytes lie in the file, or why they cannot be used.
  [[nodiscard]] Result<std::uint64_t> place(PageNumber page, std::uint64_t offset,
                                            std::size_t size) const {
    if (!usable(page)) return unusable(page);
    if (offset > store->page_size() || size > store->page_size() - offset) {
      return tl::unexpected(Error(ErrorCode::OutOfBounds,
                                  "bytes past the end of page " + std::to_string(page.value)));
    }
    TRY_ASSIGN(const std::uint64_t begin, store->locate(page));
    return begin + offset;
  }

  [[nodiscard]] tl::unexpected<Error> unusable(PageNumber page) const {
    const std::string number = std::to_string(page.value);
    switch (store->use_of(page)) {
      case PageUse::Reserved:
        return tl::unexpected(Error(ErrorCode::ReservedPage, "page " + number + " is reserved"));
      case PageUse::Internal:
        return tl::unexpected(
            Error(ErrorCode::InternalPage, "page " + number + " is used by the pager itself"));
      case PageUse::OutOfBounds:
        return tl::unexpected(
            Error(ErrorCode::OutOfBounds, "page " + number + " is beyond the capacity"));
      default:
        return not_allocated(kPage, page);
    }
  }

  Status require_unpinned(const Change& change) const {
    for (const PageNumber page : change.free_pages) {
      if (pins.pages.pinned(page)) return pinned_error(kPage, page);
    }
    for (const ProtectedNumber page : change.free_protected) {
      if (pins.protected_pages.pinned(page)) return pinned_error(kProtected, page);
    }
    return {};
  }

  Result<Allocation> submit(const Change& change) const {
    if (file.read_only()) {
      return tl::unexpected(Error(ErrorCode::ReadOnly, file.name() + " was opened read-only"));
    }
    if (change.empty()) return Allocation{};
    return queue->submit(change);
  }

  Status submit_unpinned(const Change& change) const {
    TRY(require_unpinned(change));
    TRY(submit(change));
    return {};
  }
};

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
  if (impl_->writes_done.load() == 0) return {};
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
Result<ProtectedInfo> Engine::info(ProtectedNumber page) const {
  return impl_->store->info(page);
}
Result<std::uint64_t> Engine::page_offset(PageNumber page) const {
  return impl_->store->locate(page);
}
std::optional<PageNumber> Engine::next_page(PageNumber from) const {
  return impl_->store->next_regular(from);
}
std::optional<ProtectedNumber> Engine::next_protected(ProtectedNumber from) const {
  return impl_->store->next_protected(from);
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
  return impl_->submit_unpinned({.free_pages = {pages.begin(), pages.end()}});
}

Status Engine::free_when_unpinned(PageNumber page) {
  TRY(impl_->submit({.free_pages = {page}}));
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

Status Engine::free_protected(ProtectedNumber page) {
  return free_protected_bulk({&page, 1});
}

Status Engine::free_protected_bulk(std::span<const ProtectedNumber> pages) {
  return impl_->submit_unpinned({.free_protected = {pages.begin(), pages.end()}});
}

Status Engine::free_when_unpinned(ProtectedNumber page) {
  TRY(impl_->submit({.free_protected = {page}}));
  return {};
}

Result<Allocation> Engine::commit(const Change& change) {
  TRY(impl_->require_unpinned(change));
  WriterSlots slots(impl_->writers);
  for (const ProtectedWrite& write : change.writes) {
    if (!slots.enter(write.page)) return writer_active(write.page);
  }
  return impl_->submit(change);
}

// --- Content

Status Engine::read(PageNumber page, std::uint64_t offset, std::span<std::byte> out) const {
  const InUse in_use(impl_->pins.pages, page);
  TRY_ASSIGN(const std::uint64_t at, impl_->place(page, offset, out.size()));
  return impl_->file.read_at(at, out);
}

Status Engine::write(PageNumber page, std::uint64_t offset, std::span<const std::byte> bytes) {
  const InUse in_use(impl_->pins.pages, page);
  TRY_ASSIGN(const std::uint64_t at, impl_->place(page, offset, bytes.size()));
  Status done = impl_->file.write_at(at, bytes);
  impl_->writes_done.fetch_add(1);
  return done;
}

Status Engine::flush(PageNumber page) {
  const InUse in_use(impl_->pins.pages, page);
  if (!impl_->usable(page)) return impl_->unusable(page);
  return flush_all();
}

Status Engine::flush_all() {
  return impl_->file.sync();
}

Result<ProtectedInfo> Engine::read(ProtectedNumber page, std::span<std::byte> out) const {
  const InUse in_use(impl_->pins.protected_pages, page);
  return impl_->store->read(page, out);
}

// --- Pins

Result<PagePin> Engine::pin(PageNumber page) {
  // First the interest, then the question: a free in between either sees it or is seen.
  impl_->pins.pages.add(page, Interest::Pin);
  PagePin pin(*this, page);
  if (impl_->store->use_of(page) != PageUse::Regular) return impl_->unusable(page);
  return pin;
}

Result<ProtectedPin> Engine::pin(ProtectedNumber page) {
  impl_->pins.protected_pages.add(page, Interest::Pin);
  ProtectedPin pin(*this, page);
  if (!impl_->store->info(page)) return not_allocated(kProtected, page);
  return pin;
}

void Engine::unpin(PageNumber page) noexcept {
  impl_->pins.pages.remove(page, Interest::Pin);
}
void Engine::unpin(ProtectedNumber page) noexcept {
  impl_->pins.protected_pages.remove(page, Interest::Pin);
}

// --- Writers

Result<ProtectedWriter> Engine::writer(ProtectedNumber page) {
  if (impl_->file.read_only()) {
    return tl::unexpected(Error(ErrorCode::ReadOnly, impl_->file.name() + " was opened read-only"));
  }
  if (!impl_->writers.enter(page)) return writer_active(page);
  // The writer keeps the number from being handed out to somebody else under it.
  impl_->pins.protected_pages.add(page, Interest::Call);
  ProtectedWriter writer(*this, page, std::vector<std::byte>(page_size()));
  TRY(impl_->store->read(page, writer.bytes()));
  return writer;
}

ProtectedWriter::ProtectedWriter(Engine& engine, ProtectedNumber page, std::vector<std::byte> bytes)
    : engine_(&engine), page_(page), bytes_(std::move(bytes)) {}

ProtectedWriter::ProtectedWriter(ProtectedWriter&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)),
      page_(other.page_),
      bytes_(std::move(other.bytes_)) {}

ProtectedWriter& ProtectedWriter::operator=(ProtectedWriter&& other) noexcept {
  if (this != &other) {
    close();
    engine_ = std::exchange(other.engine_, nullptr);
    page_ = other.page_;
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

ProtectedWriter::~ProtectedWriter() {
  close();
}

void ProtectedWriter::close() noexcept {
  Engine* engine = std::exchange(engine_, nullptr);
  if (engine == nullptr) return;
  engine->impl_->writers.leave(page_);
  engine->impl_->pins.protected_pages.remove(page_, Interest::Call);
}

Status ProtectedWriter::commit() {
  TRY(engine_->impl_->submit({.writes = {{page_, bytes_}}}));
  return {};
}

}  // namespace mappedpages
