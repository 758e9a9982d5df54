#include "mppg0/create.hpp"

#include <string>

#include "base/try.hpp"
#include "format/geometry.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"

namespace mappedpages::mppg0 {

Status format_file(io::StorageFile& file, std::uint64_t page_size, PageCount total) {
  TRY_ASSIGN(const format::Geometry geometry, format::Geometry::of_page_size(page_size));
  if (total < format::kMinTotalPages || total > geometry.capacity()) {
    return tl::unexpected(
        Error(ErrorCode::InvalidArgument,
              "a file of " + std::to_string(total.value) + " pages: with a page size of " +
                  std::to_string(geometry.page_size()) + " bytes it can have 4 to " +
                  std::to_string(geometry.capacity().value)));
  }
  format::MetadataPage metadata{.generation = Generation{0}, .allocated = Bitmap(total.value)};
  for (std::uint64_t page = 0; page < format::kFirstDataPage.value; ++page) {
    metadata.allocated.set(page);
  }
  const auto encoded = format::encode_metadata_page(geometry, metadata);
  TRY_ASSIGN(const std::uint64_t size, geometry.file_size(total));
  TRY(file.reserve(size));
  for (const PageNumber page : format::kMetadataPages) {
    TRY_ASSIGN(const std::uint64_t offset, geometry.offset_of(page));
    TRY(file.write_at(offset, encoded));
  }
  const format::SuperblockHeader header{.page_size_log2 = geometry.page_size_log2(), .mark = true};
  TRY(file.write_at(0, format::encode_superblock(geometry, header, {})));
  return file.sync();
}

}  // namespace mappedpages::mppg0
