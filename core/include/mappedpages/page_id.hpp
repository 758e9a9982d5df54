// Page handles that carry the page size in their type.
#pragma once

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "mappedpages/ids.hpp"

namespace mappedpages {

/// Bytes: what core/FORMAT.md allows.
inline constexpr std::size_t kMinPageSize = 1024;
inline constexpr std::size_t kMaxPageSize = std::size_t{16} << 20;

template <std::size_t P>
inline constexpr bool kIsPageSize = std::has_single_bit(P) && P >= kMinPageSize&& P <= kMaxPageSize;

/// A handle to a page of `P` bytes; `Number` says of which kind. A `PageId<1024>` does not go into
/// a `Pager<4096>`: that does not compile. A value like any other: copying it holds nothing.
template <std::size_t P, class Number>
class BasicPageId {
  static_assert(kIsPageSize<P>, "a page size is a power of two from 1 KiB to 16 MiB");

 public:
  static constexpr std::size_t page_size() { return P; }

  constexpr BasicPageId() = default;
  constexpr explicit BasicPageId(std::uint64_t value) : number_(value) {}
  constexpr explicit BasicPageId(Number number) : number_(number) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return number_.value; }
  [[nodiscard]] constexpr Number number() const { return number_; }

  /// `pager.get(*this)` and `pager.get_mut(*this)`.
  template <class Pager>
  [[nodiscard]] auto get(const Pager& pager) const -> decltype(pager.get(*this)) {
    return pager.get(*this);
  }
  template <class Pager>
  [[nodiscard]] auto get_mut(Pager& pager) const -> decltype(pager.get_mut(*this)) {
    return pager.get_mut(*this);
  }

  constexpr auto operator<=>(const BasicPageId&) const = default;

 private:
  Number number_;
};

/// A plain page.
template <std::size_t P>
using PageId = BasicPageId<P, PageNumber>;

/// A page whose changes commit atomically.
template <std::size_t P>
using ProtectedPageId = BasicPageId<P, ProtectedNumber>;

/// A slot of `SUB` bytes in a page of `PARENT` bytes.
template <std::size_t PARENT, std::size_t SUB>
class SubPageId {
 public:
  static constexpr std::size_t page_size() { return SUB; }

  constexpr SubPageId() = default;
  constexpr SubPageId(PageId<PARENT> parent, std::uint32_t slot) : parent_(parent), slot_(slot) {}

  [[nodiscard]] constexpr PageId<PARENT> parent() const { return parent_; }
  [[nodiscard]] constexpr std::uint32_t slot() const { return slot_; }

  /// `allocator.get(*this)` and `allocator.get_mut(*this)`.
  template <class Allocator>
  [[nodiscard]] auto get(const Allocator& allocator) const -> decltype(allocator.get(*this)) {
    return allocator.get(*this);
  }
  template <class Allocator>
  [[nodiscard]] auto get_mut(Allocator& allocator) const -> decltype(allocator.get_mut(*this)) {
    return allocator.get_mut(*this);
  }

  constexpr auto operator<=>(const SubPageId&) const = default;

 private:
  PageId<PARENT> parent_;
  std::uint32_t slot_ = 0;
};

}  // namespace mappedpages

template <std::size_t P, class Number>
struct std::hash<mappedpages::BasicPageId<P, Number>> {
  std::size_t operator()(const mappedpages::BasicPageId<P, Number>& id) const noexcept {
    return std::hash<Number>{}(id.number());
  }
};

template <std::size_t PARENT, std::size_t SUB>
struct std::hash<mappedpages::SubPageId<PARENT, SUB>> {
  std::size_t operator()(const mappedpages::SubPageId<PARENT, SUB>& id) const noexcept {
    constexpr std::uint64_t kMostSlots = 64;
    return std::hash<std::uint64_t>{}(id.parent().value() * kMostSlots + id.slot());
  }
};
