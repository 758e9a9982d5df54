#include "support/faulty_file.hpp"

namespace mappedpages::test {
namespace {

Error error_of(const Fault& fault) {
  return Error(ErrorCode::Io, "a fault that the test asked for", fault.os_error);
}

std::span<const std::byte> head_of(std::span<const std::byte> bytes, const Fault& fault) {
  return bytes.first(
      static_cast<std::size_t>(static_cast<double>(bytes.size()) * fault.done_before_it));
}

}  // namespace

void FaultPlan::add(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(fault);
}

void FaultPlan::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

std::uint64_t FaultPlan::calls(FileCall call) const {
  const std::lock_guard lock(mutex_);
  return calls_.at(static_cast<std::size_t>(call));
}

std::uint64_t FaultPlan::calls() const {
  const std::lock_guard lock(mutex_);
  return all_calls_;
}

std::optional<Fault> FaultPlan::meet(FileCall call) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t of_kind = ++calls_.at(static_cast<std::size_t>(call));
  if (call != FileCall::Size) ++all_calls_;
  for (const Fault& fault : faults_) {
    if (fault.call ? *fault.call != call : call == FileCall::Size) continue;
    const std::uint64_t count = fault.call ? of_kind : all_calls_;
    if (count == fault.nth || (fault.from_then_on && count > fault.nth)) return fault;
  }
  return std::nullopt;
}

Result<std::uint64_t> FaultyFile::size() const {
  if (const auto fault = plan_->meet(FileCall::Size)) return tl::unexpected(error_of(*fault));
  return file_->size();
}

Status FaultyFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (const auto fault = plan_->meet(FileCall::Read)) return tl::unexpected(error_of(*fault));
  return file_->read_at(offset, out);
}

Status FaultyFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (const auto fault = plan_->meet(FileCall::Write)) {
    if (const auto head = head_of(bytes, *fault); !head.empty()) {
      static_cast<void>(file_->write_at(offset, head));
    }
    return tl::unexpected(error_of(*fault));
  }
  return file_->write_at(offset, bytes);
}

Status FaultyFile::write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (const auto fault = plan_->meet(FileCall::WriteAndSync)) {
    if (const auto head = head_of(bytes, *fault); !head.empty()) {
      static_cast<void>(file_->write_at(offset, head));
    }
    return tl::unexpected(error_of(*fault));
  }
  return file_->write_and_sync(offset, bytes);
}

Status FaultyFile::reserve(std::uint64_t size) {
  if (const auto fault = plan_->meet(FileCall::Reserve)) return tl::unexpected(error_of(*fault));
  return file_->reserve(size);
}

Status FaultyFile::sync() {
  if (const auto fault = plan_->meet(FileCall::Sync)) return tl::unexpected(error_of(*fault));
  return file_->sync();
}

}  // namespace mappedpages::test
