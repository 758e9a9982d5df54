// What must not compile. CASE 0 is what must; it holds each of the others, put right.
#include "mappedpages/mappedpages.hpp"

using namespace mappedpages;

struct Cell {
  bool operator==(const Cell&) const = default;
  template <class A>
  auto get(const A& a) const -> decltype(a.look(*this)) {
    return a.look(*this);
  }
  template <class A>
  auto get_mut(A& a) const -> decltype(a.look(*this)) {
    return a.look(*this);
  }
};
struct NoFree {
  tl::expected<Cell, int> alloc() { return Cell{}; }
  tl::expected<int, int> look(const Cell&) const { return 0; }
};
struct WithFree : NoFree {
  tl::expected<void, int> free(const Cell&) { return {}; }
};
template <PageAllocator<Cell> A>
void wants_an_allocator(A&) {}

int main() {
#if CASE == 0
  using P = Pager<1024>;
  P* pager = nullptr;
  (void)pager->get(PageId<1024>(3));
  SubPageAllocator<4096, 512>* slots = nullptr;
  (void)slots->free(SubPageId<4096, 512>());
  (void)sizeof(SubPageAllocator<4096, 64>);
  WithFree good;
  wants_an_allocator(good);
  ReadOnlyPager<1024>* reader = nullptr;
  (void)reader->page_count();
#elif CASE == 1
  (void)sizeof(Pager<1000>);
#elif CASE == 2
  (void)sizeof(Pager<512>);
#elif CASE == 3
  Pager<4096>* pager = nullptr;
  (void)pager->get(PageId<1024>(3));
#elif CASE == 4
  SubPageAllocator<4096, 256>* slots = nullptr;
  (void)slots->free(SubPageId<4096, 512>());
#elif CASE == 5
  (void)sizeof(SubPageAllocator<4096, 32>);
#elif CASE == 6
  (void)sizeof(SubPageAllocator<4096, 300>);
#elif CASE == 7
  (void)sizeof(SubPageAllocator<4096, 4096>);
#elif CASE == 8
  NoFree bad;
  wants_an_allocator(bad);
#elif CASE == 9
  ReadOnlyPager<1024>* reader = nullptr;
  (void)reader->alloc();
#elif CASE == 10
  ReadOnlyPager<1024>* reader = nullptr;
  (void)reader->get_mut(PageId<1024>(3));
#elif CASE == 11
  Pager<1024>* pager = nullptr;
  const Pager<1024>& constant = *pager;
  (void)constant.free(PageId<1024>(3));
#elif CASE == 12
  Pager<1024>* pager = nullptr;
  (void)pager->get(ProtectedPageId<2048>(3));
#elif CASE == 13
  PageId<1024> page = ProtectedPageId<1024>(3);
  (void)page;
#elif CASE == 14
  (void)sizeof(Pager<(std::size_t{32} << 20)>);
#endif
}
