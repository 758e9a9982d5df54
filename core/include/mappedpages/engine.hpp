// The engine: a pager file whose page size is known at run time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mappedpages/batch.hpp"
#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/export.hpp"
#include "mappedpages/ids.hpp"
#include "mappedpages/page_index.hpp"
#include "mappedpages/page_info.hpp"
#include "mappedpages/report.hpp"

namespace mappedpages {

namespace io {
class StorageFile;
}  // namespace io

class Engine;

struct CreateOptions {
  std::uint64_t page_size = 4096;  ///< Bytes; a power of two from 1 KiB to 16 MiB.
  PageCount pages{4};              ///< Pages in the file at the start, the reserved ones included.
};

enum class Access : std::uint8_t { ReadWrite, ReadOnly };

struct OpenOptions {
  Access access = Access::ReadWrite;

  /// Open a damaged file for writing through the copies that are left, and write them back.
  bool recover = false;

  /// Check the whole file first, as `check` does, and refuse it if it has any damage: NeedsRecovery
  /// where it would open otherwise. For files of unknown origin.
  bool verify = false;

  /// Skip every flush. For files that may be lost.
  bool no_sync = false;

  /// How long to wait for another process to let go of the file.
  std::chrono::milliseconds lock_wait{0};
};

/// What the engine did since it was opened. Exact.
struct EngineStats {
  std::uint64_t changes = 0;  ///< Changes that became durable.
  std::uint64_t groups = 0;   ///< Groups that they were committed in.
  std::uint64_t flushes = 0;  ///< Flushes of the device, those of the opening included.
};

/// Keeps a page's number, and its bytes, from being handed out again. Move-only; lets go when
/// destroyed. Outlived by its engine.
template <class Number>
class Pin {
 public:
  Pin() = default;
  Pin(Engine& engine, Number page) : engine_(&engine), page_(page) {}
  Pin(Pin&& other) noexcept : engine_(std::exchange(other.engine_, nullptr)), page_(other.page_) {}
  Pin& operator=(Pin&& other) noexcept {
    if (this != &other) {
      release();
      engine_ = std::exchange(other.engine_, nullptr);
      page_ = other.page_;
    }
    return *this;
  }
  ~Pin() { release(); }

  [[nodiscard]] Number page() const { return page_; }
  [[nodiscard]] explicit operator bool() const { return engine_ != nullptr; }

  /// Lets go now. No-op on an empty pin.
  void release() noexcept;

 private:
  Engine* engine_ = nullptr;
  Number page_;
};

using PagePin = Pin<PageNumber>;
using ProtectedPin = Pin<ProtectedNumber>;

/// The next content of one protected page, staged in memory. While it lives no other writer of that
/// page can be had. Destroyed without `commit`, it changes nothing. Move-only; used by one thread
/// at a time; outlived by its engine.
class MAPPEDPAGES_API ProtectedWriter {
 public:
  ProtectedWriter(ProtectedWriter&& other) noexcept;
  ProtectedWriter& operator=(ProtectedWriter&& other) noexcept;
  ~ProtectedWriter();

  [[nodiscard]] ProtectedNumber page() const { return page_; }

  /// The whole page: at first the committed content. Valid while the writer lives.
  [[nodiscard]] std::span<std::byte> bytes() { return bytes_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  /// Makes `bytes()` the content of the page: atomic, and durable when it returns. The writer stays
  /// and may commit again. After an error the old content stands.
  Status commit();

 private:
  friend class Engine;
  ProtectedWriter(Engine& engine, ProtectedNumber page, std::vector<std::byte> bytes);
  void close() noexcept;

  Engine* engine_;
  ProtectedNumber page_;
  std::vector<std::byte> bytes_;
};

struct DefragmentOptions {
  /// Told of every regular page that moves, before the commit that moves it: `batch` is that
  /// commit, so that what refers to the page can be changed in the same atomic step. An error ends
  /// the defragmentation; what was committed before stays. None: regular pages stay where they are.
  /// While a page is being moved nobody else may write to it.
  std::function<Status(PageNumber from, PageNumber to, Batch& batch)> relocate;
};

struct DefragmentReport {
  std::uint64_t moved_pages = 0;      ///< Regular ones.
  std::uint64_t moved_protected = 0;  ///< Their numbers stay; their two copies moved.
  std::uint64_t commits = 0;
};

/// An open pager file.
///
/// Threads: every call may be made from any thread at any time. Changes that wait while a commit
/// runs are committed together, by one of the threads that wait, in two flushes.
///
/// Durability: what allocates, frees or commits is durable when it returns success, and after any
/// crash it happened wholly or not at all. Bytes of regular pages are durable after `flush`.
///
/// Errors: a failed write or flush latches the engine (`latched`): every later change is
/// Unavailable, reads go on, and opening the file again serves the last durable state. Running out
/// of space is an error of that call alone.
class MAPPEDPAGES_API Engine {
 public:
  /// Makes a new file, durably: a crash leaves all of it or nothing. AlreadyExists if there is one.
  /// Mode 0600.
  static Status create(const std::filesystem::path& path, const CreateOptions& options = {});

  /// Opens a file, locks it against other writers, and recovers it from whatever a crash left.
  /// Locked if another process has it. NeedsRecovery if it is damaged, opens through its other
  /// copies, and neither `recover` nor read-only access was asked for.
  static Result<std::unique_ptr<Engine>> open(const std::filesystem::path& path,
                                              const OpenOptions& options = {});

  /// The same on a file that the caller made; no lock is taken.
  static Result<std::unique_ptr<Engine>> open(std::unique_ptr<io::StorageFile> file,
                                              const OpenOptions& options = {});

  /// Verifies everything that the file claims, and changes nothing. An error only where the file
  /// could not be read at all; damage is in the report.
  static Result<CheckReport> check(const std::filesystem::path& path, const Progress& progress = {},
                                   std::chrono::milliseconds lock_wait = {});
  static Result<CheckReport> check(const io::StorageFile& file, const Progress& progress = {});

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Closes as `close` does; an error is lost.
  ~Engine();

  /// Flushes the bytes of regular pages that were written and not flushed. Call it last; no pin or
  /// writer may be left.
  Status close();

  // --- Facts

  [[nodiscard]] std::uint64_t page_size() const;  ///< Bytes.
  [[nodiscard]] PageCount capacity() const;       ///< The most pages that this file can have.
  [[nodiscard]] StoreCounts counts() const;
  [[nodiscard]] StoreFacts facts() const;
  [[nodiscard]] EngineStats stats() const;
  [[nodiscard]] const OpenReport& open_report() const;
  [[nodiscard]] bool read_only() const;

  /// The error that ended all writing; none while writing works.
  [[nodiscard]] std::optional<Error> latched() const;

  [[nodiscard]] PageUse use_of(PageNumber page) const;
  [[nodiscard]] bool is_pinned(PageNumber page) const;
  [[nodiscard]] bool is_pinned(ProtectedNumber page) const;
  [[nodiscard]] bool has_writer(ProtectedNumber page) const;
  [[nodiscard]] std::size_t writer_count() const;  ///< How many protected pages have one now.
  [[nodiscard]] Result<ProtectedInfo> info(ProtectedNumber page) const;

  /// Byte offset of a page in the file; OutOfBounds beyond the capacity.
  [[nodiscard]] Result<std::uint64_t> page_offset(PageNumber page) const;

  /// The first allocated page at or after `from`. Walking with `from` = last + 1 visits every page
  /// that stays allocated meanwhile exactly once, in O(1) a step.
  [[nodiscard]] std::optional<PageNumber> next_page(PageNumber from) const;
  [[nodiscard]] std::optional<ProtectedNumber> next_protected(ProtectedNumber from) const;

  /// Which pages are allocated now. Later commits do not change it.
  [[nodiscard]] std::shared_ptr<const PageIndex> index() const;

  /// All allocated pages, ascending, as they are now: what changes later does not disturb the walk.
  /// A walk costs O(pages of the file).
  [[nodiscard]] PageRange<PageNumber> pages() const;
  [[nodiscard]] PageRange<ProtectedNumber> protected_pages() const;

  /// The page that the next allocation takes; none: the file will grow. A hint while others
  /// allocate.
  [[nodiscard]] std::optional<PageNumber> next_free() const;

  // --- Allocation. New pages read as zeros.

  Result<PageNumber> alloc();
  Result<std::vector<PageNumber>> alloc_bulk(PageCount count);

  /// Allocates this page and no other. AlreadyAllocated; PagePinned if it was freed and somebody
  /// still has it pinned; ReservedPage, InternalPage; Full beyond the capacity.
  Status alloc_at(PageNumber page);

  /// NotAllocated pages are DoubleFree; pinned ones PagePinned; nothing is freed then.
  Status free(PageNumber page);
  Status free_bulk(std::span<const PageNumber> pages);

  /// Frees the page, durably, when it returns. If it is pinned its number is handed out again, and
  /// its bytes are reused, only after the last pin is gone; until then reads and writes of it work.
  Status free_when_unpinned(PageNumber page);

  /// The same for several, in one commit: all of them or none.
  Status free_bulk_when_unpinned(std::span<const PageNumber> pages);

  Result<ProtectedNumber> alloc_protected();
  Result<std::vector<ProtectedNumber>> alloc_protected_bulk(PageCount count);
  /// As `alloc_at`. Full or DirectoryFull where the number is beyond what a file can have.
  Status alloc_protected_at(ProtectedNumber page);

  Status free_protected(ProtectedNumber page);
  Status free_protected_bulk(std::span<const ProtectedNumber> pages);
  Status free_when_unpinned(ProtectedNumber page);
  Status free_bulk_when_unpinned(std::span<const ProtectedNumber> pages);

  /// Any mixture of the above, and protected writes, in one atomic step.
  Result<Allocation> commit(const Change& change);

  /// The same step by step, with numbers that are known before the commit.
  Batch batch();

  // --- The same without waiting. The future is ready when the change is durable, or failed.
  // Changes that are asked for before the first is durable share its group, or the next. Futures
  // may be dropped: the change happens all the same.

  std::future<Result<PageNumber>> alloc_async();
  std::future<Result<std::vector<PageNumber>>> alloc_bulk_async(PageCount count);
  std::future<Status> free_async(PageNumber page);
  std::future<Status> free_bulk_async(std::vector<PageNumber> pages);
  std::future<Result<ProtectedNumber>> alloc_protected_async();
  std::future<Result<std::vector<ProtectedNumber>>> alloc_protected_bulk_async(PageCount count);
  std::future<Status> free_protected_async(ProtectedNumber page);
  std::future<Status> free_protected_bulk_async(std::vector<ProtectedNumber> pages);

  /// The bytes of its writes stay valid and unchanged until the future is ready.
  std::future<Result<Allocation>> commit_async(Change change);

  // --- Content

  /// Reads `out.size()` bytes of a regular page from byte `offset` of it.
  Status read(PageNumber page, std::uint64_t offset, std::span<std::byte> out) const;

  /// Writes into a regular page. Seen by readers at once; durable after `flush`.
  Status write(PageNumber page, std::uint64_t offset, std::span<const std::byte> bytes);

  /// Makes everything written to this regular page so far durable. Costs a flush only if regular
  /// pages were written since the last one.
  Status flush(PageNumber page);
  Status flush_all();

  /// The bytes of a regular page in memory, one page long, coherent with `read` and `write`. The
  /// view stays valid until the engine is destroyed, however the file grows. After the page was
  /// freed it shows what the file does there, and must not be written. NotAllocated, ReservedPage,
  /// InternalPage, OutOfBounds; Io where the file cannot be mapped or its space not be reserved.
  [[nodiscard]] Result<std::span<const std::byte>> view(PageNumber page) const;

  /// The same for stores. They are durable after a `flush` that begins after them. ReadOnly, and
  /// Unavailable after a failure.
  Result<std::span<std::byte>> view_mut(PageNumber page);

  /// Reads the committed content of a protected page: `out` is one whole page. Verified:
  /// ChecksumMismatch if the disk does not hold what was committed.
  Result<ProtectedInfo> read(ProtectedNumber page, std::span<std::byte> out) const;

  /// A stage that starts from the committed content. WriterActive if there is one already;
  /// ReadOnly, and Unavailable after a failure.
  Result<ProtectedWriter> writer(ProtectedNumber page);

  // --- The file as a whole

  /// Makes a new file with the pages of this moment, under the same numbers: durable, all or
  /// nothing. Commits go on meanwhile and are not in it. Bytes of regular pages that are written
  /// while it runs are in it or not. Costs no copying where the filesystem can share blocks.
  /// AlreadyExists.
  Status snapshot(const std::filesystem::path& target, const Progress& progress = {}) const;
  Status snapshot(io::StorageFile& target, const Progress& progress = {}) const;

  /// Moves pages to the front of the file, in atomic commits of many moves each, until no free page
  /// lies before one that can be moved. Pinned pages stay, and so do the directory's. A crash
  /// leaves some of the commits done.
  Result<DefragmentReport> defragment(const DefragmentOptions& options = {});

  // --- Pins

  /// NotAllocated if there is no such page.
  Result<PagePin> pin(PageNumber page);
  Result<ProtectedPin> pin(ProtectedNumber page);

 private:
  template <class Number>
  friend class Pin;
  friend class ProtectedWriter;
  friend class Batch;
  class MAPPEDPAGES_HIDDEN Impl;
  explicit Engine(std::unique_ptr<Impl> impl);

  void unpin(PageNumber page) noexcept;
  void unpin(ProtectedNumber page) noexcept;

  std::unique_ptr<Impl> impl_;
};

template <class Number>
void Pin<Number>::release() noexcept {
  if (Engine* engine = std::exchange(engine_, nullptr)) engine->unpin(page_);
}

}  // namespace mappedpages
