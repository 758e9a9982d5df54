// Many changes in one atomic commit.
#include "mappedpages/batch.hpp"

#include <cerrno>
#include <set>
#include <thread>

#include "mppg0/create.hpp"
#include "pager/engine_fixture.hpp"
#include "support/faulty_file.hpp"
#include "support/memory_file.hpp"

namespace mappedpages {
namespace {

using test::code_of;

class BatchTest : public test::EngineFixture {};

TEST_F(BatchTest, OneCommitOfTwoFlushesForEverything) {
  const PageNumber old_page = *engine->alloc();
  const ProtectedNumber kept = *engine->alloc_protected();
  const ProtectedNumber gone = *engine->alloc_protected();
  put(kept, 1);
  const auto before = engine->stats();

  Batch batch = engine->batch();
  const PageNumber page = *batch.alloc();
  std::ranges::fill(*batch.fill(page), std::byte{7});
  const auto pages = *batch.alloc_bulk(PageCount{20});
  const auto numbers = *batch.alloc_protected_bulk(PageCount{200});
  for (const ProtectedNumber number : numbers) {
    ASSERT_TRUE(batch.write(number, page_of(static_cast<int>(number.value % 251))));
  }
  (*batch.edit(kept))[0] = std::byte{9};
  ASSERT_TRUE(batch.free(old_page));
  ASSERT_TRUE(batch.free_protected(gone));

  // Nothing of it is to be seen before.
  EXPECT_EQ(engine->use_of(page), PageUse::Free);
  EXPECT_EQ(engine->use_of(old_page), PageUse::Regular);
  EXPECT_EQ(content(kept), page_of(1));
  EXPECT_EQ(engine->stats().flushes, before.flushes);

  const auto done = batch.commit();
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(engine->stats().flushes, before.flushes + 2);
  EXPECT_EQ(engine->stats().groups, before.groups + 1);
  EXPECT_TRUE(batch.empty());
  ASSERT_NO_FATAL_FAILURE(reopen());

  EXPECT_EQ(content(page), page_of(7));
  for (const PageNumber one : pages) EXPECT_EQ(content(one), page_of(0));
  EXPECT_EQ(numbers.size(), 200U);  // More than five directory blocks at this page size.
  EXPECT_GT(engine->facts().directory_blocks, 5U);
  for (const ProtectedNumber number : numbers) {
    EXPECT_EQ(content(number), page_of(static_cast<int>(number.value % 251)));
  }
  auto edited = page_of(1);
  edited[0] = std::byte{9};
  EXPECT_EQ(content(kept), edited);
  EXPECT_EQ(engine->use_of(old_page), PageUse::Free);
  EXPECT_EQ(code_of(engine->info(gone)), ErrorCode::NotAllocated);
  EXPECT_TRUE(check_is_ok());
}

TEST_F(BatchTest, ReservedNumbersAreNobodyElses) {
  ASSERT_NO_FATAL_FAILURE(open_new(1024, PageCount{8}));
  Batch one = engine->batch();
  Batch two = engine->batch();
  std::set<std::uint64_t> pages;
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(pages.insert((*one.alloc()).value).second);
    EXPECT_TRUE(pages.insert((*two.alloc()).value).second);
    EXPECT_TRUE(pages.insert((*engine->alloc()).value).second);
    EXPECT_TRUE(numbers.insert((*one.alloc_protected()).value).second);
    EXPECT_TRUE(numbers.insert((*two.alloc_protected()).value).second);
    EXPECT_TRUE(numbers.insert((*engine->alloc_protected()).value).second);
  }
  ASSERT_TRUE(two.commit());
  ASSERT_TRUE(one.commit());
  EXPECT_EQ(engine->counts().regular, PageCount{90});
  EXPECT_EQ(engine->counts().protected_pages, PageCount{90});
  for (const std::uint64_t page : pages)
    EXPECT_EQ(engine->use_of(PageNumber{page}), PageUse::Regular);
  EXPECT_TRUE(check_is_ok());
}

TEST_F(BatchTest, DroppedNumbersGoBack) {
  const auto first = *engine->alloc();
  ASSERT_TRUE(engine->free(first));
  const auto counts = engine->counts();
  {
    Batch batch = engine->batch();
    EXPECT_EQ(*batch.alloc(), first);
    ASSERT_TRUE(batch.alloc_bulk(PageCount{100}));
    ASSERT_TRUE(batch.alloc_protected_bulk(PageCount{100}));
    EXPECT_NE(*engine->alloc_bulk(PageCount{0}), std::vector{first});
  }
  EXPECT_EQ(engine->counts().total, counts.total);
  EXPECT_EQ(engine->counts().free, counts.free);
  EXPECT_EQ(*engine->alloc(), first);
  EXPECT_EQ((*engine->alloc_protected()).value, 0U);
  // Every page can still be had.
  const auto rest = engine->capacity().value - 3 - 1 - 2 - 2 * engine->facts().directory_blocks;
  ASSERT_TRUE(engine->alloc_bulk(PageCount{rest}));
  EXPECT_EQ(code_of(engine->alloc()), ErrorCode::Full);
}

TEST_F(BatchTest, ReservationsUpToTheCapacityAndNoFurther) {
  Batch batch = engine->batch();
  const std::uint64_t all = engine->capacity().value - 3;
  EXPECT_EQ(code_of(batch.alloc_bulk(PageCount{all + 1})), ErrorCode::Full);
  EXPECT_EQ(code_of(batch.alloc_bulk(PageCount{~std::uint64_t{0}})), ErrorCode::Full);
  EXPECT_EQ(code_of(batch.alloc_protected_bulk(PageCount{~std::uint64_t{0}})),
            ErrorCode::DirectoryFull);
  ASSERT_TRUE(batch.alloc_bulk(PageCount{all}));
  EXPECT_EQ(code_of(batch.alloc()), ErrorCode::Full);
  ASSERT_TRUE(batch.commit());
  EXPECT_EQ(engine->counts().free, PageCount{0});
  EXPECT_EQ(engine->counts().regular, PageCount{all});
}

TEST_F(BatchTest, TheSecondOfTwoThatTouchOnePageIsAConflict) {
  const ProtectedNumber number = *engine->alloc_protected();
  const PageNumber page = *engine->alloc();
  Batch one = engine->batch();
  Batch two = engine->batch();
  (*one.edit(number))[0] = std::byte{1};
  (*two.edit(number))[0] = std::byte{2};
  ASSERT_TRUE(two.alloc());
  ASSERT_TRUE(two.free(page));
  ASSERT_TRUE(one.commit());
  const auto counts = engine->counts();
  EXPECT_EQ(code_of(two.commit()), ErrorCode::Conflict);
  EXPECT_EQ(content(number)[0], std::byte{1});
  EXPECT_EQ(engine->use_of(page), PageUse::Regular);
  EXPECT_EQ(engine->counts().free, counts.free);
  EXPECT_EQ(code_of(two.commit()), ErrorCode::Conflict);  // It does not go away by asking again.
  two.discard();
  (*two.edit(number))[1] = std::byte{2};
  ASSERT_TRUE(two.commit());
  EXPECT_EQ(content(number)[0], std::byte{1});
  EXPECT_EQ(content(number)[1], std::byte{2});
}

TEST_F(BatchTest, EveryKindOfCommitIsAConflict) {
  const auto number = [this] { return *engine->alloc_protected(); };
  const auto conflict_after = [this](ProtectedNumber edited, const auto& meanwhile) {
    Batch batch = engine->batch();
    EXPECT_TRUE(batch.edit(edited));
    meanwhile(edited);
    return !batch.commit().has_value();
  };
  EXPECT_TRUE(conflict_after(number(), [this](ProtectedNumber n) { put(n, 3); }));
  EXPECT_TRUE(conflict_after(number(), [this](ProtectedNumber n) {
    auto writer = engine->writer(n);
    EXPECT_TRUE(writer->commit());
  }));
  EXPECT_TRUE(conflict_after(number(), [this](ProtectedNumber n) {
    EXPECT_TRUE(engine->free_protected(n));
    EXPECT_EQ(*engine->alloc_protected(), n);  // The same number, and another page.
  }));
  EXPECT_TRUE(conflict_after(number(), [this](ProtectedNumber n) {
    const auto bytes = page_of(4);
    EXPECT_TRUE(engine->commit_async({.writes = {{n, bytes}}}).get());
  }));
  EXPECT_FALSE(conflict_after(number(), [this](ProtectedNumber) { EXPECT_TRUE(engine->alloc()); }));

  const PageNumber page = *engine->alloc();
  Batch batch = engine->batch();
  ASSERT_TRUE(batch.free(page));
  ASSERT_TRUE(engine->free(page));
  ASSERT_EQ(*engine->alloc(), page);  // Somebody else's now.
  EXPECT_EQ(code_of(batch.commit()), ErrorCode::Conflict);
  EXPECT_EQ(engine->use_of(page), PageUse::Regular);
}

TEST_F(BatchTest, AnOpenWriterIsInTheWay) {
  const ProtectedNumber number = *engine->alloc_protected();
  Batch batch = engine->batch();
  ASSERT_TRUE(batch.write(number, page_of(1)));
  {
    auto writer = engine->writer(number);
    ASSERT_TRUE(writer);
    EXPECT_EQ(code_of(batch.commit()), ErrorCode::WriterActive);
  }
  EXPECT_TRUE(batch.commit());
  EXPECT_EQ(content(number), page_of(1));
}

TEST_F(BatchTest, RefusesWhatIsNotThere) {
  Batch batch = engine->batch();
  const PageNumber page = *engine->alloc();
  const ProtectedNumber number = *engine->alloc_protected();
  const PageNumber internal = engine->info(number)->page_a;
  EXPECT_EQ(code_of(batch.free(PageNumber{0})), ErrorCode::ReservedPage);
  EXPECT_EQ(code_of(batch.free(internal)), ErrorCode::InternalPage);
  EXPECT_EQ(code_of(batch.free(PageNumber{7000})), ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(batch.free(PageNumber{~std::uint64_t{0}})), ErrorCode::OutOfBounds);
  EXPECT_EQ(code_of(batch.free_protected(ProtectedNumber{number.value + 1})),
            ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(batch.free_protected(ProtectedNumber{~std::uint64_t{0}})),
            ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(batch.edit(ProtectedNumber{~std::uint64_t{0}})), ErrorCode::NotAllocated);
  EXPECT_EQ(code_of(batch.write(number, test::filled(10, 1))), ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of(batch.fill(page)), ErrorCode::InvalidArgument);
  ASSERT_TRUE(batch.free(page));
  EXPECT_EQ(code_of(batch.free(page)), ErrorCode::DoubleFree);
  ASSERT_TRUE(batch.free_protected(number));
  EXPECT_EQ(code_of(batch.free_protected(number)), ErrorCode::DoubleFree);
  EXPECT_EQ(code_of(batch.edit(number)), ErrorCode::NotAllocated);
  EXPECT_TRUE(batch.alloc_bulk(PageCount{0})->empty());
  ASSERT_TRUE(batch.commit());
  EXPECT_TRUE(check_is_ok());
}

TEST_F(BatchTest, GivesBackWhatItAllocatedItself) {
  Batch batch = engine->batch();
  const PageNumber page = *batch.alloc();
  const ProtectedNumber number = *batch.alloc_protected();
  ASSERT_TRUE(batch.write(number, page_of(1)));
  ASSERT_TRUE(batch.fill(page));
  ASSERT_TRUE(batch.free(page));
  ASSERT_TRUE(batch.free_protected(number));
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(*batch.alloc(), page);
  EXPECT_EQ(*batch.alloc_protected(), number);
  ASSERT_TRUE(batch.commit());
  EXPECT_EQ(content(page), page_of(0));
  EXPECT_EQ(content(number), page_of(0));
}

TEST_F(BatchTest, PinnedPagesAreNotFreed) {
  const PageNumber page = *engine->alloc();
  Batch batch = engine->batch();
  ASSERT_TRUE(batch.free(page));
  auto pin = *engine->pin(page);
  EXPECT_EQ(code_of(batch.commit()), ErrorCode::PagePinned);
  Batch other = engine->batch();
  EXPECT_EQ(code_of(other.free(page)), ErrorCode::PagePinned);
  pin.release();
  EXPECT_TRUE(batch.commit());
}

TEST_F(BatchTest, NumbersThatWereNotReservedAreRefused) {
  Change change;
  change.reserved.pages = {PageNumber{3}};
  EXPECT_EQ(code_of(engine->commit(change)), ErrorCode::InvalidArgument);
  change.reserved = {.pages = {}, .protected_pages = {ProtectedNumber{5}}};
  EXPECT_EQ(code_of(engine->commit(change)), ErrorCode::InvalidArgument);
  EXPECT_EQ(engine->counts().regular, PageCount{0});
}

// A disk that is full is an error of the commit; the batch is as it was, and commits later.
TEST_F(BatchTest, ADiskThatIsFullLeavesTheBatch) {
  engine.reset();
  auto faults = std::make_shared<test::FaultPlan>();
  auto memory = std::make_shared<test::MemoryBytes>();
  test::MemoryFile fresh(memory);
  ASSERT_TRUE(mppg0::format_file(fresh, 1024, PageCount{8}));
  engine = *Engine::open(
      std::make_unique<test::FaultyFile>(std::make_unique<test::MemoryFile>(memory), faults));
  for (const test::FileCall call : {test::FileCall::Reserve, test::FileCall::Write}) {
    Batch batch = engine->batch();
    const auto pages = *batch.alloc_bulk(PageCount{engine->counts().free.value + 5});
    const auto numbers = *batch.alloc_protected_bulk(PageCount{40});
    std::ranges::fill(*batch.fill(pages.back()), std::byte{1});
    ASSERT_TRUE(batch.write(numbers.back(), page_of(2)));
    const auto counts = engine->counts();
    faults->add(
        {.call = call, .nth = faults->calls(call) + 1, .os_error = ENOSPC, .from_then_on = true});
    const auto refused = batch.commit();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().os_error(), ENOSPC);
    EXPECT_FALSE(engine->latched());
    faults->clear();
    EXPECT_EQ(engine->counts().total, counts.total);
    EXPECT_EQ(engine->counts().free, counts.free);
    // Its numbers are still its own.
    const PageNumber other = *engine->alloc();
    EXPECT_EQ(std::ranges::count(pages, other), 0);
    const auto done = batch.commit();
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(content(pages.back()), page_of(1));
    EXPECT_EQ(content(numbers.back()), page_of(2));
    EXPECT_EQ(content(pages.front()), page_of(0));
  }
  EXPECT_TRUE(Engine::check(test::MemoryFile(memory))->ok);
}

TEST_F(BatchTest, AReservedPageIsNotAllocatedByItsNumber) {
  Batch batch = engine->batch();
  const auto pages = *batch.alloc_bulk(PageCount{3});  // The last lie beyond the end of the file.
  for (const PageNumber page : pages) {
    EXPECT_EQ(code_of(engine->alloc_at(page)), ErrorCode::AlreadyAllocated);
  }
  ASSERT_TRUE(batch.commit());
  EXPECT_EQ(engine->counts().regular, PageCount{3});
  EXPECT_TRUE(check_is_ok());
}

// Twice the size does not fit, what is needed does.
TEST_F(BatchTest, AFileGrowsByWhatIsNeededWhereTheDiskHasNoRoomForMore) {
  engine.reset();
  auto faults = std::make_shared<test::FaultPlan>();
  auto memory = std::make_shared<test::MemoryBytes>();
  test::MemoryFile fresh(memory);
  ASSERT_TRUE(mppg0::format_file(fresh, 1024, PageCount{100}));
  engine = *Engine::open(
      std::make_unique<test::FaultyFile>(std::make_unique<test::MemoryFile>(memory), faults));
  ASSERT_TRUE(engine->alloc_bulk(PageCount{97}));
  const auto reserve = test::FileCall::Reserve;
  faults->add({.call = reserve, .nth = faults->calls(reserve) + 1, .os_error = ENOSPC});
  EXPECT_EQ(*engine->alloc(), PageNumber{100});
  EXPECT_EQ(engine->counts().total, PageCount{101});
  EXPECT_EQ(*engine->alloc(), PageNumber{101});
  EXPECT_EQ(engine->counts().total, PageCount{202});
  engine.reset();
  EXPECT_TRUE(Engine::check(test::MemoryFile(memory))->ok);
}

TEST_F(BatchTest, ReadOnlyEnginesHaveNone) {
  const ProtectedNumber number = *engine->alloc_protected();
  const PageNumber page = *engine->alloc();
  engine.reset();
  engine = *Engine::open(path, {.access = Access::ReadOnly});
  Batch batch = engine->batch();
  EXPECT_EQ(code_of(batch.alloc()), ErrorCode::ReadOnly);
  EXPECT_EQ(code_of(batch.free(page)), ErrorCode::ReadOnly);
  EXPECT_EQ(code_of(batch.edit(number)), ErrorCode::ReadOnly);
}

// Two counters in two pages, always changed together: the sum of what is committed stays zero, and
// no increment is lost, whoever is told to try again.
TEST_F(BatchTest, ThreadsThatRetryLoseNothing) {
  const ProtectedNumber plus = *engine->alloc_protected();
  const ProtectedNumber minus = *engine->alloc_protected();
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int done = 0; done < kEach;) {
        Batch batch = engine->batch();
        auto& up = (*batch.edit(plus))[0];
        auto& down = (*batch.edit(minus))[0];
        up = static_cast<std::byte>(std::to_integer<int>(up) + 1);
        down = static_cast<std::byte>(std::to_integer<int>(down) - 1);
        const auto committed = batch.commit();
        if (committed) {
          ++done;
        } else if (committed.error().code() != ErrorCode::Conflict &&
                   committed.error().code() != ErrorCode::WriterActive) {
          ADD_FAILURE() << committed.error().message();
          return;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(content(plus)[0], static_cast<std::byte>(kThreads * kEach));
  EXPECT_EQ(content(minus)[0], static_cast<std::byte>(256 - kThreads * kEach));
}

}  // namespace
}  // namespace mappedpages
