// mounted_campaign PROOF --seed S --minutes M [--lives N] [--size N] [--json]
//
// Runs one proof for a long time. Ends with 0 if nothing was wrong, with 1 if something was (stderr
// then has the seed and the command that shows it again), with 2 for a usage error. The last line
// of stdout is the counts; with --json as one object.
#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is not in <csignal>.

#include <atomic>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "e2e/storm/proof.hpp"

namespace mappedpages::test::storm {
namespace {

std::atomic<bool> stopping{false};

void stop_when_asked() {
  struct sigaction action {};
  action.sa_handler = [](int) { stopping = true; };
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGTERM, SIGINT}) ::sigaction(number, &action, nullptr);
}

struct Request {
  std::string proof;
  Budget budget{.seed = 1, .time = std::chrono::minutes(1)};
  bool json = false;
};

int usage() {
  std::cerr << "usage: mounted_campaign PROOF [--seed S] [--minutes M] [--lives N] [--size N] "
               "[--json]\nproofs, and what --size counts:\n";
  for (const Proof& proof : proofs()) std::cerr << "  " << proof.name << ": " << proof.unit << '\n';
  return 2;
}

std::optional<Request> parse(int argc, char** argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json") {
      request.json = true;
    } else if (word.starts_with("--") && i + 1 < argc) {
      const std::string value = argv[++i];
      const bool fraction = word == "--minutes";
      const char* const allowed = fraction ? "0123456789." : "0123456789";
      if (value.empty() || value.find_first_not_of(allowed) != std::string::npos) return {};
      const std::uint64_t number = fraction ? 0 : std::stoull(value);
      if (word == "--seed") {
        request.budget.seed = number;
      } else if (word == "--minutes") {
        request.budget.time = std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double, std::ratio<60>>(std::stod(value)));
      } else if (word == "--lives") {
        request.budget.lives = number;
      } else if (word == "--size") {
        request.budget.size = number;
      } else {
        return {};
      }
    } else if (request.proof.empty() && !word.starts_with("--")) {
      request.proof = word;
    } else {
      return {};
    }
  }
  const auto known = [&request](const Proof& proof) { return proof.name == request.proof; };
  if (std::ranges::none_of(proofs(), known)) return {};
  return request;
}

int run_campaign(const Request& request) {
  const auto started = std::chrono::steady_clock::now();
  const auto seconds = [started] {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                            started)
        .count();
  };
  std::int64_t told = 0;
  constexpr std::int64_t kTellEvery = 60;
  Outcome outcome = prove(proof_of(request.proof), request.budget, [&](const Outcome& so_far) {
    if (seconds() >= told + kTellEvery) {
      told = seconds();
      std::cerr << told << " s: " << so_far.report(request.proof) << '\n';
    }
    return !stopping;
  });
  if (stopping && !outcome.ok()) {
    // Who sends a signal often sends it to all that we started, too.
    std::cerr << "stopped by a signal; the last life was disturbed and is not judged\n";
    outcome.violations.clear();
  }
  if (!outcome.ok()) std::cerr << outcome.report(request.proof) << '\n';
  nlohmann::json line{{"proof", request.proof},    {"first_seed", request.budget.seed},
                      {"last_seed", outcome.seed}, {"seconds", seconds()},
                      {"counts", outcome.counts},  {"violations", outcome.violations.size()}};
  std::cout << (request.json ? line.dump() : outcome.report(request.proof)) << '\n';
  return outcome.ok() ? 0 : 1;
}

}  // namespace
}  // namespace mappedpages::test::storm

int main(int argc, char** argv) {
  mappedpages::test::storm::stop_when_asked();
  testing::InitGoogleTest(&argc, argv);  // The support classes tell failures through it.
  const auto request = mappedpages::test::storm::parse(argc, argv);
  return request ? mappedpages::test::storm::run_campaign(*request)
                 : mappedpages::test::storm::usage();
}
