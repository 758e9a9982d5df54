// What the commands print with --json. File names that are not UTF-8 have their wrong bytes
// replaced.
#pragma once

#include <string>

#include "mappedpages/report.hpp"
#include "tools/file_info.hpp"
#include "tools/page_list.hpp"

namespace mappedpages::tools {

/// Each is one object, with a newline behind it.
std::string to_json(const FileInfo& info);
std::string to_json(const PageList& list);
std::string to_json(const CheckReport& report);

/// A CRC32 as 8 lower-case hex digits.
std::string crc_text(std::uint32_t crc);

}  // namespace mappedpages::tools
