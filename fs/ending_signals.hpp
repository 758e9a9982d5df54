// SIGTERM, SIGINT and SIGHUP end a loop.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>
#include <utility>

namespace mappedpages::fs {

/// libfuse looks whether it shall end, and then sleeps: a signal between the two would be slept
/// through. So a thread of its own takes the signals, and wakes the loop until that has ended.
///
/// Made by the thread that runs the loop, and before others: who inherits its mask is not
/// interrupted. The signals stay blocked afterwards: what is left to do, the last flush above all,
/// ends by itself, and a second signal must not cut it short.
class EndingSignals {
 public:
  /// `end`: tells the loop that it shall end.
  explicit EndingSignals(std::function<void()> end) : end_(std::move(end)), loop_(pthread_self()) {
    sigemptyset(&signals_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals_, number);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    struct sigaction wake {};  // Without SA_RESTART: what it interrupts returns.
    wake.sa_handler = [](int) {};
    ::sigaction(kWake, &wake, nullptr);
    thread_ = std::thread([this] { watch(); });
  }
  ~EndingSignals() { over(); }
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;

  /// The loop has ended, whatever ended it.
  void over() {
    if (!thread_.joinable()) return;
    over_ = true;
    pthread_kill(thread_.native_handle(), SIGHUP);
    thread_.join();
  }

 private:
  static constexpr int kWake = SIGUSR2;

  void watch() {
    int number = 0;
    sigwait(&signals_, &number);
    if (!over_) end_();
    constexpr std::chrono::milliseconds kPause{10};
    for (; !over_; std::this_thread::sleep_for(kPause)) pthread_kill(loop_, kWake);
  }

  const std::function<void()> end_;
  const pthread_t loop_;
  sigset_t signals_{};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace mappedpages::fs
