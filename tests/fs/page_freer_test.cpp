// Freeing pages: all or none, and no generation twice.
#include "fs/page_freer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/temp_dir.hpp"

namespace mappedpages::fs {
namespace {

class PageFreerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Engine::create(dir / "db", {.page_size = 1024}));
    engine = *Engine::open(dir / "db", {.no_sync = true});
    ASSERT_TRUE(engine->alloc_bulk(PageCount{4}));            // 3 to 6
    ASSERT_TRUE(engine->alloc_protected_bulk(PageCount{2}));  // 0 and 1; the pager takes 7 and on.
    freer = std::make_unique<PageFreer>(*engine, attributes, generations, reporter);
  }
  Reason refusal(const std::vector<Inode>& pages) {
    const Done done = freer->free(pages);
    EXPECT_FALSE(done);
    return done ? Reason::Unexpected : done.error().reason;
  }
  std::uint64_t generation(Inode page) const { return freer->generation_of(page); }

  test::TempDir dir;
  std::unique_ptr<Engine> engine;
  AttributeTable attributes{AttributeDefaults{}};
  Generations generations;
  const Reporter reporter;
  std::unique_ptr<PageFreer> freer;
};

TEST_F(PageFreerTest, AllOrNone) {
  const Inode page = PageNumber{3};
  EXPECT_EQ(refusal({page, PageNumber{0}}), Reason::ReservedNumber);
  EXPECT_EQ(refusal({page, PageNumber{7}}), Reason::UsedByPager);
  EXPECT_EQ(refusal({page, PageNumber{500}}), Reason::NotAllocated);
  EXPECT_EQ(refusal({page, PageNumber{Inode::kMaxNumber}}), Reason::NotAllocated);
  EXPECT_EQ(refusal({ProtectedNumber{0}, ProtectedNumber{2}}), Reason::NotAllocated);
  EXPECT_EQ(engine->counts().regular, PageCount{4});
  EXPECT_EQ(generation(page), 0U) << "nothing happened to it";
  const std::uint64_t groups = engine->stats().groups;
  ASSERT_TRUE(freer->free(std::vector<Inode>{page, PageNumber{5}}));
  ASSERT_TRUE(freer->free(std::vector<Inode>{ProtectedNumber{0}, ProtectedNumber{1}}));
  EXPECT_EQ(engine->stats().groups - groups, 2U);
  EXPECT_EQ(generation(page), 2U);
  EXPECT_EQ(generation(PageNumber{4}), 0U);
  EXPECT_EQ(engine->counts().regular, PageCount{2});
  EXPECT_EQ(engine->counts().protected_pages, PageCount{0});
}

// Several free a page again and again, all but one of them in vain. Whatever is known of the page
// by its generation must not be taken for its successor.
TEST_F(PageFreerTest, TwoPagesNeverHaveOneGeneration) {
  const Inode page = PageNumber{3};
  const auto is_there = [&] { return engine->use_of(PageNumber{3}) == PageUse::Regular; };
  std::atomic<bool> ended{false};
  std::atomic<std::uint64_t> freed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (; !ended; std::this_thread::yield()) {
        freed += freer->free({&page, 1}).has_value() ? 1 : 0;
      }
    });
  }
  std::uint64_t twice = 0;
  std::uint64_t between = 0;
  std::uint64_t highest_before = 0;
  for (int i = 0; i < 60; ++i) {
    std::uint64_t highest = highest_before;
    // As a lookup does it. Nobody else allocates: while it is there it is the same page.
    for (std::uint64_t seen = freer->generation_of(page);
         is_there() && freer->generation_of(page) == seen; seen = freer->generation_of(page)) {
      twice += i > 0 && seen <= highest_before ? 1 : 0;
      between += seen % 2;
      highest = seen;
    }
    highest_before = highest;
    while (is_there()) std::this_thread::yield();
    EXPECT_TRUE(engine->alloc_at(PageNumber{3}));
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(twice, 0U);
  EXPECT_EQ(between, 0U);
  EXPECT_EQ(generations.of(page), 2 * freed) << "what failed counts nothing";
}

}  // namespace
}  // namespace mappedpages::fs
