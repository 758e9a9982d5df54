#include "mppg0/recovery.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "base/try.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mppg0/commit_rule.hpp"
#include "mppg0/directory_generation.hpp"
#include "mppg0/findings.hpp"
#include "mppg0/index_reader.hpp"
#include "mppg0/mend.hpp"
#include "mppg0/page_reader.hpp"
#include "mppg0/validate.hpp"

namespace mappedpages::mppg0 {
namespace {

using format::BlockReference;
using format::MetadataPage;
namespace superblock = format::superblock;

/// A reference that was left out, so that the blocks behind it keep their numbers.
constexpr BlockReference kLeftOut{};

constexpr const char* kPage0 = "page 0";

std::string copy_name(unsigned which) {
  return which == 0 ? "A" : "B";
}

std::string metadata_name(unsigned which) {
  return "page " + std::to_string(format::kMetadataPages[which].value);
}

std::string block_name(std::size_t block) {
  return "directory block " + std::to_string(block);
}

class Recovery {
 public:
  Recovery(const io::StorageFile& file, std::uint64_t size, format::SuperblockHeader header,
           format::Geometry geometry, Findings& findings)
      : reader_(file, geometry, size),
        header_(header),
        geometry_(geometry),
        findings_(findings),
        page0_(geometry.page_size()),
        recovered_(State(geometry)) {
    recovered_.mark = header.mark;
    recovered_.state.version = header.version;
  }

  /// None if not even page 0 is there.
  Result<std::optional<Recovered>> run() {
    check_smallest_size();
    TRY_ASSIGN(const bool there, reader_.read(format::kSuperblockPage, page0_));
    if (!there) return std::nullopt;
    check_fixed_fields();
    TRY(choose_metadata());
    IndexReader index_reader(reader_, geometry_, page0_, header_, facts_, state().allocated,
                             findings_, recovered_.report.actions);
    TRY_ASSIGN(index_, index_reader.read());
    recovered_.mended_bit = index_.mended_bit;
    TRY(distrust_byte_12());
    note_uncommitted_metadata();
    check_length();
    named_ = Bitmap(state().allocated.size());
    for (const BlockReference& reference : index_.references) {
      TRY_ASSIGN(const bool taken, choose_directory(reference));
      if (!taken) break;
    }
    for (const std::size_t block : recovered_.to_rewrite) TRY(leave_out_strangers(block));
    derive_and_validate(recovered_, findings_);
    return std::move(recovered_);
  }

 private:
  /// An older copy of a directory may name pages that were freed since, and are somebody else's
  /// now. So an entry of one counts only if its page holds the bytes that it tells of.
  Status leave_out_strangers(std::size_t block) {
    const BlockEntries& entries = *state().contents[block];
    std::shared_ptr<BlockEntries> kept;
    for (std::size_t slot = 0; slot < entries.slots.size(); ++slot) {
      const format::DirectoryEntry& entry = entries.slots[slot];
      // What the crate allocated and never wrote has no bytes of its own.
      if (!entry.in_use || entry.generation == 0) continue;
      std::vector<std::byte> content(geometry_.page_size());
      TRY_ASSIGN(const bool there, reader_.read(entry.active_page(), content));
      if (there && crc32(content) == entry.content_crc) continue;
      const std::uint64_t number = geometry_.protected_number(block, slot).value;
      findings_.add(ProblemCode::EntryInUse, "protected " + std::to_string(number),
                    "an older directory page names page " +
                        std::to_string(entry.active_page().value) +
                        ", which holds other bytes; the entry is left out");
      if (!kept) kept = std::make_shared<BlockEntries>(entries);
      kept->slots[slot] = {};
      --kept->in_use;
    }
    if (kept) state().contents[block] = kept;
    return {};
  }

  State& state() { return recovered_.state; }
  [[nodiscard]] std::string this_block() const {
    return block_name(recovered_.state.references.size());
  }

  void saw(Generation generation, const std::string& where) {
    if (generation <= recovered_.newest) return;
    recovered_.newest = generation;
    recovered_.newest_where = where;
  }

  // --- The file, and the fixed fields of page 0

  void check_smallest_size() {
    const std::uint64_t least = format::kMinTotalPages.value * geometry_.page_size();
    cut_short_ = reader_.file_size() < least;
    if (!cut_short_) return;
    findings_.refuse(ProblemCode::FileCutShort, ErrorCode::CorruptSuperblock, "file",
                     "the file is cut short: it has " + std::to_string(reader_.file_size()) +
                         " bytes, and the smallest with its page size has " +
                         std::to_string(least));
  }

  /// What no writer leaves, and no reader depends on.
  void check_fixed_fields() {
    constexpr format::Version kFirst{0, 1, 0, 0};
    if (header_.version != kFirst && header_.version != format::kNewestVersion) {
      findings_.add(ProblemCode::UnknownVersion, kPage0,
                    "its version is neither 0.1.0.0 nor 0.2.0.0, which are all that there are");
    }
    const auto mark = std::span(page0_).subspan(superblock::kMark.offset, superblock::kMark.size);
    if (!header_.mark && std::ranges::any_of(mark, [](std::byte b) { return b != std::byte{0}; })) {
      findings_.add(ProblemCode::UnknownMark, kPage0,
                    "bytes 13 to 15, which say who wrote the file last, are nobody's; it is taken "
                    "for the Rust crate's");
    }
    // Of anything that ends in its own CRC32; of nothing, whose CRC32 is 0.
    const std::uint32_t constant = crc32(std::array<std::byte, 4>{});
    if (load_le<std::uint32_t>(page0_, superblock::kMetadataCrc.offset) != constant) {
      findings_.add(ProblemCode::SuperblockConstant, kPage0,
                    "bytes 16 to 19 are not what they always are");
    }
  }

  // --- Metadata

  /// Byte 12 names the metadata page in force. If that one has rotted, the other.
  Status choose_metadata() {
    for (unsigned which : {0U, 1U}) {
      TRY_ASSIGN(auto decoded, reader_.metadata(which));
      if (decoded) saw(decoded->generation, metadata_name(which));
      metadata_[which] = std::move(decoded);
    }
    const unsigned named = named_metadata();
    if (metadata_[named]) {
      if (const auto& other = metadata_[1 - named]; !other) {
        findings_.add(code_named("inactive-" + std::string(other.error().code)),
                      metadata_name(1 - named),
                      "the metadata page not in force is torn: " + other.error().detail);
      }
      use_metadata(named);
    } else if (metadata_[1 - named]) {
      findings_.add(code_named(metadata_[named].error().code), metadata_name(named),
                    "the metadata page in force is damaged (" + metadata_[named].error().detail +
                        "); the other one, which may be older, is used");
      facts_.is_older = true;
      use_metadata(1 - named);
    } else {
      refuse_metadata();
    }
    return {};
  }

  unsigned named_metadata() {
    if (header_.active_metadata <= 1) return header_.active_metadata;
    findings_.refuse(ProblemCode::ActiveMetadata, ErrorCode::CorruptSuperblock, kPage0,
                     "byte 12 of the superblock, which names the metadata page, is " +
                         std::to_string(header_.active_metadata));
    const bool second =
        metadata_[1] && (!metadata_[0] || metadata_[1]->generation > metadata_[0]->generation);
    return second ? 1 : 0;
  }

  void use_metadata(unsigned which) {
    const auto& other = metadata_[1 - which];
    facts_.known = true;
    facts_.committed = metadata_[which]->generation;
    facts_.pending = other && other->generation > facts_.committed
                         ? std::optional(other->generation)
                         : std::nullopt;
    state().active_metadata = static_cast<std::uint8_t>(which);
    state().generation = facts_.committed;
    state().allocated = metadata_[which]->allocated;
  }

  /// What is not known is not judged: every page that the file has counts as allocated.
  void refuse_metadata() {
    for (unsigned which : {0U, 1U}) {
      findings_.add(code_named(metadata_[which].error().code), metadata_name(which),
                    "the metadata page is damaged: " + metadata_[which].error().detail);
    }
    findings_.refuse(
        ProblemCode::Metadata, ErrorCode::CorruptMetadata, "pages 1 and 2",
        "neither metadata page can be used: the first: " + metadata_[0].error().detail +
            "; the second: " + metadata_[1].error().detail);
    const std::uint64_t pages = std::max(reader_.pages(), format::kMinTotalPages.value);
    state().allocated = Bitmap(pages);
    for (std::uint64_t page = 0; page < pages; ++page) state().allocated.set(page);
  }

  /// Where page 0's CRC holds, the directory pages in force are no newer than the metadata: a crash
  /// cannot leave that. Then byte 12, which that CRC does not cover, has flipped.
  Status distrust_byte_12() {
    if (!recovered_.mark || !index_.crc_holds || !commit_rule().generation64 || !facts_.pending) {
      return {};
    }
    const auto& references = index_.references;
    if (references.size() > reader_.pages() / 2) return {};  // They have no two pages each.
    for (std::size_t block = 0; block < references.size(); ++block) {
      if (references[block].active > 1) continue;
      TRY_ASSIGN(const auto page,
                 reader_.directory(references[block].copy(references[block].active)));
      if (!page || newer_by(page->generation, facts_.committed) == 0) continue;
      findings_.add(ProblemCode::StaleMetadata, kPage0,
                    "byte 12 names the older metadata page: " + block_name(block) +
                        " is newer; the other one is used");
      use_metadata(1U - state().active_metadata);
      return {};
    }
    return {};
  }

  void note_uncommitted_metadata() {
    if (!facts_.pending) return;
    findings_.add(ProblemCode::UncommittedMetadata, metadata_name(1U - state().active_metadata),
                  "a metadata page newer than the one in force, of a group that was not committed");
  }

  void check_length() {
    // Directories may name pages that the file had and the older metadata does not know.
    if (facts_.is_older && reader_.pages() > state().allocated.size()) {
      state().allocated.resize(reader_.pages());
    }
    const std::uint64_t needed = state().total().value * geometry_.page_size();
    if (cut_short_ || !facts_.known || reader_.file_size() >= needed) return;
    findings_.refuse(ProblemCode::FileCutShort, ErrorCode::CorruptMetadata, "file",
                     "the file is cut short: it has " + std::to_string(reader_.file_size()) +
                         " bytes, and its " + std::to_string(state().total().value) +
                         " pages need " + std::to_string(needed));
  }

  // --- Directories

  /// Decides which copy of the block is in force and takes it. False: the walk ends here.
  Result<bool> choose_directory(const BlockReference& reference) {
    if (const auto fault = fault_of(reference)) {
      if (index_.longest_prefix) return false;
      findings_.refuse(fault->code, ErrorCode::CorruptDirectoryIndex, this_block(), fault->why);
      leave_out(kLeftOut);
      return true;
    }
    named_.set(reference.page_a.value);
    named_.set(reference.page_b.value);
    TRY_ASSIGN(Copies copies, reader_.copies(reference));
    damage_told_ = false;
    if (const auto choice = choose_copy(reference, copies)) {
      take(reference, copies, *choice);
      return true;
    }
    if (index_.longest_prefix) return false;
    refuse_directory(reference, copies);
    return true;
  }

  /// Also looks at the references before it, so that no page is read for many of them.
  [[nodiscard]] std::optional<ReferenceFault> fault_of(const BlockReference& reference) const {
    if (auto fault = mppg0::fault_of(reference, named_.size(), index_.crc_holds)) return fault;
    for (const PageNumber page : {reference.page_a, reference.page_b}) {
      if (!named_.test(page.value)) continue;
      return ReferenceFault{
          ProblemCode::ReferenceInUse,
          "it names page " + std::to_string(page.value) + ", which is another block's"};
    }
    return std::nullopt;
  }

  void refuse_directory(const BlockReference& reference, const Copies& copies) {
    for (unsigned which : {0U, 1U}) {
      findings_.add(code_named(copies[which].error().code), this_block(),
                    "copy " + copy_name(which) + ", page " +
                        std::to_string(reference.copy(which).value) +
                        ", is damaged: " + copies[which].error().detail);
    }
    findings_.refuse(ProblemCode::Directory, ErrorCode::CorruptProtectedDirectory, this_block(),
                     "neither of its pages " + std::to_string(reference.page_a.value) + " and " +
                         std::to_string(reference.page_b.value) + " can be used");
    leave_out(reference);
  }

  /// A block of which nothing is known but, perhaps, its pages. All such have one list of entries:
  /// there can be very many.
  void leave_out(const BlockReference& reference) {
    if (!nothing_) {
      auto entries = std::make_shared<BlockEntries>();
      entries->slots.resize(geometry_.slots_per_block());
      nothing_ = std::move(entries);
    }
    state().references.push_back(reference);
    state().contents.push_back(nothing_);
  }

  /// Which copy is in force: core/FORMAT.md, "Recovery". None if neither can be.
  std::optional<unsigned> choose_copy(const BlockReference& reference, const Copies& copies) {
    if (recovered_.mark) saw_generations(copies);
    if (!recovered_.mark) return named_or_other(reference, copies);
    if (index_.crc_holds) {
      if (const auto of_last_group = unnamed_of_last_group(reference, copies)) {
        note_torn_sector();
        return of_last_group;
      }
      return named_or_other(reference, copies);
    }
    return choose_by_generation(reference, copies);
  }

  /// The copy that the committed group wrote, if the selector names a whole one that it did not
  /// write. If sectors of page 0 are written whole there is none; but byte 12, which the CRC does
  /// not cover, stands before the selectors of its sector.
  [[nodiscard]] std::optional<unsigned> unnamed_of_last_group(const BlockReference& reference,
                                                              const Copies& copies) const {
    if (reference.active > 1 || facts_.is_older) return std::nullopt;
    const unsigned other = 1U - reference.active;
    const auto& named = copies[reference.active];
    const auto& unnamed = copies[other];
    const bool is_cut = named && !is_same(named->generation, facts_.committed) && unnamed &&
                        is_same(unnamed->generation, facts_.committed);
    return is_cut ? std::optional(other) : std::nullopt;
  }

  void note_torn_sector() {
    if (torn_sector_told_) return;
    torn_sector_told_ = true;
    findings_.add(ProblemCode::IndexTorn, kPage0,
                  "its first sector was not written whole: directory copies of the last group are "
                  "taken, although the selectors name others");
    recovered_.report.actions.emplace_back(
        "page 0 is torn: directory copies are chosen by their generation");
  }

  void saw_generations(const Copies& copies) {
    for (const auto& copy : copies) {
      const std::uint64_t newer = copy ? newer_by(copy->generation, facts_.committed) : 0;
      if (newer != 0) saw(Generation{facts_.committed.value + newer}, this_block());
    }
  }

  /// The selector stands. If what it names has rotted, the other copy.
  std::optional<unsigned> named_or_other(const BlockReference& reference, const Copies& copies) {
    const unsigned named = reference.active;
    if (named > 1) {
      return undamaged_copy(copies, ProblemCode::ReferenceSelector, "its selector is damaged");
    }
    if (copies[named]) return named;
    return undamaged_copy(copies, code_named(copies[named].error().code),
                          copies[named].error().detail);
  }

  /// Page 0 is torn, so its selectors may be of the group that ran: the generations decide.
  std::optional<unsigned> choose_by_generation(const BlockReference& reference,
                                               const Copies& copies) {
    const CopyGenerations generations = generations_of(copies);
    const auto active = active_by_generation(reference, generations, facts_.committed);
    if (active) return *active;
    const unsigned named = reference.active;
    if (named > 1 || !copies[named]) return named_or_other(reference, copies);
    // The copy that the selector names is newer than what is committed, so the other one was in
    // force.
    const auto& other = copies[1 - named];
    return undamaged_copy(
        copies, other ? ProblemCode::StaleMetadata : code_named(other.error().code),
        other ? "both copies are newer than what is committed" : "its committed copy is damaged");
  }

  /// Damage: any copy that can be read, the newer one if both can.
  std::optional<unsigned> undamaged_copy(const Copies& copies, ProblemCode code,
                                         const std::string& why) {
    if (!copies[0] && !copies[1]) return std::nullopt;
    const unsigned best =
        !copies[0] || (copies[1] && copies[1]->generation > copies[0]->generation) ? 1 : 0;
    findings_.add(code, this_block(),
                  "the directory page in force is damaged (" + why + "); copy " + copy_name(best) +
                      ", which may be older, is used");
    recovered_.to_rewrite.push_back(state().references.size());
    damage_told_ = true;
    return best;
  }

  void take(BlockReference reference, Copies& copies, unsigned choice) {
    if (!recovered_.mark) {
      // Whatever it looks like: after a failed flush the cache can show other bytes than the disk
      // has.
      recovered_.to_scrub.push_back(state().references.size());
      saw(copies[choice]->generation, this_block());
    }
    if (!damage_told_) judge_generations(copies, choice);
    reference.active = static_cast<std::uint8_t>(choice);
    auto contents = std::make_shared<BlockEntries>();
    contents->slots = std::move(copies[choice]->entries);
    contents->in_use = static_cast<std::size_t>(
        std::ranges::count_if(contents->slots, [](const auto& entry) { return entry.in_use; }));
    state().references.push_back(reference);
    state().contents.push_back(std::move(contents));
  }

  void judge_generations(const Copies& copies, unsigned choice) {
    const auto& other = copies[1 - choice];
    if (!other) {
      findings_.add(
          code_named("inactive-" + std::string(other.error().code)), this_block(),
          "copy " + copy_name(1 - choice) + ", not in force, is torn or was never written");
    }
    if (!recovered_.mark || !facts_.known || facts_.is_older) return;
    if (newer_by(copies[choice]->generation, facts_.committed) != 0) {
      findings_.add(ProblemCode::StaleMetadata, this_block(),
                    "the directory page in force is newer than the metadata page in force");
    } else if (other && newer_by(other->generation, facts_.committed) != 0) {
      findings_.add(ProblemCode::UncommittedDirectory, this_block(),
                    "copy " + copy_name(1 - choice) + " is of a group that was not committed");
    }
  }

  PageReader reader_;
  const format::SuperblockHeader header_;
  const format::Geometry geometry_;
  Findings& findings_;
  std::vector<std::byte> page0_;
  bool cut_short_ = false;    ///< And told.
  bool damage_told_ = false;  ///< Of the present block.
  bool torn_sector_told_ = false;
  std::array<format::Decoded<MetadataPage>, 2> metadata_;
  MetadataFacts facts_;
  DirectoryIndex index_;
  std::shared_ptr<const BlockEntries> nothing_;
  Bitmap named_;  ///< By the references so far.
  Recovered recovered_;
};

ProblemCode code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotAPagerFile:
      return ProblemCode::NotAPagerFile;
    case ErrorCode::UnsupportedVersion:
      return ProblemCode::UnsupportedVersion;
    case ErrorCode::InvalidPageSize:
      return ProblemCode::PageSize;
    default:
      return ProblemCode::FileCutShort;
  }
}

/// A file of which nothing can be told.
Examination refused(const Error& error) {
  const ProblemCode code = code_of(error.code());
  const bool of_file = code == ProblemCode::NotAPagerFile || code == ProblemCode::FileCutShort;
  Findings findings;
  findings.refuse(code, error.code(), of_file ? "file" : kPage0, error.context());
  return {.problems = findings.take(), .refusal = findings.refusal(), .found = std::nullopt};
}

}  // namespace

Result<Examination> examine(const io::StorageFile& file) {
  TRY_ASSIGN(const std::uint64_t size, file.size());
  std::array<std::byte, superblock::kReferences> first{};
  const auto head = std::span(first).first(std::min<std::uint64_t>(size, first.size()));
  TRY(file.read_at(0, head));
  const auto header = format::decode_superblock_header(head);
  if (!header) return refused(header.error());
  const auto geometry = format::Geometry::of_log2(header->page_size_log2);
  if (!geometry) return refused(geometry.error());
  Findings findings;
  Recovery recovery(file, size, *header, *geometry, findings);
  TRY_ASSIGN(auto found, recovery.run());
  if (found) found->report.damaged = findings.damaged();
  return Examination{
      .problems = findings.take(), .refusal = findings.refusal(), .found = std::move(found)};
}

Result<Recovered> recover(const io::StorageFile& file) {
  TRY_ASSIGN(Examination examination, examine(file));
  if (examination.refusal) return tl::unexpected(*std::move(examination.refusal));
  Recovered recovered = *std::move(examination.found);
  recovered.report.problems = std::move(examination.problems);
  return recovered;
}

}  // namespace mappedpages::mppg0
