// Protected pages: stages of several open files, and what each of them sees.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "e2e/storm/filling.hpp"
#include "e2e/storm/fsx.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::size_t kFiles = 2;

struct ProtectedFile {
  OpenedFile file;
  bool writable = false;
  bool sync_writes = false;
  bool poisoned = false;
  bool used = false;  ///< Something other than its opening was asked of it.
};

/// One protected page, its open files, what is committed and what is staged.
class ProtectedUnderTest {
 public:
  ProtectedUnderTest(std::string path, std::uint64_t number, const FsxScene& scene,
                     std::span<std::byte> committed, Random& random, FsxModels& models)
      : path_(std::move(path)),
        number_(number),
        page_size_(scene.page_size),
        commit_on_close_(scene.commit_on_close),
        committed_(committed),
        random_(random),
        models_(models) {}

  /// One call; what was wrong with it, if anything.
  std::string step() {
    ProtectedFile& file = files_.at(random_.below(kFiles));
    if (!file.file) return open(file);
    const std::uint64_t dice = random_.below(1000);
    if (dice < 400) return read(file);
    if (!file.writable) return dice < 800 ? read_privately_mapped(file) : close(file);
    if (dice < 700) return write(file);
    if (dice < 730) return truncate(file);
    if (dice < 760) return allocate(file);
    if (dice < 780) return write_beyond(file);
    if (dice < 800) return truncate_by_path();
    if (dice < 850) return sync(file);
    // Where that commits nothing, others wait for a release that does not come.
    if (dice < (commit_on_close_ ? 900U : 855U)) return close_duplicate(file);
    if (dice < 920) return read_privately_mapped(file);
    return close(file);
  }

  /// Closes what is open: that commits, too.
  std::string finish() {
    std::string wrong;
    for (ProtectedFile& file : files_) {
      if (file.file && wrong.empty()) wrong = close(file);
    }
    return wrong;
  }

  /// The last calls on it.
  [[nodiscard]] std::string trace() const { return trace_.text(); }

  std::string read_all() {
    const auto got = read_file(path_, page_size_);
    if (got.error != 0) return "reading all gives errno " + std::to_string(got.error);
    return compare(got.value, committed_, 0);
  }

 private:
  static std::string unless(int error, int expected, const char* what) {
    if (error == expected) return {};
    return std::string(what) + " gives errno " + std::to_string(error) + " and not " +
           std::to_string(expected);
  }
  static int error_of(int result) { return result == 0 ? 0 : errno; }

  std::string compare(std::span<const std::byte> got, std::span<const std::byte> expected,
                      std::size_t offset) const {
    if (std::ranges::equal(got, expected)) return {};
    return "page " + std::to_string(number_) + " at " + std::to_string(offset) + ": " +
           difference(got, expected);
  }

  // --- The model

  [[nodiscard]] std::span<const std::byte> seen_by(const ProtectedFile& file) const {
    return stager_ == &file ? std::span<const std::byte>(stage_) : committed_;
  }

  /// What a change through this file gives; on 0 it has the stage.
  int begin(ProtectedFile& file) {
    file.used = true;
    if (file.poisoned) return EIO;
    if (stager_ == &file) return 0;
    if (stager_ != nullptr) return EBUSY;
    stager_ = &file;
    stage_.assign(committed_.begin(), committed_.end());
    written_ = false;
    return 0;
  }

  void wrote(const ProtectedFile& file) {
    written_ = true;
    if (file.sync_writes) commit();
  }

  void commit() {
    std::ranges::copy(stage_, committed_.begin());
    stager_ = nullptr;
    ++models_.commits;
  }

  int poison(ProtectedFile& file) {
    file.used = file.poisoned = true;
    if (stager_ == &file) stager_ = nullptr;
    return EFBIG;
  }

  /// What closing one of several descriptors gives.
  int flush(ProtectedFile& file) {
    file.used = true;
    if (file.poisoned) return EIO;
    if (stager_ == &file && written_ && commit_on_close_) commit();
    return 0;
  }

  // --- Calls

  std::string open(ProtectedFile& file) {
    const bool writable = random_.chance(.8);
    const bool empty = writable && random_.chance(.3);
    const bool sync = writable && random_.chance(.1);
    trace_.note(empty ? "open and truncate" : "open", number_, name_of(file));
    auto opened = open_file(
        path_, (writable ? O_RDWR : O_RDONLY) | (empty ? O_TRUNC : 0) | (sync ? O_DSYNC : 0));
    if (empty && stager_ != nullptr) return unless(opened.error, EBUSY, "O_TRUNC of a staged page");
    if (opened.error != 0) return unless(opened.error, 0, "open");
    file.file = std::move(opened.value);
    file.writable = writable;
    file.sync_writes = sync;
    file.poisoned = file.used = false;
    if (empty) {
      (void)begin(file);
      stage_.assign(page_size_, std::byte{0});
    }
    return {};
  }

  std::string read(ProtectedFile& file) {
    const Extent extent = random_extent(random_, {0, page_size_});
    trace_.note("read", number_, extent.offset, name_of(file));
    file.used = true;
    return read_again_if_late([&] {
      const auto got = read_some(file.file.get(), extent.size, extent.offset);
      if (got.error != 0) return unless(got.error, 0, "a read");
      return compare(got.value, seen_by(file).subspan(extent.offset, extent.size), extent.offset);
    });
  }

  /// Pages that a truncation alone emptied are committed by a release, for which others wait only
  /// so long.
  template <class Look>
  std::string read_again_if_late(const Look& look) {
    std::string wrong = look();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (release_pending_ && !wrong.empty() && std::chrono::steady_clock::now() < until) {
      ++models_.late;
      wrong = look();
    }
    release_pending_ = false;
    return wrong;
  }

  std::string read_privately_mapped(ProtectedFile& file) {
    trace_.note("map privately", number_, 0, name_of(file));
    file.used = true;
    return read_again_if_late([&] {
      void* const at = ::mmap(nullptr, page_size_, PROT_READ, MAP_PRIVATE, file.file.get(), 0);
      if (at == MAP_FAILED) return unless(errno, 0, "mmap");
      const Mapping mapping(std::span(static_cast<std::byte*>(at), page_size_));
      return compare(mapping.bytes(), seen_by(file), 0);
    });
  }

  std::string write(ProtectedFile& file) {
    const Extent extent = random_extent(random_, {0, page_size_});
    trace_.note("write", number_, extent.offset, name_of(file));
    const auto bytes = cheap_bytes(random_, extent.size);
    wait_for_release();
    const int expected = begin(file);
    if (expected == 0) {
      std::ranges::copy(bytes, stage_.begin() + static_cast<std::ptrdiff_t>(extent.offset));
      wrote(file);
    }
    return unless(write_all(file.file.get(), bytes, extent.offset), expected, "a write");
  }

  std::string write_beyond(ProtectedFile& file) {
    const std::size_t offset = page_size_ - random_.below(100);
    trace_.note("write beyond", number_, offset, name_of(file));
    const auto bytes = cheap_bytes(random_, page_size_ - offset + random_.between(1, 3000));
    const int expected = poison(file);
    return unless(write_all(file.file.get(), bytes, offset), expected, "a write beyond the end");
  }

  std::string truncate(ProtectedFile& file) {
    const bool beyond = random_.chance(.1);
    const std::size_t size = beyond ? page_size_ + 1 : random_.below(page_size_ + 1);
    trace_.note("truncate", number_, size, name_of(file));
    wait_for_release();
    const int expected = beyond ? poison(file) : begin(file);
    if (expected == 0) zero({size, page_size_ - size}, file);
    return unless(error_of(::ftruncate(file.file.get(), static_cast<off_t>(size))), expected,
                  "a truncation");
  }

  void zero(const Extent& extent, const ProtectedFile& file) {
    std::ranges::fill(std::span(stage_).subspan(extent.offset, extent.size), std::byte{0});
    wrote(file);
  }

  std::string truncate_by_path() {
    // To 0 it would be taken for the O_TRUNC of a file that was just opened.
    const std::size_t size = random_.between(1, page_size_);
    trace_.note("truncate by path", number_, size);
    wait_for_release();
    const int expected = stager_ == nullptr ? 0 : EBUSY;
    if (expected == 0) std::ranges::fill(committed_.subspan(size), std::byte{0});
    return unless(error_of(::truncate(path_.c_str(), static_cast<off_t>(size))), expected,
                  "a truncation by path");
  }

  std::string allocate(ProtectedFile& file) {
    constexpr std::array kModes{0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE};
    const int mode = random_.pick(kModes);
    const Extent extent = random_extent(random_, {0, page_size_});
    trace_.note("fallocate", number_, extent.offset, name_of(file));
    wait_for_release();
    const int expected = begin(file);
    if (expected == 0) zero(mode == 0 ? Extent{} : extent, file);
    return unless(error_of(::fallocate(file.file.get(), mode, static_cast<off_t>(extent.offset),
                                       static_cast<off_t>(extent.size))),
                  expected, "fallocate");
  }

  std::string sync(ProtectedFile& file) {
    trace_.note("sync", number_, 0, name_of(file));
    file.used = true;
    const int expected = file.poisoned ? EIO : 0;
    if (expected == 0 && stager_ == &file) commit();
    return unless(
        error_of(random_.chance(.5) ? ::fsync(file.file.get()) : ::fdatasync(file.file.get())),
        expected, "fsync");
  }

  std::string close_duplicate(ProtectedFile& file) {
    trace_.note("close a duplicate", number_, 0, name_of(file));
    OpenedFile duplicate(::fcntl(file.file.get(), F_DUPFD_CLOEXEC, 0));
    const int expected = flush(file);
    return unless(duplicate.close(), expected, "closing a duplicate");
  }

  std::string close(ProtectedFile& file) {
    trace_.note("close", number_, 0, name_of(file));
    const int expected = flush(file);
    if (stager_ == &file) {
      if (commit_on_close_) commit();  // A truncation alone.
      stager_ = nullptr;
      release_pending_ = true;
    }
    return unless(file.file.close(), expected, "close");
  }

  /// Before what a stage that is still being released could refuse.
  void wait_for_release() {
    if (stager_ != nullptr) release_pending_ = false;  // Somebody has the next stage already.
    if (!release_pending_) return;
    const auto look = [this] {
      // Succeeds when nobody has a stage, and changes nothing.
      return unless(error_of(::truncate(path_.c_str(), static_cast<off_t>(page_size_))), 0, "");
    };
    (void)read_again_if_late(look);
  }

  [[nodiscard]] std::uint64_t name_of(const ProtectedFile& file) const {
    return &file == &files_.front() ? 1 : 2;
  }

  const std::string path_;
  const std::uint64_t number_;
  const std::size_t page_size_;
  const bool commit_on_close_;
  const std::span<std::byte> committed_;
  Random& random_;
  Trace trace_;
  FsxModels& models_;
  std::array<ProtectedFile, kFiles> files_;
  ProtectedFile* stager_ = nullptr;
  std::vector<std::byte> stage_;
  bool written_ = false;          ///< The stage holds more than what O_TRUNC did.
  bool release_pending_ = false;  ///< A stage ends with a release that is on its way.
};

}  // namespace

void exercise_protected(const FsxScene& scene, std::uint32_t me, std::uint64_t seed,
                        std::uint64_t operations, FsxModels& models) {
  Random random(seed);
  std::array<std::unique_ptr<ProtectedUnderTest>, kPagesEach> pages;
  for (std::size_t i = 0; i < kPagesEach; ++i) {
    const std::uint64_t number = scene.protected_pages.at(me).at(i);
    pages.at(i) = std::make_unique<ProtectedUnderTest>(
        scene.tree.page(Kind::Protected, number), number, scene,
        std::span(models.protected_pages.at(me).at(i)).first(scene.page_size), random, models);
    const std::string wrong = pages.at(i)->read_all();
    if (!wrong.empty()) models.complaint.say("at first: " + wrong);
  }
  const auto judge = [&](const ProtectedUnderTest& page, const std::string& wrong) {
    ++models.operations;
    if (wrong.empty()) return;
    models.complaint.say("client " + std::to_string(me) + ", protected pages: " + wrong + "\n" +
                         page.trace());
  };
  for (std::uint64_t i = 0; i < operations && !models.complaint.said(); ++i) {
    ProtectedUnderTest& page = *pages.at(random.below(pages.size()));
    judge(page, page.step());
  }
  for (const auto& page : pages) judge(*page, page->finish());
}

}  // namespace mappedpages::test::storm
