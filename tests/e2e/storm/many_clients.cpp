// 32 clients that allocate, write, commit, list, rename and free at once, and a table of who owns
// what: no page is lost, given to two, or listed twice, and each holds what its owner wrote last.
#include <fcntl.h>
#include <stdio.h>  // NOLINT(modernize-deprecated-headers): RENAME_NOREPLACE is not in <cstdio>.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/calls.hpp"
#include "e2e/storm/client.hpp"
#include "e2e/storm/filling.hpp"
#include "e2e/storm/lives.hpp"
#include "support/random.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::uint32_t kClients = 32;
constexpr std::uint64_t kSteps = 60;
constexpr std::uint64_t kMostPages = 8192;
constexpr std::size_t kMostEach = 10;

/// Who has a page: 0 is nobody. Who frees it marks it first: from then on until the call returns it
/// is both theirs and whose the daemon gives it to.
constexpr std::uint32_t kLeaving = 1U << 31U;
/// Freed and still open: theirs, and in no listing.
constexpr std::uint32_t kNameless = 1U << 30U;

/// An entry of the table, and how often the table had changed by then: the same entry twice means
/// that nothing happened in between.
struct alignas(8) Holding {
  std::uint32_t owner = 0;
  std::uint32_t epoch = 0;
  bool operator==(const Holding&) const = default;
};
static_assert(std::atomic<Holding>::is_always_lock_free, "processes share it");

struct Land {
  std::array<std::array<std::atomic<Holding>, kMostPages>, 2> holdings{};
  std::atomic<std::uint32_t> epoch{0};
  std::array<std::atomic<std::uint64_t>, kClients> shared_serial{};  ///< Acknowledged.
  std::atomic<std::uint64_t> steps{0};
  std::atomic<std::uint64_t> allocated{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> busy{0};
  std::atomic<std::uint64_t> full{0};
  std::atomic<std::uint64_t> listings{0};
  std::atomic<std::uint64_t> renames{0};
  std::atomic<std::uint64_t> refused{0};
  Complaint complaint;

  std::atomic<Holding>& holding_of(Kind kind, std::uint64_t page) {
    return holdings.at(static_cast<std::size_t>(kind)).at(page);
  }
  [[nodiscard]] std::uint32_t owner_of(Kind kind, std::uint64_t page) {
    return holding_of(kind, page).load().owner;
  }
  /// Whose it was.
  std::uint32_t set_owner(Kind kind, std::uint64_t page, std::uint32_t owner) {
    return holding_of(kind, page).exchange({owner, ++epoch}).owner;
  }
};

struct Place {
  Tree tree;
  std::size_t page_size = 0;
  std::uint64_t seed = 0;
  std::uint64_t shared = 0;  ///< A protected page that all write.
  bool close_commits = true;
};

class Settler {
 public:
  Settler(const Place& place, std::uint32_t me, std::uint64_t seed, Land& land)
      : place_(place), me_(me), random_(seed), land_(land) {}

  void work() {
    for (std::uint64_t i = 0; i < kSteps && !land_.complaint.said(); ++i) {
      step();
      ++land_.steps;
    }
    for (const Owned& owned : pages_) verify(owned);
  }

 private:
  struct Owned {
    Kind kind = Kind::Regular;
    std::uint64_t number = 0;
    std::uint64_t serial = 0;
  };

  void step() {
    const std::uint64_t dice = random_.below(100);
    if (pages_.empty() || (dice < 20 && pages_.size() < kMostEach)) return allocate();
    if (dice < 25) return take();
    if (dice < 37) return free_one(false);
    if (dice < 42) return free_one(true);
    if (dice < 48) return list();
    if (dice < 58) return use_shared();
    if (dice < 65) return verify(any());
    if (dice < 75) return replace(any());
    if (dice < 79) return take_by_rename();
    if (dice < 87) return write_in_parts(any());
    write(any());
  }

  Owned& any() { return pages_[random_.below(pages_.size())]; }

  void complain(const std::string& what) {
    land_.complaint.say("client " + std::to_string(me_) + ": " + what);
  }
  bool expect(int error, const std::string& what) {
    if (error != 0) complain(what + " gives errno " + std::to_string(error));
    return error == 0;
  }
  static std::string text_of(const Owned& owned) {
    return std::string(directory_of(owned.kind)) + "/" + std::to_string(owned.number);
  }
  [[nodiscard]] std::string path_of(const Owned& owned) const {
    return place_.tree.page(owned.kind, owned.number);
  }

  /// What the daemon gave us must not be somebody's.
  void own(Kind kind, std::uint64_t number, std::uint64_t serial = 0) {
    const std::uint32_t before = land_.set_owner(kind, number, me_ + 1);
    const Owned owned{kind, number, serial};
    if (before != 0 && (before & kLeaving) == 0) {
      complain(text_of(owned) + " was given to us, and is client " +
               std::to_string((before & ~kNameless) - 1) + "'s");
    }
    pages_.push_back(owned);
    ++land_.allocated;
    verify(owned);
  }

  void allocate() {
    const Kind kind = random_.chance(.5) ? Kind::Protected : Kind::Regular;
    std::uint64_t count = random_.chance(.2) ? random_.between(2, 6) : 1;
    if (random_.chance(.02)) count = 16;
    const std::string receipt = place_.tree.receipt(
        kind, std::to_string(count) + "@" + std::to_string(me_) + "." + std::to_string(++serial_));
    const int error = make_directory(receipt);
    if (error == ENOSPC) {
      ++land_.full;
      return;
    }
    if (!expect(error, "mkdir")) return;
    const auto numbers = list_numbers(receipt);
    if (!expect(numbers.error, "listing a receipt")) return;
    if (numbers.value.size() != count) complain("a receipt lists something else");
    for (const std::uint64_t number : numbers.value) own(kind, number);
    if (random_.chance(.5)) expect(remove_directory(receipt), "rmdir");
  }

  void take() {
    const std::uint64_t number = random_.between(3, 400);
    const auto file = open_file(place_.tree.page(Kind::Regular, number), O_RDWR | O_CREAT | O_EXCL);
    if (file.error == EEXIST || file.error == EBUSY) return;
    if (file.error == ENOSPC) {
      ++land_.full;
      return;
    }
    if (expect(file.error, "creating a page")) own(Kind::Regular, number);
  }

  /// With `held`, it stays open while others allocate, and its number is not given to them.
  void free_one(bool held) {
    const std::size_t at = random_.below(pages_.size());
    const Owned owned = pages_[at];
    auto file = held ? open_file(path_of(owned), O_RDWR) : Answered<OpenedFile>{};
    if (!expect(file.error, "opening " + text_of(owned))) return;
    land_.set_owner(owned.kind, owned.number, held ? kNameless | (me_ + 1) : kLeaving | me_);
    expect(unlink_file(path_of(owned)), "freeing " + text_of(owned));
    if (held) {
      pages_[at] = pages_.back();
      pages_.pop_back();
      allocate();
      const auto bytes = read_some(file.value.get(), place_.page_size, 0);
      expect(bytes.error, "reading a freed page");
      compare(owned, bytes.value, " although it is open");
      if (land_.owner_of(owned.kind, owned.number) != (kNameless | (me_ + 1))) {
        complain(text_of(owned) + " was given away while it was open");
      }
      land_.set_owner(owned.kind, owned.number, kLeaving | me_);
      (void)file.value.close();
    } else {
      pages_[at] = pages_.back();
      pages_.pop_back();
    }
    Holding holding = land_.holding_of(owned.kind, owned.number).load();
    if (holding.owner != (kLeaving | me_)) return;  // Somebody has it by now.
    land_.holding_of(owned.kind, owned.number).compare_exchange_strong(holding, {0, ++land_.epoch});
  }

  /// What was somebody's all the time that it took to list is listed, once.
  void list() {
    for (const Kind kind : {Kind::Regular, Kind::Protected}) {
      std::vector<Holding> before(kMostPages);
      for (std::uint64_t page = 0; page < kMostPages; ++page) {
        before[page] = land_.holding_of(kind, page).load();
      }
      const auto listed = list_numbers(place_.tree.pages(kind));
      if (!expect(listed.error, "listing pages")) return;
      for (std::uint64_t page = 0; page < kMostPages; ++page) {
        const Holding holding = land_.holding_of(kind, page).load();
        const bool stayed = holding == before[page] && holding.owner != 0 &&
                            (holding.owner & (kLeaving | kNameless)) == 0;
        if (stayed && !listed.value.contains(page)) {
          complain(text_of({kind, page}) + " is not listed, and is client " +
                   std::to_string(holding.owner - 1) + "'s");
        }
      }
      ++land_.listings;
    }
  }

  void compare(const Owned& owned, std::span<const std::byte> bytes, const char* when) {
    if (std::ranges::equal(bytes, bytes_of(owned, owned.serial))) return;
    complain(text_of(owned) + " has our serial " + std::to_string(owned.serial) + when +
             " and holds " + describe(bytes));
  }

  void verify(const Owned& owned) {
    const auto bytes = read_file(path_of(owned), place_.page_size);
    if (expect(bytes.error, "reading " + text_of(owned))) compare(owned, bytes.value, "");
  }

  void write(Owned& owned) {
    auto file = open_file(path_of(owned), O_RDWR);
    if (!expect(file.error, "opening " + text_of(owned))) return;
    const std::uint64_t serial = ++serial_;
    const auto bytes = bytes_of(owned, serial);
    if (!expect(write_all(file.value.get(), bytes, 0), "writing " + text_of(owned))) return;
    if (owned.kind == Kind::Protected) ++land_.commits;
    const bool sync = owned.kind == Kind::Protected && !place_.close_commits;
    if (sync || random_.chance(.1)) {
      expect(::fsync(file.value.get()) == 0 ? 0 : errno, "fsync of " + text_of(owned));
    }
    expect(file.value.close(), "closing " + text_of(owned));
    owned.serial = serial;
  }

  [[nodiscard]] std::vector<std::byte> bytes_of(const Owned& owned, std::uint64_t serial) const {
    return filled(place_.page_size, {place_.seed, serial, owned.number, me_});
  }

  /// A staging file of ours with these bytes; its path.
  std::string stage(Kind kind, std::span<const std::byte> bytes) {
    std::string path = place_.tree.pages(kind) + "/." + std::to_string(me_) + ".tmp";
    auto file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (expect(file.error, "making a staging file")) {
      expect(write_all(file.value.get(), bytes, 0), "writing a staging file");
      expect(file.value.close(), "closing a staging file");
    }
    return path;
  }

  /// By a temporary file, of whichever directory, and a rename.
  void replace(Owned& owned) {
    const std::uint64_t serial = ++serial_;
    const Kind from = random_.chance(.2) ? Kind::Regular : owned.kind;
    const std::string temporary = stage(from, bytes_of(owned, serial));
    if (!expect(rename_file(temporary, path_of(owned), 0), "renaming onto " + text_of(owned))) {
      return;
    }
    owned.serial = serial;
    ++land_.renames;
    verify(owned);
  }

  /// A number of our choice, with its content from the first moment on.
  void take_by_rename() {
    const Kind kind = random_.chance(.5) ? Kind::Protected : Kind::Regular;
    const Owned wanted{kind, random_.between(3, 400), ++serial_};
    const std::string temporary = stage(kind, bytes_of(wanted, wanted.serial));
    const int error = rename_file(temporary, path_of(wanted), RENAME_NOREPLACE);
    if (error == 0) {
      ++land_.renames;
      return own(kind, wanted.number, wanted.serial);
    }
    const bool may_be = error == EEXIST || error == EBUSY || error == ENOSPC;
    if (!may_be) complain("renaming onto a free number gives errno " + std::to_string(error));
    expect(unlink_file(temporary), "removing a staging file");
  }

  /// What is staged is seen by who staged it and by nobody else, until it is committed; and never
  /// if a write of it failed.
  void write_in_parts(Owned& owned) {
    if (owned.kind != Kind::Protected) return write(owned);
    auto file = open_file(path_of(owned), O_RDWR);
    if (!expect(file.error, "opening " + text_of(owned))) return;
    const std::uint64_t serial = ++serial_;
    const auto bytes = bytes_of(owned, serial);
    const auto half = std::span(bytes).first(bytes.size() / 2);
    expect(write_all(file.value.get(), half, 0), "writing half of " + text_of(owned));
    const auto own_view = read_some(file.value.get(), half.size(), 0);
    if (!std::ranges::equal(own_view.value, half)) complain("what we staged is not what we read");
    verify(owned);
    const bool fails = random_.chance(.3);
    const int rest =
        write_all(file.value.get(), fails ? half : std::span(bytes).subspan(half.size()),
                  fails ? place_.page_size - 1 : half.size());
    if (rest != (fails ? EFBIG : 0))
      complain("the second half gives errno " + std::to_string(rest));
    const int synced = ::fsync(file.value.get()) == 0 ? 0 : errno;
    if (synced != (fails ? EIO : 0)) complain("a commit gives errno " + std::to_string(synced));
    (void)file.value.close();
    ++(fails ? land_.refused : land_.commits);
    if (!fails) owned.serial = serial;
    verify(owned);
  }

  /// The page of all: whole, whoever wrote it last, and never older than what was acknowledged.
  void use_shared() {
    const std::string path = place_.tree.page(Kind::Protected, place_.shared);
    if (random_.chance(.5)) return read_shared(path);
    auto file = open_file(path, O_RDWR);
    if (!expect(file.error, "opening the common page")) return;
    const std::uint64_t serial = ++serial_;
    const auto bytes = filled(place_.page_size, {place_.seed, serial, place_.shared, me_});
    const std::size_t half = bytes.size() / 2;
    const int first = write_all(file.value.get(), std::span(bytes).first(half), 0);
    if (first == EBUSY) {
      ++land_.busy;
      return;
    }
    expect(first, "writing the common page");
    expect(write_all(file.value.get(), std::span(bytes).subspan(half), half), "writing the rest");
    expect(::fsync(file.value.get()) == 0 ? 0 : errno, "committing the common page");
    land_.shared_serial.at(me_) = serial;
    ++land_.commits;
  }

  void read_shared(const std::string& path) {
    const auto bytes = read_file(path, place_.page_size);
    if (!expect(bytes.error, "reading the common page") || is_zero(bytes.value)) return;
    const auto stamp = stamp_of(bytes.value);
    if (!stamp || stamp->owner >= kClients || stamp->page != place_.shared) {
      return complain("the common page holds " + describe(bytes.value));
    }
    if (stamp->serial < seen_.at(stamp->owner)) {
      complain("the common page went back to serial " + std::to_string(stamp->serial));
    }
    seen_.at(stamp->owner) = stamp->serial;
  }

  const Place& place_;
  const std::uint32_t me_;
  Random random_;
  Land& land_;
  std::vector<Owned> pages_;
  std::uint64_t serial_ = 0;
  std::array<std::uint64_t, kClients> seen_{};
};

/// What is listed at the end is what the table has, also after a remount.
void compare_with_table(const Place& place, Land& land, Outcome& outcome) {
  std::uint64_t listed_pages = 0;
  for (const Kind kind : {Kind::Regular, Kind::Protected}) {
    const auto listed = list_numbers(place.tree.pages(kind));
    if (listed.error != 0) outcome.violate("listing gives errno " + std::to_string(listed.error));
    listed_pages += listed.value.size();
    for (std::uint64_t page = 0; page < kMostPages; ++page) {
      const bool owned = land.owner_of(kind, page) != 0;
      if (owned == listed.value.contains(page)) continue;
      outcome.violate(std::string(directory_of(kind)) + "/" + std::to_string(page) +
                      (owned ? " is lost" : " is nobody's"));
    }
  }
  struct statvfs facts {};
  const std::string root = place.tree.pages(Kind::Regular);
  if (::statvfs(root.c_str(), &facts) != 0 || facts.f_files - facts.f_ffree != listed_pages) {
    outcome.violate("statfs counts other pages than the listings");
  }
}

}  // namespace

void live_through_many_clients(std::uint64_t seed, Outcome& outcome) {
  Random random(seed);
  MountedFs fs;
  Place place{.tree = Tree(fs.mountpoint()),
              .page_size = page_size_of(seed),
              .seed = seed,
              .shared = 0,
              .close_commits = seed % 4 != 3};
  std::vector<std::string> options{"--create=" + std::to_string(place.page_size)};
  if (!place.close_commits) options.insert(options.end(), {"-o", "commit=fsync"});
  if (seed % 5 == 4) options.emplace_back("-s");
  if (!mounted(fs, options, outcome)) return;
  const Shared<Land> land;
  if (make_directory(place.tree.receipt(Kind::Protected, "common")) != 0) {
    return outcome.violate("mkdir does not work");
  }
  land->set_owner(Kind::Protected, place.shared, kClients + 1);
  {
    std::vector<Client> clients;
    for (std::uint32_t me = 0; me < kClients; ++me) {
      const std::uint64_t its_seed = random.next();
      clients.emplace_back([&, me] { Settler(place, me, its_seed, *land).work(); });
    }
    for (Client& client : clients) {
      if (client.wait() != 0) outcome.violate("a client ended by itself");
    }
  }
  if (land->complaint.said()) outcome.violate(land->complaint.text());
  if (outcome.ok()) compare_with_table(place, *land, outcome);
  fs.unmount();
  const Ran checked = run({MAPPEDPAGES, "check", fs.db().string()});
  if (checked.code != 0) outcome.violate("check: " + checked.out + checked.err);
  if (outcome.ok() && mounted(fs, {}, outcome)) compare_with_table(place, *land, outcome);
  for (const auto& [name, count] :
       {std::pair("steps", &land->steps), std::pair("allocated", &land->allocated),
        std::pair("commits", &land->commits), std::pair("busy", &land->busy),
        std::pair("full", &land->full), std::pair("listings", &land->listings),
        std::pair("renames", &land->renames), std::pair("refused", &land->refused)}) {
    outcome.count(name, *count);
  }
}

}  // namespace mappedpages::test::storm
