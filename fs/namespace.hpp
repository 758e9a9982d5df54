// The tree that is mounted: names, files and what every call does to them. Knows no libfuse.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/attributes.hpp"
#include "fs/errno.hpp"
#include "fs/generations.hpp"
#include "fs/inode.hpp"
#include "fs/open_file.hpp"
#include "fs/open_files.hpp"
#include "fs/open_protected.hpp"
#include "fs/receipts.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// A name that was found.
struct Entry {
  Inode inode;                   ///< With its version.
  std::uint64_t generation = 0;  ///< Goes up when a number is freed and used again.
  struct stat attributes {};

  /// Attributes change only through calls that the kernel makes on this very inode, so that it may
  /// keep them.
  bool lasting_attributes = true;
};

/// A file that was opened.
struct Opened {
  std::uint64_t handle = 0;
  bool cached = false;  ///< The kernel may keep its bytes, and needs no flush at close.
};

struct NamespaceOptions {
  CommitOn commit_on = CommitOn::Close;

  /// Requests are served one after another, so that none has to wait for one behind it.
  bool one_at_a_time = false;
  AttributeDefaults attributes;
};

/// Called for each entry of a listing. False: no more room; the entry was not taken.
using EntryVisitor =
    std::function<bool(std::string_view name, const Entry& entry, std::uint64_t next_offset)>;

/// The mounted tree over one engine. Any thread, any time. Inodes that come from the kernel have a
/// version; ESTALE for one whose page is gone, so that the kernel looks the name up again. Every
/// answer is the errno that fs/SEMANTICS.md names; what changes the pager file is durable when it
/// returns, except writes to regular pages (durable after `sync`) and to protected ones (committed
/// by `sync` and `flush`).
class Namespace {
 public:
  Namespace(Engine& engine, const NamespaceOptions& options, Reporter reporter);

  Answer<Entry> lookup(Inode parent, std::string_view name) const;
  Answer<Entry> get(Inode inode) const;
  Answer<std::string> read_link(Inode inode) const;

  /// Visits the entries of a directory after `offset`, 0 at the start. Entries that stay while the
  /// listing goes on are visited once, whatever else changes.
  Done list(Inode directory, std::uint64_t offset, const EntryVisitor& visit) const;

  /// Allocates, and leaves a receipt of that name.
  Answer<Entry> make_directory(Inode parent, std::string_view name);

  Done remove_directory(Inode parent, std::string_view name);

  /// Frees a page, or removes an entry of a receipt.
  Done remove(Inode parent, std::string_view name);

  /// Makes the page that `name` says, if it is not there yet. `flags` as for open(2).
  Answer<std::pair<Entry, Opened>> create(Inode parent, std::string_view name, int flags);

  /// `opener`: the thread that asks.
  Answer<Opened> open(Inode inode, int flags, pid_t opener = 0);

  /// EBADF for a handle that is not open.
  Answer<std::shared_ptr<OpenFile>> file(std::uint64_t handle) const { return files_.find(handle); }
  void release(std::uint64_t handle) { files_.release(handle); }

  Done change_attributes(Inode inode, const AttributeChange& change);

  /// truncate(2), without a descriptor: a protected page is committed at once. Or the O_TRUNC of
  /// what this thread has just opened.
  Done truncate(Inode inode, std::uint64_t size, pid_t asker = 0);

  [[nodiscard]] struct statvfs statistics() const;

 private:
  struct Listed {
    Inode inode;
    std::string name;
    std::uint64_t position;
  };

  [[nodiscard]] bool exists(Inode inode) const;
  [[nodiscard]] bool is_directory(Inode inode) const;
  [[nodiscard]] Answer<Inode> find(Inode parent, std::string_view name) const;
  [[nodiscard]] Entry entry_of(Inode inode) const;
  [[nodiscard]] static std::string link_target(Inode inode);
  [[nodiscard]] const ReceiptTable* receipts_in(Inode directory) const;
  [[nodiscard]] ReceiptTable* receipts_in(Inode directory);
  [[nodiscard]] Answer<std::vector<std::uint64_t>> allocate(Inode parent, PageCount count);
  [[nodiscard]] std::optional<Listed> next_entry(Inode directory, std::uint64_t from) const;
  Done free_page(Inode inode);
  Answer<Opened> open_page(PageNumber page, int flags);
  Answer<Opened> open_protected(ProtectedNumber page, int flags, pid_t opener);
  [[nodiscard]] bool is_stale(Inode inode) const;

  Engine& engine_;
  const NamespaceOptions options_;
  const Reporter reporter_;
  AttributeTable attributes_;
  ClosingStages closing_;
  ReceiptTable page_receipts_;
  ReceiptTable protected_receipts_;
  OpenFiles files_;

  /// Twice how often a number was freed, for those that were.
  Generations generations_;
};

}  // namespace mappedpages::fs
