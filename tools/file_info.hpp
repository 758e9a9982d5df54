// What `mappedpages info` tells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mappedpages/ids.hpp"
#include "mappedpages/page_info.hpp"

namespace mappedpages::tools {

struct FileInfo {
  std::string file;
  std::uint64_t page_size = 0;  ///< Bytes.
  PageCount capacity;
  StoreCounts counts;
  StoreFacts facts;
  std::vector<std::string>
      recovery;  ///< What recovery does when the file is opened; empty: nothing.
};

}  // namespace mappedpages::tools
