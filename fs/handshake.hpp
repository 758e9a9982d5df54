// Going into the background only when the mount can be used.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/file_descriptor.hpp"
#include "fs/options.hpp"

namespace mappedpages::fs {

/// The daemon's end: tells the waiting parent how it went. Only the first word counts.
class Handshake {
 public:
  /// For a process in the foreground: nobody waits.
  Handshake() = default;
  explicit Handshake(FileDescriptor parent) : parent_(std::move(parent)) {}

  /// The mount can be used. In the background stdin, stdout and stderr become /dev/null first, so
  /// that whoever waits for the end of our output gets it.
  void ready();

  /// The mount will not be.
  void failed(const Failure& failure);

 private:
  FileDescriptor parent_;
};

/// Runs `daemon` in a child process, a session of its own, and waits for its word. Returns in the
/// parent what the child said, or its pid, and in the child never. Of the descriptors that we were
/// started with only stdin, stdout and stderr are left: a daemon must not keep others' locks and
/// pipes.
Outcome<pid_t> run_in_background(const std::function<int(Handshake)>& daemon);

}  // namespace mappedpages::fs
