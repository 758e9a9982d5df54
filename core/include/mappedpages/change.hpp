// What a caller wants done to a pager file, in one atomic step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

/// New content for one protected page. `bytes` is exactly one page long and stays valid and
/// unchanged until the commit that it goes into returns.
struct ProtectedWrite {
  ProtectedNumber page;
  std::span<const std::byte> bytes;
  bool relocate = false;  ///< Also move its two copies to the lowest free places.
};

/// The first content of a regular page that the same change allocates: durable with it. As for
/// `ProtectedWrite`.
struct InitialContent {
  PageNumber page;
  std::span<const std::byte> bytes;
};

/// Numbers that were handed out. As the result of a change: what `alloc_pages` and
/// `alloc_protected` were given; numbers that the change names itself are not repeated. New pages
/// read as zeros.
struct Allocation {
  std::vector<PageNumber> pages{};
  std::vector<ProtectedNumber> protected_pages{};

  [[nodiscard]] bool empty() const { return pages.empty() && protected_pages.empty(); }
};

/// One atomic change: after any crash all of it is there, or nothing. It is checked against the
/// state before it: a page that it allocates cannot be freed by it.
struct Change {
  PageCount alloc_pages{};
  std::vector<PageNumber> alloc_at{};  ///< Pages that must be free; the file grows to hold them.
  PageCount alloc_protected{};
  std::vector<ProtectedNumber> alloc_protected_at{};  ///< As `alloc_at`.
  std::vector<PageNumber> free_pages{};
  std::vector<ProtectedNumber> free_protected{};
  std::vector<ProtectedWrite> writes{};    ///< Also of pages that it allocates by number.
  Allocation reserved{};                   ///< Allocates what `Batch` was promised. Not for others.
  std::vector<InitialContent> contents{};  ///< Of pages in `alloc_at` and `reserved`.

  [[nodiscard]] bool empty() const {
    return alloc_pages.value == 0 && alloc_at.empty() && alloc_protected.value == 0 &&
           alloc_protected_at.empty() && free_pages.empty() && free_protected.empty() &&
           writes.empty() && reserved.empty();
  }
};

}  // namespace mappedpages
