// Promises R6 and R7 through the mount: whatever fails below the daemon, the mount stays up, reads
// work, the caller is told, the log says why, and the next mount serves what was acknowledged.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "e2e/faulty_mount.hpp"
#include "support/sanitized.hpp"

namespace mappedpages::test {
namespace {

class MountFaults : public FaultyMount {
 protected:
  /// What the mount shows without and with the operation.
  struct States {
    PageContents before;
    PageContents after;
  };

  States states_of(const MountOperation& operation) {
    mount_base();
    States states{look(true), {}};
    EXPECT_EQ(operation.run(fs.mountpoint()), 0) << operation.name;
    states.after = look(true);
    fs.unmount();
    EXPECT_TRUE(look_at_disk() == states.after);
    return states;
  }

  /// Whether they are the same, but for the bytes of one page.
  static bool same_but(const std::string& page, PageContents a, PageContents b) {
    if (!page.empty()) a[page] = b[page] = "?";
    return a == b;
  }

  /// One fault in one operation, and all that has to hold after it. False: it was not met.
  bool inject(const MountOperation& operation, const States& states, const DeviceFault& fault);

  void judge(const MountOperation& operation, const States& states, int os_error, bool latches);
  void expect_read_only();
  void end_and_compare(const MountOperation& operation, const States& states, bool latched,
                       int os_error);
  void every_position(const DeviceFault& kind);

  std::uint64_t injections_ = 0;
  std::uint64_t latched_ = 0;
  Random random_{1};
};

bool is_no_space(int os_error) {
  return os_error == ENOSPC || os_error == EDQUOT;
}

bool MountFaults::inject(const MountOperation& operation, const States& states,
                         const DeviceFault& fault) {
  mount_base();
  device->fail(fault);
  const int os_error = operation.run(fs.mountpoint());
  const auto met = device->met();
  device->heal();
  if (met.empty()) {
    EXPECT_EQ(os_error, 0);
    fs.unmount();
    return false;
  }
  ++injections_;
  SCOPED_TRACE(operation.name + ", position " + std::to_string(fault.nth) + ", a " +
               name_of(met.front().call) + " fails with " + std::to_string(fault.os_error));
  bool latches = false;
  for (const DeviceCall& call : met) {
    latches =
        latches || call.flushes() || (call.call != FileCall::Read && !is_no_space(call.os_error));
  }
  latched_ += latches ? 1 : 0;
  judge(operation, states, os_error, latches);
  end_and_compare(operation, states, latches, os_error);
  return !HasFailure();
}

void MountFaults::judge(const MountOperation& operation, const States& states, int os_error,
                        bool latches) {
  EXPECT_EQ(::kill(fs.pid(), 0), 0) << "the daemon is up";
  EXPECT_FALSE(latches && os_error == 0) << "it was told that all is well";
  if (os_error == 0) {
    // The kernel reads again what it could not read ahead.
    EXPECT_TRUE(look(true) == states.after);
    return;
  }
  EXPECT_TRUE(os_error == EIO || is_no_space(os_error)) << os_error;
  EXPECT_NE(log().find("[error]"), std::string::npos) << "no reason in the log: " << log();
  const std::string reason = fs.ok("cat .ctl/last_error");
  EXPECT_NE(reason.find(std::string(": ") + ::strerrorname_np(os_error) + ": "), std::string::npos)
      << os_error << " is told as: " << reason;
  EXPECT_NE(reason.find(is_no_space(os_error) ? "the disk" : "the disk below"), std::string::npos)
      << reason;
  EXPECT_TRUE(reason.ends_with(')')) << "what the engine says: " << reason;
  const PageContents seen = look(false);
  EXPECT_TRUE(same_but(operation.unsettles, seen, states.before));
  if (latches) return expect_read_only();
  EXPECT_EQ(operation.run(fs.mountpoint()), 0) << "the same call works afterwards";
  EXPECT_TRUE(look(true) == states.after);
}

void MountFaults::expect_read_only() {
  for (const MountOperation& operation : mount_operations()) {
    const int os_error = operation.run(fs.mountpoint());
    EXPECT_EQ(os_error, operation.changes ? EROFS : 0) << operation.name;
  }
  EXPECT_NE(log().find("read-only since an earlier failure"), std::string::npos) << log();
}

void MountFaults::end_and_compare(const MountOperation& operation, const States& states,
                                  bool latched, int os_error) {
  const std::uint64_t ending = random_.below(3);
  if (ending == 0) {
    fs.unmount();
    disk->kill();
  } else {
    crash(ending == 2, random_);
  }
  const bool acknowledged = os_error == 0 || !latched;
  const PageContents left = look_at_disk();
  const std::string unsettled = acknowledged && ending == 0 ? "" : operation.unsettles;
  const bool is_after = same_but(unsettled, left, states.after);
  EXPECT_TRUE(is_after || (!acknowledged && same_but(unsettled, left, states.before)))
      << "another state after ending " << ending;
  if (random_.below(8) != 0) return;
  mount_again();
  EXPECT_TRUE(look(true) == left);
  EXPECT_EQ(mount_operations()[3].run(fs.mountpoint()), 0) << "it is a file to work with";
  fs.unmount();
}

void MountFaults::every_position(const DeviceFault& kind) {
  for (const MountOperation& operation : mount_operations()) {
    if (!operation.changes && kind.scope == FaultScope::Changes) continue;
    const States states = states_of(operation);
    DeviceFault fault = kind;
    const std::uint64_t step = kSanitized ? 4 : 1;
    fault.nth = 1 + random_.below(step);
    while (inject(operation, states, fault)) fault.nth += step;
    if (HasFailure()) return;
  }
  std::cout << injections_ << " injections, " << latched_ << " latched\n";
}

TEST_F(MountFaults, AnErrorAtEveryPosition) {
  every_position({.os_error = EIO, .loses = true});
}

TEST_F(MountFaults, AFullDiskFromEveryPositionOn) {
  every_position({.scope = FaultScope::Changes,
                  .times = DeviceFault::kFromThenOn,
                  .os_error = ENOSPC,
                  .done = .5});
}

TEST_F(MountFaults, ADiskThatTakesNoMoreChangesFromAnyPositionOn) {
  every_position({.scope = FaultScope::Changes,
                  .times = DeviceFault::kFromThenOn,
                  .os_error = EIO,
                  .done = .5});
}

TEST_F(MountFaults, AFullDiskAtEveryPosition) {
  every_position({.scope = FaultScope::Changes, .os_error = ENOSPC});
}

/// The daemon says why it does not start, and does when the disk is well again.
TEST_F(MountFaults, AnErrorAtEveryPositionOfTheMount) {
  constexpr int kCannotOpen = 2;
  bool met = true;
  for (std::uint64_t nth = 1; met; ++nth) {
    SCOPED_TRACE(nth);
    ASSERT_LT(nth, 100U);
    device->fail({.nth = nth, .os_error = EIO, .done = .5, .loses = true});
    const Ran ran = fs.try_mount({});
    met = !device->met().empty();
    device->heal();
    EXPECT_EQ(ran.code, met ? kCannotOpen : 0) << ran.err;
    EXPECT_EQ(ran.err.find("Input/output error") != std::string::npos, met) << ran.err;
    disk->kill();
    if (met) fs.mount({});
    EXPECT_EQ(look(true).size(), 7U);
    fs.unmount();
    EXPECT_EQ(look_at_disk().size(), 7U);
  }
}

/// Nobody waits for the daemon's last flush but the log.
TEST_F(MountFaults, AnErrorOfTheLastFlush) {
  mount_base();
  const PageContents before = look(true);
  fs.ok("printf later | dd of=pages/3 conv=notrunc status=none");
  device->fail({.scope = FaultScope::Changes, .os_error = EIO, .loses = true});
  fs.unmount();
  EXPECT_EQ(device->met().front().call, FileCall::Sync);
  EXPECT_NE(log().find("cannot flush"), std::string::npos) << log();
  device->heal();
  disk->kill();
  EXPECT_TRUE(same_but("pages/3", look_at_disk(), before));
}

/// A flush that is interrupted is not repeated, and is no call to repeat what it was for.
TEST_F(MountFaults, AnInterruptedFlush) {
  const MountOperation& operation = mount_operations()[3];
  mount_base();
  device->fail({.scope = FaultScope::Changes, .nth = 3, .os_error = EINTR});
  EXPECT_EQ(operation.run(fs.mountpoint()), EIO);
  EXPECT_EQ(device->met().front().call, FileCall::Sync);
  EXPECT_NE(log().find("Interrupted"), std::string::npos) << log();
  device->heal();
  expect_read_only();
}

/// The same operations one after another, while calls are interrupted or do only part of their
/// work.
TEST_F(MountFaults, InterruptionsAndShortCallsAreInvisible) {
  std::vector<PageContents> states;
  mount_base();
  const auto run_all = [&](const auto& after_each) {
    for (const MountOperation& operation : mount_operations()) {
      EXPECT_EQ(operation.run(fs.mountpoint()), 0) << operation.name;
      after_each(operation);
      const std::string receipt = (fs.mountpoint() / "alloc").string();
      shell("rmdir " + receipt + "/*/*", fs.directory());
    }
  };
  run_all([&](const MountOperation&) { states.push_back(look(true)); });
  fs.unmount();
  EXPECT_TRUE(look_at_disk() == states.back());
  const DeviceFault interrupted{.scope = FaultScope::Interruptible,
                                .times = DeviceFault::kFromThenOn,
                                .os_error = EINTR,
                                .every = 2};
  const DeviceFault cut_short{.times = DeviceFault::kFromThenOn, .os_error = 0, .done = .4};
  for (const DeviceFault& fault : {interrupted, cut_short}) {
    mount_base();
    device->fail(fault);
    std::size_t at = 0;
    run_all([&](const MountOperation& operation) {
      EXPECT_TRUE(look(true) == states[at++]) << operation.name;
    });
    EXPECT_GT(device->met().size(), 100U);
    fs.unmount();
    device->heal();
    EXPECT_TRUE(look_at_disk() == states.back());
  }
}

}  // namespace
}  // namespace mappedpages::test
