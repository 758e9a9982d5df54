// Pages in memory.
#include <cstring>
#include <fstream>
#include <random>

#include "pager/engine_fixture.hpp"

namespace mappedpages {
namespace {

using test::code_of;

class ViewsTest : public test::EngineFixture {};

TEST_F(ViewsTest, StayValidWhileTheFileGrowsToItsCapacity) {
  const PageNumber first = *engine->alloc();
  std::vector<std::pair<PageNumber, std::span<std::byte>>> views;
  views.emplace_back(first, *engine->view_mut(first));
  std::mt19937 random(1);
  // Bulks of any size, up to the last page; a view of a page of each.
  while (engine->counts().total < engine->capacity() || engine->counts().free.value > 0) {
    const std::uint64_t most = engine->capacity().value - engine->counts().regular.value - 3;
    const PageCount count{std::min<std::uint64_t>(1 + random() % 300, most)};
    const auto pages = *engine->alloc_bulk(count);
    for (const PageNumber page : {pages.front(), pages.back()}) {
      const auto view = engine->view_mut(page);
      ASSERT_TRUE(view) << view.error().message();
      ASSERT_EQ(view->size(), page_size);
      std::memset(view->data(), static_cast<int>(page.value % 251), view->size());
      views.emplace_back(page, *view);
    }
    for (const auto& [page, view] : views) {
      if (page == first) continue;
      ASSERT_EQ(view[page_size - 1], static_cast<std::byte>(page.value % 251));
    }
  }
  std::memset(views.front().second.data(), 0x5A, page_size);
  EXPECT_GT(views.size(), 50U);
  for (const auto& [page, view] : views) {
    EXPECT_EQ(content(page), std::vector<std::byte>(view.begin(), view.end()));
    EXPECT_EQ(engine->view(page)->data(), view.data());  // Never moved.
  }
  ASSERT_NO_FATAL_FAILURE(reopen());
  EXPECT_EQ(content(first), page_of(0x5A));
}

TEST_F(ViewsTest, EveryPageSizeAndOddFileSizes) {
  for (const std::size_t size : {std::size_t{1024}, std::size_t{2048}, std::size_t{4096},
                                 std::size_t{65536}, std::size_t{1} << 20}) {
    ASSERT_NO_FATAL_FAILURE(open_new(size, PageCount{5}));  // Not a multiple of 4 KiB at 1 KiB.
    const auto pages = *engine->alloc_bulk(PageCount{2});
    std::ranges::fill(*engine->view_mut(pages[1]), std::byte{1});
    const auto more = *engine->alloc_bulk(PageCount{9});
    for (const PageNumber page : more) std::ranges::fill(*engine->view_mut(page), std::byte{2});
    EXPECT_EQ(content(pages[0]), page_of(0));
    EXPECT_EQ(content(pages[1]), page_of(1));
    for (const PageNumber page : more) EXPECT_EQ(content(page), page_of(2));
    EXPECT_TRUE(check_is_ok());
  }
}

TEST_F(ViewsTest, AreCoherentWithReadsAndWrites) {
  const PageNumber page = *engine->alloc();
  const auto view = *engine->view(page);
  put(page, 3);
  EXPECT_EQ(view[7], std::byte{3});
  (*engine->view_mut(page))[7] = std::byte{4};
  EXPECT_EQ(content(page)[7], std::byte{4});
}

TEST_F(ViewsTest, FlushMakesStoresDurable) {
  const PageNumber page = *engine->alloc();
  const auto view = *engine->view_mut(page);
  const auto before = engine->stats().flushes;
  ASSERT_TRUE(engine->flush(page));
  EXPECT_EQ(engine->stats().flushes, before + 1);
  view[0] = std::byte{1};  // Nobody is told of it: each flush is one.
  ASSERT_TRUE(engine->flush(page));
  EXPECT_EQ(engine->stats().flushes, before + 2);
}

TEST_F(ViewsTest, FlushCostsNothingWhereNothingWasWritten) {
  const PageNumber page = *engine->alloc();
  const auto before = engine->stats().flushes;
  ASSERT_TRUE(engine->flush(page));
  EXPECT_EQ(engine->stats().flushes, before);
  put(page, 1);
  ASSERT_TRUE(engine->flush(page));
  ASSERT_TRUE(engine->flush_all());
  EXPECT_EQ(engine->stats().flushes, before + 1);
}

TEST_F(ViewsTest, OnlyOfAllocatedPages) {
  const ProtectedNumber number = *engine->alloc_protected();
  EXPECT_EQ(code_of(engine->view(PageNumber{1})), ErrorCode::ReservedPage);
  EXPECT_EQ(code_of(engine->view(engine->info(number)->page_a)), ErrorCode::InternalPage);
  EXPECT_EQ(code_of(engine->view_mut(engine->info(number)->page_b)), ErrorCode::InternalPage);
  EXPECT_EQ(code_of(engine->view(PageNumber{5000})), ErrorCode::NotAllocated);
  EXPECT_EQ(code_of(engine->view(PageNumber{engine->capacity().value})), ErrorCode::OutOfBounds);
  EXPECT_EQ(code_of(engine->view_mut(PageNumber{~std::uint64_t{0}})), ErrorCode::OutOfBounds);
}

// Another program writes page 0, and that ends all writing. Reads go on.
TEST_F(ViewsTest, OfWhatWasNotMappedYetWorkAfterAFailure) {
  const PageNumber page = *engine->alloc();
  put(page, 3);
  std::fstream raw(path, std::ios::in | std::ios::out | std::ios::binary);
  raw.seekp(600);
  raw.put('x');
  raw.close();
  ASSERT_EQ(code_of(engine->alloc()), ErrorCode::ForeignWriter);
  const auto view = engine->view(page);
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ((*view)[5], std::byte{3});
  EXPECT_EQ(code_of(engine->view_mut(page)), ErrorCode::Unavailable);
}

TEST_F(ViewsTest, ARefusedWriteLeavesNothingToFlush) {
  const PageNumber page = *engine->alloc();
  engine.reset();
  engine = *Engine::open(path, {.access = Access::ReadOnly});
  EXPECT_EQ(code_of(engine->write(page, 0, page_of(1))), ErrorCode::ReadOnly);
  EXPECT_TRUE(engine->close());
}

TEST_F(ViewsTest, OfAReadOnlyFileCanBeRead) {
  const PageNumber page = *engine->alloc();
  put(page, 6);
  engine.reset();
  engine = *Engine::open(path, {.access = Access::ReadOnly});
  EXPECT_EQ((*engine->view(page))[1], std::byte{6});
  EXPECT_EQ(code_of(engine->view_mut(page)), ErrorCode::ReadOnly);
}

}  // namespace
}  // namespace mappedpages
