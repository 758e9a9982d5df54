// Which numbers may be handed out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bitmap.hpp"

namespace mappedpages::mppg0 {

/// A set of numbers with the lowest at hand: a bitmap, and above it bitmaps that say which words
/// below have a bit set. Every call costs one word a level: at most five levels for 2^27 pages,
/// however full the set is. Not thread-safe.
class FreeMap {
 public:
  FreeMap() = default;

  /// Numbers below `size` may be members. New ones are not. Never shrinks.
  void resize(std::uint64_t size);
  [[nodiscard]] std::uint64_t size() const { return levels_.empty() ? 0 : levels_[0].size(); }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool contains(std::uint64_t number) const {
    return !levels_.empty() && levels_[0].test(number);
  }

  /// The lowest member.
  [[nodiscard]] std::optional<std::uint64_t> lowest() const;

  /// No-op on a member.
  void insert(std::uint64_t number);

  /// Grows to the size of `taken` and inserts what it does not have set. One step a word.
  void insert_all_but(const Bitmap& taken);

  /// No-op on what is not a member.
  void erase(std::uint64_t number);

 private:
  std::vector<Bitmap>
      levels_;  // [0]: a bit a number; [k + 1]: a bit a word of [k]. Last: one word.
  std::uint64_t count_ = 0;
};

}  // namespace mappedpages::mppg0
