// Page 0 torn by the Rust crate: which of its versions was it?
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "format/geometry.hpp"
#include "format/superblock.hpp"

namespace mappedpages::mppg0 {

/// The references of a page 0 whose CRC does not hold, if flipping at most two selectors, or
/// counting one block more or less, makes it hold: each commit of the crate changes no more than
/// that, and a crash can leave the sectors of two commits side by side.
/// None if nothing of the kind does.
std::optional<std::vector<format::BlockReference>> mend_references(const format::Geometry& geometry,
                                                                   std::span<const std::byte> page0,
                                                                   std::size_t block_count);

}  // namespace mappedpages::mppg0
