// SEMANTICS "The mount": how the daemon begins, what it holds, and how it ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "base/file_descriptor.hpp"
#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

namespace stdfs = std::filesystem;

class MountLife : public test::MountedTest {
 protected:
  [[nodiscard]] std::string proc() const { return "/proc/" + std::to_string(fs.pid()); }
  /// What the daemon has open, one word a descriptor.
  [[nodiscard]] std::string descriptors() const {
    return test::shell("for fd in $(ls -v " + proc() + "/fd); do readlink " + proc() +
                           "/fd/$fd; done | xargs",
                       "/")
        .out;
  }
  [[nodiscard]] bool clean() const {
    return test::run({MAPPEDPAGES, "check", fs.db().string()}).code == 0;
  }
  [[nodiscard]] bool mounted() const {
    return test::shell("grep -q \" $PWD/m \" /proc/mounts", fs.directory()).code == 0;
  }
  FileDescriptor open_page(const std::string& page, int flags) const {
    return FileDescriptor(::open((fs.mountpoint() / page).c_str(), flags | O_CLOEXEC));
  }
};

// --- How it begins

TEST_F(MountLife, TheMountIsUsableWhenTheParentReturns) {
  // And usable again at once after an unmount that did not wait for the daemon to end.
  const test::Ran ran =
      test::shell("set -e; \"" MAPPEDPAGESFS
                  "\" --create db m; touch m/pages/3; fusermount3 -u m; "
                  "for i in $(seq 20); do \"" MAPPEDPAGESFS
                  "\" db m; echo $i > m/pages/3; head -n 1 m/pages/3; fusermount3 -u m; done",
                  fs.directory());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 20) << ran.out;
  fs.mount();
  EXPECT_EQ(fs.ok("head -n 1 pages/3"), "20");
}

TEST_F(MountLife, TheDaemonHoldsTheFileTheDeviceAndNothingElse) {
  const auto log = fs.directory() / "log";
  // Descriptors that a caller had open, one of them with a lock that must go with the caller.
  const test::Ran ran = test::shell("exec 7>seven 9<seven; flock 7; \"" MAPPEDPAGESFS
                                    "\" --create --pidfile pid --log-file log db m; "
                                    "exec 7>&-; exec 9<&-; flock -n seven echo free; "
                                    "ls -l /proc/$(cat pid)/fd | grep -o ' -> .*' | sort; "
                                    "readlink /proc/$(cat pid)/cwd; fusermount3 -u m",
                                    fs.directory());
  const std::string here = " -> " + fs.directory().string();
  EXPECT_EQ(ran.out, "free\n -> /dev/fuse\n -> /dev/null\n -> /dev/null\n -> /dev/null\n" + here +
                         "/db\n" + here + "/log\n/\n")
      << ran.err;
}

TEST_F(MountLife, StartedWithoutStandardStreams) {
  const test::Ran ran = test::shell("\"" MAPPEDPAGESFS
                                    "\" --create --pidfile pid db m <&- >&- 2>&-; echo $?; "
                                    "readlink /proc/$(cat pid)/fd/{0,1,2}; ls m; "
                                    "fusermount3 -u m",
                                    fs.directory());
  EXPECT_EQ(ran.out, "0\n/dev/null\n/dev/null\n/dev/null\nalloc\npages\nprotected\n");
  EXPECT_EQ(test::shell("\"" MAPPEDPAGESFS "\" -V >&-", "/").code, 8) << "nobody could read it";
}

TEST_F(MountLife, TheFileIsItsOwnersAlone) {
  ASSERT_EQ(test::shell("umask 0; \"" MAPPEDPAGESFS
                        "\" --create --log-file log --pidfile pid db m && stat -c %a db",
                        fs.directory())
                .out,
            "600\n");
  ASSERT_EQ(test::run({"fusermount3", "-u", fs.mountpoint().string()}).code, 0);
  // A name that is taken, even by a link to nowhere, is not written through.
  stdfs::create_symlink(fs.directory() / "elsewhere", fs.directory() / "link");
  const test::Ran ran = test::run(
      {MAPPEDPAGESFS, "--create", (fs.directory() / "link").string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 2) << ran.err;
  EXPECT_FALSE(stdfs::exists(fs.directory() / "elsewhere"));
}

TEST_F(MountLife, TheFileIsNeitherPassedOnNorMapped) {
  fs.mount();
  fs.ok(
      "mkdir alloc/pages/x alloc/protected/x; echo a > pages/3; echo b > protected/0; cat */[03]");
  const test::Ran ran =
      test::shell("cd " + proc() + "/fd; for fd in *; do [ $(readlink $fd) = " + fs.db().string() +
                      " ] && sed -n 's/flags:\\t//p' ../fdinfo/$fd; done; "
                      "grep -c " +
                      fs.db().string() + " ../maps",
                  "/");
  const auto flags = std::stoul(ran.out, nullptr, 8);
  EXPECT_NE(flags & O_CLOEXEC, 0U) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("\n0\n")) << "a mapping, which another process can change";
}

// --- With one thread

TEST_F(MountLife, SingleThreadedAnswersEverythingAndMany) {
  fs.mount({"--create", "-s"});
  // One after the other, with what has to tell the kernel of a change...
  EXPECT_EQ(
      fs.ok("mkdir alloc/pages/3@x alloc/protected/2@y; echo a > pages/3; echo b > protected/0; "
            "echo staged > protected/new; mv protected/new protected/1; "
            "sed -i s/b/c/ protected/0; sed -i s/a/d/ pages/3; rm pages/4; touch pages/4; "
            "truncate -s 0 pages/5; ls alloc/pages/3@x | xargs; ls pages protected | xargs; "
            "head -qn 1 pages/3 protected/0 protected/1"),
      "3 4 5\npages: 3 4 5 protected: 0 1\nd\nc\nstaged");
  EXPECT_EQ(fs.ok("python3 -c 'import mmap, os\n"
                  "m = mmap.mmap(os.open(\"pages/5\", os.O_RDWR), 4096)\n"
                  "m[0:3] = b\"map\"; m.flush()'; head -c 3 pages/5"),
            "map");
  // ... and all at once.
  const test::Ran ran = fs.sh(
      "for i in 1 2 3 4 5 6; do (set -e; for n in $(seq 5); do d=$(mktemp -d alloc/pages/XXXXXX); "
      "p=$(ls $d); echo $i > pages/$p; echo $i > protected/.$i; mv protected/.$i protected/$i; "
      "ls pages protected > /dev/null; [ $(head -n 1 protected/$i) = $i ]; rm pages/$p; done) & "
      "done; "
      "for job in $(jobs -p); do wait $job || exit 1; done");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(fs.ok("ls pages protected | xargs"), "pages: 3 4 5 protected: 0 1 2 3 4 5 6");
  fs.signal(SIGTERM);
  EXPECT_TRUE(clean());
}

// --- How it ends

TEST_F(MountLife, EachSignalDropsStagesKeepsCommitsAndFlushes) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    fs.mount();
    fs.ok(
        "[ -e protected/0 ] || mkdir alloc/pages/x alloc/protected/x; "
        "printf kept > protected/0; printf page | dd of=pages/3 conv=notrunc status=none");
    const auto staged = open_page("protected/0", O_RDWR);
    ASSERT_EQ(::write(staged.get(), "lost", 4), 4);
    fs.signal(signal);
    EXPECT_FALSE(mounted());
    EXPECT_EQ(::fsync(staged.get()), -1) << "nobody answers any more";
    EXPECT_TRUE(clean());
    fs.mount({"-o", "ro"});
    EXPECT_EQ(fs.ok("head -c 4 protected/0; head -c 4 pages/3"), "keptpage");
    fs.unmount();
  }
}

TEST_F(MountLife, ASignalEndsTheForegroundWithZero) {
  for (const std::string signal : {"TERM", "INT", "HUP"}) {
    // A shell's background ignores SIGINT, and then so do we.
    const test::Ran ran = test::shell("env --default-signal=" + signal +
                                          " \"" MAPPEDPAGESFS
                                          "\" -f --create --pidfile pid db m 2>log & p=$!; "
                                          "until [ -e pid ]; do :; done; kill -" +
                                          signal + " $p; wait $p; echo $?; ls",
                                      fs.directory());
    EXPECT_EQ(ran.out, "0\ndb\nlog\nm\n") << signal;
    EXPECT_FALSE(mounted());
  }
}

TEST_F(MountLife, UmountIsAsGoodAsFusermount) {
  if (need_root(); IsSkipped()) return;
  fs.mount();
  fs.ok("mkdir alloc/pages/x; printf page | dd of=pages/3 conv=notrunc status=none");
  {
    const auto busy = open_page("pages/3", O_RDONLY);
    EXPECT_NE(test::run({"umount", fs.mountpoint().string()}).code, 0);
    EXPECT_TRUE(mounted());
  }
  ASSERT_EQ(test::run({"umount", fs.mountpoint().string()}).code, 0);
  fs.signal(0);
  EXPECT_FALSE(mounted());
  fs.mount({"-o", "ro"});
  EXPECT_EQ(fs.ok("head -c 4 pages/3"), "page");
}

/// Detached, and still in use: the daemon serves until the last close, and then ends by itself.
TEST_F(MountLife, ALazyUnmountEndsTheDaemonWithTheLastClose) {
  for (const std::string how : {"fusermount3 -uz m", "umount -l m"}) {
    if (how.starts_with("umount") && ::geteuid() != 0) continue;
    fs.mount();
    fs.ok("[ -e protected/0 ] || mkdir alloc/pages/x alloc/protected/x");
    {
      const auto page = open_page("pages/3", O_RDWR);
      const auto precious = open_page("protected/0", O_RDWR);
      ASSERT_EQ(test::shell(how, fs.directory()).code, 0);
      EXPECT_FALSE(mounted());
      EXPECT_EQ(::pwrite(page.get(), how.data(), 4, 0), 4);
      EXPECT_EQ(::pwrite(precious.get(), how.data(), 4, 0), 4);
      EXPECT_EQ(::fsync(precious.get()), 0);
      ASSERT_EQ(::kill(fs.pid(), 0), 0) << "the daemon left while it was needed";
      EXPECT_EQ(::pwrite(precious.get(), "last", 4, 4), 4);
    }
    fs.signal(0);
    EXPECT_TRUE(clean());
    fs.mount({"-o", "ro"});
    EXPECT_EQ(fs.ok("head -c 4 pages/3; head -c 8 protected/0"),
              how.substr(0, 4) + how.substr(0, 4) + "last");
    fs.unmount();
  }
}

TEST_F(MountLife, ADetachedMountKeepsItsLockUntilItEnds) {
  fs.mount();
  fs.ok("mkdir alloc/pages/x");
  auto page = open_page("pages/3", O_RDWR);
  ASSERT_EQ(test::run({"fusermount3", "-uz", fs.mountpoint().string()}).code, 0);
  const test::Ran ran = test::run({MAPPEDPAGESFS, fs.db().string(), fs.mountpoint().string()});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("process " + std::to_string(fs.pid())), std::string::npos) << ran.err;
  page.reset();
  fs.signal(0);
  fs.mount();
}

// --- Another program writes the file

class ForeignWriter : public MountLife {
 protected:
  void SetUp() override {
    MountLife::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount({"--create", "--log-file", (fs.directory() / "log").string()});
    fs.ok(
        "mkdir alloc/pages/x alloc/protected/2@x; printf old > protected/0; printf page > pages/3");
  }
  void dd(const std::string& arguments) const {
    const test::Ran ran = test::shell("dd conv=notrunc status=none " + arguments, fs.directory());
    ASSERT_EQ(ran.code, 0) << ran.err;
  }
  [[nodiscard]] test::Ran commit() const {
    return fs.sh("printf new | dd of=protected/0 conv=notrunc,fsync status=none");
  }
};

TEST_F(ForeignWriter, StopsTheNextCommitAndAllWritingBehindIt) {
  dd("if=db of=page0 bs=4096 count=1");
  dd("if=/dev/zero of=db bs=1 seek=2000 count=1");
  test::shell("printf x | dd of=db bs=1 seek=2000 conv=notrunc status=none", fs.directory());
  const std::string before = snapshot();
  const test::Ran ran = commit();
  EXPECT_NE(ran.err.find("Input/output error"), std::string::npos) << ran.err;
  EXPECT_EQ(snapshot(), before) << "the work of the other was overwritten";
  const test::Ran log = test::shell("grep '\\[error\\]' log", fs.directory());
  EXPECT_NE(log.out.find("another program has written page 0"), std::string::npos) << log.out;
  for (const char* line :
       {"mkdir alloc/pages/y", "rm pages/3", "echo x > protected/1", "printf x > pages/3"}) {
    EXPECT_NE(fs.sh(line).err.find("Read-only file system"), std::string::npos) << line;
  }
  EXPECT_EQ(fs.ok("head -c 3 protected/0; head -c 4 pages/3"), "oldpage");
  fs.signal(SIGTERM);
  dd("if=page0 of=db");
  fs.mount({});
  EXPECT_EQ(commit().code, 0);
  EXPECT_EQ(fs.ok("head -c 3 protected/0; head -c 4 pages/3"), "newpage");
}

TEST_F(ForeignWriter, ThatChangesNothingIsNone) {
  dd("if=db of=page0 bs=4096 count=1");
  dd("if=page0 of=db");
  test::shell("touch db", fs.directory());
  EXPECT_EQ(commit().code, 0);
  EXPECT_EQ(fs.ok("head -c 3 protected/0"), "new");
}

}  // namespace
}  // namespace mappedpages
