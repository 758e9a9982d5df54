// Generic code against every allocator here, and one of somebody else's.
#include "mappedpages/concepts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "mappedpages/mappedpages.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

using Plain = PageId<1024>;
using Protected = ProtectedPageId<1024>;
using Slots = SubPageAllocator<1024, 64>;
using Slot = SubPageId<1024, 64>;

// Somebody's own allocator, with an error type of its own, in memory.
namespace theirs {

enum class Oops { Empty, NotMine };

struct Cell {
  int number = -1;
  bool operator==(const Cell&) const = default;
  template <class A>
  auto get(const A& arena) const -> decltype(arena.look(*this)) {
    return arena.look(*this);
  }
  template <class A>
  auto get_mut(A& arena) const -> decltype(arena.touch(*this)) {
    return arena.touch(*this);
  }
};

class Arena {
 public:
  tl::expected<Cell, Oops> alloc() {
    for (int i = 0; i < 100; ++i) {
      if (cells_.try_emplace(i).second) return Cell{i};
    }
    return tl::unexpected(Oops::Empty);
  }
  tl::expected<void, Oops> free(const Cell& cell) {
    if (cells_.erase(cell.number) == 0) return tl::unexpected(Oops::NotMine);
    return {};
  }
  [[nodiscard]] tl::expected<const std::array<char, 16>*, Oops> look(const Cell& cell) const {
    const auto found = cells_.find(cell.number);
    if (found == cells_.end()) return tl::unexpected(Oops::NotMine);
    return &found->second;
  }
  tl::expected<std::array<char, 16>*, Oops> touch(const Cell& cell) {
    const auto found = cells_.find(cell.number);
    if (found == cells_.end()) return tl::unexpected(Oops::NotMine);
    return &found->second;
  }

 private:
  std::map<int, std::array<char, 16>> cells_;
};

struct WithoutFree {
  tl::expected<Cell, Oops> alloc() { return arena.alloc(); }
  [[nodiscard]] auto look(const Cell& cell) const { return arena.look(cell); }
  auto touch(const Cell& cell) { return arena.touch(cell); }
  Arena arena;
};

}  // namespace theirs

static_assert(PageHandle<Plain, Pager<1024>>);
static_assert(PageHandle<Protected, Pager<1024>>);
static_assert(PageHandle<Slot, Slots>);
static_assert(PageHandle<theirs::Cell, theirs::Arena>);
static_assert(!PageHandle<PageId<2048>, Pager<1024>>);
static_assert(!PageHandle<int, Pager<1024>>);

static_assert(BulkPageAllocator<Pager<1024>, Plain>);
static_assert(BulkPageAllocator<Pager<1024>, Protected>);
static_assert(BulkPageAllocator<Slots, Slot>);
static_assert(PageAllocator<theirs::Arena, theirs::Cell>);
static_assert(!BulkPageAllocator<theirs::Arena, theirs::Cell>);
static_assert(!PageAllocator<theirs::WithoutFree, theirs::Cell>);
static_assert(!PageAllocator<ReadOnlyPager<1024>, Plain>);
static_assert(!PageAllocator<Pager<1024>, PageId<4096>>);
static_assert(!PageAllocator<Pager<1024>, Slot>);

/// Takes pages until there are `count`, gives them back, and takes one again.
template <class H, PageAllocator<H> A>
void exercise(A& allocator, std::size_t count) {
  std::vector<H> handles;
  for (std::size_t i = 0; i < count; ++i) {
    auto handle = allocate<H>(allocator);
    ASSERT_TRUE(handle);
    EXPECT_EQ(std::ranges::count(handles, *handle), 0);
    EXPECT_TRUE(handle->get(allocator));
    EXPECT_TRUE(handle->get_mut(allocator));
    handles.push_back(*handle);
  }
  for (const H& handle : handles) {
    EXPECT_TRUE(allocator.free(handle));
    EXPECT_FALSE(allocator.free(handle));
    EXPECT_FALSE(handle.get(allocator));
    EXPECT_FALSE(handle.get_mut(allocator));
  }
  EXPECT_TRUE(allocate<H>(allocator));
}

template <class H, BulkPageAllocator<H> A>
void exercise_bulk(A& allocator) {
  const auto handles = allocate_bulk<H>(allocator, PageCount{40});
  ASSERT_TRUE(handles);
  EXPECT_EQ(handles->size(), 40U);
  std::vector<H> twice(handles->begin(), handles->end());
  twice.push_back(twice.front());
  EXPECT_FALSE(allocator.free_bulk(std::span<const H>(twice)));
  for (const H& handle : *handles) EXPECT_TRUE(handle.get(allocator));
  EXPECT_TRUE(allocator.free_bulk(std::span<const H>(*handles)));
  EXPECT_TRUE(allocate_bulk<H>(allocator, PageCount{0})->empty());
  EXPECT_FALSE(allocate_bulk<H>(allocator, PageCount{~std::uint64_t{0}}));
}

TEST(Concepts, GenericCodeRunsAgainstEveryAllocator) {
  const test::TempDir dir;
  auto pager = *Pager<1024>::create(dir / "db");
  exercise<Plain>(pager, 50);
  exercise<Protected>(pager, 50);
  exercise_bulk<Plain>(pager);
  exercise_bulk<Protected>(pager);
  Slots slots(*Pager<1024>::create(dir / "slots"));
  exercise<Slot>(slots, 50);
  exercise_bulk<Slot>(slots);
  theirs::Arena arena;
  exercise<theirs::Cell>(arena, 50);
}

}  // namespace
}  // namespace mappedpages
