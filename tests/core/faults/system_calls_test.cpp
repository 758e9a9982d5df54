// Faults of the system calls that make a file, and of such as the narrow interface does not show.
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "fault_run.hpp"
#include "io/posix_file.hpp"

namespace mappedpages::test {
namespace {

/// What a filesystem cannot do, with the errno that says so.
using Lacks = std::map<SystemCall, int>;

constexpr int kEnough = 100;

class CreateFaults : public testing::Test {
 protected:
  TempDir dir;
  std::filesystem::path path = dir / "db";

  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(dir.path()), {}));
  }

  /// Whether the call is made when the file has its name already.
  static bool comes_late(SystemCall call) {
    return call == SystemCall::Open || call == SystemCall::FlushDirectory;
  }

  /// Creates a file while the `nth` call that the filesystem has fails. The call that did.
  std::optional<SystemCall> create(const Lacks& lacks, int nth, int os_error, Status& status) {
    std::optional<SystemCall> failed;
    int calls = 0;
    const JudgedCalls judged([&](SystemCall call) {
      if (const auto lacked = lacks.find(call); lacked != lacks.end()) return lacked->second;
      if (++calls != nth) return 0;
      failed = call;
      return os_error;
    });
    status = Engine::create(path, {.page_size = 1024});
    return failed;
  }

  void every_call_fails_once(const Lacks& lacks, int os_error) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE("call " + std::to_string(nth) + ", errno " + std::to_string(os_error));
      ASSERT_LT(nth, kEnough);
      Status status;
      const auto failed = create(lacks, nth, os_error, status);
      const bool interrupted =
          os_error == EINTR && (failed == SystemCall::Write || failed == SystemCall::Reserve);
      ASSERT_EQ(status.has_value(), !failed || interrupted);
      if (!status) {
        EXPECT_EQ(status.error().os_error(), os_error);
        EXPECT_EQ(entries(), comes_late(*failed) ? 1U : 0U) << "all of it, or nothing";
      }
      if (entries() == 0) {
        Status again;
        (void)create(lacks, kEnough, 0, again);
        ASSERT_TRUE(again) << "the same call works afterwards: " << again.error().message();
      }
      EXPECT_EQ(entries(), 1U);
      EXPECT_TRUE(Engine::check(path)->ok);
      std::filesystem::remove(path);
      if (!failed) return;
    }
  }
};

TEST_F(CreateFaults, EveryCallOnEveryKindOfFilesystem) {
  const Lacks no_unnamed{{SystemCall::OpenUnnamed, EOPNOTSUPP}};
  Lacks no_exclusive_rename = no_unnamed;
  no_exclusive_rename[SystemCall::RenameNoReplace] = EINVAL;
  Lacks no_links = no_exclusive_rename;
  no_links[SystemCall::Link] = EPERM;
  for (const Lacks& lacks : {Lacks{}, no_unnamed, no_exclusive_rename, no_links}) {
    for (const int os_error : {EIO, ENOSPC, EINTR}) every_call_fails_once(lacks, os_error);
  }
}

/// No loop without an end: some filesystems answer so.
TEST(PosixFileFaults, AWriteThatDoesNothingIsAnError) {
  // Made first: it has calls go to a device of its own while it is made.
  const auto disk = std::make_shared<Disk>(fault_bases().front().image);
  FaultPlace place;
  place.device->use(disk);
  const auto file = *io::open_posix_file(place.path, {});
  const std::vector<std::byte> bytes(1024);
  place.device->fail({.os_error = DeviceFault::kNothing});
  EXPECT_EQ(file->write_at(0, bytes).error().os_error(), EIO);
  place.device->fail({.os_error = DeviceFault::kNothing});
  EXPECT_EQ(file->write_and_sync(0, bytes).error().os_error(), EIO);
  place.device->heal();
  EXPECT_TRUE(file->write_at(0, bytes));
}

}  // namespace
}  // namespace mappedpages::test
