#include "fs/names.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "fs/inode.hpp"

namespace mappedpages::fs {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool canonical(std::string_view digits) {
  return digits == "0" || digits.front() != '0';
}

/// The number that digits write, if an inode can hold it.
std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || number > Inode::kMaxNumber) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view name) {
  if (!all_digits(name) || !canonical(name)) return std::nullopt;
  return number_of(name);
}

Answer<std::optional<std::uint64_t>> parse_new_name(std::string_view name) {
  if (name.size() > kMaxNameLength) return fail(Reason::NameTooLong);
  if (!all_digits(name)) return std::nullopt;
  if (!canonical(name)) return fail(Reason::LeadingZero);
  const auto number = number_of(name);
  if (!number) return fail(Reason::NumberTooLarge);
  return number;
}

Answer<PageCount> parse_receipt_count(std::string_view name) {
  if (name.size() > kMaxNameLength) return fail(Reason::NameTooLong);
  const std::size_t at = name.find('@');
  if (at == std::string_view::npos) return PageCount{1};
  const std::string_view count = name.substr(0, at);
  if (count.empty()) return fail(Reason::BadCount);
  if (!all_digits(count)) return PageCount{1};
  if (count.front() == '0') return fail(Reason::BadCount);
  const auto number = number_of(count);
  if (!number) return fail(Reason::NumberTooLarge);
  return PageCount{*number};
}

}  // namespace mappedpages::fs
