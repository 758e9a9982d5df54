// Comparing the generation in a directory page with that of the metadata.
#pragma once

#include <cstdint>

#include "mappedpages/ids.hpp"
#include "mppg0/commit_rule.hpp"

namespace mappedpages::mppg0 {

/// Above this a file is not opened for writing: a generation that no file reaches honestly, and
/// that leaves no room to count.
inline constexpr Generation kMaxWritableGeneration{std::uint64_t{1} << 63U};

/// What a directory page of this group carries.
inline Generation directory_generation(Generation group) {
  if (!commit_rule().generation) return Generation{0};
  if (!commit_rule().generation64) return Generation{group.value & 0xFFFFFFFFU};
  return group;
}

/// By how much a directory page is newer than the committed generation; 0 if it is not. 0 in the
/// page means that the crate wrote it: never newer.
inline std::uint64_t newer_by(Generation directory, Generation committed) {
  if (!commit_rule().generation64) {
    // What 32 bits could do at best: a window ahead of the committed one.
    constexpr std::uint64_t kWindow = 1U << 16U;
    const std::uint64_t ahead = (directory.value - committed.value) & 0xFFFFFFFFU;
    return ahead <= kWindow ? ahead : 0;
  }
  return directory > committed ? directory.value - committed.value : 0;
}

/// Whether the committed group wrote the directory page.
inline bool is_same(Generation directory, Generation committed) {
  return directory.value != 0 && directory == directory_generation(committed);
}

}  // namespace mappedpages::mppg0
