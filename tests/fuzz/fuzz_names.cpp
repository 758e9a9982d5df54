// Names in the mount: of pages, of pages to be made, of receipts. Compared with a model that does
// the sums as one does on paper.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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
  return 0;
}
