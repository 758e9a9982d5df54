#include "fault_life.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "support/crash_image.hpp"

namespace mappedpages::test {
namespace {

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

Result<std::unique_ptr<Engine>> open_copy(std::vector<std::byte> image) {
  const auto memory = std::make_shared<MemoryBytes>();
  memory->bytes = std::move(image);
  return Engine::open(std::make_unique<MemoryFile>(memory), {.access = Access::ReadOnly});
}

bool is_no_space(int os_error) {
  return os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG;
}

}  // namespace

FaultBase::FaultBase(std::string base_name, std::vector<std::byte> bytes, bool by_crate)
    : name(std::move(base_name)), image(std::move(bytes)), crate_wrote(by_crate) {
  auto engine = open_copy(image);
  auto first = engine ? look(**engine, crate_wrote) : tl::unexpected(engine.error().message());
  if (!first) ADD_FAILURE() << name << " is no base: " << first.error();
  if (first) seen = *std::move(first);
}

FaultPlace::FaultPlace() {
  std::ofstream(path).close();
  calls.emplace(path, device);
}

FaultLife::FaultLife(FaultPlace& place, const FaultBase& base, std::uint64_t seed,
                     FaultTally& tally)
    : place_(place),
      base_(base),
      tally_(tally),
      random_(seed),
      disk_(std::make_shared<Disk>(base.image)),
      reachable_{base.seen} {
  place_.device->use(disk_, random_.next());
  place_.device->heal();
  ++tally_.lives;
}

FaultLife::~FaultLife() {
  kill_engine();
}

// --- Opening and ending

Result<std::unique_ptr<Engine>> FaultLife::open_file() {
  return Engine::open(place_.path);
}

void FaultLife::open(const std::optional<DeviceFault>& fault, Ending ending) {
  if (violation_) return;
  doing_ = "opening";
  met_.clear();
  twin_bytes_ = std::make_shared<MemoryBytes>();
  twin_bytes_->bytes = copy_of(disk_->cache());
  if (fault) place_.device->fail(*fault);
  auto opened = open_file();
  if (fault) met_ = place_.device->met();
  place_.device->heal();
  if (met()) ++tally_.openings;
  judge_answer(opened ? nullptr : &opened.error(), {});
  if (!opened && !violation_) {
    lost_.insert(unknown_.begin(), unknown_.end());
    end(ending);
    twin_bytes_->bytes = copy_of(disk_->cache());
    opened = open_file();
    if (!opened) violate("cannot be opened afterwards: " + opened.error().message());
  }
  if (violation_) return;
  engine_ = *std::move(opened);
  if (open_twin()) compare_with_reachable();
}

bool FaultLife::open_twin() {
  auto twin = Engine::open(std::make_unique<CommitLog>(twin_bytes_, twin_commits_));
  if (!twin) return violate("opens only on a disk that fails: " + twin.error().message()), false;
  twin_ = *std::move(twin);
  return true;
}

/// Where the disk had no room for growth the file has other free pages than the twin's.
void FaultLife::follow_growth() {
  if (engine_->counts().total == twin_->counts().total) return;
  twin_.reset();
  twin_bytes_ = std::make_shared<MemoryBytes>();
  twin_bytes_->bytes = copy_of(disk_->cache());
  open_twin();
}

void FaultLife::compare_with_reachable() {
  const auto seen = look(*engine_, base_.crate_wrote);
  if (!seen) return violate("after opening: " + seen.error());
  std::set<std::uint64_t> unknown = unknown_;
  unknown.insert(lost_.begin(), lost_.end());
  const auto found = std::ranges::find_if(
      reachable_, [&](const Seen& state) { return seen->equals(state, unknown); });
  if (found == reachable_.end()) {
    return violate("after opening another state than any that may be: " +
                   difference(*seen, reachable_.front()));
  }
  reachable_ = {*seen};
  if (!cut_) return;
  // What is seen now is all that there is.
  cut_ = false;
  lost_.clear();
  unknown_.clear();
}

void FaultLife::kill_engine() {
  // Nothing that it does while it ends reaches the disk.
  place_.device->fail({.times = DeviceFault::kFromThenOn});
  engine_.reset();
  place_.device->heal();
}

void FaultLife::end(Ending ending) {
  if (violation_) return;
  ++tally_.endings;
  if (engine_ && ending == Ending::Close) {
    const Status done = engine_->close();
    if (!done && !engine_->latched()) violate("closing fails: " + done.error().message());
    if (done && !engine_->latched()) unknown_.clear();
  }
  if (latched()) lost_.insert(unknown_.begin(), unknown_.end());
  kill_engine();
  disk_->kill();
  if (ending == Ending::PowerCut) {
    const auto versions = PowerCuts(*disk_, random_, {}).any();
    const bool grown = random_.chance(.5);
    cut_ = true;
    disk_->cut(random_.chance(.3) ? decltype(versions){} : versions, grown);
  }
  expect_clean(disk_->cache());
}

void FaultLife::expect_clean(std::span<const std::byte> image) {
  // The crate leaves checksums of bytes that need not be there.
  if (base_.crate_wrote) return;
  const auto memory = std::make_shared<MemoryBytes>();
  memory->bytes = copy_of(image);
  const auto report = Engine::check(MemoryFile(memory));
  if (!report) return violate("cannot be checked: " + report.error().message());
  for (const Problem& problem : report->problems) {
    if (problem.severity != Severity::Error) continue;
    return violate("check finds " + problem.code + ", " + problem.where + ": " + problem.detail);
  }
}

// --- Acting

void FaultLife::act(const Operation& operation, std::uint64_t seed,
                    const std::optional<DeviceFault>& fault) {
  if (violation_) return;
  doing_ = operation.name;
  met_.clear();
  ++tally_.operations;
  follow_growth();
  if (violation_) return;
  const auto free_before = engine_->next_free();
  const Course course = run_twin(operation, seed);
  if (violation_) return;
  std::set<std::uint64_t> written;
  std::optional<Error> first_error;
  if (fault) place_.device->fail(*fault);
  const Status status = run(operation, seed, written, first_error);
  if (fault) met_ = place_.device->met();
  place_.device->heal();
  const Error* const error = first_error ? &*first_error : status ? nullptr : &status.error();
  judge_answer(error, course.status);
  unknown_.insert(written.begin(), written.end());
  if (violation_) return;
  if (status) {
    expect_seen(course.states.back());
  } else if (error != nullptr && met()) {
    judge_failure(course, written);
    if (reachable_.size() == 1 && !latched() && engine_->next_free() != free_before &&
        course.states.size() <= 2) {
      violate("a page that the operation did not take is not free any more");
    }
    if (!latched()) repeat(operation, seed, course);
  }
  if (latched()) expect_refusals();
  if (operation.flushes && !latched()) unknown_.clear();
}

FaultLife::Course FaultLife::run_twin(const Operation& operation, std::uint64_t seed) {
  Course course;
  auto before = look(*twin_, base_.crate_wrote);
  if (!before) return violate("the file that never fails: " + before.error()), course;
  course.states.push_back(*std::move(before));
  twin_commits_->clear();
  Asked asked{.random = Random(seed)};
  course.status = operation.run(*twin_, asked);
  auto after = look(*twin_, base_.crate_wrote);
  if (!after) return violate("the file that never fails: " + after.error()), course;
  // The last commit is not opened: the twin shows it, and what was written behind it.
  for (std::size_t i = 0; i + 1 < twin_commits_->size(); ++i) {
    auto copy = open_copy((*twin_commits_)[i]);
    auto seen = copy ? look(**copy, base_.crate_wrote) : tl::unexpected(copy.error().message());
    if (!seen) return violate("the file that never fails: " + seen.error()), course;
    course.states.push_back(*std::move(seen));
  }
  course.states.push_back(*std::move(after));
  return course;
}

Status FaultLife::run(const Operation& operation, std::uint64_t seed,
                      std::set<std::uint64_t>& written, std::optional<Error>& first_error) {
  Asked asked{.random = Random(seed)};
  asked.again = [&](const Error& error) {
    if (first_error) return false;
    first_error = error;
    place_.device->heal();
    if (latched()) return false;
    ++tally_.repeated;
    return true;
  };
  Status done = operation.run(*engine_, asked);
  written = std::move(asked.written);
  return done;
}

/// What failed without a latch works when it is done again.
void FaultLife::repeat(const Operation& operation, std::uint64_t seed, const Course& course) {
  if (violation_) return;
  ++tally_.repeated;
  doing_ = operation.name + ", again";
  Asked asked{.random = Random(seed)};
  const Status done = operation.run(*engine_, asked);
  if (!done) return violate("fails again: " + done.error().message());
  expect_seen(course.states.back());
}

// --- Judging

FaultLife::Effect FaultLife::effect_of(const DeviceCall& call) {
  if (call.os_error == 0) return Effect::Nothing;
  if (call.call == FileCall::Size) {
    // Asked before the file is changed, and on the way of changing it.
    return is_no_space(call.os_error) ? Effect::MayRefuse : Effect::MayLatch;
  }
  if (call.os_error == EINTR) {
    return call.call == FileCall::Sync ? Effect::Latches : Effect::Nothing;
  }
  if (call.call == FileCall::Read) {
    // A read that finds the disk full is none; the growth that it is for is tried again.
    return is_no_space(call.os_error) ? Effect::MayRefuse : Effect::Refuses;
  }
  if (call.flushes() || !is_no_space(call.os_error)) return Effect::Latches;
  // Page 0 half written is nothing to build on. Growth is tried again with less of it.
  return call.call == FileCall::Write && call.offset == 0 ? Effect::Latches : Effect::MayRefuse;
}

FaultLife::Effect FaultLife::effect_of_fault() const {
  Effect effect = Effect::Nothing;
  for (const DeviceCall& call : met_) effect = std::max(effect, effect_of(call));
  return effect;
}

/// `expected`: the answer where nothing fails.
void FaultLife::judge_answer(const Error* error, const Status& expected) {
  if (met()) ++tally_.injections;
  const Effect effect = effect_of_fault();
  const bool may_latch = effect == Effect::MayLatch || effect == Effect::Latches;
  if (latched() && !may_latch) return violate("latches");
  if (engine_ && !latched() && effect == Effect::Latches) return violate("does not latch");
  if (effect == Effect::Nothing) {
    if (met()) ++tally_.invisible;
    if ((error == nullptr) != expected.has_value()) {
      violate(error != nullptr ? "fails: " + error->message()
                               : "does what cannot be done: " + expected.error().message());
    }
    return;
  }
  if (latched()) ++tally_.latched;
  if (error != nullptr) return judge_error(*error);
  if (effect != Effect::MayRefuse) violate("succeeds");
}

void FaultLife::judge_error(const Error& error) {
  const int os_error = met_.back().os_error;
  const bool told = std::ranges::any_of(
      met_, [&](const DeviceCall& call) { return call.os_error == error.os_error(); });
  if (error.code() != ErrorCode::Io || !told) {
    violate("fails with " + std::string(name_of(error.code())) + ": " + error.message() +
            ", and not with " + std::to_string(os_error));
  }
}

/// The engine shows the state before the operation or one that it led to, and a crash leaves that
/// or the next.
void FaultLife::judge_failure(const Course& course, const std::set<std::uint64_t>& written) {
  const auto seen = look(*engine_, base_.crate_wrote);
  if (!seen) return violate("reads fail: " + seen.error());
  const auto same = [&](const Seen& state) { return seen->equals(state, written); };
  const auto at = std::ranges::find_if(course.states, same);
  if (at == course.states.end()) {
    return violate("shows another state than before: " + difference(*seen, course.states.front()));
  }
  reachable_ = {*at};
  // Moving a protected page changes nothing that users see: of states that look alike it may be in
  // the last.
  const auto next = std::find_if_not(at, course.states.end(), same);
  if (latched() && next != course.states.end()) reachable_.push_back(*next);
}

void FaultLife::expect_seen(const Seen& expected) {
  const auto seen = look(*engine_, base_.crate_wrote);
  if (!seen) return violate("reads fail: " + seen.error());
  if (!seen->equals(expected, {})) {
    return violate("leads to another state: " + difference(*seen, expected));
  }
  reachable_ = {*seen};
}

/// Everything that would change something is refused, and nothing is written.
void FaultLife::expect_refusals() {
  if (violation_) return;
  (void)place_.device->take_record();
  const std::vector<std::byte> bytes(engine_->page_size());
  std::vector<Status> answers;
  const auto ask = [&](const auto& result) {
    answers.push_back(result ? Status{} : tl::unexpected(result.error()));
  };
  ask(engine_->alloc());
  ask(engine_->alloc_protected());
  ask(engine_->alloc_async().get());
  ask(engine_->flush_all());
  ask(engine_->batch().alloc());
  if (const auto page = engine_->next_page(PageNumber{0})) {
    ask(engine_->write(*page, 0, bytes));
    ask(engine_->view_mut(*page));
    ask(engine_->free(*page));
  }
  if (const auto page = engine_->next_protected(ProtectedNumber{0})) {
    ask(engine_->commit({.writes = {{*page, bytes}}}));
    ask(engine_->writer(*page));
    ask(engine_->batch().edit(*page));
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool refused = !answers[i] && answers[i].error().code() == ErrorCode::Unavailable;
    if (!refused) violate("latched, and change " + std::to_string(i) + " is not refused");
  }
  for (const DeviceCall& call : place_.device->take_record()) {
    if (call.call != FileCall::Read) violate("latched, and there is a " + name_of(call.call));
  }
}

void FaultLife::violate(const std::string& what) {
  if (violation_) return;
  std::string text = base_.name + ", " + doing_ + ": " + what;
  for (std::size_t i = 0; i < met_.size() && i < 4; ++i) {
    text += "\n    a " + name_of(met_[i].call) + " at " + std::to_string(met_[i].offset) + " +" +
            std::to_string(met_[i].size) + " failed with " + std::to_string(met_[i].os_error);
  }
  violation_ = text + '\n' + disk_->trace();
}

}  // namespace mappedpages::test
