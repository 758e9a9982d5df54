// What the files in .ctl/ say. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// What .ctl/stats.json tells.
struct ControlStats {
  std::uint64_t page_size = 0;  ///< Bytes.
  PageCount capacity{};
  StoreCounts counts{};
  EngineStats engine{};
  std::uint64_t open_stages = 0;
  std::uint64_t receipts = 0;  ///< Of both directories.
};

/// One JSON object, with the names of `mappedpages info --json` where that tells the same.
std::string to_json(const ControlStats& stats);

/// key=value lines. `offset`: of the page in the file, in bytes.
std::string page_facts(PageNumber page, std::uint64_t offset, bool pinned);
std::string protected_facts(const ProtectedInfo& info, bool staged);

}  // namespace mappedpages::fs
