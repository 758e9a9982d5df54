// A new file.
#pragma once

#include <cstdint>

#include "io/storage_file.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::mppg0 {

/// Writes an empty pager file of `total` pages of `page_size` bytes into an empty file, and flushes
/// it. InvalidPageSize; InvalidArgument unless `total` is from 4 to the capacity.
Status format_file(io::StorageFile& file, std::uint64_t page_size, PageCount total);

}  // namespace mappedpages::mppg0
