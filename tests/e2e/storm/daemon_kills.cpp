// kill -9 of the daemon while clients work, and sometimes while it mounts: promises R1, R2, R3. Or
// SIGTERM, which asks it to end.
//
// Each client notes what it is about to do, does it, and notes that it was acknowledged. After a
// kill the ledgers say what must be there and what may be.
#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>.
#include <sys/statvfs.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): nanosleep is not in <ctime>.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/client.hpp"
#include "e2e/storm/filling.hpp"
#include "e2e/storm/ledger.hpp"
#include "e2e/storm/lives.hpp"
#include "support/random.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::uint32_t kClients = 4;
constexpr std::uint32_t kJudge = kClients;
constexpr int kRounds = 10;

struct Key {
  Kind kind = Kind::Regular;
  std::uint64_t number = 0;
  auto operator<=>(const Key&) const = default;
};

std::string text_of(const Key& key) {
  return std::string(directory_of(key.kind)) + "/" + std::to_string(key.number);
}

/// Pages of a client, and the content of each.
using Pages = std::map<Key, Stamp>;

struct World {
  Tree tree;
  std::filesystem::path ledgers;
  std::size_t page_size = 0;
  std::uint64_t seed = 0;
  bool close_commits = true;
  int signal = SIGKILL;
};

/// The work of one client until the mount dies.
class Worker {
 public:
  Worker(const World& world, std::uint32_t me, Pages pages, std::uint64_t seed, const Marks& marks)
      : world_(world),
        me_(me),
        pages_(std::move(pages)),
        random_(seed),
        marks_(marks),
        ledger_(world.ledgers / std::to_string(me)),
        serial_(seed << 20U) {}

  void work() {
    while (step()) marks_.make();
  }

 private:
  /// False: the mount is gone.
  bool step() {
    constexpr std::size_t kFewest = 4;
    constexpr std::size_t kMost = 16;
    const std::uint64_t dice = random_.below(100);
    if (pages_.size() < kFewest || (dice < 8 && pages_.size() < kMost)) return allocate();
    if (dice < 12) return take();
    if (dice < 22) return free_one();
    return write_one();
  }

  Key any() {
    return std::next(pages_.begin(), static_cast<std::ptrdiff_t>(random_.below(pages_.size())))
        ->first;
  }

  bool end(Line line, int error, std::initializer_list<int> refusals = {}) {
    if (error == 0) {
      line.step = Step::Done;
    } else {
      line.step =
          std::ranges::find(refusals, error) != refusals.end() ? Step::Refused : Step::Fails;
      // The kernel gives EIO for a request that a dying daemon had begun to fetch. One that was
      // asked to end unmounts: nothing has a name any more.
      const bool of_death = error == EIO || (error == ENOENT && world_.signal == SIGTERM);
      line.value = static_cast<std::uint64_t>(of_death && mount_dies() ? ENOTCONN : error);
    }
    ledger_.append(line);
    return line.step != Step::Fails;
  }

  /// A dying daemon may still answer, but not often.
  [[nodiscard]] bool mount_dies() const {
    constexpr int kTries = 1000;
    struct statvfs facts {};
    const std::string root = world_.tree.pages(Kind::Regular);
    for (int i = 0; i < kTries; ++i) {
      if (::statvfs(root.c_str(), &facts) != 0) return true;
    }
    return false;
  }

  bool allocate() {
    const Kind kind = random_.chance(.6) ? Kind::Protected : Kind::Regular;
    const std::uint64_t count = random_.chance(.2) ? random_.between(2, 9) : 1;
    const Line line{.deed = Deed::Allocate, .kind = kind, .number = count};
    const std::string receipt = world_.tree.receipt(
        kind, std::to_string(count) + "@" + std::to_string(me_) + "." + std::to_string(++serial_));
    ledger_.append(line);
    const int made = make_directory(receipt);
    if (!end(line, made, {ENOSPC}) || made != 0) return made == ENOSPC;
    const auto numbers = list_numbers(receipt);
    if (numbers.error != 0) return end(line, numbers.error);
    std::vector<Line> owned;
    for (const std::uint64_t number : numbers.value) {
      owned.push_back({.step = Step::Owns, .deed = Deed::Allocate, .kind = kind, .number = number});
      pages_[{kind, number}] = {};
    }
    ledger_.append(owned);
    return true;
  }

  bool take() {
    const Key key{Kind::Regular, random_.between(3, 120)};
    const Line line{.deed = Deed::Take, .kind = key.kind, .number = key.number};
    ledger_.append(line);
    const auto file = open_file(world_.tree.page(key.kind, key.number), O_RDWR | O_CREAT | O_EXCL);
    if (!end(line, file.error, {EEXIST, EBUSY, ENOSPC})) return false;
    if (file.error == 0) pages_[key] = {};
    return true;
  }

  bool free_one() {
    const Key key = any();
    const Line line{.deed = Deed::Free, .kind = key.kind, .number = key.number};
    ledger_.append(line);
    if (!end(line, unlink_file(world_.tree.page(key.kind, key.number)))) return false;
    pages_.erase(key);
    return true;
  }

  bool write_one() {
    const Key key = any();
    const Stamp stamp{world_.seed, ++serial_, key.number, me_};
    const Line line{
        .deed = Deed::Write, .kind = key.kind, .number = key.number, .value = stamp.serial};
    ledger_.append(line);
    if (!end(line, write_page(key, filled(world_.page_size, stamp)))) return false;
    pages_[key] = stamp;
    return true;
  }

  int write_page(const Key& key, std::span<const std::byte> bytes) {
    const bool empty_first = random_.chance(.3);
    auto file = open_file(world_.tree.page(key.kind, key.number),
                          key.kind == Kind::Protected && empty_first ? O_WRONLY | O_TRUNC : O_RDWR);
    if (file.error != 0) return file.error;
    const std::size_t parts = key.kind == Kind::Protected ? random_.between(1, 4) : 1;
    const std::size_t length = bytes.size() / parts;
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t from = part * length;
      const std::size_t size = part + 1 == parts ? bytes.size() - from : length;
      if (const int error = write_all(file.value.get(), bytes.subspan(from, size), from)) {
        return error;
      }
    }
    if (!world_.close_commits || random_.chance(.4)) {
      if (::fdatasync(file.value.get()) != 0) return errno;
    }
    return file.value.close();
  }

  const World& world_;
  const std::uint32_t me_;
  Pages pages_;
  Random random_;
  const Marks& marks_;
  LedgerWriter ledger_;
  std::uint64_t serial_;
};

/// What the ledgers of one round say.
struct Testimony {
  std::map<Key, std::uint32_t> owner;          ///< Who has the page for all that is known.
  std::map<Key, std::vector<Stamp>> contents;  ///< What it may hold; the first is acknowledged.
  std::set<Key> leaving;                       ///< Being freed when the kill came.
  std::set<Key> coming;                        ///< Being taken.
  std::map<Kind, std::uint64_t> nameless;      ///< Allocated, and nobody was told the numbers.
  std::map<Kind, std::vector<std::uint64_t>> running;  ///< Allocations of so many.
};

/// Reads the ledgers and looks what is there.
class Judge {
 public:
  Judge(const World& world, Outcome& outcome) : world_(world), outcome_(outcome) {}

  /// What the clients of the next round start with.
  [[nodiscard]] const Pages& pages_of(std::uint32_t client) const { return pages_.at(client); }

  void hear() {
    said_ = {};
    ledgers_.clear();
    for (std::uint32_t client = 0; client < kClients; ++client) hear(client);
  }

  /// Compares the mount with what was heard, and takes what is there for true from now on.
  void look() {
    for (const Kind kind : {Kind::Regular, Kind::Protected}) look(kind);
    look_at_counts();
  }

 private:
  void hear(std::uint32_t client) {
    Pages& pages = pages_[client];
    const std::vector<Line> lines = read_ledger(world_.ledgers / std::to_string(client));
    ledgers_ += "\n  client " + std::to_string(client) + ": " + describe(lines);
    std::optional<Line> open;  // The last intention, until its end is noted.
    std::uint64_t nameless = 0;
    Kind nameless_kind = Kind::Regular;
    for (const Line& line : lines) {
      outcome_.count("steps");
      switch (line.step) {
        case Step::Intends:
          open = line;
          break;
        case Step::Refused:
          open.reset();
          break;
        case Step::Fails:
          expect_death(client, line);
          break;
        case Step::Owns:
          --nameless;
          pages[{line.kind, line.number}] = {};
          break;
        case Step::Done:
          open.reset();
          outcome_.count("acknowledged");
          acknowledge(client, pages, line);
          if (line.deed == Deed::Allocate) nameless = line.number;
          nameless_kind = line.kind;
          break;
      }
    }
    said_.nameless[nameless_kind] += nameless;
    for (const auto& [key, stamp] : pages) own(client, key, stamp);
    if (open) hear_running(client, *open);
  }

  void acknowledge(std::uint32_t client, Pages& pages, const Line& line) const {
    const Key key{line.kind, line.number};
    if (line.deed == Deed::Take) pages[key] = {};
    if (line.deed == Deed::Free) pages.erase(key);
    if (line.deed == Deed::Write) pages[key] = {world_.seed, line.value, line.number, client};
  }

  void own(std::uint32_t client, const Key& key, const Stamp& stamp) {
    const auto [at, first] = said_.owner.emplace(key, client);
    if (first) {
      said_.contents[key] = {stamp};
      return;
    }
    // One of the two may be giving it away: said when both were heard.
    contested_.push_back({key, client, stamp});
  }

  void hear_running(std::uint32_t client, const Line& line) {
    const Key key{line.kind, line.number};
    outcome_.count("running");
    switch (line.deed) {
      case Deed::Allocate:
        said_.running[line.kind].push_back(line.number);
        break;
      case Deed::Take:
        said_.coming.insert(key);
        break;
      case Deed::Free:
        freeing_[key] = client;
        break;
      case Deed::Write:
        writing_[key] = {world_.seed, line.value, line.number, client};
        break;
    }
  }

  void expect_death(std::uint32_t client, const Line& line) {
    const int error = static_cast<int>(line.value);
    if (error == ENOTCONN || error == ECONNABORTED || error == ENODEV) return;
    violate("client " + std::to_string(client) + " got errno " + std::to_string(error));
  }

  /// Who has a page that two say they have: the one that was not freeing it.
  void settle_contests() {
    for (auto& [key, client, stamp] : contested_) {
      const auto freeing = freeing_.find(key);
      if (freeing == freeing_.end()) {
        violate(text_of(key) + " was given to two clients");
        continue;
      }
      if (freeing->second != client) {
        pages_[said_.owner[key]].erase(key);
        said_.owner[key] = client;
        said_.contents[key] = {stamp};
      } else {
        pages_[client].erase(key);
      }
      freeing_.erase(freeing);
    }
    contested_.clear();
    for (const auto& [key, client] : freeing_) said_.leaving.insert(key);
    freeing_.clear();
    for (const auto& [key, stamp] : writing_) said_.contents[key].push_back(stamp);
    writing_.clear();
  }

  void look(Kind kind) {
    settle_contests();
    const auto listed = list_numbers(world_.tree.pages(kind));
    if (listed.error != 0) {
      return violate("listing " + std::string(directory_of(kind)) + " gives errno " +
                     std::to_string(listed.error));
    }
    std::uint64_t unknown = 0;
    std::uint64_t perhaps_unknown = 0;
    for (const std::uint64_t number : listed.value) {
      const Key key{kind, number};
      switch (look(key)) {
        case Verdict::Owned:
          break;
        case Verdict::Nobodys:
          ++unknown;
          clear(key);
          break;
        case Verdict::EitherWay:
          ++perhaps_unknown;
          clear(key);
          break;
      }
    }
    look_for_lost(kind, listed.value);
    if (!adds_up(kind, unknown, unknown + perhaps_unknown)) {
      violate(std::to_string(unknown) + " of " + directory_of(kind) + " are nobody's, " +
              std::to_string(said_.nameless[kind]) + " are nameless, and " +
              std::to_string(said_.running[kind].size()) + " allocations were running");
    }
  }

  enum class Verdict { Owned, Nobodys, EitherWay };

  /// Whether a page that is there may be there, and with this content.
  Verdict look(const Key& key) {
    outcome_.count("pages_compared");
    const auto bytes = read_file(world_.tree.page(key.kind, key.number), world_.page_size);
    if (bytes.error != 0) {
      violate("reading " + text_of(key) + " gives errno " + std::to_string(bytes.error));
      return Verdict::Owned;
    }
    const bool zero = is_zero(bytes.value);
    const auto owned = said_.owner.find(key);
    if (owned == said_.owner.end()) {
      if (!zero) violate(text_of(key) + " is new and holds " + describe(bytes.value));
      return said_.coming.contains(key) ? Verdict::EitherWay : Verdict::Nobodys;
    }
    if (said_.leaving.contains(key)) {
      // Freed, it may have been given to somebody who was not told so.
      if (zero && said_.contents[key].front().serial != 0) {
        pages_[owned->second].erase(key);
        return Verdict::Nobodys;
      }
      if (zero) return Verdict::EitherWay;
    }
    compare(key, owned->second, bytes.value);
    return Verdict::Owned;
  }

  void compare(const Key& key, std::uint32_t owner, std::span<const std::byte> bytes) {
    const std::vector<Stamp>& allowed = said_.contents[key];
    for (const Stamp& stamp : allowed) {
      if (!std::ranges::equal(bytes, filled(world_.page_size, stamp))) continue;
      pages_[owner][key] = stamp;
      if (allowed.size() > 1) outcome_.count(stamp == allowed.back() ? "completed" : "undone");
      return;
    }
    if (key.kind == Kind::Regular && allowed.size() > 1 && is_mixture(bytes, allowed)) {
      outcome_.count("torn_regular_pages");
      return rewrite(key, owner);
    }
    violate(text_of(key) + " of client " + std::to_string(owner) + " should have serial " +
            std::to_string(allowed.front().serial) +
            (allowed.size() > 1 ? " or " + std::to_string(allowed.back().serial) : "") +
            " and holds " + describe(bytes));
  }

  /// Each sector of a regular page is old or new.
  [[nodiscard]] bool is_mixture(std::span<const std::byte> bytes,
                                const std::vector<Stamp>& allowed) const {
    constexpr std::size_t kSector = 512;
    const auto before = filled(world_.page_size, allowed.front());
    const auto after = filled(world_.page_size, allowed.back());
    for (std::size_t at = 0; at < bytes.size(); at += kSector) {
      const auto sector = bytes.subspan(at, kSector);
      if (!std::ranges::equal(sector, std::span(before).subspan(at, kSector)) &&
          !std::ranges::equal(sector, std::span(after).subspan(at, kSector))) {
        return false;
      }
    }
    return true;
  }

  void rewrite(const Key& key, std::uint32_t owner) {
    const Stamp stamp{world_.seed, ++serial_, key.number, kJudge};
    auto file = open_file(world_.tree.page(key.kind, key.number), O_RDWR);
    const int error = file.error != 0
                          ? file.error
                          : write_all(file.value.get(), filled(world_.page_size, stamp), 0);
    if (error != 0) violate("writing " + text_of(key) + " gives errno " + std::to_string(error));
    pages_[owner][key] = stamp;
  }

  /// Nobody knows of it, so it goes.
  void clear(const Key& key) {
    for (auto& [client, pages] : pages_) pages.erase(key);
    if (const int error = unlink_file(world_.tree.page(key.kind, key.number))) {
      violate("freeing " + text_of(key) + " gives errno " + std::to_string(error));
    }
  }

  void look_for_lost(Kind kind, const std::set<std::uint64_t>& listed) {
    for (const auto& [key, client] : said_.owner) {
      if (key.kind != kind || listed.contains(key.number)) continue;
      if (!said_.leaving.contains(key)) {
        violate(text_of(key) + " of client " + std::to_string(client) + " is lost");
      }
      pages_[client].erase(key);
    }
  }

  /// Each running allocation happened wholly or not at all.
  bool adds_up(Kind kind, std::uint64_t least, std::uint64_t most) {
    std::set<std::uint64_t> sums{said_.nameless[kind]};
    for (const std::uint64_t count : said_.running[kind]) {
      const auto before = sums;
      for (const std::uint64_t sum : before) sums.insert(sum + count);
    }
    const auto at = sums.lower_bound(least);
    return at != sums.end() && *at <= most;
  }

  /// What statfs says is what the listings say.
  void look_at_counts() {
    struct statvfs facts {};
    const std::string root = world_.tree.pages(Kind::Regular);
    std::uint64_t listed = 0;
    for (const Kind kind : {Kind::Regular, Kind::Protected}) {
      listed += list_numbers(world_.tree.pages(kind)).value.size();
    }
    if (::statvfs(root.c_str(), &facts) != 0 || facts.f_files - facts.f_ffree != listed) {
      violate("statfs counts " + std::to_string(facts.f_files - facts.f_ffree) + " pages of " +
              std::to_string(listed));
    }
  }

  void violate(const std::string& what) { outcome_.violate(what + ledgers_); }

  struct Contest {
    Key key;
    std::uint32_t client = 0;
    Stamp stamp;
  };

  const World& world_;
  Outcome& outcome_;
  std::map<std::uint32_t, Pages> pages_{{0, {}}, {1, {}}, {2, {}}, {3, {}}};
  Testimony said_;
  std::vector<Contest> contested_;
  std::map<Key, std::uint32_t> freeing_;
  std::map<Key, Stamp> writing_;
  std::string ledgers_;
  std::uint64_t serial_ = 0;
};

/// Kills the daemon while it opens the file and mounts, so that recovery is interrupted.
void kill_while_mounting(MountedFs& fs, Random& random, Outcome& outcome) {
  Client daemon([&fs] {
    ::execl(MAPPEDPAGESFS, MAPPEDPAGESFS, "-f", "-q", fs.db().c_str(), fs.mountpoint().c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  });
  // How far it is by then is anybody's guess, and meant to be.
  const timespec some{0, static_cast<long>(random.below(12'000'000))};
  ::nanosleep(&some, nullptr);
  ::kill(daemon.pid(), SIGKILL);
  (void)daemon.wait();
  fs.forget_half_made_mount();
  outcome.count("kills");
  outcome.count("kills_while_mounting");
}

void check_file(MountedFs& fs, Outcome& outcome) {
  const Ran checked = run({MAPPEDPAGES, "check", fs.db().string()});
  if (checked.code != 0) outcome.violate("check: " + checked.out + checked.err);
  outcome.count("checks");
}

void live_through_signals(int signal, std::uint64_t seed, Outcome& outcome) {
  Random random(seed);
  MountedFs fs;
  const World world{.tree = Tree(fs.mountpoint()),
                    .ledgers = fs.directory(),
                    .page_size = page_size_of(seed),
                    .seed = seed,
                    .close_commits = seed % 5 != 3,
                    .signal = signal};
  std::vector<std::string> options;
  if (!world.close_commits) options = {"-o", "commit=fsync"};
  if (seed % 7 == 5) options.emplace_back("-s");
  auto creating = options;
  creating.push_back("--create=" + std::to_string(world.page_size));
  if (!mounted(fs, creating, outcome)) return;
  Judge judge(world, outcome);
  for (int round = 0; round < kRounds && outcome.ok(); ++round) {
    {
      Marks marks;
      std::vector<Client> clients;
      for (std::uint32_t me = 0; me < kClients; ++me) {
        const std::uint64_t its_seed = random.next() >> 24U;
        clients.emplace_back(
            [&, me] { Worker(world, me, judge.pages_of(me), its_seed, marks).work(); });
      }
      marks.close_writing();
      marks.wait_for(random.between(1, 120));
      fs.signal(signal);
      for (Client& client : clients) (void)client.wait();
    }
    outcome.count(signal == SIGKILL ? "kills" : "ends");
    if (signal == SIGKILL) {
      fs.forget_dead_mount();
      while (random.chance(.3)) kill_while_mounting(fs, random, outcome);
    }
    check_file(fs, outcome);
    if (!mounted(fs, options, outcome)) return;
    judge.hear();
    judge.look();
  }
  fs.unmount();
  check_file(fs, outcome);
}

}  // namespace

void live_through_daemon_kills(std::uint64_t seed, Outcome& outcome) {
  live_through_signals(SIGKILL, seed, outcome);
}

void live_through_daemon_ends(std::uint64_t seed, Outcome& outcome) {
  live_through_signals(SIGTERM, seed, outcome);
}

}  // namespace mappedpages::test::storm
