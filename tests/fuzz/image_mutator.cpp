// Mutations of pager files for the fuzzer: of fields, of pages, of the length; then, mostly, the
// checksums are mended, so that what follows them is looked at too.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "fuzz/require.hpp"
#include "support/random.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace mappedpages::fuzz {
namespace {

using format::Field;
using test::Random;
namespace directory_page = format::directory_page;
namespace metadata_page = format::metadata_page;
namespace superblock = format::superblock;

constexpr std::size_t kSmallestPage = 1024;

std::size_t page_size_of(std::span<const std::byte> image) {
  if (image.size() < superblock::kReferences) return kSmallestPage;
  const auto log2 = load_le<std::uint32_t>(image, superblock::kPageSizeLog2.offset);
  if (log2 < format::kMinPageSizeLog2 || log2 > format::kMaxPageSizeLog2) return kSmallestPage;
  const std::size_t size = std::size_t{1} << log2;
  return image.size() >= 4 * size ? size : kSmallestPage;
}

class ImageMutator {
 public:
  ImageMutator(std::span<const std::byte> image, std::size_t largest, Random& random)
      : image_(image.begin(), image.end()),
        largest_(largest),
        random_(random),
        page_size_(page_size_of(image)) {}

  std::vector<std::byte> run() {
    for (std::uint64_t left = random_.between(1, 4); left > 0; --left) step();
    if (random_.chance(.9)) mend();
    return std::move(image_);
  }

 private:
  void step() {
    if (pages() < 4) return random_.chance(.5) ? any_bytes() : resize();
    static constexpr std::array kSteps{&ImageMutator::superblock_field,
                                       &ImageMutator::reference,
                                       &ImageMutator::reference,
                                       &ImageMutator::metadata_field,
                                       &ImageMutator::bitmap,
                                       &ImageMutator::directory_field,
                                       &ImageMutator::entry,
                                       &ImageMutator::entry,
                                       &ImageMutator::copy_page,
                                       &ImageMutator::copy_sector,
                                       &ImageMutator::add_block,
                                       &ImageMutator::bytes_of_a_page,
                                       &ImageMutator::flip,
                                       &ImageMutator::generations};
    if (random_.chance(.03)) return any_bytes();
    if (random_.chance(.05)) return resize();
    (this->*random_.pick(kSteps))();
  }

  // --- Where things are

  [[nodiscard]] std::uint64_t pages() const { return image_.size() / page_size_; }
  [[nodiscard]] std::size_t at(std::uint64_t page) const {
    return static_cast<std::size_t>(page) * page_size_;
  }
  [[nodiscard]] std::span<std::byte> page(std::uint64_t number) {
    return std::span(image_).subspan(at(number), page_size_);
  }
  [[nodiscard]] std::uint64_t any_page() { return random_.below(pages()); }
  [[nodiscard]] std::uint64_t metadata() { return random_.between(1, 2); }

  /// References that are counted and fit.
  [[nodiscard]] std::size_t blocks() const {
    const auto count = load_le<std::uint32_t>(image_, superblock::kBlockCount.offset);
    return std::min<std::size_t>(count, most_blocks());
  }
  [[nodiscard]] std::size_t most_blocks() const {
    return (page_size_ - superblock::kReferences - format::kPageCrcSize) /
           superblock::kReferenceSize;
  }
  [[nodiscard]] static std::size_t at_reference(std::size_t index) {
    return superblock::kReferences + index * superblock::kReferenceSize;
  }
  [[nodiscard]] std::size_t slots() const {
    return (page_size_ - directory_page::kEntries - format::kPageCrcSize) /
           directory_page::kEntrySize;
  }

  /// A directory page that the file has; page 3 if there is none.
  [[nodiscard]] std::uint64_t directory() {
    if (blocks() == 0) return format::kFirstDataPage.value;
    const auto reference = format::load_reference(page(0), random_.below(blocks()));
    const std::uint64_t number = reference.copy(random_.chance(.5) ? 1 : 0).value;
    return number < pages() ? number : format::kFirstDataPage.value;
  }

  /// Of a directory page; mostly one of the first, which are in use.
  [[nodiscard]] std::size_t any_entry(std::uint64_t page) {
    const std::uint64_t slot =
        random_.below(random_.chance(.8) ? std::min<std::size_t>(slots(), 4) : slots());
    return at(page) + directory_page::kEntries +
           static_cast<std::size_t>(slot) * directory_page::kEntrySize;
  }

  // --- Values

  [[nodiscard]] std::uint64_t number(std::uint64_t now) {
    constexpr std::uint64_t kOne = 1;
    const std::uint64_t one_of[] = {now + 1,
                                    now - 1,
                                    now ^ kOne << random_.below(64),
                                    pages(),
                                    pages() - 1,
                                    pages() + 1,
                                    0,
                                    1,
                                    2,
                                    3,
                                    kOne << 31U,
                                    (kOne << 32U) - 1,
                                    kOne << 32U,
                                    (kOne << 63U),
                                    (kOne << 63U) + 1,
                                    ~kOne,
                                    ~std::uint64_t{},
                                    random_.next(),
                                    8 * (page_size_ - 28)};
    return random_.chance(.5) ? any_page() : random_.pick(std::span(one_of));
  }

  template <class T>
  void change(std::size_t offset) {
    const std::span bytes = image_;
    store_le(bytes, offset, static_cast<T>(number(load_le<T>(bytes, offset))));
  }
  void change(std::size_t base, Field field) {
    switch (field.size) {
      case 8:
        return change<std::uint64_t>(base + field.offset);
      case 4:
        return change<std::uint32_t>(base + field.offset);
      default:
        return change<std::uint8_t>(base + field.offset + random_.below(field.size));
    }
  }
  void flag(std::size_t offset) {
    image_[offset] = random_.chance(.8) ? static_cast<std::byte>(random_.below(2))
                                        : static_cast<std::byte>(random_.next());
  }

  // --- Mutations

  void superblock_field() {
    static constexpr std::array kFields{superblock::kVersion,     superblock::kPageSizeLog2,
                                        superblock::kMetadataCrc, superblock::kBlockCount,
                                        superblock::kBlockCount,  superblock::kMark};
    if (random_.chance(.3)) return flag(superblock::kActiveMetadata.offset);
    if (random_.chance(.2)) {
      const auto mark = std::span(image_).subspan(superblock::kMark.offset, superblock::kMark.size);
      std::ranges::fill(mark, std::byte{0});
      return;
    }
    if (random_.chance(.3)) {
      const auto count = static_cast<std::uint32_t>(random_.below(most_blocks() + 2));
      return store_le(std::span(image_), superblock::kBlockCount.offset, count);
    }
    change(0, random_.pick(kFields));
  }

  void reference() {
    const std::size_t index = random_.below(std::min(blocks() + 2, most_blocks()));
    const std::size_t offset = at_reference(index);
    switch (random_.below(3)) {
      case 0:
        return change(offset, superblock::kReferencePageA);
      case 1:
        return change(offset, superblock::kReferencePageB);
      default:
        return flag(offset + superblock::kReferenceActive.offset);
    }
  }

  void metadata_field() {
    static constexpr std::array kFields{metadata_page::kTotalPages, metadata_page::kGeneration,
                                        metadata_page::kFreeCount};
    change(at(metadata()), random_.pick(kFields));
  }

  void bitmap() {
    const std::uint64_t bit = random_.below(random_.chance(.9) ? pages() + 2 : 8 * 900);
    image_[at(metadata()) + metadata_page::kBitmap + bit / 8] ^=
        static_cast<std::byte>(1U << bit % 8);
  }

  void directory_field() {
    const std::uint64_t page = directory();
    if (random_.chance(.2)) return change(at(page), directory_page::kCapacity);
    if (random_.chance(.5)) return change(at(page), directory_page::kGenerationLow);
    const std::size_t high = directory_page::kEntries + slots() * directory_page::kEntrySize;
    change<std::uint32_t>(at(page) + high);
  }

  void entry() {
    static constexpr std::array kFields{directory_page::kPageA, directory_page::kPageB,
                                        directory_page::kEntryGeneration,
                                        directory_page::kContentCrc};
    const std::size_t offset = any_entry(directory());
    if (random_.chance(.2)) return flag(offset + directory_page::kInUse.offset);
    if (random_.chance(.2)) return flag(offset + directory_page::kActiveSlot.offset);
    change(offset, random_.pick(kFields));
  }

  void copy_page() {
    const auto from = page(any_page());
    const auto to = page(random_.chance(.5) ? directory() : any_page());
    if (random_.chance(.2)) {
      std::ranges::fill(to, std::byte{0});
    } else if (random_.chance(.2)) {
      std::ranges::swap_ranges(from, to);
    } else if (from.data() != to.data()) {
      std::ranges::copy(from, to.begin());
    }
  }

  /// A torn page: some sector of it is that of another.
  void copy_sector() {
    const std::size_t offset =
        format::kSectorSize * random_.below(page_size_ / format::kSectorSize);
    const auto from = page(any_page()).subspan(offset, format::kSectorSize);
    const auto to = page(any_page()).subspan(offset, format::kSectorSize);
    if (from.data() != to.data()) std::ranges::copy(from, to.begin());
  }

  /// A block more: two pages that are the same directory.
  void add_block() {
    const std::size_t count = blocks();
    if (count >= most_blocks()) return;
    const std::uint64_t a = any_page();
    const std::uint64_t b = any_page();
    format::store_reference(page(0), count, {PageNumber{a}, PageNumber{b}, 0});
    store_le(std::span(image_), superblock::kBlockCount.offset,
             static_cast<std::uint32_t>(count + 1));
    for (const std::uint64_t number : {a, b}) {
      if (number < format::kFirstDataPage.value) continue;
      std::ranges::fill(page(number), std::byte{0});
      store_le(page(number), 0, static_cast<std::uint32_t>(slots()));
      for (const std::uint64_t which : {1U, 2U}) {
        page(which)[metadata_page::kBitmap + number / 8] |=
            static_cast<std::byte>(1U << number % 8);
      }
    }
  }

  void bytes_of_a_page() {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    auto* const data = reinterpret_cast<std::uint8_t*>(page(any_page()).data());
    const std::size_t end = page_size_ - format::kPageCrcSize;
    LLVMFuzzerMutate(data, end, end);
  }

  void flip() {
    const std::uint64_t bit = random_.below(8 * image_.size());
    image_[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }

  /// A directory page of a generation beside that of a metadata page.
  void generations() {
    const auto generation =
        load_le<std::uint64_t>(page(metadata()), metadata_page::kGeneration.offset) +
        random_.below(5) - 2;
    const auto bytes = page(directory());
    const std::size_t high = directory_page::kEntries + slots() * directory_page::kEntrySize;
    store_le(bytes, directory_page::kGenerationLow.offset, static_cast<std::uint32_t>(generation));
    store_le(bytes, high, static_cast<std::uint32_t>(generation >> 32U));
  }

  void resize() {
    const std::uint64_t pages = random_.below(image_.size() / page_size_ + 4);
    std::size_t size = at(pages);
    if (random_.chance(.3)) size += random_.below(page_size_);
    image_.resize(std::min(size, largest_));
  }

  void any_bytes() {
    std::vector<std::uint8_t> bytes(largest_);
    std::ranges::transform(image_, bytes.begin(),
                           [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    bytes.resize(LLVMFuzzerMutate(bytes.data(), image_.size(), largest_));
    image_.resize(bytes.size());
    std::ranges::transform(bytes, image_.begin(),
                           [](std::uint8_t b) { return static_cast<std::byte>(b); });
  }

  // --- Mending

  void mend() {
    page_size_ = page_size_of(image_);
    if (pages() < 4) return;
    const bool contents = random_.chance(.4);
    for (const std::uint64_t which : {1U, 2U}) {
      if (random_.chance(.6)) mend_counts(which);
      if (random_.chance(.95)) seal(which, 0);
    }
    // Those behind the count too: they may be blocks that a count has hidden.
    for (std::size_t i = 0; i < std::min(blocks() + 2, most_blocks()); ++i) {
      const auto reference = format::load_reference(page(0), i);
      for (const std::uint64_t number : {reference.page_a.value, reference.page_b.value}) {
        if (number < format::kFirstDataPage.value || number >= pages()) continue;
        if (contents) mend_contents(number);
        if (random_.chance(.95)) seal(number, 0);
      }
    }
    if (random_.chance(.85)) seal(0, superblock::kIndexCrcBegin);
  }

  void seal(std::uint64_t number, std::size_t from) {
    const auto bytes = page(number);
    const std::size_t end = page_size_ - format::kPageCrcSize;
    store_le(bytes, end, crc32(bytes.first(end).subspan(from)));
  }

  /// The total within the file, reserved pages allocated, nothing past the total, free pages as
  /// many as there are.
  void mend_counts(std::uint64_t which) {
    const auto bytes = page(which);
    auto total = load_le<std::uint64_t>(bytes, metadata_page::kTotalPages.offset);
    const std::uint64_t capacity = 8 * (page_size_ - metadata_page::kBitmap - format::kPageCrcSize);
    if (total < 4 || total > std::min(pages(), capacity)) total = std::min(pages(), capacity);
    store_le(bytes, metadata_page::kTotalPages.offset, total);
    bytes[metadata_page::kBitmap] |= std::byte{7};
    std::uint64_t free = 0;
    for (std::uint64_t bit = 0; bit < capacity; ++bit) {
      std::byte& byte = bytes[metadata_page::kBitmap + bit / 8];
      const auto mask = static_cast<std::byte>(1U << bit % 8);
      if (bit >= total) {
        byte &= ~mask;
      } else if ((byte & mask) == std::byte{0}) {
        ++free;
      }
    }
    store_le(bytes, metadata_page::kFreeCount.offset, free);
  }

  /// Entries with the checksum of what is there.
  void mend_contents(std::uint64_t number) {
    for (std::size_t slot = 0; slot < slots(); ++slot) {
      const auto bytes = page(number).subspan(
          directory_page::kEntries + slot * directory_page::kEntrySize, directory_page::kEntrySize);
      if (bytes[directory_page::kInUse.offset] == std::byte{0}) continue;
      const bool first = bytes[directory_page::kActiveSlot.offset] == std::byte{0};
      const auto content = load_le<std::uint64_t>(
          bytes, (first ? directory_page::kPageA : directory_page::kPageB).offset);
      if (content >= pages()) continue;
      store_le(bytes, directory_page::kContentCrc.offset, crc32(page(content)));
    }
  }

  std::vector<std::byte> image_;
  const std::size_t largest_;
  Random& random_;
  std::size_t page_size_;
};

std::size_t put(const std::vector<std::byte>& image, std::uint8_t* out, std::size_t most) {
  const std::size_t size = std::min(image.size(), most);
  std::ranges::transform(std::span(image).first(size), out,
                         [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
  return size;
}

}  // namespace
}  // namespace mappedpages::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  using namespace mappedpages;
  test::Random random(seed);
  return fuzz::put(fuzz::ImageMutator(fuzz::bytes_of(data, size), max_size, random).run(), data,
                   max_size);
}

/// Each page of the one or of the other.
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                                 const std::uint8_t* second,
                                                 std::size_t second_size, std::uint8_t* out,
                                                 std::size_t max_out_size, unsigned int seed) {
  using namespace mappedpages;
  test::Random random(seed);
  const auto one = fuzz::bytes_of(first, first_size);
  const auto other = fuzz::bytes_of(second, second_size);
  const std::size_t page_size = fuzz::page_size_of(one);
  std::vector<std::byte> image(one.begin(), one.end());
  for (std::size_t at = 0; at + page_size <= std::min(one.size(), other.size()); at += page_size) {
    if (!random.chance(.5)) continue;
    std::ranges::copy(other.subspan(at, page_size),
                      image.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return fuzz::put(image, out, max_out_size);
}
