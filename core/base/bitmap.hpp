// A growable row of bits.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mappedpages {

/// Bits 0 to `size() - 1`, 64 to a word, the lowest first. Copyable.
class Bitmap {
 public:
  static constexpr std::uint64_t kBitsPerWord = 64;

  Bitmap() = default;
  explicit Bitmap(std::uint64_t bits) { resize(bits); }

  [[nodiscard]] std::uint64_t size() const { return bits_; }
  [[nodiscard]] std::span<const std::uint64_t> words() const { return words_; }
  [[nodiscard]] std::span<std::uint64_t> words() { return words_; }

  /// New bits are 0. Only grows.
  void resize(std::uint64_t bits) {
    assert(bits >= bits_);
    bits_ = bits;
    words_.resize((bits + kBitsPerWord - 1) / kBitsPerWord);
  }

  /// False beyond the end.
  [[nodiscard]] bool test(std::uint64_t bit) const {
    return bit < bits_ && (words_[bit / kBitsPerWord] >> bit % kBitsPerWord & 1U) != 0;
  }
  void set(std::uint64_t bit) {
    assert(bit < bits_);
    words_[bit / kBitsPerWord] |= std::uint64_t{1} << bit % kBitsPerWord;
  }
  void clear(std::uint64_t bit) {
    assert(bit < bits_);
    words_[bit / kBitsPerWord] &= ~(std::uint64_t{1} << bit % kBitsPerWord);
  }

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t ones = 0;
    for (const std::uint64_t word : words_) ones += static_cast<std::uint64_t>(std::popcount(word));
    return ones;
  }

 private:
  std::vector<std::uint64_t> words_;
  std::uint64_t bits_ = 0;
};

}  // namespace mappedpages
