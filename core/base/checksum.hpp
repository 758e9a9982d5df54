// CRC32, the IEEE one of zlib and gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mappedpages {

/// CRC32 of `bytes`; `seed` is the CRC of what came before them, 0 at the start.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed = 0);

}  // namespace mappedpages
