// An open protected page: writes are staged, and committed as one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/thread_annotations.hpp"
#include "fs/attributes.hpp"
#include "fs/closing_stages.hpp"
#include "fs/open_file.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// When staged bytes are committed.
enum class CommitOn : std::uint8_t {
  Close,  ///< At fsync, and at each close of a descriptor that wrote.
  Fsync,  ///< At fsync alone; the last close drops what is left.
};

/// How a protected page is opened.
struct ProtectedOpening {
  ClosingStages& closing;  ///< Outlives the file.
  CommitOn commit_on = CommitOn::Close;
  bool sync_writes = false;  ///< O_SYNC or O_DSYNC: each write commits.
  bool may_write = false;
  pid_t opener = 0;  ///< The thread.

  /// Called when bytes that the kernel may have of the page are not those that others shall see:
  /// sendfile(2) and mappings go through its cache also where nothing else does.
  std::function<void()> outdated{};
};

/// A stage belongs to an open file, that is to all duplicates of one descriptor: a copy of the
/// committed page into which writes go. Only one open file of a page can have one; EBUSY for the
/// others. The reasons for each rule are in fs/SEMANTICS.md.
class OpenProtected final : public OpenFile {
 public:
  /// The references outlive the file.
  OpenProtected(Engine& engine, AttributeTable& attributes, const Reporter& reporter,
                SharedPin<ProtectedNumber> pin, ProtectedOpening opening);

  [[nodiscard]] Inode inode() const override { return pin_->page(); }

  Answer<std::vector<std::byte>> read(std::uint64_t offset, std::size_t size) override
      EXCLUDES(mutex_);
  Done write(std::uint64_t offset, std::span<const std::byte> bytes) override EXCLUDES(mutex_);
  Done truncate(std::uint64_t size) override EXCLUDES(mutex_);
  [[nodiscard]] bool awaits_truncation(pid_t thread) const override EXCLUDES(mutex_);

  /// Stages an empty page for O_TRUNC. That alone is no reason to commit at a close: a shell closes
  /// a duplicate before the command runs. The last close commits it if nothing else happened.
  Done truncate_at_open() override EXCLUDES(mutex_);
  Done allocate(int mode, std::uint64_t offset, std::uint64_t length) override EXCLUDES(mutex_);
  Done flush(const AskFlusher& from) override EXCLUDES(mutex_);
  Done sync() override EXCLUDES(mutex_);
  void release() override EXCLUDES(mutex_);
  bool discard_stage() override EXCLUDES(mutex_);

 private:
  /// Bytes that were committed, verified, and which commit they are of.
  struct Committed {
    ProtectedInfo info;
    std::vector<std::byte> bytes;
  };

  Done begin_stage() REQUIRES(mutex_);
  Result<ProtectedWriter> open_writer() REQUIRES(mutex_);
  void end_stage() REQUIRES(mutex_);
  void set_closing(bool closing) REQUIRES(mutex_);
  Done flush_stage(const AskFlusher& from) REQUIRES(mutex_);
  Done poison(Reason reason) REQUIRES(mutex_);
  Done zero(std::uint64_t offset, std::uint64_t length) REQUIRES(mutex_);
  Done wrote() REQUIRES(mutex_);
  Done commit() REQUIRES(mutex_);
  Done load_committed() REQUIRES(mutex_);

  Engine& engine_;
  AttributeTable& attributes_;
  const Reporter& reporter_;
  const SharedPin<ProtectedNumber> pin_;
  const ProtectedOpening opening_;

  // Taken before any lock of the engine; held while a commit runs, so that a write waits for it.
  mutable Mutex mutex_;
  std::optional<ProtectedWriter> stage_ GUARDED_BY(mutex_);
  bool used_ GUARDED_BY(mutex_) = false;     ///< Something was asked of it since it was opened.
  bool closing_ GUARDED_BY(mutex_) = false;  ///< The stage's last news is a flush.
  bool written_ GUARDED_BY(mutex_) = false;  ///< The stage holds more than what O_TRUNC did.
  std::uint64_t times_set_ GUARDED_BY(mutex_) = 0;  ///< Of the attributes, at the last write.
  /// Why nothing that it stages is committed any more: what it had staged is not whole.
  std::optional<Reason> poisoned_ GUARDED_BY(mutex_);
  /// The last commit of the stage failed so. Only another fsync or a further write tries again.
  std::optional<Errno> refused_ GUARDED_BY(mutex_);
  bool died_ GUARDED_BY(mutex_) = false;  ///< The last flush came from a dying process.
  std::optional<Committed> committed_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::fs
