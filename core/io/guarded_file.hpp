// The latch: after a write or a flush failed, nothing is written any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/thread_annotations.hpp"
#include "io/storage_file.hpp"

namespace mappedpages::io {

/// Told of a write before it happens, on the thread that writes. It cannot prevent it.
class WriteObserver {
 public:
  WriteObserver() = default;
  WriteObserver(const WriteObserver&) = delete;
  WriteObserver& operator=(const WriteObserver&) = delete;
  virtual ~WriteObserver() = default;
  virtual void before_write(std::uint64_t offset, std::size_t size) = 0;
};

/// Passes everything on to another file until something that changes it fails. From then on every
/// such call is Unavailable; reads go on. Being out of space does not latch, except in a flush: the
/// kernel may have thrown away what it could not write, and asking again proves nothing.
class GuardedFile final : public StorageFile {
 public:
  GuardedFile(std::unique_ptr<StorageFile> file, bool read_only);

  [[nodiscard]] Result<std::uint64_t> size() const override { return file_->size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_->read_at(offset, out);
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override
      EXCLUDES(flush_mutex_);
  Status reserve(std::uint64_t size) override;
  Status sync() override EXCLUDES(flush_mutex_);
  [[nodiscard]] Result<Mapping> map(std::uint64_t offset, std::size_t size,
                                    bool writable) const override {
    return file_->map(offset, size, writable);
  }
  [[nodiscard]] const std::string& name() const override { return file_->name(); }

  /// The file itself, for those who only look.
  [[nodiscard]] const StorageFile& unguarded() const { return *file_; }

  /// Who is told before bytes change; outlives every write. At first nobody.
  void observe(WriteObserver& observer) { observer_.store(&observer, std::memory_order_release); }

  /// Ends all writing because of `cause`, which is returned for the caller to pass on.
  Error latch(Error cause) EXCLUDES(mutex_);

  /// What ended all writing.
  [[nodiscard]] std::optional<Error> latched() const EXCLUDES(mutex_);

  [[nodiscard]] bool read_only() const { return read_only_; }

  /// Flushes that were asked of the device: `sync` and `write_and_sync`.
  [[nodiscard]] std::uint64_t flushes() const { return flushes_.load(std::memory_order_relaxed); }

  /// ReadOnly or Unavailable where nothing may be written.
  [[nodiscard]] Status writable() const EXCLUDES(mutex_);

 private:
  void announce(std::uint64_t offset, std::size_t size);
  Status after_write(Status done) EXCLUDES(mutex_);
  Status after_flush(Status done) EXCLUDES(mutex_);

  std::unique_ptr<StorageFile> file_;
  const bool read_only_;
  std::atomic<std::uint64_t> flushes_{0};
  std::atomic<WriteObserver*> observer_{nullptr};
  std::atomic<bool> is_latched_{false};  // Spares writers the mutex while all is well.

  /// One flush at a time, with its latch: the kernel tells of a failed write once, and the flush
  /// that hears of it need not be the one that needed the bytes.
  Mutex flush_mutex_;  // Before mutex_.

  mutable Mutex mutex_;
  std::optional<Error> cause_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::io
