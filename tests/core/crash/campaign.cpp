#include "campaign.hpp"

#include <cstdlib>
#include <utility>

namespace mappedpages::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// The digits of a number are acts.
std::vector<Act> sequence(std::uint64_t number, std::uint64_t length) {
  std::vector<Act> acts;
  for (; length > 0; --length, number /= kActs) acts.push_back(static_cast<Act>(number % kActs));
  return acts;
}

}  // namespace

std::string Outcome::report() const {
  if (!violation) return "no violation; " + tally.summary();
  return "seed " + std::to_string(violation->seed) + ", from " + base + ": " + violation->what +
         "\n" + violation->trace +
         "  again: MAPPEDPAGES_CRASH_SEED=" + std::to_string(violation->seed) + " and this test\n";
}

Outcome run(const Campaign& campaign) {
  Campaign asked = campaign;
  asked.seed = from_environment("MAPPEDPAGES_CRASH_SEED", campaign.seed);
  asked.lives *= from_environment("MAPPEDPAGES_CRASH_LIVES", 1);
  return run_as_given(asked);
}

Outcome run_life(const Campaign& campaign, std::uint64_t seed, Tally tally) {
  Outcome outcome;
  outcome.tally = std::move(tally);
  const Base& base = campaign.bases[seed % campaign.bases.size()];
  LifeOptions options = campaign.options;
  const auto acts = sequence(seed / campaign.bases.size(), campaign.length);
  options.acts.insert(options.acts.end(), acts.begin(), acts.end());
  Life life(seed, options, base, outcome.tally);
  ++outcome.tally.lives;
  life.run();
  outcome.violation = life.violation();
  if (outcome.violation) outcome.base = base.name;
  return outcome;
}

Outcome run_as_given(const Campaign& campaign) {
  Outcome outcome;
  for (std::uint64_t n = 0; n < campaign.lives && !outcome.violation; ++n) {
    outcome = run_life(campaign, campaign.seed + n, std::move(outcome.tally));
  }
  return outcome;
}

}  // namespace mappedpages::test
