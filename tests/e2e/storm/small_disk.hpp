// Filesystems with little room for a pager file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temp_dir.hpp"

namespace mappedpages::test::storm {

enum class DiskKind { Tmpfs, Ext4 };

/// A small filesystem of its own, mounted while this object lives. Needs root.
class SmallDisk {
 public:
  explicit SmallDisk(DiskKind kind);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// Why it is not there; empty if it is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::filesystem::path directory() const { return dir_ / "disk"; }

  /// Leaves so many blocks of 4 KiB free.
  void fill(std::uint64_t leave);
  void empty() const;

 private:
  [[nodiscard]] std::filesystem::path filler() const { return directory() / "filler"; }

  TempDir dir_{in_memory()};
  std::string problem_;
  bool mounted_ = false;
};

}  // namespace mappedpages::test::storm
