// What `mappedpages ls` tells.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mappedpages/ids.hpp"
#include "mappedpages/page_info.hpp"

namespace mappedpages::tools {

struct ListedPage {
  PageNumber number;
  std::uint32_t crc32 = 0;
};

struct ListedProtected {
  ProtectedNumber number;
  ProtectedInfo info;
  std::optional<std::uint32_t> crc32;  ///< Of what a reader gets; none where it gets an error.
};

struct PageList {
  std::uint64_t page_size = 0;  ///< Bytes.
  bool with_crc = false;        ///< Whether the pages were read.
  std::vector<ListedPage> pages;
  std::vector<ListedProtected> protected_pages;
};

}  // namespace mappedpages::tools
