// The codecs of page 0, metadata and directories: any bytes can be decoded or refused; what can be
// decoded is encoded to the same bytes, but for those that mean nothing; what is encoded is decoded
// to the same values.
//
// Input: one byte that says which codec and which page size, then the page, filled up with zeros.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "fuzz/require.hpp"

namespace mappedpages::fuzz {
namespace {

using format::Geometry;
using Page = std::vector<std::byte>;

/// Zeros from `from` to the checksum.
void blank_tail(Page& page, std::size_t from) {
  std::fill(page.begin() + static_cast<std::ptrdiff_t>(from), page.end() - 4, std::byte{0});
}

void seal(Page& page, std::size_t from) {
  const std::span<std::byte> bytes = page;
  store_le(bytes, page.size() - 4, crc32(bytes.first(page.size() - 4).subspan(from)));
}

// --- Page 0

void superblock_of(const Geometry& geometry, const Page& page) {
  const auto header = format::decode_superblock_header(page);
  if (!header) {
    require(!header.error().message().empty(), "refused without a reason");
    return;
  }
  const std::size_t count = std::min<std::size_t>(header->block_count, geometry.max_blocks());
  std::vector<format::BlockReference> references;
  for (std::size_t i = 0; i < geometry.max_blocks(); ++i) {
    references.push_back(format::load_reference(page, i));
  }
  const std::span all = references;
  const Page made =
      format::encode_superblock(geometry, *header, all.first(count), all.subspan(count));
  Page expected = page;
  const std::span<std::byte> bytes = expected;
  if (!header->mark) std::fill_n(expected.begin() + 13, 3, std::byte{0});
  store_le(bytes, 16, std::uint32_t{0x2144DF1C});
  store_le(bytes, 20, static_cast<std::uint32_t>(count));
  const std::size_t end = 24 + 17 * geometry.max_blocks();
  require(std::ranges::equal(std::span(made).first(end), std::span(expected).first(end)),
          "page 0 is encoded to other bytes");
  // References that are not counted leave the checksum as it is.
  blank_tail(expected, 24 + 17 * count);
  seal(expected, 20);
  require(format::stored_index_crc(made) == format::stored_index_crc(expected),
          "page 0 is encoded with another checksum");
  const bool room_to_make_it_hold = end + 8 <= page.size();
  require(!room_to_make_it_hold || format::index_crc_holds(made),
          "page 0 is encoded with a wrong checksum");
  const auto again = format::decode_superblock_header(made);
  require(again && again->version == header->version && again->mark == header->mark &&
              again->page_size_log2 == header->page_size_log2 &&
              again->active_metadata == header->active_metadata && again->block_count == count,
          "page 0 is not decoded to what was encoded");
}

// --- Metadata

void decode_metadata(const Geometry& geometry, const Page& page) {
  const auto decoded = format::decode_metadata_page(geometry, page);
  if (!decoded) return require(!decoded.error().code.empty(), "refused without a code");
  require(format::encode_metadata_page(geometry, *decoded) == page,
          "metadata is encoded to other bytes");
}

/// The bytes as a bitmap of any length.
void encode_metadata(const Geometry& geometry, const Page& page) {
  const std::uint64_t capacity = geometry.capacity().value;
  format::MetadataPage metadata;
  metadata.generation = Generation{load_le<std::uint64_t>(page, 8)};
  metadata.allocated = Bitmap(4 + load_le<std::uint64_t>(page, 0) % (capacity - 3));
  for (std::uint64_t bit = 0; bit < metadata.allocated.size(); ++bit) {
    const bool set = (page[24 + bit / 8] >> bit % 8 & std::byte{1}) != std::byte{0};
    if (set || bit < 3) metadata.allocated.set(bit);
  }
  const Page made = format::encode_metadata_page(geometry, metadata);
  const auto decoded = format::decode_metadata_page(geometry, made);
  require(decoded.has_value(), "what was encoded cannot be decoded");
  require(decoded->generation == metadata.generation && decoded->total() == metadata.total() &&
              std::ranges::equal(decoded->allocated.words(), metadata.allocated.words()),
          "metadata is not decoded to what was encoded");
}

// --- Directories

void decode_directory(const Geometry& geometry, const Page& page) {
  const auto decoded = format::decode_directory_page(geometry, page);
  if (!decoded) return require(!decoded.error().code.empty(), "refused without a code");
  Page expected = page;
  for (std::size_t slot = 0; slot < geometry.slots_per_block(); ++slot) {
    const auto entry = expected.begin() + static_cast<std::ptrdiff_t>(8 + 30 * slot);
    if (*entry == std::byte{0}) std::fill_n(entry, 30, std::byte{0});
  }
  blank_tail(expected, 12 + 30 * geometry.slots_per_block());
  seal(expected, 0);
  require(
      format::encode_directory_page(geometry, decoded->generation, decoded->entries) == expected,
      "a directory is encoded to other bytes");
}

/// The bytes as entries with any values.
void encode_directory(const Geometry& geometry, const Page& page) {
  std::vector<format::DirectoryEntry> entries(geometry.slots_per_block());
  for (std::size_t slot = 0; slot < entries.size(); ++slot) {
    const auto bytes = std::span(page).subspan(8 + 30 * slot, 30);
    if ((bytes[0] & std::byte{1}) == std::byte{0}) continue;
    entries[slot] = {.page_a = PageNumber{load_le<std::uint64_t>(bytes, 1)},
                     .page_b = PageNumber{load_le<std::uint64_t>(bytes, 9)},
                     .generation = load_le<std::uint64_t>(bytes, 18),
                     .content_crc = load_le<std::uint32_t>(bytes, 26),
                     .active_slot = static_cast<std::uint8_t>(bytes[17] & std::byte{1}),
                     .in_use = true};
  }
  const Generation generation{load_le<std::uint64_t>(page, 0)};
  const auto decoded = format::decode_directory_page(
      geometry, format::encode_directory_page(geometry, generation, entries));
  require(decoded && decoded->generation == generation && decoded->entries == entries,
          "a directory is not decoded to what was encoded");
}

void run(std::span<const std::byte> input) {
  if (input.empty()) return;
  const auto what = std::to_integer<unsigned>(input[0]);
  const Geometry geometry = *Geometry::of_log2(format::kMinPageSizeLog2 + (what >> 2U) % 4);
  const auto bytes = input.subspan(1);
  if (what % 4 == 3) {
    // Fewer bytes than a page: of a file that was cut.
    (void)format::decode_superblock_header(bytes);
    return;
  }
  Page page(geometry.page_size());
  std::ranges::copy(bytes.first(std::min(bytes.size(), page.size())), page.begin());
  if (what % 4 == 0) return superblock_of(geometry, page);
  const bool metadata = what % 4 == 1;
  const auto decode = metadata ? decode_metadata : decode_directory;
  decode(geometry, page);
  seal(page, 0);
  decode(geometry, page);
  (metadata ? encode_metadata : encode_directory)(geometry, page);
}

}  // namespace
}  // namespace mappedpages::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mappedpages::fuzz::run(mappedpages::fuzz::bytes_of(data, size));
  return 0;
}
