// What users see of a pager file: which pages there are, and what the protected ones hold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "mappedpages/engine.hpp"

namespace mappedpages::test {

/// Page numbers, ascending, and the CRC32 of what each protected page holds.
struct FileView {
  std::vector<std::uint64_t> regular;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> protected_pages;

  bool operator==(const FileView&) const = default;
  [[nodiscard]] bool has_regular(std::uint64_t page) const;
};

/// CRC32 by libdeflate, not by the code that is tested.
std::uint32_t crc_of(std::span<const std::byte> bytes);

/// A few words for a person, the differences first.
std::string difference(const FileView& seen, const FileView& expected);

struct ViewOptions {
  /// The Rust crate has written the file: it stores the CRC of stale bytes in the entry of a
  /// protected page that was never written, so those prove nothing.
  bool crate_wrote = false;

  /// Ask the engine about every page of the file, too.
  bool every_page = false;
};

/// What the engine says, with everything read and the counts recounted. What contradicts itself is
/// an error in words.
tl::expected<FileView, std::string> read_view(Engine& engine, const ViewOptions& options);

}  // namespace mappedpages::test
