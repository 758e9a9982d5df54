// Processes: who is dying, and the handshake between a daemon and the one who started it.
#include "fs/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX.
#include <sys/wait.h>
#include <unistd.h>

#include "fs/handshake.hpp"

namespace mappedpages::fs {
namespace {

TEST(Process, TheLivingAreNotDying) {
  EXPECT_FALSE(is_dying_by_signal(::getpid()));
  EXPECT_FALSE(is_dying_by_signal(1));
}

TEST(Process, WhoCannotBeSeenIsNotDying) {
  EXPECT_FALSE(is_dying_by_signal(0));
  EXPECT_FALSE(is_dying_by_signal(-5));
  EXPECT_FALSE(is_dying_by_signal(0x7FFFFFFF));
}

/// Where the process `pid` is a zombie, its exit is over and its flags are what they were then.
bool zombie_died_by_signal(pid_t pid) {
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  const bool died = is_dying_by_signal(pid);
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  return died;
}

TEST(Process, ASignalIsToldFromAnExit) {
  const pid_t killed = ::fork();
  if (killed == 0) {
    for (;;) ::pause();
  }
  ASSERT_EQ(::kill(killed, SIGTERM), 0);
  EXPECT_TRUE(zombie_died_by_signal(killed));
  const pid_t exited = ::fork();
  if (exited == 0) ::_exit(3);
  EXPECT_FALSE(zombie_died_by_signal(exited));
}

TEST(HandshakeTest, ReadyLetsTheParentGo) {
  const auto done = run_in_background([](Handshake handshake) {
    handshake.ready();
    handshake.failed({ExitCode::Runtime, "too late to matter"});
    return 0;
  });
  EXPECT_TRUE(done);
}

TEST(HandshakeTest, AFailureReachesTheParentWholly) {
  const std::string reason(5000, 'x');
  const auto done = run_in_background([&reason](Handshake handshake) {
    handshake.failed({ExitCode::Damaged, reason});
    return 4;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ExitCode::Damaged);
  EXPECT_EQ(done.error().message, reason);
}

TEST(HandshakeTest, ADaemonThatDiesWithoutAWordIsAFailure) {
  const auto done = run_in_background([](const Handshake&) -> int { ::_exit(3); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ExitCode::Runtime);
}

}  // namespace
}  // namespace mappedpages::fs
