// Files that the Rust crate wrote, read and used through the mount.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/checksum.hpp"
#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

using nlohmann::json;

class MountedFixture : public test::MountedTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto source = std::filesystem::path(MAPPEDPAGES_FIXTURES) / GetParam();
    std::filesystem::copy_file(source.string() + ".bin", fs.db());
    expected = json::parse(std::ifstream(source.string() + ".json"));
    fs.mount({});
  }
  void expect_all(const std::string& directory, const json& crcs) {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(fs.mountpoint() / directory)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
      ASSERT_EQ(bytes.size(), expected["page_size"]);
      char crc[9];
      std::snprintf(crc, sizeof crc, "%08x", crc32(std::as_bytes(std::span(bytes))));
      const std::string name = entry.path().filename().string();
      EXPECT_EQ(crc, crcs.value(name, "not there")) << directory << "/" << name;
      ++files;
    }
    EXPECT_EQ(files, crcs.size());
  }
  json expected;
};

TEST_P(MountedFixture, ReadsAsTheCrateReadsItAndCanBeUsed) {
  expect_all("pages", expected["pages"]);
  expect_all("protected", expected["protected"]);
  fs.ok(
      "d=$(mktemp -d alloc/protected/3@XXXXXX); for n in $(ls $d); do echo new > protected/$n; "
      "done; rm protected/$(ls $d | head -1); mkdir alloc/pages/4@x; "
      "for n in $(ls alloc/pages/4@x); do echo page > pages/$n; done");
  fs.unmount();
  EXPECT_EQ(test::run({MAPPEDPAGES, "check", fs.db().string()}).code, 0);
  fs.mount({});
  for (auto& [name, crc] : expected["protected"].items()) {
    EXPECT_TRUE(std::filesystem::exists(fs.mountpoint() / "protected" / name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(OfTheCrate, MountedFixture,
                         testing::Values("fresh-1024", "fresh-4096", "fresh-16384", "pages-4096",
                                         "protected-1024", "staged-4096", "trace-1024-0",
                                         "trace-4096-0", "trace-4096-1", "trace-4096-2",
                                         "v010-4096"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mappedpages
