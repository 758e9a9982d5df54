// Processes: who is dying, and the handshake between a daemon and the one who started it.
#include "fs/process.hpp"

#include <gtest/gtest.h>
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
