// damage_campaign: two to four flipped bits at a time in small files, for as long as one wants.
//
// A set of bits follows from its seed alone. Prints lines of JSON: one a second, and a last one.
// Ends with 1 at the first set of bits of which something was lost, and says which it was.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "flipper.hpp"

namespace mappedpages::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Wanted {
  std::uint64_t seed = 1;
  std::uint64_t sets = ~std::uint64_t{0};
  double minutes = 1;
};

class DamageCampaign {
 public:
  explicit DamageCampaign(const Wanted& wanted) : wanted_(wanted) {
    flippers_.emplace_back(SampleFile().bytes);
    flippers_.emplace_back(file_after_an_allocation());
    flippers_.emplace_back(file_without_protected_pages());
    flippers_.emplace_back(file_of_the_crate());
  }

  int run() {
    auto told = start_;
    for (std::uint64_t n = 0; n < wanted_.sets && seconds(start_) < wanted_.minutes * 60; ++n) {
      seed_ = wanted_.seed + n;
      Random random(seed_);
      Flipper& flipper = flippers_[random.below(flippers_.size())];
      const std::vector<std::size_t> bits = some_bits(flipper, random);
      ++tally_[static_cast<std::size_t>(flipper.flip(bits))];
      if (tally_.back() != 0) {
        std::cerr << "damage_campaign --seed " << seed_
                  << " --sets 1: something wrong is served; bits";
        for (const std::size_t bit : bits) std::cerr << ' ' << bit;
        std::cerr << '\n';
        print();
        return 1;
      }
      if (seconds(told) < 1) continue;
      told = Clock::now();
      print();
    }
    print();
    return 0;
  }

 private:
  static double seconds(Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  }

  void print() const {
    static constexpr std::array kNames{"refused",  "older",       "unreadable", "corrected",
                                       "remarked", "users_bytes", "unseen"};
    nlohmann::ordered_json counts;
    std::uint64_t all = 0;
    for (const std::uint64_t count : tally_) all += count;
    counts["sets_of_bits"] = all;
    for (std::size_t n = 0; n < kNames.size(); ++n) counts[kNames[n]] = tally_[n];
    const nlohmann::ordered_json json{{"proof", "damage"},  {"first_seed", wanted_.seed},
                                      {"last_seed", seed_}, {"seconds", seconds(start_)},
                                      {"counts", counts},   {"violations", tally_.back()}};
    std::cout << json.dump() << std::endl;
  }

  const Wanted wanted_;
  const Clock::time_point start_ = Clock::now();
  std::vector<Flipper> flippers_;
  std::array<std::uint64_t, 8> tally_{};  // By Outcome; the last one is Lost.
  std::uint64_t seed_ = 0;
};

}  // namespace
}  // namespace mappedpages::test

int main(int argc, char** argv) {
  CLI::App app("Flips a few bits of small files at a time, and looks what is served.");
  mappedpages::test::Wanted wanted;
  app.add_option("--seed", wanted.seed, "Of the first set of bits");
  app.add_option("--sets", wanted.sets, "At most so many");
  app.add_option("--minutes", wanted.minutes, "For how long");
  CLI11_PARSE(app, argc, argv);
  return mappedpages::test::DamageCampaign(wanted).run();
}
