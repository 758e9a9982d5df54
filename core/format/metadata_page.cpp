#include "format/metadata_page.hpp"

#include <algorithm>
#include <cassert>
#include <string>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"

namespace mappedpages::format {
namespace {

using namespace metadata_page;

constexpr std::size_t kBytesPerWord = sizeof(std::uint64_t);

tl::unexpected<Defect> defect(std::string_view code, std::string detail) {
  return tl::unexpected(Defect{code, std::move(detail)});
}

/// Up to eight bytes from `at` on; missing ones are zero.
std::uint64_t load_word(std::span<const std::byte> bytes, std::size_t at) {
  if (at + kBytesPerWord <= bytes.size()) return load_le<std::uint64_t>(bytes, at);
  std::uint64_t word = 0;
  for (std::size_t i = bytes.size(); i-- > at;) {
    word = word << 8U | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return word;
}

/// The bitmap's bytes up to the CRC, of which `bits` may be set.
Decoded<Bitmap> decode_bitmap(std::span<const std::byte> bytes, std::uint64_t bits) {
  Bitmap bitmap(bits);
  for (std::size_t at = 0; at < bytes.size(); at += kBytesPerWord) {
    const std::uint64_t word = load_word(bytes, at);
    if (word == 0) continue;
    const std::uint64_t first = std::uint64_t{at} * 8;
    const std::uint64_t valid = bits > first ? bits - first : 0;
    if (valid < Bitmap::kBitsPerWord && word >> valid != 0) {
      return defect("metadata-bits-past-total", "the bitmap has a bit set at or past page " +
                                                    std::to_string(bits) + ", where the file ends");
    }
    bitmap.words()[at / kBytesPerWord] = word;
  }
  return bitmap;
}

}  // namespace

Decoded<MetadataPage> decode_metadata_page(const Geometry& geometry,
                                           std::span<const std::byte> page) {
  assert(page.size() == geometry.page_size());
  if (crc32(page.first(geometry.crc_offset())) !=
      load_le<std::uint32_t>(page, geometry.crc_offset())) {
    return defect("metadata-crc", "the checksum does not match the bytes");
  }
  const auto total = load_le<std::uint64_t>(page, kTotalPages.offset);
  if (total < kMinTotalPages.value || total > geometry.capacity().value) {
    return defect("metadata-total", "it says " + std::to_string(total) +
                                        " pages, outside of 4 to " +
                                        std::to_string(geometry.capacity().value));
  }
  auto bitmap = decode_bitmap(page.first(geometry.crc_offset()).subspan(kBitmap), total);
  if (!bitmap) return tl::unexpected(std::move(bitmap).error());
  for (std::uint64_t reserved = 0; reserved < kFirstDataPage.value; ++reserved) {
    if (!bitmap->test(reserved)) {
      return defect("metadata-reserved-free",
                    "reserved page " + std::to_string(reserved) + " is marked free");
    }
  }
  const auto free_count = load_le<std::uint64_t>(page, kFreeCount.offset);
  if (const std::uint64_t counted = total - bitmap->count(); free_count != counted) {
    return defect("metadata-free-count", "it says " + std::to_string(free_count) +
                                             " free pages, its bitmap has " +
                                             std::to_string(counted));
  }
  return MetadataPage{.generation = Generation{load_le<std::uint64_t>(page, kGeneration.offset)},
                      .allocated = *std::move(bitmap)};
}

std::vector<std::byte> encode_metadata_page(const Geometry& geometry,
                                            const MetadataPage& metadata) {
  assert(metadata.total() <= geometry.capacity());
  std::vector<std::byte> page(geometry.page_size());
  const std::span<std::byte> bytes = page;
  store_le(bytes, kTotalPages.offset, metadata.total().value);
  store_le(bytes, kGeneration.offset, metadata.generation.value);
  store_le(bytes, kFreeCount.offset, metadata.total().value - metadata.allocated.count());
  std::size_t at = kBitmap;
  for (const std::uint64_t word : metadata.allocated.words()) {
    // The last word may reach over the end of the bitmap, where it has no bits.
    for (std::size_t i = 0; i < kBytesPerWord && at < geometry.crc_offset(); ++i, ++at) {
      bytes[at] = static_cast<std::byte>(word >> i * 8 & 0xFFU);
    }
  }
  store_le(bytes, geometry.crc_offset(), crc32(bytes.first(geometry.crc_offset())));
  return page;
}

}  // namespace mappedpages::format
