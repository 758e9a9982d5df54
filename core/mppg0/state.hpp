// A committed state of the file, in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bitmap.hpp"
#include "format/directory_page.hpp"
#include "format/geometry.hpp"
#include "format/superblock.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"
#include "mappedpages/page_index.hpp"
#include "mappedpages/page_info.hpp"

namespace mappedpages::mppg0 {

/// The entries of one directory block. Shared between states, so immutable once it is in one.
struct BlockEntries {
  std::vector<format::DirectoryEntry> slots;
  std::size_t in_use = 0;
};

/// Everything that one commit decided. Built aside, then published whole and never changed: a
/// reader that holds it sees one moment. Copying costs two bitmaps and a pointer a block.
struct State final : PageIndex {
  explicit State(format::Geometry g) : geometry(g) {}

  format::Geometry geometry;
  format::Version version = format::kNewestVersion;
  Generation generation;
  std::uint8_t active_metadata = 0;  ///< 0: page 1, 1: page 2.

  Bitmap allocated;  ///< As in the metadata page; its size is the total number of pages.
  Bitmap internal;   ///< Of those, the reserved pages and those that a directory names.
  std::uint64_t allocated_count = 0;
  std::uint64_t internal_count = 0;
  std::uint64_t protected_count = 0;

  std::vector<format::BlockReference> references;             // One a block,
  std::vector<std::shared_ptr<const BlockEntries>> contents;  // and what it refers to.

  [[nodiscard]] PageCount total() const { return PageCount{allocated.size()}; }
  [[nodiscard]] StoreCounts counts() const;
  [[nodiscard]] PageUse use_of(PageNumber page) const;
  [[nodiscard]] std::optional<PageNumber> next(PageNumber from) const override;
  [[nodiscard]] std::optional<ProtectedNumber> next(ProtectedNumber from) const override;

  /// The entry of an allocated protected page; null otherwise. Lives as long as this state.
  [[nodiscard]] const format::DirectoryEntry* find(ProtectedNumber page) const;

  /// The header of the page 0 that commits this state.
  [[nodiscard]] format::SuperblockHeader header(bool mark) const;

  void allocate(PageNumber page, bool for_store);
  void release(PageNumber page);
  void grow(PageCount total);
};

}  // namespace mappedpages::mppg0
