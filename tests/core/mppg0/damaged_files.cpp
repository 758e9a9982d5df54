#include "damaged_files.hpp"

#include <algorithm>
#include <iterator>

namespace mappedpages::test {
namespace {

constexpr const char* kBlock0 = "directory block 0";

// --- Edits

template <class T>
void edit_index(SampleFile& file, std::size_t offset, T value) {
  file.store(offset, value);
  file.seal(0);
}

/// `offset` is that of a field in slot 1.
template <class T>
void edit_entry(SampleFile& file, std::size_t offset, T value) {
  file.store(file.entry(1) + offset, value);
  file.seal(file.directory_in_force());
}

/// Clears the bit of an allocated page.
void free_in_bitmap(SampleFile& file, std::uint64_t page, std::uint64_t metadata) {
  file.flip(file.at(metadata, kBitmap + page / 8), 1U << page % 8);
  const std::size_t count = file.at(metadata, kFreeCount);
  file.store(count, file.load<std::uint64_t>(count) + 1);
  file.seal(metadata);
}

/// A second directory block on the given pages, counted.
void add_reference(SampleFile& file, std::uint64_t page_a, std::uint64_t page_b) {
  file.store(kBlockCount, std::uint32_t{2});
  file.store(kReference + kReferenceSize, page_a);
  file.store(kReference + kReferenceSize + 8, page_b);
  file.seal(0);
}

void restore_page0(SampleFile& file, std::size_t from, std::size_t end) {
  std::copy(file.before.begin() + static_cast<std::ptrdiff_t>(from),
            file.before.begin() + static_cast<std::ptrdiff_t>(end),
            file.bytes.begin() + static_cast<std::ptrdiff_t>(from));
}

// --- The damaged files

std::vector<Case> of_the_file() {
  return {
      {"BadMagic", [](SampleFile& f) { f.flip(0); }, {error("not-a-pager-file", "file")}},
      {"Empty", [](SampleFile& f) { f.bytes.clear(); }, {error("not-a-pager-file", "file")}},
      {"CutInTheSuperblock",
       [](SampleFile& f) { f.bytes.resize(10); },
       {error("file-cut-short", "file")}},
      {"CutInPage0", [](SampleFile& f) { f.bytes.resize(600); }, {error("file-cut-short", "file")}},
      {"CutBeforePage2",
       [](SampleFile& f) { f.bytes.resize(2 * f.kPage); },
       {error("file-cut-short", "file"), error("metadata-crc", "page 2"),
        error("directory-crc", kBlock0), error("directory-crc", kBlock0),
        error("directory", kBlock0)}},
      {"CutByAFreePage",
       [](SampleFile& f) { f.bytes.resize(15 * f.kPage); },
       {error("file-cut-short", "file")}},
      {"CutByAByte", [](SampleFile& f) { f.bytes.pop_back(); }, {error("file-cut-short", "file")}},
      {"CutByAProtectedPage",
       [](SampleFile& f) { f.bytes.resize(10 * f.kPage); },
       {error("file-cut-short", "file"), error("protected-crc", "protected 1")}},
      {"NewerMinor",
       [](SampleFile& f) { f.bytes[5] = std::byte{3}; },
       {error("unsupported-version", "page 0")}},
      {"NewerMajor",
       [](SampleFile& f) { f.bytes[4] = std::byte{1}; },
       {error("unsupported-version", "page 0")}},
      {"OddVersion",
       [](SampleFile& f) { f.bytes[6] = std::byte{9}; },
       {{"unknown-version", "page 0", Severity::Warning, false}}},
      {"PageSize",
       [](SampleFile& f) { f.bytes[8] = std::byte{40}; },
       {error("page-size", "page 0")}},
      {"Byte12", [](SampleFile& f) { f.flip(12, 2); }, {error("active-metadata", "page 0")}},
      {"Mark",
       [](SampleFile& f) { f.flip(14); },
       {{"unknown-mark", "page 0", Severity::Warning, true}}},
      {"Constant",
       [](SampleFile& f) { f.flip(17); },
       {{"superblock-constant", "page 0", Severity::Warning, true}}},
  };
}

/// The last group left the metadata page in force in page 2 or 1: `SampleFile` says which.
std::vector<Case> of_metadata() {
  const SampleFile sound;
  const std::string in_force = place(sound.metadata_in_force());
  const std::string other = place(sound.other_metadata());
  return {
      {"BothMetadata",
       [](SampleFile& f) {
         f.rot(1);
         f.rot(2);
       },
       {error("metadata-crc", "page 1"), error("metadata-crc", "page 2"),
        error("metadata", "pages 1 and 2")}},
      {"MetadataCrc",
       [](SampleFile& f) { f.rot(f.metadata_in_force()); },
       {mendable("metadata-crc", in_force)}},
      {"TotalTooSmall",
       [](SampleFile& f) { edit_metadata(f, f.metadata_in_force(), kTotal, std::uint64_t{3}); },
       {mendable("metadata-total", in_force)}},
      {"TotalBeyondTheCapacity",
       [](SampleFile& f) { edit_metadata(f, f.metadata_in_force(), kTotal, std::uint64_t{7969}); },
       {mendable("metadata-total", in_force)}},
      {"TotalWhosePagesOverflow",
       [](SampleFile& f) { edit_metadata(f, f.metadata_in_force(), kTotal, kFarAway); },
       {mendable("metadata-total", in_force)}},
      {"BitsPastTheTotal",
       [](SampleFile& f) { edit_metadata(f, f.metadata_in_force(), kBitmap + 2, std::uint8_t{1}); },
       {mendable("metadata-bits-past-total", in_force)}},
      {"ReservedPageFree",
       [](SampleFile& f) { free_in_bitmap(f, 0, f.metadata_in_force()); },
       {mendable("metadata-reserved-free", in_force)}},
      {"FreeCount",
       [](SampleFile& f) { edit_metadata(f, f.metadata_in_force(), kFreeCount, std::uint64_t{5}); },
       {mendable("metadata-free-count", in_force)}},
      {"Byte12NamesTheOlderMetadata",
       [](SampleFile& f) { f.flip(12); },
       {mendable("stale-metadata", "page 0")}},
      {"DirectoryNewerThanTheMetadata",
       [](SampleFile& f) {
         f.store(f.at(f.directory_in_force(), 4), std::uint32_t{1000});
         f.seal(f.directory_in_force());
       },
       {mendable("stale-metadata", kBlock0)}},
      {"GenerationTooHigh",
       [](SampleFile& f) {
         edit_metadata(f, f.metadata_in_force(), kGeneration, (std::uint64_t{1} << 63U) + 1);
       },
       {error("generation-too-high", in_force)}},
      {"InactiveMetadataCrc",
       [](SampleFile& f) { f.rot(f.other_metadata()); },
       {note("inactive-metadata-crc", other)}},
      {"InactiveTotal",
       [](SampleFile& f) { edit_metadata(f, f.other_metadata(), kTotal, std::uint64_t{0}); },
       {note("inactive-metadata-total", other)}},
      {"InactiveBitsPastTheTotal",
       [](SampleFile& f) { edit_metadata(f, f.other_metadata(), kBitmap + 9, std::uint8_t{64}); },
       {note("inactive-metadata-bits-past-total", other)}},
      {"InactiveReservedPageFree",
       [](SampleFile& f) { free_in_bitmap(f, 2, f.other_metadata()); },
       {note("inactive-metadata-reserved-free", other)}},
      {"InactiveFreeCount",
       [](SampleFile& f) { edit_metadata(f, f.other_metadata(), kFreeCount, kFarAway); },
       {note("inactive-metadata-free-count", other)}},
      {"GroupThatWasNotCommitted",
       [](SampleFile& f) { restore_page0(f, 0, f.kPage); },
       {note("uncommitted-metadata", in_force), note("uncommitted-directory", kBlock0)}},
  };
}

std::vector<Case> of_the_index() {
  const std::string other_metadata = place(SampleFile().other_metadata());
  return {
      {"IndexBitInAPageNumber",
       [](SampleFile& f) { f.flip(kReference + 1); },
       {mendable("index-crc", "page 0")}},
      {"IndexBitInAPageNumberBesideARottedPage",
       [](SampleFile& f) {
         f.rot(f.other_directory());
         f.flip(kReference + 8 * (1U - f.load<std::uint8_t>(kReference + 16)), 2);
       },
       {mendable("index-crc", "page 0"), note("inactive-directory-crc", kBlock0)}},
      {"IndexBitsInTwoPlaces",
       [](SampleFile& f) {
         f.flip(kReference + 1);
         f.flip(900);
       },
       {error("index-crc", "page 0"), error("reference-past-end", kBlock0)}},
      {"IndexBitInTheCrc",
       [](SampleFile& f) { f.flip(f.kPage - 1); },
       {mendable("index-crc", "page 0")}},
      {"IndexBitInTheCount",
       [](SampleFile& f) { f.flip(kBlockCount); },
       {mendable("index-crc", "page 0")}},
      {"IndexBitBehindTheCount",
       [](SampleFile& f) { f.flip(900); },
       {note("index-torn", "page 0")}},
      {"IndexOfTheCrateBeyondMending",
       [](SampleFile& f) {
         f.unmark();
         f.garble_index_crc();
       },
       {mendable("index-crc", "page 0")}},
      {"CountBeyondWhatFits",
       [](SampleFile& f) { edit_index(f, kBlockCount, std::uint32_t{300}); },
       {error("directory-count", "page 0")}},
      {"CountThatHidesABlock",
       [](SampleFile& f) {
         f.store(kBlockCount, std::uint32_t{0});
         f.garble_index_crc();
       },
       {mendable("index-crc", "page 0"), mendable("hidden-blocks", "page 0")}},
      {"CountOfZeroByTheCrate",
       [](SampleFile& f) {
         f.unmark();
         f.store(kBlockCount, std::uint32_t{0});
         f.garble_index_crc();
       },
       {mendable("index-crc", "page 0"), mendable("hidden-blocks", "page 0")}},
      {"ReferenceToAReservedPage",
       [](SampleFile& f) { edit_index(f, kReference, std::uint64_t{2}); },
       {error("reference-reserved", kBlock0)}},
      {"ReferencePastTheEnd",
       [](SampleFile& f) { edit_index(f, kReference + 8, std::uint64_t{16}); },
       {error("reference-past-end", kBlock0)}},
      {"ReferenceThatOverflows",
       [](SampleFile& f) { edit_index(f, kReference + 8, kFarAway); },
       {error("reference-past-end", kBlock0)}},
      {"ReferenceToOnePageTwice",
       [](SampleFile& f) { edit_index(f, kReference, f.load<std::uint64_t>(kReference + 8)); },
       {error("reference-same-page", kBlock0)}},
      {"TwoBlocksOnOnePage",
       [](SampleFile& f) {
         add_reference(f, f.load<std::uint64_t>(kReference), 12);
         f.flip(kReference + kReferenceSize + 16, f.load<std::uint8_t>(kReference + 16));
         free_in_bitmap(f, 12, f.metadata_in_force());  // Allocates it: the bit was clear.
         edit_metadata(f, f.metadata_in_force(), kFreeCount, std::uint64_t{3});
         std::copy_n(f.bytes.begin() + static_cast<std::ptrdiff_t>(f.at(f.directory_in_force(), 0)),
                     f.kPage, f.bytes.begin() + static_cast<std::ptrdiff_t>(f.at(12, 0)));
         // Without entries, so that only the reference is wrong.
         for (std::uint64_t page : {f.load<std::uint64_t>(kReference), std::uint64_t{12}}) {
           for (std::size_t slot : {0U, 1U}) f.store(f.at(page, 8 + 30 * slot), std::uint8_t{0});
           f.seal(page);
         }
       },
       {error("reference-in-use", "directory block 1")}},
      {"SelectorUnderACrcThatHolds",
       [](SampleFile& f) { edit_index(f, kReference + 16, std::uint8_t{2}); },
       {error("reference-selector", kBlock0)}},
      {"SelectorUnderNoCrc",
       [](SampleFile& f) {
         const std::uint64_t directory = f.directory_in_force();
         f.store(f.at(directory, 4), std::uint32_t{1});  // Not of the last group.
         f.seal(directory);
         f.store(kReference + 16, std::uint8_t{0x86});
         f.garble_index_crc();
       },
       {mendable("index-crc", "page 0"), mendable("reference-selector", kBlock0)}},
      {"Page0TornByACrash",
       [](SampleFile& f) { restore_page0(f, 512, f.kPage); },
       {note("index-torn", "page 0")}},
      {"Page0TornByTheFirstCommitOfTheCrate",
       [](SampleFile& f) {
         const std::uint64_t other = f.other_directory();
         f.store(f.at(other, 4), std::uint32_t{0});
         f.seal(other);
         f.store(f.at(f.directory_in_force(), 4), std::uint32_t{1});  // Not of the last group.
         f.seal(f.directory_in_force());
         f.flip(kReference + 16);
         f.seal(0);
         f.flip(kReference + 16);  // Our first sector, with the mark, and the crate's last one.
         edit_metadata(f, f.other_metadata(), kGeneration, std::uint64_t{1000});
       },
       {note("index-torn", "page 0"), note("uncommitted-metadata", other_metadata)}},
      {"SelectorThatNoGroupInverted",
       [](SampleFile& f) {
         f.store(f.at(f.directory_in_force(), 4), std::uint32_t{2});
         f.seal(f.directory_in_force());
         f.flip(kReference + 16);
       },
       {mendable("index-crc", "page 0")}},
      {"Page0TornByTheCrate",
       [](SampleFile& f) {
         f.unmark();
         f.flip(kReference + 16);  // The CRC is that of the other selector.
       },
       {note("index-torn", "page 0")}},
  };
}

std::vector<Case> of_directories() {
  return {
      {"BothDirectoryPages",
       [](SampleFile& f) {
         f.rot(f.directory_in_force());
         f.rot(f.other_directory());
       },
       {error("directory-crc", kBlock0), error("directory-crc", kBlock0),
        error("directory", kBlock0)}},
      {"DirectoryCrc",
       [](SampleFile& f) { f.rot(f.directory_in_force()); },
       {mendable("directory-crc", kBlock0)}},
      {"DirectoryCapacity",
       [](SampleFile& f) {
         f.store(f.at(f.directory_in_force(), 0), std::uint32_t{34});
         f.seal(f.directory_in_force());
       },
       {mendable("directory-capacity", kBlock0)}},
      {"EntryInUseBy2",
       [](SampleFile& f) { edit_entry(f, 0, std::uint8_t{2}); },
       {mendable("directory-entry", kBlock0)}},
      {"EntryActiveSlot2",
       [](SampleFile& f) { edit_entry(f, 17, std::uint8_t{2}); },
       {mendable("directory-entry", kBlock0)}},
      {"EntryOnAReservedPage",
       [](SampleFile& f) { edit_entry(f, 1, std::uint64_t{0}); },
       {error("entry-reserved", "protected 1")}},
      {"EntryPastTheEnd",
       [](SampleFile& f) { edit_entry(f, 9, std::uint64_t{16}); },
       {error("entry-past-end", "protected 1")}},
      {"EntryThatOverflows",
       [](SampleFile& f) { edit_entry(f, 9, kFarAway); },
       {error("entry-past-end", "protected 1")}},
      {"EntryOnOnePageTwice",
       [](SampleFile& f) { edit_entry(f, 9, std::uint64_t{10}); },
       {error("entry-same-page", "protected 1")}},
      {"EntryOnTheDirectory",
       [](SampleFile& f) { edit_entry(f, 1, f.other_directory()); },
       {error("entry-in-use", "protected 1")}},
      {"TwoEntriesOnOnePage",
       [](SampleFile& f) { edit_entry(f, 1, std::uint64_t{8}); },
       {error("entry-in-use", "protected 1")}},
      {"EntriesOfAnOlderCopy",
       [](SampleFile& f) {
         const std::uint64_t older = f.other_directory();
         f.rot(f.directory_in_force());
         f.flip(kReference + 16);  // So that `edit_entry` means the older one.
         edit_entry(f, 9, std::uint64_t{99});
         f.flip(kReference + 16);
         f.seal(older);
       },
       {mendable("directory-crc", kBlock0), mendable("entry-past-end", "protected 1")}},
      {"ProtectedPageNotAllocated",
       [](SampleFile& f) { free_in_bitmap(f, 10, f.metadata_in_force()); },
       {mendable("named-not-allocated", "protected 1")}},
      {"DirectoryNotAllocated",
       [](SampleFile& f) { free_in_bitmap(f, 7, f.metadata_in_force()); },
       {mendable("named-not-allocated", kBlock0)}},
      {"InactiveDirectoryCrc",
       [](SampleFile& f) { f.rot(f.other_directory()); },
       {note("inactive-directory-crc", kBlock0)}},
      {"InactiveDirectoryCapacity",
       [](SampleFile& f) {
         f.store(f.at(f.other_directory(), 0), std::uint32_t{0});
         f.seal(f.other_directory());
       },
       {note("inactive-directory-capacity", kBlock0)}},
      {"InactiveDirectoryEntry",
       [](SampleFile& f) {
         f.store(f.at(f.other_directory(), 8), std::uint8_t{7});
         f.seal(f.other_directory());
       },
       {note("inactive-directory-entry", kBlock0)}},
  };
}

std::vector<Case> of_contents() {
  return {
      {"Content",
       [](SampleFile& f) { f.rot(f.content_in_force(1)); },
       {error("protected-crc", "protected 1")}},
      {"ContentThatTheCrateNeverWrote",
       [](SampleFile& f) {
         edit_entry(f, 18, std::uint64_t{0});
         edit_entry(f, 26, std::uint32_t{12345});
       },
       {note("never-written", "protected 1")}},
      {"Everything",
       [](SampleFile& f) {
         f.flip(12, 4);
         f.flip(17);
         f.rot(f.content_in_force(0));
         edit_entry(f, 9, kFarAway);
         f.rot(2);
         f.rot(1);
         edit_index(f, kReference + kReferenceSize, std::uint64_t{77});
         edit_index(f, kBlockCount, std::uint32_t{2});
       },
       {error("active-metadata", "page 0"),
        error("metadata-crc", "page 1"),
        error("metadata-crc", "page 2"),
        error("metadata", "pages 1 and 2"),
        error("reference-reserved", "directory block 1"),
        error("entry-past-end", "protected 1"),
        error("protected-crc", "protected 0"),
        {"superblock-constant", "page 0", Severity::Warning, false}}},
  };
}

}  // namespace

std::vector<Case> damaged_files() {
  std::vector<Case> all;
  for (auto* group : {of_the_file, of_metadata, of_the_index, of_directories, of_contents}) {
    std::ranges::move(group(), std::back_inserter(all));
  }
  return all;
}

}  // namespace mappedpages::test
