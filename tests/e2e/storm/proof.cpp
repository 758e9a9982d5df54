#include "e2e/storm/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/lives.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::array kProofs{
    Proof{"daemon-kills", "kills", live_through_daemon_kills},
    Proof{"daemon-ends", "ends", live_through_daemon_ends},
    Proof{"client-kills", "kills", live_through_client_kills},
    Proof{"fsx", "operations", live_through_fsx},
    Proof{"clients", "steps", live_through_many_clients},
    Proof{"full-tmpfs", "refusals", live_through_full_tmpfs},
    Proof{"full-ext4", "refusals", live_through_full_ext4},
    Proof{"size-limit", "refusals", live_below_size_limit},
    Proof{"fio", "fio_jobs", live_through_fio},
};

}  // namespace

std::span<const Proof> proofs() {
  return kProofs;
}

const Proof& proof_of(std::string_view name) {
  const auto* const at = std::ranges::find(kProofs, name, &Proof::name);
  if (at == kProofs.end()) throw std::invalid_argument("there is no proof " + std::string(name));
  return *at;
}

std::string Outcome::report(std::string_view proof) const {
  std::string text;
  for (const auto& [what, count] : counts) text += what + " " + std::to_string(count) + ", ";
  text += std::to_string(violations.size()) + " violations";
  for (const std::string& violation : violations)
    text += "\nseed " + std::to_string(seed) + ": " + violation;
  if (!ok()) {
    text += "\n  again: mounted_campaign " + std::string(proof) + " --seed " +
            std::to_string(seed) + " --lives 1";
  }
  return text;
}

Outcome prove(const Proof& proof, const Budget& budget, const Progress& progress) {
  const auto started = std::chrono::steady_clock::now();
  Outcome outcome;
  for (outcome.seed = budget.seed; outcome.ok(); ++outcome.seed) {
    proof.live(outcome.seed, outcome);
    outcome.count("lives");
    // What the support classes found wrong was told by them.
    if (testing::Test::HasFailure() && outcome.ok()) outcome.violate("a failure, told above");
    const bool enough = progress && !progress(outcome);
    if (enough || !outcome.ok() || outcome.counts[std::string(proof.unit)] >= budget.size ||
        outcome.counts["lives"] >= budget.lives ||
        std::chrono::steady_clock::now() - started >= budget.time) {
      break;
    }
  }
  return outcome;
}

bool mounted(MountedFs& fs, const std::vector<std::string>& options, Outcome& outcome) {
  const Ran ran = fs.try_mount(options);
  outcome.count("mounts");
  if (ran.code == 0) return true;
  outcome.violate("mounting ends with " + std::to_string(ran.code) + ": " + ran.err);
  return false;
}

}  // namespace mappedpages::test::storm
