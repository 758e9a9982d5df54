#include "fs/commands.hpp"

#include <algorithm>
#include <string>

#include "fs/names.hpp"

namespace mappedpages::fs {
namespace {

constexpr std::string_view kBlanks = " \t";

/// As much of a line as an error repeats.
constexpr std::size_t kMostRepeated = 40;

std::string quoted(std::string_view text) {
  std::string quote = "\"" + std::string(text.substr(0, kMostRepeated));
  return quote + (text.size() > kMostRepeated ? "…\"" : "\"");
}

/// The next word of a line; empty at its end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

/// The numbers up to the end of the line.
template <class Number>
Answer<std::vector<Number>> take_numbers(std::string_view line) {
  std::vector<Number> numbers;
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    const auto number = parse_new_name(word);
    if (!number && number.error().reason == Reason::NumberTooLarge) {
      return fail(Reason::NotAllocated, quoted(word));
    }
    if (!number || !*number) return fail(Reason::BadNumber, quoted(word));
    numbers.emplace_back(**number);
  }
  std::vector<Number> sorted = numbers;
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice != sorted.end()) return fail(Reason::NumberTwice, std::to_string(twice->value));
  return numbers;
}

}  // namespace

Answer<std::optional<ControlCommand>> parse_command(std::string_view line) {
  const auto unknown = [line] { return fail(Reason::BadCommand, quoted(line)); };
  std::string_view rest = line;
  const std::string_view verb = take_word(rest);
  if (verb.empty()) return std::nullopt;
  if (verb == "sync") {
    if (!take_word(rest).empty()) return unknown();
    return SyncPages{};
  }
  std::string_view behind = rest;
  const bool of_protected = take_word(behind) == "protected";
  if (verb == "free" && !of_protected) {
    auto pages = take_numbers<PageNumber>(rest);
    if (!pages) return tl::unexpected(pages.error());
    if (pages->empty()) return unknown();
    return FreePages{*std::move(pages)};
  }
  if (!of_protected || (verb != "free" && verb != "discard")) return unknown();
  auto pages = take_numbers<ProtectedNumber>(behind);
  if (!pages) return tl::unexpected(pages.error());
  if (pages->empty() || (verb == "discard" && pages->size() != 1)) return unknown();
  if (verb == "discard") return DiscardStage{pages->front()};
  return FreeProtected{*std::move(pages)};
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace mappedpages::fs
