#include "support/file_view.hpp"

#include <libdeflate.h>

#include <algorithm>

namespace mappedpages::test {
namespace {

using Failure = tl::unexpected<std::string>;

std::string list(const std::vector<std::uint64_t>& pages) {
  std::string text;
  for (std::size_t i = 0; i < pages.size() && i < 12; ++i) text += ' ' + std::to_string(pages[i]);
  return pages.size() > 12 ? text + " …" : text;
}

tl::expected<std::uint32_t, std::string> read_protected(const Engine& engine,
                                                        ProtectedNumber number,
                                                        const ViewOptions& options) {
  const std::string name = "protected " + std::to_string(number.value);
  const auto info = engine.info(number);
  if (!info) return Failure(name + ": " + info.error().message());
  std::vector<std::byte> content(static_cast<std::size_t>(engine.page_size()));
  const auto read = engine.read(number, content);
  const bool unproved = options.crate_wrote && info->generation == 0;
  if (!read) {
    if (unproved) return info->crc32;
    return Failure(name + ": " + read.error().message());
  }
  if (*read != *info) return Failure(name + ": read and info disagree");
  if (!unproved && crc_of(content) != info->crc32) return Failure(name + ": wrong content served");
  return info->crc32;
}

std::string recount(const Engine& engine, const FileView& view) {
  const StoreCounts counts = engine.counts();
  const std::uint64_t used = 3 + view.regular.size() + 2 * view.protected_pages.size() +
                             2 * engine.facts().directory_blocks;
  if (counts.regular.value != view.regular.size()) return "regular pages miscounted";
  if (counts.protected_pages.value != view.protected_pages.size()) {
    return "protected pages miscounted";
  }
  if (counts.free.value + used != counts.total.value) {
    return "free pages miscounted: " + std::to_string(counts.free.value) + " free, " +
           std::to_string(used) + " used, " + std::to_string(counts.total.value) + " in all";
  }
  return {};
}

std::string ask_every_page(const Engine& engine, const FileView& view) {
  std::uint64_t free = 0;
  const std::uint64_t total = engine.counts().total.value;
  for (std::uint64_t page = 0; page < total; ++page) {
    const PageUse use = engine.use_of(PageNumber{page});
    if (use == PageUse::Free) ++free;
    const bool reserved = page < 3;
    if (reserved != (use == PageUse::Reserved) ||
        view.has_regular(page) != (use == PageUse::Regular) || use == PageUse::OutOfBounds) {
      return "wrong use of page " + std::to_string(page);
    }
  }
  return free == engine.counts().free.value ? "" : "free pages miscounted, page by page";
}

}  // namespace

bool FileView::has_regular(std::uint64_t page) const {
  return std::binary_search(regular.begin(), regular.end(), page);
}

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  return libdeflate_crc32(0, bytes.data(), bytes.size());
}

std::string difference(const FileView& seen, const FileView& expected) {
  std::string text;
  std::vector<std::uint64_t> pages;
  const auto report = [&](const char* what) {
    if (!pages.empty()) text += std::string(what) + list(pages) + "; ";
    pages.clear();
  };
  std::ranges::set_difference(seen.regular, expected.regular, std::back_inserter(pages));
  report("regular too many:");
  std::ranges::set_difference(expected.regular, seen.regular, std::back_inserter(pages));
  report("regular missing:");
  for (const auto& page : seen.protected_pages) {
    if (!std::ranges::binary_search(expected.protected_pages, page)) pages.push_back(page.first);
  }
  report("protected not so:");
  for (const auto& page : expected.protected_pages) {
    if (!std::ranges::binary_search(seen.protected_pages, page)) pages.push_back(page.first);
  }
  report("protected missing or other:");
  return text;
}

tl::expected<FileView, std::string> read_view(Engine& engine, const ViewOptions& options) {
  FileView view;
  for (auto page = engine.next_page(PageNumber{0}); page;
       page = engine.next_page(PageNumber{page->value + 1})) {
    view.regular.push_back(page->value);
  }
  for (auto number = engine.next_protected(ProtectedNumber{0}); number;
       number = engine.next_protected(ProtectedNumber{number->value + 1})) {
    auto crc = read_protected(engine, *number, options);
    if (!crc) return Failure(std::move(crc).error());
    view.protected_pages.emplace_back(number->value, *crc);
  }
  if (std::string wrong = recount(engine, view); !wrong.empty()) return Failure(wrong);
  if (options.every_page) {
    if (std::string wrong = ask_every_page(engine, view); !wrong.empty()) return Failure(wrong);
  }
  return view;
}

}  // namespace mappedpages::test
