// Damage, and a recovery from it that is interrupted: what could be recovered before still can.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "format/superblock.hpp"
#include "mappedpages/engine.hpp"
#include "mppg0/create.hpp"
#include "support/faulty_file.hpp"
#include "support/memory_file.hpp"

namespace mappedpages {
namespace {

constexpr std::size_t kP = 1024;

std::vector<std::byte> filled(int value) {
  return std::vector<std::byte>(kP, static_cast<std::byte>(value));
}

class InterruptedRecovery : public testing::Test {
 protected:
  std::shared_ptr<test::MemoryBytes> memory = std::make_shared<test::MemoryBytes>();

  void SetUp() override {
    test::MemoryFile file(memory);
    ASSERT_TRUE(mppg0::format_file(file, kP, PageCount{4}));
  }
  static Result<std::unique_ptr<Engine>> open(const std::shared_ptr<test::MemoryBytes>& bytes,
                                              const OpenOptions& options = {}) {
    return Engine::open(std::make_unique<test::MemoryFile>(bytes), options);
  }
  std::shared_ptr<test::MemoryBytes> copy() const {
    auto other = std::make_shared<test::MemoryBytes>();
    other->bytes = memory->bytes;
    return other;
  }
  void rot(std::uint64_t page) { memory->bytes[page * kP + 40] ^= std::byte{0x55}; }

  /// The directory page in force of block 0.
  [[nodiscard]] std::uint64_t directory() const {
    const auto reference = format::load_reference(std::span(memory->bytes).first(kP), 0);
    return reference.copy(reference.active).value;
  }

  static void look_at_nothing(const Engine&) {}

  /// Recovers, stops after each number of writes, and looks whether it can be recovered again, and
  /// what is there then.
  void interrupt_everywhere(const std::function<void(const Engine&)>& look = look_at_nothing) {
    for (std::uint64_t writes = 0;; ++writes) {
      const auto image = copy();
      auto faults = std::make_shared<test::FaultPlan>();
      for (const test::FileCall call : {test::FileCall::Write, test::FileCall::WriteAndSync}) {
        faults->add({.call = call, .nth = writes + 1, .from_then_on = true});
      }
      const bool whole = Engine::open(std::make_unique<test::FaultyFile>(
                                          std::make_unique<test::MemoryFile>(image), faults),
                                      {.recover = true})
                             .has_value();
      const auto again = open(image, {.recover = true});
      ASSERT_TRUE(again) << writes << ": " << again.error().message();
      ASSERT_TRUE(Engine::check(test::MemoryFile(image))->ok) << writes;
      look(**again);
      if (whole) break;
      ASSERT_LT(writes, 100U);
    }
  }
};

TEST_F(InterruptedRecovery, OfAMetadataPageInAFileThatHasGrown) {
  {
    const auto engine = *open(memory);
    ASSERT_TRUE(engine->alloc_protected_bulk(PageCount{4}));
  }
  rot(memory->bytes[12] == std::byte{0} ? 1 : 2);
  ASSERT_FALSE(open(memory));
  interrupt_everywhere();
}

/// Beside the metadata page of the opening group, which is not in force yet, a selector that had
/// flipped looked like one of a group that was cut off: the older directory was taken, as if
/// nothing were wrong.
TEST_F(InterruptedRecovery, OfASelectorThatFlipped) {
  ProtectedNumber number;
  {
    const auto engine = *open(memory);
    number = *engine->alloc_protected();
    for (const int value : {1, 2}) {
      const auto bytes = filled(value);
      ASSERT_TRUE(engine->commit({.writes = {{number, bytes}}}));
    }
    ASSERT_TRUE(engine->alloc());  // So that the last group has touched no directory.
  }
  constexpr std::size_t kSelector = 40;
  memory->bytes[kSelector] ^= std::byte{1};
  ASSERT_EQ(Engine::check(test::MemoryFile(memory))->problems.at(0).code, "index-crc");
  interrupt_everywhere([number](const Engine& engine) {
    auto bytes = filled(0);
    ASSERT_TRUE(engine.read(number, bytes));
    EXPECT_EQ(bytes, filled(2));
  });
}

/// A group that freed a page left its metadata page and no more. Then a directory page rots. When
/// it is written anew it is newer than what is committed: the metadata beside that must not be the
/// one of that group.
TEST_F(InterruptedRecovery, DoesNotCommitAGroupThatWasCutOff) {
  PageNumber page;
  ProtectedNumber number;
  {
    const auto faults = std::make_shared<test::FaultPlan>();
    const auto engine = *Engine::open(
        std::make_unique<test::FaultyFile>(std::make_unique<test::MemoryFile>(memory), faults));
    page = *engine->alloc();
    number = *engine->alloc_protected();
    const auto bytes = filled(3);
    ASSERT_TRUE(engine->commit({.writes = {{number, bytes}}}));
    faults->add({.call = test::FileCall::WriteAndSync,
                 .nth = faults->calls(test::FileCall::WriteAndSync) + 1});
    ASSERT_FALSE(engine->free(page));
  }
  ASSERT_EQ(Engine::check(test::MemoryFile(memory))->problems.at(0).code, "uncommitted-metadata");
  rot(directory());
  interrupt_everywhere([&](const Engine& engine) {
    EXPECT_EQ(engine.use_of(page), PageUse::Regular);
    EXPECT_TRUE(engine.info(number));
  });
}

/// Protected page 5 is freed, and its pages go to somebody else; then the directory page that knows
/// of it rots, and the older copy still has it.
class AnOlderDirectory : public InterruptedRecovery {
 protected:
  static constexpr ProtectedNumber kFreed{5};
  ProtectedInfo freed;

  std::unique_ptr<Engine> free_five() {
    auto engine = *open(memory);
    EXPECT_TRUE(engine->alloc_protected_bulk(PageCount{34}));
    for (std::uint64_t number = 0; number < 34; ++number) {
      const auto bytes = filled(static_cast<int>(number + 1));
      EXPECT_TRUE(engine->commit({.writes = {{ProtectedNumber{number}, bytes}}}));
    }
    freed = *engine->info(kFreed);
    EXPECT_TRUE(engine->free_protected(kFreed));
    return engine;
  }
};

TEST_F(AnOlderDirectory, DoesNotWinOverASoundOne) {
  constexpr ProtectedNumber kMoved{33};  // In block 1, whose directory is sound.
  {
    const auto engine = free_five();
    const auto bytes = filled(99);
    ASSERT_TRUE(engine->commit({.writes = {{kMoved, bytes, true}}}));
    ASSERT_EQ(engine->info(kMoved)->page_a, freed.page_a);
  }
  rot(directory());
  interrupt_everywhere();
  const auto engine = *open(memory, {.recover = true});
  auto bytes = filled(0);
  ASSERT_TRUE(engine->read(kMoved, bytes));
  EXPECT_EQ(bytes, filled(99));
  EXPECT_FALSE(engine->info(kFreed));
}

TEST_F(AnOlderDirectory, DoesNotTakePlainPages) {
  {
    const auto engine = free_five();
    const auto pages = *engine->alloc_bulk(PageCount{2});
    ASSERT_EQ(pages.front(), freed.page_a);
    for (const PageNumber page : pages) ASSERT_TRUE(engine->write(page, 0, filled(77)));
    ASSERT_TRUE(engine->flush_all());
  }
  rot(directory());
  interrupt_everywhere();
  const auto engine = *open(memory, {.recover = true});
  EXPECT_FALSE(engine->info(kFreed));
  auto bytes = filled(0);
  for (const PageNumber page : {freed.page_a, freed.page_b}) {
    ASSERT_TRUE(engine->read(page, 0, bytes));
    EXPECT_EQ(bytes, filled(77));
  }
}

}  // namespace
}  // namespace mappedpages
