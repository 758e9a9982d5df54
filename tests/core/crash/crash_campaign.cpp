// The crash enumeration for as long as one wants: every plan in turn, on all cores.
//
// Prints lines of JSON: one a second on how far it is, one for each violation, the last one with
// the counts of all. Ends with 1 if anything was violated.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "plans.hpp"
#ifdef MAPPEDPAGES_COMMIT_SWITCHES
#include "mppg0/commit_rule.hpp"
#endif

// A program beside the real one leaves out a part of the rule, which is found within a second.
#ifdef MAPPEDPAGES_COMMIT_SWITCHES
#define MAPPEDPAGES_PROGRAM "crash_campaign_switched"
#else
#define MAPPEDPAGES_PROGRAM "crash_campaign"
#endif

namespace mappedpages::test {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

/// So many violations are enough to look at.
constexpr std::uint64_t kMostViolations = 20;

std::atomic<bool> interrupted = false;

struct Wanted {
  std::string plan;  ///< Only this one.
  std::uint64_t seed = 1;
  std::uint64_t lives = 0xFFFFFFFFU;
  double minutes = 1;
  unsigned threads = std::thread::hardware_concurrency();
  std::string state;             ///< The file that remembers how far it is; none.
  std::string violations = ".";  ///< The directory for what is needed to see them again.
};

/// What became of one plan.
struct PlanResult {
  const char* name = nullptr;
  Campaign campaign;
  std::uint64_t next_seed = 1;
  std::uint64_t end_seed = 0;
  Tally tally;
  double seconds = 0;  ///< Of all cores together.
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// How long this thread has had a core.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

Json counts_of(const Tally& tally) {
  Json counts;
  for (const Counter& counter : kCounters) counts[counter.name] = tally.*counter.count;
  counts["distinct_images"] = tally.images->size();
  return counts;
}

class CrashCampaign {
 public:
  explicit CrashCampaign(Wanted wanted) : wanted_(std::move(wanted)) {
    const Json reached = read_state();
    for (const Plan& plan : plans()) {
      if (!wanted_.plan.empty() && wanted_.plan != plan.name) continue;
      const std::uint64_t first = reached.value(plan.name, wanted_.seed);
      plans_.push_back({plan.name, plan.make(), first, first + wanted_.lives, {}, 0});
      plans_.back().tally.images = all_;
    }
    if (plans_.empty()) throw std::invalid_argument("no plan is named " + wanted_.plan);
  }

  /// How many violations were found.
  std::uint64_t run() {
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < std::max(1U, wanted_.threads); ++n) {
      threads.emplace_back([this] { work(); });
    }
    show_progress();
    for (std::thread& thread : threads) thread.join();
    Json last = summary();
    last["done"] = true;
    print(last);
    return violations_;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (!over()) {
      PlanResult* const plan = next_plan();
      if (plan == nullptr) break;
      const std::uint64_t seed = plan->next_seed++;
      lock.unlock();
      const double start = thread_seconds();
      Tally tally;
      tally.images = all_;
      const Outcome outcome = run_life(plan->campaign, seed, std::move(tally));
      lock.lock();
      plan->tally += outcome.tally;
      plan->seconds += thread_seconds() - start;
      if (outcome.violation) report(*plan, outcome);
    }
    ++finished_;
    changed_.notify_all();
  }

  /// The one that had the least time, so that long lives do not take it all.
  PlanResult* next_plan() {
    PlanResult* best = nullptr;
    for (PlanResult& plan : plans_) {
      if (plan.next_seed == plan.end_seed) continue;
      if (best == nullptr || plan.seconds < best->seconds) best = &plan;
    }
    return best;
  }

  void show_progress() {
    std::unique_lock lock(mutex_);
    while (finished_ < std::max(1U, wanted_.threads)) {
      changed_.wait_for(lock, std::chrono::seconds(1));
      print(summary());
      write_state();
    }
  }

  /// The next seed of each plan, as an earlier run left it.
  [[nodiscard]] Json read_state() const {
    std::ifstream file(wanted_.state);
    return file ? Json::parse(file) : Json::object();
  }

  void write_state() const {
    if (wanted_.state.empty()) return;
    Json state;
    for (const PlanResult& plan : plans_) state[plan.name] = plan.next_seed;
    const std::string next = wanted_.state + ".next";
    std::ofstream(next) << state.dump(1) << '\n';
    std::filesystem::rename(next, wanted_.state);
  }

  [[nodiscard]] bool over() const {
    return interrupted || violations_ >= kMostViolations ||
           seconds_since(start_) >= wanted_.minutes * 60;
  }

  /// A file that begins with the command which shows it again.
  void report(const PlanResult& plan, const Outcome& outcome) {
    ++violations_;
    const std::string seed = std::to_string(outcome.violation->seed);
    const std::string path = wanted_.violations + "/crash-" + plan.name + '-' + seed + ".violation";
    std::ofstream(path) << MAPPEDPAGES_PROGRAM << " --plan " << plan.name << " --seed " << seed
                        << " --lives 1\n"
                        << "from " << outcome.base << "\n"
                        << outcome.violation->what << '\n'
                        << outcome.violation->trace;
    print({{"violation", path}, {"what", outcome.violation->what}});
  }

  [[nodiscard]] Json summary() const {
    Tally sum;
    sum.images = all_;
    Json by_plan;
    for (const PlanResult& plan : plans_) {
      sum += plan.tally;
      by_plan[plan.name] = {{"lives", plan.tally.lives},
                            {"states", plan.tally.states},
                            {"core_seconds", plan.seconds}};
    }
    Json json{{"proof", "crash"}, {"seed", wanted_.seed}};
    json["seconds"] = seconds_since(start_);
    json["threads"] = wanted_.threads;
    json["counts"] = counts_of(sum);
    json["violations"] = violations_;
    json["plans"] = std::move(by_plan);
    return json;
  }

  static void print(const Json& json) { std::cout << json.dump() << std::endl; }

  const Wanted wanted_;
  const Clock::time_point start_ = Clock::now();
  const std::shared_ptr<ImageSet> all_ = std::make_shared<ImageSet>();
  std::mutex mutex_;  // Guards what follows.
  std::condition_variable changed_;
  std::vector<PlanResult> plans_;
  unsigned finished_ = 0;
  std::uint64_t violations_ = 0;
};

int run_program(int argc, char** argv) {
  CLI::App app("Enumerates the states that crashes leave, and judges each.");
  Wanted wanted;
  bool list = false;
  app.add_option("--plan", wanted.plan, "Only this one");
  app.add_option("--seed", wanted.seed, "The first life of each plan");
  app.add_option("--lives", wanted.lives, "At most so many of each plan");
  app.add_option("--minutes", wanted.minutes, "For how long");
  app.add_option("--threads", wanted.threads, "On so many cores");
  app.add_option("--state", wanted.state, "A file to remember how far it is, and to go on from");
  app.add_option("--violations", wanted.violations, "Where to write what was violated");
  app.add_flag("--list", list, "Names the plans");
  CLI11_PARSE(app, argc, argv);
  if (list) {
    for (const Plan& plan : plans()) std::cout << plan.name << ": " << plan.purpose << '\n';
    return 0;
  }
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) { interrupted = true; });
  }
  CrashCampaign campaign(std::move(wanted));
#ifdef MAPPEDPAGES_COMMIT_SWITCHES
  std::erase(mppg0::commit_rule().commit, mppg0::CommitStep::Flush1);
#endif
  return campaign.run() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mappedpages::test

int main(int argc, char** argv) {
  try {
    return mappedpages::test::run_program(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << MAPPEDPAGES_PROGRAM ": " << error.what() << '\n';
    return 2;
  }
}
