// Names in the mount: of pages, of pages to be made, of receipts; and commands, which name pages
// too. Compared with a model that does the sums as one does on paper.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fs/commands.hpp"
#include "fs/inode.hpp"
#include "fs/names.hpp"
#include "fuzz/require.hpp"

namespace mappedpages::fuzz {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::string_view kLargestNumber = "17592186044415";  // 2^44 - 1: an inode has 44 bits.

/// A number, none, or why there is none.
struct Expected {
  std::optional<std::uint64_t> number{};
  int error = 0;
};

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool has_leading_zero(std::string_view digits) {
  return digits.size() > 1 && digits[0] == '0';
}

/// Digits without a leading zero: longer is larger, and of equal length the alphabet decides.
bool is_too_large(std::string_view digits) {
  if (digits.size() != kLargestNumber.size()) return digits.size() > kLargestNumber.size();
  return digits > kLargestNumber;
}

std::uint64_t sum_of(std::string_view digits) {
  std::uint64_t sum = 0;
  for (const char digit : digits) sum = 10 * sum + static_cast<std::uint64_t>(digit - '0');
  return sum;
}

std::optional<std::uint64_t> page_named(std::string_view name) {
  if (!all_digits(name) || has_leading_zero(name) || is_too_large(name)) return std::nullopt;
  return sum_of(name);
}

Expected new_page_named(std::string_view name) {
  if (name.size() > kLongestName) return {.error = ENAMETOOLONG};
  if (!all_digits(name)) return {};  // A staging file.
  if (has_leading_zero(name)) return {.error = EINVAL};
  if (is_too_large(name)) return {.error = ENOSPC};
  return {.number = sum_of(name)};
}

Expected pages_asked_for(std::string_view name) {
  if (name.size() > kLongestName) return {.error = ENAMETOOLONG};
  const std::size_t at = name.find('@');
  if (at == 0) return {.error = EINVAL};
  const std::string_view count = name.substr(0, at);
  if (at == std::string_view::npos || !all_digits(count)) return {.number = 1};
  if (count[0] == '0') return {.error = EINVAL};
  if (is_too_large(count)) return {.error = ENOSPC};
  return {.number = sum_of(count)};
}

template <class Answer>
int error_of(const Answer& answer) {
  return answer ? 0 : answer.error().value;
}

// --- Commands

/// What the words of a line ask for: which command, of what, and which pages.
struct ExpectedCommand {
  std::string verb{};  ///< Empty: nothing.
  bool of_protected = false;
  std::vector<std::uint64_t> numbers{};
  std::optional<fs::Reason> reason{};  ///< Why it is refused.
};

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ' ' || c == '\t') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  std::erase(words, "");
  return words;
}

std::optional<fs::Reason> add_number(const std::string& word, ExpectedCommand& command) {
  if (word.size() > kLongestName || !all_digits(word) || has_leading_zero(word)) {
    return fs::Reason::BadNumber;
  }
  if (is_too_large(word)) return fs::Reason::NotAllocated;
  command.numbers.push_back(sum_of(word));
  return std::nullopt;
}

ExpectedCommand command_of(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  ExpectedCommand command;
  if (words.empty()) return command;
  command.verb = words[0];
  const ExpectedCommand unknown{.reason = fs::Reason::BadCommand};
  if (command.verb == "sync") return words.size() == 1 ? command : unknown;
  command.of_protected = words.size() > 1 && words[1] == "protected";
  if (command.verb != "free" && !(command.verb == "discard" && command.of_protected)) {
    return unknown;
  }
  for (std::size_t i = command.of_protected ? 2 : 1; i < words.size(); ++i) {
    command.reason = add_number(words[i], command);
    if (command.reason) return command;
  }
  if (command.numbers.empty()) return unknown;
  if (std::set(command.numbers.begin(), command.numbers.end()).size() != command.numbers.size()) {
    command.reason = fs::Reason::NumberTwice;
  } else if (command.verb == "discard" && command.numbers.size() > 1) {
    return unknown;
  }
  return command;
}

template <class Number>
std::vector<std::uint64_t> values(const std::vector<Number>& numbers) {
  std::vector<std::uint64_t> found;
  for (const Number number : numbers) found.push_back(number.value);
  return found;
}

ExpectedCommand described(const fs::FreePages& free) {
  return {.verb = "free", .numbers = values(free.pages)};
}
ExpectedCommand described(const fs::FreeProtected& free) {
  return {.verb = "free", .of_protected = true, .numbers = values(free.pages)};
}
ExpectedCommand described(const fs::DiscardStage& discard) {
  return {.verb = "discard", .of_protected = true, .numbers = {discard.page.value}};
}
ExpectedCommand described(const fs::SyncPages& /*sync*/) {
  return {.verb = "sync"};
}

void check_command(std::string_view line) {
  const ExpectedCommand expected = command_of(line);
  const auto command = fs::parse_command(line);
  require(command.has_value() == !expected.reason, "whether a line is a command");
  if (!command) return require(command.error().reason == *expected.reason, "why it is none");
  require(command->has_value() == !expected.verb.empty(), "whether a line is blank");
  if (!*command) return;
  const auto found = std::visit([](const auto& one) { return described(one); }, **command);
  require(found.verb == expected.verb && found.of_protected == expected.of_protected,
          "which command");
  require(found.numbers == expected.numbers, "the pages of a command");
}

/// The input as what is written to .ctl/command: every byte is in one line, but for the newlines.
void check_commands(std::string_view text) {
  std::string joined;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t before = rest.size();
    const std::string_view line = fs::take_line(rest);
    require(rest.size() < before, "a line takes something");
    require(line.find('\n') == std::string_view::npos, "a line is one line");
    joined += line;
    if (before - rest.size() > line.size()) joined += '\n';
    check_command(line);
  }
  require(joined == text, "nothing is lost between lines");
}

void run(std::string_view name) {
  require(sum_of(kLargestNumber) == fs::Inode::kMaxNumber, "the model knows another inode");
  const auto page = fs::parse_number(name);
  require(page == page_named(name), "the number of a page");
  if (page) require(std::to_string(*page) == name, "a page with two names");

  const auto made = fs::parse_new_name(name);
  const Expected expected = new_page_named(name);
  require(error_of(made) == expected.error, "whether a page of this name can be made");
  if (made) require(*made == expected.number, "the number of a page to be made");
  if (made && name.size() <= kLongestName) {
    require(*made == page, "what can be made can be found, and the reverse");
  }

  const auto count = fs::parse_receipt_count(name);
  const Expected asked = pages_asked_for(name);
  require(error_of(count) == asked.error, "whether a receipt can have this name");
  if (count) require(count->value == asked.number && count->value > 0, "how many pages");
}

}  // namespace
}  // namespace mappedpages::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string name(data, data + size);
  mappedpages::fuzz::run(name);
  mappedpages::fuzz::check_commands(name);
  return 0;
}
