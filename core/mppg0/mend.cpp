#include "mppg0/mend.hpp"

#include <algorithm>

#include "base/little_endian.hpp"
#include "mppg0/commit_rule.hpp"

namespace mappedpages::mppg0 {
namespace {

using format::superblock::kReferenceActive;
using format::superblock::kReferences;
using format::superblock::kReferenceSize;

/// Pairs of flips are tried up to this many blocks; beyond, only single ones.
constexpr std::size_t kMaxBlocksForPairs = 64;

/// Bytes that may be checksummed in all: about half a second. What is not mended then is reported
/// as damage.
constexpr std::uint64_t kChecksumBudget = std::uint64_t{1} << 32U;

class Search {
 public:
  explicit Search(std::span<const std::byte> page0) : page_(page0.begin(), page0.end()) {}

  /// Tries the count, with what stands behind it kept or, if `clear_behind`, zeroed.
  bool try_count(std::size_t count, bool clear_behind) {
    count_ = count;
    store_le(std::span(page_), format::superblock::kBlockCount.offset,
             static_cast<std::uint32_t>(count));
    if (clear_behind) {
      std::fill(page_.begin() + static_cast<std::ptrdiff_t>(kReferences + count * kReferenceSize),
                page_.end() - format::kPageCrcSize, std::byte{0});
    }
    return holds() || try_one_flip() || try_two_flips();
  }

  [[nodiscard]] std::vector<format::BlockReference> references() const {
    std::vector<format::BlockReference> found;
    for (std::size_t i = 0; i < count_; ++i) found.push_back(format::load_reference(page_, i));
    return found;
  }

 private:
  bool holds() {
    if (budget_ < page_.size()) return false;
    budget_ -= page_.size();
    return format::index_crc_holds(page_);
  }

  void flip(std::size_t block) {
    page_[kReferences + block * kReferenceSize + kReferenceActive.offset] ^= std::byte{1};
  }

  bool try_one_flip() {
    for (std::size_t block = 0; block < count_; ++block) {
      flip(block);
      if (holds()) return true;
      flip(block);
    }
    return false;
  }

  bool try_two_flips() {
    if (count_ > kMaxBlocksForPairs) return false;
    for (std::size_t first = 0; first < count_; ++first) {
      flip(first);
      for (std::size_t second = first + 1; second < count_; ++second) {
        flip(second);
        if (holds()) return true;
        flip(second);
      }
      flip(first);
    }
    return false;
  }

  std::vector<std::byte> page_;
  std::uint64_t budget_ = kChecksumBudget;
  std::size_t count_ = 0;
};

}  // namespace

std::optional<std::vector<format::BlockReference>> mend_references(const format::Geometry& geometry,
                                                                   std::span<const std::byte> page0,
                                                                   std::size_t block_count) {
  // One more, and one less by wrapping around, which the comparison with the maximum throws out.
  for (const std::size_t count : {block_count, block_count + 1, block_count - 1}) {
    if (count > geometry.max_blocks()) continue;
    for (const bool clear_behind : {false, true}) {
      if (clear_behind && !commit_rule().trail) continue;
      Search search(page0);
      if (search.try_count(count, clear_behind)) return search.references();
    }
  }
  return std::nullopt;
}

}  // namespace mappedpages::mppg0
