// What the engine answers to what cannot be done. Each answer leaves everything as it was.
#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <vector>

#include "mappedpages/engine.hpp"
#include "mppg0/create.hpp"
#include "support/faulty_file.hpp"
#include "support/memory_file.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

constexpr std::size_t kP = 1024;
constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

class EngineErrors : public testing::Test {
 protected:
  std::shared_ptr<test::MemoryBytes> memory = std::make_shared<test::MemoryBytes>();
  std::shared_ptr<test::FaultPlan> faults = std::make_shared<test::FaultPlan>();
  std::unique_ptr<Engine> engine;
  std::vector<std::byte> bytes = std::vector<std::byte>(kP, std::byte{1});

  void SetUp() override {
    test::MemoryFile file(memory);
    ASSERT_TRUE(mppg0::format_file(file, kP, PageCount{4}));
    reopen();
  }
  void reopen() {
    engine.reset();
    auto opened = Engine::open(
        std::make_unique<test::FaultyFile>(std::make_unique<test::MemoryFile>(memory), faults));
    ASSERT_TRUE(opened) << opened.error().message();
    engine = *std::move(opened);
  }

  /// Runs a call that must fail like this and change nothing.
  template <class Call>
  void refused(ErrorCode code, Call&& call) {
    const auto before = memory->bytes;
    const auto counts = engine->counts();
    const auto result = call();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), code) << result.error().message();
    EXPECT_EQ(memory->bytes, before);
    EXPECT_EQ(engine->counts().generation, counts.generation);
    EXPECT_FALSE(engine->latched());
  }
};

TEST_F(EngineErrors, FreeingWhatIsNotThere) {
  const PageNumber page = *engine->alloc();
  ASSERT_TRUE(engine->alloc_protected());
  const ProtectedInfo info = *engine->info(ProtectedNumber{0});
  for (std::uint64_t reserved = 0; reserved < 3; ++reserved) {
    refused(ErrorCode::ReservedPage, [&] { return engine->free(PageNumber{reserved}); });
  }
  refused(ErrorCode::InternalPage, [&] { return engine->free(info.page_a); });
  refused(ErrorCode::InternalPage, [&] { return engine->free(info.page_b); });
  refused(ErrorCode::InternalPage, [&] { return engine->free(PageNumber{4}); });  // A directory.
  refused(ErrorCode::DoubleFree, [&] { return engine->free(PageNumber{7967}); });
  refused(ErrorCode::OutOfBounds, [&] { return engine->free(PageNumber{7968}); });
  refused(ErrorCode::OutOfBounds, [&] { return engine->free(PageNumber{kHuge}); });
  refused(ErrorCode::DoubleFree, [&] {
    return engine->free_bulk(std::vector{page, PageNumber{100}});
  });
  refused(ErrorCode::DoubleFree, [&] { return engine->free_bulk(std::vector{page, page}); });
  refused(ErrorCode::DoubleFree, [&] { return engine->free_protected(ProtectedNumber{1}); });
  refused(ErrorCode::DoubleFree, [&] { return engine->free_protected(ProtectedNumber{kHuge}); });
  refused(ErrorCode::DoubleFree, [&] {
    return engine->free_protected_bulk(std::vector{ProtectedNumber{0}, ProtectedNumber{0}});
  });
  EXPECT_EQ(engine->use_of(page), PageUse::Regular);
}

TEST_F(EngineErrors, ReadingAndWritingWhatIsNotThere) {
  const PageNumber page = *engine->alloc();
  ASSERT_TRUE(engine->alloc_protected());
  const auto read_code = [this](std::uint64_t number) {
    return engine->read(PageNumber{number}, 0, bytes).error().code();
  };
  EXPECT_EQ(read_code(0), ErrorCode::ReservedPage);
  EXPECT_EQ(read_code(4), ErrorCode::InternalPage);
  EXPECT_EQ(read_code(100), ErrorCode::NotAllocated);
  EXPECT_EQ(read_code(7968), ErrorCode::OutOfBounds);
  EXPECT_EQ(read_code(kHuge), ErrorCode::OutOfBounds);
  EXPECT_EQ(engine->pin(PageNumber{100}).error().code(), ErrorCode::NotAllocated);
  EXPECT_EQ(engine->pin(PageNumber{kHuge}).error().code(), ErrorCode::OutOfBounds);
  EXPECT_FALSE(engine->is_pinned(PageNumber{100}));
  EXPECT_EQ(engine->pin(ProtectedNumber{kHuge}).error().code(), ErrorCode::NotAllocated);
  EXPECT_EQ(engine->info(ProtectedNumber{1}).error().code(), ErrorCode::NotAllocated);
  EXPECT_EQ(engine->writer(ProtectedNumber{1}).error().code(), ErrorCode::NotAllocated);
  EXPECT_EQ(engine->page_offset(PageNumber{kHuge}).error().code(), ErrorCode::OutOfBounds);
  for (const std::uint64_t number :
       {std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{100}, kHuge}) {
    refused(engine->read(PageNumber{number}, 0, bytes).error().code(),
            [&] { return engine->write(PageNumber{number}, 0, bytes); });
  }
  refused(ErrorCode::OutOfBounds, [&] { return engine->write(page, 1, bytes); });
  refused(ErrorCode::OutOfBounds, [&] { return engine->write(page, kP + 1, {}); });
  refused(ErrorCode::OutOfBounds, [&] { return engine->write(page, kHuge, bytes); });
  EXPECT_TRUE(engine->write(page, kP, {}));
}

TEST_F(EngineErrors, AllocatingMoreThanFits) {
  refused(ErrorCode::Full, [&] { return engine->alloc_bulk(PageCount{7966}); });
  refused(ErrorCode::Full, [&] { return engine->alloc_bulk(PageCount{kHuge}); });
  refused(ErrorCode::Full, [&] { return engine->alloc_protected_bulk(PageCount{kHuge}); });
  refused(ErrorCode::DirectoryFull,
          [&] { return engine->alloc_protected_bulk(PageCount{58 * 33 + 1}); });
  refused(ErrorCode::Full, [&] {
    return engine->commit({.alloc_pages = PageCount{7960}, .alloc_protected = PageCount{3}});
  });
  EXPECT_EQ(engine->alloc_bulk(PageCount{7965})->size(), 7965U);
}

TEST_F(EngineErrors, AllocatingAtANumberThatCannotBeHad) {
  const PageNumber page = *engine->alloc();
  ASSERT_TRUE(engine->alloc_protected());
  refused(ErrorCode::AlreadyAllocated, [&] { return engine->alloc_at(page); });
  refused(ErrorCode::ReservedPage, [&] { return engine->alloc_at(PageNumber{0}); });
  refused(ErrorCode::InternalPage, [&] { return engine->alloc_at(PageNumber{4}); });
  refused(ErrorCode::Full, [&] { return engine->alloc_at(PageNumber{7968}); });
  refused(ErrorCode::Full, [&] { return engine->alloc_at(PageNumber{kHuge}); });
  refused(ErrorCode::AlreadyAllocated, [&] {
    return engine->commit({.alloc_at = {PageNumber{90}, PageNumber{90}}});
  });
}

TEST_F(EngineErrors, AllocatingAProtectedNumberThatCannotBeHad) {
  const ProtectedNumber page = *engine->alloc_protected();
  refused(ErrorCode::AlreadyAllocated, [&] { return engine->alloc_protected_at(page); });
  refused(ErrorCode::DirectoryFull,
          [&] { return engine->alloc_protected_at(ProtectedNumber{58 * 33}); });
  refused(ErrorCode::DirectoryFull,
          [&] { return engine->alloc_protected_at(ProtectedNumber{kHuge}); });
  refused(ErrorCode::AlreadyAllocated, [&] {
    return engine->commit({.alloc_protected_at = {ProtectedNumber{9}, ProtectedNumber{9}}});
  });
  refused(ErrorCode::InvalidArgument, [&] {
    return engine->commit({.alloc_protected_at = {ProtectedNumber{9}},
                           .writes = {{ProtectedNumber{9}, bytes}, {ProtectedNumber{9}, bytes}}});
  });
  auto batch = engine->batch();
  const ProtectedNumber promised = *batch.alloc_protected();
  refused(ErrorCode::AlreadyAllocated, [&] { return engine->alloc_protected_at(promised); });
  EXPECT_TRUE(engine->alloc_protected_at(ProtectedNumber{58 * 33 - 1})) << "the last there can be";
}

TEST_F(EngineErrors, AChangeIsDoneWhollyOrNotAtAll) {
  const PageNumber page = *engine->alloc();
  const ProtectedNumber number = *engine->alloc_protected();
  refused(ErrorCode::DoubleFree, [&] {
    return engine->commit({.alloc_pages = PageCount{3},
                           .free_pages = {page, PageNumber{500}},
                           .writes = {{number, bytes}}});
  });
  refused(ErrorCode::NotAllocated, [&] {
    return engine->commit({.free_protected = {number}, .writes = {{number, bytes}}});
  });
  refused(ErrorCode::InvalidArgument, [&] {
    return engine->commit({.writes = {{number, bytes}, {number, bytes}}});
  });
  refused(ErrorCode::InvalidArgument, [&] {
    return engine->commit({.writes = {{number, std::span(bytes).first(10)}}});
  });
}

TEST_F(EngineErrors, OneWriterAPage) {
  const ProtectedNumber number = *engine->alloc_protected();
  {
    auto writer = *engine->writer(number);
    refused(ErrorCode::WriterActive, [&] { return engine->writer(number); });
    refused(ErrorCode::WriterActive, [&] { return engine->commit({.writes = {{number, bytes}}}); });
    auto moved = std::move(writer);
    EXPECT_TRUE(moved.commit());
  }
  EXPECT_TRUE(engine->commit({.writes = {{number, bytes}}}));
}

TEST_F(EngineErrors, RottenContentIsNeverServed) {
  const ProtectedNumber number = *engine->alloc_protected();
  ASSERT_TRUE(engine->commit({.writes = {{number, bytes}}}));
  const ProtectedInfo info = *engine->info(number);
  const std::uint64_t at = (info.active_slot == 0 ? info.page_a : info.page_b).value * kP;
  memory->bytes[at + 9] ^= std::byte{4};
  EXPECT_EQ(engine->read(number, bytes).error().code(), ErrorCode::ChecksumMismatch);
  EXPECT_EQ(engine->writer(number).error().code(), ErrorCode::ChecksumMismatch);
  memory->bytes[at + 9] ^= std::byte{4};
  EXPECT_TRUE(engine->read(number, bytes));
  EXPECT_TRUE(engine->writer(number)) << "the failed one is not in the way";
}

// --- Faults

TEST_F(EngineErrors, AFullDiskIsAnErrorOfTheCallAlone) {
  ASSERT_TRUE(engine->alloc());
  for (const test::FileCall call : {test::FileCall::Reserve, test::FileCall::Write}) {
    faults->add({.call = call, .os_error = ENOSPC, .from_then_on = true});
    const auto refused = engine->alloc_bulk(PageCount{100});
    EXPECT_EQ(refused.error().os_error(), ENOSPC);
    EXPECT_FALSE(engine->latched());
    EXPECT_EQ(engine->counts().regular, PageCount{1});
    faults->clear();
    const auto pages = engine->alloc_bulk(PageCount{100});
    ASSERT_TRUE(pages) << pages.error().message();
    ASSERT_TRUE(engine->free_bulk(*pages));
  }
  reopen();
  EXPECT_EQ(engine->counts().regular, PageCount{1});
  EXPECT_TRUE(Engine::check(test::MemoryFile(memory))->ok);
}

TEST_F(EngineErrors, AnAbortedGroupsBlocksAreWrittenAgainWithItsGeneration) {
  const ProtectedNumber number = *engine->alloc_protected();
  const Generation before = engine->counts().generation;
  faults->add({.call = test::FileCall::Write,
               .nth = faults->calls(test::FileCall::Write) + 3,
               .os_error = ENOSPC});
  EXPECT_FALSE(engine->commit({.writes = {{number, bytes}}}));
  faults->clear();
  ASSERT_TRUE(engine->alloc());
  EXPECT_EQ(engine->counts().generation.value, before.value + 1);
}

/// R6: after an I/O error nothing that was acknowledged is lost, reads go on, nothing more is
/// written, and opening again serves the last acknowledged state or the running operation too.
TEST_F(EngineErrors, R6AnErrorAtAnyCallLosesNothing) {
  const PageNumber page = *engine->alloc();
  const ProtectedNumber number = *engine->alloc_protected();
  ASSERT_TRUE(engine->write(page, 0, bytes));
  ASSERT_TRUE(engine->flush(page));
  bool done = false;
  for (std::uint64_t nth = 1; !done; ++nth) {
    ASSERT_LT(nth, 100U);
    reopen();
    const StoreCounts before = engine->counts();
    faults->clear();
    faults->add({.call = {}, .nth = faults->calls() + nth, .os_error = EIO, .done_before_it = 0.5});
    const auto given = engine->commit({.alloc_pages = PageCount{1},
                                       .alloc_protected = PageCount{1},
                                       .writes = {{number, bytes}}});
    faults->clear();
    done = given.has_value();
    std::vector<std::byte> read(kP);
    EXPECT_TRUE(engine->read(page, 0, read));
    EXPECT_EQ(read, bytes);
    EXPECT_TRUE(engine->read(number, read));
    if (engine->latched()) {
      EXPECT_EQ(engine->alloc().error().code(), ErrorCode::Unavailable);
      EXPECT_EQ(engine->write(page, 0, bytes).error().code(), ErrorCode::Unavailable);
      EXPECT_EQ(engine->flush(page).error().code(), ErrorCode::Unavailable);
      EXPECT_EQ(engine->counts().regular, before.regular);
    }
    reopen();
    const std::uint64_t more = engine->counts().regular.value - before.regular.value;
    EXPECT_LE(more, 1U);
    EXPECT_TRUE(more == 1 || !done) << "acknowledged";
    EXPECT_EQ(engine->counts().protected_pages.value - before.protected_pages.value, more)
        << "wholly or not at all";
    EXPECT_TRUE(Engine::check(test::MemoryFile(memory))->ok);
  }
}

TEST_F(EngineErrors, NoWriterIsToBeHadAfterAFailure) {
  const ProtectedNumber number = *engine->alloc_protected();
  faults->add({.call = test::FileCall::Sync, .nth = faults->calls(test::FileCall::Sync) + 1});
  EXPECT_FALSE(engine->alloc());
  EXPECT_EQ(engine->writer(number).error().code(), ErrorCode::Unavailable);
  EXPECT_FALSE(engine->has_writer(number));
}

TEST_F(EngineErrors, AnotherWriterIsNoticedBeforeTheNextCommit) {
  ASSERT_TRUE(engine->alloc());
  memory->bytes[700] ^= std::byte{1};  // Some byte of page 0.
  const auto before = memory->bytes;
  EXPECT_EQ(engine->alloc().error().code(), ErrorCode::ForeignWriter);
  EXPECT_EQ(engine->alloc().error().code(), ErrorCode::Unavailable);
  EXPECT_EQ(memory->bytes, before) << "nothing of theirs was overwritten";
}

// --- Opening and creating

TEST(EngineOpening, CreateRefusesWhatCannotBe) {
  const test::TempDir dir;
  const auto code = [&dir](const CreateOptions& options) {
    return Engine::create(dir / "db", options).error().code();
  };
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{512}, std::uint64_t{1000},
                                   std::uint64_t{32} << 20U, kHuge}) {
    EXPECT_EQ(code({.page_size = size}), ErrorCode::InvalidPageSize) << size;
  }
  for (const std::uint64_t pages :
       {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{32545}, kHuge}) {
    EXPECT_EQ(code({.pages = PageCount{pages}}), ErrorCode::InvalidArgument) << pages;
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  ASSERT_TRUE(Engine::create(dir / "db", {.pages = PageCount{100}}));
  EXPECT_EQ(code({}), ErrorCode::AlreadyExists);
  EXPECT_EQ((*Engine::open(dir / "db"))->counts().total, PageCount{100});
}

}  // namespace
}  // namespace mappedpages
