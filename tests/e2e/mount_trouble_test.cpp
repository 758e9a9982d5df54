// SEMANTICS "The mount": files and mountpoints that cannot be, and what the messages advise.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

namespace stdfs = std::filesystem;

class MountTrouble : public test::MountedTest {
 protected:
  void create() { ASSERT_EQ(test::run({MAPPEDPAGES, "create", fs.db().string()}).code, 0); }

  /// In a world of its own, `line` ends with the daemon's exit code on stdout and says why.
  void expect_in_own_world(const std::string& line, const std::string& code,
                           const std::vector<std::string>& words) {
    const test::Ran ran = test::in_own_world(line + "; echo $?", fs.directory());
    EXPECT_EQ(ran.out, code + "\n") << line << "\n" << ran.err;
    for (const std::string& word : words) {
      EXPECT_NE(ran.err.find(word), std::string::npos) << word << " in: " << ran.err;
    }
  }
};

/// For a world in which nobody (65534) can mount, as users can where /dev/fuse has its usual mode.
std::string with_users(const std::string& line) {
  std::string all =
      "mount -t tmpfs none /dev && mknod -m 666 /dev/fuse c 10 229 && "
      "mknod -m 666 /dev/null c 1 3 && chown -R 65534 . && chmod 711 . && "
      "as() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; }; ";
  all += line;
  return all;
}

// --- DB

TEST_F(MountTrouble, WhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(fs.db().c_str(), 0600), 0);
  refused(2, {}, {"is not a regular file"});
  refused(2, {"-o", "ro"}, {"is not a regular file"});
  refused(2, {"--create"}, {"is not a regular file"});
  stdfs::remove(fs.db());
  stdfs::create_symlink("/dev/null", fs.db());
  refused(2, {}, {"is not a regular file"});
  stdfs::remove(fs.db());
  stdfs::create_directory(fs.db());
  refused(2, {"-o", "ro"}, {"is a directory"});
}

TEST_F(MountTrouble, AnEmptyFileIsNotFilled) {
  std::ofstream(fs.db()).flush();
  refused(3, {}, {"not a pager file"});
  refused(3, {"--create"}, {"not a pager file"});
}

TEST_F(MountTrouble, AMissingFileNamesTheCommandThatMakesIt) {
  const auto odd = fs.directory() / "it's a file";
  const test::Ran ran = test::run({MAPPEDPAGESFS, odd.string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 2);
  const std::size_t at = ran.err.find("to make one: mappedpagesfs ");
  ASSERT_NE(at, std::string::npos) << ran.err;
  // The advice, as it stands there, works.
  const std::string advice = ran.err.substr(ran.err.find("mappedpagesfs", at) + 13);
  const test::Ran made = test::shell("\"" MAPPEDPAGESFS "\"" + advice, "/");
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(stdfs::exists(odd));
  EXPECT_EQ(test::run({"fusermount3", "-u", fs.mountpoint().string()}).code, 0);
}

TEST_F(MountTrouble, AFileThatCannotBeCreated) {
  const test::Ran ran =
      test::run({MAPPEDPAGESFS, "--create", (fs.directory() / "missing" / "db").string(),
                 fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("cannot create"), std::string::npos) << ran.err;
}

TEST_F(MountTrouble, AFileThatMayOnlyBeReadIsMountedWithRo) {
  if (need_root(); IsSkipped()) return;
  create();
  expect_in_own_world(with_users("chmod 444 db; as mappedpagesfs db m"), "2",
                      {"Permission denied", "-o ro"});
  expect_in_own_world(with_users("chmod 444 db; as mappedpagesfs -o ro db m && as ls m >&2"), "0",
                      {"protected"});
  expect_in_own_world(with_users("chmod 0 db; as mappedpagesfs db m"), "2",
                      {"Permission denied", "are you allowed"});
  expect_in_own_world(
      "mkdir disk && mount -t tmpfs none disk && cp db disk && mount -o remount,ro disk && "
      "mappedpagesfs disk/db m",
      "2", {"Read-only file system", "-o ro"});
  expect_in_own_world(
      "rmdir disk; mkdir disk && mount -t tmpfs none disk && cp db disk && "
      "mount -o remount,ro disk && mappedpagesfs -o ro disk/db m && ls m >&2",
      "0", {"protected"});
}

// --- The mountpoint

TEST_F(MountTrouble, AMountpointThatIsMissingOrAFile) {
  create();
  const std::string db = fs.db().string();
  const auto missing = fs.directory() / "not here";
  const test::Ran ran = test::run({MAPPEDPAGESFS, db, missing.string()});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("mkdir '" + missing.string() + "'"), std::string::npos) << ran.err;
  for (const std::string& wrong : {db, std::string("/dev/null"), db + "/m"}) {
    EXPECT_EQ(test::run({MAPPEDPAGESFS, db, wrong}).code, 6) << wrong;
  }
}

TEST_F(MountTrouble, AMountpointThatIsNotOurs) {
  if (need_root(); IsSkipped()) return;
  create();
  expect_in_own_world(with_users("chown 0 m; chmod 700 m; as mappedpagesfs db m"), "6",
                      {"Permission denied"});
  expect_in_own_world(with_users("chown 0 m; chmod 755 m; as mappedpagesfs db m"), "6",
                      {"Permission denied", "may write to"});
}

TEST_F(MountTrouble, TheSameAgain) {
  fs.mount();
  const test::Ran ran = test::run({MAPPEDPAGESFS, fs.db().string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("already"), std::string::npos) << ran.err;
  EXPECT_EQ(fs.ok("ls"), "alloc\npages\nprotected");
}

TEST_F(MountTrouble, TheAdviceForADeadMountpointWorks) {
  fs.mount();
  fs.signal(SIGKILL);
  const auto link = fs.directory() / "a link";
  stdfs::create_directory_symlink("m", link);
  for (const auto& name : {fs.mountpoint(), link}) {
    if (name == link) {
      fs.mount();
      fs.signal(SIGKILL);
    }
    const test::Ran ran = test::run({MAPPEDPAGESFS, fs.db().string(), name.string()});
    EXPECT_EQ(ran.code, 6);
    const std::size_t at = ran.err.find("fusermount3 -u ");
    ASSERT_NE(at, std::string::npos) << ran.err;
    EXPECT_EQ(test::shell(ran.err.substr(at), "/").code, 0) << ran.err;
  }
  fs.mount();
}

TEST_F(MountTrouble, AFileInItsOwnMountpointByWhateverName) {
  if (need_root(); IsSkipped()) return;
  create();
  expect_in_own_world("mv db m/db; ln -s m/db db; ln -s m n; mappedpagesfs db n", "6",
                      {"its own mount would hide it"});
  expect_in_own_world("mkdir b && mount --bind m b && mappedpagesfs b/db m", "6",
                      {"its own mount would hide it"});
}

// --- FUSE

TEST_F(MountTrouble, UsersMountWithFusermount) {
  if (need_root(); IsSkipped()) return;
  create();
  expect_in_own_world(with_users("mv db 'a, b\\c' && as mappedpagesfs 'a, b\\c' m && "
                                 "as df --output=source,fstype m >&2 && ! stat m 2>/dev/null && as "
                                 "mkdir m/alloc/pages/x && "
                                 "as fusermount3 -u m; code=$?; mv 'a, b\\c' db; (exit $code)"),
                      "0", {fs.directory().string() + "/a, b\\c fuse.mappedpagesfs"});
  // Only who has user_allow_other in /etc/fuse.conf may let others in.
  expect_in_own_world(with_users("mount -t tmpfs none /etc; as mappedpagesfs -o allow_other db m"),
                      "7", {"user_allow_other"});
}

TEST_F(MountTrouble, WithoutFusermount) {
  if (need_root(); IsSkipped()) return;
  create();
  expect_in_own_world(with_users("mount --bind /dev/null /usr/bin/fusermount3; "
                                 "as mappedpagesfs db m"),
                      "7", {"cannot mount on"});
}

}  // namespace
}  // namespace mappedpages
