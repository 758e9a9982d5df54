// The codecs, against bytes written out by hand.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"

namespace mappedpages::format {
namespace {

using Page = std::vector<std::byte>;

const Geometry kGeometry = *Geometry::of_page_size(1024);

void seal(Page& page) {
  store_le(std::span(page), page.size() - 4, crc32(std::span(page).first(page.size() - 4)));
}

// --- Page 0

TEST(Superblock, HasEveryFieldInItsPlace) {
  const BlockReference reference{PageNumber{4}, PageNumber{5}, 1};
  const Page page = encode_superblock(
      kGeometry, {.page_size_log2 = 10, .active_metadata = 1, .mark = true}, {{reference}});
  ASSERT_EQ(page.size(), 1024U);
  EXPECT_EQ(std::memcmp(page.data(), "MPPG\0\2\0\0\x0a\0\0\0\1mp1\x1c\xdf\x44\x21\1\0\0\0\4", 25),
            0);
  EXPECT_EQ(load_le<std::uint64_t>(page, 32), 5U);
  EXPECT_EQ(page[40], std::byte{1});
  EXPECT_EQ(load_le<std::uint32_t>(page, 1020), crc32(std::span(page).subspan(20, 1000)));
}

TEST(Superblock, ReadsWhatItWrote) {
  const SuperblockHeader written{.version = {0, 1, 7, 9}, .page_size_log2 = 10, .mark = false};
  const Page page = encode_superblock(kGeometry, written, {});
  const auto read = decode_superblock_header(page);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->version, written.version);
  EXPECT_EQ(read->active_metadata, 0);
  EXPECT_FALSE(read->mark);
  EXPECT_EQ(read->block_count, 0U);
  EXPECT_TRUE(index_crc_holds(page));
}

TEST(Superblock, ReferencesAheadAreNotCounted) {
  const BlockReference one{PageNumber{4}, PageNumber{5}, 0};
  const BlockReference two{PageNumber{6}, PageNumber{7}, 1};
  const Page page = encode_superblock(kGeometry, {.page_size_log2 = 10}, {{one}}, {{two}});
  EXPECT_EQ(decode_superblock_header(page)->block_count, 1U);
  EXPECT_EQ(load_reference(page, 1), two);
  const Page without = encode_superblock(kGeometry, {.page_size_log2 = 10}, {{one}});
  EXPECT_TRUE(index_crc_holds(page));
  EXPECT_EQ(stored_index_crc(page), stored_index_crc(without));
}

TEST(Superblock, TheCrcIsThatWithoutReferencesAheadAlsoWhereNothingIsLeft) {
  for (const std::uint32_t log2 : {10U, 12U, 13U, 14U}) {
    const auto geometry = Geometry::of_log2(log2);
    ASSERT_TRUE(geometry);
    std::vector<BlockReference> all;
    for (std::uint64_t i = 0; i < geometry->max_blocks(); ++i) {
      all.push_back({PageNumber{3 + 2 * i}, PageNumber{4 + 2 * i}, 0});
    }
    const auto counted = std::span(all).first(all.size() - 1);
    const SuperblockHeader header{.page_size_log2 = log2};
    const Page page = encode_superblock(*geometry, header, counted, std::span(all).last(1));
    EXPECT_EQ(stored_index_crc(page),
              computed_index_crc(encode_superblock(*geometry, header, counted)));
    EXPECT_EQ(load_reference(page, counted.size()), all.back());
    const bool room = log2 != 14;  // 2 bytes are left there.
    EXPECT_EQ(index_crc_holds(page), room) << log2;
  }
}

TEST(Superblock, RefusesWhatIsNotOurs) {
  const Page good = encode_superblock(kGeometry, {.page_size_log2 = 10}, {});
  const auto code_with = [&good](std::size_t at, std::uint8_t value) {
    Page page = good;
    page[at] = static_cast<std::byte>(value);
    return decode_superblock_header(page).error().code();
  };
  EXPECT_EQ(code_with(0, 'm'), ErrorCode::NotAPagerFile);
  EXPECT_EQ(code_with(4, 1), ErrorCode::UnsupportedVersion);
  EXPECT_EQ(code_with(5, 3), ErrorCode::UnsupportedVersion);
  EXPECT_EQ(decode_superblock_header({}).error().code(), ErrorCode::NotAPagerFile);
  EXPECT_EQ(decode_superblock_header(std::span(good).first(23)).error().code(),
            ErrorCode::CorruptSuperblock);
}

// --- Metadata

MetadataPage four_pages() {
  MetadataPage metadata{.generation = Generation{7}, .allocated = Bitmap(4)};
  for (const std::uint64_t page : {0U, 1U, 2U}) metadata.allocated.set(page);
  return metadata;
}

TEST(MetadataPageCodec, HasEveryFieldInItsPlace) {
  const Page page = encode_metadata_page(kGeometry, four_pages());
  EXPECT_EQ(load_le<std::uint64_t>(page, 0), 4U);
  EXPECT_EQ(load_le<std::uint64_t>(page, 8), 7U);
  EXPECT_EQ(load_le<std::uint64_t>(page, 16), 1U);
  EXPECT_EQ(page[24], std::byte{0b0111});
  EXPECT_EQ(load_le<std::uint32_t>(page, 1020), crc32(std::span(page).first(1020)));
  // A page that ends in its own CRC32 has this one: what bytes 16..20 of page 0 always hold.
  EXPECT_EQ(crc32(page), 0x2144DF1CU);
}

TEST(MetadataPageCodec, ReadsWhatItWroteUpToTheCapacity) {
  MetadataPage written{.generation = Generation{1},
                       .allocated = Bitmap(kGeometry.capacity().value)};
  for (std::uint64_t page = 0; page < written.allocated.size(); page += 3) {
    written.allocated.set(page);
  }
  written.allocated.set(1);
  written.allocated.set(2);
  const auto read = decode_metadata_page(kGeometry, encode_metadata_page(kGeometry, written));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->total(), kGeometry.capacity());
  EXPECT_TRUE(std::ranges::equal(read->allocated.words(), written.allocated.words()));
}

struct MetadataDamage {
  const char* code;
  void (*damage)(Page&);
};

class MetadataDefects : public testing::TestWithParam<MetadataDamage> {};

TEST_P(MetadataDefects, AreNamed) {
  Page page = encode_metadata_page(kGeometry, four_pages());
  GetParam().damage(page);
  const auto read = decode_metadata_page(kGeometry, page);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, GetParam().code);
  EXPECT_FALSE(read.error().detail.empty());
}

void set_total(Page& page, std::uint64_t total) {
  store_le(std::span(page), 0, total);
  seal(page);
}

INSTANTIATE_TEST_SUITE_P(
    All, MetadataDefects,
    testing::Values(MetadataDamage{"metadata-crc", [](Page& page) { page[500] ^= std::byte{1}; }},
                    MetadataDamage{"metadata-total", [](Page& page) { set_total(page, 3); }},
                    MetadataDamage{
                        "metadata-total",
                        [](Page& page) { set_total(page, kGeometry.capacity().value + 1); }},
                    MetadataDamage{"metadata-total",
                                   [](Page& page) {
                                     set_total(page, std::numeric_limits<std::uint64_t>::max());
                                   }},
                    MetadataDamage{"metadata-bits-past-total",
                                   [](Page& page) {
                                     page[24] |= std::byte{0x10};
                                     seal(page);
                                   }},
                    MetadataDamage{"metadata-bits-past-total",
                                   [](Page& page) {
                                     page[1019] = std::byte{1};
                                     seal(page);
                                   }},
                    MetadataDamage{"metadata-reserved-free",
                                   [](Page& page) {
                                     page[24] &= std::byte{0xFB};
                                     seal(page);
                                   }},
                    MetadataDamage{"metadata-free-count", [](Page& page) {
                                     store_le(std::span(page), 16, std::uint64_t{2});
                                     seal(page);
                                   }}));

// --- Directory

std::vector<DirectoryEntry> two_entries() {
  std::vector<DirectoryEntry> entries(kGeometry.slots_per_block());
  entries[0] = {.page_a = PageNumber{6},
                .page_b = PageNumber{7},
                .generation = 3,
                .content_crc = 0xAABBCCDD,
                .active_slot = 1,
                .in_use = true};
  entries[32] = {.page_a = PageNumber{8}, .page_b = PageNumber{9}, .in_use = true};
  return entries;
}

TEST(DirectoryPageCodec, HasEveryFieldInItsPlace) {
  const Page page = encode_directory_page(kGeometry, Generation{0x1122334455667788}, two_entries());
  EXPECT_EQ(load_le<std::uint32_t>(page, 0), 33U);
  EXPECT_EQ(load_le<std::uint32_t>(page, 4), 0x55667788U);
  EXPECT_EQ(load_le<std::uint32_t>(page, 8 + 33 * 30), 0x11223344U);
  EXPECT_EQ(page[8], std::byte{1});
  EXPECT_EQ(load_le<std::uint64_t>(page, 9), 6U);
  EXPECT_EQ(load_le<std::uint64_t>(page, 17), 7U);
  EXPECT_EQ(page[25], std::byte{1});
  EXPECT_EQ(load_le<std::uint64_t>(page, 26), 3U);
  EXPECT_EQ(load_le<std::uint32_t>(page, 34), 0xAABBCCDDU);
  EXPECT_EQ(page[38], std::byte{0});  // Slot 1 is free.
  EXPECT_EQ(load_le<std::uint32_t>(page, 1020), crc32(std::span(page).first(1020)));
}

TEST(DirectoryPageCodec, ReadsWhatItWrote) {
  for (const std::uint64_t generation : {std::uint64_t{0}, std::uint64_t{1} << 62U}) {
    const auto read = decode_directory_page(
        kGeometry, encode_directory_page(kGeometry, Generation{generation}, two_entries()));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->generation, Generation{generation});
    EXPECT_EQ(read->entries, two_entries());
  }
}

TEST(DirectoryPageCodec, NamesWhatIsWrong) {
  const Page good = encode_directory_page(kGeometry, Generation{1}, two_entries());
  const auto code_with = [&good](std::size_t at, std::uint8_t value, bool sealed) {
    Page page = good;
    page[at] = static_cast<std::byte>(value);
    if (sealed) seal(page);
    const auto read = decode_directory_page(kGeometry, page);
    return read ? std::string_view("none") : read.error().code;
  };
  EXPECT_EQ(code_with(0, 34, false), "directory-crc");
  EXPECT_EQ(code_with(0, 34, true), "directory-capacity");
  EXPECT_EQ(code_with(8, 2, true), "directory-entry");
  EXPECT_EQ(code_with(25, 2, true), "directory-entry");
  EXPECT_EQ(code_with(8, 0, true), "none");
}

}  // namespace
}  // namespace mappedpages::format
