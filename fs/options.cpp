#include "fs/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <filesystem>
#include <string_view>

namespace mappedpages::fs {
namespace {

constexpr const char* kVersion = "mappedpagesfs " MAPPEDPAGES_VERSION;

constexpr const char* kFooter =
    "Mount options (-o, separated by commas):\n"
    "  ro                  read-only; several such mounts may share a file\n"
    "  commit=close|fsync  when protected pages are committed (default close)\n"
    "  recover             open a damaged file through the copies that are left\n"
    "  untrusted           check all of the file first, refuse any damage, mount read-only\n"
    "  nosync              drop every flush: for files that may be lost\n"
    "  uid=N,gid=N,umask=M owner and permissions of everything (default: the owner of DB, 077)\n"
    "  allow_other         other users too, within the permissions\n"
    "\n"
    "Exit codes: 0 mounted, 1 usage, 2 cannot open DB, 3 not a pager file, 4 damaged,\n"
    "5 locked, 6 mountpoint, 7 FUSE, 8 failed while running.\n"
    "\n"
    "Examples:\n"
    "  mappedpagesfs --create pages.db /mnt/pages   make pages.db if it is missing, and mount it\n"
    "  d=$(mktemp -d /mnt/pages/alloc/pages/XXXXXX) allocate a page; ls $d tells its number\n"
    "  dd if=x of=/mnt/pages/pages/3 conv=notrunc,fsync\n"
    "  fusermount3 -u /mnt/pages                    unmount\n";

tl::unexpected<Failure> usage(std::string message) {
  return tl::unexpected(
      Failure{ExitCode::Usage, std::move(message) + " (mappedpagesfs --help tells more)"});
}

template <class Number>
bool parse_whole(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// Bytes, with k or M behind the number if one likes.
std::optional<std::uint64_t> parse_page_size(std::string_view text) {
  std::uint64_t factor = 1;
  if (text.ends_with('k') || text.ends_with('K')) factor = std::uint64_t{1} << 10U;
  if (text.ends_with('m') || text.ends_with('M')) factor = std::uint64_t{1} << 20U;
  if (factor != 1) text.remove_suffix(1);
  std::uint64_t number = 0;
  constexpr std::uint64_t kLargest = std::uint64_t{16} << 20U;
  if (!parse_whole(text, number) || number > kLargest) return std::nullopt;
  return number * factor;
}

bool is_valid_page_size(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= 1U << 10U && bytes <= 1U << 24U;
}

/// What mount(8), fstab and systemd say to each other, and what we do in any case.
bool is_swallowed(std::string_view option) {
  constexpr std::array kIgnored{"rw",       "dev",
                                "nodev",    "suid",
                                "nosuid",   "exec",
                                "noexec",   "auto",
                                "noauto",   "user",
                                "nouser",   "users",
                                "owner",    "group",
                                "_netdev",  "nofail",
                                "defaults", "async",
                                "atime",    "noatime",
                                "relatime", "default_permissions"};
  return std::ranges::find(kIgnored, option) != kIgnored.end() || option.starts_with("x-") ||
         option.starts_with("X-") || option.starts_with("comment=") ||
         option.starts_with("user=") || option.empty();
}

/// Options of -o that have a value.
Outcome<bool> take_value(Options& options, std::string_view name, std::string_view value) {
  constexpr int kOctal = 8;
  const auto wrong = [name, value] {
    return usage("-o " + std::string(name) + "=" + std::string(value) + " is not valid");
  };
  if (name == "commit") {
    if (value != "close" && value != "fsync") return wrong();
    options.commit_on = value == "close" ? CommitOn::Close : CommitOn::Fsync;
    return true;
  }
  if (name == "uid" && !parse_whole(value, options.uid.emplace())) return wrong();
  if (name == "gid" && !parse_whole(value, options.gid.emplace())) return wrong();
  if (name == "umask" && !parse_whole(value, options.umask.emplace(), kOctal)) return wrong();
  return name == "uid" || name == "gid" || name == "umask";
}

Outcome<void> take_mount_option(Options& options, std::string_view option) {
  const std::size_t equals = option.find('=');
  if (option == "ro") {
    options.read_only = true;
  } else if (option == "nosync") {
    options.no_sync = true;
  } else if (option == "recover") {
    options.recover = true;
  } else if (option == "untrusted") {
    options.untrusted = true;
    options.read_only = true;
  } else if (option == "allow_other") {
    options.allow_other = true;
  } else if (option == "debug") {
    options.debug = true;
  } else if (option == "remount") {
    return usage("a mount cannot be changed: unmount it, then mount it anew");
  } else if (!is_swallowed(option)) {
    if (equals == std::string_view::npos) return usage("unknown option -o " + std::string(option));
    const auto taken = take_value(options, option.substr(0, equals), option.substr(equals + 1));
    if (!taken) return tl::unexpected(taken.error());
    if (!*taken) return usage("unknown option -o " + std::string(option));
  }
  return {};
}

Outcome<void> take_mount_options(Options& options, const std::vector<std::string>& lists) {
  for (const std::string& list : lists) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (auto taken = take_mount_option(options, rest.substr(0, comma)); !taken) return taken;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return {};
}

/// What CLI11 fills.
struct Words {
  std::size_t count = 0;          ///< That are no options.
  std::vector<std::string> more;  ///< Behind DB and MOUNTPOINT.
  std::vector<std::string> mount_options;
  std::string create;
  bool version = false;
  bool verbose = false;
  bool quiet = false;
};

void describe(CLI::App& app, Words& words, Options& options) {
  app.set_help_flag("-h,--help", "print this and leave");
  app.footer(kFooter);
  // Each on its own: a list would take "[a,b]" for two words.
  app.add_option("DB", options.db, "the pager file")->option_text(" ");
  app.add_option("MOUNTPOINT", options.mountpoint, "the directory to mount it on")
      ->option_text(" ");
  app.add_option("more", words.more)->group("");
  app.add_option("-o", words.mount_options, "mount options, see below")
      ->allow_extra_args(false)
      ->option_text("OPTION,...");
  app.add_flag("--create{4096}", words.create,
               "make DB if it is missing, with pages of P bytes (--create=P; default 4096)");
  app.add_flag("-f,--foreground", options.foreground, "stay in the foreground, log to stderr");
  app.add_flag("-d,--debug", options.debug, "print every request (implies -f)");
  app.add_flag("-s,--single-threaded", options.single_threaded, "answer one request at a time");
  app.add_flag("-v,--verbose", words.verbose, "log more");
  app.add_flag("-q,--quiet", words.quiet, "log warnings and errors alone");
  app.add_option("--log-file", options.log_file, "log to this file instead of syslog");
  app.add_option("--pidfile", options.pid_file, "write the daemon's process id to this file");
  app.add_flag("-V,--version", words.version, "print the version and leave");
}

/// Words that are there and empty: mostly variables of a script that were never set.
Outcome<void> require_no_empty_word(const CLI::App& app, const Options& options) {
  const std::pair<const char*, const std::string&> words[] = {{"DB", options.db},
                                                              {"MOUNTPOINT", options.mountpoint},
                                                              {"--log-file", options.log_file},
                                                              {"--pidfile", options.pid_file}};
  for (const auto& [name, word] : words) {
    if (app.count(name) != 0 && word.empty()) return usage(std::string(name) + " is empty");
  }
  return {};
}

Outcome<void> take_words(Options& options, const Words& words) {
  if (words.count != 2) {
    return usage("expected DB and MOUNTPOINT, got " + std::to_string(words.count) +
                 (words.count == 1 ? " word" : " words"));
  }
  if (!words.create.empty()) {
    options.create = parse_page_size(words.create);
    if (!options.create || !is_valid_page_size(*options.create)) {
      return usage("--create=" + words.create +
                   ": a page size is a power of two from 1024 to 16777216 bytes");
    }
  }
  // The daemon leaves the directory that these are relative to.
  for (std::string* path : {&options.log_file, &options.pid_file}) {
    if (!path->empty()) *path = std::filesystem::absolute(*path).string();
  }
  options.verbosity = words.quiet ? -1 : words.verbose ? 1 : 0;
  auto taken = take_mount_options(options, words.mount_options);
  if (options.debug) options.foreground = true;  // However it was asked for.
  return taken;
}

}  // namespace

Outcome<Request> parse_command_line(std::vector<std::string> arguments) {
  CLI::App app("Mounts a pager file: every page of it is a file.", "mappedpagesfs");
  Request request;
  Words words;
  describe(app, words, request.options);
  // CLI11 takes this for --create.
  if (std::ranges::find(arguments.begin(), std::ranges::find(arguments, "--"), "--create=") !=
      std::ranges::find(arguments, "--")) {
    return usage("--create= is empty: give a page size in bytes behind it, or nothing");
  }
  std::ranges::reverse(arguments);  // CLI11 takes them from the back.
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    request.print = app.help();
    return request;
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  for (const char* word : {"DB", "MOUNTPOINT", "more"}) words.count += app.count(word);
  if (words.version) {
    request.print = std::string(kVersion) + "\n";
    return request;
  }
  if (auto named = require_no_empty_word(app, request.options); !named) {
    return tl::unexpected(named.error());
  }
  if (auto taken = take_words(request.options, words); !taken) {
    return tl::unexpected(taken.error());
  }
  return request;
}

}  // namespace mappedpages::fs
