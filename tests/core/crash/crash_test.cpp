// Crash-state enumeration: promises R1, R2, R3, R6 and R8 over lives of a file. What a life is:
// life.hpp; what is right: oracle.hpp.
//
// MAPPEDPAGES_CRASH_LIVES=100 makes each test a hundred times as long; MAPPEDPAGES_CRASH_SEED=n
// starts with life n.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>

#include "plans.hpp"
#include "support/sanitized.hpp"

namespace mappedpages::test {
namespace {

// The sanitizers cost much; they look for other mistakes than the oracle does.
constexpr std::uint64_t kShare = kSanitized ? 10 : 1;

/// Runs a plan and expects no violation, and so many distinct images at least.
Outcome expect_no_violation(const char* name, std::uint64_t least_images) {
  Campaign campaign = plan(name);
  campaign.lives = (campaign.lives + kShare - 1) / kShare;
  const Outcome outcome = run(campaign);
  std::cout << outcome.tally.summary() << '\n';
  testing::Test::RecordProperty("states", std::to_string(outcome.tally.states));
  testing::Test::RecordProperty("distinct_images", std::to_string(outcome.tally.images->size()));
  EXPECT_FALSE(outcome.violation) << outcome.report();
  if (!outcome.violation) {
    EXPECT_GE(outcome.tally.images->size(), least_images / kShare);
  }
  return outcome;
}

TEST(CrashEnumeration, SmallFiles) {
  const Outcome outcome = expect_no_violation("small-files", 150'000);
  EXPECT_GT(outcome.tally.kills, 0U);
  EXPECT_GT(outcome.tally.power_cuts, 0U);
  EXPECT_GT(outcome.tally.crate_sessions, 0U);
  EXPECT_GT(outcome.tally.crate_right, 0U);
  EXPECT_GT(outcome.tally.nested, 0U);
  EXPECT_GT(outcome.tally.batches, 200U / kShare);
  EXPECT_GT(outcome.tally.moved, 50U / kShare);
}

TEST(CrashEnumeration, UsersWhoForgeDirectories) {
  expect_no_violation("forged-directories", 100'000);
}

TEST(CrashEnumeration, FailedFlushesAndKills) {
  const Outcome outcome = expect_no_violation("failed-flushes", 60'000);
  EXPECT_GT(outcome.tally.failed_flushes, 0U);
}

TEST(CrashEnumeration, DirectoryBlocksPastTheFirstSector) {
  const Outcome outcome = expect_no_violation("far-blocks", 5'000);
  EXPECT_GT(outcome.tally.far_groups, 20U / kShare);
}

TEST(CrashEnumeration, FilesOfTheCrate) {
  expect_no_violation("files-of-the-crate", 60'000);
}

TEST(CrashEnumeration, PagesOf4096And65536Bytes) {
  expect_no_violation("larger-pages", 15'000);
}

TEST(CrashEnumeration, EverySubsetOfUpTo12Sectors) {
  expect_no_violation("every-subset", 150'000);
}

TEST(CrashEnumeration, EverySequenceOfThreeOperations) {
  // A part of the lives are the first sequences, which do the least.
  expect_no_violation("every-sequence", kShare == 1 ? 100'000 : 20'000);
}

TEST(CrashEnumeration, FailedFlushesAfterTheCrateTookForgedPages) {
  expect_no_violation("forged-then-failed", 20'000);
}

TEST(CrashEnumeration, GenerationsHiddenByAGroupThatRanOutOfSpace) {
  expect_no_violation("hidden-generations", 200);
}

TEST(CrashEnumeration, GenerationsAround2To32) {
  expect_no_violation("generations-at-2-to-32", 20'000);
}

}  // namespace
}  // namespace mappedpages::test
