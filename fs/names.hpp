// What a name means. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fs/errno.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::fs {

/// Longer names are ENAMETOOLONG, as on most filesystems. The kernel itself would let more through.
inline constexpr std::size_t kMaxNameLength = 255;

/// The number that a canonical decimal name writes: `0`, or digits without a leading zero. None for
/// any other name, and for a number that no inode can hold (no page has it).
std::optional<std::uint64_t> parse_number(std::string_view name);

/// The number that a file about to be made is named after; none: a staging file, whose name is not
/// all digits. EINVAL: digits with a leading zero; ENOSPC: a number past every capacity.
Answer<std::optional<std::uint64_t>> parse_new_name(std::string_view name);

/// How many pages a `mkdir` in `alloc/` asks for: `COUNT@anything`, else one. EINVAL where COUNT is
/// empty, zero or has a leading zero; ENOSPC where it is past every capacity.
Answer<PageCount> parse_receipt_count(std::string_view name);

}  // namespace mappedpages::fs
