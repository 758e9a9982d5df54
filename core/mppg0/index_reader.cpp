#include "mppg0/index_reader.hpp"

#include <algorithm>
#include <utility>

#include "base/little_endian.hpp"
#include "base/try.hpp"
#include "mppg0/directory_generation.hpp"

namespace mappedpages::mppg0 {
namespace {

using format::BlockReference;
namespace superblock = format::superblock;

constexpr const char* kPage0 = "page 0";

std::size_t count_in(std::span<const std::byte> page0) {
  return load_le<std::uint32_t>(page0, superblock::kBlockCount.offset);
}

}  // namespace

std::optional<ReferenceFault> fault_of(const BlockReference& reference, std::uint64_t total_pages,
                                       bool crc_holds) {
  if (reference.page_a == reference.page_b) {
    return ReferenceFault{ProblemCode::ReferenceSamePage, "it names one page for both copies"};
  }
  const auto [low, high] = std::minmax(reference.page_a.value, reference.page_b.value);
  if (low < format::kFirstDataPage.value) {
    return ReferenceFault{ProblemCode::ReferenceReserved,
                          "it names reserved page " + std::to_string(low)};
  }
  if (high >= total_pages) {
    return ReferenceFault{ProblemCode::ReferencePastEnd,
                          "it names page " + std::to_string(high) + ", past the end"};
  }
  if (reference.active > 1 && crc_holds) {
    return ReferenceFault{ProblemCode::ReferenceSelector, "its selector is neither 0 nor 1"};
  }
  return std::nullopt;
}

IndexReader::IndexReader(PageReader& reader, const format::Geometry& geometry,
                         std::vector<std::byte>& page0, const format::SuperblockHeader& header,
                         const MetadataFacts& metadata, const Bitmap& allocated, Findings& findings,
                         std::vector<std::string>& actions)
    : reader_(reader),
      geometry_(geometry),
      page0_(page0),
      mark_(header.mark),
      metadata_(metadata),
      allocated_(allocated),
      findings_(findings),
      actions_(actions),
      count_(header.block_count),
      crc_holds_(format::index_crc_holds(page0)) {}

Result<DirectoryIndex> IndexReader::read() {
  if (count_ > geometry_.max_blocks()) {
    findings_.refuse(ProblemCode::DirectoryCount, ErrorCode::CorruptDirectoryIndex, kPage0,
                     "the superblock counts " + std::to_string(count_) +
                         " directory blocks, and at most " +
                         std::to_string(geometry_.max_blocks()) + " fit");
    count_ = plausible_references();
    return as_counted();
  }
  if (crc_holds_) return as_counted();
  return mark_ ? torn_by_us() : torn_by_crate();
}

DirectoryIndex IndexReader::as_counted() const {
  DirectoryIndex index{.references = {},
                       .crc_holds = crc_holds_,
                       .mended_bit = mended_bit_,
                       .longest_prefix = false};
  for (std::size_t i = 0; i < count_; ++i) {
    index.references.push_back(format::load_reference(page0_, i));
  }
  return index;
}

Result<DirectoryIndex> IndexReader::torn_by_us() {
  TRY_ASSIGN(const bool torn, is_torn_by_crash());
  if (!torn) {
    TRY_ASSIGN(const bool mended, mend_flipped_bit());
    if (mended) return as_counted();
  }
  // A group that is cut off while it counts new blocks can leave the checksum of references that
  // did not land. Then its metadata page is there.
  const bool by_crash = torn || metadata_.pending;
  findings_.add(by_crash ? ProblemCode::IndexTorn : ProblemCode::IndexCrc, kPage0,
                by_crash
                    ? "the directory index is torn: directory copies are chosen by their generation"
                    : "the checksum of the directory index does not match, and no crash did that; "
                      "directory copies are chosen by their generation");
  actions_.emplace_back(std::string(by_crash ? "page 0 is torn" : "page 0 is damaged") +
                        ": directory copies are chosen by their generation");
  if (!torn) TRY(count_hidden_blocks());
  return as_counted();
}

Result<DirectoryIndex> IndexReader::torn_by_crate() {
  // The crate does not look at the CRC then.
  if (count_ == 0 && is_blank(page0_, 0)) return as_counted();
  if (auto mended = mend_references(geometry_, page0_, count_)) {
    findings_.add(ProblemCode::IndexTorn, kPage0,
                  "the directory index is torn; the version that its checksum belongs to is "
                  "restored");
    actions_.emplace_back(
        "page 0 is torn: the directory index that its checksum belongs to is restored");
    return DirectoryIndex{.references = *std::move(mended)};
  }
  TRY_ASSIGN(const bool mended, mend_flipped_bit());
  if (mended) return as_counted();
  findings_.add(ProblemCode::IndexCrc, kPage0,
                "the checksum of the directory index does not match; the leading references whose "
                "directory pages are valid are used");
  if (count_ == 0) TRY(count_hidden_blocks());
  DirectoryIndex index = as_counted();
  index.longest_prefix = true;
  return index;
}

bool IndexReader::is_blank(std::span<const std::byte> page0, std::size_t from_block) const {
  const std::size_t from = superblock::kReferences + from_block * superblock::kReferenceSize;
  return std::ranges::all_of(page0.first(geometry_.crc_offset()).subspan(from),
                             [](std::byte b) { return b == std::byte{0}; });
}

bool IndexReader::is_faulty(const BlockReference& reference) const {
  return fault_of(reference, allocated_.size(), crc_holds_).has_value();
}

// --- A count that is wrong

/// How many references there seem to be, whatever the count says.
std::size_t IndexReader::plausible_references() const {
  std::size_t count = 0;
  while (count < geometry_.max_blocks() &&
         format::load_reference(page0_, count) != BlockReference{}) {
    ++count;
  }
  return count;
}

/// References may stand behind the count before they are counted; their pages are then free. If the
/// committed state has them allocated, it has counted them.
Status IndexReader::count_hidden_blocks() {
  std::size_t count = count_;
  for (; count < geometry_.max_blocks() && fit_the_file(count + 1); ++count) {
    TRY_ASSIGN(const bool there, is_block_in_use(count));
    if (!there) break;
  }
  if (count == count_) return {};
  findings_.add(ProblemCode::HiddenBlocks, kPage0,
                "the superblock counts " + std::to_string(count_) + " directory blocks, and " +
                    std::to_string(count) + " are there");
  count_ = count;
  return {};
}

Result<bool> IndexReader::is_block_in_use(std::size_t block) {
  const BlockReference reference = format::load_reference(page0_, block);
  if (is_faulty(reference) || !is_allocated(reference.page_a) || !is_allocated(reference.page_b)) {
    return false;
  }
  TRY_ASSIGN(const Copies copies, reader_.copies(reference));
  return copies[0].has_value() || copies[1].has_value();
}

// --- A CRC that does not hold

/// Whether sectors of two versions that we wrote one after the other stand side by side.
Result<bool> IndexReader::is_torn_by_crash() {
  if (!fit_the_file(count_)) return false;
  std::vector<BlockReference> references = as_counted().references;
  std::vector<CopyGenerations> generations;
  for (BlockReference& reference : references) {
    TRY_ASSIGN(const Copies copies, reader_.copies(reference));
    generations.push_back(generations_of(copies));
    reference.active =
        active_by_generation(reference, generations.back(), metadata_.committed).value_or(0);
  }
  return is_torn_by_us(page0_, {.references = references,
                                .generations = generations,
                                .committed = metadata_.committed,
                                .pending = metadata_.pending});
}

/// Puts one bit of the index back if that makes the CRC hold and makes sense. A bit does not flip
/// in a crash.
Result<bool> IndexReader::mend_flipped_bit() {
  const auto bit = find_flipped_bit(page0_);
  if (!bit) return false;
  std::vector<std::byte> mended = page0_;
  mended[*bit / 8] ^= static_cast<std::byte>(1U << *bit % 8);
  TRY_ASSIGN(const bool sensible, makes_sense(mended, *bit / 8));
  if (!sensible) return false;
  findings_.add(ProblemCode::IndexCrc, kPage0,
                "one bit of byte " + std::to_string(*bit / 8) +
                    " has flipped: the checksum of the directory index tells which");
  page0_ = std::move(mended);
  mended_bit_ = *bit;
  crc_holds_ = true;
  count_ = count_in(page0_);
  return true;
}

/// Whether the byte is worse as it is than as it would be mended.
Result<bool> IndexReader::makes_sense(std::span<const std::byte> mended, std::size_t at) {
  if (!metadata_.known) return false;
  if (at >= geometry_.crc_offset()) return true;
  if (at < superblock::kReferences) return count_makes_sense(count_in(mended));
  const std::size_t block = (at - superblock::kReferences) / superblock::kReferenceSize;
  const std::size_t field = (at - superblock::kReferences) % superblock::kReferenceSize;
  if (block >= count_) return is_blank(mended, count_);
  if (field == superblock::kReferenceActive.offset) return selector_makes_sense(block);
  const bool second = field >= superblock::kReferencePageB.offset;
  return page_makes_sense(format::load_reference(page0_, block),
                          format::load_reference(mended, block), second ? 1 : 0);
}

/// More blocks must be there, fewer must not.
Result<bool> IndexReader::count_makes_sense(std::size_t count) {
  if (count > geometry_.max_blocks() || !fit_the_file(count)) return false;
  for (std::size_t block = count_; block < count; ++block) {
    TRY_ASSIGN(const bool there, is_block_in_use(block));
    if (!there) return false;
  }
  return count > count_ || is_blank(page0_, count);
}

/// Beside a selector that a group of ours was inverting stands a copy of that group. One that the
/// crate was inverting would name a copy that the crate wrote.
Result<bool> IndexReader::selector_makes_sense(std::size_t block) {
  const BlockReference reference = format::load_reference(page0_, block);
  if (reference.active > 1) return true;
  if (!mark_ || metadata_.pending || metadata_.is_older) return false;
  TRY_ASSIGN(const Copies copies, reader_.copies(reference));
  const auto& is = copies[reference.active];
  const auto& would_be = copies[1U - reference.active];
  const auto is_of_last_group = [this](const auto& copy) {
    return copy && (is_same(copy->generation, metadata_.committed) ||
                    newer_by(copy->generation, metadata_.committed) != 0);
  };
  return would_be && would_be->generation.value != 0 && !is_of_last_group(would_be) &&
         !is_of_last_group(is);
}

Result<bool> IndexReader::page_makes_sense(const BlockReference& reference,
                                           const BlockReference& mended, unsigned which) {
  if (is_faulty(mended)) return false;
  TRY_ASSIGN(const auto better, reader_.directory(mended.copy(which)));
  if (!better) return false;
  if (is_faulty(reference)) return true;
  TRY_ASSIGN(const auto worse, reader_.directory(reference.copy(which)));
  return !worse;
}

}  // namespace mappedpages::mppg0
