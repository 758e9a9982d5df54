// SEMANTICS "The mount": what each option does, and the files that the daemon writes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

namespace stdfs = std::filesystem;

class MountOptions : public test::MountedTest {
 protected:
  [[nodiscard]] stdfs::path log() const { return fs.directory() / "log"; }
  [[nodiscard]] std::string logged() const {
    std::ostringstream text;
    text << std::ifstream(log()).rdbuf();
    return text.str();
  }
  /// How many lines of the log have this in them.
  [[nodiscard]] std::ptrdiff_t count_in_log(const std::string& word) const {
    std::istringstream lines(logged());
    std::ptrdiff_t count = 0;
    for (std::string line; std::getline(lines, line);) {
      count += line.find(word) != std::string::npos ? 1 : 0;
    }
    return count;
  }
  /// The options of the mount, with a comma on both sides of each.
  [[nodiscard]] std::string mount_options() const {
    return "," + fs.ok("findmnt -n -o OPTIONS .") + ",";
  }
  /// bash, in the mountpoint, as somebody who owns nothing.
  [[nodiscard]] test::Ran sh_as_nobody(const std::string& line) const {
    return test::run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c",
                      "cd \"$0\" && " + line, fs.mountpoint().string()});
  }
  /// Lets others come as far as the mountpoint.
  void open_the_way() const { stdfs::permissions(fs.directory(), stdfs::perms{0711}); }
};

TEST_F(MountOptions, TwoReadersShareAFileAndKeepAWriterOut) {
  fs.mount();
  fs.ok("mkdir alloc/pages/x; printf both | dd of=pages/3 status=none");
  fs.unmount();
  fs.mount({"-o", "ro"});
  EXPECT_NE(mount_options().find(",ro,"), std::string::npos);
  const auto second = fs.directory() / "second";
  stdfs::create_directory(second);
  const test::Ran ran = test::run({MAPPEDPAGESFS, "-o", "ro", fs.db().string(), second.string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(fs.ok("head -c 4 pages/3 ../second/pages/3 | grep -c both"), "2");
  const auto third = fs.directory() / "third";
  stdfs::create_directory(third);
  const test::Ran writer = test::run({MAPPEDPAGESFS, fs.db().string(), third.string()});
  EXPECT_EQ(writer.code, 5) << writer.err;
  EXPECT_NE(writer.err.find("in use by process"), std::string::npos) << writer.err;
  EXPECT_EQ(test::run({"fusermount3", "-u", second.string()}).code, 0);
}

TEST_F(MountOptions, NosyncSaysSoInTheLog) {
  fs.mount({"--create", "-o", "nosync", "--log-file", log().string()});
  EXPECT_EQ(count_in_log("[warning] nosync: nothing is flushed"), 1) << logged();
}

TEST_F(MountOptions, OwnerGroupAndPermissionsOfEverything) {
  fs.mount({"--create", "-o", "uid=12,gid=34,umask=027"});
  fs.ok("mkdir alloc/pages/x alloc/protected/y; touch pages/note");
  EXPECT_EQ(fs.ok("stat -c '%u %g %a' . pages alloc/pages/x pages/3 protected/0"),
            "12 34 750\n12 34 750\n12 34 750\n12 34 640\n12 34 640");
  EXPECT_EQ(fs.ok("stat -c '%u' alloc/pages/x/3"), "12");
}

TEST_F(MountOptions, WithoutAllowOtherNobodyElseComesIn) {
  if (need_root(); IsSkipped()) return;
  open_the_way();
  fs.mount({"--create", "-o", "umask=0"});
  EXPECT_EQ(mount_options().find("allow_other"), std::string::npos);
  EXPECT_NE(sh_as_nobody("ls").err.find("Permission denied"), std::string::npos);
}

TEST_F(MountOptions, AllowOtherLetsOthersDoWhatThePermissionsAllow) {
  if (need_root(); IsSkipped()) return;
  open_the_way();
  fs.mount({"--create", "-o", "allow_other,umask=022"});
  for (const char* option : {",allow_other,", ",default_permissions,"}) {
    EXPECT_NE(mount_options().find(option), std::string::npos) << mount_options();
  }
  fs.ok("mkdir alloc/pages/x; printf open > pages/3");
  EXPECT_EQ(sh_as_nobody("head -c 4 pages/3").out, "open");
  for (const char* line : {"echo x > pages/3", "mkdir alloc/pages/y", "rm pages/3", "touch pages/9",
                           "chmod 777 pages/3", "touch pages/note"}) {
    const test::Ran ran = sh_as_nobody(line);
    EXPECT_NE(ran.code, 0) << line;
    EXPECT_TRUE(ran.err.find("ermi") != std::string::npos) << line << ": " << ran.err;
  }
  fs.ok("chmod 600 pages/3");
  EXPECT_NE(sh_as_nobody("cat pages/3").err.find("Permission denied"), std::string::npos);
  fs.ok("chmod 666 pages/3");
  EXPECT_EQ(sh_as_nobody("printf mine > pages/3 && head -c 4 pages/3").out, "mine");
}

TEST_F(MountOptions, NothingInItCanBeExecuted) {
  if (need_root(); IsSkipped()) return;
  open_the_way();
  fs.mount({"--create", "-o", "allow_other,umask=0"});
  for (const char* option : {",nosuid,", ",nodev,", ",noexec,"}) {
    EXPECT_NE(mount_options().find(option), std::string::npos) << mount_options();
  }
  fs.ok("mkdir alloc/pages/x; printf '#!/bin/sh\\necho ran\\n' > pages/3; chmod 6777 pages/3");
  EXPECT_EQ(fs.ok("stat -c %a pages/3"), "6777");
  const test::Ran ran = fs.sh("./pages/3");
  EXPECT_EQ(ran.code, 126);
  EXPECT_NE(ran.err.find("Permission denied"), std::string::npos) << ran.err;
  EXPECT_NE(sh_as_nobody("./pages/3").err.find("Permission denied"), std::string::npos);
  EXPECT_NE(fs.sh("mknod pages/null c 1 3").code, 0);
}

TEST_F(MountOptions, StatfsCountsPages) {
  fs.mount({"--create=1024"});
  const auto numbers = [this] { return fs.ok("stat -f -c '%S %b %f %a' ."); };
  // A bitmap of 1024 - 28 bytes; pages 0 to 2 are used.
  EXPECT_EQ(numbers(), "1024 7968 7965 7965");
  fs.ok("mkdir alloc/pages/10@x");
  EXPECT_EQ(numbers(), "1024 7968 7955 7955");
  // The first protected page needs two directory pages, and each two copies.
  fs.ok("mkdir alloc/protected/x");
  EXPECT_EQ(numbers(), "1024 7968 7951 7951");
  fs.ok("rm pages/*");
  EXPECT_EQ(numbers(), "1024 7968 7961 7961");
  EXPECT_EQ(fs.ok("df -B1024 --output=size,avail,fstype . | tail -1 | xargs"),
            "7968 7961 fuse.mappedpagesfs");
}

// --- -o untrusted

TEST_F(MountOptions, AnUntrustedFileWithoutDamageIsMountedReadOnly) {
  fixture("protected-1024");
  const std::string before = snapshot();
  fs.mount({"-o", "untrusted"});
  EXPECT_NE(mount_options().find(",ro,"), std::string::npos);
  EXPECT_NE(fs.ok("ls protected; cat protected/* > /dev/null"), "");
  EXPECT_NE(fs.sh("mkdir alloc/pages/x").err.find("Read-only"), std::string::npos);
  fs.unmount();
  EXPECT_EQ(snapshot(), before);
}

TEST_F(MountOptions, AnUntrustedFileWithAnyDamageIsRefused) {
  for (const char* name : {"bad-active-meta", "bad-active-dir", "bad-both-dir", "bad-page-size"}) {
    fixture(name);
    for (const char* option : {"untrusted", "untrusted,recover", "ro,untrusted"}) {
      refused(4, {"-o", option}, {"mappedpages check "});
    }
  }
  // Damage that opening does not see: the bytes of a protected page.
  stdfs::remove(fs.db());
  fs.mount();
  fs.ok("mkdir alloc/protected/x; printf rotten > protected/0");
  fs.unmount();
  test::shell(
      "at=$(grep -abo rotten db | tail -1 | cut -d: -f1); "
      "printf R | dd of=db bs=1 seek=$at conv=notrunc status=none",
      fs.directory());
  fs.mount({"-o", "ro"});
  fs.unmount();
  refused(4, {"-o", "untrusted"}, {"damaged: protected 0", "mappedpages check "});
  EXPECT_EQ(test::shell("grep -c \" $PWD/m \" /proc/mounts", fs.directory()).out, "0\n");
}

TEST_F(MountOptions, AnUntrustedFileThatIsNoPagerFile) {
  std::ofstream(fs.db()) << std::string(20000, 'x');
  refused(3, {"-o", "untrusted"}, {"not a pager file"});
  stdfs::remove(fs.db());
  refused(2, {"-o", "untrusted"}, {"there is no file"});
}

// --- The log

TEST_F(MountOptions, TheLogFileIsAppendedTo) {
  std::ofstream(log()) << "was there\n";
  for (int i = 0; i < 2; ++i) {
    fs.mount({"--create", "--log-file", log().string()});
    fs.unmount();
  }
  EXPECT_TRUE(logged().starts_with("was there\n")) << logged();
  EXPECT_EQ(count_in_log("] mounted " + fs.db().string() + " on "), 2) << logged();
  EXPECT_EQ(count_in_log("] unmounted " + fs.mountpoint().string()), 2) << logged();
}

TEST_F(MountOptions, QuietAndVerboseAreLessAndMore) {
  fixture("bad-active-meta");
  fs.mount({"-q", "-o", "ro", "--log-file", log().string()});
  fs.unmount();
  EXPECT_EQ(count_in_log("mounted"), 0) << logged();
  EXPECT_GE(count_in_log("[warning]"), 1) << logged();
  // A copy that is torn and not in force: no reason to worry anybody.
  stdfs::remove(fs.db());
  ASSERT_EQ(test::run({MAPPEDPAGES, "create", fs.db().string()}).code, 0);
  test::shell("printf x | dd of=db bs=1 seek=8292 conv=notrunc status=none", fs.directory());
  for (const bool verbose : {false, true}) {
    stdfs::remove(log());
    fs.mount({verbose ? "-v" : "--verbose=false", "-o", "ro", "--log-file", log().string()});
    fs.unmount();
    EXPECT_EQ(count_in_log("mounted"), 2) << logged();
    EXPECT_EQ(count_in_log("[debug] page 2: "), verbose ? 1 : 0) << logged();
  }
}

TEST_F(MountOptions, DebugPrintsEveryRequestToStderr) {
  const test::Ran ran = test::shell("\"" MAPPEDPAGESFS
                                    "\" -d --create db m 2>log & p=$!; "
                                    "until grep -q ' mounted ' log; do :; done; stat m/pages; "
                                    "kill $p; wait $p; echo $?; grep -c 'LOOKUP' log",
                                    fs.directory());
  EXPECT_NE(ran.out.find("\n0\n"), std::string::npos) << ran.out;
  EXPECT_FALSE(ran.out.ends_with("\n0\n0\n")) << ran.out;
}

TEST_F(MountOptions, ALogFileThatCannotBeMadeIsAnErrorBeforeAnythingIsTouched) {
  ASSERT_EQ(::mkfifo((fs.directory() / "fifo").c_str(), 0600), 0);
  for (const char* name : {"missing/directory/log", ".", "fifo", "m/../db/x"}) {
    refused(1, {"--create", "--log-file", (fs.directory() / name).string()},
            {"cannot write --log-file", name});
  }
  EXPECT_FALSE(stdfs::exists(fs.db()));
}

TEST_F(MountOptions, TheBackgroundLogsToSyslog) {
  if (need_root(); IsSkipped()) return;
  // A /dev of our own, with a socket where syslogd would have one.
  const test::Ran ran = test::in_own_world(
      "mount -t tmpfs none /dev && mknod /dev/fuse c 10 229 && mknod -m 666 /dev/null c 1 3 && "
      "python3 -c '\n"
      "import socket, subprocess\n"
      "log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
      "log.bind(\"/dev/log\")\n"
      "subprocess.run([\"mappedpagesfs\", \"--create\", \"db\", \"m\"], check=True)\n"
      "log.settimeout(20)\n"
      "while True:\n"
      "  line = log.recv(9999).decode()\n"
      "  print(line)\n"
      "  if \" mounted \" in line: break\n"
      "subprocess.run([\"umount\", \"m\"], check=True)\n"
      "print(log.recv(9999).decode())'",
      fs.directory());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("mappedpagesfs["), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(": mounted "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(": unmounted "), std::string::npos) << ran.out;
}

// --- The pid file

TEST_F(MountOptions, ThePidFileIsThereWhileItIsMounted) {
  const auto pid_file = fs.directory() / "a pid";
  for (const bool stale : {false, true}) {
    if (stale) std::ofstream(pid_file) << "123456789 stale and longer than a pid\n";
    const test::Ran ran = test::shell(
        "\"" MAPPEDPAGESFS "\" --create --pidfile 'a pid' db m && cat 'a pid'", fs.directory());
    ASSERT_EQ(ran.code, 0) << ran.err;
    const pid_t pid = std::stoi(ran.out);
    EXPECT_EQ(ran.out, std::to_string(pid) + "\n");
    EXPECT_EQ(stdfs::read_symlink("/proc/" + std::to_string(pid) + "/exe").filename(),
              "mappedpagesfs");
    EXPECT_EQ(test::shell("stat -c %a 'a pid'; ls", fs.directory()).out, "644\na pid\ndb\nm\n");
    // Whoever waits for the file to go finds the mountpoint free.
    const test::Ran gone =
        test::shell("fusermount3 -u m; until [ ! -e 'a pid' ]; do :; done; \"" MAPPEDPAGESFS
                    "\" db m && fusermount3 -u m",
                    fs.directory());
    EXPECT_EQ(gone.code, 0) << gone.err;
  }
}

TEST_F(MountOptions, APidFileThatCannotBeWrittenIsAnErrorBeforeAnythingIsTouched) {
  stdfs::create_symlink("nowhere", fs.directory() / "link");
  for (const char* name : {"missing/pid", "m", "link"}) {
    const test::Ran ran = test::shell("\"" MAPPEDPAGESFS "\" --create --pidfile " +
                                          std::string(name) + " db m; echo $?; ls; ls m",
                                      fs.directory());
    EXPECT_EQ(ran.out, "1\nlink\nm\n") << name;
    EXPECT_NE(ran.err.find("cannot write --pidfile"), std::string::npos) << ran.err;
  }
}

TEST_F(MountOptions, ADaemonThatDoesNotStartLeavesThePidFileOfAnother) {
  fs.mount();
  const auto other = fs.directory() / "other";
  stdfs::create_directory(other);
  ASSERT_EQ(test::run({MAPPEDPAGESFS, "--pidfile", (fs.directory() / "pid").string(),
                       fs.db().string(), other.string()})
                .code,
            5);
  EXPECT_EQ(test::shell("cat pid", fs.directory()).out, std::to_string(fs.pid()) + "\n");
}

TEST_F(MountOptions, APidFileThatCannotBeRemovedIsAWarning) {
  if (need_root(); IsSkipped()) return;
  const test::Ran ran = test::in_own_world(
      "mkdir p && mount -t tmpfs none p && "
      "mappedpagesfs --create --pidfile p/pid --log-file log db m && pid=$(cat p/pid) && "
      "mount -o remount,ro p && kill $pid && while kill -0 $pid 2>/dev/null; do :; done; cat log",
      fs.directory());
  EXPECT_NE(ran.out.find("[warning] cannot remove"), std::string::npos) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("] unmounted "), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace mappedpages
