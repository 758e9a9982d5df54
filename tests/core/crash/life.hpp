// Lives of a file: chains of sessions by us and by the Rust crate, each ended by a close, a kill, a
// power cut or a failed flush, with every crash on the way looked at.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "image_set.hpp"
#include "mappedpages/engine.hpp"
#include "oracle.hpp"
#include "support/crash_image.hpp"
#include "support/crate_writer.hpp"
#include "support/disk.hpp"
#include "support/random.hpp"

namespace mappedpages::test {

/// How often a session of the crate does what, against each other.
struct CrateHabits {
  unsigned alloc = 2;
  unsigned free = 1;
  unsigned alloc_protected = 2;
  unsigned free_protected = 1;
  unsigned write = 2;
};

/// One operation, on pages that luck chooses.
enum class Act : std::uint8_t { Alloc, Free, AllocProtected, FreeProtected, Write, Mixed };
inline constexpr std::uint64_t kActs = 6;

/// How a life goes. Probabilities are 0 to 1.
struct LifeOptions {
  unsigned sessions = 6;
  unsigned groups = 12;           ///< At most so many a session.
  std::uint64_t max_pages = 400;  ///< No page is allocated beyond so many.
  double crate = .35;             ///< A session is the crate's.
  double kill = .4;               ///< A crash is a kill and no power cut.
  double fail_flush = 0;          ///< A flush of ours fails.
  double user = .15;              ///< A user writes while something is being written.
  bool evil = false;              ///< Users prepare pages to be taken for directories:
  double plant_all = .5;          ///< at the start of a session every free page.
  double early_crash = .67;       ///< A session crashes within 25 events.
  CrateHabits crate_habits;
  std::vector<Change> script{};    ///< What each session of ours does first,
  std::vector<Act> acts{};         ///< and what then.
  double far = .5;                 ///< A change of a protected page prefers blocks past number 27.
  double batch = .3;               ///< A group is made by a batch,
  double defragment = .08;         ///< or by moving pages to the front.
  double by_number = .1;           ///< A group also allocates at numbers of the user's choice.
  double new_block = .06;          ///< A group allocates enough to need a new directory block.
  double look_at_kill = .3;        ///< The cache is looked at after a write.
  double nested = .004;            ///< An image is opened for writing, and crashes again.
  double crate_looks = .25;        ///< The crate's rules are tried on an image.
  unsigned longest_session = 120;  ///< Events after which a session crashes at the latest, mostly.
  CutLimits cuts;
};

/// What was done, over all lives.
struct Tally {
  std::shared_ptr<ImageSet> images = std::make_shared<ImageSet>();  ///< The distinct ones.
  std::uint64_t states = 0;  ///< Images looked at, repeated ones included.
  std::uint64_t lives = 0;
  std::uint64_t groups = 0;
  std::uint64_t far_groups = 0;  ///< Groups that touched blocks past number 27 alone.
  std::uint64_t batches = 0;
  std::uint64_t moved = 0;   ///< Pages that were moved to the front.
  std::uint64_t nested = 0;  ///< Images that were opened for writing, to crash again.
  std::uint64_t crate_sessions = 0;
  std::uint64_t closes = 0;
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t failed_flushes = 0;
  std::uint64_t crate_right = 0;    ///< The crate saw the right state in an image of ours,
  std::uint64_t crate_refused = 0;  ///< or refused it.
  std::uint64_t crate_torn = 0;     ///< Page 0 torn by the crate for good: right, with a warning.

  /// Adds the counts; the images are counted where they were found.
  Tally& operator+=(const Tally& other);
  [[nodiscard]] std::string summary() const;
};

/// The counts of a tally, with their names in a report.
struct Counter {
  const char* name;
  std::uint64_t Tally::*count;
};
inline constexpr std::array kCounters{Counter{"states", &Tally::states},
                                      Counter{"lives", &Tally::lives},
                                      Counter{"groups", &Tally::groups},
                                      Counter{"far_groups", &Tally::far_groups},
                                      Counter{"batches", &Tally::batches},
                                      Counter{"pages_moved", &Tally::moved},
                                      Counter{"nested_openings", &Tally::nested},
                                      Counter{"crate_sessions", &Tally::crate_sessions},
                                      Counter{"closes", &Tally::closes},
                                      Counter{"kills", &Tally::kills},
                                      Counter{"power_cuts", &Tally::power_cuts},
                                      Counter{"failed_flushes", &Tally::failed_flushes},
                                      Counter{"read_by_the_crate", &Tally::crate_right},
                                      Counter{"refused_by_the_crate", &Tally::crate_refused},
                                      Counter{"torn_by_the_crate", &Tally::crate_torn}};

/// Where a life starts.
struct Base {
  std::string name;
  std::size_t page_size = 0;
  std::vector<std::byte> image;
  bool crate_wrote = false;  ///< At some time, so that CRCs of never-written pages prove nothing.
  std::optional<FileView> view = std::nullopt;  ///< Where the crate cannot open it: what to see.
};

struct Violation {
  std::uint64_t seed = 0;
  std::string what;
  std::string trace;
};

/// One life. Not reused.
class Life final : private DiskObserver, private CrateListener {
 public:
  Life(std::uint64_t seed, const LifeOptions& options, const Base& base, Tally& tally);

  /// The whole chain, up to the first violation.
  void run();

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }

 private:
  enum class End : std::uint8_t { Close, Kill, PowerCut, FailedFlush };

  /// When an image is looked at: before a session, as a kill or a power cut would leave it, or as
  /// one did.
  enum class Moment : std::uint8_t { Reopening, Kill, PossibleCut, PowerCut };

  // --- Sessions (life.cpp)

  void plan_crash();
  void our_session();
  void use(Engine& engine);
  void close(std::unique_ptr<Engine> engine);
  void look_at_dead(std::unique_ptr<Engine> engine);
  void crate_session();
  bool crate_step(CrateWriter& crate);
  End end_session();

  // --- Groups (life_changes.cpp)

  void group(Engine& engine);
  void commit(Engine& engine, const Change& change);
  Result<Allocation> perform(Engine& engine, const Change& change);
  Change random_change();
  Change change_of(Act act);
  void act(Engine& engine, Act act);
  void forget_used();
  void add_random(Change& change, bool bulk);
  void add_free(Change& change);
  void add_protected_free(Change& change);
  void add_write(Change& change);
  void add_by_number(Engine& engine, Change& change);
  [[nodiscard]] const std::uint64_t* pick_protected();
  [[nodiscard]] bool is_far(const Change& change) const;
  void plant_everywhere(Engine& engine);
  void use_pages(Engine& engine);
  void plant(std::uint64_t page);
  std::vector<std::byte> forged(std::uint64_t page);
  [[nodiscard]] std::uint64_t newest_generation() const;
  [[nodiscard]] bool may_allocate(std::uint64_t more) const;

  // --- Batches (life_batches.cpp)

  void batch_group(Engine& engine);
  Change fill_batch(Batch& batch, const Change& wanted);
  void defragment(Engine& engine);
  bool acknowledge(const Status& done);

  // --- Looking (life_checks.cpp)

  void wrote() override;
  void syncing() override;
  void may_become(const FileView& view) override;
  void has_become(const FileView& view) override;

  bool look_at_cache(Moment moment);
  bool look_at(const CrashImage& image, std::uint64_t hash, Moment moment);
  [[nodiscard]] std::string name_of(Moment moment) const;
  std::optional<std::string> judge(const CrashImage& image);
  std::optional<std::string> judge_damage(const OpenReport& report);
  std::optional<std::string> check(const Engine& engine, const CrashImage& image);
  [[nodiscard]] bool proves_nothing(const Engine& engine, const Problem& problem) const;
  std::optional<std::string> ask_crate(const CrashImage& image, bool must_open);
  void nest(const CrashImage& image);
  void violate(const std::string& what);

  /// Nothing more can be done in this session.
  [[nodiscard]] bool over() const { return violation_ || disk_->dead(); }

  const std::uint64_t seed_;
  const LifeOptions options_;
  const std::size_t page_size_;
  const std::uint32_t slots_;
  Tally& tally_;
  Random random_;
  std::shared_ptr<Disk> disk_;
  Oracle oracle_;
  FileView seen_;              // By the last `judge`,
  bool seen_damaged_ = false;  // which found it torn by the crate.
  std::optional<Violation> violation_;
  std::unordered_set<std::uint64_t> looked_at_;  // Hashes, of images and the oracle's epoch.
  CrashKind crash_kind_ = CrashKind::PowerCut;
  bool crate_wrote_;
  bool in_crate_ = false;
  bool served_ = false;               // The present session is ours and open.
  bool flush_failed_before_ = false;  // The cache may show bytes that will never be written.
  bool torn_by_crate_ = false;        // The crate wrote last: page 0 may be torn for good.
  unsigned depth_ = 0;
  std::vector<std::uint64_t> users_pages_;  // In a session of the crate, as its call began.
  std::set<std::uint64_t> planted_;
  std::deque<std::vector<std::byte>> contents_;  // Of the writes of the present group.
  std::set<std::uint64_t> used_protected_;       // By the change that is being put together.
  std::set<std::uint64_t> used_pages_;
  std::uint64_t picked_ = 0;
};

}  // namespace mappedpages::test
