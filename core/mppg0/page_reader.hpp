// The pages of a file, read and decoded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/directory_page.hpp"
#include "format/geometry.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "io/storage_file.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages::mppg0 {

/// The two copies of one directory page; a copy that could not be decoded is a Defect.
using Copies = std::array<format::Decoded<format::DirectoryPage>, 2>;

/// Reads what may not be there: a page past the end of the file is a Defect like any other. Errors
/// are those of the system. One thread.
class PageReader {
 public:
  /// `size` is the file's, in bytes. The file outlives the reader.
  PageReader(const io::StorageFile& file, const format::Geometry& geometry, std::uint64_t size)
      : file_(file), geometry_(geometry), size_(size), page_(geometry.page_size()) {}

  [[nodiscard]] std::uint64_t file_size() const { return size_; }

  /// Whole pages in the file, no more than can be used.
  [[nodiscard]] std::uint64_t pages() const;

  /// False past the end of the file. `out` is one page.
  Result<bool> read(PageNumber page, std::span<std::byte> out) const;

  /// Metadata page A (0) or B (1).
  Result<format::Decoded<format::MetadataPage>> metadata(unsigned which);

  Result<format::Decoded<format::DirectoryPage>> directory(PageNumber page);
  Result<Copies> copies(const format::BlockReference& reference);

 private:
  const io::StorageFile& file_;
  const format::Geometry geometry_;
  const std::uint64_t size_;
  std::vector<std::byte> page_;
};

}  // namespace mappedpages::mppg0
