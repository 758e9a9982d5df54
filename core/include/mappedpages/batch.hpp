// Many changes in one atomic commit.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/export.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

class Engine;

/// Allocations, frees and protected writes that become durable together, in one commit of two
/// flushes, however many pages and directory blocks they touch. Made by `Engine::batch`.
///
/// Until `commit` nothing of it is visible to others or on disk. Numbers are reserved when they are
/// asked for: nobody else is given them, and they go back when the batch is dropped.
///
/// Batches do not wait for each other. A page that a batch frees or edits is remembered as it was
/// then; if anything else frees or commits it first, `commit` is a Conflict and changes nothing.
///
/// Move-only; used by one thread at a time; outlived by its engine, unless it is empty.
class MAPPEDPAGES_API Batch {
 public:
  Batch(Batch&& other) noexcept;
  Batch& operator=(Batch&& other) noexcept;
  ~Batch();

  /// A number for a new regular page. Full where the file can have no more. The page is there, and
  /// reads as zeros, after `commit`.
  Result<PageNumber> alloc();
  Result<ProtectedNumber> alloc_protected();

  /// All or nothing. A count of 0 gives an empty vector.
  Result<std::vector<PageNumber>> alloc_bulk(PageCount count);
  Result<std::vector<ProtectedNumber>> alloc_protected_bulk(PageCount count);

  /// DoubleFree of what is not allocated or what this batch frees already; PagePinned,
  /// ReservedPage, InternalPage, OutOfBounds. A page that this batch allocated is given back at
  /// once.
  Status free(PageNumber page);
  Status free_protected(ProtectedNumber page);

  /// The next content of a protected page, one whole page, to be changed in place: at first the
  /// committed content, or zeros in a page that this batch allocated. Valid until the batch is
  /// committed, moved from or dropped, or frees the page. NotAllocated, ChecksumMismatch.
  Result<std::span<std::byte>> edit(ProtectedNumber page);

  /// Replaces the next content of a protected page by `bytes`, one whole page.
  Status write(ProtectedNumber page, std::span<const std::byte> bytes);

  /// Also gives a protected page new places for its two copies, the lowest that are free. Its
  /// number and its content stay. As `edit` otherwise.
  Status relocate(ProtectedNumber page);

  /// The first content of a regular page that this batch allocated: durable with it.
  Result<std::span<std::byte>> fill(PageNumber page);

  [[nodiscard]] bool empty() const;

  /// Makes all of it durable, or nothing. Conflict: another commit changed a page that this batch
  /// frees or edits; start anew. WriterActive: a ProtectedWriter of such a page is open. After
  /// success the batch is empty and can be used again; after an error it is as it was.
  Status commit();

  /// Forgets everything and gives the reserved numbers back.
  void discard();

 private:
  friend class Engine;
  class MAPPEDPAGES_HIDDEN Impl;
  explicit Batch(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace mappedpages
