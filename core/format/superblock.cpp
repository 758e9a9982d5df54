#include "format/superblock.hpp"

#include <algorithm>
#include <cassert>
#include <string>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"

namespace mappedpages::format {
namespace {

using namespace superblock;

constexpr std::array kMagicBytes{std::byte{'M'}, std::byte{'P'}, std::byte{'P'}, std::byte{'G'}};
constexpr std::array kMarkBytes{std::byte{'m'}, std::byte{'p'}, std::byte{'1'}};

// The field holds the CRC of the whole active metadata page. A page that ends in its own CRC32
// always has this one, so the value is a constant; written because the format has it.
constexpr std::uint32_t kMetadataCrcValue = 0x2144DF1C;

std::span<const std::byte> bytes_of(std::span<const std::byte> page, Field field) {
  return page.subspan(field.offset, field.size);
}

bool supported(const Version& version) {
  return version[0] == kNewestVersion[0] && version[1] <= kNewestVersion[1];
}

/// Bytes of page 0 before its CRC that no index needs, but where P is 16 KiB or 4 MiB, and it is
/// full.
constexpr std::size_t kMakeCrcSize = 4;

/// Leaves the CRC as it is, so that it is that of the page without them whatever of this lands; and
/// makes it hold.
void add_ahead(std::span<std::byte> page, std::size_t count,
               std::span<const BlockReference> ahead) {
  for (const BlockReference& reference : ahead) store_reference(page, count++, reference);
  const std::size_t at = page.size() - kPageCrcSize - kMakeCrcSize;
  if (kReferences + count * kReferenceSize > at) return;
  const std::uint32_t before = crc32(page.first(at).subspan(kIndexCrcBegin));
  store_le(page, at, bytes_that_make_crc32(stored_index_crc(page), before));
}

}  // namespace

Result<SuperblockHeader> decode_superblock_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kMagic.end() || !std::ranges::equal(bytes_of(bytes, kMagic), kMagicBytes)) {
    return tl::unexpected(
        Error(ErrorCode::NotAPagerFile, "not a pager file: it does not begin with \"MPPG\""));
  }
  if (bytes.size() < kReferences) {
    return tl::unexpected(Error(
        ErrorCode::CorruptSuperblock,
        "the file ends inside the superblock, after " + std::to_string(bytes.size()) + " bytes"));
  }
  SuperblockHeader header;
  std::ranges::transform(bytes_of(bytes, kVersion), header.version.begin(),
                         [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
  if (!supported(header.version)) {
    return tl::unexpected(Error(ErrorCode::UnsupportedVersion,
                                "version " + std::to_string(header.version[0]) + "." +
                                    std::to_string(header.version[1]) +
                                    " of the format is not supported (0.0 to 0.2 are)"));
  }
  header.page_size_log2 = load_le<std::uint32_t>(bytes, kPageSizeLog2.offset);
  header.active_metadata = load_le<std::uint8_t>(bytes, kActiveMetadata.offset);
  header.mark = std::ranges::equal(bytes_of(bytes, kMark), kMarkBytes);
  header.block_count = load_le<std::uint32_t>(bytes, kBlockCount.offset);
  return header;
}

BlockReference load_reference(std::span<const std::byte> page0, std::size_t index) {
  const auto bytes = page0.subspan(kReferences + index * kReferenceSize, kReferenceSize);
  return {.page_a = PageNumber{load_le<std::uint64_t>(bytes, kReferencePageA.offset)},
          .page_b = PageNumber{load_le<std::uint64_t>(bytes, kReferencePageB.offset)},
          .active = load_le<std::uint8_t>(bytes, kReferenceActive.offset)};
}

void store_reference(std::span<std::byte> page0, std::size_t index,
                     const BlockReference& reference) {
  const auto bytes = page0.subspan(kReferences + index * kReferenceSize, kReferenceSize);
  store_le(bytes, kReferencePageA.offset, reference.page_a.value);
  store_le(bytes, kReferencePageB.offset, reference.page_b.value);
  store_le(bytes, kReferenceActive.offset, reference.active);
}

std::uint32_t stored_index_crc(std::span<const std::byte> page0) {
  return load_le<std::uint32_t>(page0, page0.size() - kPageCrcSize);
}

std::uint32_t computed_index_crc(std::span<const std::byte> page0) {
  return crc32(page0.first(page0.size() - kPageCrcSize).subspan(kIndexCrcBegin));
}

std::vector<std::byte> encode_superblock(const Geometry& geometry, const SuperblockHeader& header,
                                         std::span<const BlockReference> references,
                                         std::span<const BlockReference> ahead) {
  assert(references.size() + ahead.size() <= geometry.max_blocks());
  std::vector<std::byte> page(geometry.page_size());
  const std::span<std::byte> bytes = page;
  std::ranges::copy(kMagicBytes, bytes.subspan(kMagic.offset).begin());
  for (std::size_t i = 0; i < header.version.size(); ++i) {
    store_le(bytes, kVersion.offset + i, header.version[i]);
  }
  store_le(bytes, kPageSizeLog2.offset, header.page_size_log2);
  store_le(bytes, kActiveMetadata.offset, header.active_metadata);
  if (header.mark) std::ranges::copy(kMarkBytes, bytes.subspan(kMark.offset).begin());
  store_le(bytes, kMetadataCrc.offset, kMetadataCrcValue);
  store_le(bytes, kBlockCount.offset, static_cast<std::uint32_t>(references.size()));
  std::size_t index = 0;
  for (const BlockReference& reference : references) store_reference(bytes, index++, reference);
  store_le(bytes, geometry.crc_offset(), computed_index_crc(bytes));
  if (!ahead.empty()) add_ahead(bytes, references.size(), ahead);
  return page;
}

}  // namespace mappedpages::format
