// The pager with the page size in its type.
#include "mappedpages/pager.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "mappedpages/read_only_pager.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result) << "it succeeded";
  return result ? ErrorCode::Io : result.error().code();
}

class PagerTest : public testing::Test {
 protected:
  test::TempDir dir;
  std::filesystem::path path = dir / "db";
};

// The example of the documentation.
TEST_F(PagerTest, FirstSteps) {
  auto pager = Pager<4096>::create(path);
  ASSERT_TRUE(pager) << pager.error().message();

  const auto page = *pager->alloc();  // Durable when it returns.
  std::ranges::fill(*page.get_mut(*pager), std::byte{42});
  ASSERT_TRUE(pager->flush(page));  // Now the bytes are, too.

  const auto root = *pager->alloc_protected();
  {
    auto writer = *root.get_mut(*pager);
    writer.page_mut()[0] = std::byte{1};
    ASSERT_TRUE(writer.commit());  // Atomic and durable.
  }

  auto again = [&] {
    { const auto closed = *std::move(pager); }
    return *Pager<4096>::open(path);
  }();
  EXPECT_EQ((*page.get(again))[4095], std::byte{42});
  EXPECT_EQ((*root.get(again))[0], std::byte{1});
  EXPECT_TRUE(again.free(page));
  EXPECT_TRUE(again.free(root));
}

TEST_F(PagerTest, AnotherPageSizeIsAnError) {
  ASSERT_TRUE(Pager<1024>::create(path));
  EXPECT_EQ(code_of(Pager<4096>::open(path)), ErrorCode::InvalidPageSize);
  EXPECT_EQ(code_of(ReadOnlyPager<2048>::open(path)), ErrorCode::InvalidPageSize);
  EXPECT_EQ(code_of(Pager<512 * 4>::adopt(*Engine::open(path))), ErrorCode::InvalidPageSize);
  EXPECT_TRUE(Pager<1024>::adopt(*Engine::open(path)));
  EXPECT_EQ(code_of(Pager<1024>::create(path)), ErrorCode::AlreadyExists);
  EXPECT_EQ(code_of(Pager<1024>::open(dir / "none")), ErrorCode::Io);
}

TEST_F(PagerTest, TwoWritersOfOneFileDoNotGoTogether) {
  const auto first = *Pager<1024>::create(path);
  EXPECT_EQ(code_of(Pager<1024>::open(path)), ErrorCode::Locked);
  EXPECT_EQ(code_of(ReadOnlyPager<1024>::open(path)), ErrorCode::Locked);
}

TEST_F(PagerTest, WritersStartFromWhatIsCommittedAndAreDiscarded) {
  auto pager = *Pager<1024>::create(path);
  const auto id = *pager.alloc_protected();
  for (int value = 1; value <= 3; ++value) {
    auto writer = *pager.get_mut(id);
    EXPECT_EQ(std::to_integer<int>(writer.page()[1]), value - 1);
    writer.page_mut()[1] = static_cast<std::byte>(value);
    EXPECT_EQ(code_of(pager.get_mut(id)), ErrorCode::WriterActive);
    ASSERT_TRUE(writer.commit());
  }
  (*pager.get_mut(id)).page_mut()[1] = std::byte{99};  // Dropped.
  EXPECT_EQ((*pager.get(id))[1], std::byte{3});
}

TEST_F(PagerTest, AViewOfAProtectedPageKeepsItsBytes) {
  auto pager = *Pager<1024>::create(path);
  const auto id = *pager.alloc_protected();
  const auto view = *pager.get(id);
  EXPECT_EQ(view.generation(), 0U);
  auto batch = pager.batch();
  (*batch.edit(id))[0] = std::byte{7};
  ASSERT_TRUE(batch.commit());
  EXPECT_EQ(view[0], std::byte{0});
  EXPECT_EQ((*pager.get(id))[0], std::byte{7});
  EXPECT_EQ((*pager.get(id)).generation(), 1U);
}

TEST_F(PagerTest, BulkCallsAndCounts) {
  auto pager = *Pager<1024>::create(path);
  const auto pages = *pager.alloc_bulk(PageCount{10});
  const auto numbers = *pager.alloc_protected_bulk(PageCount{3});
  EXPECT_EQ(pager.page_size(), 1024U);
  EXPECT_EQ(pager.page_count().value - pager.free_page_count().value, 3 + 10 + 2 * 3 + 2U);
  EXPECT_TRUE(pager.free_bulk(std::span<const PageId<1024>>(pages)));
  EXPECT_TRUE(pager.free_protected_bulk(numbers));
  EXPECT_EQ(pager.page_count().value - pager.free_page_count().value, 3 + 2U);
  EXPECT_EQ(code_of(pager.free_bulk(std::span<const PageId<1024>>(pages))), ErrorCode::DoubleFree);
}

TEST_F(PagerTest, EveryCallRefusesEveryBadId) {
  auto pager = *Pager<1024>::create(path);
  const auto good = *pager.alloc_protected();
  const std::uint64_t internal = pager.engine().info(good.number())->page_a.value;
  const std::vector<std::pair<std::uint64_t, ErrorCode>> bad{
      {0, ErrorCode::ReservedPage},
      {2, ErrorCode::ReservedPage},
      {internal, ErrorCode::InternalPage},
      {7000, ErrorCode::NotAllocated},  // Free, and beyond the end of the file.
      {pager.capacity().value, ErrorCode::OutOfBounds},
      {~std::uint64_t{0}, ErrorCode::OutOfBounds}};
  const auto counts = pager.counts();
  for (const auto& [value, code] : bad) {
    const PageId<1024> page(value);
    const ErrorCode for_free = code == ErrorCode::NotAllocated ? ErrorCode::DoubleFree : code;
    EXPECT_EQ(code_of(pager.get(page)), code) << value;
    EXPECT_EQ(code_of(pager.get_mut(page)), code) << value;
    EXPECT_EQ(code_of(pager.flush(page)), code) << value;
    EXPECT_EQ(code_of(pager.free(page)), for_free) << value;
    EXPECT_EQ(code_of(pager.free_bulk(std::span(&page, 1))), for_free) << value;
    const ProtectedPageId<1024> number(value + 1);
    if (value + 1 == good.value()) continue;
    EXPECT_EQ(code_of(pager.get(number)), ErrorCode::NotAllocated) << value;
    EXPECT_EQ(code_of(pager.get_mut(number)), ErrorCode::NotAllocated) << value;
    EXPECT_EQ(code_of(pager.free(number)), ErrorCode::DoubleFree) << value;
  }
  for (const std::uint64_t count : {pager.capacity().value, ~std::uint64_t{0}}) {
    EXPECT_EQ(code_of(pager.alloc_bulk(PageCount{count})), ErrorCode::Full);
    EXPECT_FALSE(pager.alloc_protected_bulk(PageCount{count}));
  }
  EXPECT_EQ(pager.counts().free, counts.free);
  EXPECT_EQ(pager.counts().generation, counts.generation);
}

TEST_F(PagerTest, IteratorsAreDisjointAndUndisturbed) {
  auto pager = *Pager<1024>::create(path);
  auto pages = *pager.alloc_bulk(PageCount{50});
  const auto numbers = *pager.alloc_protected_bulk(PageCount{70});
  ASSERT_TRUE(pager.free(pages[10]));
  pages.erase(pages.begin() + 10);
  const auto walk = pager.pages();
  const auto protected_walk = pager.protected_pages();
  // Changes after the start.
  ASSERT_TRUE(pager.free(pages[0]));
  ASSERT_TRUE(pager.alloc_bulk(PageCount{30}));
  ASSERT_TRUE(pager.free(numbers[0]));
  std::vector<PageId<1024>> seen;
  for (const auto page : walk) seen.push_back(page);
  EXPECT_EQ(seen, pages);
  std::vector<ProtectedPageId<1024>> seen_protected;
  for (const auto page : protected_walk) seen_protected.push_back(page);
  EXPECT_EQ(seen_protected, numbers);
  for (const auto number : numbers) {
    const auto info = pager.engine().info(number.number());
    if (!info) continue;
    EXPECT_FALSE(std::ranges::binary_search(seen, PageId<1024>(info->page_a)));
    EXPECT_FALSE(std::ranges::binary_search(seen, PageId<1024>(info->page_b)));
  }
  std::size_t now = 0;
  for (const auto page : pager.pages()) {
    EXPECT_TRUE(pager.get(page));
    ++now;
  }
  EXPECT_EQ(now, pager.counts().regular.value);
}

TEST_F(PagerTest, IteratorsOverNothingEndAtOnce) {
  const auto pager = *Pager<1024>::create(path);
  EXPECT_EQ(pager.pages().begin(), std::default_sentinel);
  EXPECT_EQ(pager.protected_pages().begin(), std::default_sentinel);
}

TEST_F(PagerTest, HandlesCompareAndHash) {
  using Id = PageId<4096>;
  static_assert(std::is_trivially_copyable_v<Id>);
  EXPECT_LT(Id(3), Id(4));
  EXPECT_EQ(Id(3), Id(PageNumber{3}));
  EXPECT_EQ(std::hash<Id>{}(Id(3)), std::hash<Id>{}(Id(3)));
  EXPECT_EQ((SubPageId<4096, 64>(Id(3), 1)), (SubPageId<4096, 64>(Id(3), 1)));
}

TEST_F(PagerTest, SeveralReadersAtOnce) {
  {
    auto pager = *Pager<1024>::create(path);
    const auto page = *pager.alloc();
    std::ranges::fill(*pager.get_mut(page), std::byte{5});
    ASSERT_TRUE(pager.alloc_protected());
  }
  const auto one = *ReadOnlyPager<1024>::open(path);
  const auto two = *ReadOnlyPager<1024>::open(path);
  EXPECT_EQ(code_of(Pager<1024>::open(path)), ErrorCode::Locked);
  const PageId<1024> page = *one.pages().begin();
  EXPECT_EQ((*one.get(page))[9], std::byte{5});
  EXPECT_EQ((*page.get(two))[9], std::byte{5});
  EXPECT_EQ((*two.get(*two.protected_pages().begin()))[0], std::byte{0});
  EXPECT_EQ(one.page_count(), two.page_count());
  EXPECT_TRUE(one.snapshot(dir / "copy"));
  EXPECT_TRUE(Engine::check(dir / "copy")->ok);
}

}  // namespace
}  // namespace mappedpages
