// What follows from the page size.
#include "format/geometry.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace mappedpages::format {
namespace {

TEST(Geometry, HasTheNumbersOfTheFormat) {
  const Geometry four_k = *Geometry::of_page_size(4096);
  EXPECT_EQ(four_k.capacity(), PageCount{32544});
  EXPECT_EQ(four_k.max_blocks(), 239U);
  EXPECT_EQ(four_k.slots_per_block(), 136U);
  const Geometry one_k = *Geometry::of_page_size(1024);
  EXPECT_EQ(one_k.capacity(), PageCount{7968});
  EXPECT_EQ(one_k.slots_per_block(), 33U);
}

TEST(Geometry, RefusesOtherPageSizes) {
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{512}, std::uint64_t{1000},
        std::uint64_t{1023}, std::uint64_t{1025}, std::uint64_t{1} << 25U, std::uint64_t{1} << 63U,
        std::numeric_limits<std::uint64_t>::max()}) {
    const auto geometry = Geometry::of_page_size(bytes);
    ASSERT_FALSE(geometry) << bytes;
    EXPECT_EQ(geometry.error().code(), ErrorCode::InvalidPageSize);
  }
  EXPECT_FALSE(Geometry::of_log2(9));
  EXPECT_FALSE(Geometry::of_log2(25));
  EXPECT_FALSE(Geometry::of_log2(std::numeric_limits<std::uint32_t>::max()));
}

TEST(Geometry, LeavesRoomForTheHighHalfOfTheGeneration) {
  for (std::uint32_t log2 = kMinPageSizeLog2; log2 <= kMaxPageSizeLog2; ++log2) {
    const Geometry geometry = *Geometry::of_log2(log2);
    EXPECT_LE(8 + geometry.slots_per_block() * 30 + 4, geometry.crc_offset()) << log2;
  }
}

TEST(Geometry, OffsetsNeverOverflow) {
  for (std::uint32_t log2 = kMinPageSizeLog2; log2 <= kMaxPageSizeLog2; ++log2) {
    const Geometry geometry = *Geometry::of_log2(log2);
    const std::uint64_t last = geometry.capacity().value - 1;
    EXPECT_EQ(*geometry.offset_of(PageNumber{last}) / geometry.page_size(), last);
    EXPECT_EQ(geometry.offset_of(PageNumber{last + 1}).error().code(), ErrorCode::OutOfBounds);
    EXPECT_FALSE(geometry.offset_of(PageNumber{std::numeric_limits<std::uint64_t>::max()}));
    EXPECT_FALSE(geometry.file_size(PageCount{last + 2}));
  }
}

TEST(Geometry, ProtectedNumbersAreBlockTimesSlotsPlusSlot) {
  const Geometry geometry = *Geometry::of_page_size(4096);
  const ProtectedNumber number = geometry.protected_number(2, 5);
  EXPECT_EQ(number.value, 2 * 136 + 5U);
  EXPECT_EQ(geometry.block_of(number), 2U);
  EXPECT_EQ(geometry.slot_of(number), 5U);
}

}  // namespace
}  // namespace mappedpages::format
