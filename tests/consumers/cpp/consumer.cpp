// A C++ program of somebody else.
#include <mappedpages.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mappedpages/mappedpages.hpp>

using namespace mappedpages;

#define CHECK(what)                                                  \
  do {                                                               \
    if (!(what)) {                                                   \
      std::fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
      std::exit(1);                                                  \
    }                                                                \
  } while (false)

int main(int, char** argv) {
  const std::filesystem::path path = argv[1];
  std::filesystem::remove(path);
  ProtectedPageId<4096> root;
  PageId<4096> page;
  {
    auto pager = Pager<4096>::create(path);
    CHECK(pager);
    page = *pager->alloc();
    root = *pager->alloc_protected();
    std::ranges::fill(*page.get_mut(*pager), std::byte{1});
    CHECK(pager->flush(page));
    auto batch = pager->batch();
    (*batch.edit(root))[0] = std::byte{2};
    CHECK(batch.commit());
    CHECK(pager->alloc_bulk(PageCount{~std::uint64_t{0}}).error().code() == ErrorCode::Full);
    CHECK(Pager<4096>::open(path).error().code() == ErrorCode::Locked);
    int pages = 0;
    for (const auto one : pager->pages()) pages += one == page ? 1 : 0;
    CHECK(pages == 1);
  }
  CHECK(Pager<1024>::open(path).error().code() == ErrorCode::InvalidPageSize);
  SubPageAllocator<4096, 256> slots(*Pager<4096>::open(path));
  CHECK((*page.get(slots.pager()))[9] == std::byte{1});
  CHECK((*root.get(slots.pager()))[0] == std::byte{2});
  CHECK(slots.alloc());
  v3::PageAllocator pages(slots.pager().engine());
  CHECK(*pages.get_page_state(page.number()) == v3::PageState::Allocated);
  CHECK(mappedpages_version() != nullptr);
  std::filesystem::remove(path);
}
