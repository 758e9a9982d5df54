// Many lives on disks that fail, until the first violation: every position once, or at random.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fault_life.hpp"

namespace mappedpages::test {

struct FaultOutcome {
  FaultTally tally;
  std::optional<std::string> violation;
  std::uint64_t seed = 0;  ///< Of the last life: the one with the violation.
};

/// Small files of this engine and of the crate, after closes and crashes.
const std::vector<FaultBase>& fault_bases();

/// A file whose next directory block is the first that page 0 names behind its first sector.
const FaultBase& far_base();

/// Each operation on a base, with each kind of fault at each position. What follows is a close, a
/// kill or a power cut in turn.
FaultOutcome every_position(const FaultBase& base, std::span<const Operation> operations);

/// The same of the opening.
FaultOutcome every_position_of_the_opening(const FaultBase& base);

/// How long a run is: the number of lives, and the time, whatever comes first.
struct FaultBudget {
  std::uint64_t lives = ~std::uint64_t{0};
  std::chrono::steady_clock::duration time = std::chrono::hours(24 * 365);
};

/// Lives of random operations with random faults, on the bases. Life n has the seed `seed` + n, and
/// that alone says what it is.
FaultOutcome run_random(std::uint64_t seed, const FaultBudget& budget);

}  // namespace mappedpages::test
