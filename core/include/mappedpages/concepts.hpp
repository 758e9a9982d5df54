// What generic code may expect of an allocator of pages, whoever wrote it.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <type_traits>

#include "mappedpages/ids.hpp"

namespace mappedpages {

/// A result that holds a value or an error, of any type: tl::expected, std::expected, one's own.
template <class R>
concept Fallible = requires(R result) {
  typename R::value_type;
  typename R::error_type;
  static_cast<bool>(result);
  result.error();
};

template <class R, class Value>
concept FallibleOf = Fallible<R> && std::same_as<typename R::value_type, Value>;

/// A handle of type `H` to a page of the allocator `A`. What `get` and `get_mut` give on success is
/// the allocator's business: a span, a view that owns its bytes, a writer that has to be committed.
template <class H, class A>
concept PageHandle = std::copyable<H> && std::equality_comparable<H> &&
    requires(const H& handle, const A& reading, A& writing) {
  { handle.get(reading) } -> Fallible;
  { handle.get_mut(writing) } -> Fallible;
};

namespace detail {

template <class A, class H>
concept AllocatesNamed = requires(A& allocator) {
  { allocator.template alloc<H>() } -> FallibleOf<H>;
};
template <class A, class H>
concept AllocatesOne = requires(A& allocator) {
  { allocator.alloc() } -> FallibleOf<H>;
};
template <class A, class H>
concept AllocatesManyNamed = requires(A& allocator, PageCount count) {
  { allocator.template alloc_bulk<H>(count) } -> Fallible;
};
template <class A>
concept AllocatesMany = requires(A& allocator, PageCount count) {
  { allocator.alloc_bulk(count) } -> Fallible;
};

}  // namespace detail

/// Calls the `alloc` of an allocator that hands out pages of one kind, or `alloc<H>` of one that
/// has several kinds.
template <class H, class A>
requires detail::AllocatesNamed<A, H> || detail::AllocatesOne<A, H>
auto allocate(A& allocator) {
  if constexpr (detail::AllocatesNamed<A, H>) {
    return allocator.template alloc<H>();
  } else {
    return allocator.alloc();
  }
}

/// The same for many pages at once.
template <class H, class A>
requires detail::AllocatesManyNamed<A, H> || detail::AllocatesMany<A>
auto allocate_bulk(A& allocator, PageCount count) {
  if constexpr (detail::AllocatesManyNamed<A, H>) {
    return allocator.template alloc_bulk<H>(count);
  } else {
    return allocator.alloc_bulk(count);
  }
}

/// Hands out pages by handles of type `H` and takes them back, one at a time. Fixes neither the
/// error type nor what the handle gives access to. `template <PageAllocator<PageId<4096>> A>`.
template <class A, class H>
concept PageAllocator = PageHandle<H, A> && requires(A& allocator, const H& handle) {
  { allocate<H>(allocator) } -> FallibleOf<H>;
  { allocator.free(handle) } -> FallibleOf<void>;
};

/// Also many at once, all or nothing.
template <class A, class H>
concept BulkPageAllocator = PageAllocator<A, H> &&
    requires(A& allocator, std::span<const H> handles) {
  { allocate_bulk<H>(allocator, PageCount{}) } -> Fallible;
  requires std::ranges::forward_range<typename decltype(allocate_bulk<H>(allocator,
                                                                         PageCount{}))::value_type>;
  requires std::same_as<std::ranges::range_value_t<typename decltype(allocate_bulk<H>(
                            allocator, PageCount{}))::value_type>,
                        H>;
  { allocator.free_bulk(handles) } -> FallibleOf<void>;
};

}  // namespace mappedpages
