// SEMANTICS "The mount": what mount(8), fstab and systemd do with it.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/file_descriptor.hpp"
#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

namespace stdfs = std::filesystem;

// --- mount(8)

class MountByMount : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (need_root(); IsSkipped()) return;
    if (::access("/usr/sbin/mount.fuse3", X_OK) != 0) GTEST_SKIP() << "there is no mount.fuse3";
  }
  /// Runs a line in a world in which the daemon is installed; mount(8) has a PATH of its own.
  [[nodiscard]] test::Ran installed(const std::string& line) const {
    return test::in_own_world(
        "set -e; mount -t tmpfs none /usr/local/bin; "
        "cp $(command -v mappedpagesfs) /usr/local/bin; " +
            line,
        fs.directory());
  }
};

TEST_F(MountByMount, MountsUnmountsAndShowsWhatItIs) {
  const test::Ran ran = installed(
      "mappedpages -q create 'a b'; mount -t fuse.mappedpagesfs 'a b' m; mkdir m/alloc/pages/x; "
      "ls m/pages; mount | grep -c \"^$PWD/a b on $PWD/m type fuse.mappedpagesfs (rw,nosuid,nodev,"
      "noexec,\"; df -T m | grep -o 'a b *fuse.mappedpagesfs'; findmnt -n -o FSTYPE m; "
      "findmnt -n -o SOURCE m; umount m; mountpoint -q m || echo gone");
  EXPECT_EQ(ran.code, 0) << ran.err;
  const std::string here = fs.directory().string();
  EXPECT_EQ(ran.out, "3\n1\na b fuse.mappedpagesfs\nfuse.mappedpagesfs\n" + here + "/a b\ngone\n");
}

TEST_F(MountByMount, ALineOfFstab) {
  const test::Ran ran = installed(
      "mappedpages -q create 'a b'; "
      "echo \"$PWD/a\\040b $PWD/m fuse.mappedpagesfs noauto,_netdev,nofail,x-systemd.automount,"
      "X-mount.mkdir,comment=x,user,dev,suid,exec,noatime,commit=fsync,umask=022 0 0\" > fstab; "
      "mount -T fstab $PWD/m; stat -c %a m/pages; findmnt -n -o OPTIONS m | grep -c '^rw,nosuid,"
      "nodev,noexec,'; umount m; "
      "mount -T fstab -o ro $PWD/m; findmnt -n -o OPTIONS m | grep -c '^ro,'; umount m; "
      "sed -i s/noauto,// fstab; mount -T fstab -a; ls m; umount m");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "755\n1\n1\nalloc\npages\nprotected\n");
}

TEST_F(MountByMount, TheLineInTheReadme) {
  const test::Ran ran = installed(
      "mappedpages -q create 'my pages.db'; sed -n 's#^/var/lib/#'$PWD'/#; "
      "s# /srv/pages # '$PWD'/m #p' " MAPPEDPAGES_FIXTURES
      "/../../README.md > fstab; wc -l < fstab; mount -T fstab -a; "
      "stat -c %a m/pages; umount m");
  EXPECT_EQ(ran.out, "1\n755\n") << ran.err;
}

TEST_F(MountByMount, TellsWhyItDidNot) {
  const test::Ran ran = installed(
      "mount -t fuse.mappedpagesfs nothing m || echo $?; "
      "mappedpages -q create db; mount -t fuse.mappedpagesfs db m -o frobnicate || echo $?; "
      "mount -t fuse.mappedpagesfs db m -o untrusted,ro; "
      "echo \"$PWD/db $PWD/m fuse.mappedpagesfs defaults 0 0\" > fstab; "
      "mount -T fstab -o remount,rw $PWD/m || echo $?");
  EXPECT_EQ(ran.out, "2\n1\n1\n");
  for (const char* word : {"there is no file nothing", "unknown option -o frobnicate",
                           "unmount it, then mount it anew"}) {
    EXPECT_NE(ran.err.find(word), std::string::npos) << ran.err;
  }
}

// --- systemd

/// A service manager's socket, and what came to it.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& name) {
    socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~NotifySocket() { ::unsetenv("NOTIFY_SOCKET"); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// The next message; empty if there is none.
  [[nodiscard]] std::string next(int milliseconds = 20000) const {
    pollfd waited{socket_.get(), POLLIN, 0};
    if (::poll(&waited, 1, milliseconds) != 1) return {};
    char text[1024];
    const ssize_t size = ::recv(socket_.get(), text, sizeof text, 0);
    return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  FileDescriptor socket_;
};

class MountForSystemd : public test::MountedTest {
 protected:
  [[nodiscard]] std::string ready(pid_t pid) const {
    return "READY=1\nMAINPID=" + std::to_string(pid) + "\nSTATUS=serving " + fs.db().string() +
           " on " + fs.mountpoint().string() + "\n";
  }
  [[nodiscard]] std::string stopping() const {
    return "STOPPING=1\nSTATUS=flushing " + fs.db().string() + "\n";
  }
};

TEST_F(MountForSystemd, TheBackgroundTellsWhenItIsReadyAndWhenItStops) {
  for (const std::string& name :
       {(fs.directory() / "notify").string(), "@" + fs.directory().string() + "/abstract"}) {
    const NotifySocket manager(name);
    fs.mount();
    // Sent by the parent, and so before it returned.
    EXPECT_EQ(manager.next(0), ready(fs.pid()));
    EXPECT_EQ(manager.next(0), "");
    fs.unmount();
    EXPECT_EQ(manager.next(), stopping());
    EXPECT_EQ(manager.next(0), "");
  }
}

TEST_F(MountForSystemd, TheForegroundTellsWhenTheMountIsUsable) {
  const NotifySocket manager((fs.directory() / "notify").string());
  const test::Ran ran = test::shell("\"" MAPPEDPAGESFS
                                    "\" -f --create --pidfile pid db m 2>log & p=$!; "
                                    "until [ -e pid ]; do :; done; echo $p; kill $p; wait $p",
                                    fs.directory());
  ASSERT_EQ(ran.code, 0);
  EXPECT_EQ(manager.next(0), ready(std::stoi(ran.out)));
  EXPECT_EQ(manager.next(0), stopping());
}

/// A signal that comes while the daemon is about to sleep for the first time.
TEST_F(MountForSystemd, AStopRightBehindTheStartIsNotSleptThrough) {
  const test::Ran ran = test::shell("for i in $(seq 40); do \"" MAPPEDPAGESFS
                                    "\" -f --create --pidfile pid db m 2>log & p=$!; "
                                    "until [ -e pid ]; do :; done; "
                                    "kill $p; wait $p || exit 1; done",
                                    fs.directory());
  EXPECT_EQ(ran.code, 0);
}

TEST_F(MountForSystemd, AMountThatFailsIsNotReady) {
  const NotifySocket manager((fs.directory() / "notify").string());
  EXPECT_EQ(fs.try_mount({}).code, 2);
  EXPECT_EQ(fs.try_mount({"-f"}).code, 2);
  EXPECT_EQ(manager.next(0), "");
}

TEST_F(MountForSystemd, AManagerThatIsNotThereIsNoReasonToFail) {
  for (const std::string name : {"/nowhere/at/all", "relative", "@", "", "/dev/null"}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    const test::Ran ran = fs.try_mount({"--create"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err.empty(), name.empty()) << ran.err;
    fs.unmount();
  }
  ::setenv("NOTIFY_SOCKET", std::string(200, '/').c_str(), 1);
  fs.mount();
  ::unsetenv("NOTIFY_SOCKET");
}

/// The unit that is installed, as far as systemd itself does not have to be asked.
TEST_F(MountForSystemd, TheUnitStartsWhatIsThere) {
  std::ostringstream text;
  text << std::ifstream(MAPPEDPAGES_UNIT).rdbuf();
  const std::string unit = text.str();
  for (const char* line : {"\nType=notify\n", "\nEnvironmentFile=/etc/mappedpages/%i.conf\n"}) {
    EXPECT_NE(unit.find(line), std::string::npos) << line;
  }
  // Its own command, with the variables of a configuration, mounts.
  const std::size_t at = unit.find("\nExecStart=") + 11;
  std::string command = unit.substr(at, unit.find('\n', at) - at);
  command.replace(0, command.find(' '), "\"" MAPPEDPAGESFS "\"");
  const NotifySocket manager((fs.directory() / "notify").string());
  const test::Ran ran = test::shell("OPTIONS=--create DB=db MOUNTPOINT=m; set -- " + command +
                                        "; \"$@\" 2>log & p=$!; until grep -q ' mounted ' log; do "
                                        ":; done; ls m; kill $p; wait $p",
                                    fs.directory());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "alloc\npages\nprotected\n");
  EXPECT_TRUE(manager.next(0).starts_with("READY=1\n"));
  if (test::run({"systemd-analyze", "--version"}).code != 0) return;
  const auto copy = fs.directory() / "mappedpagesfs@.service";
  std::ofstream(copy) << unit.substr(0, at) + "/bin/true" + unit.substr(unit.find(' ', at));
  const test::Ran verified = test::run({"systemd-analyze", "verify", "--man=no", copy.string()});
  EXPECT_EQ(verified.code, 0) << verified.err;
  EXPECT_EQ(verified.err.find("mappedpagesfs@"), std::string::npos) << verified.err;
}

}  // namespace
}  // namespace mappedpages
