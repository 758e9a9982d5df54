// Page 0: the superblock and the index of directory blocks. Bytes as in core/FORMAT.md, "Page 0".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/fields.hpp"
#include "format/geometry.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::format {

namespace superblock {
inline constexpr Field kMagic{0, 4};
inline constexpr Field kVersion{4, 4};
inline constexpr Field kPageSizeLog2{8, 4};
inline constexpr Field kActiveMetadata{12, 1};
inline constexpr Field kMark{13, 3};
inline constexpr Field kMetadataCrc{16, 4};
inline constexpr Field kBlockCount{20, 4};
inline constexpr std::size_t kReferences = 24;
static_assert(tile({kMagic, kVersion, kPageSizeLog2, kActiveMetadata, kMark, kMetadataCrc,
                    kBlockCount},
                   kReferences));

inline constexpr Field kReferencePageA{0, 8};
inline constexpr Field kReferencePageB{8, 8};
inline constexpr Field kReferenceActive{16, 1};
inline constexpr std::size_t kReferenceSize = 17;
static_assert(tile({kReferencePageA, kReferencePageB, kReferenceActive}, kReferenceSize));

/// The CRC at the end of page 0 covers the bytes from here.
inline constexpr std::size_t kIndexCrcBegin = kBlockCount.offset;

/// References 0 to 27 lie wholly in the first sector, next to byte 12.
inline constexpr std::size_t kBlocksInFirstSector = (kSectorSize - kReferences) / kReferenceSize;
static_assert(kBlocksInFirstSector == 28);

// The commit point must lie in the first sector.
static_assert(kActiveMetadata.end() <= kSectorSize);
}  // namespace superblock

/// The layout version, most significant first.
using Version = std::array<std::uint8_t, 4>;
inline constexpr Version kNewestVersion{0, 2, 0, 0};

/// The fixed fields of page 0.
struct SuperblockHeader {
  Version version = kNewestVersion;
  std::uint32_t page_size_log2 = 0;
  std::uint8_t active_metadata = 0;  ///< 0: page 1, 1: page 2. Others are corrupt; kept as read.
  bool mark = false;                 ///< We were the last writer.
  std::uint32_t block_count = 0;     ///< As claimed, unchecked.
};

/// Where the two copies of a directory page lie and which of them is in force.
struct BlockReference {
  PageNumber page_a;
  PageNumber page_b;
  std::uint8_t active = 0;  ///< 0: `page_a`, 1: `page_b`. Others are corrupt; kept as read.

  [[nodiscard]] PageNumber copy(unsigned which) const { return which == 0 ? page_a : page_b; }
  bool operator==(const BlockReference&) const = default;
};

/// Decodes the first 24 bytes. NotAPagerFile, UnsupportedVersion, CorruptSuperblock if there are
/// fewer. The page size is not judged: `Geometry::of_log2` does that.
Result<SuperblockHeader> decode_superblock_header(std::span<const std::byte> bytes);

/// Reference number `index` of a whole page 0; `index < max_blocks()`.
BlockReference load_reference(std::span<const std::byte> page0, std::size_t index);
void store_reference(std::span<std::byte> page0, std::size_t index,
                     const BlockReference& reference);

/// The CRC over count and references that a whole page 0 has, and the one that it should have.
std::uint32_t stored_index_crc(std::span<const std::byte> page0);
std::uint32_t computed_index_crc(std::span<const std::byte> page0);
inline bool index_crc_holds(std::span<const std::byte> page0) {
  return stored_index_crc(page0) == computed_index_crc(page0);
}

/// A whole page 0. The header's block count is ignored for `references.size()`; the references of
/// `ahead` stand behind it, uncounted. With them the CRC is the same as without: the four bytes
/// before it see to that, where there is room for them; else it does not hold.
std::vector<std::byte> encode_superblock(const Geometry& geometry, const SuperblockHeader& header,
                                         std::span<const BlockReference> references,
                                         std::span<const BlockReference> ahead = {});

}  // namespace mappedpages::format
