// The proofs that can go on for days, in the size of a test. What each is about stands in its file.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/proof.hpp"
#include "e2e/storm/small_disk.hpp"

namespace mappedpages::test::storm {
namespace {

class Storm : public testing::Test {
 protected:
  void SetUp() override { need_fuse(); }

  /// A test that needs what is not there is skipped, and fails where CI=true.
  static void missing(const std::string& what) {
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string(ci) == "true") FAIL() << what;
    GTEST_SKIP() << what;
  }

  /// Only root can mount a small filesystem; root of some containers cannot either.
  static bool cannot_mount(DiskKind kind) {
    if (::geteuid() != 0) {
      [] { GTEST_SKIP() << "only root can mount a small filesystem"; }();
      return true;
    }
    const std::string problem = SmallDisk(kind).problem();
    if (!problem.empty()) missing(problem);
    return !problem.empty();
  }

  /// Runs a proof until it has counted so much, and expects no violation.
  static Outcome expect_proof(std::string_view name, std::uint64_t size, std::uint64_t seed = 1) {
    Outcome outcome = prove(proof_of(name), {.seed = seed, .size = size});
    std::cout << outcome.report(name) << '\n';
    EXPECT_TRUE(outcome.ok()) << outcome.report(name);
    return outcome;
  }
};

TEST_F(Storm, KilledDaemonsLoseNothingThatWasAcknowledged) {
  Outcome outcome = expect_proof("daemon-kills", 100);
  EXPECT_GT(outcome.counts["kills_while_mounting"], 0U);
  EXPECT_GT(outcome.counts["running"], 0U);
}

TEST_F(Storm, EndedDaemonsFinishWhatTheyAcknowledge) {
  Outcome outcome = expect_proof("daemon-ends", 20);
  EXPECT_GT(outcome.counts["running"], 0U);
}

TEST_F(Storm, KilledWritersCommitNothing) {
  Outcome outcome = expect_proof("client-kills", 300);
  EXPECT_GT(outcome.counts["killed_between_writes"], 0U);
  EXPECT_GT(outcome.counts["killed_in_commit"], 0U);
}

TEST_F(Storm, FilesHoldWhatTheModelHolds) {
  Outcome outcome = expect_proof("fsx", 1'000'000);
  EXPECT_GT(outcome.counts["commits"], 0U);
}

TEST_F(Storm, ManyClientsLoseNoPageAndGetNoneTwice) {
  Outcome outcome = expect_proof("clients", 6000);
  EXPECT_GT(outcome.counts["busy"], 0U);
}

TEST_F(Storm, AFullTmpfsIsAnErrorOfTheCallThatNeedsSpace) {
  if (cannot_mount(DiskKind::Tmpfs)) return;
  expect_proof("full-tmpfs", 120);
}

TEST_F(Storm, AFullExt4IsAnErrorOfTheCallThatNeedsSpace) {
  if (cannot_mount(DiskKind::Ext4)) return;
  expect_proof("full-ext4", 40);
}

TEST_F(Storm, ALimitOfTheFileSizeIsAnErrorOfTheCallThatNeedsSpace) {
  expect_proof("size-limit", 120);
}

TEST_F(Storm, FioVerifiesWhatItWrote) {
  if (run({"fio", "--version"}).code != 0) return missing("there is no fio");
  expect_proof("fio", 18);
}

}  // namespace
}  // namespace mappedpages::test::storm
