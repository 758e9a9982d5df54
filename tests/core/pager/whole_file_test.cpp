// Snapshots and defragmentation.
#include <atomic>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "pager/engine_fixture.hpp"
#include "support/faulty_file.hpp"
#include "support/memory_file.hpp"

namespace mappedpages {
namespace {

using test::code_of;

class SnapshotTest : public test::EngineFixture {};
class DefragmentTest : public test::EngineFixture {};

TEST_F(SnapshotTest, HasEverythingUnderTheSameNumbers) {
  const auto pages = *engine->alloc_bulk(PageCount{20});
  const auto numbers = *engine->alloc_protected_bulk(PageCount{70});
  for (const PageNumber page : pages) put(page, static_cast<int>(page.value));
  for (const ProtectedNumber number : numbers) put(number, static_cast<int>(number.value + 100));
  ASSERT_TRUE(engine->free(pages[3]));
  ASSERT_TRUE(engine->free_protected(numbers[5]));
  const auto counts = engine->counts();

  const auto copy = dir / "copy";
  const auto done = engine->snapshot(copy);
  ASSERT_TRUE(done) << done.error().message();
  put(pages[0], 99);  // Not in it any more.
  put(numbers[0], 99);
  EXPECT_TRUE(Engine::check(copy)->ok);
  EXPECT_TRUE(Engine::check(copy)->problems.empty());

  engine = *Engine::open(copy);
  EXPECT_EQ(engine->counts().regular, counts.regular);
  EXPECT_EQ(engine->counts().free, counts.free);
  EXPECT_EQ(engine->counts().protected_pages, counts.protected_pages);
  for (const PageNumber page : pages) {
    if (page == pages[3]) continue;
    EXPECT_EQ(content(page), page_of(static_cast<int>(page.value)));
  }
  for (const ProtectedNumber number : numbers) {
    if (number == numbers[5]) continue;
    EXPECT_EQ(content(number), page_of(static_cast<int>(number.value + 100)));
  }
  EXPECT_EQ(code_of(engine->info(numbers[5])), ErrorCode::NotAllocated);
  EXPECT_TRUE(engine->alloc());
}

// Every commit sets all pages to one value. Whatever moment the snapshot shows, it is one of them.
TEST_F(SnapshotTest, IsOneMomentWhileCommitsGoOn) {
  const auto numbers = *engine->alloc_protected_bulk(PageCount{60});
  std::atomic<bool> stop{false};
  std::atomic<int> commits{0};
  std::thread writer([&] {
    for (int value = 1; !stop; ++value) {
      const auto bytes = page_of(value);
      Change change;
      for (const ProtectedNumber number : numbers) change.writes.push_back({number, bytes});
      // Also pages that come and go, so that places are reused.
      change.alloc_pages = PageCount{8};
      const auto given = engine->commit(change);
      if (!given || !engine->free_bulk(given->pages)) {
        ADD_FAILURE();
        return;
      }
      ++commits;
    }
  });
  for (int i = 0; i < 15; ++i) {
    const auto copy = dir / ("copy" + std::to_string(i));
    const int before = commits;
    const auto done = engine->snapshot(copy, [&](std::uint64_t, std::uint64_t) {
      // Commits go on while pages are being copied.
      while (commits < before + 2) std::this_thread::yield();
    });
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_TRUE(Engine::check(copy)->ok);
    auto opened = *Engine::open(copy, {.access = Access::ReadOnly});
    std::vector<std::byte> first(page_size);
    std::vector<std::byte> other(page_size);
    ASSERT_TRUE(opened->read(numbers.front(), first));
    for (const ProtectedNumber number : numbers) {
      ASSERT_TRUE(opened->read(number, other));
      EXPECT_EQ(other, first);
    }
    std::filesystem::remove(copy);
  }
  stop = true;
  writer.join();
}

TEST_F(SnapshotTest, RefusesAFileThatIsThereAndLeavesNothingBehind) {
  const auto copy = dir / "copy";
  std::ofstream(copy) << "mine";
  EXPECT_EQ(code_of(engine->snapshot(copy)), ErrorCode::AlreadyExists);
  EXPECT_EQ(std::filesystem::file_size(copy), 4U);
  EXPECT_EQ(code_of(engine->snapshot(dir / "no" / "directory")), ErrorCode::Io);
  std::filesystem::remove(copy);
  EXPECT_TRUE(engine->snapshot(copy));  // After failures too.
}

TEST_F(SnapshotTest, OfAReadOnlyFile) {
  const ProtectedNumber number = *engine->alloc_protected();
  put(number, 5);
  engine.reset();
  engine = *Engine::open(path, {.access = Access::ReadOnly});
  ASSERT_TRUE(engine->snapshot(dir / "copy"));
  engine = *Engine::open(dir / "copy");
  EXPECT_EQ(content(number), page_of(5));
}

// A copy that cannot be written is an error of the copy, also where a commit had to make part of
// it.
TEST_F(SnapshotTest, AFaultOfTheCopyDoesNotTouchTheOriginal) {
  const auto numbers = *engine->alloc_protected_bulk(PageCount{10});
  int value = 0;
  const auto commit_all = [&] {
    ++value;
    for (const ProtectedNumber number : numbers) put(number, value);
    for (const ProtectedNumber number : numbers) put(number, value);  // Now over the other copies.
  };
  bool succeeded = false;
  std::uint64_t nth = 1;
  for (; !succeeded; ++nth) {
    auto faults = std::make_shared<test::FaultPlan>();
    faults->add({.call = {}, .nth = nth});
    auto memory = std::make_shared<test::MemoryBytes>();
    test::FaultyFile target(std::make_unique<test::MemoryFile>(memory), faults);
    const auto done = engine->snapshot(target, [&](std::uint64_t at, std::uint64_t) {
      if (at == 0) commit_all();
    });
    succeeded = done.has_value();
    EXPECT_TRUE(succeeded || done.error().code() == ErrorCode::Io) << nth;
    ASSERT_FALSE(engine->latched());
    commit_all();
  }
  EXPECT_GT(nth, 15U);  // The reservation, ten pages, what is about them, the flush.
  for (const ProtectedNumber number : numbers) EXPECT_EQ(content(number), page_of(value));
  EXPECT_TRUE(check_is_ok());
}

TEST_F(DefragmentTest, MovesProtectedPagesToTheFront) {
  const auto filler = *engine->alloc_bulk(PageCount{400});
  const auto numbers = *engine->alloc_protected_bulk(PageCount{40});
  for (const ProtectedNumber number : numbers) put(number, static_cast<int>(number.value + 1));
  ASSERT_TRUE(engine->free_bulk(filler));
  const auto report = engine->defragment();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->moved_protected, 40U);
  EXPECT_EQ(report->moved_pages, 0U);
  EXPECT_EQ(report->commits, 1U);
  for (const ProtectedNumber number : numbers) {
    const auto info = *engine->info(number);
    EXPECT_LT(info.page_a.value, 100U);
    EXPECT_LT(info.page_b.value, 100U);
    EXPECT_EQ(content(number), page_of(static_cast<int>(number.value + 1)));
  }
  EXPECT_EQ(engine->defragment()->commits, 0U);  // Nothing is left to do.
  ASSERT_NO_FATAL_FAILURE(reopen());
  for (const ProtectedNumber number : numbers) {
    EXPECT_EQ(content(number), page_of(static_cast<int>(number.value + 1)));
  }
  EXPECT_TRUE(check_is_ok());
}

// An index in a protected page refers to plain pages. The move and the new reference are one
// commit.
TEST_F(DefragmentTest, MovesPlainPagesWithTheirReferences) {
  const ProtectedNumber root = *engine->alloc_protected();
  auto pages = *engine->alloc_bulk(PageCount{300});
  std::mt19937 random(7);
  std::ranges::shuffle(pages, random);
  const std::vector<PageNumber> freed(pages.begin() + 60, pages.end());
  pages.resize(60);
  ASSERT_TRUE(engine->free_bulk(freed));
  auto index = page_of(0);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    put(pages[i], static_cast<int>(i + 1));
    index[2 * i] = static_cast<std::byte>(pages[i].value / 256);
    index[2 * i + 1] = static_cast<std::byte>(pages[i].value % 256);
  }
  ASSERT_TRUE(engine->commit({.writes = {{root, index}}}));

  const PageNumber pinned = *std::ranges::max_element(pages);
  const auto pin = *engine->pin(pinned);
  const auto report =
      engine->defragment({.relocate = [&](PageNumber from, PageNumber to, Batch& batch) -> Status {
        EXPECT_LT(to, from);
        auto bytes = batch.edit(root);
        if (!bytes) return tl::unexpected(bytes.error());
        const auto at = static_cast<std::size_t>(std::ranges::find(pages, from) - pages.begin());
        pages[at] = to;
        (*bytes)[2 * at] = static_cast<std::byte>(to.value / 256);
        (*bytes)[2 * at + 1] = static_cast<std::byte>(to.value % 256);
        return {};
      }});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_GT(report->moved_pages, 20U);
  const auto now = content(root);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const PageNumber page{std::to_integer<std::uint64_t>(now[2 * i]) * 256 +
                          std::to_integer<std::uint64_t>(now[2 * i + 1])};
    EXPECT_EQ(page, pages[i]);
    EXPECT_EQ(content(page), page_of(static_cast<int>(i + 1)));
    EXPECT_TRUE(page == pinned || page.value < 70U) << page.value;
  }
  EXPECT_EQ(engine->use_of(pinned), PageUse::Regular);
  EXPECT_EQ(engine->counts().regular, PageCount{60});
  EXPECT_TRUE(check_is_ok());
}

TEST_F(DefragmentTest, AnErrorOfTheCallbackEndsItAndChangesNothing) {
  const auto pages = *engine->alloc_bulk(PageCount{50});
  ASSERT_TRUE(engine->free_bulk(std::span(pages).first(25)));
  const auto counts = engine->counts();
  const auto report = engine->defragment({.relocate = [](PageNumber, PageNumber, Batch&) -> Status {
    return tl::unexpected(Error(ErrorCode::InvalidArgument, "no"));
  }});
  EXPECT_EQ(code_of(report), ErrorCode::InvalidArgument);
  EXPECT_EQ(engine->counts().free, counts.free);
  for (const PageNumber page : std::span(pages).subspan(25)) {
    EXPECT_EQ(engine->use_of(page), PageUse::Regular);
  }
}

TEST_F(DefragmentTest, LeavesPagesThatAreBeingWrittenAndDamagedOnes) {
  const auto filler = *engine->alloc_bulk(PageCount{300});
  const auto numbers = *engine->alloc_protected_bulk(PageCount{20});
  for (const ProtectedNumber number : numbers) put(number, 1);
  ASSERT_TRUE(engine->free_bulk(filler));
  const auto rotten = *engine->info(numbers[19]);
  std::fstream raw(path, std::ios::in | std::ios::out | std::ios::binary);
  raw.seekp(static_cast<std::streamoff>(
      page_size * (rotten.active_slot == 0 ? rotten.page_a : rotten.page_b).value));
  raw.put('x');
  raw.close();
  auto writer = *engine->writer(numbers[18]);
  const auto report = engine->defragment();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->moved_protected, 18U);
  EXPECT_EQ(*engine->info(numbers[19]), rotten);
  EXPECT_TRUE(writer.commit());
}

TEST_F(DefragmentTest, OfAReadOnlyFileIsAnError) {
  const auto filler = *engine->alloc_bulk(PageCount{20});
  ASSERT_TRUE(engine->alloc_protected());
  ASSERT_TRUE(engine->free_bulk(filler));
  engine.reset();
  engine = *Engine::open(path, {.access = Access::ReadOnly});
  EXPECT_EQ(code_of(engine->defragment()), ErrorCode::ReadOnly);
}

}  // namespace
}  // namespace mappedpages
