// Snapshots on a filesystem that can share blocks between files: a small btrfs in an image.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "mappedpages/engine.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {
namespace {

constexpr std::size_t kPage = 4096;

class ReflinkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a filesystem needs root";
    std::filesystem::create_directory(disk());
    const std::string image = (dir_ / "image").string();
    const std::string mount = "truncate -s 128M " + image +
                              " && PATH=$PATH:/usr/sbin:/sbin mkfs.btrfs -q " + image +
                              " >/dev/null 2>&1 && mount -o loop " + image + " " + disk().string();
    mounted_ = std::system(mount.c_str()) == 0;
    if (!mounted_) GTEST_SKIP() << "no btrfs can be made and mounted here";
  }

  void TearDown() override {
    if (mounted_) ::umount2(disk().c_str(), MNT_DETACH);
  }

  [[nodiscard]] std::filesystem::path disk() const { return dir_ / "disk"; }

  static std::vector<std::byte> filled(int value) {
    return std::vector<std::byte>(kPage, static_cast<std::byte>(value));
  }

  /// How many bytes of a file share their blocks with another one.
  static std::uint64_t shared_bytes(const std::filesystem::path& path) {
    constexpr std::size_t kMost = 256;
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::vector<std::byte> buffer(sizeof(fiemap) + kMost * sizeof(fiemap_extent));
    auto* const map = reinterpret_cast<fiemap*>(buffer.data());  // NOLINT(*-reinterpret-cast)
    map->fm_length = ~std::uint64_t{0};
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = kMost;
    EXPECT_EQ(::ioctl(file.get(), FS_IOC_FIEMAP, map), 0);
    std::uint64_t shared = 0;
    for (std::uint32_t n = 0; n < map->fm_mapped_extents; ++n) {
      const fiemap_extent& extent = map->fm_extents[n];
      if ((extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0) shared += extent.fe_length;
    }
    return shared;
  }

 private:
  TempDir dir_{in_memory()};
  bool mounted_ = false;
};

TEST_F(ReflinkTest, ASnapshotSharesTheBlocksOfItsPages) {
  constexpr std::uint64_t kPages = 1000;
  ASSERT_TRUE(Engine::create(disk() / "db", {.page_size = kPage}));
  const auto engine = *Engine::open(disk() / "db");
  const auto pages = *engine->alloc_bulk(PageCount{kPages});
  const ProtectedNumber number = *engine->alloc_protected();
  for (const PageNumber page : pages) ASSERT_TRUE(engine->write(page, 0, filled(7)));
  ASSERT_TRUE(engine->flush(pages[5]));
  const auto committed = filled(8);
  ASSERT_TRUE(engine->commit({.writes = {{number, committed}}}));

  ASSERT_TRUE(engine->snapshot(disk() / "copy"));
  EXPECT_GE(shared_bytes(disk() / "copy"), kPages * kPage * 9 / 10);

  // They are two files all the same.
  const auto later = filled(9);
  ASSERT_TRUE(engine->commit({.writes = {{number, later}}}));
  ASSERT_TRUE(engine->write(pages[5], 0, later));
  ASSERT_TRUE(engine->flush(pages[5]));
  EXPECT_TRUE(Engine::check(disk() / "copy")->problems.empty());
  const auto copy = *Engine::open(disk() / "copy");
  std::vector<std::byte> bytes(kPage);
  ASSERT_TRUE(copy->read(number, bytes));
  EXPECT_EQ(bytes, committed);
  ASSERT_TRUE(copy->read(pages[5], 0, bytes));
  EXPECT_EQ(bytes, filled(7));
}

}  // namespace
}  // namespace mappedpages::test
