#include "base/checksum.hpp"

#include <libdeflate.h>

namespace mappedpages {

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed) {
  return libdeflate_crc32(seed, bytes.data(), bytes.size());
}

std::uint32_t bytes_that_make_crc32(std::uint32_t wanted, std::uint32_t seed) {
  // Four bytes are xored into the register, which is then shifted by 32 bits, each time with the
  // polynomial if a 1 falls out. That is undone: where it came in, it left the top bit.
  constexpr std::uint32_t kPolynomial = 0xEDB88320;
  constexpr std::uint32_t kTop = std::uint32_t{1} << 31U;
  std::uint32_t shifted = ~wanted;
  for (int bit = 0; bit < 32; ++bit) {
    shifted = (shifted & kTop) != 0 ? (shifted ^ kPolynomial) << 1U | 1U : shifted << 1U;
  }
  return shifted ^ ~seed;
}

}  // namespace mappedpages
