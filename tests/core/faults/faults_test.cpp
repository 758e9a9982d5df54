// Faults at every I/O position of every operation of the engine: promises R6 and R7. What is right:
// fault_life.cpp.
#include <gtest/gtest.h>

#include <iostream>

#include "fault_run.hpp"

namespace mappedpages::test {
namespace {

void expect_none(const FaultOutcome& outcome) {
  EXPECT_FALSE(outcome.violation) << outcome.violation.value_or("");
  const FaultTally& tally = outcome.tally;
  std::cout << tally.lives << " lives, " << tally.injections << " injections: " << tally.invisible
            << " invisible, " << tally.latched << " latched, " << tally.repeated << " repeated, "
            << tally.openings << " in openings\n";
}

TEST(EngineFaults, EveryPositionOfEveryOperation) {
  for (const FaultBase& base : fault_bases()) expect_none(every_position(base, all_operations()));
}

TEST(EngineFaults, EveryPositionOfTheOpening) {
  for (const FaultBase& base : fault_bases()) expect_none(every_position_of_the_opening(base));
}

/// Page 0 is written twice there.
TEST(EngineFaults, EveryPositionWhereABlockIsAddedPastTheFirstSector) {
  std::vector<Operation> adding;
  for (const Operation& operation : all_operations()) {
    if (operation.name == "alloc_protected") adding.push_back(operation);
  }
  ASSERT_EQ(adding.size(), 1U);
  expect_none(every_position(far_base(), adding));
}

/// What fault_campaign does without end.
TEST(EngineFaults, RandomLives) {
  const FaultOutcome outcome = run_random(1, {.lives = 300});
  expect_none(outcome);
  EXPECT_GT(outcome.tally.injections, 300U);
  EXPECT_GT(outcome.tally.repeated, 10U);
  EXPECT_GT(outcome.tally.openings, 30U);
}

}  // namespace
}  // namespace mappedpages::test
