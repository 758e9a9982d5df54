// Regular pages: whatever way bytes go in, they come out of all others.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "e2e/storm/filling.hpp"
#include "e2e/storm/fsx.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr std::size_t kKernelPage = 4096;

/// One page, the open files and the mapping through which it is used, and what it must hold.
class PageUnderTest {
 public:
  PageUnderTest(std::string path, std::uint64_t number, std::size_t page_size, const Extent& part,
                std::span<std::byte> model, Random& random)
      : path_(std::move(path)),
        number_(number),
        page_size_(page_size),
        part_(part),
        model_(model),
        random_(random) {}

  /// One call; what was wrong with it, if anything.
  std::string step() {
    if (!file_) return reopen();
    const std::uint64_t dice = random_.below(1000);
    if (dice < 330) return read();
    if (dice < 500) return read_mapping();
    if (dice < 680) return write_mapping();
    if (dice < 860) return write();
    if (dice < 880) return read_all();
    if (dice < 905) return is_apart() && reaches_end() ? truncate() : write();
    if (dice < 940) return is_apart() ? allocate() : write();
    if (dice < 955) return write_beyond();
    if (dice < 959) return sync();
    if (dice < 980) return forget_cache();
    if (dice < 995) return reopen();
    return is_whole() ? free_and_create() : reopen();
  }

  /// The last calls on it.
  [[nodiscard]] std::string trace() const { return trace_.text(); }

  /// All of it through an open file of its own.
  std::string read_all() {
    trace_.note("read all", number_);
    const auto got = read_file(path_, page_size_);
    if (got.error != 0) return error_text("reading all", got.error);
    return compare(std::span(got.value).subspan(part_.offset, part_.size), part_);
  }

 private:
  [[nodiscard]] bool is_whole() const { return part_.size == page_size_; }
  /// The kernel writes back whole pages of its own: what another client stores beside a change that
  /// goes past the cache can bring the bytes from before it back.
  [[nodiscard]] bool is_apart() const {
    return is_whole() || (part_.offset % kKernelPage == 0 && part_.size % kKernelPage == 0);
  }
  [[nodiscard]] bool reaches_end() const { return part_.offset + part_.size == page_size_; }

  static std::string error_text(const char* what, int error) {
    return std::string(what) + " gives errno " + std::to_string(error);
  }
  static std::string unless(int error, int expected, const char* what) {
    if (error == expected) return {};
    return error_text(what, error) + " and not " + std::to_string(expected);
  }

  std::string compare(std::span<const std::byte> got, const Extent& extent) const {
    const auto expected = model_.subspan(extent.offset, extent.size);
    if (std::ranges::equal(got, expected)) return {};
    return "page " + std::to_string(number_) + " at " + std::to_string(extent.offset) + ": " +
           difference(got, expected);
  }

  void put(const Extent& extent, std::span<const std::byte> bytes) const {
    std::ranges::copy(bytes.first(extent.size), model_.subspan(extent.offset).begin());
  }
  void zero(const Extent& extent) const {
    std::ranges::fill(model_.subspan(extent.offset, extent.size), std::byte{0});
  }

  [[nodiscard]] const OpenedFile& any_file() {
    return direct_ && random_.chance(.2) ? direct_ : file_;
  }

  std::string read() {
    const Extent extent = random_extent(random_, part_);
    const OpenedFile& file = any_file();
    trace_.note(&file == &direct_ ? "read directly" : "read", number_, extent.offset, extent.size);
    // At times beyond the end: what is there is given.
    const std::size_t beyond = reaches_end() && random_.chance(.1) ? page_size_ : 0;
    const bool to_end = beyond != 0;
    const auto got = read_some(file.get(), extent.size + beyond, extent.offset);
    if (got.error != 0) return error_text("a read", got.error);
    return compare(got.value, to_end ? Extent{extent.offset, page_size_ - extent.offset} : extent);
  }

  std::string write() {
    const Extent extent = random_extent(random_, part_);
    const OpenedFile& file = is_apart() ? any_file() : file_;
    trace_.note(&file == &direct_ ? "write directly" : "write", number_, extent.offset,
                extent.size);
    const auto bytes = cheap_bytes(random_, extent.size);
    put(extent, bytes);
    return unless(write_all(file.get(), bytes, extent.offset), 0, "a write");
  }

  /// A write that would pass the end of the page is refused, and nothing of it is done. But where
  /// the kernel has nothing cached it asks for each of its own pages alone, and those that fit are
  /// written.
  std::string write_beyond() {
    if (!is_whole()) return write();
    const std::size_t offset = page_size_ - random_.below(std::min<std::size_t>(page_size_, 5000));
    const auto bytes = cheap_bytes(random_, page_size_ - offset + random_.between(1, 3000));
    trace_.note("write beyond", number_, offset, bytes.size());
    // The kernel copies bytes into its cache before it asks. Those that are refused it reads no
    // more; but who has mapped them sees them, and what was stored beside them takes them along.
    mapping_.reset();
    if (::fsync(file_.get()) != 0) return error_text("fsync", errno);
    const ssize_t written =
        ::pwrite(any_file().get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) return unless(errno, EFBIG, "a write beyond the end");
    const auto fitting = static_cast<std::size_t>(written);
    if (fitting > page_size_ - offset) {
      return "a write beyond the end wrote " + std::to_string(written);
    }
    put({offset, fitting}, bytes);
    return {};
  }

  std::string map() {
    trace_.note("map", number_);
    void* const at =
        ::mmap(nullptr, page_size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (at == MAP_FAILED) return error_text("mmap", errno);
    mapping_.emplace(std::span(static_cast<std::byte*>(at), page_size_));
    return {};
  }

  std::string read_mapping() {
    if (!mapping_) return map();
    const Extent extent = random_extent(random_, part_);
    trace_.note("read mapping", number_, extent.offset, extent.size);
    return compare(mapping_->bytes().subspan(extent.offset, extent.size), extent);
  }

  std::string write_mapping() {
    if (!mapping_) return map();
    const Extent extent = random_extent(random_, part_);
    trace_.note("write mapping", number_, extent.offset, extent.size);
    const auto bytes = cheap_bytes(random_, extent.size);
    put(extent, bytes);
    std::ranges::copy(bytes, mapping_->bytes().subspan(extent.offset).begin());
    return {};
  }

  std::string truncate() {
    const std::size_t size = part_.offset + random_.below(part_.size + 1);
    const bool by_path = random_.chance(.3);
    trace_.note(by_path ? "truncate by path" : "truncate", number_, size);
    if (is_whole() && random_.chance(.1)) {
      const int error =
          ::ftruncate(file_.get(), static_cast<off_t>(page_size_ + 1)) == 0 ? 0 : errno;
      return unless(error, EFBIG, "a truncation beyond the end");
    }
    zero({size, page_size_ - size});
    const int result = by_path ? ::truncate(path_.c_str(), static_cast<off_t>(size))
                               : ::ftruncate(file_.get(), static_cast<off_t>(size));
    return unless(result == 0 ? 0 : errno, 0, "a truncation");
  }

  std::string allocate() {
    constexpr std::array kModes{0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
    const int mode = random_.pick(kModes);
    Extent extent = random_extent(random_, part_);
    int expected = 0;
    if (is_whole() && random_.chance(.1)) {
      extent.size = page_size_ - extent.offset + 1;
      expected = EFBIG;
    } else if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
      zero(extent);
    }
    trace_.note("fallocate", number_, extent.offset, extent.size);
    const int result = ::fallocate(file_.get(), mode, static_cast<off_t>(extent.offset),
                                   static_cast<off_t>(extent.size));
    return unless(result == 0 ? 0 : errno, expected, "fallocate");
  }

  std::string sync() {
    trace_.note("sync", number_);
    if (mapping_ && random_.chance(.3)) {
      return unless(::msync(mapping_->bytes().data(), page_size_, MS_SYNC) == 0 ? 0 : errno, 0,
                    "msync");
    }
    const int result = random_.chance(.5) ? ::fsync(file_.get()) : ::fdatasync(file_.get());
    return unless(result == 0 ? 0 : errno, 0, "fsync");
  }

  /// What the kernel has cached and can have again, it drops.
  std::string forget_cache() {
    trace_.note("forget cache", number_);
    if (random_.chance(.5)) mapping_.reset();
    return unless(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED), 0, "fadvise");
  }

  std::string reopen() {
    const bool empty = is_whole() && random_.chance(.3);
    trace_.note(empty ? "open and truncate" : "open", number_);
    if (random_.chance(.5)) mapping_.reset();
    if (file_) {
      struct stat facts {};
      if (::fstat(file_.get(), &facts) != 0 || facts.st_size != static_cast<off_t>(page_size_)) {
        return "the size is " + std::to_string(facts.st_size);
      }
      if (auto wrong = unless(file_.close(), 0, "close"); !wrong.empty()) return wrong;
    }
    (void)direct_.close();
    const int sync = random_.chance(.1) ? O_DSYNC : 0;
    auto file = open_file(path_, O_RDWR | sync | (empty ? O_TRUNC : 0));
    if (file.error != 0) return error_text("open", file.error);
    file_ = std::move(file.value);
    if (empty) zero(part_);
    if (random_.chance(.5)) direct_ = open_file(path_, O_RDWR | O_DIRECT).value;
    return {};
  }

  /// The page comes back as another file, and empty.
  std::string free_and_create() {
    trace_.note("free and create", number_);
    mapping_.reset();
    (void)file_.close();
    (void)direct_.close();
    if (const int error = unlink_file(path_)) return error_text("unlink", error);
    zero(part_);
    for (;;) {
      auto file = open_file(path_, O_RDWR | O_CREAT | O_EXCL);
      if (file.error == EBUSY) continue;  // The close is not through to the daemon yet.
      if (file.error != 0) return error_text("create", file.error);
      file_ = std::move(file.value);
      return {};
    }
  }

  const std::string path_;
  const std::uint64_t number_;
  const std::size_t page_size_;
  const Extent part_;  ///< What of the page is ours.
  const std::span<std::byte> model_;
  Random& random_;
  Trace trace_;
  OpenedFile file_;
  OpenedFile direct_;
  std::optional<Mapping> mapping_;
};

}  // namespace

void exercise_pages(const FsxScene& scene, std::uint32_t me, std::uint64_t seed,
                    std::uint64_t operations, FsxModels& models) {
  Random random(seed);
  std::vector<PageUnderTest> pages;
  const auto add = [&](std::uint64_t number, FsxModels::Page& model, const Extent& part) {
    pages.emplace_back(scene.tree.page(Kind::Regular, number), number, scene.page_size, part,
                       std::span(model).first(scene.page_size), random);
  };
  for (std::size_t i = 0; i < kPagesEach; ++i) {
    add(scene.regular.at(me).at(i), models.regular.at(me).at(i), {0, scene.page_size});
  }
  // The last client has what is left over, so that somebody may truncate.
  std::size_t length = scene.page_size / kFsxClients;
  if (length > kKernelPage) length -= length % kKernelPage;
  const std::size_t from = me * length;
  add(scene.shared, models.shared, {from, me + 1 == kFsxClients ? scene.page_size - from : length});
  // What is left from before was written through another mount, perhaps.
  for (PageUnderTest& page : pages) {
    if (auto wrong = page.read_all(); !wrong.empty()) models.complaint.say("at first: " + wrong);
  }
  for (std::uint64_t i = 0; i < operations && !models.complaint.said(); ++i) {
    PageUnderTest& page = pages[random.below(pages.size())];
    const std::string wrong = page.step();
    ++models.operations;
    if (!wrong.empty()) {
      models.complaint.say("client " + std::to_string(me) + ", pages: " + wrong + "\n" +
                           page.trace());
    }
  }
}

}  // namespace mappedpages::test::storm
