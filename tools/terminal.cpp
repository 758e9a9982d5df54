#include "tools/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/text.hpp"

namespace mappedpages::tools {
namespace {

constexpr std::string_view kRed = "\033[1;31m";
constexpr std::string_view kYellow = "\033[1;33m";
constexpr std::string_view kPlain = "\033[0m";
constexpr std::string_view kClearLine = "\r\033[K";

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread.
  return value != nullptr && *value != '\0';
}

bool standard_error_is_terminal() {
  const char* kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread.
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

/// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return 0;
}

}  // namespace

Terminal::Terminal(std::string program)
    : program_(std::move(program)),
      on_terminal_(standard_error_is_terminal()),
      colored_(on_terminal_ && !is_set("NO_COLOR")) {}

void Terminal::error(std::string_view message_text) {
  message("error: ", kRed, message_text);
}

void Terminal::warning(std::string_view message_text) {
  if (!quiet_) message("warning: ", kYellow, message_text);
}

void Terminal::notice(std::string_view message_text) {
  if (!quiet_) message("", "", message_text);
}

void Terminal::message(std::string_view label, std::string_view color, std::string_view text) {
  clear_progress();
  std::string line = one_line(program_) + ": ";
  if (colored_) line += color;
  line += label;
  if (colored_ && !color.empty()) line += kPlain;
  line += one_line(text) + "\n";
  (void)write_all(STDERR_FILENO, line);  // There is nowhere left to complain.
}

Status Terminal::print(std::string_view text) {
  if (const int failure = write_all(STDOUT_FILENO, text); failure != 0) {
    return tl::unexpected(Error(ErrorCode::Io, "cannot write to standard output", failure));
  }
  return {};
}

Progress Terminal::progress(std::string what) {
  if (quiet_ || !on_terminal_) return {};
  return [this, what = std::move(what)](std::uint64_t done, std::uint64_t total) {
    if (done >= total) return clear_progress();
    constexpr std::uint64_t kHundred = 100;
    constexpr std::uint64_t kPercentPerCell = 4;
    const auto percent =
        static_cast<std::uint64_t>(static_cast<double>(done) / static_cast<double>(total) * 100);
    if (drawn_ == percent + 1) return;
    drawn_ = percent + 1;
    std::string line(kClearLine);
    line += what + " [" + std::string(percent / kPercentPerCell, '#') +
            std::string((kHundred - percent) / kPercentPerCell, ' ') + "] " +
            std::to_string(percent) + "%";
    (void)write_all(STDERR_FILENO, line);
  };
}

void Terminal::clear_progress() {
  if (std::exchange(drawn_, 0) != 0) (void)write_all(STDERR_FILENO, kClearLine);
}

}  // namespace mappedpages::tools
