// The latch. RELIABILITY: a flush that failed promises nothing, and asking again proves nothing.
#include "io/guarded_file.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <memory>

#include "support/faulty_file.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::io {
namespace {

class GuardedFileTest : public testing::Test {
 protected:
  std::shared_ptr<test::FaultPlan> plan = std::make_shared<test::FaultPlan>();
  GuardedFile file{
      std::make_unique<test::FaultyFile>(
          std::make_unique<test::MemoryFile>(std::make_shared<test::MemoryBytes>()), plan),
      false};
  std::array<std::byte, 16> bytes{};

  void fail(test::FileCall call, int os_error) {
    plan->add({.call = call, .nth = plan->calls(call) + 1, .os_error = os_error});
  }

  void expect_latched() {
    EXPECT_TRUE(file.latched());
    EXPECT_EQ(file.write_at(0, bytes).error().code(), ErrorCode::Unavailable);
    EXPECT_EQ(file.write_and_sync(0, bytes).error().code(), ErrorCode::Unavailable);
    EXPECT_EQ(file.reserve(100).error().code(), ErrorCode::Unavailable);
    EXPECT_EQ(file.sync().error().code(), ErrorCode::Unavailable);
  }
};

TEST_F(GuardedFileTest, PassesEverythingOnWhileAllIsWell) {
  ASSERT_TRUE(file.write_at(0, bytes));
  ASSERT_TRUE(file.sync());
  ASSERT_TRUE(file.write_and_sync(16, bytes));
  EXPECT_EQ(*file.size(), 32U);
  EXPECT_EQ(file.flushes(), 2U);
  EXPECT_FALSE(file.latched());
}

TEST_F(GuardedFileTest, AFailedWriteLatchesAndReadsGoOn) {
  ASSERT_TRUE(file.write_at(0, bytes));
  fail(test::FileCall::Write, EIO);
  EXPECT_EQ(file.write_at(0, bytes).error().os_error(), EIO);
  expect_latched();
  EXPECT_TRUE(file.read_at(0, bytes));
}

TEST_F(GuardedFileTest, AFailedFlushLatchesAndIsNotRepeated) {
  fail(test::FileCall::Sync, EIO);
  EXPECT_FALSE(file.sync());
  const std::uint64_t asked = plan->calls(test::FileCall::Sync);
  expect_latched();
  EXPECT_EQ(plan->calls(test::FileCall::Sync), asked);
}

TEST_F(GuardedFileTest, NoSpaceIsAnErrorOfTheCallThatNeededIt) {
  for (const int os_error : {ENOSPC, EDQUOT, EFBIG}) {
    fail(test::FileCall::Write, os_error);
    EXPECT_EQ(file.write_at(0, bytes).error().os_error(), os_error);
    plan->clear();
    fail(test::FileCall::Reserve, os_error);
    EXPECT_EQ(file.reserve(100).error().os_error(), os_error);
    plan->clear();
  }
  EXPECT_FALSE(file.latched());
  EXPECT_TRUE(file.write_at(0, bytes));
}

TEST_F(GuardedFileTest, NoSpaceInAFlushLatches) {
  fail(test::FileCall::Sync, ENOSPC);
  EXPECT_FALSE(file.sync());
  expect_latched();
}

TEST_F(GuardedFileTest, NoSpaceInAWriteThatFlushesLatches) {
  fail(test::FileCall::WriteAndSync, ENOSPC);
  EXPECT_FALSE(file.write_and_sync(0, bytes));
  expect_latched();
}

TEST_F(GuardedFileTest, TheFirstCauseStays) {
  EXPECT_EQ(file.latch(Error(ErrorCode::ForeignWriter, "first")).context(), "first");
  (void)file.latch(Error(ErrorCode::Io, "second"));
  EXPECT_EQ(file.latched()->context(), "first");
  expect_latched();
}

TEST(GuardedFileReadOnly, WritesNothing) {
  const auto memory = std::make_shared<test::MemoryBytes>();
  GuardedFile file(std::make_unique<test::MemoryFile>(memory), true);
  const std::array<std::byte, 4> bytes{};
  EXPECT_EQ(file.write_at(0, bytes).error().code(), ErrorCode::ReadOnly);
  EXPECT_EQ(file.write_and_sync(0, bytes).error().code(), ErrorCode::ReadOnly);
  EXPECT_EQ(file.reserve(4).error().code(), ErrorCode::ReadOnly);
  EXPECT_EQ(file.sync().error().code(), ErrorCode::ReadOnly);
  EXPECT_TRUE(memory->bytes.empty());
}

}  // namespace
}  // namespace mappedpages::io
