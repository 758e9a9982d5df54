// What the fuzzers begin with: files that the tests' own builders make, and words.
// usage: make_seeds DIRECTORY, which then has one directory for each target.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/crash/bases.hpp"
#include "core/mppg0/damaged_files.hpp"
#include "support/crate_writer.hpp"

namespace mappedpages::fuzz {
namespace {

namespace files = std::filesystem;

constexpr std::size_t kPage = 1024;
constexpr std::size_t kLargest = 65536;

class Seeds {
 public:
  explicit Seeds(files::path root) : root_(std::move(root)) {}

  void put(const std::string& target, const std::string& name, std::span<const std::byte> bytes) {
    const files::path directory = root_ / target;
    files::create_directories(directory);
    std::ofstream file(directory / name, std::ios::binary);
    for (const std::byte byte : bytes) file.put(static_cast<char>(byte));
  }

  /// An image; and what is behind each page of it, as that of a codec.
  void put_image(const std::string& name, std::span<const std::byte> image) {
    if (image.empty() || image.size() > kLargest) return;
    put("open", name, image);
  }

  void put_page(const std::string& name, unsigned codec, std::span<const std::byte> page) {
    std::vector<std::byte> input{static_cast<std::byte>(codec)};
    input.insert(input.end(), page.begin(), page.end());
    put("codecs", name, input);
  }

  /// Words as lines, for names, and each ended by a NUL, for command lines.
  void put_words(const std::string& target, const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
      text += word;
      if (target == "options") text += '\0';
    }
    put(target, "seed-" + std::to_string(++words_), std::as_bytes(std::span(text)));
  }

 private:
  files::path root_;
  int words_ = 0;
};

/// A file with this many directory blocks, each with one entry at most; 1024-byte pages.
std::vector<std::byte> many_blocks(std::size_t blocks, std::size_t entries) {
  const std::uint64_t pages = 3 + 2 * (blocks + entries) + 2;
  std::vector<bool> allocated(pages, true);
  allocated[pages - 1] = false;
  const auto metadata = test::make_metadata(kPage, 9, allocated);
  std::vector<std::byte> image = test::crate_create(kPage);
  image.resize(pages * kPage);
  const auto put = [&image](std::uint64_t page, std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, image.begin() + static_cast<std::ptrdiff_t>(page * kPage));
  };
  put(1, metadata);
  put(2, test::make_metadata(kPage, 8, allocated));
  const std::span page0 = std::span(image).first(kPage);
  store_le(page0, test::kBlockCount, static_cast<std::uint32_t>(blocks));
  const std::vector<std::byte> zeros(kPage);
  std::uint64_t next = 3;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t reference = test::kReference + block * test::kReferenceSize;
    store_le(page0, reference, next);
    store_le(page0, reference + 8, next + 1);
    page0[reference + 16] = static_cast<std::byte>(block % 2);
    test::CrateDirectory directory;
    if (blocks - block <= entries) {
      const std::uint64_t copy = 3 + 2 * blocks + 2 * (blocks - block - 1);
      directory[0] = {copy, copy + 1, 0, 1, test::crc_of(zeros)};
    }
    put(next + block % 2, test::make_directory(kPage, 9, directory));
    put(next + 1 - block % 2, test::make_directory(kPage, 7, directory));
    next += 2;
  }
  std::ranges::copy(std::as_bytes(std::span("mp1", 3)), page0.begin() + 13);
  store_le(page0, kPage - 4, format::computed_index_crc(page0));
  return image;
}

void put_images(Seeds& seeds) {
  for (const test::Base& base :
       {test::our_base(kPage, 0, 0), test::our_base(kPage, 1, 0), test::our_base(kPage, 3, 2),
        test::our_base(kPage, 6, 4), test::crate_base(kPage, 0, 0), test::crate_base(kPage, 1, 0),
        test::crate_base(kPage, 3, 2), test::crate_base(kPage, 6, 4),
        test::crate_base(kPage, 2, 1, (std::uint64_t{1} << 32U) - 2), test::our_base(2048, 2, 1),
        test::our_base(4096, 1, 1), test::fixture_base("fresh-1024", kPage),
        test::fixture_base("fresh-4096", 4096), test::fixture_base("fresh-16384", 16384),
        test::fixture_base("staged-4096", 4096), test::fixture_base("v010-4096", 4096),
        test::fixture_base("stub", kPage)}) {
    seeds.put_image(base.name, base.image);
  }
  for (const std::size_t blocks : {2U, 3U, 28U, 29U}) {
    seeds.put_image("blocks-" + std::to_string(blocks), many_blocks(blocks, 1));
  }
  for (const test::Case& one : test::damaged_files()) {
    test::SampleFile file;
    one.damage(file);
    seeds.put_image(one.name, file.bytes);
  }
}

void put_pages(Seeds& seeds) {
  const test::SampleFile file;
  for (std::size_t page = 0; page < 8; ++page) {
    const auto bytes = std::span(file.bytes).subspan(page * kPage, kPage);
    const unsigned codec = page == 0 ? 0 : page < 3 ? 1 : 2;
    seeds.put_page("page-" + std::to_string(page), codec, bytes);
  }
  const auto many = many_blocks(29, 1);
  seeds.put_page("many-blocks", 0, std::span(many).first(kPage));
  seeds.put_page("header", 3, std::span(many).first(24));
  seeds.put_page("short-header", 3, std::span(many).first(23));
  for (const unsigned log2 : {1U, 2U, 3U}) {
    const std::size_t size = kPage << log2;
    const std::string name = std::to_string(size);
    const auto image = test::crate_create(size);
    seeds.put_page("superblock-" + name, log2 << 2U, std::span(image).first(size));
    seeds.put_page("metadata-" + name, log2 << 2U | 1U, std::span(image).subspan(size, size));
    seeds.put_page("directory-" + name, log2 << 2U | 2U,
                   test::make_directory(size, 5, {{1, {3, 4, 1, 7, 9}}}));
  }
}

void put_names(Seeds& seeds) {
  for (const char* name : {"0", "7", "007", "17592186044415", "17592186044416", "x", "12@x", "0@x",
                           "@x", "foo@x", "17592186044416@", "99999999999999999999999@a", "3@"}) {
    seeds.put_words("names", {name});
  }
  seeds.put_words("names", {std::string(255, '9')});
  seeds.put_words("names", {std::string(256, '9')});
}

void put_command_lines(Seeds& seeds) {
  const std::vector<std::vector<std::string>> lines{
      {"db", "mnt", "-o", "ro,commit=fsync", "-f"},
      {"ro,commit=close,nosync,recover,uid=7,gid=8,umask=027,allow_other,debug", "-V"},
      {"rw,dev,nodev,suid,_netdev,nofail,x-systemd.idle,comment=x,default_permissions,,"},
      {"umask=9"},
      {"uid=4294967296"},
      {"commit=never"},
      {"--create=64k", "db", "mnt"},
      {"4k"},
      {"16M"},
      {"1024"},
      {"--log-file", "log", "--pidfile=pid", "db", "mnt", "-d", "-s", "-v", "-q"},
      {"--help"},
      {"[a,b]"},
      {"-"},
      {"--"}};
  for (const auto& line : lines) seeds.put_words("options", line);
}

}  // namespace
}  // namespace mappedpages::fuzz

int main(int count, char** arguments) {
  using namespace mappedpages::fuzz;
  if (count != 2) {
    std::cerr << "usage: make_seeds DIRECTORY\n";
    return 1;
  }
  Seeds seeds(arguments[1]);
  put_images(seeds);
  put_pages(seeds);
  put_names(seeds);
  put_command_lines(seeds);
  return 0;
}
