// CRC32, the IEEE one of zlib and gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mappedpages {

/// CRC32 of `bytes`; `seed` is the CRC of what came before them, 0 at the start.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed = 0);

/// The four bytes, little-endian, after which the CRC32 is `wanted`; `seed` is the CRC of what is
/// before them.
std::uint32_t bytes_that_make_crc32(std::uint32_t wanted, std::uint32_t seed);

}  // namespace mappedpages
