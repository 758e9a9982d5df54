#include "fault_run.hpp"

#include <array>
#include <cerrno>
#include <functional>

#include "../crash/bases.hpp"
#include "support/sanitized.hpp"

namespace mappedpages::test {
namespace {

constexpr std::size_t kPage = 1024;

/// Often enough, and no livelock of who tries again.
constexpr std::uint64_t kOften = 3;

/// Each at one position; `nth` is filled in.
constexpr std::array kKinds{
    DeviceFault{.os_error = EIO},
    DeviceFault{.times = DeviceFault::kFromThenOn, .os_error = EIO},
    DeviceFault{.os_error = EIO, .done = .5},
    DeviceFault{.os_error = EIO, .loses = true},
    DeviceFault{.os_error = ENOSPC},
    DeviceFault{.times = DeviceFault::kFromThenOn, .os_error = ENOSPC},
    DeviceFault{.os_error = ENOSPC, .done = .5},
    DeviceFault{.os_error = EDQUOT, .loses = true},
    DeviceFault{.os_error = EINTR},
    DeviceFault{.times = kOften, .os_error = EINTR},
    DeviceFault{.os_error = 0, .done = .5},
    DeviceFault{.times = DeviceFault::kFromThenOn, .os_error = 0, .done = .3},
};

constexpr std::array kEndings{Ending::Close, Ending::Kill, Ending::PowerCut};

FaultBase base_of(const Base& base) {
  return {base.name, base.image, base.crate_wrote};
}

/// Some pages, gaps between them, and bytes in all of them.
FaultBase mixed_base() {
  Base base = our_base(kPage, 6, 9);
  const auto memory = std::make_shared<MemoryBytes>();
  memory->bytes = base.image;
  {
    const auto engine = *Engine::open(std::make_unique<MemoryFile>(memory));
    Random random(1);
    std::vector<PageNumber> gaps;
    for (const PageNumber page : engine->pages()) {
      EXPECT_TRUE(engine->write(page, 0, random.bytes(kPage)));
      if (page.value % 3 == 0) gaps.push_back(page);
    }
    EXPECT_TRUE(engine->free_bulk(gaps));
    EXPECT_TRUE(engine->close());
  }
  return {"mixed", memory->bytes, false};
}

/// Page 0 torn by a commit: its first sector is new.
FaultBase torn_base() {
  const FaultBase whole = mixed_base();
  const std::vector<std::byte> bytes(kPage, std::byte{9});
  FaultPlace place;
  for (std::uint64_t nth = 1;; ++nth) {
    const auto disk = std::make_shared<Disk>(whole.image);
    place.device->use(disk);
    auto engine = *Engine::open(place.path);
    place.device->fail({.scope = FaultScope::Changes, .nth = nth, .done = .5});
    (void)engine->commit({.alloc_pages = PageCount{1},
                          .alloc_protected = PageCount{1},
                          .writes = {{ProtectedNumber{2}, bytes}}});
    const auto met = place.device->met();
    if (met.empty()) ADD_FAILURE() << "a commit without an end";
    if (met.empty() || met.front().call == FileCall::WriteAndSync) {
      return {"torn", {disk->cache().begin(), disk->cache().end()}, false};
    }
  }
}

std::uint64_t seed_of(const FaultBase& base, const Operation& operation) {
  return std::hash<std::string>{}(base.name + operation.name);
}

/// One case. False: the fault was not met, so there are no further positions.
bool try_position(FaultPlace& place, const FaultBase& base, const Operation* operation,
                  const DeviceFault& fault, Ending ending, FaultOutcome& outcome) {
  FaultLife life(place, base, fault.nth, outcome.tally);
  if (operation == nullptr) {
    life.open(fault, ending);
  } else {
    life.open();
    life.act(*operation, seed_of(base, *operation), fault);
  }
  const bool met = life.met();
  life.end(ending);
  life.open();
  if (life.violation()) {
    outcome.violation = *life.violation() + "    position " + std::to_string(fault.nth) + ", " +
                        (operation == nullptr ? "opening" : operation->name) + '\n';
  }
  return met && !life.violation();
}

/// The endings take turns, so that each operation and each kind of fault meets all of them.
void every_position_of(FaultPlace& place, const FaultBase& base, const Operation* operation,
                       FaultOutcome& outcome) {
  std::size_t turn = 0;
  std::size_t kind = operation == nullptr ? 0 : operation->name.size();
  for (DeviceFault fault : kKinds) {
    if (kSanitized && ++kind % 3 != 0)
      continue;  // Some of them, and of all operations together all.
    const auto next_ending = [&turn] { return kEndings.at(++turn % kEndings.size()); };
    for (fault.nth = 1; try_position(place, base, operation, fault, next_ending(), outcome);) {
      ++fault.nth;
    }
    if (outcome.violation) return;
  }
}

// --- At random

DeviceFault any_fault(Random& random) {
  DeviceFault fault;
  fault.scope = random.chance(.7) ? FaultScope::All : FaultScope::Changes;
  fault.nth = random.between(1, 14);
  fault.os_error =
      random.pick(std::array{EIO, EIO, EIO, ENXIO, ENOSPC, ENOSPC, EDQUOT, EFBIG, EINTR, 0});
  fault.times = random.pick(std::array<std::uint64_t, 4>{1, 2, 5, DeviceFault::kFromThenOn});
  // Who tries again must come through some time.
  if (fault.os_error == EINTR) fault.times = std::min<std::uint64_t>(fault.times, 5);
  fault.every = random.between(1, 2);
  fault.done = random.pick(std::array{0.0, .2, .5, .9});
  fault.loses = fault.os_error != EINTR && random.chance(.5);
  return fault;
}

std::optional<DeviceFault> perhaps(double probability, Random& random) {
  if (!random.chance(probability)) return std::nullopt;
  return any_fault(random);
}

void live(FaultLife& life, Random& random) {
  constexpr std::uint64_t kLongest = 8;
  const auto start_anew = [&] {
    life.end(random.pick(kEndings));
    const auto fault = perhaps(.3, random);
    life.open(fault, random.pick(kEndings));
  };
  const auto first_fault = perhaps(.2, random);
  life.open(first_fault, random.pick(kEndings));
  const std::uint64_t steps = random.between(1, kLongest);
  for (std::uint64_t step = 0; step < steps && !life.violation(); ++step) {
    const Operation& operation = random.pick(all_operations());
    const std::uint64_t seed = random.next();
    life.act(operation, seed, perhaps(.85, random));
    if (life.latched() || random.chance(.1)) start_anew();
  }
  life.end(random.pick(kEndings));
  life.open();
}

}  // namespace

const std::vector<FaultBase>& fault_bases() {
  static const std::vector<FaultBase> bases{
      mixed_base(),
      torn_base(),
      base_of(our_base(kPage, 33, 3)),
      base_of(crate_base(kPage, 5, 4)),
  };
  return bases;
}

const FaultBase& far_base() {
  static const FaultBase base = base_of(our_base(kPage, 28UL * 33, 2));
  return base;
}

FaultOutcome every_position(const FaultBase& base, std::span<const Operation> operations) {
  FaultOutcome outcome;
  FaultPlace place;
  for (const Operation& operation : operations) {
    if (!outcome.violation) every_position_of(place, base, &operation, outcome);
  }
  return outcome;
}

FaultOutcome every_position_of_the_opening(const FaultBase& base) {
  FaultOutcome outcome;
  FaultPlace place;
  every_position_of(place, base, nullptr, outcome);
  return outcome;
}

FaultOutcome run_random(std::uint64_t seed, const FaultBudget& budget) {
  FaultOutcome outcome;
  const std::vector<FaultBase>& bases = fault_bases();  // Made in a place of their own.
  FaultPlace place;
  const auto until = std::chrono::steady_clock::now() + budget.time;
  for (std::uint64_t n = 0; n < budget.lives && !outcome.violation; ++n) {
    if (std::chrono::steady_clock::now() >= until) break;
    outcome.seed = seed + n;
    Random random(outcome.seed);
    constexpr double kFar = .002;  // It is large, and as slow.
    const FaultBase& base = random.chance(kFar) ? far_base() : random.pick(bases);
    FaultLife life(place, base, random.next(), outcome.tally);
    live(life, random);
    outcome.violation = life.violation();
  }
  return outcome;
}

}  // namespace mappedpages::test
