// Files that the Rust crate wrote: what it reads in them, we read in them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/checksum.hpp"
#include "mappedpages/engine.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Contents = std::map<std::string, std::string>;  // CRC32 by number.

std::string hex(std::uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

json expectations(const fs::path& fixture) {
  return json::parse(std::ifstream(fixture));
}

/// Those that the crate opens, or those that it refuses.
std::vector<std::string> fixture_names(bool opens) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(MAPPEDPAGES_FIXTURES)) {
    if (entry.path().extension() != ".json") continue;
    if (expectations(entry.path()).contains("crate_error") == opens) continue;
    names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class Fixture : public testing::TestWithParam<std::string> {
 protected:
  test::TempDir dir;
  fs::path path = dir / "db";
  json expected;

  void SetUp() override {
    const fs::path source = fs::path(MAPPEDPAGES_FIXTURES) / GetParam();
    fs::copy_file(source.string() + ".bin", path);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    expected = expectations(source.string() + ".json");
  }
  [[nodiscard]] bool damaged() const { return GetParam().starts_with("bad-active"); }

  static Contents pages_of(const Engine& engine) {
    Contents all;
    std::vector<std::byte> bytes(engine.page_size());
    for (auto page = engine.next_page({}); page;
         page = engine.next_page(PageNumber{page->value + 1})) {
      EXPECT_TRUE(engine.read(*page, 0, bytes));
      all[std::to_string(page->value)] = hex(crc32(bytes));
    }
    return all;
  }
  static Contents protected_of(const Engine& engine) {
    Contents all;
    std::vector<std::byte> bytes(engine.page_size());
    for (auto page = engine.next_protected({}); page;
         page = engine.next_protected(ProtectedNumber{page->value + 1})) {
      const auto info = engine.read(*page, bytes);
      EXPECT_TRUE(info) << info.error().message();
      all[std::to_string(page->value)] = hex(crc32(bytes));
    }
    return all;
  }
  void expect_contents(const Engine& engine) {
    EXPECT_EQ(engine.page_size(), expected["page_size"]);
    EXPECT_EQ(engine.counts().total.value, expected["total_pages"]);
    EXPECT_EQ(engine.counts().free.value, expected["free_pages"]);
    EXPECT_EQ(pages_of(engine), expected["pages"].get<Contents>());
    EXPECT_EQ(protected_of(engine), expected["protected"].get<Contents>());
  }
};

TEST_P(Fixture, ReadsAsTheCrateReadsIt) {
  const auto engine = Engine::open(path, {.access = Access::ReadOnly});
  ASSERT_TRUE(engine) << engine.error().message();
  EXPECT_EQ((*engine)->open_report().damaged, damaged());
  expect_contents(**engine);
  EXPECT_EQ(Engine::check(path)->ok, !damaged());
}

TEST_P(Fixture, IsTheSameAfterItWasOpenedForWriting) {
  {
    const auto engine = Engine::open(path, {.recover = damaged()});
    ASSERT_TRUE(engine) << engine.error().message();
    expect_contents(**engine);
  }
  const auto again = Engine::open(path);
  ASSERT_TRUE(again) << again.error().message();
  expect_contents(**again);
  EXPECT_EQ((*again)->facts().last_writer, "mappedpagesfs");
}

class RefusedFixture : public Fixture {};

TEST_P(RefusedFixture, IsRefusedAndReported) {
  const auto size = fs::file_size(path);
  const auto engine = Engine::open(path);
  ASSERT_FALSE(engine);
  EXPECT_EQ(fs::file_size(path), size);
  const std::map<std::string, ErrorCode> codes{
      {"bad-both-dir", ErrorCode::CorruptProtectedDirectory},
      {"bad-both-meta", ErrorCode::CorruptMetadata},
      {"bad-dir-index", ErrorCode::NeedsRecovery},  // The crate: CorruptDirectoryIndex.
      {"bad-magic", ErrorCode::NotAPagerFile},
      {"bad-page-size", ErrorCode::InvalidPageSize},
      {"empty", ErrorCode::NotAPagerFile},
      {"newer-major", ErrorCode::UnsupportedVersion},
      {"newer-minor", ErrorCode::UnsupportedVersion},
      {"short", ErrorCode::CorruptMetadata},  // The crate panics.
      {"stub", ErrorCode::CorruptSuperblock}};
  EXPECT_EQ(engine.error().code(), codes.at(GetParam())) << engine.error().message();
  EXPECT_FALSE(Engine::check(path)->ok);
}

std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(OfTheCrate, Fixture, testing::ValuesIn(fixture_names(true)), test_name);
INSTANTIATE_TEST_SUITE_P(OfTheCrate, RefusedFixture, testing::ValuesIn(fixture_names(false)),
                         test_name);

TEST(FixtureOfAFullFile, GrowsPastWhereTheCratePanics) {
  const test::TempDir dir;
  const fs::path path = dir / "db";
  fs::copy_file(fs::path(MAPPEDPAGES_FIXTURES) / "full-1024.bin", path);
  const auto engine = *Engine::open(path);
  EXPECT_EQ(engine->counts().free, PageCount{0});
  EXPECT_EQ(*engine->alloc(), PageNumber{4096});
  EXPECT_EQ(engine->counts().total, PageCount{7968});
}

}  // namespace
}  // namespace mappedpages
