#include "run_tool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/file_descriptor.hpp"

namespace mappedpages::test {
namespace {

constexpr uid_t kNobody = 65534;
constexpr int kCannotStart = 127;

/// The ends that the child writes to, and where the test finds what it wrote.
struct Streams {
  FileDescriptor out;
  FileDescriptor err;
  FileDescriptor screen;  // The test's side of the terminal, if err is one.
};

FileDescriptor memory() {
  return FileDescriptor(::memfd_create("output", MFD_CLOEXEC));
}

FileDescriptor pipe_without_reader() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  ::close(ends[0]);
  return FileDescriptor(ends[1]);
}

Streams open_streams(const Circumstances& circumstances) {
  Streams streams;
  if (circumstances.out_is_left_pipe) {
    streams.out = pipe_without_reader();
  } else if (circumstances.out_to.empty()) {
    streams.out = memory();
  } else {
    streams.out = FileDescriptor(::open(circumstances.out_to.c_str(), O_WRONLY | O_CLOEXEC));
  }
  if (circumstances.on_terminal.empty()) {
    streams.err = memory();
    return streams;
  }
  int screen = -1;
  int side = -1;
  if (::openpty(&screen, &side, nullptr, nullptr, nullptr) == 0) {
    streams.screen = FileDescriptor(screen);
    streams.err = FileDescriptor(side);
  }
  return streams;
}

/// Only calls that are allowed between fork and exec of a program with threads.
[[noreturn]] void become_tool(int program, char* const* words, char* const* environment,
                              const Streams& streams, const Circumstances& circumstances) {
  ::dup2(streams.out.get(), STDOUT_FILENO);
  ::dup2(streams.err.get(), STDERR_FILENO);
  for (const int fd : circumstances.closed) ::close(fd);
  if (circumstances.file_size_limit != 0) {
    const rlimit limit{circumstances.file_size_limit, circumstances.file_size_limit};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (circumstances.as_nobody && ::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) {
    ::_exit(kCannotStart);
  }
  ::fexecve(program, words, environment);
  ::_exit(kCannotStart);
}

std::string read_all(int fd, bool from_start) {
  if (from_start) ::lseek(fd, 0, SEEK_SET);
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;  // A terminal ends in an error.
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  constexpr int kSignalled = 128;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Outcome run_tool(const std::vector<std::string>& words, const Circumstances& circumstances) {
  const FileDescriptor program(::open(MAPPEDPAGES_TOOL, O_RDONLY | O_CLOEXEC));
  Streams streams = open_streams(circumstances);
  if (!program || !streams.out || !streams.err) {
    ADD_FAILURE() << "cannot run " << MAPPEDPAGES_TOOL;
    return {};
  }
  std::vector<std::string> called{circumstances.called_as};
  called.insert(called.end(), words.begin(), words.end());
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "TERM=" + circumstances.on_terminal};
  if (circumstances.no_color) environment.emplace_back("NO_COLOR=1");
  const auto argv = pointers(called);
  const auto envp = pointers(environment);

  const pid_t child = ::fork();
  if (child == 0) become_tool(program.get(), argv.data(), envp.data(), streams, circumstances);
  if (child < 0) {
    ADD_FAILURE() << "cannot fork";
    return {};
  }
  Outcome outcome;
  if (streams.screen) {  // Read while it runs: a terminal holds little.
    streams.err = {};
    outcome.err = read_all(streams.screen.get(), false);
  }
  outcome.exit = wait_for(child);
  if (!streams.screen) outcome.err = read_all(streams.err.get(), true);
  if (circumstances.out_to.empty() && !circumstances.out_is_left_pipe) {
    outcome.out = read_all(streams.out.get(), true);
  }
  return outcome;
}

FileState state_of(const std::filesystem::path& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) ADD_FAILURE() << "cannot stat " << path;
  const auto nanoseconds = [](const timespec& time) {
    constexpr std::int64_t kBillion = 1'000'000'000;
    return time.tv_sec * kBillion + time.tv_nsec;
  };
  std::ostringstream bytes;
  if (S_ISREG(facts.st_mode) && facts.st_size > 0) bytes << std::ifstream(path).rdbuf();
  return {bytes.str(), nanoseconds(facts.st_mtim), nanoseconds(facts.st_ctim), facts.st_ino};
}

bool is_one_line(const std::string& text) {
  return text.size() > 1 && text.find('\n') == text.size() - 1;
}

}  // namespace mappedpages::test
