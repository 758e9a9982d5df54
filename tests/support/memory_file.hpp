// A file in memory, without crashes.
#pragma once

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/storage_file.hpp"

namespace mappedpages::test {

/// Bytes that outlive the files that show them.
struct MemoryBytes {
  std::mutex mutex;
  std::vector<std::byte> bytes;
};

/// Every call succeeds, except a read past the end. Flushes do nothing.
class MemoryFile final : public io::StorageFile {
 public:
  explicit MemoryFile(std::shared_ptr<MemoryBytes> memory) : memory_(std::move(memory)) {}

  [[nodiscard]] Result<std::uint64_t> size() const override {
    const std::lock_guard lock(memory_->mutex);
    return memory_->bytes.size();
  }
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::lock_guard lock(memory_->mutex);
    if (offset + out.size() > memory_->bytes.size()) {
      return tl::unexpected(Error(ErrorCode::Io, "memory ends"));
    }
    if (!out.empty()) std::memcpy(out.data(), memory_->bytes.data() + offset, out.size());
    return {};
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const std::lock_guard lock(memory_->mutex);
    if (offset + bytes.size() > memory_->bytes.size()) {
      memory_->bytes.resize(offset + bytes.size());
    }
    if (!bytes.empty()) std::memcpy(memory_->bytes.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return write_at(offset, bytes);
  }
  Status reserve(std::uint64_t size) override {
    const std::lock_guard lock(memory_->mutex);
    if (size > memory_->bytes.size()) memory_->bytes.resize(size);
    return {};
  }
  Status sync() override { return {}; }
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  std::shared_ptr<MemoryBytes> memory_;
  std::string name_ = "memory";
};

}  // namespace mappedpages::test
