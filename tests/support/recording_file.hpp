// A process's handle on a disk in memory.
#pragma once

#include <memory>
#include <string>

#include "io/storage_file.hpp"
#include "support/disk.hpp"

namespace mappedpages::test {

/// Does to a `Disk` what an engine does to a file. The disk is shared: it outlives the engine, and
/// the next session finds it as this one left it. Failures are Io errors with the disk's errno.
class RecordingFile final : public io::StorageFile {
 public:
  explicit RecordingFile(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  [[nodiscard]] Result<std::uint64_t> size() const override;
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status reserve(std::uint64_t size) override;
  Status sync() override;
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  std::shared_ptr<Disk> disk_;
  std::string name_ = "recorded disk";
};

}  // namespace mappedpages::test
