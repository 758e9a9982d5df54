#include "support/recording_file.hpp"

namespace mappedpages::test {
namespace {

Status status_of(int os_error, const char* what) {
  if (os_error == 0) return {};
  return tl::unexpected(Error(ErrorCode::Io, what, os_error));
}

}  // namespace

Result<std::uint64_t> RecordingFile::size() const {
  return disk_->size();
}

Status RecordingFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (disk_->read(offset, out)) return {};
  return tl::unexpected(Error(ErrorCode::Io, "reading past the end"));
}

Status RecordingFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  return status_of(disk_->write(offset, bytes), "writing");
}

Status RecordingFile::write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) {
  return status_of(disk_->write_and_sync(offset, bytes), "writing and flushing");
}

Status RecordingFile::reserve(std::uint64_t size) {
  return status_of(disk_->grow(size), "growing");
}

Status RecordingFile::sync() {
  return status_of(disk_->sync(), "flushing");
}

}  // namespace mappedpages::test
