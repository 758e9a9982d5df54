// The lowest free number, against std::set.
#include "mppg0/free_map.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace mappedpages::mppg0 {
namespace {

TEST(FreeMap, IsEmptyAtFirst) {
  FreeMap map;
  EXPECT_EQ(map.lowest(), std::nullopt);
  EXPECT_FALSE(map.contains(0));
  map.resize(10);
  EXPECT_EQ(map.lowest(), std::nullopt);
  map.erase(3);
  EXPECT_EQ(map.count(), 0U);
}

TEST(FreeMap, KeepsItsMembersWhenItGrowsNewLevels) {
  FreeMap map;
  map.resize(64);
  map.insert(63);
  for (const std::uint64_t size : {65U, 4096U, 4097U, 262144U, 262145U, 1000000U}) {
    map.resize(size);
    EXPECT_EQ(map.lowest(), 63U) << size;
  }
  map.insert(999999);
  map.erase(63);
  EXPECT_EQ(map.lowest(), 999999U);
}

TEST(FreeMap, DoesNotShrink) {
  FreeMap map;
  map.resize(100);
  map.insert(99);
  map.resize(5);
  EXPECT_EQ(map.lowest(), 99U);
}

TEST(FreeMap, DoesWhatASetDoes) {
  std::mt19937_64 random(7);
  FreeMap map;
  std::set<std::uint64_t> set;
  for (const std::uint64_t size : {3U, 64U, 65U, 5000U, 300000U}) {
    map.resize(size);
    for (int step = 0; step < 3000; ++step) {
      const std::uint64_t number = random() % size;
      if (random() % 2 == 0) {
        map.insert(number);
        set.insert(number);
      } else {
        map.erase(number);
        set.erase(number);
      }
      ASSERT_EQ(map.count(), set.size());
      ASSERT_EQ(map.contains(number), set.contains(number));
      ASSERT_EQ(map.lowest(), set.empty() ? std::nullopt : std::optional(*set.begin()));
    }
  }
}

TEST(FreeMap, InsertsAllThatABitmapDoesNotHave) {
  std::mt19937_64 random(8);
  for (const std::uint64_t size : {1U, 63U, 64U, 65U, 4096U, 4097U, 300000U}) {
    Bitmap taken(size);
    FreeMap map;
    FreeMap expected;
    map.resize(size / 2 + 1);
    expected.resize(size);
    map.insert(size / 2);
    expected.insert(size / 2);
    for (std::uint64_t number = 0; number < size; ++number) {
      if (random() % 8 != 0) {
        taken.set(number);
      } else {
        expected.insert(number);
      }
    }
    map.insert_all_but(taken);
    ASSERT_EQ(map.size(), size);
    while (expected.count() > 0) {
      ASSERT_EQ(map.count(), expected.count());
      ASSERT_EQ(map.lowest(), expected.lowest());
      map.erase(*expected.lowest());
      expected.erase(*expected.lowest());
    }
    EXPECT_EQ(map.lowest(), std::nullopt);
  }
}

}  // namespace
}  // namespace mappedpages::mppg0
