// Faults in commits that several callers share: each caller's answer is true for its own change.
#include <gtest/gtest.h>

#include <cerrno>
#include <future>

#include "fault_run.hpp"
#include "support/crash_image.hpp"

namespace mappedpages::test {
namespace {

/// Protected pages of the base, each written by a change of its own.
constexpr std::uint64_t kChanges = 6;

/// More calls than the commits of all changes make, one by one.
constexpr std::uint64_t kPositions = 8 * kChanges;

class GroupFaults : public testing::Test {
 protected:
  FaultPlace place;
  const FaultBase& base;
  std::shared_ptr<Disk> disk;
  std::unique_ptr<Engine> engine;
  std::vector<std::byte> bytes = std::vector<std::byte>(1024, std::byte{'x'});
  Random random{1};

  explicit GroupFaults(const FaultBase& first = fault_bases().front()) : base(first) {}

  void open_base() {
    engine.reset();
    disk = std::make_shared<Disk>(base.image);
    place.device->use(disk);
    engine = *Engine::open(place.path);
  }

  using Answers = std::vector<Status>;

  /// Asked for at once, so that most of them share groups.
  Answers change_all() {
    std::vector<std::future<Result<Allocation>>> futures;
    for (std::uint64_t n = 0; n < kChanges; ++n) {
      futures.push_back(engine->commit_async({.writes = {{ProtectedNumber{n}, bytes}}}));
    }
    Answers answers;
    for (auto& future : futures) {
      const auto answer = future.get();
      answers.push_back(answer ? Status{} : tl::unexpected(answer.error()));
    }
    return answers;
  }

  [[nodiscard]] bool is_changed(const Engine& in, std::uint64_t number) const {
    std::vector<std::byte> read(bytes.size());
    EXPECT_TRUE(in.read(ProtectedNumber{number}, read));
    return read == bytes;
  }

  void one_fault(const DeviceFault& fault);
  void expect_nothing_acknowledged_is_lost(const Answers& answers);
};

void GroupFaults::one_fault(const DeviceFault& fault) {
  SCOPED_TRACE("position " + std::to_string(fault.nth) + ", errno " +
               std::to_string(fault.os_error));
  open_base();
  place.device->fail(fault);
  Answers answers = change_all();
  place.device->heal();
  for (std::uint64_t n = 0; n < kChanges; ++n) {
    EXPECT_EQ(is_changed(*engine, n), answers[n].has_value()) << "change " << n;
  }
  if (!engine->latched()) {
    for (const Status& answer : change_all()) EXPECT_TRUE(answer) << "the same call works";
    answers.assign(kChanges, Status{});
  }
  EXPECT_TRUE(!engine->latched() || engine->alloc().error().code() == ErrorCode::Unavailable);
  expect_nothing_acknowledged_is_lost(answers);
}

void GroupFaults::expect_nothing_acknowledged_is_lost(const Answers& answers) {
  place.device->fail({.times = DeviceFault::kFromThenOn});
  engine.reset();
  place.device->heal();
  disk->kill();
  if (random.chance(.7)) disk->cut(PowerCuts(*disk, random, {}).any(), random.chance(.5));
  auto again = Engine::open(place.path);
  ASSERT_TRUE(again) << again.error().message();
  for (std::uint64_t n = 0; n < kChanges; ++n) {
    EXPECT_TRUE(!answers[n] || is_changed(**again, n)) << "acknowledged, and lost: " << n;
  }
}

TEST_F(GroupFaults, EachAnswerIsTrue) {
  const std::array kinds{
      DeviceFault{.os_error = EIO},
      DeviceFault{.os_error = EIO, .loses = true},
      DeviceFault{.os_error = ENOSPC},
      DeviceFault{.times = DeviceFault::kFromThenOn, .os_error = ENOSPC},
      DeviceFault{.times = 3, .os_error = EINTR},
  };
  for (DeviceFault fault : kinds) {
    for (fault.nth = 1; fault.nth <= kPositions; ++fault.nth) {
      one_fault(fault);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace mappedpages::test
