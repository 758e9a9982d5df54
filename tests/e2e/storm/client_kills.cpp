// Signals that end the clients, while the daemon lives: a writer that is killed between two writes
// of a protected page commits nothing, and is in nobody's way afterwards.
#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/calls.hpp"
#include "e2e/storm/client.hpp"
#include "e2e/storm/filling.hpp"
#include "e2e/storm/lives.hpp"
#include "support/random.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::uint32_t kWriters = 3;
constexpr int kRounds = 25;

/// How far a writer is. What is not `Committing` has not asked for a commit of `staged`.
enum class Phase : std::uint32_t { Idle, Staging, Committing, Allocating };

struct Desk {
  std::atomic<std::uint64_t> committed{0};  ///< Serial of what was acknowledged last.
  std::atomic<std::uint64_t> staged{0};     ///< Of what is being written.
  std::atomic<Phase> phase{Phase::Idle};
  std::atomic<std::uint64_t> allocated{0};  ///< Pages that mkdir gave, and that were freed.
  std::atomic<std::uint64_t> commits{0};
};

struct Desks {
  std::array<Desk, kWriters> of;
  Complaint complaint;
};

struct Scene {
  Tree tree;
  std::size_t page_size = 0;
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> pages;  ///< One for each writer.
};

/// Stages and commits one protected page over and over, in every way that there is.
class Writer {
 public:
  Writer(const Scene& scene, std::uint32_t me, std::uint64_t seed, Desks& desks, const Marks& marks)
      : scene_(scene),
        me_(me),
        random_(seed),
        desk_(desks.of.at(me)),
        complaint_(desks.complaint),
        marks_(marks) {}

  void work() {
    // Threads that do nothing: the kernel ends them in its own way.
    if (random_.chance(.4)) {
      for (int i = 0; i < 3; ++i) std::thread([] { ::pause(); }).detach();
    }
    while (!complaint_.said()) {
      marks_.make();
      if (random_.chance(.1)) {
        allocate_and_free();
      } else {
        open_and_write();
      }
    }
  }

 private:
  void expect(int error, const char* what) {
    if (error == 0) return;
    complaint_.say("writer " + std::to_string(me_) + ": " + what + " gives errno " +
                   std::to_string(error));
  }

  void open_and_write() {
    const bool empty_first = random_.chance(.5);
    const std::uint64_t serial = begin();
    auto file = open_when_free(empty_first ? O_RDWR | O_TRUNC : O_RDWR);
    if (!file) return;
    OpenedFile duplicate;
    if (random_.chance(.2)) duplicate = OpenedFile(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    write_parts(file.get(), serial);
    for (std::uint64_t more = random_.below(3); more > 0; --more) {
      commit(serial_of_stage(), [&file] { return ::fsync(file.get()) == 0 ? 0 : errno; });
      write_parts(file.get(), begin());
    }
    commit(serial_of_stage(), [&file] { return file.close(); });
    if (duplicate) expect(duplicate.close(), "closing a duplicate");
  }

  std::uint64_t serial_of_stage() const { return desk_.staged.load(); }

  std::uint64_t begin() {
    const std::uint64_t serial = desk_.staged.load() + 1;
    desk_.staged = serial;
    desk_.phase = Phase::Staging;
    return serial;
  }

  /// The stage of who was killed before us may not be gone yet: its release is on its way.
  OpenedFile open_when_free(int flags) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      auto file = open_file(scene_.tree.page(Kind::Protected, scene_.pages[me_]), flags);
      if (file.error == 0) {
        marks_.make();
        const std::byte first{0};
        // As a first write, so that what follows cannot be refused.
        file.error = write_all(file.value.get(), std::span(&first, 1), 0);
      }
      if (file.error == 0) return std::move(file.value);
      if (file.error != EBUSY || std::chrono::steady_clock::now() > until) {
        expect(file.error, "opening or the first write");
        return {};
      }
    }
  }

  void write_parts(int fd, std::uint64_t serial) {
    const auto bytes = filled(scene_.page_size, {scene_.seed, serial, scene_.pages[me_], me_});
    constexpr std::size_t kParts = 4;
    const std::size_t length = bytes.size() / kParts;
    for (std::size_t part = 0; part < kParts; ++part) {
      const auto some = std::span(bytes).subspan(part * length, length);
      expect(write_all(fd, some, part * length), "a write");
      marks_.make();
    }
  }

  template <class Call>
  void commit(std::uint64_t serial, const Call& call) {
    desk_.phase = Phase::Committing;
    expect(call(), "a commit");
    desk_.committed = serial;
    desk_.phase = Phase::Idle;
    ++desk_.commits;
  }

  void allocate_and_free() {
    desk_.phase = Phase::Allocating;
    const std::string receipt = scene_.tree.receipt(
        Kind::Protected, std::to_string(::getpid()) + "." + std::to_string(++desk_.allocated));
    expect(make_directory(receipt), "mkdir");
    const auto numbers = list_numbers(receipt);
    expect(numbers.error, "listing a receipt");
    for (const std::uint64_t number : numbers.value) {
      expect(unlink_file(scene_.tree.page(Kind::Protected, number)), "unlink");
    }
    expect(remove_directory(receipt), "rmdir");
    desk_.phase = Phase::Idle;
  }

  const Scene& scene_;
  const std::uint32_t me_;
  Random random_;
  Desk& desk_;
  Complaint& complaint_;
  const Marks& marks_;
};

/// What a page may hold after its writer was killed.
void judge(const Scene& scene, std::uint32_t writer, Desk& desk, Outcome& outcome) {
  const std::uint64_t page = scene.pages[writer];
  const auto bytes = read_file(scene.tree.page(Kind::Protected, page), scene.page_size);
  const Stamp old{scene.seed, desk.committed, page, writer};
  const Stamp staged{scene.seed, desk.staged, page, writer};
  outcome.count("judged");
  if (desk.phase.load() == Phase::Staging) outcome.count("killed_between_writes");
  if (desk.phase.load() == Phase::Committing) {
    outcome.count("killed_in_commit");
    if (std::ranges::equal(bytes.value, filled(scene.page_size, staged))) {
      desk.committed = staged.serial;
      outcome.count("completed");
      return;
    }
  }
  if (std::ranges::equal(bytes.value, filled(scene.page_size, old))) return;
  outcome.violate("writer " + std::to_string(writer) + " was killed in phase " +
                  std::to_string(static_cast<int>(desk.phase.load())) + " while it staged serial " +
                  std::to_string(staged.serial) + "; serial " + std::to_string(old.serial) +
                  " was committed, and the page holds " + describe(bytes.value) +
                  (bytes.error != 0 ? " (errno " + std::to_string(bytes.error) + ")" : ""));
}

/// Pages that were allocated by who was killed before it could free them.
void clear_orphans(const Scene& scene, std::uint64_t most, Outcome& outcome) {
  const auto listed = list_numbers(scene.tree.pages(Kind::Protected));
  std::uint64_t orphans = 0;
  for (const std::uint64_t number : listed.value) {
    if (std::ranges::find(scene.pages, number) != scene.pages.end()) continue;
    ++orphans;
    if (unlink_file(scene.tree.page(Kind::Protected, number)) != 0) {
      outcome.violate("page " + std::to_string(number) + " is listed and cannot be freed");
    }
  }
  if (orphans > most) {
    outcome.violate(std::to_string(orphans) + " pages are nobody's after " + std::to_string(most) +
                    " allocations that were killed");
  }
}

/// So that the signal does not always come right behind a mark.
void spin(std::chrono::nanoseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

void play_round(const Scene& scene, Random& random, Desks& desks, Outcome& outcome) {
  Marks marks;
  std::vector<Client> writers;
  for (std::uint32_t me = 0; me < kWriters; ++me) {
    const std::uint64_t its_seed = random.next();
    writers.emplace_back([&, me] { Writer(scene, me, its_seed, desks, marks).work(); });
  }
  marks.close_writing();
  marks.wait_for(random.between(1, 60));
  std::uint64_t allocating = 0;
  for (std::uint32_t me = 0; me < kWriters; ++me) {
    constexpr std::array kSignals{SIGKILL, SIGKILL, SIGTERM, SIGSEGV, SIGINT};
    spin(std::chrono::microseconds(random.below(400)));
    ::kill(writers[me].pid(), random.pick(kSignals));
    const int status = writers[me].wait();
    if (!WIFSIGNALED(status) && !desks.complaint.said()) outcome.violate("a writer ended itself");
    outcome.count("kills");
    Desk& desk = desks.of.at(me);
    judge(scene, me, desk, outcome);
    if (desk.phase.load() == Phase::Allocating) ++allocating;
    desk.phase = Phase::Idle;
    marks.wait_for(random.below(10));
  }
  clear_orphans(scene, allocating, outcome);
  if (desks.complaint.said()) outcome.violate(desks.complaint.text());
}

}  // namespace

void live_through_client_kills(std::uint64_t seed, Outcome& outcome) {
  Random random(seed);
  MountedFs fs;
  Scene scene{
      .tree = Tree(fs.mountpoint()), .page_size = page_size_of(seed), .seed = seed, .pages = {}};
  if (!mounted(fs, {"--create=" + std::to_string(scene.page_size)}, outcome)) return;
  const std::string receipt =
      scene.tree.receipt(Kind::Protected, std::to_string(kWriters) + "@pages");
  if (make_directory(receipt) != 0) return outcome.violate("mkdir does not work");
  for (const std::uint64_t number : list_numbers(receipt).value) scene.pages.push_back(number);
  const Shared<Desks> desks;
  for (int round = 0; round < kRounds && outcome.ok(); ++round) {
    play_round(scene, random, *desks, outcome);
  }
  for (const Desk& desk : desks->of) outcome.count("commits", desk.commits);
  fs.unmount();
  const Ran checked = run({MAPPEDPAGES, "check", fs.db().string()});
  if (checked.code != 0) outcome.violate("check: " + checked.out + checked.err);
}

}  // namespace mappedpages::test::storm
