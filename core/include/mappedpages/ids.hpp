// Numbers that do not mix: a page number is not a protected number, and neither is a count.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace mappedpages {

/// A number with a meaning. `Tag` only tells one meaning from another.
template <class Tag>
struct StrongNumber {
  std::uint64_t value = 0;

  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(std::uint64_t v) : value(v) {}
  constexpr auto operator<=>(const StrongNumber&) const = default;
};

/// The place of a page in the file: page N starts at byte N × P.
using PageNumber = StrongNumber<struct PageNumberTag>;

/// The name of a protected page. It says nothing about where its two copies lie.
using ProtectedNumber = StrongNumber<struct ProtectedNumberTag>;

/// How many pages.
using PageCount = StrongNumber<struct PageCountTag>;

/// How many commits: each group of changes that became durable together has one more.
using Generation = StrongNumber<struct GenerationTag>;

}  // namespace mappedpages

template <class Tag>
struct std::hash<mappedpages::StrongNumber<Tag>> {
  std::size_t operator()(const mappedpages::StrongNumber<Tag>& number) const noexcept {
    return std::hash<std::uint64_t>{}(number.value);
  }
};
