// A file whose calls fail when a test says so.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/storage_file.hpp"

namespace mappedpages::test {

enum class FileCall : std::uint8_t { Size, Read, Write, WriteAndSync, Reserve, Sync };

/// What is to fail, and how. `call` none: calls of every kind but Size count.
struct Fault {
  std::optional<FileCall> call;
  std::uint64_t nth = 1;      ///< The first call that fails, counted from 1.
  int os_error = 5;           ///< EIO.
  bool from_then_on = false;  ///< All later ones too.
  double done_before_it = 0;  ///< How much of a write is done all the same, 0 to 1.
};

/// The faults of a file, and how often it was called. Shared by the test and the file. Any thread.
class FaultPlan {
 public:
  void add(const Fault& fault);

  /// No fault any more. The counts stay.
  void clear();

  /// Calls so far, failed ones included.
  [[nodiscard]] std::uint64_t calls(FileCall call) const;
  [[nodiscard]] std::uint64_t calls() const;  ///< Of every kind but Size.

  /// Counts a call; the fault that it meets, if any.
  std::optional<Fault> meet(FileCall call);

 private:
  static constexpr std::size_t kKinds = 6;

  mutable std::mutex mutex_;
  std::array<std::uint64_t, kKinds> calls_{};
  std::uint64_t all_calls_ = 0;
  std::vector<Fault> faults_;
};

/// Passes every call on to another file, but for those that the plan lets fail (Io with the fault's
/// errno).
class FaultyFile final : public io::StorageFile {
 public:
  FaultyFile(std::unique_ptr<io::StorageFile> file, std::shared_ptr<FaultPlan> plan)
      : file_(std::move(file)), plan_(std::move(plan)) {}

  [[nodiscard]] Result<std::uint64_t> size() const override;
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status reserve(std::uint64_t size) override;
  Status sync() override;
  [[nodiscard]] const std::string& name() const override { return file_->name(); }

 private:
  std::unique_ptr<io::StorageFile> file_;
  std::shared_ptr<FaultPlan> plan_;
};

}  // namespace mappedpages::test
