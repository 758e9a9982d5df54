// Random numbers that are the same on every machine for the same seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace mappedpages::test {

/// A seeded source. The distributions of the standard library differ between libraries; these do
/// not. One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  [[nodiscard]] std::uint64_t next() { return engine_(); }

  /// 0 to `count - 1`; `count` is not 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t count) { return engine_() % count; }

  /// `first` to `last`, both included.
  [[nodiscard]] std::uint64_t between(std::uint64_t first, std::uint64_t last) {
    return first + below(last - first + 1);
  }

  [[nodiscard]] bool chance(double probability) {
    return static_cast<double>(engine_() >> 11U) * 0x1.0p-53 < probability;
  }

  template <class Container>
  [[nodiscard]] const auto& pick(const Container& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }

  [[nodiscard]] std::vector<std::byte> bytes(std::size_t count) {
    std::vector<std::byte> made(count);
    for (std::byte& byte : made) byte = static_cast<std::byte>(engine_() & 0xFFU);
    return made;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace mappedpages::test
