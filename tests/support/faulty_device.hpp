// A file as system calls see it, on a disk in memory: with a record of what was asked of it, and
// with calls that fail when a test says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/disk.hpp"
#include "support/faulty_file.hpp"

namespace mappedpages::test {

/// Which calls count for a fault.
enum class FaultScope : std::uint8_t {
  All,      ///< Every kind, Size included.
  Changes,  ///< What changes the file or flushes it.

  /// What can be interrupted and is repeated: all but Size and Sync.
  Interruptible,
};

/// What goes wrong: the `nth` call from now on, counted from 1, and those behind it, `times` in
/// all.
struct DeviceFault {
  static constexpr std::uint64_t kFromThenOn = ~std::uint64_t{0};

  /// In place of an errno: the call does nothing and says so, which a write never should.
  static constexpr int kNothing = -1;

  FaultScope scope = FaultScope::All;
  std::uint64_t nth = 1;
  std::uint64_t times = 1;

  /// 0: the call does only part of its work and says so, as read(2) and write(2) may.
  int os_error = 5;

  /// How much of a write or a read is done all the same, 0 to 1.
  double done = 0;

  /// Of the calls from the `nth` on only every n-th fails.
  std::uint64_t every = 1;

  /// A flush that fails has lost what it did not write: the kernel calls it clean. Otherwise it did
  /// not begin.
  bool loses = false;
};

/// One thing that was asked.
struct DeviceCall {
  FileCall call = FileCall::Size;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  int os_error = 0;

  [[nodiscard]] bool flushes() const {
    return call == FileCall::Sync || call == FileCall::WriteAndSync;
  }
  bool operator==(const DeviceCall&) const = default;
};

/// For people.
std::string name_of(FileCall call);

/// Results are those of the system calls: what was done, or a negative errno. Any thread.
class FaultyDevice {
 public:
  explicit FaultyDevice(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  // --- What a process does

  std::int64_t read(std::uint64_t offset, std::span<std::byte> out);
  std::int64_t write(std::uint64_t offset, std::span<const std::byte> bytes);
  std::int64_t write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes);
  int reserve(std::uint64_t size);
  int sync();
  std::int64_t size();

  /// Only to the size that it has: EINVAL otherwise.
  int truncate(std::uint64_t size);

  // --- What a test does

  /// Plans a fault, in place of the one before. Calls are counted from here.
  void fail(const DeviceFault& fault);

  /// No fault any more. What was met stays.
  void heal();

  /// Called when a flush is asked for, before it happens; it may take its time.
  void before_sync(std::function<void()> call);

  /// Calls since the last `fail` or `heal` that count for a fault of this scope.
  [[nodiscard]] std::uint64_t calls(FaultScope scope) const;

  /// The calls that met the fault planned last.
  [[nodiscard]] std::vector<DeviceCall> met() const;

  /// What was asked since the last time, in order. Without Size.
  std::vector<DeviceCall> take_record();

  /// Continues on another disk. What a failed flush loses there depends on the seed.
  void use(std::shared_ptr<Disk> disk, std::uint64_t seed = 1);
  [[nodiscard]] std::shared_ptr<Disk> disk() const;

 private:
  std::int64_t put(FileCall call, std::uint64_t offset, std::span<const std::byte> bytes);

  /// Counts a call; the fault that it meets, if any.
  std::optional<DeviceFault> meet(FileCall call, std::uint64_t offset, std::uint64_t size);
  std::int64_t note(FileCall call, std::uint64_t offset, std::uint64_t size, std::int64_t result);

  mutable std::recursive_mutex mutex_;
  std::shared_ptr<Disk> disk_;
  std::function<void()> before_sync_;
  std::optional<DeviceFault> fault_;
  std::map<FaultScope, std::uint64_t> calls_;
  std::vector<DeviceCall> met_;
  std::vector<DeviceCall> record_;
  Random losses_{1};
};

}  // namespace mappedpages::test
