// mappedpages info: what a pager file is and holds.
#include <cstdio>
#include <string>

#include "base/text.hpp"
#include "tools/command.hpp"
#include "tools/failure.hpp"
#include "tools/json_output.hpp"
#include "tools/reader.hpp"

namespace mappedpages::tools {
namespace {

FileInfo collect(const Engine& engine, const std::string& db) {
  FileInfo info{.file = db,
                .page_size = engine.page_size(),
                .capacity = engine.capacity(),
                .counts = engine.counts(),
                .facts = engine.facts(),
                .recovery = {}};
  for (const Problem& problem : engine.open_report().problems) {
    if (problem.severity != Severity::Error) continue;
    info.recovery.push_back(problem.where + ": " + problem.detail);
  }
  const auto& actions = engine.open_report().actions;
  info.recovery.insert(info.recovery.end(), actions.begin(), actions.end());
  return info;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kStep = 1024;
  auto size = static_cast<double>(bytes);
  const char* unit = "bytes";
  for (const char* larger : {"KiB", "MiB", "GiB", "TiB"}) {
    if (size < static_cast<double>(kStep)) break;
    size /= static_cast<double>(kStep);
    unit = larger;
  }
  char text[48];
  std::snprintf(text, sizeof text, bytes < kStep ? "%.0f %s" : "%.1f %s", size, unit);
  return text;
}

std::string pages_text(PageCount pages, std::uint64_t page_size) {
  return std::to_string(pages.value) + " pages, " + size_text(pages.value * page_size);
}

std::string to_text(const FileInfo& info) {
  const auto line = [](std::string_view label, const std::string& value) {
    constexpr std::size_t kColumn = 18;
    std::string text(label);
    text.resize(kColumn, ' ');
    return text + value + "\n";
  };
  std::string text = line("file", one_line(info.file)) + line("format", info.facts.format) +
                     line("page size", std::to_string(info.page_size) + " bytes") +
                     line("in the file", pages_text(info.counts.total, info.page_size)) +
                     line("capacity", pages_text(info.capacity, info.page_size)) +
                     line("regular pages", std::to_string(info.counts.regular.value)) +
                     line("protected pages", std::to_string(info.counts.protected_pages.value)) +
                     line("free pages", std::to_string(info.counts.free.value)) +
                     line("generation", std::to_string(info.counts.generation.value)) +
                     line("metadata", info.facts.active_metadata == 0 ? "A" : "B") +
                     line("directory blocks", std::to_string(info.facts.directory_blocks)) +
                     line("last writer", info.facts.last_writer);
  if (info.recovery.empty()) return text + line("recovery", "nothing to do");
  for (const std::string& step : info.recovery) text += line("recovery", step);
  return text;
}

int run_info(Arguments& arguments, Terminal& terminal) {
  std::string db;
  bool json = false;
  arguments.describe(
      "Tells what a pager file is and holds. Changes nothing.",
      "Examples:\n"
      "  mappedpages info db.bin\n"
      "  mappedpages info --json db.bin | jq .free_pages\n\n"
      "Exit codes: 0 told, 1 usage, 2 cannot be read, 3 not a pager file or another version,\n"
      "4 damaged, 5 locked");
  arguments.required("DB", db, "The pager file");
  arguments.flag("--json", json, "Print one JSON object");
  if (const auto done = arguments.parse(terminal)) return *done;

  const auto engine = open_to_read(db, terminal);
  if (!engine) return static_cast<int>(fail(terminal, engine.error(), db));
  const FileInfo info = collect(**engine, db);
  return static_cast<int>(print_result(terminal, json ? to_json(info) : to_text(info)));
}

}  // namespace

Command info_command() {
  return {.name = "info", .summary = "what a pager file is and holds", .run = run_info};
}

}  // namespace mappedpages::tools
