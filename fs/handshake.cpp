#include "fs/handshake.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <system_error>

namespace mappedpages::fs {
namespace {

Failure system_failure(const char* what) {
  return {ExitCode::Runtime, std::string(what) + ": " + std::generic_category().message(errno)};
}

// On the pipe: the exit code as one byte, and the message behind it.
void send(int fd, ExitCode code, const std::string& message) {
  const std::string word = static_cast<char>(code) + message;
  std::size_t sent = 0;
  while (sent < word.size()) {
    const ssize_t put = ::write(fd, word.data() + sent, word.size() - sent);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return;  // The parent is gone; there is nobody to tell.
    sent += static_cast<std::size_t>(put);
  }
}

std::string receive(int fd) {
  std::string word;
  std::array<char, 512> part{};
  for (;;) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return word;
    word.append(part.data(), static_cast<std::size_t>(got));
  }
}

void detach_standard_streams() {
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(null.get(), stream);
  }
}

Outcome<pid_t> wait_for_word(FileDescriptor pipe, pid_t child) {
  const std::string word = receive(pipe.get());
  if (word.empty()) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return tl::unexpected(Failure{ExitCode::Runtime, "the daemon ended before it had mounted"});
  }
  const auto code = static_cast<ExitCode>(word.front());
  if (code == ExitCode::Ok) return child;
  int status = 0;
  ::waitpid(child, &status, 0);  // So that everything of it is gone when we say that it failed.
  return tl::unexpected(Failure{code, word.substr(1)});
}

}  // namespace

void Handshake::ready() {
  if (!parent_) return;
  detach_standard_streams();
  send(parent_.get(), ExitCode::Ok, "");
  parent_.reset();
}

void Handshake::failed(const Failure& failure) {
  if (!parent_) return;
  send(parent_.get(), failure.code, failure.message);
  parent_.reset();
}

Outcome<pid_t> run_in_background(const std::function<int(Handshake)>& daemon) {
  (void)::close_range(STDERR_FILENO + 1, std::numeric_limits<unsigned>::max(), 0);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(system_failure("pipe"));
  FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return tl::unexpected(system_failure("fork"));
  if (child > 0) {
    writing.reset();
    return wait_for_word(std::move(reading), child);
  }
  reading.reset();
  ::setsid();
  const int code = daemon(Handshake(std::move(writing)));
  std::exit(code);  // NOLINT(concurrency-mt-unsafe): its threads have ended.
}

}  // namespace mappedpages::fs
