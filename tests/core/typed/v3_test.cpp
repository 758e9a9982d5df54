// The page allocator of the V3 backend.
#include <gtest/gtest.h>

#include <array>

#include "mappedpages/v3/page_allocator.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::v3 {
namespace {

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result) << "it succeeded";
  return result ? ErrorCode::Io : result.error().code();
}

class V3Test : public testing::Test {
 protected:
  test::TempDir dir;
  std::filesystem::path path = dir / "db";
  std::unique_ptr<Engine> engine;

  void SetUp() override {
    ASSERT_TRUE(Engine::create(path, {.page_size = 1024, .pages = PageCount{8}}));
    engine = *Engine::open(path);
  }
};

TEST_F(V3Test, ReusesAFreedPageElseGrows) {
  PageAllocator pages(*engine);
  EXPECT_EQ(pages.free_list_head(), PageNumber{3});
  for (std::uint64_t expected = 3; expected < 8; ++expected) {
    EXPECT_EQ(*pages.allocate(), PageNumber{expected});
  }
  EXPECT_EQ(pages.free_list_head(), PageNumber{0});
  EXPECT_EQ(pages.total_pages(), PageCount{8});
  EXPECT_EQ(*pages.allocate(), PageNumber{8});
  EXPECT_EQ(pages.total_pages(), PageCount{16});
  ASSERT_TRUE(pages.deallocate(PageNumber{5}));
  EXPECT_EQ(pages.free_list_head(), PageNumber{5});
  EXPECT_EQ(*pages.allocate(), PageNumber{5});
}

TEST_F(V3Test, DoubleFreesAndPagesOfOthersAreRefused) {
  PageAllocator pages(*engine);
  const PageNumber page = *pages.allocate();
  ASSERT_TRUE(pages.deallocate(page));
  EXPECT_EQ(code_of(pages.deallocate(page)), ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(pages.deallocate(PageNumber{0})), ErrorCode::ReservedPage);
  EXPECT_EQ(code_of(pages.deallocate(PageNumber{~std::uint64_t{0}})), ErrorCode::OutOfBounds);
}

TEST_F(V3Test, States) {
  PageAllocator pages(*engine);
  const PageNumber page = *pages.allocate();
  EXPECT_EQ(*pages.get_page_state(PageNumber{0}), PageState::Allocated);
  EXPECT_EQ(*pages.get_page_state(page), PageState::Allocated);
  EXPECT_EQ(*pages.get_page_state(PageNumber{page.value + 1}), PageState::Free);
  // Beyond the end, up to the capacity, and no further.
  EXPECT_EQ(*pages.get_page_state(PageNumber{engine->capacity().value - 1}), PageState::Free);
  EXPECT_EQ(code_of(pages.get_page_state(PageNumber{engine->capacity().value})),
            ErrorCode::OutOfBounds);
  EXPECT_EQ(code_of(pages.get_page_state(PageNumber{~std::uint64_t{0}})), ErrorCode::OutOfBounds);
  ASSERT_TRUE(pages.pin_page(page));
  EXPECT_EQ(*pages.get_page_state(page), PageState::Pinned);
  ASSERT_TRUE(pages.unpin_page(page));
  EXPECT_EQ(*pages.get_page_state(page), PageState::Allocated);
}

TEST_F(V3Test, PinsAreCounted) {
  PageAllocator pages(*engine);
  const PageNumber page = *pages.allocate();
  ASSERT_TRUE(pages.pin_page(page));
  ASSERT_TRUE(pages.pin_page(page));
  {
    const PagePin guard = *pages.pin(page);
    ASSERT_TRUE(pages.unpin_page(page));
    ASSERT_TRUE(pages.unpin_page(page));
    EXPECT_EQ(code_of(pages.unpin_page(page)), ErrorCode::NotAllocated);
    EXPECT_EQ(code_of(pages.deallocate(page)), ErrorCode::PagePinned);
  }
  EXPECT_TRUE(pages.deallocate(page));
  EXPECT_EQ(code_of(pages.pin_page(page)), ErrorCode::NotAllocated);
  EXPECT_EQ(code_of(pages.pin_page(PageNumber{1})), ErrorCode::ReservedPage);
}

TEST_F(V3Test, FreeWhenUnpinnedGivesItBackAtTheLastUnpin) {
  PageAllocator pages(*engine);
  const PageNumber page = *pages.allocate();
  std::array<std::byte, 1024> bytes{};
  bytes.fill(std::byte{4});
  ASSERT_TRUE(engine->write(page, 0, bytes));
  PagePin one = *pages.pin(page);
  PagePin two = *pages.pin(page);
  ASSERT_TRUE(pages.free_when_unpinned(page));
  EXPECT_EQ(engine->next_page(PageNumber{0}), std::nullopt);  // Out of the listing at once.
  EXPECT_EQ(*pages.get_page_state(page), PageState::Pinned);
  EXPECT_NE(*pages.allocate(), page);
  bytes.fill(std::byte{0});
  ASSERT_TRUE(engine->read(page, 0, bytes));
  EXPECT_EQ(bytes[5], std::byte{4});
  one.release();
  EXPECT_NE(*pages.allocate(), page);
  two.release();
  EXPECT_EQ(*pages.allocate(), page);
  ASSERT_TRUE(engine->read(page, 0, bytes));
  EXPECT_EQ(bytes[5], std::byte{0});
}

TEST_F(V3Test, ProtectedPagesCanBePinned) {
  PageAllocator pages(*engine);
  const ProtectedNumber number = *engine->alloc_protected();
  const ProtectedPin pin = *pages.pin(number);
  EXPECT_EQ(code_of(engine->free_protected(number)), ErrorCode::PagePinned);
  ASSERT_TRUE(engine->free_when_unpinned(number));
  EXPECT_NE(*engine->alloc_protected(), number);
}

TEST_F(V3Test, StatsAreExactAndSurviveReopening) {
  AllocatorStats stats;
  {
    PageAllocator pages(*engine);
    EXPECT_EQ(pages.stats(), (AllocatorStats{PageCount{3}, PageCount{5}, PageCount{8}}));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(pages.allocate());
    ASSERT_TRUE(engine->alloc_protected());  // Two copies, two directory pages.
    ASSERT_TRUE(pages.deallocate(PageNumber{4}));
    EXPECT_EQ(pages.stats(), (AllocatorStats{PageCount{10}, PageCount{6}, PageCount{16}}));
    stats = pages.stats();
  }
  engine.reset();
  engine = *Engine::open(path);
  EXPECT_EQ(PageAllocator(*engine).stats(), stats);
  EXPECT_EQ(PageAllocator(*engine).free_list_head(), PageNumber{4});  // Nothing leaked.
}

TEST_F(V3Test, Offsets) {
  const PageAllocator pages(*engine);
  EXPECT_EQ(*pages.page_offset(PageNumber{5}), 5U * 1024);
  EXPECT_EQ(code_of(pages.page_offset(PageNumber{engine->capacity().value})),
            ErrorCode::OutOfBounds);
  EXPECT_EQ(code_of(pages.page_offset(PageNumber{~std::uint64_t{0}})), ErrorCode::OutOfBounds);
}

TEST_F(V3Test, Checksums) {
  const std::string_view text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  EXPECT_TRUE(PageAllocator::validate_checksum(bytes, 0xCBF43926U));
  EXPECT_FALSE(PageAllocator::validate_checksum(bytes, 0xCBF43927U));
  EXPECT_TRUE(PageAllocator::validate_checksum({}, 0));
}

}  // namespace
}  // namespace mappedpages::v3
