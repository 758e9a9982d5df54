// The Rust crate's rules, in code of its own: how it opens a file, and what it writes in which
// order. Shares nothing with core/format, so that a mistake there is not repeated here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "support/crash_image.hpp"
#include "support/disk.hpp"
#include "support/file_view.hpp"

namespace mappedpages::test {

struct CrateEntry {
  std::uint64_t page_a = 0;
  std::uint64_t page_b = 0;
  std::uint8_t slot = 0;
  std::uint64_t generation = 0;
  std::uint32_t crc = 0;

  [[nodiscard]] std::uint64_t active() const { return slot == 0 ? page_a : page_b; }
  [[nodiscard]] std::uint64_t inactive() const { return slot == 0 ? page_b : page_a; }
};

struct CrateReference {
  std::uint64_t page_a = 0;
  std::uint64_t page_b = 0;
  std::uint8_t active = 0;
};

using CrateDirectory = std::map<std::uint32_t, CrateEntry>;  // By slot.

/// What the crate has in memory of an open file.
struct CrateState {
  std::size_t page_size = 0;
  std::uint8_t active = 0;
  std::uint64_t total = 0;
  std::uint64_t generation = 0;
  std::vector<bool> allocated;
  std::vector<CrateReference> references;
  std::vector<CrateDirectory> directories;

  [[nodiscard]] std::uint32_t slots() const {
    return static_cast<std::uint32_t>((page_size - 12) / 30);
  }
  [[nodiscard]] std::size_t max_blocks() const { return (page_size - 28) / 17; }

  /// What its users see. The CRCs are those of the entries.
  [[nodiscard]] FileView view() const;
};

/// A new file: 4 pages, generation `generation` (the crate starts at 0).
std::vector<std::byte> crate_create(std::size_t page_size, std::uint64_t generation = 0);

/// Opens an image as the crate does. What it would refuse, or panic at, is an error in words.
tl::expected<CrateState, std::string> crate_open(const CrashImage& image, std::size_t page_size);

/// What the crate's users see in an image, contents verified. Pages named and not allocated are an
/// error too.
tl::expected<FileView, std::string> crate_view(const CrateState& state, const CrashImage& image,
                                               bool crate_wrote);

/// A directory page of any generation, ours or (0) the crate's: users can write such bytes too.
std::vector<std::byte> make_directory(std::size_t page_size, std::uint64_t generation,
                                      const CrateDirectory& entries);
std::vector<std::byte> make_metadata(std::size_t page_size, std::uint64_t generation,
                                     const std::vector<bool>& allocated);

/// Told what the crate's users may find after a crash from now on.
class CrateListener {
 public:
  CrateListener() = default;
  CrateListener(const CrateListener&) = delete;
  CrateListener& operator=(const CrateListener&) = delete;
  virtual ~CrateListener() = default;
  virtual void may_become(const FileView& view) = 0;
  virtual void has_become(const FileView& view) = 0;
};

/// Changes a disk as the crate does, with its writes and its flushes (`msync` of one page) in its
/// order. Every call returns false if it could not be finished: the disk died, or the file is full.
class CrateWriter {
 public:
  CrateWriter(Disk& disk, CrateState state, CrateListener& listener)
      : disk_(disk), state_(std::move(state)), listener_(listener) {}

  [[nodiscard]] const CrateState& state() const { return state_; }

  bool alloc();
  bool free(std::uint64_t page);
  bool alloc_protected();
  bool free_protected(std::uint64_t number);
  bool write_protected(std::uint64_t number, std::span<const std::byte> bytes);

 private:
  CrateEntry* find(std::uint64_t number);
  bool take_page(std::uint64_t& page);
  bool put(std::uint64_t page, std::span<const std::byte> bytes);
  bool put_page0();
  bool commit_metadata();
  bool commit_directory(std::size_t block);
  [[nodiscard]] std::vector<std::byte> page0() const;

  Disk& disk_;
  CrateState state_;
  CrateListener& listener_;
};

}  // namespace mappedpages::test
