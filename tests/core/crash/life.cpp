#include "life.hpp"

#include <algorithm>
#include <utility>

#include "support/recording_file.hpp"

namespace mappedpages::test {
namespace {

/// What users see of the image that a life starts from, by the crate's rules: every image that we
/// or the crate closed opens there.
Expected first_view(const Base& base) {
  if (base.view) return {*base.view, {}};
  const CrashImage image(base.image, base.image.size());
  const auto state = crate_open(image, base.page_size);
  return {state ? state->view() : FileView{}, {}};
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  for (const Counter& counter : kCounters) this->*counter.count += other.*counter.count;
  return *this;
}

std::string Tally::summary() const {
  std::string text = std::to_string(images->size()) + " distinct images";
  for (const Counter& counter : kCounters) {
    std::string name = counter.name;
    std::ranges::replace(name, '_', ' ');
    text += ", " + std::to_string(this->*counter.count) + ' ' + name;
  }
  return text;
}

Life::Life(std::uint64_t seed, const LifeOptions& options, const Base& base, Tally& tally)
    : seed_(seed),
      options_(options),
      page_size_(base.page_size),
      slots_(static_cast<std::uint32_t>((base.page_size - 12) / 30)),
      tally_(tally),
      random_(seed),
      disk_(std::make_shared<Disk>(base.image)),
      oracle_(base.page_size, first_view(base)),
      crate_wrote_(base.crate_wrote) {
  disk_->observe(this);
}

void Life::run() {
  bool crate_barred = false;
  for (unsigned session = 0; session < options_.sessions && !violation_; ++session) {
    const bool by_crate = session > 0 && !crate_barred && random_.chance(options_.crate);
    served_ = false;
    plan_crash();
    if (by_crate) {
      crate_session();
    } else {
      our_session();
    }
    if (violation_) return;
    const End end = end_session();
    // What the crate does to a page 0 of its own that is not durable is not ours to answer for, and
    // neither is what it does after a failed flush: we open the file first.
    crate_barred =
        end == End::FailedFlush || (by_crate && end == End::Kill) || (crate_barred && !served_);
    if (end == End::PowerCut) crate_barred = false;
  }
}

void Life::plan_crash() {
  const std::uint64_t within = !random_.chance(options_.early_crash) ? options_.longest_session
                               : random_.chance(.5)                  ? 8
                                                                     : 25;
  crash_kind_ = random_.chance(options_.kill) ? CrashKind::Kill : CrashKind::PowerCut;
  disk_->crash_at(random_.between(1, within), crash_kind_);
}

// --- Ours

void Life::our_session() {
  in_crate_ = false;
  disk_->note("OPEN");
  if (!look_at_cache(Moment::Reopening)) return;
  const FileView found = seen_;
  disk_->fail_flushes(options_.fail_flush, &random_);
  OpenOptions options;
  options.recover = seen_damaged_;
  auto opened = Engine::open(std::make_unique<RecordingFile>(disk_), options);
  if (!opened) {
    if (!disk_->dead()) violate("cannot be opened for writing: " + opened.error().message());
    return;
  }
  std::unique_ptr<Engine> engine = *std::move(opened);
  oracle_.settle(found);
  served_ = true;
  torn_by_crate_ = false;
  disk_->note("SERVING, generation " + std::to_string(engine->counts().generation.value));
  use(*engine);
  if (violation_) return;
  if (disk_->dead()) {
    look_at_dead(std::move(engine));
  } else {
    close(std::move(engine));
  }
}

void Life::use(Engine& engine) {
  for (const Change& change : options_.script) {
    if (!over()) commit(engine, change);
  }
  for (const Act one : options_.acts) {
    if (!over()) act(engine, one);
  }
  if (options_.evil && !over() && random_.chance(options_.plant_all)) plant_everywhere(engine);
  for (std::uint64_t left = random_.below(options_.groups + 1); left > 0 && !over(); --left) {
    use_pages(engine);
    if (!over()) group(engine);
  }
}

void Life::close(std::unique_ptr<Engine> engine) {
  const auto view = read_view(*engine, {crate_wrote_, true});
  if (!view) return violate("before closing: " + view.error());
  if (*view != oracle_.now().view) {
    return violate("serves a wrong state: " + difference(*view, oracle_.now().view));
  }
  const Status closed = engine->close();
  engine.reset();
  if (disk_->dead()) return;
  if (!closed) return violate("closing failed: " + closed.error().message());
  const CrashImage image(disk_->cache(), disk_->cache().size());
  if (const auto wrong = ask_crate(image, true)) return violate("closed, " + *wrong);
}

/// R6: what was acknowledged is still served, and nothing is flushed again.
void Life::look_at_dead(std::unique_ptr<Engine> engine) {
  const auto view = read_view(*engine, {crate_wrote_, false});
  if (!view) return violate("after an I/O error: " + view.error());
  if (*view != oracle_.now().view) {
    return violate("after an I/O error a wrong state is served: " +
                   difference(*view, oracle_.now().view));
  }
  engine.reset();
  if (disk_->flush_failed() && disk_->flushes_after_failure() != 0) {
    violate("flushed again after a flush had failed");
  }
}

// --- The crate's

void Life::crate_session() {
  const CrashImage image(disk_->cache(), disk_->cache().size());
  auto state = crate_open(image, page_size_);
  if (!state) return;
  const auto view = crate_view(*state, image, crate_wrote_);
  if (!view) return violate("the crate opens it, and finds " + view.error());
  if (!oracle_.allows(*view)) {
    return violate("the crate opens it, and finds a wrong state: " +
                   difference(*view, oracle_.now().view));
  }
  if (disk_->pending().empty()) oracle_.settle(*view);
  ++tally_.crate_sessions;
  disk_->note("CRATE, generation " + std::to_string(state->generation));
  in_crate_ = crate_wrote_ = torn_by_crate_ = true;
  oracle_.forget_contents();
  users_pages_.clear();
  CrateWriter crate(*disk_, *std::move(state), *this);
  for (std::uint64_t left = random_.between(1, 5); left > 0 && !over(); --left) {
    if (!crate_step(crate)) break;
  }
}

bool Life::crate_step(CrateWriter& crate) {
  const FileView now = crate.state().view();
  users_pages_ = now.regular;
  const bool full = 3 + now.regular.size() + 2 * now.protected_pages.size() >= options_.max_pages;
  const CrateHabits& habits = options_.crate_habits;
  std::uint64_t what = random_.below(habits.alloc + habits.free + habits.alloc_protected +
                                     habits.free_protected + habits.write);
  const auto is = [&what](unsigned share) {
    const bool chosen = what < share;
    what = chosen ? ~std::uint64_t{0} : what - share;
    return chosen;
  };
  if (is(habits.alloc)) return full || crate.alloc();
  if (is(habits.free)) {
    if (now.regular.empty()) return true;
    const std::uint64_t page = random_.pick(now.regular);
    std::erase(users_pages_, page);
    return crate.free(page);
  }
  if (is(habits.alloc_protected)) return full || crate.alloc_protected();
  if (now.protected_pages.empty()) return true;
  const std::uint64_t number = random_.pick(now.protected_pages).first;
  if (is(habits.free_protected)) return crate.free_protected(number);
  return crate.write_protected(number, random_.bytes(page_size_));
}

// --- Ends

Life::End Life::end_session() {
  if (!disk_->dead()) {
    ++tally_.closes;
    disk_->kill();
    return End::Close;
  }
  if (disk_->flush_failed()) {
    ++tally_.failed_flushes;
    flush_failed_before_ = true;
    disk_->kill();
    return End::FailedFlush;
  }
  if (crash_kind_ == CrashKind::Kill) {
    ++tally_.kills;
    disk_->kill();
    return End::Kill;
  }
  ++tally_.power_cuts;
  const auto versions = PowerCuts(*disk_, random_, options_.cuts).any();
  disk_->cut(versions, random_.chance(.7));
  served_ = false;
  if (look_at_cache(Moment::PowerCut)) oracle_.settle(seen_);
  if (in_crate_) oracle_.forget_contents();
  return End::PowerCut;
}

}  // namespace mappedpages::test
