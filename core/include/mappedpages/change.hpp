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
};

/// One atomic change: after any crash all of it is there, or nothing. It is checked against the
/// state before it: a page that it allocates cannot be freed by it.
struct Change {
  PageCount alloc_pages{};
  std::vector<PageNumber> alloc_at{};  ///< Pages that must be free; the file grows to hold them.
  PageCount alloc_protected{};
  std::vector<PageNumber> free_pages{};
  std::vector<ProtectedNumber> free_protected{};
  std::vector<ProtectedWrite> writes{};

  [[nodiscard]] bool empty() const {
    return alloc_pages.value == 0 && alloc_at.empty() && alloc_protected.value == 0 &&
           free_pages.empty() && free_protected.empty() && writes.empty();
  }
};

/// The numbers that a change was given. Pages from `alloc_pages` first, those of `alloc_at` are not
/// repeated. New pages, of both kinds, read as zeros.
struct Allocation {
  std::vector<PageNumber> pages{};
  std::vector<ProtectedNumber> protected_pages{};
};

}  // namespace mappedpages
