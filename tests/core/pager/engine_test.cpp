// The engine's good paths.
#include "mappedpages/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

std::vector<std::byte> filled(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

class EngineTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  test::TempDir dir;
  std::filesystem::path path = dir / "db";
  std::unique_ptr<Engine> engine;
  std::size_t page_size = GetParam();

  void SetUp() override {
    ASSERT_TRUE(Engine::create(path, {.page_size = page_size}));
    reopen();
  }
  void reopen() {
    engine.reset();
    auto opened = Engine::open(path);
    ASSERT_TRUE(opened) << opened.error().message();
    engine = *std::move(opened);
  }
  [[nodiscard]] std::vector<std::byte> content(PageNumber page) const {
    auto bytes = filled(page_size, 0xEE);
    EXPECT_TRUE(engine->read(page, 0, bytes));
    return bytes;
  }
  [[nodiscard]] std::vector<std::byte> content(ProtectedNumber page) const {
    auto bytes = filled(page_size, 0xEE);
    EXPECT_TRUE(engine->read(page, bytes));
    return bytes;
  }
  void put(ProtectedNumber page, int value) {
    auto writer = engine->writer(page);
    ASSERT_TRUE(writer) << writer.error().message();
    std::ranges::fill(writer->bytes(), static_cast<std::byte>(value));
    ASSERT_TRUE(writer->commit());
  }
  [[nodiscard]] bool check_is_ok() const {
    EXPECT_TRUE(engine->flush_all());
    const auto copy = dir / "copy";  // The file itself is locked.
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    return Engine::check(copy)->ok;
  }
};

TEST_P(EngineTest, OpeningTakesThreeFlushesAndEachChangeTwo) {
  EXPECT_EQ(engine->stats().flushes, 3U);
  const PageNumber page = *engine->alloc();
  EXPECT_EQ(engine->stats().flushes, 5U);
  const ProtectedNumber number = *engine->alloc_protected();
  EXPECT_EQ(engine->stats().flushes, 7U);
  put(number, 1);
  EXPECT_EQ(engine->stats().flushes, 9U);
  ASSERT_TRUE(engine->free_protected(number));
  EXPECT_EQ(engine->stats().flushes, 11U);
  ASSERT_TRUE(engine->free(page));
  EXPECT_EQ(engine->stats().flushes, 13U);
  const auto pages = *engine->alloc_bulk(PageCount{9});
  EXPECT_EQ(engine->stats().flushes, 15U);
  ASSERT_TRUE(engine->free_bulk(pages));
  const auto numbers = *engine->alloc_protected_bulk(PageCount{9});
  ASSERT_TRUE(engine->free_protected_bulk(numbers));
  EXPECT_EQ(engine->stats().flushes, 21U);
  EXPECT_EQ(engine->stats().groups, 9U);
  EXPECT_EQ(engine->stats().changes, 9U);
}

TEST_P(EngineTest, LowestFreePageFirst) {
  EXPECT_EQ(*engine->alloc(), PageNumber{3});
  EXPECT_EQ(*engine->alloc(), PageNumber{4});
  EXPECT_EQ(*engine->alloc(), PageNumber{5});
  ASSERT_TRUE(engine->free(PageNumber{4}));
  EXPECT_EQ(*engine->alloc(), PageNumber{4});
}

TEST_P(EngineTest, NewPagesReadAsZerosAlsoWhenTheyWereUsedBefore) {
  const PageNumber page = *engine->alloc();
  ASSERT_TRUE(engine->write(page, 0, filled(page_size, 0xAA)));
  ASSERT_TRUE(engine->free(page));
  EXPECT_EQ(*engine->alloc(), page);
  EXPECT_EQ(content(page), filled(page_size, 0));
  ASSERT_TRUE(engine->write(page, 0, filled(page_size, 0xAA)));
  ASSERT_TRUE(engine->free(page));
  const ProtectedNumber number = *engine->alloc_protected();
  EXPECT_EQ(content(number), filled(page_size, 0));
}

TEST_P(EngineTest, WhatWasCommittedIsThereAfterReopening) {
  const PageNumber page = *engine->alloc();
  ASSERT_TRUE(engine->write(page, 1, filled(10, 7)));
  ASSERT_TRUE(engine->flush(page));
  const ProtectedNumber number = *engine->alloc_protected();
  put(number, 9);
  reopen();
  EXPECT_EQ(content(page)[0], std::byte{0});
  EXPECT_EQ(content(page)[1], std::byte{7});
  EXPECT_EQ(content(number), filled(page_size, 9));
  EXPECT_EQ(engine->info(number)->generation, 1U);
  EXPECT_TRUE(check_is_ok());
}

TEST_P(EngineTest, AWriterStartsFromTheCommittedContent) {
  const ProtectedNumber number = *engine->alloc_protected();
  put(number, 1);
  put(number, 2);
  auto writer = *engine->writer(number);
  EXPECT_TRUE(std::ranges::equal(writer.bytes(), filled(page_size, 2)));
  writer.bytes()[3] = std::byte{0x33};
  EXPECT_EQ(content(number), filled(page_size, 2)) << "not seen before its commit";
  ASSERT_TRUE(writer.commit());
  EXPECT_EQ(content(number)[3], std::byte{0x33});
  EXPECT_EQ(content(number)[4], std::byte{2});
}

TEST_P(EngineTest, AWriterDroppedWithoutCommitChangesNothing) {
  const ProtectedNumber number = *engine->alloc_protected();
  put(number, 1);
  const std::uint64_t flushes = engine->stats().flushes;
  {
    auto writer = *engine->writer(number);
    std::ranges::fill(writer.bytes(), std::byte{9});
  }
  EXPECT_EQ(content(number), filled(page_size, 1));
  EXPECT_EQ(engine->stats().flushes, flushes);
  put(number, 3);  // And the next writer can have it.
}

TEST_P(EngineTest, AMixedChangeIsOneGroup) {
  const PageNumber old_page = *engine->alloc();
  const auto numbers = *engine->alloc_protected_bulk(PageCount{3});
  const std::uint64_t flushes = engine->stats().flushes;
  const auto bytes = filled(page_size, 5);
  const Change change{.alloc_pages = PageCount{2},
                      .alloc_protected = PageCount{1},
                      .free_pages = {old_page},
                      .free_protected = {numbers[0]},
                      .writes = {{numbers[1], bytes}, {numbers[2], bytes}}};
  const Allocation given = *engine->commit(change);
  EXPECT_EQ(engine->stats().flushes, flushes + 2);
  ASSERT_EQ(given.pages.size(), 2U);
  EXPECT_EQ(std::ranges::count(given.pages, old_page), 0) << "not reused by its own group";
  ASSERT_EQ(given.protected_pages.size(), 1U);
  EXPECT_NE(given.protected_pages[0], numbers[0]);
  reopen();
  EXPECT_EQ(content(numbers[2]), bytes);
  EXPECT_EQ(engine->use_of(old_page), PageUse::Free);
  EXPECT_TRUE(check_is_ok());
}

TEST_P(EngineTest, WalksEveryPageOnce) {
  std::set<PageNumber> expected;
  const auto pages = *engine->alloc_bulk(PageCount{100});
  expected.insert(pages.begin(), pages.end());
  const auto numbers = *engine->alloc_protected_bulk(PageCount{40});
  ASSERT_TRUE(engine->free(*expected.begin()));
  expected.erase(expected.begin());
  ASSERT_TRUE(engine->free_protected(numbers[7]));
  std::set<PageNumber> walked;
  for (auto page = engine->next_page({}); page;
       page = engine->next_page(PageNumber{page->value + 1})) {
    EXPECT_TRUE(walked.insert(*page).second);
  }
  EXPECT_EQ(walked, expected);
  std::vector<ProtectedNumber> walked_protected;
  for (auto page = engine->next_protected({}); page;
       page = engine->next_protected(ProtectedNumber{page->value + 1})) {
    walked_protected.push_back(*page);
  }
  EXPECT_EQ(walked_protected.size(), 39U);
  EXPECT_EQ(std::ranges::count(walked_protected, numbers[7]), 0);
  EXPECT_EQ(engine->next_page(PageNumber{~std::uint64_t{0}}), std::nullopt);
  EXPECT_EQ(engine->next_protected(ProtectedNumber{~std::uint64_t{0}}), std::nullopt);
}

TEST_P(EngineTest, CountsAddUp) {
  ASSERT_TRUE(engine->alloc_bulk(PageCount{10}));
  ASSERT_TRUE(engine->alloc_protected_bulk(PageCount{5}));
  const StoreCounts counts = engine->counts();
  EXPECT_EQ(counts.regular, PageCount{10});
  EXPECT_EQ(counts.protected_pages, PageCount{5});
  // Three reserved pages, ten regular ones, one directory block and five pairs of copies.
  EXPECT_EQ(counts.total.value - counts.free.value, 3U + 10U + 2U + 10U);
  const StoreCounts before = counts;
  reopen();
  EXPECT_EQ(engine->counts().free, before.free);
  EXPECT_EQ(engine->counts().total, before.total);
}

TEST_P(EngineTest, AllocatesAtANumberAndGrowsToHoldIt) {
  ASSERT_TRUE(engine->alloc_at(PageNumber{77}));
  EXPECT_EQ(engine->use_of(PageNumber{77}), PageUse::Regular);
  EXPECT_EQ(content(PageNumber{77}), filled(page_size, 0));
  EXPECT_GE(engine->counts().total, PageCount{78});
  EXPECT_EQ(*engine->alloc(), PageNumber{3});
}

TEST_P(EngineTest, AllocatesAProtectedNumberAndWritesItInOneCommit) {
  const std::uint64_t flushes = engine->stats().flushes;
  const auto bytes = filled(page_size, 7);
  const ProtectedNumber far{500};
  ASSERT_TRUE(engine->commit({.alloc_protected_at = {far}, .writes = {{far, bytes}}}));
  ASSERT_TRUE(engine->alloc_protected_at(ProtectedNumber{1}));
  EXPECT_EQ(engine->stats().flushes - flushes, 4U);
  reopen();
  EXPECT_EQ(content(far), bytes);
  EXPECT_EQ(content(ProtectedNumber{1}), filled(page_size, 0));
  // Those that are not named take the rest, in slots of the blocks that were added too.
  EXPECT_EQ(*engine->alloc_protected_bulk(PageCount{3}),
            (std::vector{ProtectedNumber{0}, ProtectedNumber{2}, ProtectedNumber{3}}));
}

TEST_P(EngineTest, AFreedProtectedNumberCannotBeHadWhileItIsPinned) {
  const ProtectedNumber page = *engine->alloc_protected();
  auto pin = *engine->pin(page);
  ASSERT_TRUE(engine->free_when_unpinned(page));
  EXPECT_EQ(engine->alloc_protected_at(page).error().code(), ErrorCode::PagePinned);
  pin.release();
  EXPECT_TRUE(engine->alloc_protected_at(page));
}

TEST_P(EngineTest, NamedAndOtherProtectedPagesShareAChange) {
  // As many as fill the first block, and the last slot of it by name.
  const std::uint64_t slots = (page_size - 12) / 30;
  const ProtectedNumber named{slots - 1};
  const auto given =
      engine->commit({.alloc_protected = PageCount{slots}, .alloc_protected_at = {named}});
  ASSERT_TRUE(given);
  EXPECT_EQ(given->protected_pages.size(), slots);
  EXPECT_EQ(std::ranges::count(given->protected_pages, named), 0);
  EXPECT_EQ(engine->counts().protected_pages, PageCount{slots + 1});
}

TEST_P(EngineTest, AFreedPageIsNotHandedOutWhileItIsPinned) {
  const PageNumber page = *engine->alloc();
  ASSERT_TRUE(engine->write(page, 0, filled(page_size, 4)));
  auto pin = *engine->pin(page);
  EXPECT_TRUE(engine->is_pinned(page));
  EXPECT_EQ(engine->free(page).error().code(), ErrorCode::PagePinned);
  ASSERT_TRUE(engine->free_when_unpinned(page));
  EXPECT_EQ(engine->use_of(page), PageUse::Free) << "out of the listing at once";
  EXPECT_EQ(engine->alloc_at(page).error().code(), ErrorCode::PagePinned);
  EXPECT_NE(*engine->alloc(), page);
  EXPECT_EQ(content(page), filled(page_size, 4)) << "its bytes stay for who holds it";
  ASSERT_TRUE(engine->write(page, 0, filled(1, 5)));
  pin.release();
  std::vector<std::byte> bytes(page_size);
  EXPECT_EQ(engine->read(page, 0, bytes).error().code(), ErrorCode::NotAllocated);
  EXPECT_EQ(*engine->alloc(), page);
  EXPECT_EQ(content(page), filled(page_size, 0));
}

TEST_P(EngineTest, AFreedProtectedPageStaysReadableWhileItIsPinned) {
  const ProtectedNumber number = *engine->alloc_protected();
  put(number, 6);
  auto pin = *engine->pin(number);
  EXPECT_EQ(engine->free_protected(number).error().code(), ErrorCode::PagePinned);
  ASSERT_TRUE(engine->free_when_unpinned(number));
  for (int i = 0; i < 50; ++i) {
    const PageNumber fresh = *engine->alloc();
    ASSERT_TRUE(engine->write(fresh, 0, filled(page_size, 0xCC)));
  }
  EXPECT_NE(*engine->alloc_protected(), number);
  EXPECT_EQ(content(number), filled(page_size, 6));
  EXPECT_FALSE(engine->info(number)) << "out of the listing at once";
  EXPECT_FALSE(engine->pin(number));
  EXPECT_EQ(engine->next_protected({}), ProtectedNumber{number.value + 1});
  pin.release();
  EXPECT_EQ(*engine->alloc_protected(), number);
}

TEST_P(EngineTest, SeveralPagesAreFreedInOneCommitWhoeverHoldsThem) {
  const auto pages = *engine->alloc_bulk(PageCount{3});
  const auto numbers = *engine->alloc_protected_bulk(PageCount{2});
  auto pin = *engine->pin(pages[1]);
  auto held = *engine->writer(numbers[0]);
  const std::uint64_t groups = engine->stats().groups;
  const std::vector one_is_wrong{pages[0], PageNumber{pages[2].value + 9}};
  EXPECT_EQ(engine->free_bulk_when_unpinned(one_is_wrong).error().code(), ErrorCode::DoubleFree);
  EXPECT_EQ(engine->use_of(pages[0]), PageUse::Regular) << "all or none";
  ASSERT_TRUE(engine->free_bulk_when_unpinned(pages));
  ASSERT_TRUE(engine->free_bulk_when_unpinned(numbers));
  EXPECT_EQ(engine->stats().groups - groups, 2U);
  EXPECT_EQ(engine->counts().regular, PageCount{0});
  EXPECT_EQ(engine->counts().protected_pages, PageCount{0});
  EXPECT_EQ(engine->alloc_at(pages[1]).error().code(), ErrorCode::PagePinned);
}

TEST_P(EngineTest, WritersAreCounted) {
  const auto numbers = *engine->alloc_protected_bulk(PageCount{2});
  EXPECT_EQ(engine->writer_count(), 0U);
  auto writer = engine->writer(numbers[0]);
  EXPECT_FALSE(engine->writer(numbers[0]));
  const auto other = *engine->writer(numbers[1]);
  EXPECT_EQ(engine->writer_count(), 2U);
  writer = engine->writer(numbers[0]);
  EXPECT_EQ(engine->writer_count(), 1U);
}

TEST_P(EngineTest, AWriterOfAFreedPageCannotCommitOverItsSuccessor) {
  const ProtectedNumber number = *engine->alloc_protected();
  auto writer = *engine->writer(number);
  ASSERT_TRUE(engine->free_protected(number));
  EXPECT_NE(*engine->alloc_protected(), number);
  EXPECT_EQ(writer.commit().error().code(), ErrorCode::NotAllocated);
}

TEST_P(EngineTest, NothingToDoIsNoCommit) {
  const std::uint64_t flushes = engine->stats().flushes;
  EXPECT_TRUE(engine->alloc_bulk(PageCount{0})->empty());
  EXPECT_TRUE(engine->alloc_protected_bulk(PageCount{0})->empty());
  EXPECT_TRUE(engine->free_bulk({}));
  EXPECT_TRUE(engine->commit({}));
  EXPECT_EQ(engine->stats().flushes, flushes);
}

TEST_P(EngineTest, ClosingFlushesTheBytesOfRegularPages) {
  const PageNumber page = *engine->alloc();
  const std::uint64_t flushes = engine->stats().flushes;
  ASSERT_TRUE(engine->close());
  EXPECT_EQ(engine->stats().flushes, flushes) << "nothing was written";
  ASSERT_TRUE(engine->write(page, 0, filled(1, 1)));
  ASSERT_TRUE(engine->close());
  EXPECT_EQ(engine->stats().flushes, flushes + 1);
}

TEST_P(EngineTest, ReadersShareTheFile) {
  const ProtectedNumber number = *engine->alloc_protected();
  put(number, 3);
  engine.reset();
  const auto one = Engine::open(path, {.access = Access::ReadOnly});
  const auto two = Engine::open(path, {.access = Access::ReadOnly});
  ASSERT_TRUE(one);
  ASSERT_TRUE(two);
  std::vector<std::byte> bytes(page_size);
  EXPECT_TRUE((*two)->read(number, bytes));
  EXPECT_EQ(bytes, filled(page_size, 3));
  EXPECT_EQ(Engine::open(path).error().code(), ErrorCode::Locked);
}

INSTANTIATE_TEST_SUITE_P(PageSizes, EngineTest, testing::Values(1024, 4096, 65536),
                         [](const auto& test) { return std::to_string(test.param); });

TEST(EngineAtItsLimits, GrowsByDoublingToTheTrueCapacity) {
  const test::TempDir dir;
  ASSERT_TRUE(Engine::create(dir / "db", {.page_size = 1024}));
  const auto engine = *Engine::open(dir / "db", {.no_sync = true});
  std::uint64_t expected = 4;
  while (engine->counts().free.value != 0 || expected < 7968) {
    ASSERT_TRUE(engine->alloc_bulk(PageCount{engine->counts().free.value}));
    if (expected == 7968) break;
    ASSERT_TRUE(engine->alloc());
    expected = std::min<std::uint64_t>(expected * 2, 7968);
    ASSERT_EQ(engine->counts().total, PageCount{expected});
  }
  EXPECT_EQ(engine->counts().regular, PageCount{7965});
  EXPECT_EQ(engine->alloc().error().code(), ErrorCode::Full);
  EXPECT_EQ(engine->alloc_protected().error().code(), ErrorCode::Full);
  ASSERT_TRUE(engine->free(PageNumber{1000}));
  EXPECT_EQ(*engine->alloc(), PageNumber{1000});
}

TEST(EngineAtItsLimits, TheDirectoryCanBeFull) {
  const test::TempDir dir;
  ASSERT_TRUE(Engine::create(dir / "db", {.page_size = 1024}));
  const auto engine = *Engine::open(dir / "db", {.no_sync = true});
  ASSERT_TRUE(engine->alloc_protected_bulk(PageCount{58 * 33}));
  EXPECT_EQ(engine->facts().directory_blocks, 58U);
  EXPECT_EQ(engine->alloc_protected().error().code(), ErrorCode::DirectoryFull);
  EXPECT_TRUE(engine->alloc()) << "regular pages are still to be had";
  ASSERT_TRUE(engine->free_protected(ProtectedNumber{100}));
  EXPECT_EQ(*engine->alloc_protected(), ProtectedNumber{100});
}

TEST(EngineAtItsLimits, TheLargestPageSizeWorks) {
  const test::TempDir dir;
  constexpr std::size_t kLargest = std::size_t{16} << 20U;
  ASSERT_TRUE(Engine::create(dir / "db", {.page_size = kLargest}));
  {
    const auto engine = *Engine::open(dir / "db", {.no_sync = true});
    const ProtectedNumber number = *engine->alloc_protected();
    auto writer = *engine->writer(number);
    writer.bytes().back() = std::byte{1};
    ASSERT_TRUE(writer.commit());
  }
  const auto engine = *Engine::open(dir / "db", {.access = Access::ReadOnly});
  std::vector<std::byte> bytes(kLargest);
  ASSERT_TRUE(engine->read(ProtectedNumber{0}, bytes));
  EXPECT_EQ(bytes.back(), std::byte{1});
}

}  // namespace
}  // namespace mappedpages
