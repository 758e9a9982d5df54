#include "mppg0/mend.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "base/little_endian.hpp"
#include "mppg0/commit_rule.hpp"
#include "mppg0/directory_generation.hpp"

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

/// What a group changed in page 0.
struct Touched {
  std::vector<std::size_t> blocks;  ///< Whose selector it inverted.
  std::size_t new_blocks = 0;       ///< The last ones.

  /// Then it exchanged the pages of block 0's reference, too.
  [[nodiscard]] bool only_far() const {
    return new_blocks == 0 && !blocks.empty() &&
           blocks.front() >= format::superblock::kBlocksInFirstSector;
  }
};

/// By the generations: the group wrote one copy of each block that it touched, both of a new one.
Touched touched_by(Generation group, std::span<const CopyGenerations> generations) {
  Touched touched;
  for (std::size_t block = 0; block < generations.size(); ++block) {
    const auto wrote = std::ranges::count_if(generations[block], [group](const auto& generation) {
      return generation && is_same(*generation, group);
    });
    if (wrote == 1) touched.blocks.push_back(block);
    // Also reset by a block behind it that is not new.
    touched.new_blocks = wrote == 2 ? touched.new_blocks + 1 : 0;
  }
  return touched;
}

/// A version that page 0 may have had.
class Version {
 public:
  Version(std::span<const std::byte> page0, std::span<const format::BlockReference> references)
      : page_(page0.begin(), page0.end()), count_(references.size()) {
    for (std::size_t i = 0; i < count_; ++i) format::store_reference(page_, i, references[i]);
  }

  /// Inverts what the group inverted, and counts its new blocks no more.
  void without(const Touched& touched) {
    for (const std::size_t block : touched.blocks) invert(block, false);
    if (touched.only_far()) invert(0, true);
    count_ -= touched.new_blocks;
  }

  /// Whether the page's CRC is that of this version, with what stands behind the count or zeros.
  [[nodiscard]] bool fits() {
    store_le(std::span(page_), format::superblock::kBlockCount.offset,
             static_cast<std::uint32_t>(count_));
    if (format::index_crc_holds(page_)) return true;
    std::fill(page_.begin() + static_cast<std::ptrdiff_t>(kReferences + count_ * kReferenceSize),
              page_.end() - format::kPageCrcSize, std::byte{0});
    return format::index_crc_holds(page_);
  }

 private:
  void invert(std::size_t block, bool exchange_pages) {
    format::BlockReference reference = format::load_reference(page_, block);
    reference.active ^= 1U;
    if (exchange_pages) std::swap(reference.page_a, reference.page_b);
    format::store_reference(page_, block, reference);
  }

  std::vector<std::byte> page_;
  std::size_t count_;
};

/// CRC32 of one byte more, a zero, without the inversions at its begin and end.
std::uint32_t shifted_by_zero_byte(std::uint32_t crc) {
  constexpr std::uint32_t kPolynomial = 0xEDB88320;
  for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ kPolynomial : crc >> 1U;
  return crc;
}

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

CopyGenerations generations_of(const Copies& copies) {
  CopyGenerations generations;
  for (unsigned which : {0U, 1U}) {
    if (copies[which]) generations[which] = copies[which]->generation;
  }
  return generations;
}

std::optional<std::uint8_t> active_by_generation(const format::BlockReference& reference,
                                                 const CopyGenerations& generations,
                                                 Generation committed) {
  std::array<bool, 2> left_out{};
  for (const std::uint8_t which : {std::uint8_t{0}, std::uint8_t{1}}) {
    if (!generations[which]) continue;
    if (is_same(*generations[which], committed)) return which;
    left_out[which] = newer_by(*generations[which], committed) != 0;
  }
  const std::uint8_t named = reference.active;
  if (named > 1) return std::nullopt;
  const auto other = static_cast<std::uint8_t>(1 - named);
  if (generations[named] && !left_out[named]) return named;
  if (left_out[named] && generations[other] && !left_out[other]) return other;
  return std::nullopt;
}

bool is_torn_by_us(std::span<const std::byte> page0, const TornIndex& torn) {
  Version committed(page0, torn.references);
  if (committed.fits()) return true;
  Version before(page0, torn.references);
  before.without(touched_by(torn.committed, torn.generations));
  if (before.fits()) return true;
  if (!torn.pending) return false;
  Touched touched = touched_by(*torn.pending, torn.generations);
  touched.new_blocks = 0;  // Not counted yet.
  Version after(page0, torn.references);
  after.without(touched);
  return after.fits();
}

std::optional<std::size_t> find_flipped_bit(std::span<const std::byte> page0) {
  const std::uint32_t wanted = format::stored_index_crc(page0) ^ format::computed_index_crc(page0);
  const std::size_t end = page0.size() - format::kPageCrcSize;
  if (std::has_single_bit(wanted)) {
    return 8 * end + static_cast<std::size_t>(std::countr_zero(wanted));
  }
  // What each bit of a byte contributes to the CRC does not depend on the other bytes. From the
  // last byte to the first, each is one shift further.
  std::array<std::uint32_t, 8> contribution{};
  for (std::size_t bit = 0; bit < 8; ++bit) {
    contribution[bit] = shifted_by_zero_byte(std::uint32_t{1} << bit);
  }
  for (std::size_t at = end; at-- > format::superblock::kIndexCrcBegin;) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      if (contribution[bit] == wanted) return 8 * at + bit;
      contribution[bit] = shifted_by_zero_byte(contribution[bit]);
    }
  }
  return std::nullopt;
}

}  // namespace mappedpages::mppg0
