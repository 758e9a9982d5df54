// A pager that threads share.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <utility>
#include <vector>

#include "mappedpages/pager.hpp"

namespace mappedpages {

/// A handle to a pager that several threads use: copies are handles to the same one. Read guards go
/// together; a write guard is alone, and each call through it is durable when it returns. The calls
/// without a guard wait for a write guard to go, not for each other: from several threads at once
/// they share commits.
///
/// Any thread. A thread that holds a guard must not ask for another one, nor make a call without
/// one.
template <std::size_t P>
class ConcurrentPager {
  struct Shared {
    explicit Shared(Pager<P> p) : pager(std::move(p)) {}
    Pager<P> pager;
    std::shared_mutex mutex;
  };

 public:
  /// The pager, to look at. Move-only.
  class ReadGuard {
   public:
    const Pager<P>& operator*() const { return shared_->pager; }
    const Pager<P>* operator->() const { return &shared_->pager; }

    ReadGuard(ReadGuard&&) = default;
    // The old lock would go after what it locks.
    ReadGuard& operator=(ReadGuard&&) = delete;
    ~ReadGuard() = default;

   private:
    friend class ConcurrentPager;
    ReadGuard(std::shared_ptr<Shared> shared, std::shared_lock<std::shared_mutex> lock)
        : shared_(std::move(shared)), lock_(std::move(lock)) {}
    std::shared_ptr<Shared> shared_;
    std::shared_lock<std::shared_mutex> lock_;
  };

  /// The pager, for oneself alone. Move-only.
  class WriteGuard {
   public:
    Pager<P>& operator*() const { return shared_->pager; }
    Pager<P>* operator->() const { return &shared_->pager; }

    WriteGuard(WriteGuard&&) = default;
    WriteGuard& operator=(WriteGuard&&) = delete;
    ~WriteGuard() = default;

   private:
    friend class ConcurrentPager;
    WriteGuard(std::shared_ptr<Shared> shared, std::unique_lock<std::shared_mutex> lock)
        : shared_(std::move(shared)), lock_(std::move(lock)) {}
    std::shared_ptr<Shared> shared_;
    std::unique_lock<std::shared_mutex> lock_;
  };

  explicit ConcurrentPager(Pager<P> pager) : shared_(std::make_shared<Shared>(std::move(pager))) {}

  static Result<ConcurrentPager> create(const std::filesystem::path& path) {
    auto pager = Pager<P>::create(path);
    if (!pager) return tl::unexpected(pager.error());
    return ConcurrentPager(*std::move(pager));
  }
  static Result<ConcurrentPager> open(const std::filesystem::path& path,
                                      const OpenOptions& options = {}) {
    auto pager = Pager<P>::open(path, options);
    if (!pager) return tl::unexpected(pager.error());
    return ConcurrentPager(*std::move(pager));
  }

  [[nodiscard]] ReadGuard read() const {
    return ReadGuard(shared_, std::shared_lock(shared_->mutex));
  }
  [[nodiscard]] WriteGuard write() const {
    return WriteGuard(shared_, std::unique_lock(shared_->mutex));
  }

  /// None where it would have to wait.
  [[nodiscard]] std::optional<ReadGuard> try_read() const {
    std::shared_lock lock(shared_->mutex, std::try_to_lock);
    if (!lock) return std::nullopt;
    return ReadGuard(shared_, std::move(lock));
  }
  [[nodiscard]] std::optional<WriteGuard> try_write() const {
    std::unique_lock lock(shared_->mutex, std::try_to_lock);
    if (!lock) return std::nullopt;
    return WriteGuard(shared_, std::move(lock));
  }

  // --- Without a guard. Durable when they return.

  template <class Id = PageId<P>>
  Result<Id> alloc() const {
    const std::shared_lock lock(shared_->mutex);
    return shared_->pager.template alloc<Id>();
  }
  Result<ProtectedPageId<P>> alloc_protected() const { return alloc<ProtectedPageId<P>>(); }
  template <class Id = PageId<P>>
  Result<std::vector<Id>> alloc_bulk(PageCount count) const {
    const std::shared_lock lock(shared_->mutex);
    return shared_->pager.template alloc_bulk<Id>(count);
  }
  template <class Number>
  Status free(BasicPageId<P, Number> page) const {
    const std::shared_lock lock(shared_->mutex);
    return shared_->pager.free(page);
  }
  template <class Number>
  Status free_bulk(std::span<const BasicPageId<P, Number>> pages) const {
    const std::shared_lock lock(shared_->mutex);
    return shared_->pager.free_bulk(pages);
  }

  /// A batch that is filled without a guard, and committed by `commit`.
  [[nodiscard]] PageBatch<P> batch() const {
    const std::shared_lock lock(shared_->mutex);
    return shared_->pager.batch();
  }
  Status commit(PageBatch<P>& batch) const {
    const std::shared_lock lock(shared_->mutex);
    return batch.commit();
  }

  /// Gives the pager back if this is its last handle and no guard is left; otherwise this handle.
  [[nodiscard]] tl::expected<Pager<P>, ConcurrentPager> into_inner() && {
    // If this is the only one, nobody else can make another.
    if (shared_.use_count() != 1) return tl::unexpected(std::move(*this));
    // What others did through handles and guards that are gone happened before.
    { const std::unique_lock lock(shared_->mutex); }
    return std::move(shared_->pager);
  }

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace mappedpages
