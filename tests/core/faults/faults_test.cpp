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

/// By the number of the base.
class EngineFaultsOn : public testing::TestWithParam<std::size_t> {
 protected:
  const FaultBase& base = fault_bases().at(GetParam());
};

TEST_P(EngineFaultsOn, EveryPositionOfEveryOperation) {
  expect_none(every_position(base, all_operations()));
}

TEST_P(EngineFaultsOn, EveryPositionOfTheOpening) {
  expect_none(every_position_of_the_opening(base));
}

std::string name_of_base(const testing::TestParamInfo<std::size_t>& info) {
  constexpr std::array kNames{"Mixed", "Torn", "WithAFullBlock", "OfTheCrate"};
  return kNames.at(info.param);
}

INSTANTIATE_TEST_SUITE_P(Bases, EngineFaultsOn, testing::Range<std::size_t>(0, 4), name_of_base);

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
