// Protected pages as C++ objects.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "mappedpages/engine.hpp"
#include "mappedpages/page_id.hpp"

namespace mappedpages {

/// The content of a protected page at one moment: verified bytes that it owns, so that later
/// commits do not change them. Move-only. Any thread, one at a time.
template <std::size_t P>
class PageView {
 public:
  /// `bytes` is what was read of the page that `info` tells of.
  PageView(std::unique_ptr<std::byte[]> bytes, const ProtectedInfo& info)
      : bytes_(std::move(bytes)), info_(info) {}

  [[nodiscard]] std::span<const std::byte, P> bytes() const {
    return std::span<const std::byte, P>(bytes_.get(), P);
  }

  /// Which commit of the page this is: it counts from 0, the page as it was allocated.
  [[nodiscard]] std::uint64_t generation() const { return info_.generation; }
  [[nodiscard]] std::uint32_t crc32() const { return info_.crc32; }

  // As a range of bytes.
  [[nodiscard]] const std::byte* data() const { return bytes_.get(); }
  [[nodiscard]] static constexpr std::size_t size() { return P; }
  [[nodiscard]] const std::byte* begin() const { return data(); }
  [[nodiscard]] const std::byte* end() const { return data() + P; }
  [[nodiscard]] const std::byte& operator[](std::size_t i) const { return bytes()[i]; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  ProtectedInfo info_;
};

/// The next content of one protected page, staged in memory: at first the committed one. Dropped
/// without `commit` it changes nothing. One writer a page at a time. Move-only.
template <std::size_t P>
class ProtectedPageWriter {
 public:
  explicit ProtectedPageWriter(ProtectedWriter writer) : writer_(std::move(writer)) {}

  [[nodiscard]] ProtectedPageId<P> id() const { return ProtectedPageId<P>(writer_.page()); }

  [[nodiscard]] std::span<const std::byte, P> page() const {
    return std::span<const std::byte, P>(writer_.bytes());
  }
  [[nodiscard]] std::span<std::byte, P> page_mut() {
    return std::span<std::byte, P>(writer_.bytes());
  }

  /// Atomic, and durable when it returns. May be called again after further changes. After an error
  /// the old content stands.
  Status commit() { return writer_.commit(); }

 private:
  ProtectedWriter writer_;
};

}  // namespace mappedpages
