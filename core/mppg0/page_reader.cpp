#include "mppg0/page_reader.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/try.hpp"

namespace mappedpages::mppg0 {
namespace {

tl::unexpected<format::Defect> past_the_end(std::string_view code) {
  return tl::unexpected(format::Defect{code, "it lies past the end of the file"});
}

}  // namespace

std::uint64_t PageReader::pages() const {
  return std::min(size_ / geometry_.page_size(), geometry_.capacity().value);
}

Result<bool> PageReader::read(PageNumber page, std::span<std::byte> out) const {
  if (page.value >= pages()) return false;
  TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(page));
  TRY(file_.read_at(offset, out));
  return true;
}

Result<format::Decoded<format::MetadataPage>> PageReader::metadata(unsigned which) {
  TRY_ASSIGN(const bool there, read(format::kMetadataPages[which], page_));
  if (!there) return past_the_end("metadata-crc");
  return format::decode_metadata_page(geometry_, page_);
}

Result<format::Decoded<format::DirectoryPage>> PageReader::directory(PageNumber page) {
  TRY_ASSIGN(const bool there, read(page, page_));
  if (!there) return past_the_end("directory-crc");
  return format::decode_directory_page(geometry_, page_);
}

Result<Copies> PageReader::copies(const format::BlockReference& reference) {
  TRY_ASSIGN(auto a, directory(reference.page_a));
  TRY_ASSIGN(auto b, directory(reference.page_b));
  return Copies{std::move(a), std::move(b)};
}

}  // namespace mappedpages::mppg0
