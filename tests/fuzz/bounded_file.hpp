// A file in memory that nobody may read or write outside of.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "fuzz/require.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::fuzz {

/// Ends the process at a read or a write past the end, at a file that grows to more than twice its
/// size and a megabyte, and where much more is read than there is: the price of a hostile file is
/// that of its bytes.
class BoundedFile final : public io::StorageFile {
 public:
  explicit BoundedFile(const std::shared_ptr<test::MemoryBytes>& memory)
      : memory_(memory),
        file_(memory),
        most_bytes_(2 * memory->bytes.size() + kSlack),
        left_to_read_(kReadsOfAByte * memory->bytes.size() + kSlack) {}

  [[nodiscard]] Result<std::uint64_t> size() const override { return file_.size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    require_inside(offset, out.size(), "a read past the end of the file");
    require(out.size() <= left_to_read_, "the file is read again and again");
    left_to_read_ -= out.size();
    return file_.read_at(offset, out);
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    require_inside(offset, bytes.size(), "a write past the end of the file");
    return file_.write_at(offset, bytes);
  }
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return write_at(offset, bytes);
  }
  Status reserve(std::uint64_t size) override {
    require(size <= most_bytes_, "the file grows without need");
    return file_.reserve(size);
  }
  Status sync() override { return file_.sync(); }
  [[nodiscard]] const std::string& name() const override { return file_.name(); }

 private:
  static constexpr std::uint64_t kSlack = std::uint64_t{1} << 20U;
  static constexpr std::uint64_t kReadsOfAByte = 64;

  void require_inside(std::uint64_t offset, std::uint64_t bytes, std::string_view what) const {
    const std::uint64_t size = memory_->bytes.size();
    require(offset <= size && bytes <= size - offset, what);
  }

  std::shared_ptr<test::MemoryBytes> memory_;
  test::MemoryFile file_;
  std::uint64_t most_bytes_;
  mutable std::uint64_t left_to_read_;
};

}  // namespace mappedpages::fuzz
