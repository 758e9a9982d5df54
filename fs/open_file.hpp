// What a descriptor of a page can do.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "fs/errno.hpp"
#include "fs/inode.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// What the layers below say when an answer is EIO or EROFS, or the disk is full: for the log.
using Reporter = std::function<void(const Error& error)>;

/// Asks who flushes. It costs, so only where the answer matters.
enum class FlushFrom : std::uint8_t;
using AskFlusher = std::function<FlushFrom()>;

/// How a flush comes about.
enum class FlushFrom : std::uint8_t {
  LivingProcess,  ///< A close, or an orderly exit.
  DyingProcess,   ///< A process that a signal ends: it did not mean to close.
};

/// A pin that the open files of one staging file share when it has become a page.
template <class Number>
using SharedPin = std::shared_ptr<const Pin<Number>>;

/// An open page, shared by all duplicates of the descriptor. Any thread. Offsets and sizes are
/// bytes within the page.
class OpenFile {
 public:
  OpenFile() = default;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  virtual ~OpenFile() = default;

  [[nodiscard]] virtual Inode inode() const = 0;

  /// Up to `size` bytes; fewer, or none, at the end of the page.
  virtual Answer<std::vector<std::byte>> read(std::uint64_t offset, std::size_t size) = 0;

  /// All of `bytes`, or EFBIG and nothing where they would pass the end of the page.
  virtual Done write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;

  /// Zeros the bytes from `size` on; the page keeps its size. EFBIG past its end.
  virtual Done truncate(std::uint64_t size) = 0;

  /// Whether this thread opened it, and has done nothing with it yet. A truncation to nothing that
  /// it asks for then is its O_TRUNC: the kernel sends it behind the open, and does not name the
  /// file.
  [[nodiscard]] virtual bool awaits_truncation(pid_t /*thread*/) const { return false; }

  /// O_TRUNC.
  virtual Done truncate_at_open() { return truncate(0); }

  /// fallocate(2). EFBIG past the end of the page, EOPNOTSUPP for modes that move bytes.
  virtual Done allocate(int mode, std::uint64_t offset, std::uint64_t length) = 0;

  /// One descriptor was closed; others may be left.
  virtual Done flush(const AskFlusher& from) = 0;

  /// fsync(2) and fdatasync(2).
  virtual Done sync() = 0;

  /// The last descriptor was closed.
  virtual void release() = 0;

  /// Drops what is staged and not committed, and commits nothing of this descriptor any more. False
  /// if there was nothing.
  virtual bool discard_stage() { return false; }
};

/// What fallocate's mode asks of the bytes in the range.
enum class AllocateEffect : std::uint8_t { Keep, Zero };

/// Judges the arguments of fallocate(2) for a page of `page_size` bytes.
Answer<AllocateEffect> judge_allocate(int mode, std::uint64_t offset, std::uint64_t length,
                                      std::uint64_t page_size);

/// The part of a read that lies within a page.
std::size_t readable(std::uint64_t offset, std::size_t size, std::uint64_t page_size);

/// Whether `size` bytes at `offset` stay within a page.
bool fits(std::uint64_t offset, std::uint64_t size, std::uint64_t page_size);

/// The errno of an error of the engine, after telling `reporter` of those that need a reason. What
/// the disk says is EIO, unless it is full.
Errno answer_for(const Error& error, const Reporter& reporter);

inline tl::unexpected<Errno> fail(const Error& error, const Reporter& reporter) {
  return tl::unexpected(answer_for(error, reporter));
}

}  // namespace mappedpages::fs
