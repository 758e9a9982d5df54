// Many lives from many files, until the first violation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bases.hpp"
#include "life.hpp"

namespace mappedpages::test {

struct Campaign {
  LifeOptions options;
  std::vector<Base> bases;   ///< Lives start from them in turn.
  std::uint64_t length = 0;  ///< Lives do each sequence of so many acts in turn.
  std::uint64_t lives = 0;
  std::uint64_t seed = 1;
};

/// What came of it.
struct Outcome {
  Tally tally;
  std::optional<Violation> violation;
  std::string base;  ///< Of the life that the violation is in.

  /// Everything that is needed to see the violation again.
  [[nodiscard]] std::string report() const;
};

/// Runs one life. The seed alone says what it is, so that it can be had again without others.
Outcome run_life(const Campaign& campaign, std::uint64_t seed, Tally tally = {});

/// Runs the lives with seeds from `seed` on. MAPPEDPAGES_CRASH_LIVES multiplies their number;
/// MAPPEDPAGES_CRASH_SEED replaces the first seed.
Outcome run(const Campaign& campaign);

/// The same, and nothing in the environment changes it.
Outcome run_as_given(const Campaign& campaign);

}  // namespace mappedpages::test
