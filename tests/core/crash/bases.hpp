// Files that lives start from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "life.hpp"

namespace mappedpages::test {

/// Made by our engine and closed. `protected_pages` and `regular_pages` are allocated, and each of
/// the first few has been written.
Base our_base(std::size_t page_size, std::uint64_t protected_pages, std::uint64_t regular_pages);

/// Made by the crate's rules, with the generation counted from `generation`.
Base crate_base(std::size_t page_size, std::uint64_t protected_pages, std::uint64_t regular_pages,
                std::uint64_t generation = 0);

/// Made by the crate, which took a page that a user had made to look like a directory `ahead`
/// generations newer than the file for the copy of a directory block that it never wrote.
Base forged_base(std::size_t page_size, std::uint64_t ahead);

/// The crate wrote to a page of block 0, and a power cut tore its page 0 while it wrote to one of
/// block 28; both blocks were ours before, of one generation. P is 2048.
Base torn_by_the_crate();

/// Ours, with one full directory block, and users who made every free page look like a directory
/// `ahead` generations newer than the file.
Base planted_base(std::size_t page_size, std::uint64_t ahead);

/// Ours, after a power cut that hid a generation: a group that added one protected page left its
/// directory page torn in the middle, and nothing else. `aborted` groups before it ran out of space
/// when the directory page was written and the metadata page was not. Doing the same again writes
/// what is missing in the middle.
struct HiddenGeneration {
  Base base;
  Change change;  ///< What the group was.
};
HiddenGeneration hidden_generation(std::size_t page_size, std::uint64_t blocks,
                                   std::uint64_t aborted);

/// One of the files in tests/fixtures, which the crate itself wrote.
Base fixture_base(const std::string& name, std::size_t page_size);

}  // namespace mappedpages::test
