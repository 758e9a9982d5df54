// mappedpages create: a new pager file.
#include <cctype>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "mappedpages/engine.hpp"
#include "tools/command.hpp"
#include "tools/failure.hpp"

namespace mappedpages::tools {
namespace {

constexpr std::uint64_t kSmallestPageSize = 1024;
constexpr std::uint64_t kLargestPageSize = 16 << 20;
constexpr std::uint64_t kIsolatedPageSize = 4096;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `4096`, `4k`, `64K`, `1M`; in bytes.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty() && std::isalpha(static_cast<unsigned char>(text.back())) != 0) {
    const int letter = std::toupper(static_cast<unsigned char>(text.back()));
    if (letter != 'K' && letter != 'M') return std::nullopt;
    unit = letter == 'K' ? 1 << 10 : 1 << 20;
    text.remove_suffix(1);
  }
  const auto value = parse_number(text);
  if (!value || *value > std::numeric_limits<std::uint64_t>::max() / unit) return std::nullopt;
  return *value * unit;
}

bool is_page_size(std::uint64_t size) {
  return size >= kSmallestPageSize && size <= kLargestPageSize && (size & (size - 1)) == 0;
}

std::string advice_for(const Error& error) {
  if (error.code() == ErrorCode::AlreadyExists) return "choose another name, or move it away first";
  switch (error.os_error()) {
    case ENOENT:
    case ENOTDIR:
      return "make its directory first";
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a directory that you may write in";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "make room, or ask for fewer pages";
    default:
      return {};
  }
}

int run_create(Arguments& arguments, Terminal& terminal) {
  std::string db;
  std::string page_size = "4096";
  std::string pages = "4";
  arguments.describe("Makes a new pager file. An existing file is never touched.",
                     "Examples:\n"
                     "  mappedpages create db.bin\n"
                     "  mappedpages create --page-size 64K --pages 1024 db.bin\n\n"
                     "Exit codes: 0 made, 1 usage, 2 it exists already or cannot be made");
  arguments.required("DB", db, "The file to make");
  arguments.option("-s,--page-size", page_size, "P",
                   "Bytes a page, a power of two from 1024 to 16M (default 4096); k and M count");
  arguments.option("-n,--pages", pages, "N",
                   "Pages in the file at the start, the three reserved ones included (default 4)");
  if (const auto done = arguments.parse(terminal)) return *done;

  const auto size = parse_size(page_size);
  if (!size || !is_page_size(*size)) {
    return arguments.usage_error(terminal, "page size '" + page_size +
                                               "': it is a power of two from 1024 (1k) to 16777216 "
                                               "(16M) bytes");
  }
  const auto count = parse_number(pages);
  if (!count) {
    return arguments.usage_error(terminal,
                                 "number of pages '" + pages + "': it is a whole number from 4 on");
  }
  const auto made = Engine::create(db, {.page_size = *size, .pages = PageCount{*count}});
  if (!made && made.error().code() == ErrorCode::InvalidArgument) {
    return arguments.usage_error(terminal, made.error().message());
  }
  if (!made) {
    return static_cast<int>(fail_with_advice(terminal, made.error(), advice_for(made.error())));
  }
  if (*size < kIsolatedPageSize) {
    terminal.warning(
        "with a page size below 4096 bytes, pages share the kernel's cache pages and "
        "the disk's blocks, so a fault can reach more than one of them");
  }
  terminal.notice("made " + db + ": " + std::to_string(*count) + " pages of " +
                  std::to_string(*size) + " bytes");
  return static_cast<int>(ExitCode::Ok);
}

}  // namespace

Command create_command() {
  return {.name = "create", .summary = "make a new pager file", .run = run_create};
}

}  // namespace mappedpages::tools
