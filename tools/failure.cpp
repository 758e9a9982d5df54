#include "tools/failure.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/open_failure.hpp"
#include "base/text.hpp"

namespace mappedpages::tools {
namespace {

std::string advice_for_system_error(int os_error, const std::string& db) {
  switch (os_error) {
    case ENOENT:
      return "check the path, or make a new file with `mappedpages create " + shell_word(db) + "`";
    case EISDIR:
      return "give the pager file itself";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions of the file and of its directories";
    default:
      return {};
  }
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  if (error.code() == ErrorCode::InvalidArgument) return ExitCode::Usage;
  return static_cast<ExitCode>(open_failure(error.code()));
}

namespace {

/// As half a sentence; empty where nobody knows.
std::string advice_for(const Error& error, const std::string& db) {
  switch (exit_code_of(error)) {
    case ExitCode::NotAPagerFile:
      return error.code() == ErrorCode::UnsupportedVersion
                 ? "use the release that wrote it"
                 : "check the path; the file was not touched";
    case ExitCode::Damaged:
      return "`mappedpages check " + shell_word(db) + "` says more";
    case ExitCode::Locked:
      return "unmount it or end that process, then try again";
    case ExitCode::CannotOpen:
      return advice_for_system_error(error.os_error(), db);
    default:
      return {};
  }
}

}  // namespace

ExitCode fail_with_advice(Terminal& terminal, const Error& error, const std::string& advice) {
  terminal.error(error.message() + (advice.empty() ? "" : "; " + advice));
  return exit_code_of(error);
}

ExitCode fail(Terminal& terminal, const Error& error, const std::string& db) {
  return fail_with_advice(terminal, error, advice_for(error, db));
}

ExitCode print_result(Terminal& terminal, const std::string& text) {
  const Status printed = terminal.print(text);
  if (printed) return ExitCode::Ok;
  if (printed.error().os_error() != EPIPE) terminal.error(printed.error().message());
  return ExitCode::CannotOpen;
}

}  // namespace mappedpages::tools
