// SEMANTICS "The mount": options, exit codes, messages, signals, locks.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

class Mount : public test::MountedTest {
 protected:
  void put_db(const std::string& bytes) { std::ofstream(fs.db(), std::ios::binary) << bytes; }
};

TEST_F(Mount, SaysWhatItIs) {
  fs.mount();
  const std::string line = fs.ok("grep \" $PWD \" /proc/mounts");
  EXPECT_TRUE(line.starts_with(fs.db().string() + " ")) << line;
  for (const char* word : {"fuse.mappedpagesfs", "nosuid", "nodev", "noexec"}) {
    EXPECT_NE(line.find(word), std::string::npos) << line;
  }
  EXPECT_EQ(fs.ok("stat -c %a . pages"), "700\n700");
  EXPECT_EQ(fs.ok("stat -c %U ../db"), fs.ok("stat -c %U pages"));
}

TEST_F(Mount, NamesWithCommasSpacesAndBackslashes) {
  const auto odd = fs.directory() / R"(a, b\c)";
  ASSERT_EQ(test::run({MAPPEDPAGES, "create", odd.string()}).code, 0);
  const test::Ran ran = test::run({MAPPEDPAGESFS, odd.string(), fs.mountpoint().string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(fs.ok("df --output=source . | tail -1"), odd.string());
  EXPECT_EQ(fs.ok("mkdir alloc/pages/x; ls pages"), "3");
  EXPECT_EQ(test::run({"fusermount3", "-u", fs.mountpoint().string()}).code, 0);
}

/// What is shown is the file's absolute path, whatever it is called and was called by.
TEST_F(Mount, NamesOfAnyKind) {
  const std::pair<std::string, std::string> names[] = {{"a\xff\xfe", "a\\xff\\xfe"},
                                                       {"\xc3\xa4", "\xc3\xa4"},
                                                       {"a\nb", "a\\x0ab"},
                                                       {"-f", "-f"},
                                                       {"sub=directory:x", "sub=directory:x"}};
  for (const auto& [name, shown] : names) {
    for (const bool by_link : {false, true}) {
      const auto link = fs.directory() / "link";
      if (by_link) std::filesystem::create_symlink(name, link);
      const test::Ran ran = test::run(
          {MAPPEDPAGESFS, "--create", "--", by_link ? "link" : name, "m"}, fs.directory().string());
      ASSERT_EQ(ran.code, 0) << name << ran.err;
      EXPECT_EQ(fs.ok("LC_ALL=C.UTF-8 findmnt -n -o SOURCE,FSTYPE ."),
                fs.directory().string() + "/" + shown + " fuse.mappedpagesfs");
      EXPECT_EQ(test::run({"fusermount3", "-u", fs.mountpoint().string()}).code, 0);
      std::filesystem::remove(link);
    }
  }
}

TEST_F(Mount, OptionsMayStandAnywhereAndThoseOfMountAreSwallowed) {
  const test::Ran ran =
      test::run({MAPPEDPAGESFS, fs.db().string(), fs.mountpoint().string(), "--create=8k", "-o",
                 "rw,dev,suid,_netdev,nofail,x-systemd.automount", "-o", "commit=close"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(fs.ok("stat -f -c %S ."), "8192");
  EXPECT_EQ(test::run({"fusermount3", "-u", fs.mountpoint().string()}).code, 0);
}

TEST_F(Mount, HelpAndVersionGoToStdout) {
  EXPECT_EQ(test::run({MAPPEDPAGESFS, "-V"}).out.rfind("mappedpagesfs 0.", 0), 0U);
  const test::Ran help = test::run({MAPPEDPAGESFS, "-h"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("--create"), std::string::npos);
}

TEST_F(Mount, WrongCommandLinesAreUsageErrors) {
  refused(1, {"-o", "frobnicate"}, {"frobnicate"});
  refused(1, {"-o", "commit=never"}, {"commit=never"});
  refused(1, {"-o", "uid=x"}, {"uid=x"});
  refused(1, {"--create=1000"}, {"1000", "power of two"});
  refused(1, {"--create=32M"}, {"32M"});
  refused(1, {"--create=-1"}, {"-1"});
  refused(1, {"--frobnicate"}, {"frobnicate"});
  refused(1, {"third"}, {"3 words"});
  EXPECT_EQ(test::run({MAPPEDPAGESFS}).code, 1);
}

TEST_F(Mount, AMissingDbNamesTheCommandThatMakesIt) {
  refused(2, {}, {"--create", "db"});
}

TEST_F(Mount, ADirectoryAsDb) {
  std::filesystem::create_directory(fs.db());
  refused(2, {}, {"directory"});
}

TEST_F(Mount, WhatIsNoPagerFile) {
  put_db("");
  refused(3, {}, {"not a pager file"});
  refused(3, {"--create"}, {"not a pager file"});
  put_db(std::string(20000, 'x'));
  refused(3, {}, {"not a pager file"});
  for (const char* name : {"bad-magic", "newer-minor", "newer-major"}) {
    fixture(name);
    refused(3, {}, {});
  }
}

TEST_F(Mount, ADamagedFileNamesTheCheck) {
  for (const char* name : {"bad-both-meta", "bad-both-dir", "bad-page-size", "short", "stub"}) {
    fixture(name);
    refused(4, {}, {"mappedpages check "});
  }
}

TEST_F(Mount, AFileWithARottenCopyIsMountedReadOnlyOrRecovered) {
  for (const char* name : {"bad-active-meta", "bad-active-dir"}) {
    fixture(name);
    refused(4, {}, {"mappedpages check ", "-o ro", "-o recover"});
    fs.mount({"-o", "ro"});
    EXPECT_NE(fs.ok("ls protected"), "");
    fs.unmount();
    refused(4, {}, {});
    fs.mount({"-o", "recover"});
    fs.ok("mkdir alloc/pages/x");
    fs.unmount();
    fs.mount({});
    fs.unmount();
    EXPECT_EQ(test::run({MAPPEDPAGES, "check", fs.db().string()}).code, 0);
  }
}

TEST_F(Mount, ALockedFileNamesTheHolder) {
  fs.mount();
  test::TempDir other;
  const test::Ran ran = test::run({MAPPEDPAGESFS, fs.db().string(), other.path().string()});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find(std::to_string(fs.pid())), std::string::npos) << ran.err;
}

TEST_F(Mount, AMountpointThatCannotBe) {
  ASSERT_EQ(test::run({MAPPEDPAGES, "create", fs.db().string()}).code, 0);
  std::filesystem::remove(fs.mountpoint());
  refused(6, {}, {"mkdir"});
  std::ofstream(fs.mountpoint()) << "a file";
  refused(6, {}, {"not a directory"});
}

TEST_F(Mount, ABusyMountpoint) {
  fs.mount();
  const auto second = fs.directory() / "second";
  ASSERT_EQ(test::run({MAPPEDPAGES, "create", second.string()}).code, 0);
  const test::Ran ran = test::run({MAPPEDPAGESFS, second.string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("fusermount3 -u"), std::string::npos) << ran.err;
}

TEST_F(Mount, ADeadMountpointNamesTheWayOut) {
  fs.mount();
  fs.signal(SIGKILL);
  const test::Ran ran = fs.try_mount({});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("fusermount3 -u " + fs.mountpoint().string()), std::string::npos);
  fs.forget_dead_mount();
  fs.mount({});
}

TEST_F(Mount, ADbInsideItsOwnMountpoint) {
  const auto inside = fs.mountpoint() / "db";
  const test::Ran ran =
      test::run({MAPPEDPAGESFS, "--create", inside.string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 6) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(inside));
}

TEST_F(Mount, WithoutPermission) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  ASSERT_EQ(test::run({MAPPEDPAGES, "create", fs.db().string()}).code, 0);
  const test::Ran ran = test::run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                   MAPPEDPAGESFS, fs.db().string(), fs.mountpoint().string()});
  EXPECT_TRUE(ran.code == 2 || ran.code == 6) << ran.code << ran.err;
  EXPECT_NE(ran.err.find("ermission"), std::string::npos) << ran.err;
}

TEST_F(Mount, WithoutTheFuseDevice) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to hide the device";
  ASSERT_EQ(test::run({MAPPEDPAGES, "create", fs.db().string()}).code, 0);
  const test::Ran ran =
      test::run({"unshare", "-m", "bash", "-c", "mount -t tmpfs none /dev && exec \"$0\" \"$@\"",
                 MAPPEDPAGESFS, fs.db().string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 7) << ran.err;
  EXPECT_NE(ran.err.find("/dev/fuse"), std::string::npos) << ran.err;
}

TEST_F(Mount, ReadOnlyChangesNothing) {
  fs.mount();
  fs.ok("mkdir alloc/pages/x alloc/protected/x; echo a > pages/3; echo b > protected/0");
  fs.unmount();
  const std::string before = snapshot();
  fs.mount({"-o", "ro"});
  EXPECT_EQ(fs.ok("head -c 1 pages/3; head -c 1 protected/0"), "ab");
  for (const char* line : {"echo x > pages/3", "mkdir alloc/pages/y", "rm pages/3", "touch pages/9",
                           "rm protected/0"}) {
    EXPECT_NE(fs.sh(line).err.find("Read-only"), std::string::npos) << line;
  }
  fs.unmount();
  EXPECT_EQ(snapshot(), before);
}

TEST_F(Mount, SignalsUnmountCleanly) {
  for (const int signal : {SIGTERM, SIGINT}) {
    fs.mount();
    fs.ok("mkdir alloc/pages/x; echo flushed > pages/$(ls alloc/pages/x)");
    fs.signal(signal);
    EXPECT_EQ(test::shell("grep -c \" $PWD/m \" /proc/mounts", fs.directory()).out, "0\n");
    EXPECT_EQ(test::run({MAPPEDPAGES, "check", fs.db().string()}).code, 0);
  }
  fs.mount();
  EXPECT_EQ(fs.ok("head -c 7 pages/3; head -c 7 pages/4"), "flushedflushed");
}

TEST_F(Mount, TheForegroundLogsToStderr) {
  const test::Ran ran = test::shell("\"" MAPPEDPAGESFS
                                    "\" -f --create db m 2>log & p=$!; "
                                    "until grep -q mounted log; do :; done; kill $p; wait $p; "
                                    "echo $?; cat log",
                                    fs.directory());
  EXPECT_TRUE(ran.out.starts_with("0\n")) << ran.out;
  EXPECT_NE(ran.out.find("unmounted"), std::string::npos) << ran.out;
}

TEST_F(Mount, TheBackgroundHoldsNoStreamsAndLogsToItsFile) {
  // A command substitution ends when nobody has its pipe any more.
  const test::Ran ran = test::shell(
      "x=$(\"" MAPPEDPAGESFS
      "\" --create --log-file log --pidfile pid db m; echo $?); echo \"$x\"; "
      "ls -l /proc/$(cat pid)/fd/{0,1,2} | grep -c /dev/null; readlink /proc/$(cat pid)/cwd; "
      "fusermount3 -u m; grep -c mounted log",
      fs.directory());
  EXPECT_TRUE(ran.out.starts_with("0\n3\n/\n")) << ran.out << ran.err;
}

TEST_F(Mount, ARemountWaitsForTheOldDaemon) {
  fs.mount();
  fs.ok("mkdir alloc/pages/500@x; for n in $(ls pages); do echo $n > pages/$n; done");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(test::run({"fusermount3", "-u", fs.mountpoint().string()}).code, 0);
    fs.mount({});  // No wait in between.
    EXPECT_EQ(fs.ok("head -c 3 pages/100"), "100");
  }
}

TEST_F(Mount, SingleThreadedWorksToo) {
  fs.mount({"--create", "-s"});
  fs.ok(
      "mkdir alloc/pages/3@x alloc/protected/x; echo a > pages/3; echo b > protected/0; "
      "rm pages/3; touch pages/3");
  EXPECT_EQ(fs.ok("head -c 1 pages/3 | xxd -p; head -c 1 protected/0; ls pages | wc -l"), "00\nb3");
}

}  // namespace
}  // namespace mappedpages
