// A small sound file in memory, to be damaged byte by byte.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mappedpages/engine.hpp"
#include "mppg0/create.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::test {

/// 16 pages of 1024 bytes: regular ones (3 to 5), a directory block (6 and 7), two protected pages
/// (8 and 9, 10 and 11), free ones (12 to 15). Written by the engine and closed; the last group
/// wrote protected page 0.
class SampleFile {
 public:
  static constexpr std::size_t kPage = 1024;
  static constexpr std::uint64_t kPages = 16;
  static constexpr std::uint64_t kRegular = 3;
  static constexpr std::uint64_t kProtected = 2;

  std::vector<std::byte> bytes;
  std::vector<std::byte> before;  ///< The file as it was before its last group.

  SampleFile() {
    const auto memory = std::make_shared<MemoryBytes>();
    MemoryFile file(memory);
    require(mppg0::format_file(file, kPage, PageCount{kPages}));
    auto engine = open(memory, {});
    require(engine->alloc_bulk(PageCount{kRegular}));
    require(engine->alloc_protected_bulk(PageCount{kProtected}));
    for (std::uint64_t page = 3; page < 3 + kRegular; ++page) {
      require(engine->write(PageNumber{page}, 0, content(page)));
    }
    for (std::uint64_t page : {0U, 1U, 1U}) commit(*engine, page, content(100 + page));
    before = memory->bytes;
    commit(*engine, 0, content(200));
    require(engine->close());
    bytes = memory->bytes;
  }

  /// Some bytes, others for each seed, none of them zero.
  static std::vector<std::byte> content(std::uint64_t seed) {
    std::vector<std::byte> made(kPage);
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = static_cast<std::byte>(1 + (i * (2 * seed + 1) + seed) % 255);
    }
    return made;
  }

  // --- Where things are

  [[nodiscard]] std::uint64_t metadata_in_force() const { return 1 + byte(12); }
  [[nodiscard]] std::uint64_t other_metadata() const { return 2 - byte(12); }
  [[nodiscard]] std::uint64_t directory_in_force() const { return copy(24, 40, 0); }
  [[nodiscard]] std::uint64_t other_directory() const { return copy(24, 40, 1); }
  [[nodiscard]] std::uint64_t content_in_force(std::size_t slot) const {
    return copy(entry(slot) + 1, entry(slot) + 17, 0);
  }
  [[nodiscard]] std::uint64_t other_content(std::size_t slot) const {
    return copy(entry(slot) + 1, entry(slot) + 17, 1);
  }

  /// Where the entry in force stands in the file.
  [[nodiscard]] std::size_t entry(std::size_t slot) const {
    return at(directory_in_force(), 8 + 30 * slot);
  }

  static std::size_t at(std::uint64_t page, std::size_t offset) {
    return static_cast<std::size_t>(page) * kPage + offset;
  }

  // --- Edits

  template <class T>
  [[nodiscard]] T load(std::size_t offset) const {
    return load_le<T>(bytes, offset);
  }
  template <class T>
  void store(std::size_t offset, T value) {
    store_le(std::span(bytes), offset, value);
  }
  void flip(std::size_t offset, unsigned bits = 1) {
    bytes[offset] ^= static_cast<std::byte>(bits);
  }

  /// Makes the CRC of a page hold: of page 0 that of the index.
  void seal(std::uint64_t page) {
    const std::size_t from = page == 0 ? format::superblock::kIndexCrcBegin : 0;
    const std::size_t end = kPage - format::kPageCrcSize;
    store(at(page, end), crc32(std::span(bytes).subspan(at(page, from), end - from)));
  }

  /// Bytes of a page that only its CRC covers.
  void rot(std::uint64_t page) { flip(at(page, 1000), 0x42); }

  /// Several bits of the CRC of page 0.
  void garble_index_crc() { flip(kPage - 3, 0x42); }

  /// As if the Rust crate had written the file last.
  void unmark() {
    for (std::size_t i : {13U, 14U, 15U}) bytes[i] = std::byte{0};
  }

  // --- Opening

  [[nodiscard]] std::shared_ptr<MemoryBytes> memory() const {
    auto made = std::make_shared<MemoryBytes>();
    made->bytes = bytes;
    return made;
  }

  template <class T>
  static void require(const Result<T>& done) {
    if (done) return;
    std::cerr << "a sample file cannot be made: " << done.error().message() << '\n';
    std::abort();
  }

  static std::unique_ptr<Engine> open(const std::shared_ptr<MemoryBytes>& memory,
                                      const OpenOptions& options) {
    auto engine = Engine::open(std::make_unique<MemoryFile>(memory), options);
    require(engine);
    return *std::move(engine);
  }

  static void commit(Engine& engine, std::uint64_t page, const std::vector<std::byte>& content) {
    Change change;
    change.writes = {{ProtectedNumber{page}, content}};
    require(engine.commit(change));
  }

 private:
  [[nodiscard]] unsigned byte(std::size_t offset) const {
    return std::to_integer<unsigned>(bytes[offset]);
  }

  /// One of two page numbers that stand side by side: the one that the selector names, or the
  /// other.
  [[nodiscard]] std::uint64_t copy(std::size_t pages, std::size_t selector, unsigned other) const {
    return load<std::uint64_t>(pages + 8 * (byte(selector) ^ other));
  }
};

}  // namespace mappedpages::test
