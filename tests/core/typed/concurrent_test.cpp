// A pager that threads share.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <set>
#include <thread>

#include "mappedpages/concurrent_pager.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

using Shared = ConcurrentPager<1024>;

class ConcurrentTest : public testing::Test {
 protected:
  test::TempDir dir;
  std::filesystem::path path = dir / "db";
};

TEST_F(ConcurrentTest, ReadGuardsGoTogetherAndAWriteGuardIsAlone) {
  const auto pager = *Shared::create(path);
  {
    const auto one = pager.read();
    const auto two = pager.try_read();
    EXPECT_TRUE(two);
    std::thread([&] { EXPECT_FALSE(pager.try_write()); }).join();
    EXPECT_EQ(one->page_count(), (*two)->page_count());
  }
  {
    const auto writer = pager.write();
    std::thread([&] {
      EXPECT_FALSE(pager.try_read());
      EXPECT_FALSE(pager.try_write());
    }).join();
    EXPECT_TRUE(writer->alloc());
  }
  EXPECT_TRUE(pager.try_write());
}

TEST_F(ConcurrentTest, ThreadsShareCommitsAndLoseNothing) {
  const auto pager = *Shared::create(path);
  constexpr int kThreads = 8;
  constexpr int kEach = 40;
  std::vector<std::set<std::uint64_t>> pages(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t, handle = pager] {
      auto& mine = pages[static_cast<std::size_t>(t)];
      for (int i = 0; i < kEach; ++i) {
        mine.insert(handle.alloc()->value());
        const auto other = *handle.alloc_protected();
        auto batch = handle.batch();
        (*batch.edit(other))[0] = static_cast<std::byte>(t);
        ASSERT_TRUE(handle.commit(batch));
        EXPECT_EQ((*handle.read()->get(other))[0], static_cast<std::byte>(t));
        ASSERT_TRUE(handle.free(other));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::uint64_t> all;
  for (const auto& some : pages) all.insert(some.begin(), some.end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
  const auto guard = pager.read();
  EXPECT_EQ(guard->counts().regular.value, all.size());
  EXPECT_EQ(guard->counts().protected_pages.value, 0U);
  const auto stats = guard->engine().stats();
  EXPECT_EQ(stats.changes, static_cast<std::uint64_t>(4 * kThreads * kEach));
  EXPECT_LT(stats.groups, stats.changes);
}

TEST_F(ConcurrentTest, WhatAWriteGuardDoesIsDurable) {
  PageId<1024> page;
  {
    const auto pager = *Shared::create(path);
    const auto guard = pager.write();
    page = *guard->alloc();
    const auto flushes = guard->engine().stats().flushes;
    EXPECT_TRUE(guard->alloc_protected());
    EXPECT_EQ(guard->engine().stats().flushes, flushes + 2);
  }
  const auto pager = *Shared::open(path);
  EXPECT_TRUE(pager.read()->get(page));
}

TEST_F(ConcurrentTest, IntoInnerWantsTheLastHandle) {
  auto pager = *Shared::create(path);
  {
    const Shared other = pager;
    auto refused = std::move(pager).into_inner();
    ASSERT_FALSE(refused);
    pager = std::move(refused).error();
    EXPECT_TRUE(pager.alloc());  // Still a handle.
  }
  {
    const auto guard = pager.read();
    auto refused = std::move(pager).into_inner();
    ASSERT_FALSE(refused);
    pager = std::move(refused).error();
  }
  auto inner = std::move(pager).into_inner();
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->counts().regular, PageCount{1});
}

TEST_F(ConcurrentTest, BulkCalls) {
  const auto pager = *Shared::create(path);
  const auto pages = *pager.alloc_bulk(PageCount{7});
  const auto numbers = *pager.alloc_bulk<ProtectedPageId<1024>>(PageCount{7});
  EXPECT_TRUE(pager.free_bulk(std::span<const PageId<1024>>(pages)));
  EXPECT_TRUE(pager.free_bulk(std::span<const ProtectedPageId<1024>>(numbers)));
  EXPECT_FALSE(pager.free(pages.front()));
}

}  // namespace
}  // namespace mappedpages
