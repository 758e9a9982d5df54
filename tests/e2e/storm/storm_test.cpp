// The proofs that can go on for days, in the size of a test. What each is about stands in its file.
#include <gtest/gtest.h>

#include <iostream>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/proof.hpp"

namespace mappedpages::test::storm {
namespace {

class Storm : public testing::Test {
 protected:
  void SetUp() override { need_fuse(); }

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

TEST_F(Storm, KilledWritersCommitNothing) {
  Outcome outcome = expect_proof("client-kills", 300);
  EXPECT_GT(outcome.counts["killed_between_writes"], 0U);
  EXPECT_GT(outcome.counts["killed_in_commit"], 0U);
}

TEST_F(Storm, FilesHoldWhatTheModelHolds) {
  Outcome outcome = expect_proof("fsx", 1'000'000);
  EXPECT_GT(outcome.counts["commits"], 0U);
}

}  // namespace
}  // namespace mappedpages::test::storm
