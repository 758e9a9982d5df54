#include "format/directory_page.hpp"

#include <cassert>
#include <string>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"

namespace mappedpages::format {
namespace {

using namespace directory_page;

tl::unexpected<Defect> defect(std::string_view code, std::string detail) {
  return tl::unexpected(Defect{code, std::move(detail)});
}

std::size_t generation_high_offset(const Geometry& geometry) {
  const std::size_t offset = kEntries + geometry.slots_per_block() * kEntrySize;
  // True for every power of two: (P - 12) mod 30 is 20, 22, 26 or 4.
  assert(offset + kGenerationHighSize <= geometry.crc_offset());
  return offset;
}

DirectoryEntry load_entry(std::span<const std::byte> bytes) {
  return {.page_a = PageNumber{load_le<std::uint64_t>(bytes, kPageA.offset)},
          .page_b = PageNumber{load_le<std::uint64_t>(bytes, kPageB.offset)},
          .generation = load_le<std::uint64_t>(bytes, kEntryGeneration.offset),
          .content_crc = load_le<std::uint32_t>(bytes, kContentCrc.offset),
          .active_slot = load_le<std::uint8_t>(bytes, kActiveSlot.offset),
          .in_use = true};
}

void store_entry(std::span<std::byte> bytes, const DirectoryEntry& entry) {
  store_le(bytes, kInUse.offset, std::uint8_t{1});
  store_le(bytes, kPageA.offset, entry.page_a.value);
  store_le(bytes, kPageB.offset, entry.page_b.value);
  store_le(bytes, kActiveSlot.offset, entry.active_slot);
  store_le(bytes, kEntryGeneration.offset, entry.generation);
  store_le(bytes, kContentCrc.offset, entry.content_crc);
}

}  // namespace

Decoded<DirectoryPage> decode_directory_page(const Geometry& geometry,
                                             std::span<const std::byte> page) {
  assert(page.size() == geometry.page_size());
  if (crc32(page.first(geometry.crc_offset())) !=
      load_le<std::uint32_t>(page, geometry.crc_offset())) {
    return defect("directory-crc", "the checksum does not match the bytes");
  }
  const auto capacity = load_le<std::uint32_t>(page, kCapacity.offset);
  const std::size_t slots = geometry.slots_per_block();
  if (capacity != slots) {
    return defect("directory-capacity", "it says " + std::to_string(capacity) +
                                            " entries where this page size has " +
                                            std::to_string(slots));
  }
  const std::uint64_t low = load_le<std::uint32_t>(page, kGenerationLow.offset);
  const std::uint64_t high = load_le<std::uint32_t>(page, generation_high_offset(geometry));
  DirectoryPage directory{.generation = Generation{high << 32U | low},
                          .entries = std::vector<DirectoryEntry>(slots)};
  for (std::size_t slot = 0; slot < slots; ++slot) {
    const auto bytes = page.subspan(kEntries + slot * kEntrySize, kEntrySize);
    const auto in_use = load_le<std::uint8_t>(bytes, kInUse.offset);
    if (in_use == 0) continue;
    const DirectoryEntry entry = load_entry(bytes);
    if (in_use > 1 || entry.active_slot > 1) {
      return defect("directory-entry",
                    "slot " + std::to_string(slot) + " has a flag that is neither 0 nor 1");
    }
    directory.entries[slot] = entry;
  }
  return directory;
}

std::vector<std::byte> encode_directory_page(const Geometry& geometry, Generation generation,
                                             std::span<const DirectoryEntry> entries) {
  assert(entries.size() == geometry.slots_per_block());
  std::vector<std::byte> page(geometry.page_size());
  const std::span<std::byte> bytes = page;
  store_le(bytes, kCapacity.offset, static_cast<std::uint32_t>(entries.size()));
  store_le(bytes, kGenerationLow.offset, static_cast<std::uint32_t>(generation.value));
  store_le(bytes, generation_high_offset(geometry),
           static_cast<std::uint32_t>(generation.value >> 32U));
  for (std::size_t slot = 0; slot < entries.size(); ++slot) {
    if (!entries[slot].in_use) continue;
    store_entry(bytes.subspan(kEntries + slot * kEntrySize, kEntrySize), entries[slot]);
  }
  store_le(bytes, geometry.crc_offset(), crc32(bytes.first(geometry.crc_offset())));
  return page;
}

}  // namespace mappedpages::format
