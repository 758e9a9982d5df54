// Crash-state enumeration: promises R1, R2, R3, R6 and R8 over lives of a file. What a life is:
// life.hpp; what is right: oracle.hpp.
//
// MAPPEDPAGES_CRASH_LIVES=100 makes each test a hundred times as long; MAPPEDPAGES_CRASH_SEED=n
// starts with life n.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>

#include "campaign.hpp"

namespace mappedpages::test {
namespace {

// The sanitizers cost much; they look for other mistakes than the oracle does.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kShare = 10;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::uint64_t kShare = 10;
#else
constexpr std::uint64_t kShare = 1;
#endif
#else
constexpr std::uint64_t kShare = 1;
#endif

/// Runs the lives and expects no violation, and so many distinct images at least.
Outcome expect_no_violation(Campaign campaign, std::uint64_t least_images) {
  campaign.lives = (campaign.lives + kShare - 1) / kShare;
  Outcome outcome = run(campaign);
  std::cout << outcome.tally.summary() << '\n';
  testing::Test::RecordProperty("states", std::to_string(outcome.tally.states));
  testing::Test::RecordProperty("distinct_images", std::to_string(outcome.tally.images.size()));
  EXPECT_FALSE(outcome.violation) << outcome.report();
  if (!outcome.violation) {
    EXPECT_GE(outcome.tally.images.size(), least_images / kShare);
  }
  return outcome;
}

TEST(CrashEnumeration, SmallFiles) {
  Campaign campaign;
  campaign.bases = {crate_base(1024, 0, 0), our_base(1024, 5, 3), our_base(1024, 33, 12),
                    our_base(1024, 99, 4)};
  campaign.lives = 500;
  const Outcome outcome = expect_no_violation(std::move(campaign), 150'000);
  EXPECT_GT(outcome.tally.kills, 0U);
  EXPECT_GT(outcome.tally.power_cuts, 0U);
  EXPECT_GT(outcome.tally.crate_sessions, 0U);
  EXPECT_GT(outcome.tally.crate_right, 0U);
  EXPECT_GT(outcome.tally.nested, 0U);
  EXPECT_GT(outcome.tally.batches, 200U / kShare);
  EXPECT_GT(outcome.tally.moved, 50U / kShare);
}

TEST(CrashEnumeration, UsersWhoForgeDirectories) {
  Campaign campaign;
  campaign.options.evil = true;
  campaign.bases = {our_base(1024, 33, 12), our_base(1024, 66, 8), crate_base(1024, 33, 4)};
  campaign.lives = 200;
  expect_no_violation(std::move(campaign), 100'000);
}

TEST(CrashEnumeration, FailedFlushesAndKills) {
  Campaign campaign;
  campaign.options.fail_flush = .05;
  campaign.options.kill = .7;
  campaign.options.evil = true;
  campaign.bases = {our_base(1024, 33, 12), our_base(1024, 66, 8), crate_base(1024, 33, 4)};
  campaign.lives = 200;
  const Outcome outcome = expect_no_violation(std::move(campaign), 60'000);
  EXPECT_GT(outcome.tally.failed_flushes, 0U);
}

TEST(CrashEnumeration, DirectoryBlocksPastTheFirstSector) {
  Campaign campaign;
  campaign.options.max_pages = 2400;
  campaign.options.far = .9;
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 5};
  campaign.bases = {our_base(1024, 28UL * 33, 6), our_base(1024, 29UL * 33 - 4, 6),
                    our_base(1024, 31UL * 33, 0), crate_base(1024, 28UL * 33, 6)};
  campaign.lives = 70;
  const Outcome outcome = expect_no_violation(std::move(campaign), 5'000);
  EXPECT_GT(outcome.tally.far_groups, 20U / kShare);
}

TEST(CrashEnumeration, FilesOfTheCrate) {
  Campaign campaign;
  campaign.options.crate = .6;
  campaign.bases = {fixture_base("protected-1024", 1024), fixture_base("trace-1024-0", 1024),
                    crate_base(1024, 40, 5), crate_base(1024, 70, 0)};
  campaign.lives = 200;
  expect_no_violation(std::move(campaign), 60'000);
}

TEST(CrashEnumeration, PagesOf4096And65536Bytes) {
  Campaign campaign;
  campaign.options.max_pages = 320;
  campaign.options.cuts = {.exhaustive = 64, .of_each_kind = 8};
  campaign.bases = {fixture_base("trace-4096-0", 4096), fixture_base("v010-4096", 4096),
                    our_base(4096, 10, 3), our_base(65536, 3, 2)};
  campaign.lives = 80;
  expect_no_violation(std::move(campaign), 15'000);
}

/// All images of every epoch with up to 12 dirty sectors, after short sessions.
TEST(CrashEnumeration, EverySubsetOfUpTo12Sectors) {
  Campaign campaign;
  campaign.options.sessions = 3;
  campaign.options.groups = 3;
  campaign.options.cuts = {.exhaustive = 4096, .of_each_kind = 12};
  campaign.bases = {crate_base(1024, 0, 0), our_base(1024, 5, 3), our_base(1024, 33, 2)};
  campaign.lives = 150;
  expect_no_violation(std::move(campaign), 150'000);
}

TEST(CrashEnumeration, FailedFlushesAfterTheCrateTookForgedPages) {
  Campaign campaign;
  campaign.options.crate = 0;
  campaign.options.kill = .7;
  campaign.options.sessions = 5;
  campaign.options.groups = 6;
  campaign.options.early_crash = .3;
  campaign.options.fail_flush = .15;
  for (std::uint64_t ahead = 2; ahead < 12; ++ahead) {
    campaign.bases.push_back(forged_base(1024, ahead));
  }
  campaign.lives = 300;
  expect_no_violation(std::move(campaign), 20'000);
}

/// A group that ran out of space left a directory page that no metadata page speaks of, and the one
/// after it was torn: the opening must come out above both, or what is missing in the middle of the
/// torn page is written by doing the same again.
TEST(CrashEnumeration, GenerationsHiddenByAGroupThatRanOutOfSpace) {
  Campaign campaign;
  campaign.options.max_pages = 4096;
  campaign.options.sessions = 1;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 100};
  campaign.bases = {hidden_generation(2048, 28, 1).base, hidden_generation(2048, 28, 3).base};
  Change one_block_more;
  one_block_more.alloc_protected = PageCount{2};
  campaign.options.script = {one_block_more};
  campaign.lives = 4;
  expect_no_violation(std::move(campaign), 200);
}

/// Around the generation at which 32 bits are full.
TEST(CrashEnumeration, GenerationsAround2To32) {
  Campaign campaign;
  campaign.bases = {crate_base(1024, 40, 4, (std::uint64_t{1} << 32U) - 70)};
  campaign.lives = 100;
  expect_no_violation(std::move(campaign), 20'000);
}

}  // namespace
}  // namespace mappedpages::test
