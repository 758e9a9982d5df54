// The file that tells others which process serves the mount.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "fs/options.hpp"

namespace mappedpages::fs {

/// There from `publish` to `remove`, or until it is destroyed.
class PidFile {
 public:
  /// Without a path it does nothing.
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  ~PidFile() { remove(); }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  /// Whether it can be made: asked before anything is mounted. Leaves what is there as it is.
  [[nodiscard]] Outcome<void> try_out() const;

  /// Gives it its name, with the pid in it; replaces what a killed daemon has left.
  Outcome<void> publish();

  /// To be called while the pager file is locked: the next daemon may want the name. If it cannot
  /// be removed the log says so.
  void remove();

 private:
  std::string path_;
  std::optional<struct stat> ours_;
};

}  // namespace mappedpages::fs
