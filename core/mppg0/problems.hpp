// Every problem that opening or checking a file can report, in one place. The same table for
// people: core/FORMAT.md, "Problem codes".
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "mappedpages/report.hpp"

namespace mappedpages::mppg0 {

enum class ProblemCode : std::uint8_t {
  // The file, and the fixed fields of page 0.
  NotAPagerFile,
  FileCutShort,
  UnsupportedVersion,
  UnknownVersion,
  PageSize,
  ActiveMetadata,
  UnknownMark,
  SuperblockConstant,
  // Metadata pages.
  Metadata,
  MetadataCrc,
  MetadataTotal,
  MetadataBitsPastTotal,
  MetadataReservedFree,
  MetadataFreeCount,
  StaleMetadata,
  GenerationTooHigh,
  // The index of directory blocks.
  IndexCrc,
  DirectoryCount,
  HiddenBlocks,
  ReferenceReserved,
  ReferencePastEnd,
  ReferenceSamePage,
  ReferenceInUse,
  ReferenceSelector,
  // Directory pages and their entries.
  Directory,
  DirectoryCrc,
  DirectoryCapacity,
  DirectoryEntry,
  EntryReserved,
  EntryPastEnd,
  EntrySamePage,
  EntryInUse,
  NamedNotAllocated,
  // Contents.
  ProtectedCrc,
  NeverWritten,
  // What a crash leaves.
  IndexTorn,
  UncommittedMetadata,
  UncommittedDirectory,
  InactiveMetadataCrc,
  InactiveMetadataTotal,
  InactiveMetadataBitsPastTotal,
  InactiveMetadataReservedFree,
  InactiveMetadataFreeCount,
  InactiveDirectoryCrc,
  InactiveDirectoryCapacity,
  InactiveDirectoryEntry,
  // Of opening alone.
  NotReserved,
};

/// What is the same wherever a problem is found.
struct ProblemFacts {
  ProblemCode code;
  std::string_view name;  ///< As in `Problem::code`.
  Severity severity;

  /// Whether opening the file with `recover`, and writing on, mends it. Nothing is mended in a file
  /// that cannot be opened.
  bool repairable;
};

inline constexpr bool kMendable = true;
inline constexpr bool kLasting = false;

inline constexpr std::array kProblems{
    ProblemFacts{ProblemCode::NotAPagerFile, "not-a-pager-file", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::FileCutShort, "file-cut-short", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::UnsupportedVersion, "unsupported-version", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::UnknownVersion, "unknown-version", Severity::Warning, kLasting},
    ProblemFacts{ProblemCode::PageSize, "page-size", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::ActiveMetadata, "active-metadata", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::UnknownMark, "unknown-mark", Severity::Warning, kMendable},
    ProblemFacts{ProblemCode::SuperblockConstant, "superblock-constant", Severity::Warning,
                 kMendable},

    ProblemFacts{ProblemCode::Metadata, "metadata", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::MetadataCrc, "metadata-crc", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::MetadataTotal, "metadata-total", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::MetadataBitsPastTotal, "metadata-bits-past-total", Severity::Error,
                 kMendable},
    ProblemFacts{ProblemCode::MetadataReservedFree, "metadata-reserved-free", Severity::Error,
                 kMendable},
    ProblemFacts{ProblemCode::MetadataFreeCount, "metadata-free-count", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::StaleMetadata, "stale-metadata", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::GenerationTooHigh, "generation-too-high", Severity::Error, kLasting},

    ProblemFacts{ProblemCode::IndexCrc, "index-crc", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::DirectoryCount, "directory-count", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::HiddenBlocks, "hidden-blocks", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::ReferenceReserved, "reference-reserved", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::ReferencePastEnd, "reference-past-end", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::ReferenceSamePage, "reference-same-page", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::ReferenceInUse, "reference-in-use", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::ReferenceSelector, "reference-selector", Severity::Error, kMendable},

    ProblemFacts{ProblemCode::Directory, "directory", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::DirectoryCrc, "directory-crc", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::DirectoryCapacity, "directory-capacity", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::DirectoryEntry, "directory-entry", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::EntryReserved, "entry-reserved", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::EntryPastEnd, "entry-past-end", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::EntrySamePage, "entry-same-page", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::EntryInUse, "entry-in-use", Severity::Error, kMendable},
    ProblemFacts{ProblemCode::NamedNotAllocated, "named-not-allocated", Severity::Error, kMendable},

    ProblemFacts{ProblemCode::ProtectedCrc, "protected-crc", Severity::Error, kLasting},
    ProblemFacts{ProblemCode::NeverWritten, "never-written", Severity::Note, kMendable},

    ProblemFacts{ProblemCode::IndexTorn, "index-torn", Severity::Note, kMendable},
    ProblemFacts{ProblemCode::UncommittedMetadata, "uncommitted-metadata", Severity::Note,
                 kMendable},
    ProblemFacts{ProblemCode::UncommittedDirectory, "uncommitted-directory", Severity::Note,
                 kMendable},
    ProblemFacts{ProblemCode::InactiveMetadataCrc, "inactive-metadata-crc", Severity::Note,
                 kMendable},
    ProblemFacts{ProblemCode::InactiveMetadataTotal, "inactive-metadata-total", Severity::Note,
                 kMendable},
    ProblemFacts{ProblemCode::InactiveMetadataBitsPastTotal, "inactive-metadata-bits-past-total",
                 Severity::Note, kMendable},
    ProblemFacts{ProblemCode::InactiveMetadataReservedFree, "inactive-metadata-reserved-free",
                 Severity::Note, kMendable},
    ProblemFacts{ProblemCode::InactiveMetadataFreeCount, "inactive-metadata-free-count",
                 Severity::Note, kMendable},
    ProblemFacts{ProblemCode::InactiveDirectoryCrc, "inactive-directory-crc", Severity::Note,
                 kMendable},
    ProblemFacts{ProblemCode::InactiveDirectoryCapacity, "inactive-directory-capacity",
                 Severity::Note, kMendable},
    ProblemFacts{ProblemCode::InactiveDirectoryEntry, "inactive-directory-entry", Severity::Note,
                 kMendable},

    ProblemFacts{ProblemCode::NotReserved, "not-reserved", Severity::Note, kLasting},
};

/// So that a code is an index, and none is missing.
constexpr bool problems_are_complete() {
  for (std::size_t i = 0; i < kProblems.size(); ++i) {
    if (static_cast<std::size_t>(kProblems[i].code) != i) return false;
  }
  return kProblems.back().code == ProblemCode::NotReserved;
}
static_assert(problems_are_complete());

constexpr const ProblemFacts& facts_of(ProblemCode code) {
  return kProblems[static_cast<std::size_t>(code)];
}

/// The code of that name. Names come from the decoders (format/defect.hpp), which know no table;
/// the tests of the codes see to it that each is here.
inline ProblemCode code_named(std::string_view name) {
  const auto* const found = std::ranges::find(kProblems, name, &ProblemFacts::name);
  assert(found != kProblems.end());
  return found->code;
}

inline Problem problem_of(ProblemCode code, std::string where, std::string detail) {
  const ProblemFacts& facts = facts_of(code);
  return {std::string(facts.name), facts.severity, std::move(where), std::move(detail),
          facts.repairable};
}

}  // namespace mappedpages::mppg0
