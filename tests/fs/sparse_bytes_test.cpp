// Bytes in memory, with holes.
#include "fs/sparse_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/random.hpp"

namespace mappedpages::fs {
namespace {

constexpr std::uint64_t kChunk = SparseBytes::kChunk;

class SparseBytesTest : public testing::Test {
 protected:
  static std::vector<std::byte> bytes(const std::string& text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
  }

  MemoryBudget budget{16 * kChunk};
  SparseBytes file{budget};
};

TEST_F(SparseBytesTest, HolesReadAsZerosAndTakeNoMemory) {
  ASSERT_TRUE(file.resize(std::uint64_t{1} << 40U));
  EXPECT_EQ(file.stored(), 0U);
  ASSERT_TRUE(file.write(10 * kChunk - 1, bytes("ab")));
  EXPECT_EQ(file.stored(), 2 * kChunk);
  EXPECT_EQ(file.read(10 * kChunk - 2, 4), bytes(std::string("\0ab\0", 4)));
  EXPECT_EQ(file.read((std::uint64_t{1} << 40U) - 1, 9).size(), 1U);
  EXPECT_TRUE(file.read(std::uint64_t{1} << 40U, 9).empty());
}

TEST_F(SparseBytesTest, WhatIsCutOffComesBackAsZeros) {
  ASSERT_TRUE(file.write(0, bytes("abcdef")));
  ASSERT_TRUE(file.resize(2));
  ASSERT_TRUE(file.resize(6));
  EXPECT_EQ(file.read(0, 9), bytes(std::string("ab\0\0\0\0", 6)));
}

TEST_F(SparseBytesTest, AWriteThatFindsNoRoomWritesNothing) {
  ASSERT_TRUE(file.write(0, bytes("old")));
  const std::vector<std::byte> large(16 * kChunk, std::byte{7});
  EXPECT_EQ(file.write(1, large).error().value, ENOSPC) << "17 chunks";
  EXPECT_EQ(file.size(), 3U);
  EXPECT_EQ(file.read(0, 9), bytes("old"));
  EXPECT_TRUE(file.write(0, large)) << "exactly as much as there is";
  EXPECT_EQ(file.reserve(16 * kChunk, 1).error().value, ENOSPC);
  EXPECT_EQ(file.reserve(0, SparseBytes::kMaxSize).error().value, ENOSPC) << "without trying all";
}

TEST_F(SparseBytesTest, GivesMemoryBack) {
  const std::vector<std::byte> all(16 * kChunk, std::byte{7});
  {
    SparseBytes other(budget);
    ASSERT_TRUE(other.write(0, all));
    EXPECT_FALSE(file.write(0, bytes("x")));
    other.zero(kChunk / 2, kChunk * 2);
    EXPECT_EQ(other.stored(), 15 * kChunk) << "one whole chunk of the three";
    EXPECT_TRUE(file.write(0, bytes("x")));
    ASSERT_TRUE(other.resize(kChunk));
    ASSERT_TRUE(file.resize(0));
    EXPECT_TRUE(file.reserve(0, 15 * kChunk));
    EXPECT_FALSE(file.reserve(15 * kChunk, 1));
  }
  EXPECT_TRUE(file.reserve(15 * kChunk, 1));
  EXPECT_EQ(file.size(), 0U) << "memory is no size";
}

TEST_F(SparseBytesTest, NothingLiesBehindTheLargestOffset) {
  EXPECT_EQ(file.resize(SparseBytes::kMaxSize + 1).error().value, EFBIG);
  EXPECT_EQ(file.write(SparseBytes::kMaxSize, bytes("x")).error().value, EFBIG);
  EXPECT_EQ(file.write(UINT64_MAX, bytes("x")).error().value, EFBIG);
  EXPECT_TRUE(file.write(SparseBytes::kMaxSize - 1, bytes("x")));
  file.zero(SparseBytes::kMaxSize - 1, UINT64_MAX);
  file.zero(UINT64_MAX, UINT64_MAX);
  EXPECT_EQ(file.read(SparseBytes::kMaxSize - 1, 2), bytes(std::string(1, '\0')));
  EXPECT_TRUE(file.resize(SparseBytes::kMaxSize));
}

// Against a plain vector.
TEST_F(SparseBytesTest, IsAnArrayOfBytes) {
  test::Random random(77);
  std::vector<std::byte> model;
  for (int step = 0; step < 3000; ++step) {
    const std::uint64_t offset = random.below(15 * kChunk);
    const auto length = static_cast<std::size_t>(random.below(3 * kChunk));
    const std::uint64_t end = std::min<std::uint64_t>(offset + length, 16 * kChunk);
    switch (random.below(4)) {
      case 0: {
        const auto written = random.bytes(static_cast<std::size_t>(end - offset));
        ASSERT_TRUE(file.write(offset, written));
        if (written.empty()) break;
        model.resize(std::max<std::size_t>(model.size(), end));
        std::ranges::copy(written, model.begin() + static_cast<std::ptrdiff_t>(offset));
        break;
      }
      case 1:
        ASSERT_TRUE(file.resize(offset));
        model.resize(offset);
        break;
      case 2:
        file.zero(offset, length);
        for (std::uint64_t at = offset; at < std::min<std::uint64_t>(end, model.size()); ++at) {
          model[at] = std::byte{0};
        }
        break;
      default:
        ASSERT_TRUE(file.reserve(offset, end - offset));
    }
    ASSERT_EQ(file.size(), model.size()) << step;
    ASSERT_EQ(file.read(0, 17 * kChunk), model) << step;
  }
}

}  // namespace
}  // namespace mappedpages::fs
