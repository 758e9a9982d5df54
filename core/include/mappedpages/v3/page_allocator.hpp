// The page allocator of sqlitegraph's native V3 backend, on this engine: states, pins, exact
// counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "mappedpages/engine.hpp"
#include "mappedpages/export.hpp"

namespace mappedpages::v3 {

enum class PageState : std::uint8_t {
  Free,       ///< Below the capacity and not allocated, whether the file is that long or not.
  Allocated,  ///< Also the pages that the pager keeps for itself.
  Pinned,     ///< Somebody holds a pin on it: it cannot be freed, or was and is not reused yet.
};

/// Of one committed state, in O(1), exact, and the same after reopening.
struct AllocatorStats {
  PageCount allocated;  ///< Reserved and internal pages included.
  PageCount free;
  PageCount total;  ///< Pages that the file has.
  bool operator==(const AllocatorStats&) const = default;
};

/// Hands out plain pages of an engine. Several allocators of one engine see the same pages and
/// pins. The free pages are those of the file's bitmap, so nothing leaks when it is closed. Any
/// thread.
class MAPPEDPAGES_API PageAllocator {
 public:
  /// `engine` outlives the allocator.
  explicit PageAllocator(Engine& engine) : engine_(engine) {}
  PageAllocator(const PageAllocator&) = delete;
  PageAllocator& operator=(const PageAllocator&) = delete;

  /// The page `free_list_head` if there is one, else a page that the file grows by. Reads as zeros;
  /// durable when it returns. Full.
  Result<PageNumber> allocate() { return engine_.alloc(); }

  /// Durable when it returns. DoubleFree, PagePinned, ReservedPage, InternalPage, OutOfBounds.
  Status deallocate(PageNumber page) { return engine_.free(page); }

  /// Takes the page out of the listing, durably, now; it is given out again after its last unpin.
  Status free_when_unpinned(PageNumber page) { return engine_.free_when_unpinned(page); }

  /// OutOfBounds beyond the capacity.
  [[nodiscard]] Result<PageState> get_page_state(PageNumber page) const;

  /// A pin for the length of a scope. NotAllocated.
  Result<PagePin> pin(PageNumber page) { return engine_.pin(page); }
  Result<ProtectedPin> pin(ProtectedNumber page) { return engine_.pin(page); }

  /// The same by hand: pins are counted, and each `pin_page` wants its `unpin_page`. What is left
  /// is let go by the destructor. NotAllocated where there is no page, or no pin of this allocator.
  Status pin_page(PageNumber page);
  Status unpin_page(PageNumber page);

  [[nodiscard]] AllocatorStats stats() const;

  /// The page that `allocate` would reuse next; 0 if there is none, and it would grow the file.
  [[nodiscard]] PageNumber free_list_head() const;
  [[nodiscard]] PageCount total_pages() const { return engine_.counts().total; }

  /// Bytes from the start of the file. OutOfBounds beyond the capacity.
  [[nodiscard]] Result<std::uint64_t> page_offset(PageNumber page) const {
    return engine_.page_offset(page);
  }

  /// Whether the CRC32 (IEEE, as in zip) of the bytes is `stored`.
  [[nodiscard]] static bool validate_checksum(std::span<const std::byte> bytes,
                                              std::uint32_t stored);

 private:
  Engine& engine_;
  std::mutex mutex_;
  std::unordered_map<PageNumber, std::vector<PagePin>> pins_;  // Guarded by mutex_. Never empty.
};

}  // namespace mappedpages::v3
