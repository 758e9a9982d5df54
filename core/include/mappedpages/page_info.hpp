// What can be asked about a pager file and its pages.
#pragma once

#include <cstdint>
#include <string>

#include "mappedpages/ids.hpp"

namespace mappedpages {

/// What a page of the file is used for.
enum class PageUse : std::uint8_t {
  Free,         ///< Below the capacity and not allocated, whether the file is that long or not.
  Regular,      ///< Allocated to a caller.
  Internal,     ///< Used by the store itself: a directory page, a copy of a protected page.
  Reserved,     ///< Never handed out: superblock, metadata.
  OutOfBounds,  ///< Beyond the capacity.
};

/// How many pages of each kind. Exact, and all from one committed state.
struct StoreCounts {
  PageCount total;            ///< Pages that the file has.
  PageCount free;             ///< Of those, not allocated.
  PageCount regular;          ///< Allocated to callers by page number.
  PageCount protected_pages;  ///< Allocated to callers by protected number.
  Generation generation;
};

/// What is known of one protected page.
struct ProtectedInfo {
  PageNumber page_a;
  PageNumber page_b;
  std::uint8_t active_slot = 0;  ///< 0: `page_a` is the committed copy, 1: `page_b`.
  std::uint64_t generation = 0;  ///< Commits of this page since it was allocated.
  std::uint32_t crc32 = 0;       ///< Of the committed copy.
  bool operator==(const ProtectedInfo&) const = default;
};

/// Facts of one format about itself and one file, for people. Not for decisions.
struct StoreFacts {
  std::string format;  ///< `MPPG 0.2`, say.
  std::uint64_t active_metadata = 0;
  std::uint64_t directory_blocks = 0;
  std::string last_writer;  ///< `mappedpagesfs` or `mappedpages (Rust)`, before this opening.
};

}  // namespace mappedpages
