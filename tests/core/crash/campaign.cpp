#include "campaign.hpp"

#include <cstdlib>

namespace mappedpages::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
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

Outcome run_as_given(const Campaign& campaign) {
  Outcome outcome;
  for (std::uint64_t n = 0; n < campaign.lives; ++n) {
    // The seed alone says what the life is, so that it can be had again without those before it.
    const std::uint64_t seed = campaign.seed + n;
    const Base& base = campaign.bases[seed % campaign.bases.size()];
    Life life(seed, campaign.options, base, outcome.tally);
    ++outcome.tally.lives;
    life.run();
    if (life.violation()) {
      outcome.violation = life.violation();
      outcome.base = base.name;
      break;
    }
  }
  return outcome;
}

}  // namespace mappedpages::test
