#include "mppg0/free_map.hpp"

#include <bit>

namespace mappedpages::mppg0 {
namespace {

constexpr std::uint64_t kWordBits = Bitmap::kBitsPerWord;

std::uint64_t words_for(std::uint64_t bits) {
  return (bits + kWordBits - 1) / kWordBits;
}

}  // namespace

void FreeMap::resize(std::uint64_t size) {
  if (size <= this->size()) return;
  const std::size_t old_levels = levels_.size();
  std::uint64_t bits = size;
  for (std::size_t level = 0; bits > 0; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    levels_[level].resize(bits);
    if (bits <= kWordBits) break;
    bits = words_for(bits);
  }
  // A level that is new above old ones has to learn what lies below it.
  for (std::size_t level = old_levels; level > 0 && level < levels_.size(); ++level) {
    const auto below = levels_[level - 1].words();
    for (std::size_t word = 0; word < below.size(); ++word) {
      if (below[word] != 0) levels_[level].set(word);
    }
  }
}

std::optional<std::uint64_t> FreeMap::lowest() const {
  if (count_ == 0) return std::nullopt;
  std::uint64_t position = 0;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    const std::uint64_t word = levels_[level].words()[position];
    position = position * kWordBits + static_cast<std::uint64_t>(std::countr_zero(word));
  }
  return position;
}

void FreeMap::insert(std::uint64_t number) {
  if (contains(number)) return;
  ++count_;
  for (Bitmap& level : levels_) {
    level.set(number);
    number /= kWordBits;
  }
}

void FreeMap::insert_all_but(const Bitmap& taken) {
  resize(taken.size());
  const std::span<const std::uint64_t> words = taken.words();
  for (std::size_t word = 0; word < words.size(); ++word) {
    const std::uint64_t end = (word + 1) * kWordBits;
    const std::uint64_t past = end > taken.size() ? (end - taken.size()) % kWordBits : 0;
    const std::uint64_t members = ~words[word] & (~std::uint64_t{0} >> past);
    if (members == 0) continue;
    std::uint64_t& known = levels_[0].words()[word];
    count_ += static_cast<std::uint64_t>(std::popcount(members & ~known));
    known |= members;
    std::uint64_t position = word;
    for (std::size_t level = 1; level < levels_.size(); ++level, position /= kWordBits) {
      levels_[level].set(position);
    }
  }
}

void FreeMap::erase(std::uint64_t number) {
  if (!contains(number)) return;
  --count_;
  for (Bitmap& level : levels_) {
    level.clear(number);
    number /= kWordBits;
    if (level.words()[number] != 0) break;  // The levels above still have their bit.
  }
}

}  // namespace mappedpages::mppg0
