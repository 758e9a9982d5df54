// A C++ program of somebody else. usage: consumer NEW_FILE
#include <mappedpages.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mappedpages/mappedpages.hpp>
#include <string>
#include <vector>

using namespace mappedpages;

#define CHECK(what)                                                   \
  do {                                                                \
    if (!(what)) {                                                    \
      std::fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
      std::exit(1);                                                   \
    }                                                                 \
  } while (false)

namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};

struct Known {
  PageId<4096> page;
  ProtectedPageId<4096> root;
};

Known write(const std::filesystem::path& path) {
  auto pager = Pager<4096>::create(path);
  CHECK(pager);
  const Known known{*pager->alloc(), *pager->alloc_protected()};
  std::ranges::fill(*known.page.get_mut(*pager), std::byte{1});
  CHECK(pager->flush(known.page));
  auto batch = pager->batch();
  (*batch.edit(known.root))[0] = std::byte{2};
  CHECK(batch.commit());
  int pages = 0;
  for (const auto one : pager->pages()) pages += one == known.page ? 1 : 0;
  CHECK(pages == 1);
  return known;
}

void refused(const std::filesystem::path& path) {
  CHECK(Pager<4096>::create(path).error().code() == ErrorCode::AlreadyExists);
  CHECK(Pager<1024>::open(path).error().code() == ErrorCode::InvalidPageSize);
  auto pager = Pager<4096>::open(path);
  CHECK(Pager<4096>::open(path).error().code() == ErrorCode::Locked);
  CHECK(pager->alloc_bulk(PageCount{kHuge}).error().code() == ErrorCode::Full);
  CHECK(pager->free(PageId<4096>(0)).error().code() == ErrorCode::ReservedPage);
  CHECK(pager->free(PageId<4096>(kHuge)).error().code() == ErrorCode::OutOfBounds);
  CHECK(pager->get(PageId<4096>(kHuge)).error().code() == ErrorCode::OutOfBounds);
  CHECK(!pager->get(ProtectedPageId<4096>(kHuge)));
  const auto page = *pager->alloc();
  CHECK(pager->free(page));
  const Error twice = pager->free(page).error();
  CHECK(twice.code() == ErrorCode::DoubleFree && errno_of(twice) == ENOENT);
  CHECK(name_of(twice.code()) == "DoubleFree" && !twice.message().empty());
}

void read_again(const std::filesystem::path& path, const Known& known) {
  SubPageAllocator<4096, 256> slots(*Pager<4096>::open(path));
  CHECK((*known.page.get(slots.pager()))[9] == std::byte{1});
  CHECK((*known.root.get(slots.pager()))[0] == std::byte{2});
  CHECK(slots.alloc());
  v3::PageAllocator pages(slots.pager().engine());
  CHECK(*pages.get_page_state(known.page.number()) == v3::PageState::Allocated);
  CHECK(slots.pager().engine().alloc_async().get());
}

/// Both metadata pages, so that no copy is left to open it by.
void damage(const std::filesystem::path& path) {
  std::fstream raw(path, std::ios::binary | std::ios::in | std::ios::out);
  for (const int page : {1, 2}) raw.seekp(page * 4096 + 20).put('U');
  CHECK(raw.flush());
}

void damaged(const std::filesystem::path& path) {
  CHECK(Engine::check(path)->ok);
  damage(path);
  CHECK(Pager<4096>::open(path).error().code() == ErrorCode::CorruptMetadata);
  CHECK(!ReadOnlyPager<4096>::open(path));
  const auto report = Engine::check(path);
  CHECK(report && !report->ok && !report->problems.empty());
}

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path path = argv[1];
  std::filesystem::remove(path);
  const Known known = write(path);
  refused(path);
  read_again(path, known);
  damaged(path);
  CHECK(std::string(mappedpages_version()).starts_with("0.1."));
  std::filesystem::remove(path);
}
