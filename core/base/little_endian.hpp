// Little-endian integers at byte offsets, whatever the machine.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mappedpages {

/// The integer whose `sizeof(T)` bytes start at `offset`. The span reaches that far.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_le(std::span<const std::byte> bytes, std::size_t offset) {
  assert(offset + sizeof(T) <= bytes.size());
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[offset + i]);
  }
  return static_cast<T>(value);
}

/// Stores `value` in the `sizeof(T)` bytes from `offset`. The span reaches that far.
template <std::unsigned_integral T>
constexpr void store_le(std::span<std::byte> bytes, std::size_t offset, T value) {
  assert(offset + sizeof(T) <= bytes.size());
  std::uint64_t rest = value;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[offset + i] = static_cast<std::byte>(rest & 0xFFU);
    rest >>= 8U;
  }
}

}  // namespace mappedpages
