// Promise R4: every single bit of a small file flipped. Each flip is corrected, or reported, or in
// bytes that hold nothing, or in the bytes of a regular page, which have no checksum.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "sample_file.hpp"
#include "support/crate_writer.hpp"

namespace mappedpages::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kStride = 13;  // They cost much, and look for other mistakes.
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kStride = 13;
#else
constexpr std::size_t kStride = 1;
#endif
#else
constexpr std::size_t kStride = 1;
#endif

constexpr std::size_t kPage = SampleFile::kPage;

/// What became of a flip.
enum class Outcome : std::uint8_t {
  Refused,     ///< The file is not opened; the check says why.
  Older,       ///< An older copy is served, and reported as damage.
  Unreadable,  ///< One protected page cannot be read; the check reports it.
  Corrected,   ///< What is served is right, and the damage is reported.
  Remarked,    ///< What is served is right, and the check has a note or a warning.
  UsersByte,   ///< The bit of a regular page is served as it is.
  Unseen,      ///< What is served is right, and nothing is said.
  Lost,        ///< Something wrong is served, and nothing is said. Never.
};

std::ostream& operator<<(std::ostream& out, Outcome outcome) {
  constexpr std::array kNames{"Refused",  "Older",     "Unreadable", "Corrected",
                              "Remarked", "UsersByte", "Unseen",     "Lost"};
  return out << kNames[static_cast<std::size_t>(outcome)];
}

/// Everything that users read, by CRC32; none: the page cannot be read.
struct Contents {
  std::map<std::uint64_t, std::uint32_t> regular;
  std::map<std::uint64_t, std::optional<std::uint32_t>> protected_pages;

  bool operator==(const Contents&) const = default;
};

Contents contents_of(const Engine& engine) {
  Contents contents;
  std::vector<std::byte> page(kPage);
  for (const PageNumber number : engine.pages()) {
    EXPECT_TRUE(engine.read(number, 0, page));
    contents.regular[number.value] = crc32(page);
  }
  for (const ProtectedNumber number : engine.protected_pages()) {
    const auto read = engine.read(number, page);
    contents.protected_pages[number.value] = read ? std::optional(crc32(page)) : std::nullopt;
  }
  return contents;
}

/// A file in memory whose bits are flipped one after the other.
class Flipper {
 public:
  explicit Flipper(std::vector<std::byte> bytes) : memory_(std::make_shared<MemoryBytes>()) {
    memory_->bytes = std::move(bytes);
    const auto engine = open(memory_, Access::ReadOnly);
    if (engine) sound_ = contents_of(**engine);
  }

  [[nodiscard]] std::size_t bits() const { return 8 * memory_->bytes.size(); }
  [[nodiscard]] const Contents& sound() const { return sound_; }

  /// What comes of flipping this bit. The file is sound again afterwards.
  Outcome flip(std::size_t bit) {
    invert(bit);
    const Outcome outcome = look(bit / 8 / kPage);
    invert(bit);
    return outcome;
  }

  /// Whether a writer who opens the file with this bit flipped serves what is right, and leaves a
  /// sound file; one that is refused changes nothing.
  ::testing::AssertionResult survives_a_writer(std::size_t bit) {
    const auto copy = std::make_shared<MemoryBytes>();
    copy->bytes = memory_->bytes;
    copy->bytes[bit / 8] ^= mask(bit);
    const std::vector<std::byte> before = copy->bytes;
    auto engine = open(copy, Access::ReadWrite);
    if (!engine) {
      if (copy->bytes == before) return ::testing::AssertionSuccess();
      return ::testing::AssertionFailure() << "refused, and changed";
    }
    if (contents_of(**engine) != sound_) {
      return ::testing::AssertionFailure() << "served something else";
    }
    engine->reset();
    const auto again = open(copy, Access::ReadOnly);
    if (!again || contents_of(**again) != sound_) {
      return ::testing::AssertionFailure() << "left something else";
    }
    return ::testing::AssertionSuccess();
  }

 private:
  static std::byte mask(std::size_t bit) { return static_cast<std::byte>(1U << bit % 8); }
  void invert(std::size_t bit) { memory_->bytes[bit / 8] ^= mask(bit); }

  static Result<std::unique_ptr<Engine>> open(const std::shared_ptr<MemoryBytes>& memory,
                                              Access access) {
    return Engine::open(std::make_unique<MemoryFile>(memory), {.access = access});
  }

  Outcome look(std::uint64_t page) {
    const auto report = Engine::check(MemoryFile(memory_));
    if (!report) return Outcome::Lost;
    const bool said = !report->problems.empty();
    const auto engine = open(memory_, Access::ReadOnly);
    if (!engine) return report->ok ? Outcome::Lost : Outcome::Refused;
    const Contents seen = contents_of(**engine);
    if (seen == sound_) {
      if (!said) return Outcome::Unseen;
      return report->ok ? Outcome::Remarked : Outcome::Corrected;
    }
    if (differs_in_regular_page_alone(seen, page)) {
      return said ? Outcome::Lost : Outcome::UsersByte;
    }
    if (report->ok) return Outcome::Lost;
    return differs_in_unreadable_page_alone(seen) ? Outcome::Unreadable : Outcome::Older;
  }

  [[nodiscard]] bool differs_in_regular_page_alone(Contents seen, std::uint64_t page) const {
    const auto at = seen.regular.find(page);
    if (at == seen.regular.end() || !sound_.regular.contains(page)) return false;
    at->second = sound_.regular.at(page);
    return seen == sound_;
  }

  [[nodiscard]] bool differs_in_unreadable_page_alone(Contents seen) const {
    for (auto& [number, crc] : seen.protected_pages) {
      if (!crc && sound_.protected_pages.contains(number)) crc = sound_.protected_pages.at(number);
    }
    return seen == sound_;
  }

  std::shared_ptr<MemoryBytes> memory_;
  Contents sound_;
};

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
  if (byte < 40) return Outcome::Corrected;  // The page numbers of the reference.
  return Outcome::Remarked;  // Its selector, which the generations know; zeros; the CRC.
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

/// The last group allocated a page, and touched no directory: the bit that byte 12 is about is then
/// told by nothing but a note.
std::vector<std::byte> after_an_allocation() {
  const auto memory = SampleFile().memory();
  auto engine = SampleFile::open(memory, {});
  SampleFile::require(engine->alloc());
  SampleFile::require(engine->close());
  return memory->bytes;
}

std::vector<std::byte> without_protected_pages() {
  const auto memory = std::make_shared<MemoryBytes>();
  MemoryFile file(memory);
  SampleFile::require(mppg0::format_file(file, kPage, PageCount{8}));
  auto engine = SampleFile::open(memory, {});
  SampleFile::require(engine->alloc_bulk(PageCount{2}));
  SampleFile::require(engine->close());
  return memory->bytes;
}

/// By the crate's rules: one block, two protected pages, written.
std::vector<std::byte> of_the_crate() {
  class Nobody final : public CrateListener {
    void may_become(const FileView&) override {}
    void has_become(const FileView&) override {}
  } nobody;
  Disk disk(crate_create(kPage));
  const CrashImage image(disk.cache(), disk.cache().size());
  auto state = crate_open(image, kPage);
  if (!state) return {};
  CrateWriter crate(disk, *std::move(state), nobody);
  EXPECT_TRUE(crate.alloc_protected() && crate.alloc_protected() && crate.alloc());
  EXPECT_TRUE(crate.write_protected(0, SampleFile::content(1)));
  EXPECT_TRUE(crate.write_protected(1, SampleFile::content(2)));
  EXPECT_TRUE(crate.write_protected(0, SampleFile::content(3)));
  return {disk.cache().begin(), disk.cache().end()};
}

struct Image {
  const char* name;
  std::vector<std::byte> (*make)();
};

class EveryBit : public testing::TestWithParam<Image> {};

/// With byte 12 wrong and nothing to tell, the older metadata is served: see core/FORMAT.md.
bool names_the_metadata(std::size_t bit) {
  return bit == 8 * 12;
}

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
    const auto survived = flipper.survives_a_writer(bit);
    if (flipper.flip(bit) == Outcome::Unreadable) continue;
    ASSERT_TRUE(survived) << "page " << page << ", byte " << bit / 8 % kPage << ", bit " << bit % 8;
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
                                         Image{"AfterAnAllocation", after_an_allocation},
                                         Image{"WithoutProtectedPages", without_protected_pages},
                                         Image{"OfTheCrate", of_the_crate}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace mappedpages::test
