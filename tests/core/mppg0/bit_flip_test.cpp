// Promise R4: every single bit of a small file flipped. Each flip is corrected, or reported, or in
// bytes that hold nothing, or in the bytes of a regular page, which have no checksum.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flipper.hpp"
#include "support/sanitized.hpp"

namespace mappedpages::test {
namespace {

constexpr std::size_t kStride =
    kSanitized ? 13 : 1;  // They cost much, and look for other mistakes.

constexpr std::size_t kPage = SampleFile::kPage;

// --- The sample: what comes of each bit, exactly

/// Page 0 of the sample, which counts one block. Its last group wrote that block.
Outcome expected_in_page0(std::size_t byte, std::size_t bit) {
  if (byte < 5) return Outcome::Refused;                                  // Magic, major version.
  if (byte == 5) return bit == 1 ? Outcome::Remarked : Outcome::Refused;  // Minor version: 2.
  if (byte < 8) return Outcome::Remarked;                                 // Patch and build.
  if (byte < 12) return Outcome::Refused;                                 // Page size.
  if (byte == 12) return bit == 0 ? Outcome::Corrected : Outcome::Refused;
  if (byte < 20) return Outcome::Remarked;                                 // Mark, constant.
  if (byte == 20) return bit < 6 ? Outcome::Corrected : Outcome::Refused;  // At most 58 blocks.
  if (byte < 24) return Outcome::Refused;
  if (byte < 40) return Outcome::Corrected;          // The page numbers of the reference.
  if (byte >= kPage - 4) return Outcome::Corrected;  // The CRC.
  return Outcome::Remarked;  // Its selector, which the generations know; zeros.
}

Outcome expected(const SampleFile& file, std::size_t bit) {
  const std::uint64_t page = bit / 8 / kPage;
  if (page == 0) return expected_in_page0(bit / 8, bit % 8);
  if (page == file.metadata_in_force()) return Outcome::Corrected;  // The last group wrote alone.
  if (page == file.other_metadata()) return Outcome::Remarked;
  if (page < 3 + SampleFile::kRegular) return Outcome::UsersByte;
  if (page == file.directory_in_force()) return Outcome::Older;
  if (page == file.other_directory()) return Outcome::Remarked;
  for (std::size_t slot = 0; slot < SampleFile::kProtected; ++slot) {
    if (page == file.content_in_force(slot)) return Outcome::Unreadable;
  }
  return Outcome::Unseen;  // Copies that are not in force, and free pages: they hold nothing.
}

TEST(BitFlips, EachComesToWhatItMust) {
  const SampleFile file;
  Flipper flipper(file.bytes);
  ASSERT_EQ(flipper.bits(), 8 * 16 * kPage);
  ASSERT_EQ(flipper.sound().regular.size(), SampleFile::kRegular);
  ASSERT_EQ(flipper.sound().protected_pages.size(), SampleFile::kProtected);
  std::map<Outcome, std::size_t> tally;
  for (std::size_t bit = 0; bit < flipper.bits(); bit += kStride) {
    const Outcome outcome = flipper.flip(bit);
    ++tally[outcome];
    ASSERT_EQ(outcome, expected(file, bit))
        << "page " << bit / 8 / kPage << ", byte " << bit / 8 % kPage << ", bit " << bit % 8;
  }
  EXPECT_EQ(tally[Outcome::Lost], 0U);
  if (kStride == 1) {
    constexpr std::size_t kBitsAPage = 8 * kPage;
    EXPECT_EQ(tally[Outcome::UsersByte], 3 * kBitsAPage);
    EXPECT_EQ(tally[Outcome::Unreadable], 2 * kBitsAPage);
    EXPECT_EQ(tally[Outcome::Unseen], 6 * kBitsAPage) << "two copies and four free pages";
    EXPECT_EQ(tally[Outcome::Older], kBitsAPage);
  }
}

// --- Other files: nothing is lost

struct Image {
  const char* name;
  std::vector<std::byte> (*make)();
};

class EveryBit : public testing::TestWithParam<Image> {};

TEST_P(EveryBit, IsNotLost) {
  Flipper flipper(GetParam().make());
  ASSERT_GT(flipper.bits(), 0U);
  for (std::size_t bit = 0; bit < flipper.bits(); bit += kStride) {
    if (names_the_metadata(bit)) continue;
    ASSERT_NE(flipper.flip(bit), Outcome::Lost)
        << "page " << bit / 8 / kPage << ", byte " << bit / 8 % kPage << ", bit " << bit % 8;
  }
}

/// Of the pages that are not the users': the first three, and all directory pages.
TEST_P(EveryBit, OfTheStructureSurvivesAWriter) {
  Flipper flipper(GetParam().make());
  for (std::size_t bit = 0; bit < flipper.bits(); bit += kStride) {
    const std::uint64_t page = bit / 8 / kPage;
    if (flipper.sound().regular.contains(page) || names_the_metadata(bit)) continue;
    const auto harm = flipper.harm_by_a_writer(bit);
    if (flipper.flip(bit) == Outcome::Unreadable) continue;
    ASSERT_FALSE(harm) << *harm << ": page " << page << ", byte " << bit / 8 % kPage << ", bit "
                       << bit % 8;
  }
}

/// Two to four bits anywhere.
TEST_P(EveryBit, TogetherWithOthersIsNotLost) {
  Flipper flipper(GetParam().make());
  Random random(1);
  for (std::size_t n = 0; n < 20'000 / kStride; ++n) {
    const std::vector<std::size_t> bits = some_bits(flipper, random);
    ASSERT_NE(flipper.flip(bits), Outcome::Lost) << testing::PrintToString(bits);
  }
}

TEST_P(EveryBit, OfByte12IsRemarkedAtLeast) {
  std::vector<std::byte> bytes = GetParam().make();
  bytes[12] ^= std::byte{1};
  const auto memory = std::make_shared<MemoryBytes>();
  memory->bytes = std::move(bytes);
  const auto report = Engine::check(MemoryFile(memory));
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->problems.empty());
}

INSTANTIATE_TEST_SUITE_P(Images, EveryBit,
                         testing::Values(Image{"Sample", [] { return SampleFile().bytes; }},
                                         Image{"AfterAnAllocation", file_after_an_allocation},
                                         Image{"WithoutProtectedPages",
                                               file_without_protected_pages},
                                         Image{"OfTheCrate", file_of_the_crate}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace mappedpages::test
