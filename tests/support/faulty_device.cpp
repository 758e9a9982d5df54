#include "support/faulty_device.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mappedpages::test {
namespace {

bool counts_for(FaultScope scope, FileCall call) {
  switch (scope) {
    case FaultScope::All:
      return true;
    case FaultScope::Changes:
      return call != FileCall::Size && call != FileCall::Read;
    case FaultScope::Interruptible:
      return call != FileCall::Size && call != FileCall::Sync;
  }
  return false;
}

/// The part that is done. A short one is neither nothing nor all, where there is a choice.
std::size_t part_of(std::size_t size, const DeviceFault& fault) {
  const auto part = static_cast<std::size_t>(static_cast<double>(size) * fault.done);
  if (fault.os_error != 0 || size < 2) return fault.os_error != 0 ? part : size;
  return std::clamp<std::size_t>(part, 1, size - 1);
}

}  // namespace

std::string name_of(FileCall call) {
  switch (call) {
    case FileCall::Size:
      return "size";
    case FileCall::Read:
      return "read";
    case FileCall::Write:
      return "write";
    case FileCall::WriteAndSync:
      return "write-and-sync";
    case FileCall::Reserve:
      return "reserve";
    case FileCall::Sync:
      return "sync";
  }
  return "?";
}

// --- What a process does

std::int64_t FaultyDevice::read(std::uint64_t offset, std::span<std::byte> out) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t size = disk_->size();
  std::size_t length = offset >= size ? 0 : std::min<std::uint64_t>(out.size(), size - offset);
  const auto fault = meet(FileCall::Read, offset, out.size());
  if (fault && fault->os_error == DeviceFault::kNothing) {
    return note(FileCall::Read, offset, out.size(), 0);
  }
  if (fault && fault->os_error != 0) {
    return note(FileCall::Read, offset, out.size(), -fault->os_error);
  }
  if (fault) length = part_of(length, *fault);
  (void)disk_->read(offset, out.first(length));
  return note(FileCall::Read, offset, out.size(), static_cast<std::int64_t>(length));
}

std::int64_t FaultyDevice::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  return put(FileCall::Write, offset, bytes);
}

std::int64_t FaultyDevice::write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) {
  return put(FileCall::WriteAndSync, offset, bytes);
}

std::int64_t FaultyDevice::put(FileCall call, std::uint64_t offset,
                               std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  const bool sync = call == FileCall::WriteAndSync;
  const auto fault = meet(call, offset, bytes.size());
  if (fault && fault->os_error == DeviceFault::kNothing) return note(call, offset, bytes.size(), 0);
  if (fault && fault->os_error != 0 && sync && fault->loses) {
    disk_->fail_flushes(1, &losses_);
    (void)disk_->write_and_sync(offset, bytes);
    return note(call, offset, bytes.size(), -fault->os_error);
  }
  const auto part = fault ? bytes.first(part_of(bytes.size(), *fault)) : bytes;
  int os_error = 0;
  if (!part.empty() && sync && (!fault || fault->os_error == 0)) {
    os_error = disk_->write_and_sync(offset, part);
  } else if (!part.empty()) {
    os_error = disk_->write(offset, part);
  }
  if (fault && fault->os_error != 0) os_error = fault->os_error;
  return note(call, offset, bytes.size(),
              os_error == 0 ? static_cast<std::int64_t>(part.size()) : -os_error);
}

int FaultyDevice::reserve(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const auto fault = meet(FileCall::Reserve, 0, size);
  const bool fails = fault && fault->os_error > 0;
  const int os_error = fails ? fault->os_error : disk_->grow(size);
  return static_cast<int>(note(FileCall::Reserve, 0, size, -os_error));
}

void FaultyDevice::before_sync(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  before_sync_ = std::move(call);
}

int FaultyDevice::sync() {
  std::function<void()> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(before_sync_, {});
  }
  if (before) before();
  const std::lock_guard lock(mutex_);
  const auto fault = meet(FileCall::Sync, 0, 0);
  if (fault && fault->os_error > 0) {
    if (fault->loses) {
      disk_->fail_flushes(1, &losses_);
      (void)disk_->sync();
    }
    return static_cast<int>(note(FileCall::Sync, 0, 0, -fault->os_error));
  }
  return static_cast<int>(note(FileCall::Sync, 0, 0, -disk_->sync()));
}

std::int64_t FaultyDevice::size() {
  const std::lock_guard lock(mutex_);
  const auto fault = meet(FileCall::Size, 0, 0);
  if (fault && fault->os_error > 0) return -fault->os_error;
  return static_cast<std::int64_t>(disk_->size());
}

int FaultyDevice::truncate(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  return size == disk_->size() ? 0 : -EINVAL;
}

// --- What a test does

void FaultyDevice::fail(const DeviceFault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  calls_.clear();
  met_.clear();
}

void FaultyDevice::heal() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
  calls_.clear();
}

std::uint64_t FaultyDevice::calls(FaultScope scope) const {
  const std::lock_guard lock(mutex_);
  const auto counted = calls_.find(scope);
  return counted == calls_.end() ? 0 : counted->second;
}

std::vector<DeviceCall> FaultyDevice::met() const {
  const std::lock_guard lock(mutex_);
  return met_;
}

std::vector<DeviceCall> FaultyDevice::take_record() {
  const std::lock_guard lock(mutex_);
  return std::exchange(record_, {});
}

void FaultyDevice::use(std::shared_ptr<Disk> disk, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  losses_ = Random(seed);
  disk_ = std::move(disk);
}

std::shared_ptr<Disk> FaultyDevice::disk() const {
  const std::lock_guard lock(mutex_);
  return disk_;
}

std::optional<DeviceFault> FaultyDevice::meet(FileCall call, std::uint64_t offset,
                                              std::uint64_t size) {
  for (const auto scope : {FaultScope::All, FaultScope::Changes, FaultScope::Interruptible}) {
    if (counts_for(scope, call)) ++calls_[scope];
  }
  if (!fault_ || !counts_for(fault_->scope, call)) return std::nullopt;
  const std::uint64_t count = calls_[fault_->scope];
  if (count < fault_->nth || met_.size() >= fault_->times ||
      (count - fault_->nth) % fault_->every != 0) {
    return std::nullopt;
  }
  met_.push_back({call, offset, size, fault_->os_error});
  return fault_;
}

std::int64_t FaultyDevice::note(FileCall call, std::uint64_t offset, std::uint64_t size,
                                std::int64_t result) {
  record_.push_back({call, offset, size, result < 0 ? static_cast<int>(-result) : 0});
  return result;
}

}  // namespace mappedpages::test
