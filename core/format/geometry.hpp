// Everything that follows from the page size: the one place where sizes and offsets are computed.
// Numbers from core/FORMAT.md, "Layout".
#pragma once

#include <cstddef>
#include <cstdint>

#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::format {

/// What a device writes wholly or not at all, in bytes. The commit point lies in the first of them.
inline constexpr std::size_t kSectorSize = 512;

inline constexpr std::uint32_t kMinPageSizeLog2 = 10;
inline constexpr std::uint32_t kMaxPageSizeLog2 = 24;

inline constexpr PageNumber kSuperblockPage{0};
inline constexpr PageNumber kMetadataPages[2] = {PageNumber{1}, PageNumber{2}};
inline constexpr PageNumber kFirstDataPage{3};
inline constexpr PageCount kMinTotalPages{4};

/// Every page of the format ends in the CRC32 of the bytes before it.
inline constexpr std::size_t kPageCrcSize = 4;

/// The numbers that a page size implies. A value; any thread.
class Geometry {
 public:
  /// InvalidPageSize unless `bytes` is a power of two from 1 KiB to 16 MiB.
  static Result<Geometry> of_page_size(std::uint64_t bytes);
  static Result<Geometry> of_log2(std::uint32_t log2);

  [[nodiscard]] std::size_t page_size() const { return std::size_t{1} << log2_; }
  [[nodiscard]] std::uint32_t page_size_log2() const { return log2_; }

  /// Where the CRC32 at the end of a page stands.
  [[nodiscard]] std::size_t crc_offset() const { return page_size() - kPageCrcSize; }

  /// The most pages that a metadata page can describe.
  [[nodiscard]] PageCount capacity() const;

  /// The most directory blocks that page 0 can refer to.
  [[nodiscard]] std::size_t max_blocks() const;

  /// Entries in a directory page.
  [[nodiscard]] std::size_t slots_per_block() const;

  /// The directory block, and the slot in it, of a protected page.
  [[nodiscard]] std::uint64_t block_of(ProtectedNumber page) const;
  [[nodiscard]] std::size_t slot_of(ProtectedNumber page) const;
  [[nodiscard]] ProtectedNumber protected_number(std::size_t block, std::size_t slot) const;

  /// Byte offset of a page in the file; OutOfBounds beyond the capacity, so it never overflows.
  [[nodiscard]] Result<std::uint64_t> offset_of(PageNumber page) const;

  /// Bytes of a file with that many pages; at most `capacity()`.
  [[nodiscard]] Result<std::uint64_t> file_size(PageCount total) const;

 private:
  explicit Geometry(std::uint32_t log2) : log2_(log2) {}
  std::uint32_t log2_;
};

}  // namespace mappedpages::format
