#include "support/crate_writer.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace mappedpages::test {
namespace {

using Failure = tl::unexpected<std::string>;

constexpr std::uint64_t kLargestFile = 4096;  // Pages. Enough for tests.

template <class Number>
Number load(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return static_cast<Number>(value);
}

template <class Number>
void store(std::span<std::byte> bytes, std::size_t at, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    bytes[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFFU);
  }
}

bool crc_holds(std::span<const std::byte> page, std::size_t from) {
  const std::size_t end = page.size() - 4;
  return crc_of(page.subspan(from, end - from)) == load<std::uint32_t>(page, end);
}

void seal(std::span<std::byte> page, std::size_t from) {
  const std::size_t end = page.size() - 4;
  store(page, end, crc_of(page.subspan(from, end - from)));
}

/// The spare bytes behind the last entry, where we keep the high half of the generation.
std::size_t spare_at(std::size_t page_size) {
  return 8 + 30 * ((page_size - 12) / 30);
}

bool parse_metadata(std::span<const std::byte> page, CrateState& state) {
  if (!crc_holds(page, 0)) return false;
  state.total = load<std::uint64_t>(page, 0);
  state.generation = load<std::uint64_t>(page, 8);
  if (state.total < 4 || state.total > 8 * (page.size() - 28)) return false;
  state.allocated.assign(static_cast<std::size_t>(state.total), false);
  for (std::size_t i = 0; i < state.allocated.size(); ++i) {
    state.allocated[i] = (load<std::uint8_t>(page, 24 + i / 8) >> i % 8 & 1U) != 0;
  }
  return true;
}

bool parse_directory(std::span<const std::byte> page, std::uint32_t slots,
                     CrateDirectory& directory) {
  if (!crc_holds(page, 0) || load<std::uint32_t>(page, 0) != slots) return false;
  directory.clear();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const std::size_t at = 8 + 30 * std::size_t{slot};
    if (load<std::uint8_t>(page, at) == 0) continue;
    directory[slot] = {load<std::uint64_t>(page, at + 1), load<std::uint64_t>(page, at + 9),
                       load<std::uint8_t>(page, at + 17), load<std::uint64_t>(page, at + 18),
                       load<std::uint32_t>(page, at + 26)};
  }
  return true;
}

/// A whole page; false beyond the end of the file.
bool read_page(const CrashImage& image, std::uint64_t page, std::span<std::byte> out) {
  if (page >= image.size() / out.size()) return false;
  image.read(page * out.size(), out);
  return true;
}

bool read_directory(const CrashImage& image, const CrateState& state, CrateReference& reference,
                    CrateDirectory& directory) {
  std::vector<std::byte> page(state.page_size);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::uint64_t at = reference.active == 0 ? reference.page_a : reference.page_b;
    if (read_page(image, at, page) && parse_directory(page, state.slots(), directory)) return true;
    reference.active ^= 1U;
  }
  return false;
}

}  // namespace

// --- Bytes

std::vector<std::byte> make_directory(std::size_t page_size, std::uint64_t generation,
                                      const CrateDirectory& entries) {
  std::vector<std::byte> page(page_size);
  store(std::span(page), 0, static_cast<std::uint32_t>((page_size - 12) / 30));
  store(std::span(page), 4, static_cast<std::uint32_t>(generation & 0xFFFFFFFFU));
  store(std::span(page), spare_at(page_size), static_cast<std::uint32_t>(generation >> 32U));
  for (const auto& [slot, entry] : entries) {
    const std::size_t at = 8 + 30 * std::size_t{slot};
    store(std::span(page), at, std::uint8_t{1});
    store(std::span(page), at + 1, entry.page_a);
    store(std::span(page), at + 9, entry.page_b);
    store(std::span(page), at + 17, entry.slot);
    store(std::span(page), at + 18, entry.generation);
    store(std::span(page), at + 26, entry.crc);
  }
  seal(page, 0);
  return page;
}

std::vector<std::byte> make_metadata(std::size_t page_size, std::uint64_t generation,
                                     const std::vector<bool>& allocated) {
  std::vector<std::byte> page(page_size);
  const auto used = static_cast<std::uint64_t>(std::ranges::count(allocated, true));
  store(std::span(page), 0, std::uint64_t{allocated.size()});
  store(std::span(page), 8, generation);
  store(std::span(page), 16, allocated.size() - used);
  for (std::size_t i = 0; i < allocated.size(); ++i) {
    if (allocated[i]) page[24 + i / 8] |= static_cast<std::byte>(1U << i % 8);
  }
  seal(page, 0);
  return page;
}

std::vector<std::byte> CrateWriter::page0() const {
  std::vector<std::byte> page(state_.page_size);
  std::memcpy(page.data(), "MPPG\0\2\0\0", 8);
  std::uint32_t log2 = 0;
  while (std::size_t{1} << log2 < state_.page_size) ++log2;
  store(std::span(page), 8, log2);
  store(std::span(page), 12, state_.active);
  store(std::span(page), 16, std::uint32_t{0x2144DF1C});
  store(std::span(page), 20, static_cast<std::uint32_t>(state_.references.size()));
  for (std::size_t i = 0; i < state_.references.size(); ++i) {
    store(std::span(page), 24 + 17 * i, state_.references[i].page_a);
    store(std::span(page), 32 + 17 * i, state_.references[i].page_b);
    store(std::span(page), 40 + 17 * i, state_.references[i].active);
  }
  seal(page, 20);
  return page;
}

std::vector<std::byte> crate_create(std::size_t page_size, std::uint64_t generation) {
  class Nobody final : public CrateListener {
    void may_become(const FileView&) override {}
    void has_become(const FileView&) override {}
  };
  std::vector<std::byte> image(4 * page_size);
  const auto metadata = make_metadata(page_size, generation, {true, true, true, false});
  std::ranges::copy(metadata, image.begin() + static_cast<std::ptrdiff_t>(page_size));
  std::ranges::copy(metadata, image.begin() + static_cast<std::ptrdiff_t>(2 * page_size));
  std::uint32_t log2 = 0;
  while (std::size_t{1} << log2 < page_size) ++log2;
  const std::span page0 = std::span(image).first(page_size);
  std::memcpy(page0.data(), "MPPG\0\2\0\0", 8);
  store(page0, 8, log2);
  store(page0, 16, std::uint32_t{0x2144DF1C});
  seal(page0, 20);
  return image;
}

// --- Reading

FileView CrateState::view() const {
  FileView seen;
  std::set<std::uint64_t> internal;
  for (const CrateReference& reference : references) {
    internal.insert({reference.page_a, reference.page_b});
  }
  for (std::size_t block = 0; block < directories.size(); ++block) {
    for (const auto& [slot, entry] : directories[block]) {
      internal.insert({entry.page_a, entry.page_b});
      seen.protected_pages.emplace_back(block * slots() + slot, entry.crc);
    }
  }
  for (std::uint64_t page = 3; page < total; ++page) {
    if (allocated[page] && !internal.contains(page)) seen.regular.push_back(page);
  }
  return seen;
}

tl::expected<CrateState, std::string> crate_open(const CrashImage& image, std::size_t page_size) {
  CrateState state;
  state.page_size = page_size;
  std::vector<std::byte> page0(page_size);
  std::vector<std::byte> page(page_size);
  if (!read_page(image, 0, page0) || std::memcmp(page0.data(), "MPPG", 4) != 0) {
    return Failure("superblock");
  }
  state.active = load<std::uint8_t>(page0, 12);
  if (state.active > 1) return Failure("superblock");
  bool found = false;
  for (int attempt = 0; attempt < 2 && !found; ++attempt) {
    found = read_page(image, 1U + state.active, page) && parse_metadata(page, state);
    if (!found) state.active ^= 1U;
  }
  if (!found) return Failure("metadata");
  if (image.size() / page_size < state.total) return Failure("panic: the file is too short");
  const auto count = load<std::uint32_t>(page0, 20);
  if (count != 0 && !crc_holds(page0, 20)) return Failure("directory index");
  if (count > state.max_blocks()) return Failure("directory index");
  for (std::size_t i = 0; i < count; ++i) {
    CrateReference reference{load<std::uint64_t>(page0, 24 + 17 * i),
                             load<std::uint64_t>(page0, 32 + 17 * i),
                             load<std::uint8_t>(page0, 40 + 17 * i)};
    CrateDirectory directory;
    if (reference.active > 1) return Failure("directory index");
    if (!read_directory(image, state, reference, directory)) return Failure("directory page");
    state.references.push_back(reference);
    state.directories.push_back(std::move(directory));
  }
  return state;
}

tl::expected<FileView, std::string> crate_view(const CrateState& state, const CrashImage& image,
                                               bool crate_wrote) {
  const auto allocated = [&](std::uint64_t page) {
    return page < state.total && state.allocated[page];
  };
  for (const CrateReference& reference : state.references) {
    if (!allocated(reference.page_a) || !allocated(reference.page_b)) {
      return Failure("a directory page is not allocated");
    }
  }
  std::vector<std::byte> content(state.page_size);
  for (const CrateDirectory& directory : state.directories) {
    for (const auto& [slot, entry] : directory) {
      if (!allocated(entry.page_a) || !allocated(entry.page_b)) {
        return Failure("a copy of a protected page is not allocated");
      }
      if (crate_wrote && entry.generation == 0) continue;
      image.read(entry.active() * state.page_size, content);
      if (crc_of(content) != entry.crc) return Failure("wrong content of a protected page");
    }
  }
  return state.view();
}

// --- Writing

CrateEntry* CrateWriter::find(std::uint64_t number) {
  CrateDirectory& directory = state_.directories.at(number / state_.slots());
  return &directory.at(static_cast<std::uint32_t>(number % state_.slots()));
}

bool CrateWriter::put(std::uint64_t page, std::span<const std::byte> bytes) {
  const std::uint64_t at = page * state_.page_size;
  return disk_.write(at, bytes) == 0 && disk_.sync_range(at, state_.page_size) == 0;
}

bool CrateWriter::put_page0() {
  if (!put(0, page0())) return false;
  listener_.has_become(state_.view());
  return true;
}

bool CrateWriter::commit_metadata() {
  ++state_.generation;
  const auto next = static_cast<std::uint8_t>(1U - state_.active);
  listener_.may_become(state_.view());
  if (!put(1U + next, make_metadata(state_.page_size, state_.generation, state_.allocated))) {
    return false;
  }
  state_.active = next;
  return put_page0();
}

bool CrateWriter::commit_directory(std::size_t block) {
  CrateReference& reference = state_.references[block];
  const std::uint64_t page = reference.active == 0 ? reference.page_b : reference.page_a;
  listener_.may_become(state_.view());
  if (!put(page, make_directory(state_.page_size, 0, state_.directories[block]))) return false;
  reference.active ^= 1U;
  return put_page0();
}

bool CrateWriter::take_page(std::uint64_t& page) {
  for (page = 3; page < state_.total; ++page) {
    if (!state_.allocated[page]) break;
  }
  if (page == state_.total) {
    if (state_.total * 2 > std::min<std::uint64_t>(kLargestFile, 8 * (state_.page_size - 28))) {
      return false;
    }
    state_.total *= 2;
    if (disk_.grow(state_.total * state_.page_size) != 0) return false;
    state_.allocated.resize(static_cast<std::size_t>(state_.total), false);
  }
  state_.allocated[page] = true;
  return true;
}

bool CrateWriter::alloc() {
  std::uint64_t page = 0;
  return take_page(page) && commit_metadata();
}

bool CrateWriter::free(std::uint64_t page) {
  state_.allocated.at(page) = false;
  return commit_metadata();
}

bool CrateWriter::alloc_protected() {
  std::size_t block = 0;
  while (block < state_.directories.size() && state_.directories[block].size() == state_.slots()) {
    ++block;
  }
  const bool fresh = block == state_.directories.size();
  if (fresh && block == state_.max_blocks()) return false;
  CrateReference reference;
  CrateEntry entry;
  if (fresh && (!take_page(reference.page_a) || !take_page(reference.page_b))) return false;
  if (!take_page(entry.page_a) || !take_page(entry.page_b) || !commit_metadata()) return false;
  if (fresh) {
    state_.references.push_back(reference);
    state_.directories.emplace_back();
  }
  CrateDirectory& directory = state_.directories[block];
  std::uint32_t slot = 0;
  while (directory.contains(slot)) ++slot;
  const std::uint64_t at = entry.page_a * state_.page_size;
  entry.crc = crc_of(disk_.cache().subspan(at, state_.page_size));
  directory[slot] = entry;
  return commit_directory(block);
}

bool CrateWriter::free_protected(std::uint64_t number) {
  const CrateEntry entry = *find(number);
  const std::size_t block = number / state_.slots();
  state_.directories[block].erase(static_cast<std::uint32_t>(number % state_.slots()));
  if (!commit_directory(block)) return false;
  state_.allocated[entry.page_a] = state_.allocated[entry.page_b] = false;
  return commit_metadata();
}

bool CrateWriter::write_protected(std::uint64_t number, std::span<const std::byte> bytes) {
  CrateEntry& entry = *find(number);
  if (!put(entry.inactive(), bytes)) return false;
  entry.slot ^= 1U;
  ++entry.generation;
  entry.crc = crc_of(bytes);
  return commit_directory(number / state_.slots());
}

}  // namespace mappedpages::test
