// Files of a real filesystem.
#include "io/posix_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <vector>

#include "support/temp_dir.hpp"

namespace mappedpages::io {
namespace {

namespace fs = std::filesystem;

class PosixFileTest : public testing::Test {
 protected:
  test::TempDir dir;
  fs::path path = dir / "f";
  std::vector<std::byte> four = std::vector<std::byte>(4, std::byte{7});

  Status create() {
    return create_posix_file(path, [this](StorageFile& file) { return file.write_at(0, four); });
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator{}));
  }
};

TEST_F(PosixFileTest, CreatesForTheOwnerAlone) {
  ASSERT_TRUE(create());
  EXPECT_EQ(fs::file_size(path), 4U);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(PosixFileTest, NeverReplacesAnything) {
  std::ofstream(path) << "mine";
  EXPECT_EQ(create().error().code(), ErrorCode::AlreadyExists);
  EXPECT_EQ(fs::file_size(path), 4U);
  fs::remove(path);
  fs::create_symlink("nowhere", path);
  EXPECT_EQ(create().error().code(), ErrorCode::AlreadyExists);
}

TEST_F(PosixFileTest, AFileThatCouldNotBeFilledLeavesNothing) {
  const auto done = create_posix_file(path, [](StorageFile&) -> Status {
    return tl::unexpected(Error(ErrorCode::Io, "no", ENOSPC));
  });
  EXPECT_EQ(done.error().os_error(), ENOSPC);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(PosixFileTest, CannotCreateWhereThereIsNoDirectory) {
  path = dir.path() / "no" / "f";
  EXPECT_EQ(create().error().os_error(), ENOENT);
}

TEST_F(PosixFileTest, OpensOnlyRegularFiles) {
  const auto os_error = [](const fs::path& p, bool read_only) {
    return open_posix_file(p, {.read_only = read_only}).error().os_error();
  };
  EXPECT_EQ(os_error(dir / "missing", false), ENOENT);
  EXPECT_EQ(os_error(dir.path(), false), EISDIR);
  EXPECT_EQ(os_error(dir.path(), true), EISDIR);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(open_posix_file(path, {}));
  EXPECT_FALSE(open_posix_file(path, {.read_only = true}));  // And does not wait for a writer.
}

TEST_F(PosixFileTest, ReadsAndWritesAnywhere) {
  ASSERT_TRUE(create());
  auto file = *open_posix_file(path, {});
  ASSERT_TRUE(file->write_and_sync(1, std::vector<std::byte>(2, std::byte{9})));
  ASSERT_TRUE(file->sync());
  std::vector<std::byte> all(4);
  ASSERT_TRUE(file->read_at(0, all));
  EXPECT_EQ(all, (std::vector<std::byte>{std::byte{7}, std::byte{9}, std::byte{9}, std::byte{7}}));
  EXPECT_FALSE(file->read_at(1, all)) << "past the end";
  EXPECT_FALSE(file->write_at(~std::uint64_t{0}, four)) << "beyond off_t";
}

TEST_F(PosixFileTest, ReservesSpaceAndNeverShrinks) {
  ASSERT_TRUE(create());
  auto file = *open_posix_file(path, {});
  ASSERT_TRUE(file->reserve(1 << 20));
  EXPECT_EQ(*file->size(), 1U << 20U);
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_GE(facts.st_blocks * 512, 1 << 20) << "the space is there, not a hole";
  ASSERT_TRUE(file->reserve(8));
  EXPECT_EQ(*file->size(), 1U << 20U);
}

TEST_F(PosixFileTest, OneWriterOrSeveralReaders) {
  ASSERT_TRUE(create());
  {
    const auto writer = *open_posix_file(path, {});
    const auto second = open_posix_file(path, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::Locked);
    EXPECT_NE(second.error().context().find(std::to_string(::getpid())), std::string::npos)
        << second.error().context();
    EXPECT_EQ(open_posix_file(path, {.read_only = true}).error().code(), ErrorCode::Locked);
  }
  const auto reader = *open_posix_file(path, {.read_only = true});
  EXPECT_TRUE(open_posix_file(path, {.read_only = true}));
  EXPECT_EQ(open_posix_file(path, {}).error().code(), ErrorCode::Locked);
}

}  // namespace
}  // namespace mappedpages::io
