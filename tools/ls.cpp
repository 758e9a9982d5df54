// mappedpages ls: the allocated pages.
#include <cstdio>
#include <string>

#include "base/checksum.hpp"
#include "base/try.hpp"
#include "tools/command.hpp"
#include "tools/failure.hpp"
#include "tools/json_output.hpp"
#include "tools/reader.hpp"

namespace mappedpages::tools {
namespace {

/// Walks the pages of one file, and reads them if their CRCs are wanted.
class Lister {
 public:
  Lister(const Engine& engine, bool with_crc, Terminal& terminal)
      : engine_(engine),
        terminal_(terminal),
        progress_(with_crc ? terminal.progress("reading") : Progress()),
        total_(engine.counts().regular.value + engine.counts().protected_pages.value),
        page_(with_crc ? engine.page_size() : 0) {
    list_.page_size = engine.page_size();
    list_.with_crc = with_crc;
  }

  Result<PageList> run() {
    for (auto page = engine_.next_page({}); page;
         page = engine_.next_page(PageNumber{page->value + 1})) {
      TRY(add(*page));
    }
    for (auto page = engine_.next_protected({}); page;
         page = engine_.next_protected(ProtectedNumber{page->value + 1})) {
      TRY(add(*page));
    }
    return std::move(list_);
  }

 private:
  Status add(PageNumber number) {
    ListedPage listed{.number = number};
    if (list_.with_crc) {
      TRY(engine_.read(number, 0, page_));
      listed.crc32 = crc32(page_);
    }
    list_.pages.push_back(listed);
    step();
    return {};
  }

  Status add(ProtectedNumber number) {
    TRY_ASSIGN(const ProtectedInfo info, engine_.info(number));
    ListedProtected listed{.number = number, .info = info, .crc32 = {}};
    if (list_.with_crc) {
      if (const auto read = engine_.read(number, page_)) {
        listed.crc32 = crc32(page_);
      } else {
        terminal_.warning("protected page " + std::to_string(number.value) +
                          " cannot be read: " + read.error().message());
      }
    }
    list_.protected_pages.push_back(listed);
    step();
    return {};
  }

  void step() {
    if (progress_) progress_(++done_, total_);
  }

  const Engine& engine_;
  Terminal& terminal_;
  Progress progress_;
  std::uint64_t done_ = 0;
  std::uint64_t total_;
  std::vector<std::byte> page_;
  PageList list_;
};

/// One table for both kinds, for people and for awk.
std::string to_text(const PageList& list) {
  const char* const format = "%-9s %12s %12s  %-6s  %s";
  std::string text;
  const auto row = [&](const char* kind, const std::string& number, const std::string& generation,
                       const char* active, const std::string& crc) {
    char line[128];
    std::snprintf(line, sizeof line, format, kind, number.c_str(), generation.c_str(), active,
                  list.with_crc ? crc.c_str() : "");
    text += line;
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  row("KIND", "NUMBER", "GENERATION", "ACTIVE", "CRC32");
  for (const ListedPage& page : list.pages) {
    row("page", std::to_string(page.number.value), "-", "-", crc_text(page.crc32));
  }
  for (const ListedProtected& page : list.protected_pages) {
    row("protected", std::to_string(page.number.value), std::to_string(page.info.generation),
        page.info.active_slot == 0 ? "A" : "B", page.crc32 ? crc_text(*page.crc32) : "unreadable");
  }
  return text;
}

int run_ls(Arguments& arguments, Terminal& terminal) {
  std::string db;
  bool json = false;
  bool crc = false;
  arguments.describe(
      "Lists the allocated pages. Changes nothing.",
      "Examples:\n"
      "  mappedpages ls db.bin\n"
      "  mappedpages ls --json --crc db.bin | jq -r '.pages[].crc32'\n\n"
      "Exit codes: 0 listed, 1 usage, 2 cannot be read, 3 not a pager file or another version,\n"
      "4 damaged, 5 locked");
  arguments.required("DB", db, "The pager file");
  arguments.flag("--json", json, "Print one JSON object");
  arguments.flag("--crc", crc, "Read every page and print the CRC32 of what a reader gets");
  if (const auto done = arguments.parse(terminal)) return *done;

  const auto engine = open_to_read(db, terminal);
  if (!engine) return static_cast<int>(fail(terminal, engine.error(), db));
  const auto list = Lister(**engine, crc, terminal).run();
  if (!list) return static_cast<int>(fail(terminal, list.error(), db));
  return static_cast<int>(print_result(terminal, json ? to_json(*list) : to_text(*list)));
}

}  // namespace

Command ls_command() {
  return {.name = "ls", .summary = "the allocated pages", .run = run_ls};
}

}  // namespace mappedpages::tools
