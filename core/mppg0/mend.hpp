// Page 0 whose CRC does not hold: a crash, or a bit that flipped?
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/geometry.hpp"
#include "format/superblock.hpp"
#include "mappedpages/ids.hpp"
#include "mppg0/page_reader.hpp"

namespace mappedpages::mppg0 {

/// The references of a page 0 whose CRC does not hold, if flipping at most two selectors, or
/// counting one block more or less, makes it hold: each commit of the crate changes no more than
/// that, and a crash can leave the sectors of two commits side by side.
/// None if nothing of the kind does.
std::optional<std::vector<format::BlockReference>> mend_references(const format::Geometry& geometry,
                                                                   std::span<const std::byte> page0,
                                                                   std::size_t block_count);

/// The generations of a block's two copies; none where a copy cannot be decoded.
using CopyGenerations = std::array<std::optional<Generation>, 2>;

CopyGenerations generations_of(const Copies& copies);

/// A committed generation that is not known. Larger than any: nothing is newer, and nothing is of
/// that group.
inline constexpr Generation kUnknownGeneration{~std::uint64_t{0}};

/// Which copy of a block is in force if its selector may be of the group that ran; none: only
/// damage explains what is there.
std::optional<std::uint8_t> active_by_generation(const format::BlockReference& reference,
                                                 const CopyGenerations& generations,
                                                 Generation committed);

/// What is known when a page 0 of ours is torn. One element a counted block.
struct TornIndex {
  std::span<const format::BlockReference>
      references;  ///< With the selectors of the committed state.
  std::span<const CopyGenerations> generations;
  Generation committed;
  std::optional<Generation> pending;  ///< Of a group whose metadata page is there and not in force.
};

/// Whether the CRC in page 0 is that of the committed state, of the state before it, or of the one
/// that was being committed: then sectors of two versions stand side by side, which is what a crash
/// leaves. False where none of them fits; also where the pending group has new blocks, whose
/// references may not be there.
bool is_torn_by_us(std::span<const std::byte> page0, const TornIndex& torn);

/// The one bit that must be inverted for the CRC of page 0 to hold, counted from the page's begin;
/// none if no single bit does. With the CRC's 32 bits chance finds one where many bits differ: a
/// page of P bytes in P / 2^29 of the cases. So the caller looks whether it makes sense.
std::optional<std::size_t> find_flipped_bit(std::span<const std::byte> page0);

}  // namespace mappedpages::mppg0
