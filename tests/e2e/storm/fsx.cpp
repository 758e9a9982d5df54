// An fsx for files of a fixed size: several processes, remounts, and a model of every page.
#include "e2e/storm/fsx.hpp"

#include <algorithm>
#include <cstring>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/lives.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr int kSessions = 3;
constexpr std::uint64_t kRegularOperations = 27000;
constexpr std::uint64_t kProtectedOperations = 1500;

bool allocate_all(FsxScene& scene, Outcome& outcome) {
  const auto allocate = [&](Kind kind, std::uint64_t count) {
    const std::string receipt = scene.tree.receipt(kind, std::to_string(count) + "@fsx");
    if (make_directory(receipt) != 0) outcome.violate("mkdir does not work");
    const auto numbers = list_numbers(receipt);
    return std::vector<std::uint64_t>(numbers.value.begin(), numbers.value.end());
  };
  const auto regular = allocate(Kind::Regular, kFsxClients * kPagesEach + 1);
  const auto protected_pages = allocate(Kind::Protected, kFsxClients * kPagesEach);
  if (regular.empty() || protected_pages.empty()) return false;
  for (std::size_t i = 0; i < protected_pages.size(); ++i) {
    scene.regular.at(i / kPagesEach).at(i % kPagesEach) = regular[i];
    scene.protected_pages.at(i / kPagesEach).at(i % kPagesEach) = protected_pages[i];
  }
  scene.shared = regular.back();
  return true;
}

void play_session(const FsxScene& scene, Random& random, FsxModels& models) {
  std::vector<Client> clients;
  for (std::uint32_t me = 0; me < kFsxClients; ++me) {
    const std::uint64_t its_seed = random.next();
    clients.emplace_back([&, me] {
      exercise_pages(scene, me, its_seed, kRegularOperations, models);
      exercise_protected(scene, me, its_seed, kProtectedOperations, models);
    });
  }
  for (Client& client : clients) {
    if (const int status = client.wait(); status != 0) {
      models.complaint.say("a client ended with status " + std::to_string(status));
    }
  }
}

}  // namespace

std::string Trace::text() const {
  std::string text;
  const std::size_t first = count_ > calls_.size() ? count_ - calls_.size() : 0;
  for (std::size_t i = first; i < count_; ++i) {
    const Call& call = calls_.at(i % calls_.size());
    text += std::string("  ") + call.name + " " + std::to_string(call.page) + " " +
            std::to_string(call.offset) + " " + std::to_string(call.size) + "\n";
  }
  return text;
}

Extent random_extent(Random& random, const Extent& whole) {
  const std::size_t first = random.below(whole.size);
  // Short ones as often as long ones.
  const std::size_t longest =
      random.chance(.7) ? std::min<std::size_t>(whole.size - first, 200) : whole.size - first;
  return {whole.offset + first, random.between(1, longest)};
}

std::vector<std::byte> cheap_bytes(Random& random, std::size_t size) {
  std::vector<std::byte> bytes(size);
  const std::uint64_t start = random.next() | 1U;
  std::uint64_t value = start;
  for (std::size_t at = 0; at < size; at += sizeof value) {
    value += start;
    std::memcpy(&bytes[at], &value, std::min(sizeof value, size - at));
  }
  return bytes;
}

void live_through_fsx(std::uint64_t seed, Outcome& outcome) {
  Random random(seed);
  MountedFs fs;
  FsxScene scene{.tree = Tree(fs.mountpoint()),
                 .page_size = page_size_of(seed),
                 .commit_on_close = seed % 5 != 2};
  std::vector<std::string> options;
  if (!scene.commit_on_close) options = {"-o", "commit=fsync"};
  if (seed % 4 != 3) options.insert(options.end(), {"-o", "nosync"});
  if (seed % 7 == 4) options.emplace_back("-s");
  auto creating = options;
  creating.push_back("--create=" + std::to_string(scene.page_size));
  if (!mounted(fs, creating, outcome) || !allocate_all(scene, outcome)) return;
  const Shared<FsxModels> models;
  for (int session = 0; session < kSessions && outcome.ok(); ++session) {
    if (session > 0 && !mounted(fs, options, outcome)) return;
    play_session(scene, random, *models);
    if (models->complaint.said()) outcome.violate(models->complaint.text());
    fs.unmount();
    const Ran checked = run({MAPPEDPAGES, "check", fs.db().string()});
    if (checked.code != 0) outcome.violate("check: " + checked.out + checked.err);
  }
  outcome.count("operations", models->operations);
  outcome.count("commits", models->commits);
  outcome.count("late_releases", models->late);
}

}  // namespace mappedpages::test::storm
