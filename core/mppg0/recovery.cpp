#include "mppg0/recovery.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/try.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mppg0/commit_rule.hpp"
#include "mppg0/directory_generation.hpp"
#include "mppg0/mend.hpp"
#include "mppg0/validate.hpp"

namespace mappedpages::mppg0 {
namespace {

using format::BlockReference;
using format::DirectoryPage;
using format::MetadataPage;

/// The two copies of one directory page; a copy that could not be decoded is a Defect.
using Copies = std::array<format::Decoded<DirectoryPage>, 2>;

std::string copy_name(unsigned which) {
  return which == 0 ? "A" : "B";
}

class Recovery {
 public:
  Recovery(const io::StorageFile& file, format::SuperblockHeader header, format::Geometry geometry)
      : file_(file),
        header_(header),
        geometry_(geometry),
        page0_(geometry.page_size()),
        recovered_(State(geometry)) {
    recovered_.mark = header.mark;
    recovered_.state.version = header.version;
  }

  Result<Recovered> run() {
    TRY(read_page(format::kSuperblockPage, page0_));
    crc_holds_ = format::index_crc_holds(page0_);
    TRY(choose_metadata());
    TRY_ASSIGN(const std::vector<BlockReference> references, choose_references());
    TRY(check_length());
    for (const BlockReference& reference : references) {
      TRY_ASSIGN(const bool taken, choose_directory(reference));
      if (!taken) break;
    }
    TRY(derive_and_validate(recovered_));
    return std::move(recovered_);
  }

 private:
  State& state() { return recovered_.state; }

  Status read_page(PageNumber page, std::span<std::byte> out) const {
    TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(page));
    return file_.read_at(offset, out);
  }

  void note(std::string code, Severity severity, std::string where, std::string detail) {
    if (severity == Severity::Error) recovered_.report.damaged = true;
    recovered_.report.problems.push_back(
        {std::move(code), severity, std::move(where), std::move(detail), true});
  }

  void action(std::string text) { recovered_.report.actions.push_back(std::move(text)); }

  void saw(Generation generation) { recovered_.newest = std::max(recovered_.newest, generation); }

  // --- Metadata

  /// Byte 12 names the metadata page in force. If that one has rotted, the other.
  Status choose_metadata() {
    if (header_.active_metadata > 1) {
      return tl::unexpected(Error(ErrorCode::CorruptSuperblock,
                                  "byte 12 of the superblock, which names the metadata page, is " +
                                      std::to_string(header_.active_metadata)));
    }
    std::vector<std::byte> page(geometry_.page_size());
    std::array<std::optional<MetadataPage>, 2> copies;
    std::array<format::Defect, 2> defects;
    for (unsigned which : {0U, 1U}) {
      TRY(read_page(format::kMetadataPages[which], page));
      auto decoded = format::decode_metadata_page(geometry_, page);
      if (decoded) {
        saw(decoded->generation);
        copies[which] = *std::move(decoded);
      } else {
        defects[which] = std::move(decoded).error();
      }
    }
    unsigned active = header_.active_metadata;
    if (!copies[active] && !copies[1 - active]) {
      return tl::unexpected(Error(ErrorCode::CorruptMetadata,
                                  "neither metadata page can be used: page 1: " +
                                      defects[0].detail + "; page 2: " + defects[1].detail));
    }
    if (!copies[active]) {
      note(std::string(defects[active].code), Severity::Error, metadata_name(active),
           "the metadata page in force is damaged (" + defects[active].detail +
               "); the other one, which may be older, is used");
      active = 1 - active;
      metadata_is_older_ = true;
    } else if (!copies[1 - active]) {
      note("inactive-" + std::string(defects[1 - active].code), Severity::Note,
           metadata_name(1 - active),
           "the metadata page not in force is torn: " + defects[1 - active].detail);
    }
    state().active_metadata = static_cast<std::uint8_t>(active);
    state().generation = copies[active]->generation;
    state().allocated = std::move(copies[active]->allocated);
    return {};
  }

  static std::string metadata_name(unsigned which) {
    return "page " + std::to_string(format::kMetadataPages[which].value);
  }

  Status check_length() {
    TRY_ASSIGN(const std::uint64_t size, file_.size());
    if (metadata_is_older_) {
      // Directories may name pages that the file had and the older metadata does not know.
      const std::uint64_t pages =
          std::min(size / geometry_.page_size(), geometry_.capacity().value);
      if (pages > state().allocated.size()) state().allocated.resize(pages);
    }
    TRY_ASSIGN(const std::uint64_t needed, geometry_.file_size(state().total()));
    if (size >= needed) return {};
    return tl::unexpected(Error(ErrorCode::CorruptMetadata,
                                "the file is cut short: it has " + std::to_string(size) +
                                    " bytes, and its " + std::to_string(state().total().value) +
                                    " pages need " + std::to_string(needed)));
  }

  // --- The index of directory blocks

  Result<std::vector<BlockReference>> choose_references() {
    const std::size_t count = header_.block_count;
    if (count > geometry_.max_blocks()) {
      return tl::unexpected(Error(ErrorCode::CorruptDirectoryIndex,
                                  "the superblock counts " + std::to_string(count) +
                                      " directory blocks, and at most " +
                                      std::to_string(geometry_.max_blocks()) + " fit"));
    }
    if (!recovered_.mark && !crc_holds_) return references_torn_by_crate(count);
    if (!crc_holds_) action("page 0 is torn: directory copies are chosen by their generation");
    return load_references(count);
  }

  [[nodiscard]] std::vector<BlockReference> load_references(std::size_t count) const {
    std::vector<BlockReference> references;
    for (std::size_t i = 0; i < count; ++i) references.push_back(format::load_reference(page0_, i));
    return references;
  }

  std::vector<BlockReference> references_torn_by_crate(std::size_t count) {
    if (count == 0 && index_is_blank()) return {};  // The crate does not look at the CRC then.
    if (auto mended = mend_references(geometry_, page0_, count)) {
      action("page 0 is torn: the directory index that its checksum belongs to is restored");
      return *std::move(mended);
    }
    note("index-crc", Severity::Error, "page 0",
         "the checksum of the directory index does not match; the leading references whose "
         "directory pages are valid are used");
    longest_prefix_ = true;
    return load_references(count == 0 ? plausible_references() : count);
  }

  [[nodiscard]] bool index_is_blank() const {
    const auto references = std::span(page0_).first(geometry_.crc_offset());
    return std::ranges::all_of(references.subspan(format::superblock::kReferences),
                               [](std::byte b) { return b == std::byte{0}; });
  }

  /// How many references there would be if a count of zero were wrong.
  [[nodiscard]] std::size_t plausible_references() const {
    std::size_t count = 0;
    while (count < geometry_.max_blocks() &&
           format::load_reference(page0_, count) != BlockReference{}) {
      ++count;
    }
    return count;
  }

  // --- Directories

  /// Decides which copy of the block is in force and takes it. False: the walk ends here.
  Result<bool> choose_directory(const BlockReference& reference) {
    if (const std::string why = unusable(reference); !why.empty()) {
      if (longest_prefix_) return false;
      return tl::unexpected(Error(ErrorCode::CorruptDirectoryIndex, block_name() + " " + why));
    }
    TRY_ASSIGN(Copies copies, read_copies(reference));
    const auto choice = choose_copy(reference, copies);
    if (!choice) {
      if (longest_prefix_) return false;
      return tl::unexpected(Error(ErrorCode::CorruptProtectedDirectory,
                                  block_name() + ": neither of its pages " +
                                      std::to_string(reference.page_a.value) + " and " +
                                      std::to_string(reference.page_b.value) + " can be used"));
    }
    take(reference, copies, *choice);
    return true;
  }

  [[nodiscard]] std::string block_name() const {
    return "directory block " + std::to_string(recovered_.state.references.size());
  }

  [[nodiscard]] std::string unusable(const BlockReference& reference) const {
    if (reference.page_a == reference.page_b) return "names one page for both copies";
    const auto [low, high] = std::minmax(reference.page_a.value, reference.page_b.value);
    if (low < format::kFirstDataPage.value) return "names reserved page " + std::to_string(low);
    if (high >= recovered_.state.allocated.size()) {
      return "names page " + std::to_string(high) + ", past the end";
    }
    if (reference.active > 1 && crc_holds_) return "has a selector that is neither 0 nor 1";
    return {};
  }

  Result<Copies> read_copies(const BlockReference& reference) const {
    std::vector<std::byte> page(geometry_.page_size());
    TRY(read_page(reference.page_a, page));
    auto a = format::decode_directory_page(geometry_, page);
    TRY(read_page(reference.page_b, page));
    return Copies{std::move(a), format::decode_directory_page(geometry_, page)};
  }

  /// Which copy is in force: core/FORMAT.md, "Recovery". None if neither can be.
  std::optional<unsigned> choose_copy(const BlockReference& reference, const Copies& copies) {
    if (!recovered_.mark || (crc_holds_ && commit_rule().crc_first)) {
      if (recovered_.mark) saw_generations(copies);
      return named_or_other(reference, copies);
    }
    return choose_by_generation(reference, copies);
  }

  void saw_generations(const Copies& copies) {
    for (const auto& copy : copies) {
      if (!copy) continue;
      saw(Generation{state().generation.value + newer_by(copy->generation, state().generation)});
    }
  }

  /// The selector stands. If what it names has rotted, the other copy.
  std::optional<unsigned> named_or_other(const BlockReference& reference, const Copies& copies) {
    if (reference.active > 1) return undamaged_copy(copies, "its selector is damaged");
    if (copies[reference.active]) return reference.active;
    return undamaged_copy(copies, copies[reference.active].error().detail);
  }

  /// Page 0 is torn, so its selectors may be of the group that ran: the generations decide.
  std::optional<unsigned> choose_by_generation(const BlockReference& reference,
                                               const Copies& copies) {
    saw_generations(copies);
    const Generation committed = state().generation;
    std::array<bool, 2> left_out{};
    for (unsigned which : {0U, 1U}) {
      if (!copies[which]) continue;
      if (is_same(copies[which]->generation, committed)) return which;
      left_out[which] = newer_by(copies[which]->generation, committed) != 0;
    }
    const unsigned named = reference.active;
    if (named > 1) return undamaged_copy(copies, "its selector is damaged");
    if (copies[named] && !left_out[named]) return named;
    if (left_out[named] && copies[1 - named] && !left_out[1 - named]) return 1 - named;
    return undamaged_copy(
        copies, left_out[named] ? "its committed copy is damaged" : copies[named].error().detail);
  }

  /// Damage: any copy that can be read, the newer one if both can.
  std::optional<unsigned> undamaged_copy(const Copies& copies, const std::string& why) {
    if (!copies[0] && !copies[1]) return std::nullopt;
    const unsigned best =
        !copies[0] || (copies[1] && copies[1]->generation > copies[0]->generation) ? 1 : 0;
    note("directory-crc", Severity::Error, block_name(),
         "the directory page in force is damaged (" + why + "); copy " + copy_name(best) +
             ", which may be older, is used");
    recovered_.to_rewrite.push_back(state().references.size());
    return best;
  }

  void take(BlockReference reference, Copies& copies, unsigned choice) {
    const std::size_t block = state().references.size();
    const auto& other = copies[1 - choice];
    // Whatever it looks like: after a failed flush the cache can show other bytes than the disk
    // has.
    if (!recovered_.mark) recovered_.to_scrub.push_back(block);
    if (!other && !recovered_.report.damaged) {
      note("inactive-" + std::string(other.error().code), Severity::Note, block_name(),
           "copy " + copy_name(1 - choice) + ", not in force, is torn or was never written");
    }
    reference.active = static_cast<std::uint8_t>(choice);
    auto contents = std::make_shared<BlockEntries>();
    contents->slots = std::move(copies[choice]->entries);
    contents->in_use = static_cast<std::size_t>(
        std::ranges::count_if(contents->slots, [](const auto& entry) { return entry.in_use; }));
    state().references.push_back(reference);
    state().contents.push_back(std::move(contents));
  }

  const io::StorageFile& file_;
  const format::SuperblockHeader header_;
  const format::Geometry geometry_;
  std::vector<std::byte> page0_;
  bool crc_holds_ = false;
  bool metadata_is_older_ = false;
  bool longest_prefix_ = false;
  Recovered recovered_;
};

}  // namespace

Result<Recovered> recover(const io::StorageFile& file) {
  TRY_ASSIGN(const std::uint64_t size, file.size());
  std::array<std::byte, format::superblock::kReferences> first{};
  const auto head = std::span(first).first(std::min<std::uint64_t>(size, first.size()));
  TRY(file.read_at(0, head));
  TRY_ASSIGN(const format::SuperblockHeader header, format::decode_superblock_header(head));
  TRY_ASSIGN(const format::Geometry geometry, format::Geometry::of_log2(header.page_size_log2));
  TRY_ASSIGN(const std::uint64_t least, geometry.file_size(format::kMinTotalPages));
  if (size < least) {
    return tl::unexpected(Error(ErrorCode::CorruptSuperblock,
                                "the file is cut short: it has " + std::to_string(size) +
                                    " bytes, and the smallest with its page size has " +
                                    std::to_string(least)));
  }
  return Recovery(file, header, geometry).run();
}

}  // namespace mappedpages::mppg0
