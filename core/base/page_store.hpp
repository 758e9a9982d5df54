// The seam between what every on-disk format shares (core/pager/) and what one format is
// (core/mppg0/, and others that will stand beside it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"
#include "mappedpages/page_index.hpp"
#include "mappedpages/page_info.hpp"
#include "mappedpages/report.hpp"

namespace mappedpages {

namespace io {
class StorageFile;
}  // namespace io

/// A change in a group that commits together, and what became of it. One that cannot be done (a
/// double free, a full file) fails alone; the others of its group go on.
struct GroupMember {
  const Change* change = nullptr;
  Result<Allocation> result = Allocation{};
};

/// How far the store got with the disk. Since opening.
struct StoreTraffic {
  std::uint64_t groups = 0;   ///< Groups that became durable.
  std::uint64_t changes = 0;  ///< Changes in those groups.
};

/// Who still looks at pages that are being freed. Implemented by the layer that knows the users;
/// called by the store, from the thread that runs `apply`.
class PageKeeper {
 public:
  PageKeeper() = default;
  PageKeeper(const PageKeeper&) = delete;
  PageKeeper& operator=(const PageKeeper&) = delete;
  virtual ~PageKeeper() = default;

  /// The page was freed, durably. True: somebody still looks at it; it must not be handed out
  /// before it comes out of `take_returned_pages`.
  virtual bool keep(PageNumber freed) = 0;
  virtual bool keep(ProtectedNumber freed) = 0;

  /// Kept pages that nobody looks at any more, each once.
  virtual std::vector<PageNumber> take_returned_pages() = 0;
  virtual std::vector<ProtectedNumber> take_returned_protected() = 0;
};

/// A store of pages in one on-disk format.
///
/// Threads: `apply` and `promise` are called by one thread at a time; everything else from any
/// thread, also while `apply` runs, and answers from the last committed state.
class PageStore {
 public:
  PageStore() = default;
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;
  virtual ~PageStore() = default;

  [[nodiscard]] virtual std::uint64_t page_size() const = 0;  ///< Bytes.
  [[nodiscard]] virtual PageCount capacity() const = 0;  ///< The most pages that a file can have.
  [[nodiscard]] virtual StoreCounts counts() const = 0;
  [[nodiscard]] virtual StoreFacts facts() const = 0;
  [[nodiscard]] virtual StoreTraffic traffic() const = 0;
  [[nodiscard]] virtual const OpenReport& open_report() const = 0;

  [[nodiscard]] virtual PageUse use_of(PageNumber page) const = 0;
  [[nodiscard]] virtual bool is_reserved(PageNumber page) const = 0;

  /// Byte offset of a page in the file. Nobody else multiplies by the page size.
  [[nodiscard]] virtual Result<std::uint64_t> locate(PageNumber page) const = 0;

  /// Which pages the committed state has allocated.
  [[nodiscard]] virtual std::shared_ptr<const PageIndex> index() const = 0;

  /// NotAllocated where there is none.
  [[nodiscard]] virtual Result<ProtectedInfo> info(ProtectedNumber page) const = 0;

  /// Reads the committed content, one whole page, and verifies it. ChecksumMismatch where the disk
  /// does not hold what was committed. The info says which commit the bytes belong to.
  virtual Result<ProtectedInfo> read(ProtectedNumber page, std::span<std::byte> out) const = 0;

  /// Commits a group in one atomic step: durable when it returns. Each member has its own result;
  /// the status is an error if the group as a whole failed, and then nothing of it happened.
  /// Out of space before the first flush is such an error and leaves the store as it was; any other
  /// latches it (Unavailable from then on).
  virtual Status apply(std::span<GroupMember> group) = 0;

  /// Promises numbers, all or none: nobody else is given them before a change with them in
  /// `Change::reserved` commits, or `take_back`. Called by one thread at a time, as `apply`.
  virtual Result<Allocation> promise(PageCount pages, PageCount protected_pages) = 0;

  /// Takes promises back that no change has redeemed. Any thread.
  virtual void take_back(Allocation promised) = 0;

  /// Returns when the keeper knows of everything that the committed state has freed.
  virtual void settle() const = 0;

  /// Begins a copy of the committed state into a new, empty file; called between commits, and not
  /// again before `finish_copy`. From then on pages of that state are copied before they change.
  virtual Status begin_copy(io::StorageFile& target) = 0;

  /// Copies the rest, while commits go on. The copy is complete, and not flushed, when it returns.
  virtual Status finish_copy(const Progress& progress) = 0;

  /// The page that the next allocation would take from the free ones; none: the file would grow.
  /// Called by one thread at a time, as `apply`.
  [[nodiscard]] virtual std::optional<PageNumber> next_free() = 0;
};

}  // namespace mappedpages
