// A full disk is an error of the call that needed the space, and of no other: promise R7.
//
// On a small tmpfs, on a small ext4 and below a limit of the file's size, with some blocks left,
// each call is made until it is refused. Then all that was acknowledged is there, calls that need
// no space work, and once there is space the refused call works.
#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/calls.hpp"
#include "e2e/storm/filling.hpp"
#include "e2e/storm/lives.hpp"
#include "e2e/storm/small_disk.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::uint64_t kMostLeft = 6;

/// Where the pager file is, and how its space is taken away and given back.
class Shortage {
 public:
  Shortage(std::optional<DiskKind> kind, MountedFs& fs) : fs_(fs) {
    if (kind) disk_ = std::make_unique<SmallDisk>(*kind);
    fs.keep_db_in(disk_ ? disk_->directory() : memory_.path());
  }

  [[nodiscard]] std::string problem() const { return disk_ ? disk_->problem() : ""; }

  /// `left`: blocks, or pages below the limit.
  void begin(std::uint64_t left, std::size_t page_size) {
    if (disk_) return disk_->fill(left);
    limit(std::filesystem::file_size(fs_.db()) + left * page_size);
  }
  void end() {
    if (disk_) return disk_->empty();
    limit(RLIM_INFINITY);
  }

 private:
  void limit(rlim_t bytes) {
    const rlimit wanted{bytes, RLIM_INFINITY};
    ::prlimit(fs_.pid(), RLIMIT_FSIZE, &wanted, nullptr);
  }

  TempDir memory_{in_memory()};
  std::unique_ptr<SmallDisk> disk_;
  MountedFs& fs_;
};

/// What a client has, and the calls that it makes.
class Tenant {
 public:
  Tenant(const MountedFs& fs, std::size_t page_size, std::uint64_t seed, Outcome& outcome)
      : tree_(fs.mountpoint()), page_size_(page_size), seed_(seed), outcome_(outcome) {}

  int allocate(Kind kind, std::uint64_t count) {
    const std::string receipt =
        tree_.receipt(kind, std::to_string(count) + "@" + std::to_string(++receipts_));
    if (const int error = make_directory(receipt)) return error;
    const auto numbers = list_numbers(receipt);
    if (numbers.value.size() != count) outcome_.violate("a receipt lists something else");
    for (const std::uint64_t number : numbers.value) pages_.push_back({kind, number, 0});
    return 0;
  }

  /// That number, or the first behind it that the pager does not use itself.
  int create(std::uint64_t number) {
    for (;; ++number) {
      const auto file = open_file(tree_.page(Kind::Regular, number), O_RDWR | O_CREAT | O_EXCL);
      if (file.error == EBUSY) continue;
      if (file.error == 0) pages_.push_back({Kind::Regular, number, 0});
      return file.error;
    }
  }

  /// Each page, by turns committed by fsync, by close and through O_TRUNC.
  int write_all_pages() {
    for (Owned& page : pages_) {
      if (const int error = write(page)) return error;
    }
    return 0;
  }

  int free_last() {
    if (pages_.empty()) return 0;
    const int error = unlink_file(path_of(pages_.back()));
    if (error == 0) pages_.pop_back();
    return error;
  }

  [[nodiscard]] std::uint64_t behind_all() const {
    std::uint64_t last = 2;
    for (const Owned& page : pages_) {
      if (page.kind == Kind::Regular) last = std::max(last, page.number);
    }
    return last + 1;
  }

  /// All that was acknowledged is there, and nothing else.
  void verify(const std::string& when) {
    for (const Kind kind : {Kind::Regular, Kind::Protected}) {
      const auto listed = list_numbers(tree_.pages(kind));
      const auto owned = static_cast<std::size_t>(std::ranges::count(pages_, kind, &Owned::kind));
      if (listed.error != 0 || listed.value.size() != owned) {
        outcome_.violate(when + ": " + std::to_string(listed.value.size()) + " of " +
                         directory_of(kind) + " are listed and not " + std::to_string(owned));
      }
    }
    for (const Owned& page : pages_) verify(page, when);
  }

 private:
  struct Owned {
    Kind kind = Kind::Regular;
    std::uint64_t number = 0;
    std::uint64_t serial = 0;
  };

  [[nodiscard]] std::string path_of(const Owned& page) const {
    return tree_.page(page.kind, page.number);
  }
  [[nodiscard]] std::vector<std::byte> content_of(const Owned& page, std::uint64_t serial) const {
    return filled(page_size_, {seed_, serial, page.number, 0});
  }

  int write(Owned& page) {
    const std::uint64_t serial = ++serial_;
    auto file = open_file(path_of(page), O_RDWR | (serial % 3 == 0 ? O_TRUNC : 0));
    if (file.error != 0) return file.error;
    int error = write_all(file.value.get(), content_of(page, serial), 0);
    if (error == 0 && serial % 2 == 0 && ::fsync(file.value.get()) != 0) error = errno;
    const int closed = file.value.close();
    if (error == 0) error = closed;
    if (error == 0) page.serial = serial;
    return error;
  }

  void verify(const Owned& page, const std::string& when) {
    const auto bytes = read_file(path_of(page), page_size_);
    if (bytes.error == 0 && std::ranges::equal(bytes.value, content_of(page, page.serial))) return;
    outcome_.violate(when + ": " + path_of(page) + " should have serial " +
                     std::to_string(page.serial) + " and holds " + describe(bytes.value) +
                     " (errno " + std::to_string(bytes.error) + ")");
  }

  const Tree tree_;
  const std::size_t page_size_;
  const std::uint64_t seed_;
  Outcome& outcome_;
  std::vector<Owned> pages_;
  std::uint64_t receipts_ = 0;
  std::uint64_t serial_ = 0;
};

struct Call {
  const char* name;
  int (*make)(Tenant& tenant);
};

constexpr Call kCalls[] = {
    {"allocate a page", [](Tenant& tenant) { return tenant.allocate(Kind::Regular, 1); }},
    {"allocate 40 pages", [](Tenant& tenant) { return tenant.allocate(Kind::Regular, 40); }},
    {"allocate a protected page",
     [](Tenant& tenant) { return tenant.allocate(Kind::Protected, 1); }},
    {"allocate 40 protected pages",
     [](Tenant& tenant) { return tenant.allocate(Kind::Protected, 40); }},
    {"create the next page", [](Tenant& tenant) { return tenant.create(tenant.behind_all()); }},
    {"create a far page", [](Tenant& tenant) { return tenant.create(tenant.behind_all() + 20); }},
};

/// One call at one boundary, on a new file.
class Boundary {
 public:
  Boundary(MountedFs& fs, Shortage& shortage, std::size_t page_size, std::uint64_t seed,
           Outcome& outcome)
      : fs_(fs),
        shortage_(shortage),
        page_size_(page_size),
        tenant_(fs, page_size, seed, outcome),
        outcome_(outcome) {}

  void run(const Call& call, std::uint64_t left) {
    const std::string where = std::string(call.name) + " with " + std::to_string(left) + " left: ";
    std::error_code none;
    std::filesystem::remove(fs_.db(), none);
    if (!mounted(fs_, {"--create=" + std::to_string(page_size_)}, outcome_)) return;
    expect(tenant_.allocate(Kind::Regular, 2), 0, where + "at first");
    expect(tenant_.allocate(Kind::Protected, 2), 0, where + "at first");
    expect(tenant_.write_all_pages(), 0, where + "at first");
    shortage_.begin(left, page_size_);
    expect(make_until_refused(call), ENOSPC, where + "the refused call");
    outcome_.count("refusals");
    look_around(where);
    shortage_.end();
    expect(call.make(tenant_), 0, where + "the same call when there is space");
    expect(tenant_.write_all_pages(), 0, where + "writing when there is space");
    tenant_.verify(where + "when there is space");
    if (::kill(fs_.pid(), 0) != 0) outcome_.violate(where + "the daemon ended");
    fs_.unmount();
    check(where);
  }

 private:
  void expect(int error, int expected, const std::string& what) {
    if (error == expected) return;
    outcome_.violate(what + " gives errno " + std::to_string(error) + " and not " +
                     std::to_string(expected));
  }

  int make_until_refused(const Call& call) {
    constexpr int kMostCalls = 20000;
    for (int i = 0; i < kMostCalls; ++i) {
      outcome_.count("calls");
      if (const int error = call.make(tenant_)) return error;
    }
    return 0;
  }

  /// What needs no space works while there is none.
  void look_around(const std::string& where) {
    tenant_.verify(where + "after the refusal");
    expect(tenant_.write_all_pages(), 0, where + "writing without space");
    expect(tenant_.free_last(), 0, where + "freeing without space");
    expect(allocate_what_was_freed(), 0, where + "allocating what was freed");
    tenant_.verify(where + "after more calls");
  }

  /// The number comes back with the last close, which the kernel tells of behind our back.
  int allocate_what_was_freed() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const int error = tenant_.allocate(Kind::Regular, 1);
      if (error != ENOSPC || std::chrono::steady_clock::now() > until) return error;
    }
  }

  void check(const std::string& where) {
    const Ran checked = test::run({MAPPEDPAGES, "check", fs_.db().string()});
    if (checked.code != 0) outcome_.violate(where + "check: " + checked.out + checked.err);
  }

  MountedFs& fs_;
  Shortage& shortage_;
  const std::size_t page_size_;
  Tenant tenant_;
  Outcome& outcome_;
};

void live_through_shortage(std::optional<DiskKind> kind, std::uint64_t seed, Outcome& outcome) {
  const std::size_t page_size = page_size_of(seed);
  MountedFs fs;
  Shortage shortage(kind, fs);
  if (!shortage.problem().empty()) return outcome.violate(shortage.problem());
  for (const Call& call : kCalls) {
    for (std::uint64_t left = 0; left <= kMostLeft && outcome.ok(); ++left) {
      Boundary(fs, shortage, page_size, seed, outcome).run(call, left);
    }
  }
}

}  // namespace

void live_through_full_tmpfs(std::uint64_t seed, Outcome& outcome) {
  live_through_shortage(DiskKind::Tmpfs, seed, outcome);
}
void live_through_full_ext4(std::uint64_t seed, Outcome& outcome) {
  live_through_shortage(DiskKind::Ext4, seed, outcome);
}
void live_below_size_limit(std::uint64_t seed, Outcome& outcome) {
  live_through_shortage(std::nullopt, seed, outcome);
}

}  // namespace mappedpages::test::storm
