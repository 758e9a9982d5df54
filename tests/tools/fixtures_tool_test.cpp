// What the program says of the files that the Rust crate wrote, and in which shape.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "run_tool.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Crcs = std::map<std::string, std::string>;

const fs::path kFixtures = MAPPEDPAGES_FIXTURES;

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFixtures)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

/// What differs from a sound file. Of a fixture that is not here, everything is as in its .json.
struct Verdict {
  int exit;                        ///< Of info and ls.
  std::vector<std::string> codes;  ///< Of the problems of severity `error` that check reports.
  bool as_crate = false;           ///< It opens, and shows what the crate shows.
};
const std::map<std::string, Verdict> kDamaged{
    {"bad-active-dir", {0, {"directory-crc"}, true}},
    {"bad-active-meta", {0, {"metadata-crc"}, true}},
    {"bad-both-dir", {4, {"directory-crc", "directory-crc", "directory"}}},
    {"bad-both-meta", {4, {"metadata-crc", "metadata-crc", "metadata"}}},
    {"bad-dir-index", {0, {"index-crc"}}},  // The crate refuses: regular pages can still be read.
    {"bad-magic", {3, {"not-a-pager-file"}}},
    {"bad-page-size", {4, {"page-size"}}},
    {"empty", {3, {"not-a-pager-file"}}},
    {"newer-major", {3, {"unsupported-version"}}},
    {"newer-minor", {3, {"unsupported-version"}}},
    {"short", {4, {"file-cut-short"}}},
    {"stub", {4, {"file-cut-short"}}}};

Crcs crcs_of(const json& pages) {
  Crcs crcs;
  for (const json& page : pages) crcs[std::to_string(page.at("id").get<int>())] = page.at("crc32");
  return crcs;
}

class ToolOnFixture : public testing::TestWithParam<std::string> {
 protected:
  TempDir dir;
  fs::path db = dir / "db";
  json expected;
  FileState before;

  void SetUp() override {
    fs::copy_file(kFixtures / (GetParam() + ".bin"), db);
    expected = json::parse(std::ifstream(kFixtures / (GetParam() + ".json")));
    before = state_of(db);
  }
  void TearDown() override { EXPECT_EQ(state_of(db), before) << "a reading command wrote"; }

  [[nodiscard]] bool damaged() const { return kDamaged.contains(GetParam()); }
  [[nodiscard]] Verdict verdict() const {
    return damaged() ? kDamaged.at(GetParam()) : Verdict{0, {}, true};
  }
  /// One warning if it opens damaged, one error if it does not open, silence otherwise.
  void expect_said(const Outcome& outcome) const {
    EXPECT_EQ(outcome.exit, verdict().exit) << outcome.err;
    if (!damaged()) {
      EXPECT_EQ(outcome.err, "");
      return;
    }
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with(verdict().exit == 0 ? "mappedpages: warning: "
                                                            : "mappedpages: error: "))
        << outcome.err;
    if (verdict().exit != 0) {
      EXPECT_EQ(outcome.out, "");
    }
    if (verdict().exit != 3) {
      EXPECT_NE(outcome.err.find("mappedpages check"), std::string::npos);
    }
  }
};

TEST_P(ToolOnFixture, InfoTellsWhatTheCrateTells) {
  const Outcome outcome = run_tool({"info", "--json", db});
  expect_said(outcome);
  if (outcome.exit != 0) return;
  const json info = json::parse(outcome.out);
  EXPECT_EQ(info.at("schema_version"), 1);
  EXPECT_EQ(info.at("file"), db.string());
  EXPECT_EQ(info.at("recovery").empty(), !damaged());
  EXPECT_TRUE(info.at("mppg0").at("active_metadata") <= 1);
  EXPECT_TRUE(info.at("mppg0").at("last_writer").get<std::string>().ends_with("(Rust)"));
  if (!verdict().as_crate) return;
  EXPECT_EQ(info.at("format"), GetParam().starts_with("v010") ? "MPPG 0.1" : "MPPG 0.2");
  EXPECT_EQ(info.at("page_size"), expected["page_size"]);
  EXPECT_EQ(info.at("total_pages"), expected["total_pages"]);
  EXPECT_EQ(info.at("free_pages"), expected["free_pages"]);
  EXPECT_EQ(info.at("allocated_pages"), expected["pages"].size());
  EXPECT_EQ(info.at("protected_pages"), expected["protected"].size());
  EXPECT_EQ(info.at("capacity_pages"), 8 * (expected["page_size"].get<int>() - 28));
}

TEST_P(ToolOnFixture, LsShowsTheChecksumsThatTheCrateReads) {
  const Outcome outcome = run_tool({"ls", "--json", "--crc", db});
  expect_said(outcome);
  if (outcome.exit != 0) return;
  const json list = json::parse(outcome.out);
  EXPECT_EQ(list.at("schema_version"), 1);
  if (!verdict().as_crate) return;
  EXPECT_EQ(list.at("page_size"), expected["page_size"]);
  EXPECT_EQ(crcs_of(list.at("pages")), expected["pages"].get<Crcs>());
  EXPECT_EQ(crcs_of(list.at("protected")), expected["protected"].get<Crcs>());
  for (const json& page : list.at("protected")) {
    EXPECT_TRUE(page.at("generation").is_number_unsigned());
    EXPECT_TRUE(page.at("active_slot") == 0 || page.at("active_slot") == 1);
  }
}

TEST_P(ToolOnFixture, LsForPeopleHasALineAPage) {
  const Outcome outcome = run_tool({"ls", "--crc", db});
  expect_said(outcome);
  if (outcome.exit != 0 || !verdict().as_crate) return;
  std::istringstream lines(outcome.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_TRUE(line.starts_with("KIND "));
  Crcs pages;
  Crcs protected_pages;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string kind, number, generation, active, crc;
    words >> kind >> number >> generation >> active >> crc;
    (kind == "page" ? pages : protected_pages)[number] = crc;
  }
  EXPECT_EQ(pages, expected["pages"].get<Crcs>());
  EXPECT_EQ(protected_pages, expected["protected"].get<Crcs>());
}

TEST_P(ToolOnFixture, CheckReportsDamageAndNothingElse) {
  const Outcome outcome = run_tool({"check", "--json", db});
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.exit, damaged() ? 4 : 0);
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report.at("schema_version"), 1);
  EXPECT_EQ(report.at("ok"), !damaged());
  std::vector<std::string> errors;
  for (const json& problem : report.at("problems")) {
    EXPECT_TRUE(problem.at("repairable").is_boolean());
    EXPECT_FALSE(problem.at("where").get<std::string>().empty());
    EXPECT_FALSE(problem.at("detail").get<std::string>().empty());
    if (problem.at("severity") == "error") errors.push_back(problem.at("code"));
  }
  EXPECT_EQ(errors, verdict().codes);
  EXPECT_EQ(run_tool({"check", db}).exit, outcome.exit);
}

INSTANTIATE_TEST_SUITE_P(OfTheCrate, ToolOnFixture, testing::ValuesIn(fixture_names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(ToolJson, SurvivesAFileNameThatIsNotUtf8) {
  const TempDir dir;
  const fs::path db = dir / "a\xff\n\"b";
  ASSERT_EQ(run_tool({"create", db}).exit, 0);
  const Outcome outcome = run_tool({"info", "--json", db});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(json::parse(outcome.out).at("file").get<std::string>().ends_with("\n\"b"));
}

TEST(ToolJson, LsWithoutCrcHasNoSuchKey) {
  const json list = json::parse(run_tool({"ls", "--json", kFixtures / "protected-1024.bin"}).out);
  ASSERT_FALSE(list.at("protected").empty());
  EXPECT_FALSE(list.at("protected")[0].contains("crc32"));
}

/// Where a fixture's protected page has its committed copy: the first block and the given slot.
std::streamoff active_copy(const std::string& bytes, std::size_t page_size, std::size_t slot) {
  const auto load = [&bytes](std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 8; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  const std::size_t directory = load(bytes[24 + 16] == 0 ? 24 : 32) * page_size;
  const std::size_t entry = directory + 8 + slot * 30;
  return static_cast<std::streamoff>(load(bytes[entry + 17] == 0 ? entry + 1 : entry + 9) *
                                     page_size);
}

TEST(ToolJson, AProtectedPageThatCannotBeReadIsNull) {
  const TempDir dir;
  const fs::path db = dir / "db";
  fs::copy_file(kFixtures / "protected-1024.bin", db);
  fs::permissions(db, fs::perms::owner_read | fs::perms::owner_write);
  {
    std::fstream file(db, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(active_copy(state_of(db).bytes, 1024, 3)) << "rotten";
  }
  const Outcome outcome = run_tool({"ls", "--json", "--crc", db});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find("protected page 3"), std::string::npos) << outcome.err;
  const json listing = json::parse(outcome.out);
  for (const json& page : listing.at("protected")) {
    EXPECT_EQ(page.at("crc32").is_null(), page.at("id") == 3) << page;
  }
  const Outcome checked = run_tool({"check", "--json", db});
  EXPECT_EQ(checked.exit, 4);
  EXPECT_EQ(json::parse(checked.out).at("problems").at(0).at("code"), "protected-crc");
}

}  // namespace
}  // namespace mappedpages::test
