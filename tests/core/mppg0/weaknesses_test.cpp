// Weaknesses of the Rust crate that are not about crashes, each by name: that the crate's own rules
// have it, where they can be tried, and that ours do not. The table: core/DESIGN.md. Those about
// crashes: crash/weaknesses_test.cpp.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "damaged_files.hpp"
#include "io/posix_file.hpp"
#include "support/crate_writer.hpp"
#include "support/faulty_file.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {
namespace {

namespace fs = std::filesystem;

class Nobody final : public CrateListener {
  void may_become(const FileView&) override {}
  void has_become(const FileView&) override {}
};

/// What the crate has in memory of the file; a failed test and nothing if it refuses.
std::optional<CrateState> crate_state(const std::vector<std::byte>& bytes) {
  const CrashImage image(bytes, bytes.size());
  auto state = crate_open(image, SampleFile::kPage);
  EXPECT_TRUE(state) << state.error();
  return state ? std::optional(*std::move(state)) : std::nullopt;
}

FileView crate_view_of(const std::vector<std::byte>& bytes) {
  const auto state = crate_state(bytes);
  return state ? state->view() : FileView{};
}

Result<std::unique_ptr<Engine>> open(const std::shared_ptr<MemoryBytes>& memory,
                                     const OpenOptions& options = {}) {
  return Engine::open(std::make_unique<MemoryFile>(memory), options);
}

bool is_reported(const SampleFile& file, const std::string& code) {
  const auto report = Engine::check(MemoryFile(file.memory()));
  return report && !report->ok && std::ranges::count(report->problems, code, &Problem::code) > 0;
}

/// The crate opens it and says nothing; we refuse to write to it, and the check says why.
void expect_crate_alone_takes_it(const SampleFile& file, const std::string& code) {
  EXPECT_TRUE(crate_state(file.bytes));
  const auto memory = file.memory();
  EXPECT_FALSE(open(memory)) << code;
  EXPECT_EQ(memory->bytes, file.bytes) << "refused, and changed";
  EXPECT_TRUE(is_reported(file, code)) << code;
}

template <class T>
void edit_entry(SampleFile& file, std::size_t slot, std::size_t offset, T value) {
  file.store(file.entry(slot) + offset, value);
  file.seal(file.directory_in_force());
}

/// The newest protected page is allocated by the last group; then its metadata page rots, and the
/// other one has the new page's copies as free.
TEST(WeaknessOfTheCrate, StaleFallbackHandsOutLivePages) {
  SampleFile file;
  auto memory = file.memory();
  ProtectedNumber newest;
  ProtectedInfo live;
  const std::vector<std::byte> content = SampleFile::content(7);
  {
    const auto engine = SampleFile::open(memory, {});
    Change change;
    change.alloc_protected = PageCount{1};
    newest = engine->commit(change)->protected_pages.front();
    live = *engine->info(newest);
  }
  file.bytes = memory->bytes;
  file.rot(file.metadata_in_force());
  // The crate takes the other page, and then one that is in use.
  Disk disk(file.bytes);
  Nobody nobody;
  CrateWriter crate(disk, *crate_state(file.bytes), nobody);
  ASSERT_TRUE(crate.alloc());
  EXPECT_TRUE(crate.state().allocated.at(live.page_a.value));
  EXPECT_EQ(crate_view(crate.state(), CrashImage(disk.cache(), disk.cache().size()), true).error(),
            "a copy of a protected page is not allocated");
  // We say that it is damaged, and when told to go on we keep what is named.
  expect_crate_alone_takes_it(file, "metadata-crc");
  memory = file.memory();
  const auto engine = SampleFile::open(memory, {.recover = true});
  const std::vector<PageNumber> pages = *engine->alloc_bulk(PageCount{20});
  for (const PageNumber page : pages) {
    EXPECT_NE(page, live.page_a);
    EXPECT_NE(page, live.page_b);
  }
  std::vector<std::byte> bytes(SampleFile::kPage, std::byte{1});
  EXPECT_TRUE(engine->read(newest, bytes));
}

/// A write that the disk lost leaves, where the new page should be, that of two commits ago, whose
/// checksum is right.
TEST(WeaknessOfTheCrate, AStaleCopyTwoCommitsOldPasses) {
  SampleFile file;
  const std::vector<std::byte> two_commits_ago = file.bytes;
  const auto memory = file.memory();
  {
    const auto engine = SampleFile::open(memory, {});  // Commits, too.
    SampleFile::commit(*engine, 0, SampleFile::content(1));
  }
  const auto lose = [&](SampleFile& lost, std::uint64_t page) {
    const auto begin = two_commits_ago.begin() + static_cast<std::ptrdiff_t>(lost.at(page, 0));
    std::copy_n(begin, SampleFile::kPage,
                lost.bytes.begin() + static_cast<std::ptrdiff_t>(lost.at(page, 0)));
  };
  SampleFile metadata;
  metadata.bytes = memory->bytes;
  lose(metadata, metadata.metadata_in_force());
  ASSERT_NE(metadata.bytes, memory->bytes);
  expect_crate_alone_takes_it(metadata, "stale-metadata");

  // Of a directory page: the content that its entry tells of is there no more, and never served.
  SampleFile directory;
  directory.bytes = memory->bytes;
  lose(directory, directory.directory_in_force());
  ASSERT_NE(directory.bytes, memory->bytes);
  const FileView crate = crate_view_of(directory.bytes);
  EXPECT_NE(crate, crate_view_of(memory->bytes)) << "the crate takes the old directory";
  std::vector<std::byte> bytes(SampleFile::kPage);
  const auto engine = SampleFile::open(directory.memory(), {});
  EXPECT_EQ(engine->read(ProtectedNumber{0}, bytes).error().code(), ErrorCode::ChecksumMismatch);
  EXPECT_TRUE(is_reported(directory, "protected-crc"));
}

TEST(WeaknessOfTheCrate, DirectoryFallbackResurrectsFreedEntries) {
  SampleFile file;
  const auto memory = file.memory();
  {
    const auto engine = SampleFile::open(memory, {});
    SampleFile::require(engine->free_protected(ProtectedNumber{1}));
    const auto pages = engine->alloc_bulk(PageCount{2});
    for (const PageNumber page : *pages) {
      SampleFile::require(engine->write(page, 0, SampleFile::content(9)));
    }
  }
  file.bytes = memory->bytes;
  ASSERT_EQ(crate_view_of(file.bytes).protected_pages.size(), 1U);
  file.rot(file.directory_in_force());
  EXPECT_EQ(crate_view_of(file.bytes).protected_pages.size(), 2U) << "the freed one is back";
  expect_crate_alone_takes_it(file, "directory-crc");
  const auto engine = SampleFile::open(file.memory(), {.recover = true});
  EXPECT_FALSE(engine->info(ProtectedNumber{1}));
}

TEST(WeaknessOfTheCrate, PanicAtCapacity) {
  const auto memory = std::make_shared<MemoryBytes>();
  MemoryFile file(memory);
  constexpr std::uint64_t kCapacity = 7968;
  SampleFile::require(mppg0::format_file(file, SampleFile::kPage, PageCount{4096}));
  const auto engine = SampleFile::open(memory, {});
  SampleFile::require(engine->alloc_bulk(PageCount{4096 - 3}));
  // The crate doubles the file, to more pages than its bitmap has bits.
  Disk disk(memory->bytes);
  Nobody nobody;
  CrateWriter crate(disk, *crate_state(memory->bytes), nobody);
  EXPECT_FALSE(crate.alloc());
  EXPECT_TRUE(engine->alloc());
  EXPECT_EQ(engine->counts().total, PageCount{kCapacity});
  EXPECT_TRUE(engine->alloc_bulk(engine->counts().free));
  EXPECT_EQ(engine->alloc().error().code(), ErrorCode::Full);
  EXPECT_EQ(engine->alloc_protected().error().code(), ErrorCode::Full);
  EXPECT_TRUE(engine->free(PageNumber{kCapacity - 1}));
  EXPECT_EQ(*engine->alloc(), PageNumber{kCapacity - 1});
}

TEST(WeaknessOfTheCrate, TotalPagesBeyondTheFile) {
  SampleFile file;
  for (const std::uint64_t page : {1U, 2U}) {
    edit_metadata(file, page, kTotal, std::uint64_t{17});
    edit_metadata(file, page, kFreeCount, file.load<std::uint64_t>(file.at(page, kFreeCount)) + 1);
  }
  // Which then reads behind the end of its mapping.
  const CrashImage image(file.bytes, file.bytes.size());
  EXPECT_EQ(crate_open(image, SampleFile::kPage).error(), "panic: the file is too short");
  for (const Access access : {Access::ReadOnly, Access::ReadWrite}) {
    const auto engine = open(file.memory(), {.access = access, .recover = true});
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code(), ErrorCode::CorruptMetadata);
  }
  EXPECT_TRUE(is_reported(file, "file-cut-short"));
}

TEST(WeaknessOfTheCrate, ReservedBitsClearSoThatPage0IsHandedOut) {
  SampleFile file;
  const std::uint64_t page = file.metadata_in_force();
  file.flip(file.at(page, kBitmap));
  edit_metadata(file, page, kFreeCount, file.load<std::uint64_t>(file.at(page, kFreeCount)) + 1);
  EXPECT_FALSE(crate_state(file.bytes)->allocated.at(0)) << "its lowest free page";
  expect_crate_alone_takes_it(file, "metadata-reserved-free");
  const auto engine = SampleFile::open(file.memory(), {.recover = true});
  EXPECT_GE(*engine->alloc(), PageNumber{3});
  EXPECT_EQ(engine->use_of(PageNumber{0}), PageUse::Reserved);
}

TEST(WeaknessOfTheCrate, EntriesOutOfRange) {
  for (const std::uint64_t page : {std::uint64_t{16}, kFarAway}) {
    SampleFile file;
    edit_entry(file, 1, 9, page);
    expect_crate_alone_takes_it(file, "entry-past-end");
  }
  SampleFile file;
  edit_entry(file, 1, 1, std::uint64_t{0});
  expect_crate_alone_takes_it(file, "entry-reserved");
}

TEST(WeaknessOfTheCrate, EntriesDoubled) {
  SampleFile file;
  edit_entry(file, 1, 1, file.load<std::uint64_t>(file.entry(0) + 1));
  edit_entry(file, 1, 9, file.load<std::uint64_t>(file.entry(0) + 9));
  expect_crate_alone_takes_it(file, "entry-in-use");
  SampleFile same;
  edit_entry(same, 1, 9, same.load<std::uint64_t>(same.entry(1) + 1));
  expect_crate_alone_takes_it(same, "entry-same-page");
}

TEST(WeaknessOfTheCrate, EntriesOverlapping) {
  SampleFile other;
  edit_entry(other, 1, 9, other.load<std::uint64_t>(other.entry(0) + 1));
  expect_crate_alone_takes_it(other, "entry-in-use");
  SampleFile directory;
  edit_entry(directory, 1, 9, directory.other_directory());
  expect_crate_alone_takes_it(directory, "entry-in-use");
}

TEST(WeaknessOfTheCrate, ADirectoryCountOfZeroSkipsTheCrc) {
  SampleFile file;
  file.flip(kBlockCount);
  EXPECT_TRUE(crate_view_of(file.bytes).protected_pages.empty()) << "one flipped bit";
  EXPECT_TRUE(is_reported(file, "index-crc"));
  EXPECT_FALSE(open(file.memory()));
  for (const OpenOptions& options :
       {OpenOptions{.access = Access::ReadOnly}, OpenOptions{.recover = true}}) {
    const auto engine = SampleFile::open(file.memory(), options);
    EXPECT_EQ(engine->counts().protected_pages, PageCount{2});
  }
}

TEST(WeaknessOfTheCrate, ContentCrcNeverChecked) {
  SampleFile file;
  const FileView sound = crate_view_of(file.bytes);
  file.rot(file.content_in_force(1));
  EXPECT_EQ(crate_view_of(file.bytes), sound) << "it knows the checksum, and does not look";
  const auto engine = SampleFile::open(file.memory(), {});
  std::vector<std::byte> bytes(SampleFile::kPage);
  EXPECT_EQ(engine->read(ProtectedNumber{1}, bytes).error().code(), ErrorCode::ChecksumMismatch);
  EXPECT_TRUE(engine->read(ProtectedNumber{0}, bytes));
  EXPECT_TRUE(is_reported(file, "protected-crc"));
}

/// The crate hands out the copy that is not in force, as it is: what was committed before the last
/// commit. Whoever changes a part of it takes the rest back by one commit.
TEST(WeaknessOfTheCrate, WriterStartsFromStaleBytes) {
  const SampleFile file;
  const auto page = [&file](std::uint64_t number) {
    const auto begin = file.bytes.begin() + static_cast<std::ptrdiff_t>(file.at(number, 0));
    return std::vector<std::byte>(begin, begin + SampleFile::kPage);
  };
  const std::vector<std::byte> committed = page(file.content_in_force(0));
  const std::vector<std::byte> stale = page(file.other_content(0));
  ASSERT_NE(committed, stale);
  const auto engine = SampleFile::open(file.memory(), {});
  auto writer = engine->writer(ProtectedNumber{0});
  ASSERT_TRUE(writer);
  EXPECT_TRUE(std::ranges::equal(writer->bytes(), committed));
  writer->bytes()[0] = std::byte{0};
  ASSERT_TRUE(writer->commit());
  std::vector<std::byte> expected = committed;
  expected[0] = std::byte{0};
  std::vector<std::byte> bytes(SampleFile::kPage);
  ASSERT_TRUE(engine->read(ProtectedNumber{0}, bytes));
  EXPECT_EQ(bytes, expected);
}

TEST(WeaknessOfTheCrate, FreeAcceptsInternalPages) {
  const SampleFile file;
  for (const std::uint64_t page : {file.directory_in_force(), file.other_directory(),
                                   file.content_in_force(0), file.other_content(1)}) {
    Disk disk(file.bytes);
    Nobody nobody;
    CrateWriter crate(disk, *crate_state(file.bytes), nobody);
    ASSERT_TRUE(crate.free(page));
    EXPECT_FALSE(crate_view(crate.state(), CrashImage(disk.cache(), disk.cache().size()), false))
        << "the crate frees a page that it needs";
    const auto engine = SampleFile::open(file.memory(), {});
    EXPECT_EQ(engine->free(PageNumber{page}).error().code(), ErrorCode::InternalPage);
    EXPECT_EQ(engine->use_of(PageNumber{page}), PageUse::Internal);
  }
}

TEST(WeaknessOfTheCrate, NoLockBetweenProcesses) {
  const TempDir dir;
  const fs::path path = dir / "db";
  ASSERT_TRUE(Engine::create(path, {.page_size = SampleFile::kPage}));
  const auto writer = Engine::open(path);
  ASSERT_TRUE(writer);
  for (const Access access : {Access::ReadWrite, Access::ReadOnly}) {
    const auto second = Engine::open(path, {.access = access});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::Locked);
  }
}

/// The crate makes its file longer and reserves nothing: on a full disk a store into the mapping is
/// a signal.
TEST(WeaknessOfTheCrate, SparseGrowthAndSigbus) {
  const TempDir dir;
  const fs::path path = dir / "db";
  const auto expect_reserved = [&path] {
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_GE(file.st_blocks * 512, file.st_size);
  };
  constexpr std::uint64_t kPages = 300;
  {
    // As the crate leaves it: all holes behind the first pages.
    const auto memory = std::make_shared<MemoryBytes>();
    MemoryFile made(memory);
    SampleFile::require(mppg0::format_file(made, SampleFile::kPage, PageCount{kPages}));
    std::ofstream file(path, std::ios::binary);
    for (std::size_t i = 0; i < 3 * SampleFile::kPage; ++i) {
      file.put(static_cast<char>(memory->bytes[i]));
    }
  }
  fs::resize_file(path, kPages * SampleFile::kPage);
  const auto engine = Engine::open(path);
  ASSERT_TRUE(engine) << engine.error().message();
  expect_reserved();
  ASSERT_TRUE((*engine)->alloc_bulk(PageCount{2 * kPages}));
  expect_reserved();
  const auto page = (*engine)->view_mut(PageNumber{2 * kPages});
  ASSERT_TRUE(page) << page.error().message();
  std::ranges::fill(*page, std::byte{1});

  // And without room it is an error of the call, before anything is written.
  const SampleFile small;
  const auto memory = small.memory();
  const auto faults = std::make_shared<FaultPlan>();
  const auto full =
      Engine::open(std::make_unique<FaultyFile>(std::make_unique<MemoryFile>(memory), faults), {});
  ASSERT_TRUE(full);
  faults->add({.call = FileCall::Reserve, .os_error = ENOSPC, .from_then_on = true});
  EXPECT_EQ((*full)->alloc_bulk(PageCount{100}).error().os_error(), ENOSPC);
  EXPECT_FALSE((*full)->latched());
  EXPECT_EQ(memory->bytes.size(), small.bytes.size());
}

TEST(WeaknessOfTheCrate, CreateIsNotAtomic) {
  const TempDir dir;
  const auto expect_nothing_there = [&dir] {
    EXPECT_FALSE(fs::exists(dir / "db")) << "a crash now would leave half of a file";
  };
  const auto failed = io::create_posix_file(dir / "db", [&](io::StorageFile& file) -> Status {
    EXPECT_TRUE(mppg0::format_file(file, SampleFile::kPage, PageCount{4}));
    expect_nothing_there();
    return tl::unexpected(Error(ErrorCode::Io, "the power", EIO));
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(fs::is_empty(dir.path()));
  ASSERT_TRUE(io::create_posix_file(dir / "db", [&](io::StorageFile& file) {
    expect_nothing_there();
    return mppg0::format_file(file, SampleFile::kPage, PageCount{4});
  }));
  EXPECT_TRUE(Engine::check(dir / "db")->ok);
  EXPECT_EQ(Engine::create(dir / "db").error().code(), ErrorCode::AlreadyExists);
  EXPECT_TRUE(Engine::check(dir / "db")->ok) << "what was there stays";
}

}  // namespace
}  // namespace mappedpages::test
