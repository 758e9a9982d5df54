#include "e2e/storm/client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

namespace mappedpages::test::storm {

Client::Client(const std::function<void()>& work) {
  const pid_t parent = ::getpid();
  (void)std::fflush(nullptr);
  // What we have for a signal must not take one that is meant for the client.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  if (pid_ != 0) ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) ADD_FAILURE() << "cannot fork";
  if (pid_ != 0) return;
  for (const int number : {SIGTERM, SIGINT, SIGSEGV}) std::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // Signals for who started us are not for us.
  if (::getppid() != parent) ::_exit(1);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  work();
  ::_exit(0);
}

Client::Client(Client&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}

Client::~Client() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

int Client::wait() {
  int status = 0;
  while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

void Complaint::say(std::string_view text) {
  if (taken_.exchange(true)) return;
  const std::size_t length = std::min(text.size(), text_.size());
  std::copy_n(text.begin(), length, text_.begin());
  length_ = length;
}

std::string Complaint::text() const {
  return {text_.data(), length_.load()};
}

Marks::Marks() {
  if (::pipe2(pipe_.data(), O_CLOEXEC) != 0) ADD_FAILURE() << "cannot make a pipe";
  // A client that is ahead of us must not wait for us.
  ::fcntl(pipe_[1], F_SETFL, O_NONBLOCK);
}

Marks::~Marks() {
  ::close(pipe_[0]);
  close_writing();
}

void Marks::make() const {
  (void)!::write(pipe_[1], ".", 1);
}

void Marks::close_writing() {
  if (pipe_[1] >= 0) ::close(std::exchange(pipe_[1], -1));
}

void Marks::wait_for(std::uint64_t count) const {
  std::array<char, 256> some{};
  while (count > 0) {
    const ssize_t got = ::read(pipe_[0], some.data(), std::min<std::uint64_t>(count, some.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    count -= static_cast<std::uint64_t>(got);
  }
}

}  // namespace mappedpages::test::storm
