// What is looked at after each write and before each flush.
#include <utility>

#include "life.hpp"

namespace mappedpages::test {
namespace {

/// One image in so many is verified by `Engine::check` too, and its pages are asked for one by one.
constexpr std::uint64_t kThoroughly = 16;

/// Recovering is crashed in as well, and the recovery after that.
constexpr unsigned kDeepest = 2;

/// P up to which a kill cannot tear a page in the cache.
constexpr std::size_t kCachePage = 4096;

}  // namespace

// --- Told by the disk and by the crate

void Life::wrote() {
  if (violation_) return;
  const auto& regular = in_crate_ ? users_pages_ : oracle_.now().view.regular;
  if ((served_ || in_crate_) && !regular.empty() &&
      random_.chance(options_.evil ? .5 : options_.user)) {
    plant(random_.pick(regular));
  }
  if (random_.chance(options_.look_at_kill)) look_at_cache(Moment::Kill);
}

void Life::syncing() {
  if (violation_) return;
  PowerCuts(*disk_, random_, options_.cuts).visit([&](const CrashImage& image, std::uint64_t hash) {
    return look_at(image, hash, Moment::PossibleCut);
  });
}

void Life::may_become(const FileView& view) {
  oracle_.may_become(view);
}

void Life::has_become(const FileView& view) {
  oracle_.has_become(view);
}

// --- Looking

bool Life::look_at_cache(Moment moment) {
  const CrashImage image(disk_->cache(), disk_->cache().size());
  return look_at(image, mix(disk_->cache_hash() ^ mix(image.size())), moment);
}

std::string Life::name_of(Moment moment) const {
  const std::string where = in_crate_ ? "in a session of the crate, " : "";
  switch (moment) {
    case Moment::Reopening:
      return where + "before opening";
    case Moment::Kill:
      return where + "after a kill";
    default:
      return where + "after a power cut";
  }
}

bool Life::look_at(const CrashImage& image, std::uint64_t hash, Moment moment) {
  if (violation_) return false;
  ++tally_.states;
  tally_.images->insert(hash);
  // `seen_` is wanted of what a session starts from, so that is looked at in any case.
  const bool possible = moment == Moment::Kill || moment == Moment::PossibleCut;
  const std::uint64_t question = oracle_.epoch() * 4 + static_cast<std::uint64_t>(moment);
  if (!looked_at_.insert(mix(hash + mix(question))).second && possible) return true;
  if (const auto wrong = judge(image)) {
    violate(name_of(moment) + ": " + *wrong);
    return false;
  }
  if (!in_crate_ && (moment == Moment::Kill || random_.chance(options_.crate_looks))) {
    const bool must_open = moment == Moment::Kill && served_ && page_size_ <= kCachePage;
    if (const auto wrong = ask_crate(image, must_open)) {
      violate(name_of(moment) + ", " + *wrong);
      return false;
    }
  }
  if (depth_ < kDeepest && random_.chance(options_.nested)) nest(image);
  return !violation_;
}

std::optional<std::string> Life::judge(const CrashImage& image) {
  OpenOptions options;
  options.access = Access::ReadOnly;
  auto engine = Engine::open(std::make_unique<CrashImageFile>(image), options);
  if (!engine) return "cannot be opened: " + engine.error().message();
  if (auto wrong = judge_damage((*engine)->open_report())) return wrong;
  const bool thoroughly = random_.below(kThoroughly) == 0;
  auto view = read_view(**engine, {crate_wrote_, thoroughly});
  if (!view) return std::move(view).error();
  seen_ = *std::move(view);
  if (auto wrong = oracle_.judge(seen_, image)) return wrong;
  return thoroughly && !seen_damaged_ ? check(**engine, image) : std::nullopt;
}

/// Where the crate adds a directory block and the sector with the new reference is lost while the
/// one with the checksum is not, nothing says what was meant: the old state it is, and a warning.
/// That is a crash of the crate. Ours leave nothing that looks like damage.
std::optional<std::string> Life::judge_damage(const OpenReport& report) {
  seen_damaged_ = report.damaged;
  if (!report.damaged) return std::nullopt;
  std::string text = "reported as damage:";
  bool only_the_index = true;
  for (const Problem& problem : report.problems) {
    if (problem.severity != Severity::Error) continue;
    only_the_index = only_the_index && problem.code == "index-crc";
    text += ' ' + problem.where + ": " + problem.detail + ';';
  }
  if (!only_the_index || !torn_by_crate_) return text;
  ++tally_.crate_torn;
  return std::nullopt;
}

std::optional<std::string> Life::check(const Engine& engine, const CrashImage& image) {
  const auto report = Engine::check(CrashImageFile(image));
  if (!report) return "cannot be checked: " + report.error().message();
  bool ok = true;
  for (const Problem& problem : report->problems) {
    if (problem.severity != Severity::Error) continue;
    ok = false;
    if (proves_nothing(engine, problem)) continue;
    return "check finds " + problem.code + ", " + problem.where + ": " + problem.detail;
  }
  if (report->ok != ok) return "check contradicts itself";
  return std::nullopt;
}

/// The crate stores the CRC of stale bytes for a protected page that was never written, and those
/// bytes need not be durable.
bool Life::proves_nothing(const Engine& engine, const Problem& problem) const {
  const std::string prefix = "protected ";
  if (!crate_wrote_ || problem.where.rfind(prefix, 0) != 0) return false;
  const ProtectedNumber number{std::stoull(problem.where.substr(prefix.size()))};
  const auto info = engine.info(number);
  return info && info->generation == 0;
}

/// The crate may refuse what a power cut left, but never see another state.
std::optional<std::string> Life::ask_crate(const CrashImage& image, bool must_open) {
  const auto state = crate_open(image, page_size_);
  if (!state) {
    ++tally_.crate_refused;
    return must_open ? std::optional("the crate refuses it: " + state.error()) : std::nullopt;
  }
  const auto view = crate_view(*state, image, crate_wrote_);
  if (!view) return "the crate opens it, and finds " + view.error();
  if (!oracle_.allows(*view)) {
    return "the crate sees a wrong state: " + difference(*view, oracle_.now().view);
  }
  ++tally_.crate_right;
  return std::nullopt;
}

/// Opens the image for writing, crashes in that, and goes on for a little.
void Life::nest(const CrashImage& image) {
  ++tally_.nested;
  LifeOptions options = options_;
  options.sessions = 3;
  options.groups = 2;
  options.crate = 0;
  options.longest_session = 16;
  options.script.clear();
  options.acts.clear();
  const Base base{"", page_size_, image.copy(), crate_wrote_};
  Life inner(random_.next(), options, base, tally_);
  inner.depth_ = depth_ + 1;
  inner.oracle_.has_become(seen_);
  inner.torn_by_crate_ = torn_by_crate_;
  inner.run();
  if (inner.violation_) {
    violate("opened again: " + inner.violation_->what + '\n' + inner.violation_->trace);
  }
}

void Life::violate(const std::string& what) {
  if (!violation_) violation_ = Violation{seed_, what, disk_->trace()};
}

}  // namespace mappedpages::test
