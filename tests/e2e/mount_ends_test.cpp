// SEMANTICS "The mount": what is running when the end comes is finished, and told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>.
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>

#include "base/file_descriptor.hpp"
#include "e2e/faulty_mount.hpp"

namespace mappedpages::test {
namespace {

/// Holds a flush of the device from when it begins until it is let go.
class HeldFlush {
 public:
  explicit HeldFlush(FaultyDevice& device) : device_(device) {
    device.before_sync([this] {
      begun_.set_value();
      go_.get_future().wait();
    });
  }
  ~HeldFlush() { let_go(); }
  HeldFlush(const HeldFlush&) = delete;
  HeldFlush& operator=(const HeldFlush&) = delete;

  /// False: there was none for half a minute.
  bool has_begun() {
    return begun_.get_future().wait_for(std::chrono::seconds{30}) == std::future_status::ready;
  }
  void let_go() {
    if (!std::exchange(held_, false)) return;
    device_.before_sync({});
    go_.set_value();
  }

 private:
  FaultyDevice& device_;
  std::promise<void> begun_;
  std::promise<void> go_;
  bool held_ = true;
};

class MountEnds : public FaultyMount {
 protected:
  /// How many threads of the daemon take requests: libfuse starts them with these signals blocked.
  [[nodiscard]] int threads_of_loop() const {
    const std::string line = "SigBlk:.0000000000004007";  // SIGHUP, SIGINT, SIGQUIT, SIGTERM.
    const Ran ran = shell(
        "cat /proc/" + std::to_string(fs.pid()) + "/task/*/status | grep -c '" + line + "'", "/");
    return std::stoi(ran.out);
  }

  /// False: it goes on for half a minute.
  [[nodiscard]] bool wait_for_end_of_loop() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (threads_of_loop() > 0) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }
};

TEST_F(MountEnds, TheRunningCommitIsFinishedAndAcknowledged) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    mount_base();
    const FileDescriptor page(
        ::open((fs.mountpoint() / "protected/0").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::write(page.get(), "new", 3), 3);
    HeldFlush flush(*device);
    auto acknowledged = std::async(std::launch::async, [&page] { return ::fsync(page.get()); });
    ASSERT_TRUE(flush.has_begun());
    ASSERT_EQ(::kill(fs.pid(), signal), 0);
    flush.let_go();
    EXPECT_EQ(acknowledged.get(), 0);
    fs.signal(0);
    EXPECT_EQ(look_at_disk()["protected/0"].substr(0, 4), "newP");
  }
}

/// Renames have a thread of their own.
TEST_F(MountEnds, TheRunningRenameIsFinishedAndAcknowledged) {
  mount_base();
  fs.ok("printf new > protected/staged");
  HeldFlush flush(*device);
  auto acknowledged = std::async(std::launch::async, [this] {
    return std::rename((fs.mountpoint() / "protected/staged").c_str(),
                       (fs.mountpoint() / "protected/0").c_str());
  });
  ASSERT_TRUE(flush.has_begun());
  ASSERT_GT(threads_of_loop(), 0);
  ASSERT_EQ(::kill(fs.pid(), SIGTERM), 0);
  ASSERT_TRUE(wait_for_end_of_loop());
  flush.let_go();
  EXPECT_EQ(acknowledged.get(), 0);
  fs.signal(0);
  EXPECT_EQ(look_at_disk()["protected/0"].substr(0, 4), std::string("new\0", 4));
}

TEST_F(MountEnds, FurtherSignalsDoNotCutTheLastFlushShort) {
  mount_base();
  fs.ok("printf kept | dd of=pages/3 conv=notrunc status=none");
  HeldFlush flush(*device);
  ASSERT_EQ(::kill(fs.pid(), SIGTERM), 0);
  ASSERT_TRUE(flush.has_begun());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) {
    ASSERT_EQ(::kill(fs.pid(), signal), 0);
  }
  flush.let_go();
  fs.signal(0);
  EXPECT_NE(log().find("] unmounted "), std::string::npos) << log();
  EXPECT_EQ(disk->pending().size(), 0U) << "written, and not flushed";
  EXPECT_EQ(look_at_disk()["pages/3"].substr(0, 5), "keptD");
}

/// The next mount does not come before the last flush.
TEST_F(MountEnds, TheLockIsHeldUntilTheLastFlush) {
  mount_base();
  fs.ok("printf kept | dd of=pages/3 conv=notrunc status=none");
  const FileDescriptor db(::open(fs.db().c_str(), O_RDWR | O_CLOEXEC));
  HeldFlush flush(*device);
  ASSERT_EQ(shell("fusermount3 -u m", fs.directory()).code, 0);
  ASSERT_TRUE(flush.has_begun());
  EXPECT_EQ(::flock(db.get(), LOCK_EX | LOCK_NB), -1);
  flush.let_go();
  fs.signal(0);
  EXPECT_EQ(::flock(db.get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(MountEnds, AFailureAtTheEndIsExitCode8) {
  const auto live = [this] {
    return shell("\"" MAPPEDPAGESFS
                 "\" -f --pidfile pid db m 2>log & p=$!; until [ -e pid ]; do :; done; "
                 "printf lost | dd of=m/pages/3 conv=notrunc status=none; "
                 "kill $p; wait $p; echo $?; tail -n 1 log",
                 fs.directory())
        .out;
  };
  device->heal();
  EXPECT_TRUE(live().starts_with("0\n"));
  // The last change of the file is that flush.
  device->fail({.scope = FaultScope::Changes, .nth = device->calls(FaultScope::Changes)});
  const std::string said = live();
  EXPECT_TRUE(said.starts_with("8\nmappedpagesfs: ")) << said;
  EXPECT_NE(said.find("cannot flush"), std::string::npos) << said;
  ASSERT_EQ(device->met().size(), 1U);
  EXPECT_EQ(device->met().front().call, FileCall::Sync);
}

}  // namespace
}  // namespace mappedpages::test
