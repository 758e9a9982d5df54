#include "e2e/storm/calls.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>  // NOLINT(modernize-deprecated-headers): renameat2 is not in <cstdio>.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

namespace mappedpages::test::storm {
namespace {

int error_of(int result) {
  return result < 0 ? errno : 0;
}

}  // namespace

const char* directory_of(Kind kind) {
  return kind == Kind::Regular ? "pages" : "protected";
}

int OpenedFile::close() {
  return fd_ < 0 ? 0 : error_of(::close(std::exchange(fd_, -1)));
}

Answered<OpenedFile> open_file(const std::string& path, int flags) {
  OpenedFile file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  const int error = file ? 0 : errno;
  return {error, std::move(file)};
}

int write_all(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return 0;
}

Answered<std::vector<std::byte>> read_some(int fd, std::size_t size, std::uint64_t offset) {
  std::vector<std::byte> bytes(size);
  const ssize_t got = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  if (got < 0) return {errno, {}};
  bytes.resize(static_cast<std::size_t>(got));
  return {0, std::move(bytes)};
}

Answered<std::vector<std::byte>> read_file(const std::string& path, std::size_t size) {
  const auto file = open_file(path, O_RDONLY);
  if (file.error != 0) return {file.error, {}};
  auto bytes = read_some(file.value.get(), size, 0);
  if (bytes.error == 0 && bytes.value.size() != size) bytes.error = EIO;
  return bytes;
}

Answered<std::set<std::uint64_t>> list_numbers(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return {errno, {}};
  std::set<std::uint64_t> numbers;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    if (!numbers.insert(std::strtoull(entry->d_name, nullptr, 10)).second) return {EEXIST, {}};
    errno = 0;
  }
  return {errno, std::move(numbers)};
}

int make_directory(const std::string& path) {
  return error_of(::mkdir(path.c_str(), 0700));
}
int remove_directory(const std::string& path) {
  return error_of(::rmdir(path.c_str()));
}
int unlink_file(const std::string& path) {
  return error_of(::unlink(path.c_str()));
}

int rename_file(const std::string& path, const std::string& new_path, unsigned flags) {
  return error_of(::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, new_path.c_str(), flags));
}

std::size_t page_size_of(std::uint64_t seed) {
  constexpr std::array<std::size_t, 3> kSizes{1024, 4096, 65536};
  return kSizes[seed % kSizes.size()];
}

}  // namespace mappedpages::test::storm
