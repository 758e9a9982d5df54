// Calls that return futures, and share commits.
#include <set>

#include "pager/engine_fixture.hpp"

namespace mappedpages {
namespace {

using test::code_of;

class AsyncTest : public test::EngineFixture {};

TEST_F(AsyncTest, AHundredFuturesShareGroups) {
  const auto before = engine->stats();
  std::vector<std::future<Result<PageNumber>>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(engine->alloc_async());
  std::set<PageNumber> pages;
  for (auto& future : futures) pages.insert(*future.get());
  EXPECT_EQ(pages.size(), 100U);
  const std::uint64_t flushes = engine->stats().flushes - before.flushes;
  EXPECT_EQ(engine->stats().changes - before.changes, 100U);
  EXPECT_LE(flushes, 100U);  // 200 if each had a commit of its own.
  RecordProperty("flushes", static_cast<int>(flushes));
  ASSERT_NO_FATAL_FAILURE(reopen());
  for (const PageNumber page : pages) EXPECT_EQ(engine->use_of(page), PageUse::Regular);
}

TEST_F(AsyncTest, AllCalls) {
  const PageNumber page = *engine->alloc_async().get();
  const auto pages = *engine->alloc_bulk_async(PageCount{5}).get();
  const ProtectedNumber number = *engine->alloc_protected_async().get();
  const auto numbers = *engine->alloc_protected_bulk_async(PageCount{5}).get();
  EXPECT_EQ(engine->counts().regular, PageCount{6});
  EXPECT_EQ(engine->counts().protected_pages, PageCount{6});
  const auto bytes = page_of(8);
  ASSERT_TRUE(engine->commit_async({.writes = {{number, bytes}}}).get());
  EXPECT_EQ(content(number), bytes);
  EXPECT_TRUE(engine->free_async(page).get());
  EXPECT_TRUE(engine->free_bulk_async(pages).get());
  EXPECT_TRUE(engine->free_protected_async(number).get());
  EXPECT_TRUE(engine->free_protected_bulk_async(numbers).get());
  EXPECT_EQ(engine->counts().regular, PageCount{0});
  EXPECT_EQ(engine->counts().protected_pages, PageCount{0});
  EXPECT_TRUE(engine->alloc_bulk_async(PageCount{0}).get()->empty());
}

TEST_F(AsyncTest, ErrorsComeInTheFuture) {
  EXPECT_EQ(code_of(engine->free_async(PageNumber{0}).get()), ErrorCode::ReservedPage);
  EXPECT_EQ(code_of(engine->free_async(PageNumber{~std::uint64_t{0}}).get()),
            ErrorCode::OutOfBounds);
  EXPECT_EQ(code_of(engine->free_protected_async(ProtectedNumber{3}).get()), ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(engine->alloc_bulk_async(PageCount{~std::uint64_t{0}}).get()), ErrorCode::Full);
  EXPECT_EQ(code_of(engine->alloc_protected_bulk_async(PageCount{~std::uint64_t{0}}).get()),
            ErrorCode::Full);
}

// In the order in which they were asked for, also where they are about one page.
TEST_F(AsyncTest, ChangesOfOnePageKeepTheirOrder) {
  const PageNumber page = *engine->alloc();
  auto first = engine->free_async(page);
  auto second = engine->free_async(page);
  EXPECT_TRUE(first.get());
  EXPECT_EQ(code_of(second.get()), ErrorCode::DoubleFree);

  const ProtectedNumber number = *engine->alloc_protected();
  const auto one = page_of(1);
  const auto two = page_of(2);
  auto earlier = engine->commit_async({.writes = {{number, one}}});
  auto later = engine->commit_async({.writes = {{number, two}}});
  EXPECT_TRUE(later.get());
  EXPECT_TRUE(earlier.get());
  EXPECT_EQ(content(number), two);
}

TEST_F(AsyncTest, DroppedFuturesAndAClosedEngineLoseNothing) {
  for (int i = 0; i < 50; ++i) (void)engine->alloc_async();
  ASSERT_NO_FATAL_FAILURE(reopen());
  EXPECT_EQ(engine->counts().regular, PageCount{50});
}

TEST_F(AsyncTest, PinsAndWritersAreRespected) {
  const PageNumber page = *engine->alloc();
  const ProtectedNumber number = *engine->alloc_protected();
  {
    const auto pin = *engine->pin(page);
    EXPECT_EQ(code_of(engine->free_async(page).get()), ErrorCode::PagePinned);
    const auto writer = *engine->writer(number);
    const auto bytes = page_of(1);
    EXPECT_EQ(code_of(engine->commit_async({.writes = {{number, bytes}}}).get()),
              ErrorCode::WriterActive);
  }
  EXPECT_TRUE(engine->free_async(page).get());
}

}  // namespace
}  // namespace mappedpages
