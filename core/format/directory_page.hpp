// A directory page: where the two copies of each protected page lie. Bytes as in core/FORMAT.md,
// "Directory page".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/defect.hpp"
#include "format/fields.hpp"
#include "format/geometry.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::format {

namespace directory_page {
inline constexpr Field kCapacity{0, 4};
inline constexpr Field kGenerationLow{4, 4};
inline constexpr std::size_t kEntries = 8;
static_assert(tile({kCapacity, kGenerationLow}, kEntries));

inline constexpr Field kInUse{0, 1};
inline constexpr Field kPageA{1, 8};
inline constexpr Field kPageB{9, 8};
inline constexpr Field kActiveSlot{17, 1};
inline constexpr Field kEntryGeneration{18, 8};
inline constexpr Field kContentCrc{26, 4};
inline constexpr std::size_t kEntrySize = 30;
static_assert(tile({kInUse, kPageA, kPageB, kActiveSlot, kEntryGeneration, kContentCrc},
                   kEntrySize));

/// The high half of the generation stands in the spare bytes behind the last entry.
inline constexpr std::size_t kGenerationHighSize = 4;
}  // namespace directory_page

/// One protected page; a free slot has `in_use` false and everything else zero.
struct DirectoryEntry {
  PageNumber page_a;
  PageNumber page_b;
  std::uint64_t generation = 0;   ///< Commits of this page since it was allocated.
  std::uint32_t content_crc = 0;  ///< CRC32 of the active copy.
  std::uint8_t active_slot = 0;   ///< 0: `page_a`, 1: `page_b`.
  bool in_use = false;

  [[nodiscard]] PageNumber copy(unsigned which) const { return which == 0 ? page_a : page_b; }
  [[nodiscard]] PageNumber active_page() const { return copy(active_slot); }
  bool operator==(const DirectoryEntry&) const = default;
};

struct DirectoryPage {
  Generation generation;                ///< Of the group that wrote it; 0: the Rust crate wrote it.
  std::vector<DirectoryEntry> entries;  ///< One a slot, `slots_per_block()` of them.
};

/// Decodes a whole page: CRC, capacity, and each entry's own values. Whether the pages that it
/// names exist is not known here.
Decoded<DirectoryPage> decode_directory_page(const Geometry& geometry,
                                             std::span<const std::byte> page);

std::vector<std::byte> encode_directory_page(const Geometry& geometry, Generation generation,
                                             std::span<const DirectoryEntry> entries);

}  // namespace mappedpages::format
