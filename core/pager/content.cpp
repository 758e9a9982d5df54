// What pages hold: reading, writing, views, pins and writers.
#include "base/try.hpp"
#include "pager/engine_impl.hpp"
#include "pager/refusals.hpp"

namespace mappedpages {

// --- Content

Status Engine::read(PageNumber page, std::uint64_t offset, std::span<std::byte> out) const {
  const InUse in_use(impl_->pins.pages, page);
  TRY_ASSIGN(const std::uint64_t at, impl_->place(page, offset, out.size()));
  return impl_->file.read_at(at, out);
}

Status Engine::write(PageNumber page, std::uint64_t offset, std::span<const std::byte> bytes) {
  const InUse in_use(impl_->pins.pages, page);
  TRY_ASSIGN(const std::uint64_t at, impl_->place(page, offset, bytes.size()));
  TRY(impl_->file.writable());
  Status done = impl_->file.write_at(at, bytes);
  impl_->writes_done.fetch_add(1);
  return done;
}

Status Engine::flush(PageNumber page) {
  const InUse in_use(impl_->pins.pages, page);
  TRY(impl_->require_usable(page));
  return flush_all();
}

Status Engine::flush_all() {
  TRY(impl_->file.writable());
  const std::uint64_t written = impl_->writes_done.load();
  const bool all_flushed = impl_->writes_flushed.load() >= written;
  if (all_flushed && !impl_->viewed_for_writing.load()) return {};
  TRY(impl_->file.sync());
  // A write that returned after the flush began is not in `written`. Others may be ahead of us.
  std::uint64_t flushed = impl_->writes_flushed.load();
  while (flushed < written && !impl_->writes_flushed.compare_exchange_weak(flushed, written)) {
  }
  return {};
}

Result<ProtectedInfo> Engine::read(ProtectedNumber page, std::span<std::byte> out) const {
  const InUse in_use(impl_->pins.protected_pages, page);
  return impl_->store->read(page, out);
}

// --- Views

Result<std::span<const std::byte>> Engine::view(PageNumber page) const {
  return impl_->view(page, false);
}

Result<std::span<std::byte>> Engine::view_mut(PageNumber page) {
  TRY(impl_->file.writable());
  TRY_ASSIGN(const auto bytes, impl_->view(page, true));
  impl_->viewed_for_writing.store(true);
  return bytes;
}

// --- Pins

Result<PagePin> Engine::pin(PageNumber page) {
  // First the interest, then the question: a free in between either sees it or is seen.
  impl_->pins.pages.add(page, Interest::Pin);
  PagePin pin(*this, page);
  if (impl_->store->use_of(page) == PageUse::Regular) return pin;
  TRY(impl_->require_usable(page));
  return not_allocated(page);  // Freed, and kept for somebody else.
}

Result<ProtectedPin> Engine::pin(ProtectedNumber page) {
  impl_->pins.protected_pages.add(page, Interest::Pin);
  ProtectedPin pin(*this, page);
  if (!impl_->store->info(page)) return not_allocated(page);
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
  // Now, and not only when it commits: what is staged after a failure could not be kept.
  TRY(impl_->file.writable());
  if (!impl_->writers.enter(page)) return writer_active(page);
  // A commit of this page that runs now does not look for writers any more.
  impl_->claims.wait_for(PageKey(page));
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
