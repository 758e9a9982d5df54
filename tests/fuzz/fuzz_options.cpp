// The command line of the daemon: any words are options or a usage error of one line. A list behind
// -o, a page size and the two paths are compared with a model.
//
// Input: words, each ended by a NUL.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/options.hpp"
#include "fuzz/require.hpp"

namespace mappedpages::fuzz {
namespace {

using fs::Options;

bool is_one_line(std::string_view text) {
  return text.find('\n') == std::string_view::npos;
}

fs::Outcome<fs::Request> parse(const std::vector<std::string>& words) {
  auto request = fs::parse_command_line(words);
  if (!request) {
    require(request.error().code == fs::ExitCode::Usage, "another exit code than that of usage");
    require(!request.error().message.empty(), "an error without words");
    if (std::ranges::all_of(words, is_one_line)) {
      require(is_one_line(request.error().message), "an error of several lines");
    }
  } else if (!request->print) {
    require(!request->options.log_file.empty() || request->options.pid_file.empty() ||
                request->options.pid_file.front() == '/',
            "a path that is not absolute");
  }
  return request;
}

// --- The model

/// Digits of this base alone, up to 32 bits.
std::optional<std::uint32_t> number(std::string_view text, std::uint64_t base) {
  constexpr std::uint64_t kLargest = 0xFFFFFFFF;
  if (text.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const char c : text) {
    if (c < '0' || static_cast<std::uint64_t>(c - '0') >= base) return std::nullopt;
    sum = std::min(sum * base + static_cast<std::uint64_t>(c - '0'), kLargest + 1);
  }
  return sum > kLargest ? std::nullopt : std::optional(static_cast<std::uint32_t>(sum));
}

bool is_of_mount(std::string_view option) {
  constexpr std::array<std::string_view, 23> kWords{"",
                                                    "rw",
                                                    "dev",
                                                    "nodev",
                                                    "suid",
                                                    "nosuid",
                                                    "exec",
                                                    "noexec",
                                                    "auto",
                                                    "noauto",
                                                    "user",
                                                    "nouser",
                                                    "users",
                                                    "owner",
                                                    "group",
                                                    "async",
                                                    "atime",
                                                    "noatime",
                                                    "nofail",
                                                    "relatime",
                                                    "_netdev",
                                                    "defaults",
                                                    "default_permissions"};
  return std::ranges::count(kWords, option) > 0 || option.substr(0, 2) == "x-" ||
         option.substr(0, 8) == "comment=";
}

bool take(Options& options, std::string_view option) {
  const auto value_of = [&](std::string_view name) -> std::optional<std::string_view> {
    if (option.substr(0, name.size()) != name) return std::nullopt;
    return option.substr(name.size());
  };
  if (is_of_mount(option)) return true;
  if (option == "ro") return options.read_only = true;
  if (option == "nosync") return options.no_sync = true;
  if (option == "recover") return options.recover = true;
  if (option == "allow_other") return options.allow_other = true;
  if (option == "debug") return options.debug = options.foreground = true;
  if (option == "commit=close" || option == "commit=fsync") {
    options.commit_on = option == "commit=close" ? fs::CommitOn::Close : fs::CommitOn::Fsync;
    return true;
  }
  if (const auto value = value_of("uid=")) {
    options.uid = number(*value, 10);
    return options.uid.has_value();
  }
  if (const auto value = value_of("gid=")) {
    options.gid = number(*value, 10);
    return options.gid.has_value();
  }
  if (const auto value = value_of("umask=")) {
    options.umask = number(*value, 8);
    return options.umask.has_value();
  }
  return false;
}

std::optional<Options> options_of(std::string_view list) {
  Options options;
  for (;;) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (!take(options, list.substr(0, comma))) return std::nullopt;
    if (comma == list.size()) return options;
    list.remove_prefix(comma + 1);
  }
}

/// A power of two, in bytes, k or M.
std::optional<std::uint64_t> page_size_of(std::string_view text) {
  for (std::uint64_t log2 = 10; log2 <= 24; ++log2) {
    const std::uint64_t size = std::uint64_t{1} << log2;
    const auto is = [text, size](std::uint64_t unit, std::string_view suffix) {
      if (size % unit != 0 || text.size() < suffix.size()) return false;
      const std::size_t digits = text.size() - suffix.size();
      return text.substr(digits) == suffix && number(text.substr(0, digits), 10) == size / unit;
    };
    const std::uint64_t k = 1U << 10U;
    const std::uint64_t m = 1U << 20U;
    if (is(1, "") || is(k, "k") || is(k, "K") || is(m, "m") || is(m, "M")) return size;
  }
  return std::nullopt;
}

// --- What is compared

void list_behind_o(const std::string& list) {
  const auto request = parse({"db", "mountpoint", "-o", list});
  const auto expected = options_of(list);
  require(request.has_value() == expected.has_value(), "whether -o takes the list");
  if (!request) return;
  const Options& options = request->options;
  require(options.db == "db" && options.mountpoint == "mountpoint", "the paths");
  require(options.read_only == expected->read_only && options.no_sync == expected->no_sync &&
              options.recover == expected->recover &&
              options.allow_other == expected->allow_other && options.debug == expected->debug &&
              options.foreground == expected->foreground &&
              options.commit_on == expected->commit_on && options.uid == expected->uid &&
              options.gid == expected->gid && options.umask == expected->umask,
          "what the list of -o means");
}

void page_size(const std::string& text) {
  if (text.empty() || text == "{}") return;  // The parser takes these for no value.
  const auto request = parse({"--create=" + text, "db", "mountpoint"});
  const auto expected = page_size_of(text);
  require(request.has_value() == expected.has_value(), "whether it is a page size");
  if (request) require(request->options.create == expected, "the page size");
}

/// A path is taken as it is, whatever it looks like.
void paths(const std::string& path) {
  const auto require_taken = [&path](const fs::Outcome<fs::Request>& request) {
    require(request && !request->print, "a path is refused");
    require(request->options.db == path && request->options.mountpoint == path,
            "a path is taken for another");
  };
  if (!path.empty() && path[0] != '-') require_taken(parse({path, path}));
  if (path.empty()) {
    require(!parse({"--", path, path}), "a path that is empty is taken");
  } else {
    require_taken(parse({"--", path, path}));
  }
}

void run(std::string_view input) {
  std::vector<std::string> words;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\0'), input.size());
    words.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  (void)parse(words);
  if (words.empty()) return;
  list_behind_o(words[0]);
  page_size(words[0]);
  paths(words[0]);
}

}  // namespace
}  // namespace mappedpages::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string words(data, data + size);
  mappedpages::fuzz::run(words);
  return 0;
}
