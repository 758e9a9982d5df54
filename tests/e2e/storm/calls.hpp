// System calls as clients make them: an errno, or 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mappedpages::test::storm {

enum class Kind : std::uint32_t { Regular, Protected };

/// "pages" or "protected".
const char* directory_of(Kind kind);

/// Names in a mount.
class Tree {
 public:
  explicit Tree(std::filesystem::path mountpoint) : root_(std::move(mountpoint)) {}

  [[nodiscard]] std::string page(Kind kind, std::uint64_t number) const {
    return (root_ / directory_of(kind) / std::to_string(number)).string();
  }
  [[nodiscard]] std::string receipt(Kind kind, const std::string& name) const {
    return (root_ / "alloc" / directory_of(kind) / name).string();
  }
  [[nodiscard]] std::string pages(Kind kind) const { return (root_ / directory_of(kind)).string(); }

 private:
  std::filesystem::path root_;
};

/// What a call gave: a value, or why not.
template <class T>
struct Answered {
  int error = 0;
  T value{};
};

/// A descriptor whose close can be asked how it went.
class OpenedFile {
 public:
  OpenedFile() = default;
  explicit OpenedFile(int fd) : fd_(fd) {}
  OpenedFile(OpenedFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OpenedFile& operator=(OpenedFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OpenedFile() { (void)close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  int close();

 private:
  int fd_ = -1;
};

Answered<OpenedFile> open_file(const std::string& path, int flags);
int write_all(int fd, std::span<const std::byte> bytes, std::uint64_t offset);
Answered<std::vector<std::byte>> read_some(int fd, std::size_t size, std::uint64_t offset);

/// A whole file of that size: EIO where it is shorter.
Answered<std::vector<std::byte>> read_file(const std::string& path, std::size_t size);

/// The numbers in a directory, without names that begin with a dot; EEXIST where one is listed
/// twice.
Answered<std::set<std::uint64_t>> list_numbers(const std::string& path);

int make_directory(const std::string& path);
int remove_directory(const std::string& path);
int unlink_file(const std::string& path);

/// `flags` as for renameat2(2).
int rename_file(const std::string& path, const std::string& new_path, unsigned flags);

/// A page size for this seed: 1 KiB, 4 KiB and 64 KiB in turn.
std::size_t page_size_of(std::uint64_t seed);

}  // namespace mappedpages::test::storm
