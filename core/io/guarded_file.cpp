#include "io/guarded_file.hpp"

#include <utility>

#include "base/try.hpp"
#include "io/posix_error.hpp"

namespace mappedpages::io {

GuardedFile::GuardedFile(std::unique_ptr<StorageFile> file, bool read_only)
    : file_(std::move(file)), read_only_(read_only) {}

Status GuardedFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  TRY(writable());
  announce(offset, bytes.size());
  return after_write(file_->write_at(offset, bytes));
}

Status GuardedFile::reserve(std::uint64_t size) {
  TRY(writable());
  return after_write(file_->reserve(size));
}

Status GuardedFile::write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) {
  const MutexLock flushing(flush_mutex_);
  TRY(writable());
  announce(offset, bytes.size());
  flushes_.fetch_add(1, std::memory_order_relaxed);
  return after_flush(file_->write_and_sync(offset, bytes));
}

Status GuardedFile::sync() {
  const MutexLock flushing(flush_mutex_);
  TRY(writable());
  flushes_.fetch_add(1, std::memory_order_relaxed);
  return after_flush(file_->sync());
}

Error GuardedFile::latch(Error cause) {
  const MutexLock lock(mutex_);
  if (!cause_) cause_ = cause;
  is_latched_.store(true, std::memory_order_release);
  return cause;
}

std::optional<Error> GuardedFile::latched() const {
  const MutexLock lock(mutex_);
  return cause_;
}

Status GuardedFile::writable() const {
  if (read_only_) {
    return tl::unexpected(Error(ErrorCode::ReadOnly, name() + " was opened read-only"));
  }
  if (!is_latched_.load(std::memory_order_acquire)) return {};
  return tl::unexpected(
      Error(ErrorCode::Unavailable,
            "read-only since an earlier failure (" + latched()->message() + "); open it again"));
}

void GuardedFile::announce(std::uint64_t offset, std::size_t size) {
  WriteObserver* const observer = observer_.load(std::memory_order_acquire);
  if (observer != nullptr) observer->before_write(offset, size);
}

Status GuardedFile::after_write(Status done) {
  if (done || is_out_of_space(done.error())) return done;
  return tl::unexpected(latch(std::move(done).error()));
}

Status GuardedFile::after_flush(Status done) {
  if (done) return done;
  return tl::unexpected(latch(std::move(done).error()));
}

}  // namespace mappedpages::io
