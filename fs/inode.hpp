// Inode numbers are arithmetic: what they name can be read off them.
#pragma once

#include <cstdint>

#include "mappedpages/ids.hpp"

namespace mappedpages::fs {

enum class InodeKind : std::uint8_t {
  Directory = 0,       ///< One of the fixed directories, by FixedDirectory.
  Page = 1,            ///< pages/N
  Protected = 2,       ///< protected/N
  Receipt = 3,         ///< alloc/*/RECEIPT, by the receipt's number.
  PageLink = 4,        ///< alloc/pages/RECEIPT/N: where it leads depends on N alone.
  ProtectedLink = 5,   ///< alloc/protected/RECEIPT/N
  Staging = 6,         ///< A name that is no number in pages/ or protected/; numbered as they come.
  ControlFile = 7,     ///< A file of .ctl/ itself, by ControlFile.
  PageFacts = 8,       ///< .ctl/pages/N
  ProtectedFacts = 9,  ///< .ctl/protected/N
};

enum class FixedDirectory : std::uint64_t {
  Root = 1,  // FUSE_ROOT_ID
  Pages = 2,
  Protected = 3,
  Alloc = 4,
  AllocPages = 5,
  AllocProtected = 6,
  Control = 7,
  ControlPages = 8,
  ControlProtected = 9,
};

enum class ControlFile : std::uint64_t { Command = 1, LastError = 2, Stats = 3 };

/// Bits 0 to 43 are a number, 44 to 47 the kind. What users see has zeros in bits 48 to 63: left
/// for telling snapshots apart. What the kernel knows inodes by has a version there: it goes up
/// when a number is freed, so that the page that gets the number next is another inode, and nothing
/// that the kernel has cached of the old one is taken for it.
class Inode {
 public:
  static constexpr unsigned kNumberBits = 44;
  static constexpr unsigned kKindBits = 4;
  static constexpr unsigned kVersionShift = kNumberBits + kKindBits;
  static constexpr std::uint64_t kMaxNumber = (std::uint64_t{1} << kNumberBits) - 1;

  constexpr Inode(InodeKind kind, std::uint64_t number)
      : bits_(static_cast<std::uint64_t>(kind) << kNumberBits | (number & kMaxNumber)) {}
  explicit constexpr Inode(std::uint64_t bits) : bits_(bits) {}
  constexpr Inode(FixedDirectory directory)  // NOLINT(google-explicit-constructor)
      : Inode(InodeKind::Directory, static_cast<std::uint64_t>(directory)) {}
  constexpr Inode(ControlFile file)  // NOLINT(google-explicit-constructor)
      : Inode(InodeKind::ControlFile, static_cast<std::uint64_t>(file)) {}
  constexpr Inode(PageNumber page)  // NOLINT(google-explicit-constructor)
      : Inode(InodeKind::Page, page.value) {}
  constexpr Inode(ProtectedNumber page)  // NOLINT(google-explicit-constructor)
      : Inode(InodeKind::Protected, page.value) {}

  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  [[nodiscard]] constexpr std::uint64_t number() const { return bits_ & kMaxNumber; }
  [[nodiscard]] constexpr InodeKind kind() const {
    return static_cast<InodeKind>(bits_ >> kNumberBits & 0xFU);
  }
  [[nodiscard]] constexpr std::uint16_t version() const {
    return static_cast<std::uint16_t>(bits_ >> kVersionShift);
  }
  [[nodiscard]] constexpr Inode without_version() const {
    return Inode(bits_ & ((std::uint64_t{1} << kVersionShift) - 1));
  }
  [[nodiscard]] constexpr Inode with_version(std::uint16_t version) const {
    return Inode(without_version().bits_ | std::uint64_t{version} << kVersionShift);
  }
  [[nodiscard]] constexpr FixedDirectory directory() const {
    return static_cast<FixedDirectory>(number());
  }
  [[nodiscard]] constexpr bool is(FixedDirectory directory) const {
    return *this == Inode(directory);
  }
  [[nodiscard]] constexpr bool is(ControlFile file) const { return *this == Inode(file); }
  [[nodiscard]] constexpr bool is_page() const {
    return kind() == InodeKind::Page || kind() == InodeKind::Protected;
  }

  /// A file in .ctl/ or below it.
  [[nodiscard]] constexpr bool is_control() const {
    return kind() == InodeKind::ControlFile || kind() == InodeKind::PageFacts ||
           kind() == InodeKind::ProtectedFacts;
  }
  constexpr bool operator==(const Inode&) const = default;

 private:
  std::uint64_t bits_;
};

static_assert(Inode(FixedDirectory::Root).bits() == 1);

}  // namespace mappedpages::fs
