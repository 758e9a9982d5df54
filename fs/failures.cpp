#include "fs/failures.hpp"

#include <array>
#include <cerrno>
#include <cstdio>

namespace mappedpages::fs {
namespace {

std::string escaped(std::string_view text) {
  constexpr unsigned char kFirstPrintable = 0x20;
  constexpr unsigned char kDelete = 0x7f;
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= kFirstPrintable && byte != kDelete) {
      line += c;
      continue;
    }
    char code[5];
    std::snprintf(code, sizeof code, "\\x%02x", byte);
    line += code;
  }
  return line;
}

}  // namespace

std::string_view name_of(Operation operation) {
  constexpr std::array<std::string_view, 19> kNames{
      "lookup",  "stat",      "open",   "create", "read",    "write",    "truncate",
      "setattr", "fallocate", "fsync",  "close",  "readdir", "readlink", "mkdir",
      "rmdir",   "unlink",    "rename", "link",   "setxattr"};
  static_assert(kNames.size() == static_cast<std::size_t>(Operation::SetXattr) + 1);
  return kNames[static_cast<std::size_t>(operation)];
}

bool is_worth_telling(Operation operation, const Errno& error) {
  if (operation == Operation::Lookup && error.value == ENOENT) return false;
  const bool by_name = operation == Operation::Lookup || operation == Operation::Stat ||
                       operation == Operation::Open || operation == Operation::Truncate;
  return !(by_name && error.value == ESTALE);
}

std::string describe_failure(Operation operation, std::string_view path, const Errno& error) {
  const ReasonFacts& facts = facts_of(error.reason);
  std::string line(name_of(operation));
  line += ' ';
  line += escaped(path);
  line += ": ";
  line += facts.os_error_name;
  line += ": ";
  line += facts.sentence;
  if (!error.detail.empty()) line += " (" + escaped(error.detail) + ")";
  return line;
}

}  // namespace mappedpages::fs
