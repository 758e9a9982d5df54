// Pages 1 and 2: how many pages there are and which of them are allocated. Bytes as in
// core/FORMAT.md, "Metadata page".
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/bitmap.hpp"
#include "format/defect.hpp"
#include "format/fields.hpp"
#include "format/geometry.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::format {

namespace metadata_page {
inline constexpr Field kTotalPages{0, 8};
inline constexpr Field kGeneration{8, 8};
inline constexpr Field kFreeCount{16, 8};
inline constexpr std::size_t kBitmap = 24;
static_assert(tile({kTotalPages, kGeneration, kFreeCount}, kBitmap));
}  // namespace metadata_page

struct MetadataPage {
  Generation generation;
  Bitmap allocated;  ///< One bit a page of the file; its size is the number of pages.

  [[nodiscard]] PageCount total() const { return PageCount{allocated.size()}; }
};

/// Decodes a whole page and checks all that it says about itself: CRC, total within the capacity,
/// reserved pages allocated, no bit past the total, free pages as counted.
Decoded<MetadataPage> decode_metadata_page(const Geometry& geometry,
                                           std::span<const std::byte> page);

std::vector<std::byte> encode_metadata_page(const Geometry& geometry, const MetadataPage& metadata);

}  // namespace mappedpages::format
