// Recovery, on images that are damaged or torn in one place each. What random crashes leave is the
// business of crash/.
#include "mppg0/recovery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mppg0/verify.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::mppg0 {
namespace {

using format::BlockReference;
using format::DirectoryEntry;
using format::Geometry;

constexpr std::size_t kP = 1024;
const Geometry kGeometry = *Geometry::of_page_size(kP);

/// An image put together field by field: 16 pages, one directory block (pages 4 and 5), one
/// protected page (6 and 7), one regular page (3).
struct Image {
  std::vector<std::byte> bytes = std::vector<std::byte>(16 * kP);
  format::SuperblockHeader header{.page_size_log2 = 10, .mark = true};
  std::vector<BlockReference> references{{PageNumber{4}, PageNumber{5}, 0}};
  std::vector<DirectoryEntry> entries = std::vector<DirectoryEntry>(kGeometry.slots_per_block());
  format::MetadataPage metadata{.generation = Generation{10}, .allocated = Bitmap(16)};

  Image() {
    for (std::uint64_t page = 0; page < 8; ++page) metadata.allocated.set(page);
    entries[0] = {.page_a = PageNumber{6},
                  .page_b = PageNumber{7},
                  .generation = 1,
                  .content_crc = crc32(std::vector<std::byte>(kP)),
                  .in_use = true};
    put_metadata(1, 10);
    put_metadata(2, 9);
    put_directory(4, 10);
    put_directory(5, 8);
    put_page0();
  }

  void put(std::uint64_t page, const std::vector<std::byte>& content) {
    std::ranges::copy(content, bytes.begin() + static_cast<std::ptrdiff_t>(page * kP));
  }
  void put_metadata(std::uint64_t page, std::uint64_t generation) {
    metadata.generation = Generation{generation};
    put(page, format::encode_metadata_page(kGeometry, metadata));
  }
  void put_directory(std::uint64_t page, std::uint64_t generation) {
    put(page, format::encode_directory_page(kGeometry, Generation{generation}, entries));
  }
  void put_page0() { put(0, format::encode_superblock(kGeometry, header, references)); }
  void rot(std::uint64_t page, std::size_t at = 600) { bytes[page * kP + at] ^= std::byte{0x40}; }
  /// Its CRC becomes that of the other selector of block 0.
  void tear_page0() {
    references[0].active ^= 1U;
    const auto other = format::encode_superblock(kGeometry, header, references);
    references[0].active ^= 1U;
    std::ranges::copy(std::span(other).last(format::kPageCrcSize),
                      bytes.begin() + kP - format::kPageCrcSize);
  }

  [[nodiscard]] std::unique_ptr<test::MemoryFile> file() const {
    auto memory = std::make_shared<test::MemoryBytes>();
    memory->bytes = bytes;
    return std::make_unique<test::MemoryFile>(std::move(memory));
  }
  [[nodiscard]] Result<Recovered> recovered() const { return recover(*file()); }
};

std::string codes(const OpenReport& report) {
  std::string all;
  for (const Problem& problem : report.problems) {
    if (problem.severity == Severity::Error) all += problem.code + " ";
  }
  return all;
}

TEST(Recovery, ReadsAWholeImage) {
  const auto recovered = Image().recovered();
  ASSERT_TRUE(recovered) << recovered.error().message();
  EXPECT_TRUE(recovered->mark);
  EXPECT_FALSE(recovered->report.damaged);
  const StoreCounts counts = recovered->state.counts();
  EXPECT_EQ(counts.total, PageCount{16});
  EXPECT_EQ(counts.free, PageCount{8});
  EXPECT_EQ(counts.regular, PageCount{1});
  EXPECT_EQ(counts.protected_pages, PageCount{1});
  EXPECT_EQ(counts.generation, Generation{10});
  EXPECT_EQ(recovered->newest, Generation{10});
}

// --- Page 0 torn: the selectors are not believed

TEST(RecoveryOfATornPage0, LeavesOutACopyThatIsNewer) {
  Image image;
  image.put_directory(5, 11);
  image.references[0].active = 1;  // As if the selector of the unfinished group had landed.
  image.put_page0();
  image.tear_page0();
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->report.damaged);
  EXPECT_EQ(recovered->state.references[0].active, 0);
  EXPECT_EQ(recovered->newest, Generation{11});
}

TEST(RecoveryOfATornPage0, TakesTheCopyOfTheCommittedGroup) {
  Image image;
  image.put_directory(5, 10);
  image.put_directory(4, 8);
  image.tear_page0();  // The selector still says copy A.
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->state.references[0].active, 1);
  EXPECT_FALSE(recovered->report.damaged);
}

TEST(RecoveryOfATornPage0, AGenerationOfZeroIsNeitherNewerNorEqual) {
  Image image;
  image.put_directory(5, 0);
  image.put_directory(4, 7);
  image.tear_page0();
  EXPECT_EQ(image.recovered()->state.references[0].active, 0);
}

TEST(RecoveryOfATornPage0, DoesNotCompareOnly32Bits) {
  Image image;
  image.put_metadata(1, (std::uint64_t{5} << 32U) + 10);
  image.put_directory(4, (std::uint64_t{5} << 32U) + 3);
  image.put_directory(5, 10);  // Equal to the committed one in its low half.
  for (const std::size_t last : {1U, 2U}) image.rot(0, kP - last);  // No version has that CRC.
  EXPECT_EQ(image.recovered()->state.references[0].active, 0);
}

TEST(Recovery, BelievesTheSelectorsWhereTheChecksumHolds) {
  Image image;
  image.put_directory(5, 11);
  const auto recovered = image.recovered();
  EXPECT_EQ(recovered->state.references[0].active, 0);
  EXPECT_EQ(recovered->newest, Generation{11});
}

TEST(Recovery, BelievesTheCopyOfTheLastGroupBeforeTheSelector) {
  Image image;
  image.put_directory(5, 10);  // As if byte 12 had landed, and not the rest of its sector.
  image.put_directory(4, 8);
  const auto recovered = image.recovered();
  EXPECT_EQ(recovered->state.references[0].active, 1);
  EXPECT_FALSE(recovered->report.damaged);
}

// --- After the crate

Image image_of_the_crate() {
  Image image;
  image.header.mark = false;
  image.put_directory(4, 0);
  image.put_directory(5, 0);
  image.put_page0();
  return image;
}

TEST(RecoveryAfterTheCrate, MendsASelectorThatLandedAlone) {
  Image image = image_of_the_crate();
  image.bytes[24 + 16] = std::byte{1};  // The checksum is still that of selector 0.
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->report.damaged) << codes(recovered->report);
  EXPECT_EQ(recovered->state.references[0].active, 0);
}

TEST(RecoveryAfterTheCrate, MendsACountThatLandedAlone) {
  Image image = image_of_the_crate();
  image.bytes[20] = std::byte{0};
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->report.damaged);
  EXPECT_EQ(recovered->state.counts().protected_pages, PageCount{1});
}

TEST(RecoveryAfterTheCrate, MendsACountWhoseReferenceDidNotLand) {
  Image image = image_of_the_crate();
  const std::vector<BlockReference> none;
  image.put(0, format::encode_superblock(kGeometry, image.header, none));
  image.bytes[20] = std::byte{1};  // Checksum of no block; the count and a reference landed.
  store_le(std::span(image.bytes), 24, std::uint64_t{4});
  store_le(std::span(image.bytes), 32, std::uint64_t{5});
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->report.damaged);
  EXPECT_TRUE(recovered->state.references.empty());
}

TEST(RecoveryAfterTheCrate, AnIndexThatCannotBeMendedIsDamage) {
  Image image = image_of_the_crate();
  image.rot(0, 25);
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(codes(recovered->report), "index-crc ");
  EXPECT_TRUE(recovered->report.damaged);
}

TEST(RecoveryAfterTheCrate, ACountOfZeroDoesNotHideAnything) {
  // The crate skips the checksum then: one flipped bit hides every protected page.
  Image image = image_of_the_crate();
  image.references.push_back({PageNumber{8}, PageNumber{9}, 0});
  image.metadata.allocated.set(8);
  image.metadata.allocated.set(9);
  image.put_metadata(1, 10);
  const std::vector<DirectoryEntry> empty(kGeometry.slots_per_block());
  for (const std::uint64_t page : {8U, 9U}) {
    image.put(page, format::encode_directory_page(kGeometry, Generation{0}, empty));
  }
  image.put_page0();
  image.bytes[20] = std::byte{0};  // From 2: more than mending tries.
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_TRUE(recovered->report.damaged);
  EXPECT_EQ(recovered->state.counts().protected_pages, PageCount{1}) << "found all the same";
}

TEST(RecoveryAfterTheCrate, SchedulesInactiveCopiesWithAGenerationForScrubbing) {
  Image image = image_of_the_crate();
  image.put_directory(5, 12);
  const auto recovered = image.recovered();
  EXPECT_EQ(recovered->to_scrub, std::vector<std::size_t>{0});
  EXPECT_EQ(recovered->newest, Generation{10}) << "what is scrubbed does not count";
}

// --- Damage

TEST(Damage, TheOtherMetadataPageServes) {
  Image image;
  image.rot(1);
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(codes(recovered->report), "metadata-crc ");
  EXPECT_EQ(recovered->state.generation, Generation{9});
  EXPECT_EQ(recovered->state.active_metadata, 1);
}

TEST(Damage, TheOtherDirectoryPageServes) {
  Image image;
  image.rot(4);
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(codes(recovered->report), "directory-crc ");
  EXPECT_EQ(recovered->state.references[0].active, 1);
  EXPECT_EQ(recovered->to_rewrite, std::vector<std::size_t>{0});
}

TEST(Damage, InACopyThatIsNotInForceIsNone) {
  Image image;
  image.rot(2);
  image.rot(5);
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->report.damaged);
  EXPECT_EQ(recovered->report.problems.size(), 2U);
}

TEST(Damage, ANamedPageThatIsNotAllocatedIsReported) {
  Image image;
  image.metadata.allocated.clear(7);
  image.put_metadata(1, 10);
  const auto recovered = image.recovered();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(codes(recovered->report), "named-not-allocated ");
  EXPECT_EQ(recovered->state.use_of(PageNumber{7}), PageUse::Internal);
}

struct Refused {
  const char* name;
  ErrorCode code;
  void (*damage)(Image&);
};

class RefusedImages : public testing::TestWithParam<Refused> {};

TEST_P(RefusedImages, AreRefusedWithAReasonAndReportedByTheCheck) {
  Image image;
  GetParam().damage(image);
  const auto recovered = image.recovered();
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code(), GetParam().code) << recovered.error().message();
  EXPECT_FALSE(recovered.error().context().empty());
  const auto report = verify(*image.file(), {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->ok);
  EXPECT_FALSE(report->problems.empty());
}

void set_entry(Image& image, DirectoryEntry entry) {
  entry.in_use = true;
  image.entries[1] = entry;
  image.put_directory(4, 10);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedImages,
    testing::Values(
        Refused{"both metadata pages", ErrorCode::CorruptMetadata,
                [](Image& i) {
                  i.rot(1);
                  i.rot(2);
                }},
        Refused{"both directory pages", ErrorCode::CorruptProtectedDirectory,
                [](Image& i) {
                  i.rot(4);
                  i.rot(5);
                }},
        Refused{"byte 12", ErrorCode::CorruptSuperblock,
                [](Image& i) { i.bytes[12] = std::byte{2}; }},
        Refused{"too short", ErrorCode::CorruptMetadata, [](Image& i) { i.bytes.resize(15 * kP); }},
        Refused{"shorter than four pages", ErrorCode::CorruptSuperblock,
                [](Image& i) { i.bytes.resize(3 * kP); }},
        Refused{"page size", ErrorCode::InvalidPageSize,
                [](Image& i) { i.bytes[8] = std::byte{40}; }},
        Refused{"too many blocks", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) { i.bytes[21] = std::byte{1}; }},
        Refused{"reference to a reserved page", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) {
                  i.references[0].page_a = PageNumber{2};
                  i.put_page0();
                }},
        Refused{"reference past the end", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) {
                  i.references[0].page_b = PageNumber{16};
                  i.put_page0();
                }},
        Refused{"reference far past the end", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) {
                  i.references[0].page_b = PageNumber{~std::uint64_t{0}};
                  i.put_page0();
                }},
        Refused{"one page for both copies", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) {
                  i.references[0].page_b = PageNumber{4};
                  i.put_page0();
                }},
        Refused{"a selector of 2", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) {
                  i.references[0].active = 2;
                  i.put_page0();
                }},
        Refused{"two blocks on one page", ErrorCode::CorruptDirectoryIndex,
                [](Image& i) {
                  i.references.push_back(i.references[0]);
                  i.put_page0();
                }},
        Refused{"entry on a directory page", ErrorCode::CorruptProtectedDirectory,
                [](Image& i) { set_entry(i, {.page_a = PageNumber{5}, .page_b = PageNumber{3}}); }},
        Refused{"entry on another's page", ErrorCode::CorruptProtectedDirectory,
                [](Image& i) { set_entry(i, {.page_a = PageNumber{3}, .page_b = PageNumber{6}}); }},
        Refused{"entry on a reserved page", ErrorCode::CorruptProtectedDirectory,
                [](Image& i) { set_entry(i, {.page_a = PageNumber{3}, .page_b = PageNumber{0}}); }},
        Refused{
            "entry past the end", ErrorCode::CorruptProtectedDirectory,
            [](Image& i) { set_entry(i, {.page_a = PageNumber{3}, .page_b = PageNumber{16}}); }},
        Refused{
            "entry with one page twice", ErrorCode::CorruptProtectedDirectory,
            [](Image& i) { set_entry(i, {.page_a = PageNumber{3}, .page_b = PageNumber{3}}); }}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::ranges::replace_if(
          name, [](char c) { return c == ' ' || c == '\''; }, '_');
      return name;
    });

// --- The check

TEST(Verify, FindsRottenContent) {
  Image image;
  image.rot(6);
  const auto report = verify(*image.file(), {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->ok);
  ASSERT_EQ(report->problems.size(), 1U);
  EXPECT_EQ(report->problems[0].code, "protected-crc");
  EXPECT_EQ(report->problems[0].where, "protected 0");
}

TEST(Verify, DoesNotJudgeWhatTheCrateNeverWrote) {
  Image image;
  image.entries[0].generation = 0;
  image.entries[0].content_crc = 0x12345678;
  image.put_directory(4, 10);
  const auto report = verify(*image.file(), {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->ok);
  EXPECT_EQ(report->problems.at(0).code, "never-written");
}

TEST(Verify, CountsItsProgress) {
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(verify(*Image().file(), [&seen](std::uint64_t done, std::uint64_t total) {
    seen.push_back(done);
    EXPECT_EQ(total, 1U);
  }));
  EXPECT_EQ(seen, std::vector<std::uint64_t>{1});
}

}  // namespace
}  // namespace mappedpages::mppg0
