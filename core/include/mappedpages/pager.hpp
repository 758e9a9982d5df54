// The pager with the page size in its type.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mappedpages/engine.hpp"
#include "mappedpages/page_id.hpp"
#include "mappedpages/page_view.hpp"

namespace mappedpages {

namespace detail {

template <std::size_t P>
Status require_page_size(const Engine& engine) {
  if (engine.page_size() == P) return {};
  return tl::unexpected(Error(ErrorCode::InvalidPageSize,
                              "the file has pages of " + std::to_string(engine.page_size()) +
                                  " bytes, and was opened for " + std::to_string(P)));
}

template <std::size_t P, class Number>
std::vector<Number> numbers_of(std::span<const BasicPageId<P, Number>> ids) {
  std::vector<Number> numbers;
  numbers.reserve(ids.size());
  for (const auto& id : ids) numbers.push_back(id.number());
  return numbers;
}

template <std::size_t P, class Number>
std::vector<BasicPageId<P, Number>> ids_of(const std::vector<Number>& numbers) {
  return std::vector<BasicPageId<P, Number>>(numbers.begin(), numbers.end());
}

template <std::size_t P, class Number>
Result<std::vector<BasicPageId<P, Number>>> ids_of(const Result<std::vector<Number>>& numbers) {
  if (!numbers) return tl::unexpected(numbers.error());
  return ids_of<P>(*numbers);
}

template <std::size_t P, class Number>
Result<BasicPageId<P, Number>> id_of(const Result<Number>& number) {
  if (!number) return tl::unexpected(number.error());
  return BasicPageId<P, Number>(*number);
}

}  // namespace detail

/// What all pagers of pages of `P` bytes can do: look. Base of `Pager` and `ReadOnlyPager`. Any
/// thread.
template <std::size_t P>
class PagerReader {
  static_assert(kIsPageSize<P>, "a page size is a power of two from 1 KiB to 16 MiB");

 public:
  static constexpr std::size_t page_size() { return P; }
  [[nodiscard]] PageCount page_count() const { return engine_->counts().total; }
  [[nodiscard]] PageCount free_page_count() const { return engine_->counts().free; }
  [[nodiscard]] PageCount capacity() const { return engine_->capacity(); }
  [[nodiscard]] StoreCounts counts() const { return engine_->counts(); }
  [[nodiscard]] const OpenReport& open_report() const { return engine_->open_report(); }

  /// The bytes of a plain page, in memory. The span stays valid until the pager is destroyed,
  /// however the file grows; once the page is freed what it shows is anybody's. NotAllocated,
  /// ReservedPage, InternalPage, OutOfBounds.
  [[nodiscard]] Result<std::span<const std::byte, P>> get(PageId<P> page) const {
    const auto bytes = engine_->view(page.number());
    if (!bytes) return tl::unexpected(bytes.error());
    return std::span<const std::byte, P>(*bytes);
  }

  /// The committed content of a protected page. NotAllocated; ChecksumMismatch if the disk does not
  /// hold what was committed.
  [[nodiscard]] Result<PageView<P>> get(ProtectedPageId<P> page) const {
    auto bytes = std::make_unique_for_overwrite<std::byte[]>(P);
    const auto info = engine_->read(page.number(), {bytes.get(), P});
    if (!info) return tl::unexpected(info.error());
    return PageView<P>(std::move(bytes), *info);
  }

  /// All allocated pages as they are now; what changes later does not disturb the walk.
  [[nodiscard]] PageRange<PageNumber, PageId<P>> pages() const {
    return PageRange<PageNumber, PageId<P>>(engine_->index());
  }
  [[nodiscard]] PageRange<ProtectedNumber, ProtectedPageId<P>> protected_pages() const {
    return PageRange<ProtectedNumber, ProtectedPageId<P>>(engine_->index());
  }

  /// A consistent copy in a new file; see `Engine::snapshot`.
  Status snapshot(const std::filesystem::path& target, const Progress& progress = {}) const {
    return engine_->snapshot(target, progress);
  }

 protected:
  explicit PagerReader(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}

  static Result<std::unique_ptr<Engine>> open_engine(const std::filesystem::path& path,
                                                     const OpenOptions& options) {
    auto engine = Engine::open(path, options);
    if (!engine) return engine;
    if (auto fits = detail::require_page_size<P>(**engine); !fits) {
      return tl::unexpected(fits.error().with_context(path.string()));
    }
    return engine;
  }

  [[nodiscard]] const Engine& reading_engine() const { return *engine_; }
  [[nodiscard]] Engine& writing_engine() { return *engine_; }

 private:
  std::unique_ptr<Engine> engine_;
};

/// A `Batch` whose handles know the page size.
template <std::size_t P>
class PageBatch {
 public:
  explicit PageBatch(Batch batch) : batch_(std::move(batch)) {}

  Result<PageId<P>> alloc() { return detail::id_of<P>(batch_.alloc()); }
  Result<ProtectedPageId<P>> alloc_protected() {
    return detail::id_of<P>(batch_.alloc_protected());
  }
  Result<std::vector<PageId<P>>> alloc_bulk(PageCount count) {
    return detail::ids_of<P>(batch_.alloc_bulk(count));
  }
  Result<std::vector<ProtectedPageId<P>>> alloc_protected_bulk(PageCount count) {
    return detail::ids_of<P>(batch_.alloc_protected_bulk(count));
  }
  Status free(PageId<P> page) { return batch_.free(page.number()); }
  Status free(ProtectedPageId<P> page) { return batch_.free_protected(page.number()); }
  Status free_protected(ProtectedPageId<P> page) { return free(page); }

  /// The next content of a protected page, to be changed in place; see `Batch::edit`.
  Result<std::span<std::byte, P>> edit(ProtectedPageId<P> page) {
    return fixed(batch_.edit(page.number()));
  }
  Status write(ProtectedPageId<P> page, std::span<const std::byte, P> bytes) {
    return batch_.write(page.number(), bytes);
  }
  /// The first content of a plain page that this batch allocated.
  Result<std::span<std::byte, P>> fill(PageId<P> page) { return fixed(batch_.fill(page.number())); }

  [[nodiscard]] bool empty() const { return batch_.empty(); }
  Status commit() { return batch_.commit(); }
  void discard() { batch_.discard(); }

 private:
  static Result<std::span<std::byte, P>> fixed(const Result<std::span<std::byte>>& bytes) {
    if (!bytes) return tl::unexpected(bytes.error());
    return std::span<std::byte, P>(*bytes);
  }

  Batch batch_;
};

/// An open pager file with pages of `P` bytes.
///
/// Threads, durability and errors are those of `Engine`: each call may be made from any thread, and
/// what allocates, frees or commits is durable when it returns. Stores through `get_mut` of a plain
/// page are durable after `flush`. Move-only; views, pins, batches and writers must go first.
template <std::size_t P>
class Pager : public PagerReader<P> {
 public:
  /// Makes a new file of `pages` pages, durably and all or nothing, and opens it. AlreadyExists.
  static Result<Pager> create(const std::filesystem::path& path, PageCount pages = PageCount{4}) {
    if (auto made = Engine::create(path, {.page_size = P, .pages = pages}); !made) {
      return tl::unexpected(made.error());
    }
    return open(path);
  }

  /// InvalidPageSize if the file's pages are of another size.
  static Result<Pager> open(const std::filesystem::path& path, OpenOptions options = {}) {
    options.access = Access::ReadWrite;
    auto engine = PagerReader<P>::open_engine(path, options);
    if (!engine) return tl::unexpected(engine.error());
    return Pager(*std::move(engine));
  }

  /// Takes over an engine whose pages are of this size.
  static Result<Pager> adopt(std::unique_ptr<Engine> engine) {
    if (auto fits = detail::require_page_size<P>(*engine); !fits) {
      return tl::unexpected(fits.error());
    }
    return Pager(std::move(engine));
  }

  /// The engine below, for what has no typed form.
  [[nodiscard]] Engine& engine() { return this->writing_engine(); }
  [[nodiscard]] const Engine& engine() const { return this->reading_engine(); }

  using PagerReader<P>::get;

  // --- Allocation. New pages read as zeros. `alloc()` is a plain page; generic code names the
  // kind.

  template <class Id = PageId<P>>
  requires std::same_as<Id, PageId<P>> || std::same_as<Id, ProtectedPageId<P>> Result<Id> alloc() {
    if constexpr (std::same_as<Id, PageId<P>>) {
      return detail::id_of<P>(engine().alloc());
    } else {
      return detail::id_of<P>(engine().alloc_protected());
    }
  }
  Result<ProtectedPageId<P>> alloc_protected() { return alloc<ProtectedPageId<P>>(); }

  /// All or nothing, in one commit. A count of 0 gives an empty vector and costs nothing.
  template <class Id = PageId<P>>
  requires std::same_as<Id, PageId<P>> || std::same_as<Id, ProtectedPageId<P>>
      Result<std::vector<Id>> alloc_bulk(PageCount count) {
    if constexpr (std::same_as<Id, PageId<P>>) {
      return detail::ids_of<P>(engine().alloc_bulk(count));
    } else {
      return detail::ids_of<P>(engine().alloc_protected_bulk(count));
    }
  }
  Result<std::vector<ProtectedPageId<P>>> alloc_protected_bulk(PageCount count) {
    return alloc_bulk<ProtectedPageId<P>>(count);
  }

  /// DoubleFree, PagePinned, ReservedPage, InternalPage, OutOfBounds.
  Status free(PageId<P> page) { return engine().free(page.number()); }
  Status free(ProtectedPageId<P> page) { return engine().free_protected(page.number()); }
  Status free_protected(ProtectedPageId<P> page) { return free(page); }
  Status free_bulk(std::span<const PageId<P>> pages) {
    return engine().free_bulk(detail::numbers_of(pages));
  }
  Status free_bulk(std::span<const ProtectedPageId<P>> pages) {
    return engine().free_protected_bulk(detail::numbers_of(pages));
  }
  Status free_protected_bulk(std::span<const ProtectedPageId<P>> pages) { return free_bulk(pages); }

  /// Many of these, and protected writes, in one atomic commit. The batch goes before the pager.
  [[nodiscard]] PageBatch<P> batch() { return PageBatch<P>(engine().batch()); }

  // --- Content

  /// The bytes of a plain page, for stores; durable after `flush`. As `get` otherwise.
  [[nodiscard]] Result<std::span<std::byte, P>> get_mut(PageId<P> page) {
    const auto bytes = engine().view_mut(page.number());
    if (!bytes) return tl::unexpected(bytes.error());
    return std::span<std::byte, P>(*bytes);
  }

  /// A writer that starts from the committed content. WriterActive if there is one.
  [[nodiscard]] Result<ProtectedPageWriter<P>> get_mut(ProtectedPageId<P> page) {
    auto writer = engine().writer(page.number());
    if (!writer) return tl::unexpected(writer.error());
    return ProtectedPageWriter<P>(*std::move(writer));
  }

  /// Makes the bytes of a plain page, or of all, durable.
  Status flush(PageId<P> page) { return engine().flush(page.number()); }
  Status flush_all() { return engine().flush_all(); }

  /// Moves pages to the front of the file; see `Engine::defragment`.
  Result<DefragmentReport> defragment(const DefragmentOptions& options = {}) {
    return engine().defragment(options);
  }

 private:
  explicit Pager(std::unique_ptr<Engine> engine) : PagerReader<P>(std::move(engine)) {}
};

}  // namespace mappedpages
