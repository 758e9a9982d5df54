// What a session leaves in the file, byte for byte where the format says so.
#include "mppg0/store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mappedpages/engine.hpp"
#include "mppg0/create.hpp"
#include "mppg0/directory_generation.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::mppg0 {
namespace {

constexpr std::size_t kP = 1024;
const format::Geometry kGeometry = *format::Geometry::of_page_size(kP);

class StoreTest : public testing::Test {
 protected:
  std::shared_ptr<test::MemoryBytes> memory = std::make_shared<test::MemoryBytes>();

  void SetUp() override {
    test::MemoryFile file(memory);
    ASSERT_TRUE(format_file(file, kP, PageCount{4}));
  }
  [[nodiscard]] Result<std::unique_ptr<Engine>> try_open(const OpenOptions& options = {}) const {
    return Engine::open(std::make_unique<test::MemoryFile>(memory), options);
  }
  std::unique_ptr<Engine> open(const OpenOptions& options = {}) const {
    auto engine = try_open(options);
    if (!engine) ADD_FAILURE() << engine.error().message();
    return engine ? *std::move(engine) : nullptr;
  }
  [[nodiscard]] std::span<const std::byte> page(std::uint64_t number) const {
    return std::span(memory->bytes).subspan(number * kP, kP);
  }
  [[nodiscard]] format::SuperblockHeader header() const {
    return *format::decode_superblock_header(page(0));
  }
  [[nodiscard]] format::MetadataPage metadata(unsigned which) const {
    return *format::decode_metadata_page(kGeometry, page(1 + which));
  }
};

TEST_F(StoreTest, ANewFileIsTheOneThatTheFormatDescribes) {
  EXPECT_EQ(memory->bytes.size(), 4 * kP);
  EXPECT_EQ(header().active_metadata, 0);
  EXPECT_TRUE(header().mark);
  EXPECT_EQ(header().version, format::kNewestVersion);
  EXPECT_TRUE(std::ranges::equal(page(1), page(2)));
  EXPECT_EQ(metadata(0).generation, Generation{0});
  EXPECT_EQ(metadata(0).allocated.count(), 3U);
}

TEST_F(StoreTest, TheOpeningGroupIsTwoAboveTheNewest) {
  open();
  EXPECT_EQ(metadata(header().active_metadata).generation, Generation{2});
  open();
  EXPECT_EQ(metadata(header().active_metadata).generation, Generation{4});
}

TEST_F(StoreTest, KeepsTheVersionThatTheFileCameWith) {
  memory->bytes[5] = std::byte{1};
  open()->alloc().value();
  EXPECT_EQ(header().version, (format::Version{0, 1, 0, 0}));
}

TEST_F(StoreTest, AReadOnlyOpeningWritesNothing) {
  open()->alloc_protected().value();
  const auto before = memory->bytes;
  {
    const auto engine = open({.access = Access::ReadOnly});
    EXPECT_EQ(engine->alloc().error().code(), ErrorCode::ReadOnly);
    EXPECT_EQ(engine->stats().flushes, 0U);
  }
  EXPECT_EQ(memory->bytes, before);
}

TEST_F(StoreTest, NewBlocksHaveTwoIdenticalCopiesOfTheirGroup) {
  const auto engine = open();
  engine->alloc_protected().value();
  const format::BlockReference reference = format::load_reference(page(0), 0);
  EXPECT_TRUE(std::ranges::equal(page(reference.page_a.value), page(reference.page_b.value)));
  const auto directory = format::decode_directory_page(kGeometry, page(reference.page_a.value));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->generation, engine->counts().generation);
}

TEST_F(StoreTest, AGroupWritesTheInactiveCopiesAlone) {
  const auto engine = open();
  const ProtectedNumber number = *engine->alloc_protected();
  const ProtectedInfo before = *engine->info(number);
  const format::BlockReference reference = format::load_reference(page(0), 0);
  const std::vector<std::byte> old_metadata(page(1 + header().active_metadata).begin(),
                                            page(1 + header().active_metadata).end());
  const unsigned old_active = header().active_metadata;
  const std::vector<std::byte> content(kP, std::byte{5});
  ASSERT_TRUE(engine->commit({.writes = {{number, content}}}));
  const ProtectedInfo after = *engine->info(number);
  EXPECT_NE(after.active_slot, before.active_slot);
  EXPECT_EQ(after.generation, before.generation + 1);
  EXPECT_NE(header().active_metadata, old_active);
  EXPECT_TRUE(std::ranges::equal(page(1 + old_active), old_metadata));
  EXPECT_NE(format::load_reference(page(0), 0).active, reference.active);
  EXPECT_TRUE(std::ranges::equal(page(after.page_b.value), content));
}

TEST_F(StoreTest, AGroupPastBlock27AloneExchangesTheFirstReference) {
  const auto engine = open();
  ASSERT_TRUE(engine->alloc_protected_bulk(PageCount{28 * 33 + 1}));
  const ProtectedNumber far{28 * 33};
  const format::BlockReference before = format::load_reference(page(0), 0);
  const std::vector<std::byte> content(kP, std::byte{5});
  ASSERT_TRUE(engine->commit({.writes = {{far, content}}}));
  const format::BlockReference after = format::load_reference(page(0), 0);
  EXPECT_EQ(after.page_a, before.page_b);
  EXPECT_EQ(after.page_b, before.page_a);
  EXPECT_NE(after.active, before.active);
  EXPECT_EQ(after.copy(after.active), before.copy(before.active)) << "the same meaning";
  ASSERT_TRUE(engine->commit({.writes = {{ProtectedNumber{0}, content}}}));
  EXPECT_EQ(format::load_reference(page(0), 0).page_a, after.page_a) << "only then";
}

TEST_F(StoreTest, ScrubsInactiveDirectoriesAfterTheCrate) {
  open()->alloc_protected().value();
  // As the crate would leave it: no mark, an inactive copy that has a generation.
  std::ranges::fill_n(memory->bytes.begin() + 13, 3, std::byte{0});
  const format::BlockReference reference = format::load_reference(page(0), 0);
  const std::vector<format::DirectoryEntry> forged(kGeometry.slots_per_block());
  std::ranges::copy(format::encode_directory_page(kGeometry, Generation{1000}, forged),
                    memory->bytes.begin() + static_cast<std::ptrdiff_t>(
                                                reference.copy(1U - reference.active).value * kP));
  open();
  EXPECT_TRUE(std::ranges::equal(page(reference.page_a.value), page(reference.page_b.value)));
  EXPECT_TRUE(header().mark);
}

TEST_F(StoreTest, AGenerationWithoutRoomToCountIsNotWritten) {
  format::MetadataPage full = metadata(0);
  full.generation = Generation{kMaxWritableGeneration.value + 1};
  std::ranges::copy(format::encode_metadata_page(kGeometry, full), memory->bytes.begin() + kP);
  const auto before = memory->bytes;
  EXPECT_EQ(try_open().error().code(), ErrorCode::CorruptMetadata);
  EXPECT_EQ(memory->bytes, before);
  EXPECT_TRUE(try_open({.access = Access::ReadOnly}));
}

TEST_F(StoreTest, DamageIsWrittenOnlyWhenRecoveryIsAskedFor) {
  open()->alloc_protected().value();
  const format::BlockReference reference = format::load_reference(page(0), 0);
  memory->bytes[reference.copy(reference.active).value * kP + 100] ^= std::byte{1};
  const auto before = memory->bytes;
  EXPECT_EQ(try_open().error().code(), ErrorCode::NeedsRecovery);
  EXPECT_EQ(memory->bytes, before);
  EXPECT_TRUE(try_open({.access = Access::ReadOnly}));
  open({.recover = true});
  const auto report = Engine::check(test::MemoryFile(memory));
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->ok);
  EXPECT_TRUE(try_open()) << "and it stays mended";
}

TEST_F(StoreTest, RecoveringMarksNamedPagesAllocated) {
  const ProtectedNumber number = *open()->alloc_protected();
  // The metadata page in force rots; the other one is from before the allocation.
  memory->bytes[(1U + header().active_metadata) * kP + 30] ^= std::byte{1};
  {
    const auto engine = open({.recover = true});
    EXPECT_TRUE(engine->open_report().damaged);
    std::vector<std::byte> content(kP);
    EXPECT_TRUE(engine->read(number, content));
    for (int i = 0; i < 20; ++i) {
      const PageNumber fresh = *engine->alloc();
      const ProtectedInfo info = *engine->info(number);
      EXPECT_NE(fresh, info.page_a);
      EXPECT_NE(fresh, info.page_b);
    }
  }
  EXPECT_TRUE(Engine::check(test::MemoryFile(memory))->ok);
}

}  // namespace
}  // namespace mappedpages::mppg0
