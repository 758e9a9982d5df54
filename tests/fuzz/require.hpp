// What must hold for every input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace mappedpages::fuzz {

/// Ends the process, as a sanitizer does, so that a fuzzer keeps the input.
[[noreturn]] inline void fail(const std::string& what) {
  std::fputs(("FAILED: " + what + '\n').c_str(), stderr);
  std::abort();
}

inline void require(bool holds, std::string_view what) {
  if (!holds) fail(std::string(what));
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

}  // namespace mappedpages::fuzz
