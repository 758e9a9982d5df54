// The last request that was answered with an error: what .ctl/last_error says.
#pragma once

#include <string>
#include <string_view>

#include "base/thread_annotations.hpp"
#include "fs/errno.hpp"

namespace mappedpages::fs {

/// What was asked: the name of a system call.
enum class Operation : std::uint8_t {
  Lookup,
  Stat,
  Open,
  Create,
  Read,
  Write,
  Truncate,
  SetAttributes,
  Allocate,
  Sync,
  Close,
  List,
  ReadLink,
  MakeDirectory,
  RemoveDirectory,
  Remove,
  Rename,
  MakeLink,
  SetXattr,
};

/// `open`, say.
std::string_view name_of(Operation operation);

/// Whether this tells anybody anything. A lookup that finds nothing is how every shell and every
/// test for a file begins, and whom the kernel itself is told ESTALE it asks again.
bool is_worth_telling(Operation operation, const Errno& error);

/// One line: the operation, the path, the errno's name, a sentence that helps, and in brackets what
/// a layer below said. Control characters in it are escaped.
std::string describe_failure(Operation operation, std::string_view path, const Errno& error);

/// The last line. Any thread.
class LastFailure {
 public:
  /// With a newline behind it; empty until the first failure.
  [[nodiscard]] std::string text() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return text_;
  }
  void set(std::string line) EXCLUDES(mutex_) {
    line += '\n';
    const MutexLock lock(mutex_);
    text_ = std::move(line);
  }

 private:
  mutable Mutex mutex_;
  std::string text_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::fs
