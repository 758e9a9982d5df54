#include "format/geometry.hpp"

#include <bit>
#include <string>

#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"

namespace mappedpages::format {

Result<Geometry> Geometry::of_page_size(std::uint64_t bytes) {
  const auto log2 = static_cast<std::uint32_t>(std::bit_width(bytes)) - 1;
  if (!std::has_single_bit(bytes) || log2 < kMinPageSizeLog2 || log2 > kMaxPageSizeLog2) {
    return tl::unexpected(Error(ErrorCode::InvalidPageSize,
                                "a page size of " + std::to_string(bytes) +
                                    " bytes is not a power of two from 1024 to 16777216"));
  }
  return Geometry(log2);
}

Result<Geometry> Geometry::of_log2(std::uint32_t log2) {
  if (log2 < kMinPageSizeLog2 || log2 > kMaxPageSizeLog2) {
    return tl::unexpected(Error(ErrorCode::InvalidPageSize,
                                "the superblock says a page size of 2^" + std::to_string(log2) +
                                    " bytes, outside of 1 KiB to 16 MiB"));
  }
  return Geometry(log2);
}

PageCount Geometry::capacity() const {
  return PageCount{8 * (page_size() - metadata_page::kBitmap - kPageCrcSize)};
}

std::size_t Geometry::max_blocks() const {
  return (page_size() - superblock::kReferences - kPageCrcSize) / superblock::kReferenceSize;
}

std::size_t Geometry::slots_per_block() const {
  return (page_size() - directory_page::kEntries - kPageCrcSize) / directory_page::kEntrySize;
}

std::uint64_t Geometry::block_of(ProtectedNumber page) const {
  return page.value / slots_per_block();
}

std::size_t Geometry::slot_of(ProtectedNumber page) const {
  return static_cast<std::size_t>(page.value % slots_per_block());
}

ProtectedNumber Geometry::protected_number(std::size_t block, std::size_t slot) const {
  return ProtectedNumber{std::uint64_t{block} * slots_per_block() + slot};
}

Result<std::uint64_t> Geometry::offset_of(PageNumber page) const {
  if (page.value >= capacity().value) {
    return tl::unexpected(
        Error(ErrorCode::OutOfBounds, "page " + std::to_string(page.value) + " is beyond the " +
                                          std::to_string(capacity().value) +
                                          " pages that a file with this page size can have"));
  }
  // capacity < 2^27 and page size <= 2^24: below 2^51.
  return page.value << log2_;
}

Result<std::uint64_t> Geometry::file_size(PageCount total) const {
  if (total > capacity()) {
    return tl::unexpected(
        Error(ErrorCode::OutOfBounds, std::to_string(total.value) + " pages are more than the " +
                                          std::to_string(capacity().value) + " that fit"));
  }
  return total.value << log2_;
}

}  // namespace mappedpages::format
