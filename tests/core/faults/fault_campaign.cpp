// The long run of what faults_test.cpp does for a moment: random lives on disks that fail.
//
// usage: fault_campaign [--seed S] [--minutes M] [--lives N] [--json]
//
// Ends when the time is over, after N lives, or at the first violation. Life n has the seed S + n.
// Exit code 0: no violation. 1: one, told on stderr with the command that repeats it. 2: usage.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "fault_run.hpp"

namespace mappedpages::test {
namespace {

struct Asking {
  std::uint64_t seed = 1;
  double minutes = 1;
  std::uint64_t lives = ~std::uint64_t{0};
  bool json = false;
};

std::optional<Asking> asked_for(int count, char** words) {
  Asking asking;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--json") {
      asking.json = true;
      continue;
    }
    if (i + 1 == count) return std::nullopt;
    const char* const text = words[++i];
    char* end = nullptr;
    if (word == "--seed") {
      asking.seed = std::strtoull(text, &end, 10);
    } else if (word == "--lives") {
      asking.lives = std::strtoull(text, &end, 10);
    } else if (word == "--minutes") {
      asking.minutes = std::strtod(text, &end);
    }
    if (end == nullptr || end == text || *end != '\0') return std::nullopt;
  }
  return asking;
}

void print(const Asking& asking, const FaultOutcome& outcome, double seconds) {
  const FaultTally& tally = outcome.tally;
  const auto per_second = static_cast<double>(tally.injections) / std::max(seconds, 1e-9);
  const std::pair<const char*, std::uint64_t> counts[] = {
      {"lives", tally.lives},           {"operations", tally.operations},
      {"injections", tally.injections}, {"invisible", tally.invisible},
      {"latched", tally.latched},       {"repeated", tally.repeated},
      {"openings", tally.openings},     {"endings", tally.endings},
  };
  std::string text;
  for (const auto& [name, value] : counts) {
    if (!text.empty()) text += ", ";
    text += asking.json ? '"' + std::string(name) + "\": " : std::string(name) + ' ';
    text += std::to_string(value);
  }
  const int violations = outcome.violation ? 1 : 0;
  if (!asking.json) {
    std::printf("seed %" PRIu64 ", %s, violations %d, seconds %.1f, injections a second %.0f\n",
                asking.seed, text.c_str(), violations, seconds, per_second);
    return;
  }
  // As the other programs of scripts/campaign.
  const std::uint64_t last_seed =
      outcome.violation ? outcome.seed : asking.seed + std::max<std::uint64_t>(tally.lives, 1) - 1;
  std::printf("{\"proof\": \"faults\", \"first_seed\": %" PRIu64 ", \"last_seed\": %" PRIu64
              ", \"seconds\": %.1f, \"counts\": {%s}, \"violations\": %d}\n",
              asking.seed, last_seed, seconds, text.c_str(), violations);
}

int run(int count, char** words) {
  const auto asking = asked_for(count, words);
  if (!asking) {
    std::cerr << "usage: fault_campaign [--seed S] [--minutes M] [--lives N] [--json]\n";
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto time = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double, std::ratio<60>>(asking->minutes));
  const FaultOutcome outcome = run_random(asking->seed, {.lives = asking->lives, .time = time});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  print(*asking, outcome, took.count());
  if (!outcome.violation) return 0;
  std::cerr << "seed " << outcome.seed << ": " << *outcome.violation
            << "again: fault_campaign --seed " << outcome.seed << " --lives 1\n";
  return 1;
}

}  // namespace
}  // namespace mappedpages::test

int main(int count, char** words) {
  return mappedpages::test::run(count, words);
}
