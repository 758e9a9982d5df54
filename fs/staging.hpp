// Staging files: what in pages/ and protected/ has a name that is no number. They are in memory,
// until a rename gives them a number.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/thread_annotations.hpp"
#include "fs/attributes.hpp"
#include "fs/errno.hpp"
#include "fs/inode.hpp"
#include "fs/open_file.hpp"
#include "fs/sparse_bytes.hpp"

namespace mappedpages::fs {

/// The page that a staging file was renamed onto.
struct BecamePage {
  Inode page;  ///< With its version.

  /// The page, opened; none if it is gone. For descriptors that were open on the staging file.
  std::function<std::shared_ptr<OpenFile>(int flags)> open;
};

/// A file in memory; after a rename onto a number, what is left of it for those who have it open.
class StagingFile {
 public:
  StagingFile(Inode inode, MemoryBudget& budget)
      : content(budget), inode_(inode), is_now_(inode.bits()) {}

  /// Its own.
  [[nodiscard]] Inode inode() const { return inode_; }

  /// Its own, or that of the page that it became: with its version.
  [[nodiscard]] Inode is_now() const { return Inode(is_now_.load()); }

  void become(BecamePage page) REQUIRES(mutex) {
    is_now_.store(page.page.bits());
    became = std::move(page);
  }

  // Held while it is renamed onto a page, so that nothing is written between the two. Taken before
  // any lock of the engine; not while the kernel is told anything.
  Mutex mutex;
  SparseBytes content GUARDED_BY(mutex);
  std::optional<BecamePage> became GUARDED_BY(mutex);

 private:
  const Inode inode_;
  std::atomic<std::uint64_t> is_now_;
};

/// All staging files, by name and by inode. Any thread. Inode numbers are never used twice.
class StagingTable {
 public:
  static constexpr std::size_t kMaxFiles = 65536;  ///< With names.

  /// `memory`: bytes for the contents of all files. `attributes` outlives it.
  StagingTable(AttributeTable& attributes, std::uint64_t memory)
      : attributes_(attributes), budget_(memory) {}

  using FilePtr = std::shared_ptr<StagingFile>;

  /// A new, empty file. EEXIST; ENOSPC past kMaxFiles.
  Answer<FilePtr> create(FixedDirectory directory, std::string_view name) EXCLUDES(mutex_);

  /// None where there is none.
  [[nodiscard]] FilePtr find(FixedDirectory directory, std::string_view name) const
      EXCLUDES(mutex_);

  /// By the inode; without a name only while somebody has it open.
  [[nodiscard]] FilePtr find(Inode inode) const EXCLUDES(mutex_);
  [[nodiscard]] bool is_named(Inode inode) const EXCLUDES(mutex_);

  struct Place {
    FixedDirectory directory;
    std::string name;
  };

  /// None without a name.
  [[nodiscard]] std::optional<Place> place_of(Inode inode) const EXCLUDES(mutex_);

  /// Takes the name away from whatever file has it. ENOENT.
  Done remove(FixedDirectory directory, std::string_view name) EXCLUDES(mutex_);

  /// Gives a file another name; what had that loses it, EEXIST unless `may_replace`. ENOENT.
  Done rename(FixedDirectory directory, std::string_view name, FixedDirectory new_directory,
              std::string_view new_name, bool may_replace) EXCLUDES(mutex_);

  struct Named {
    FilePtr file;
    std::string name;
  };

  /// The first file of a directory whose inode has the number `from` or a higher one.
  [[nodiscard]] std::optional<Named> next(FixedDirectory directory, std::uint64_t from) const
      EXCLUDES(mutex_);

 private:
  using Name = std::pair<FixedDirectory, std::string>;
  struct Record {
    FilePtr file;
    Name name;
  };

  /// The file, which lives on while somebody has it open.
  FilePtr take_name(const Name& name) REQUIRES(mutex_);

  AttributeTable& attributes_;
  MemoryBudget budget_;

  mutable Mutex mutex_;
  std::map<std::uint64_t, Record> files_ GUARDED_BY(mutex_);  // By the inode's number.
  std::map<Name, std::uint64_t> by_name_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::weak_ptr<StagingFile>> nameless_ GUARDED_BY(mutex_);
  std::uint64_t next_number_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mappedpages::fs
