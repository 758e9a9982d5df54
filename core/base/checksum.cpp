#include "base/checksum.hpp"

#include <libdeflate.h>

namespace mappedpages {

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed) {
  return libdeflate_crc32(seed, bytes.data(), bytes.size());
}

}  // namespace mappedpages
