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
#include "fs/command_runner.hpp"
#include "fs/errno.hpp"
#include "fs/failures.hpp"
#include "fs/generations.hpp"
#include "fs/inode.hpp"
#include "fs/open_file.hpp"
#include "fs/open_files.hpp"
#include "fs/open_protected.hpp"
#include "fs/page_freer.hpp"
#include "fs/page_placer.hpp"
#include "fs/receipts.hpp"
#include "fs/staging.hpp"
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

  /// The name means this inode until a call on it changes that.
  bool lasting_name = true;
};

/// A file that was opened.
struct Opened {
  std::uint64_t handle = 0;
  bool cached = false;  ///< The kernel may keep its bytes, and needs no flush at close.
};

/// A request, for who has to be told of it.
struct Asked {
  Operation operation;
  Inode inode;
  std::string name{};  ///< In that directory; empty where the inode itself is meant.
};

struct NamespaceOptions {
  CommitOn commit_on = CommitOn::Close;

  /// Requests are served one after another, so that none has to wait for one behind it.
  bool one_at_a_time = false;
  std::uint64_t staging_memory = std::uint64_t{64} << 20U;  ///< Bytes, of all staging files.
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

  /// `told`: of protected pages of which the kernel may have bytes that others shall not see. Comes
  /// before all other calls. It is called with locks held, and only notes it.
  void tell_outdated(std::function<void(Inode)> told) { outdated_ = std::move(told); }

  Answer<Entry> lookup(Inode parent, std::string_view name) const;
  Answer<Entry> get(Inode inode) const;
  Answer<std::string> read_link(Inode inode) const;

  /// Visits the entries of a directory after `offset`, 0 at the start. Entries that stay while the
  /// listing goes on are visited once, whatever else changes.
  Done list(Inode directory, std::uint64_t offset, const EntryVisitor& visit) const;

  /// Allocates, and leaves a receipt of that name.
  Answer<Entry> make_directory(Inode parent, std::string_view name);

  /// Where the pages are of which there are receipts in `receipts`: that directory changes, too.
  [[nodiscard]] static Inode pages_allocated_in(Inode receipts);

  Done remove_directory(Inode parent, std::string_view name);

  /// Frees a page, or removes an entry of a receipt.
  Done remove(Inode parent, std::string_view name);

  /// Makes the page that `name` says, or a staging file, if it is not there yet. `flags` as for
  /// open(2).
  Answer<std::pair<Entry, Opened>> create(Inode parent, std::string_view name, int flags);

  /// Gives a staging file another name. If that is a number its content is the page's from then on,
  /// with zeros behind it: durable when it returns, and for a protected page one atomic commit; a
  /// page that is free is allocated in the same step. `flags` as for renameat2(2). What the kernel
  /// has cached of a regular page that was there is the caller's to drop.
  Done rename(Inode parent, std::string_view name, Inode new_parent, std::string_view new_name,
              unsigned flags);

  /// The regular page that a staging file has become, if it has, with its version. Who has opened
  /// that by the staging file's inode passes by what the kernel has cached for the page's.
  [[nodiscard]] std::optional<Inode> page_behind(Inode inode) const;

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

  /// What was written to .ctl/command. What the kernel knows of the pages that it freed is the
  /// caller's to drop.
  Commanded run_commands(std::string_view text);

  /// For .ctl/last_error: this request is answered so.
  void note_failure(const Asked& asked, const Errno& error);

 private:
  struct Listed {
    Inode inode;
    std::string name;
    std::uint64_t position;
  };

  enum class Presence : std::uint8_t {
    Named,
    Nameless,  ///< Freed or removed, and somebody has it open.
    Gone,      ///< The kernel means something that was there before.
  };

  [[nodiscard]] bool exists(Inode inode) const;
  [[nodiscard]] Presence presence_of(Inode inode) const;
  [[nodiscard]] bool is_directory(Inode inode) const;
  [[nodiscard]] static bool holds_pages(Inode directory);
  [[nodiscard]] std::size_t directories_in(Inode directory) const;
  [[nodiscard]] static Inode parent_of(Inode directory);
  [[nodiscard]] static bool is_fixed(Inode directory);
  [[nodiscard]] static Inode page_in(Inode directory, std::uint64_t number);
  [[nodiscard]] Answer<Inode> find(Inode parent, std::string_view name) const;
  [[nodiscard]] Entry entry_of(Inode inode) const;
  [[nodiscard]] std::optional<Entry> entry_if_there(Inode inode) const;
  [[nodiscard]] static std::string link_target(Inode inode);
  [[nodiscard]] const ReceiptTable* receipts_in(Inode directory) const;
  [[nodiscard]] ReceiptTable* receipts_in(Inode directory);
  [[nodiscard]] Answer<std::vector<std::uint64_t>> allocate(Inode parent, PageCount count);
  [[nodiscard]] std::optional<std::uint64_t> next_number(Inode directory, std::uint64_t from) const;
  [[nodiscard]] std::optional<Listed> next_entry(Inode directory, std::uint64_t from) const;
  Done touched(Inode directory, Done done);
  Done rename_staging(Inode parent, std::string_view name, Inode new_parent,
                      std::string_view new_name, unsigned flags);
  [[nodiscard]] Done require_changeable() const;
  Status allocate_at(Inode page);
  Answer<std::pair<Entry, Opened>> create_staging(Inode parent, std::string_view name, int flags);
  Done become_page(StagingFile& file, Inode page, IfThere if_there);
  [[nodiscard]] BecamePage page_of(Inode page);
  Answer<Opened> open_page(PageNumber page, int flags);
  Answer<Opened> open_protected(ProtectedNumber page, int flags, pid_t opener);
  Answer<Opened> open_staging(Inode inode, int flags);
  std::shared_ptr<OpenFile> open_pinned(SharedPin<PageNumber> pin, int flags);
  std::shared_ptr<OpenFile> open_pinned(SharedPin<ProtectedNumber> pin, int flags,
                                        pid_t opener = 0);
  template <class Number>
  std::function<std::shared_ptr<OpenFile>(int)> opener_of(Number page);
  void describe_staging(Inode inode, struct stat& facts) const;
  [[nodiscard]] std::string text_of(Inode inode) const;
  [[nodiscard]] std::string stats_text() const;
  Answer<Opened> open_control(Inode inode, int flags);
  [[nodiscard]] static std::string fixed_path(Inode inode);
  [[nodiscard]] std::string path_of(Inode inode) const;
  [[nodiscard]] std::string path_of_staging(Inode inode) const;
  [[nodiscard]] bool is_stale(Inode inode) const;

  Engine& engine_;
  const NamespaceOptions options_;
  const Reporter reporter_;
  std::function<void(Inode)> outdated_;
  AttributeTable attributes_;
  ClosingStages closing_;
  ReceiptTable page_receipts_;
  ReceiptTable protected_receipts_;
  StagingTable staging_;
  PagePlacer placer_;
  OpenFiles files_;

  /// Twice how often a number was freed, for those that were.
  Generations generations_;
  PageFreer freer_;
  CommandRunner runner_;
  LastFailure last_failure_;
};

}  // namespace mappedpages::fs
