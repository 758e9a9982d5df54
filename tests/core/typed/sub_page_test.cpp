// Small pages within pages.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "mappedpages/sub_page_allocator.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

using Slots = SubPageAllocator<1024, 64>;
using Id = Slots::Id;

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result) << "it succeeded";
  return result ? ErrorCode::Io : result.error().code();
}

class SubPageTest : public testing::Test {
 protected:
  test::TempDir dir;
  Slots slots{*Pager<1024>::create(dir / "db")};
};

TEST_F(SubPageTest, FillsAPageBeforeItTakesAnother) {
  const auto ids = *slots.alloc_bulk(PageCount{Slots::kSlots});
  EXPECT_EQ(Slots::kSlots, 16U);
  for (const Id& id : ids) EXPECT_EQ(id.parent(), ids.front().parent());
  EXPECT_EQ(slots.pager().counts().regular, PageCount{1});
  EXPECT_NE((*slots.alloc()).parent(), ids.front().parent());
  EXPECT_EQ(slots.pager().counts().regular, PageCount{2});
}

TEST_F(SubPageTest, GivesAWhollyFreePageBack) {
  const auto ids = *slots.alloc_bulk(PageCount{20});
  const auto before = slots.pager().engine().stats().groups;
  ASSERT_TRUE(slots.free_bulk(std::span(ids).first(16)));
  EXPECT_EQ(slots.pager().counts().regular, PageCount{1});
  EXPECT_EQ(slots.pager().engine().stats().groups, before + 1);
  ASSERT_TRUE(slots.free_bulk(std::span(ids).subspan(16, 3)));
  EXPECT_EQ(slots.pager().engine().stats().groups, before + 1);  // Only memory changed.
  ASSERT_TRUE(slots.free(ids[19]));
  EXPECT_EQ(slots.pager().counts().regular, PageCount{0});
}

TEST_F(SubPageTest, SlotsDoNotOverlapAndReadAsZeros) {
  std::mt19937 random(3);
  std::map<Id, std::byte> live;
  for (int step = 0; step < 3000; ++step) {
    if (live.empty() || random() % 5 < 3) {
      const Id id = *slots.alloc();
      const auto bytes = *slots.get_mut(id);
      for (const std::byte byte : bytes) ASSERT_EQ(byte, std::byte{0});
      const auto value = static_cast<std::byte>(1 + random() % 255);
      std::ranges::fill(bytes, value);
      ASSERT_TRUE(live.emplace(id, value).second);
    } else {
      auto one = live.begin();
      std::advance(one, static_cast<std::ptrdiff_t>(random() % live.size()));
      ASSERT_TRUE(slots.free(one->first));
      live.erase(one);
    }
    if (step % 100 != 0) continue;
    for (const auto& [id, value] : live) {
      const auto bytes = *slots.get(id);
      ASSERT_TRUE(std::ranges::all_of(bytes, [v = value](std::byte b) { return b == v; }));
    }
  }
  std::set<std::uint64_t> parents;
  for (const auto& [id, value] : live) parents.insert(id.parent().value());
  EXPECT_EQ(slots.pager().counts().regular.value, parents.size());
}

TEST_F(SubPageTest, RefusesWhatIsNotThereAndChangesNothing) {
  const auto ids = *slots.alloc_bulk(PageCount{3});
  const Id& id = ids.front();
  const Id elsewhere(PageId<1024>(77), 0);
  EXPECT_EQ(code_of(slots.free(elsewhere)), ErrorCode::NotAllocated);
  EXPECT_EQ(code_of(slots.get(elsewhere)), ErrorCode::NotAllocated);
  EXPECT_EQ(code_of(slots.free(Id(PageId<1024>(~std::uint64_t{0}), 0))), ErrorCode::NotAllocated);
  EXPECT_EQ(code_of(slots.free(Id(id.parent(), 9))), ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(slots.free(Id(id.parent(), 16))), ErrorCode::OutOfBounds);
  EXPECT_EQ(code_of(slots.get(Id(id.parent(), 64))), ErrorCode::NotAllocated);
  const std::vector<Id> doubled{ids[0], ids[1], ids[0]};
  EXPECT_EQ(code_of(slots.free_bulk(doubled)), ErrorCode::DoubleFree);
  for (const Id& one : ids) EXPECT_TRUE(slots.get(one));
  EXPECT_EQ(code_of(slots.alloc_bulk(PageCount{~std::uint64_t{0}})), ErrorCode::Full);
  EXPECT_EQ(code_of(slots.alloc_bulk(PageCount{slots.pager().capacity().value * 16})),
            ErrorCode::Full);
  EXPECT_EQ(slots.pager().counts().regular, PageCount{1});
  EXPECT_TRUE(slots.alloc_bulk(PageCount{0})->empty());
}

TEST_F(SubPageTest, EveryRatio) {
  SubPageAllocator<4096, 64> most(*Pager<4096>::create(dir / "most"));
  EXPECT_EQ(decltype(most)::kSlots, 64U);
  const auto ids = *most.alloc_bulk(PageCount{65});
  EXPECT_NE(ids[0].parent(), ids[64].parent());
  EXPECT_EQ(ids[63].slot(), 63U);
  ASSERT_TRUE(most.free_bulk(ids));
  EXPECT_EQ(most.pager().counts().regular, PageCount{0});
  SubPageAllocator<1024, 512> halves(*Pager<1024>::create(dir / "halves"));
  EXPECT_EQ(halves.alloc_bulk(PageCount{4})->back().slot(), 1U);
}

TEST_F(SubPageTest, IntoPagerKeepsThePages) {
  const Id id = *slots.alloc();
  std::ranges::fill(*slots.get_mut(id), std::byte{3});
  auto pager = std::move(slots).into_pager();
  EXPECT_EQ((*pager.get(id.parent()))[id.slot() * 64], std::byte{3});
  EXPECT_TRUE(pager.free(id.parent()));
}

}  // namespace
}  // namespace mappedpages
