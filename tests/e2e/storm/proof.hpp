// Proofs through a real mount that can go on for a second or a day: lives of a mounted file, each
// made from a seed alone, until one of them shows something that must not be.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mappedpages::test::storm {

/// What lives of a proof did, and what was wrong.
struct Outcome {
  std::map<std::string, std::uint64_t> counts;
  std::vector<std::string> violations;
  std::uint64_t seed = 0;  ///< Of the last life: that of the violations, if there are any.

  void count(const std::string& what, std::uint64_t by = 1) { counts[what] += by; }
  void violate(std::string what) { violations.push_back(std::move(what)); }
  [[nodiscard]] bool ok() const { return violations.empty(); }

  /// The counts, or all that is needed to see the violation again.
  [[nodiscard]] std::string report(std::string_view proof) const;
};

/// One life: makes a file, mounts it, does what `seed` says and leaves nothing behind.
using Live = void (*)(std::uint64_t seed, Outcome& outcome);

struct Proof {
  std::string_view name;  ///< As on the command line of the campaign.
  std::string_view unit;  ///< The count that a budget is measured in.
  Live live;
};

/// All that the campaign can run.
std::span<const Proof> proofs();
const Proof& proof_of(std::string_view name);

struct Budget {
  std::uint64_t seed = 1;            ///< Of the first life; the next one has the next.
  std::uint64_t size = UINT64_MAX;   ///< Ends behind the life that has counted so much.
  std::uint64_t lives = UINT64_MAX;  ///< At most so many.
  std::chrono::nanoseconds time = std::chrono::nanoseconds::max();  ///< No life starts later.
};

/// Called behind each life. False: enough.
using Progress = std::function<bool(const Outcome& so_far)>;

/// Lives until the budget is used up or something was wrong.
Outcome prove(const Proof& proof, const Budget& budget, const Progress& progress = {});

}  // namespace mappedpages::test::storm
