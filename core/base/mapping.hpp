// A piece of a file in memory that unmaps itself.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>
#include <utility>

namespace mappedpages {

/// Owns a mapping, or none. Move-only.
class Mapping {
 public:
  Mapping() = default;
  explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      reset();
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  ~Mapping() { reset(); }

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  void reset() noexcept {
    const auto bytes = std::exchange(bytes_, {});
    if (!bytes.empty()) ::munmap(bytes.data(), bytes.size());
  }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace mappedpages
