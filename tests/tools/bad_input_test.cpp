// What the program answers to input that makes no sense: one line, the right exit code, no change.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <random>
#include <string>

#include "base/file_descriptor.hpp"
#include "run_tool.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {
namespace {

namespace fs = std::filesystem;
const std::vector<std::string> kReaders{"info", "ls", "check"};

class BadInput : public testing::Test {
 protected:
  TempDir dir;
  fs::path db = dir / "db";

  void create() const { ASSERT_EQ(run_tool({"create", "-q", db}).exit, 0); }
  void write(const std::string& bytes) const { std::ofstream(db, std::ios::binary) << bytes; }

  /// Runs a command that must fail, in one line that says `words`.
  static void expect_failure(const std::vector<std::string>& command, int exit,
                             const std::string& words, const Circumstances& circumstances = {}) {
    SCOPED_TRACE(testing::PrintToString(command));
    const Outcome outcome = run_tool(command, circumstances);
    EXPECT_EQ(outcome.exit, exit) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err;
  }
  /// info, ls and check of `db`; check's report of damage is a result and not an error.
  void expect_refused(int exit, int check_exit, const std::string& words) const {
    const FileState before = state_of(db);
    expect_failure({"info", db}, exit, words);
    expect_failure({"ls", "--crc", db}, exit, words);
    if (check_exit == 4) {
      const Outcome checked = run_tool({"check", db});
      EXPECT_EQ(checked.exit, 4);
      EXPECT_NE(checked.out.find(words), std::string::npos) << checked.out;
    } else {
      expect_failure({"check", db}, check_exit, words);
    }
    EXPECT_EQ(state_of(db), before);
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator{}));
  }
};

TEST_F(BadInput, WrongWords) {
  expect_failure({}, 1, "create, info, ls, check");
  expect_failure({"frobnicate"}, 1, "'frobnicate'");
  expect_failure({"create"}, 1, "DB is required");
  expect_failure({"info"}, 1, "`mappedpages info --help`");
  expect_failure({"ls", "--no-such-option", db}, 1, "--no-such-option");
  expect_failure({"info", ""}, 1, "empty");
  expect_failure({"check"}, 16, "DB is required");
  expect_failure({"check", "a", "b"}, 16, "b");
  expect_failure({}, 16, "`fsck.mappedpages --help`", {.called_as = "/sbin/fsck.mappedpages"});
  expect_failure({}, 1, "`mkfs.mappedpages --help`", {.called_as = "mkfs.mappedpages"});
  EXPECT_EQ(files(), 0U);
}

TEST_F(BadInput, PageSizes) {
  for (const std::string size :
       {"1000", "0", "-1", "99999999999999999999", "3k", "512", "32M", "18014398509481984k", "",
        "k", "4096x", " 4096", "0x1000", "4.0k"}) {
    expect_failure({"create", "--page-size", size, db}, 1, "power of two from 1024");
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(BadInput, NumbersOfPages) {
  for (const std::string pages : {"3", "0", "32545", "18446744073709551615"}) {
    expect_failure({"create", "--pages", pages, db}, 1, "4 to 32544");
  }
  for (const std::string pages : {"-4", "x", "", "18446744073709551616"}) {
    expect_failure({"create", "--pages", pages, db}, 1, "whole number");
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(BadInput, CreateNeverTouchesWhatIsThere) {
  create();
  const FileState before = state_of(db);
  expect_failure({"create", db}, 2, "exists already");
  expect_failure({"create", dir.path()}, 2, "exists already");
  fs::create_symlink("nowhere", dir / "dangling");
  expect_failure({"create", dir / "dangling"}, 2, "exists already");
  expect_failure({"create", dir / "no/such/db"}, 2, "make its directory");
  EXPECT_EQ(state_of(db), before);
  EXPECT_EQ(files(), 2U);
}

TEST_F(BadInput, CreateThatDoesNotFitLeavesNothing) {
  expect_failure({"create", "--pages", "1024", db}, 2, "make room", {.file_size_limit = 1 << 20});
  EXPECT_EQ(files(), 0U);
}

TEST_F(BadInput, MissingFile) {
  for (const std::string& reader : kReaders) {
    expect_failure({reader, db}, reader == "check" ? 8 : 2, "mappedpages create");
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(BadInput, Directory) {
  fs::create_directory(db);
  expect_refused(2, 8, "Is a directory");
}

TEST_F(BadInput, Fifo) {
  ASSERT_EQ(::mkfifo(db.c_str(), S_IRUSR | S_IWUSR), 0);
  expect_refused(2, 8, "not a regular file");
}

TEST_F(BadInput, EmptyFile) {
  write("");
  expect_refused(3, 4, "not a pager file");
}

TEST_F(BadInput, RandomBytes) {
  std::mt19937_64 random(1);
  std::string bytes;
  for (int i = 0; i < 16384; ++i) bytes += static_cast<char>(random());
  write(bytes);
  expect_refused(3, 4, "not a pager file");
  write("MPPG" + bytes);
  expect_refused(3, 4, "version");
}

TEST_F(BadInput, RandomBytesBehindAGoodHeaderAreNoCrash) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    std::string bytes("MPPG\0\2\0\0\12\0\0\0\0\0\0\0", 16);
    while (bytes.size() < 8192) bytes += static_cast<char>(random());
    write(bytes);
    expect_refused(4, 4, "metadata");
  }
}

TEST_F(BadInput, TruncatedFile) {
  create();
  for (const std::uintmax_t size : {16383U, 12288U, 4096U, 4095U, 100U, 10U}) {
    fs::resize_file(db, size);
    expect_refused(4, 4, size < 24 ? "ends inside" : "cut short");
  }
}

TEST_F(BadInput, AnotherVersion) {
  create();
  std::string bytes = state_of(db).bytes;
  bytes[5] = 3;
  write(bytes);
  expect_refused(3, 4, "version 0.3");
}

TEST_F(BadInput, LockedFile) {
  create();
  const FileState before = state_of(db);
  const FileDescriptor holder(::open(db.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(holder.get(), LOCK_EX | LOCK_NB), 0);
  std::vector<std::future<Outcome>> runs;  // At once: each waits for seconds.
  for (const std::string& reader : kReaders) {
    runs.push_back(std::async(std::launch::async, [&, reader] { return run_tool({reader, db}); }));
  }
  for (std::size_t i = 0; i < kReaders.size(); ++i) {
    const Outcome outcome = runs[i].get();
    EXPECT_EQ(outcome.exit, kReaders[i] == "check" ? 8 : 5) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find("process " + std::to_string(::getpid())), std::string::npos)
        << outcome.err;
  }
  EXPECT_EQ(state_of(db), before);
}

TEST_F(BadInput, ReadersShareTheFile) {
  create();
  const FileDescriptor holder(::open(db.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(holder.get(), LOCK_SH | LOCK_NB), 0);
  for (const std::string& reader : kReaders) EXPECT_EQ(run_tool({reader, db}).exit, 0);
}

TEST_F(BadInput, NoPermission) {
  create();
  fs::permissions(dir.path(),
                  fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  fs::permissions(db, fs::perms::none);
  const Circumstances nobody{.as_nobody = true};
  for (const std::string& reader : kReaders) {
    expect_failure({reader, db}, reader == "check" ? 8 : 2, "permission", nobody);
  }
  fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
  expect_failure({"create", dir / "new"}, 2, "Permission denied", nobody);
  fs::permissions(dir.path(), fs::perms::owner_all);
  EXPECT_EQ(files(), 1U);
}

TEST_F(BadInput, AFileNameCannotBreakTheLine) {
  expect_failure({"info", dir / "a\nb\033[2J"}, 2, "a\\x0ab\\x1b[2J");
}

}  // namespace
}  // namespace mappedpages::test
