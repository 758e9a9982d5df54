// What clients write into pages: every 64 bytes say whose they are, so that a mixture is
// recognised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mappedpages::test::storm {

/// Names one content of one page. Serial 0: nobody wrote it yet, all zeros.
struct Stamp {
  std::uint64_t seed = 0;
  std::uint64_t serial = 0;
  std::uint64_t page = 0;
  std::uint32_t owner = 0;
  bool operator==(const Stamp&) const = default;
};

constexpr std::size_t kRecordSize = 64;

/// A page full of it.
std::vector<std::byte> filled(std::size_t size, const Stamp& stamp);

bool is_zero(std::span<const std::byte> bytes);

/// Whose the whole page is; nothing for a mixture, for zeros and for anything else.
std::optional<Stamp> stamp_of(std::span<const std::byte> bytes);

/// What is in a page, for people.
std::string describe(std::span<const std::byte> bytes);

/// The first difference of two pages of one size, for people.
std::string difference(std::span<const std::byte> got, std::span<const std::byte> expected);

}  // namespace mappedpages::test::storm
