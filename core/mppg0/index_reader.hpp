// The references to directory blocks in page 0, also where its CRC does not hold. The rules:
// core/FORMAT.md, "Recovery".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bitmap.hpp"
#include "format/superblock.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"
#include "mppg0/findings.hpp"
#include "mppg0/mend.hpp"
#include "mppg0/page_reader.hpp"

namespace mappedpages::mppg0 {

/// What is known of the metadata when the index is read.
struct MetadataFacts {
  bool known = false;     ///< At least one of the pages can be used.
  bool is_older = false;  ///< The page in force has rotted; of the other one.
  Generation committed = kUnknownGeneration;
  std::optional<Generation> pending;  ///< Of the page not in force, if that is newer.
};

struct DirectoryIndex {
  std::vector<format::BlockReference> references;
  bool crc_holds = false;  ///< So the selectors stand.

  /// The bit of page 0 that had flipped and was put back, counted from the page's begin.
  std::optional<std::size_t> mended_bit{};

  /// Nobody knows how many references there are: those up to the first that cannot be used.
  bool longest_prefix = false;
};

/// Why a reference cannot be followed.
struct ReferenceFault {
  ProblemCode code;
  std::string why;
};
std::optional<ReferenceFault> fault_of(const format::BlockReference& reference,
                                       std::uint64_t total_pages, bool crc_holds);

/// Reads the index of one page 0. Used once.
class IndexReader {
 public:
  /// `page0` is changed where a bit of it is put back. All that is referred to outlives the reader.
  IndexReader(PageReader& reader, const format::Geometry& geometry, std::vector<std::byte>& page0,
              const format::SuperblockHeader& header, const MetadataFacts& metadata,
              const Bitmap& allocated, Findings& findings, std::vector<std::string>& actions);

  Result<DirectoryIndex> read();

 private:
  [[nodiscard]] DirectoryIndex as_counted() const;
  Result<DirectoryIndex> torn_by_us();
  Result<DirectoryIndex> torn_by_crate();
  [[nodiscard]] std::size_t plausible_references() const;
  Status count_hidden_blocks();
  Result<bool> is_block_in_use(std::size_t block);
  Result<bool> is_torn_by_crash();
  Result<bool> mend_flipped_bit();
  Result<bool> makes_sense(std::span<const std::byte> mended, std::size_t at);
  Result<bool> count_makes_sense(std::size_t count);
  Result<bool> selector_makes_sense(std::size_t block);
  Result<bool> page_makes_sense(const format::BlockReference& reference,
                                const format::BlockReference& mended, unsigned which);
  [[nodiscard]] bool is_blank(std::span<const std::byte> page0, std::size_t from_block) const;

  /// Each block has two pages of its own. So reading them takes no longer than reading the file.
  [[nodiscard]] bool fit_the_file(std::size_t blocks) const {
    return blocks <= reader_.pages() / 2;
  }

  [[nodiscard]] bool is_faulty(const format::BlockReference& reference) const;
  [[nodiscard]] bool is_allocated(PageNumber page) const { return allocated_.test(page.value); }

  PageReader& reader_;
  const format::Geometry geometry_;
  std::vector<std::byte>& page0_;
  const bool mark_;
  const MetadataFacts metadata_;
  const Bitmap& allocated_;
  Findings& findings_;
  std::vector<std::string>& actions_;
  std::size_t count_;  ///< Of directory blocks, as far as it is known.
  bool crc_holds_;
  std::optional<std::size_t> mended_bit_;
};

}  // namespace mappedpages::mppg0
