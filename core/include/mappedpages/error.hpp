// What can go wrong, for every layer above the system calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "mappedpages/export.hpp"

namespace mappedpages {

/// The kinds of failure. The first group are answers to a caller who asked for something that the
/// file does not have; the second are the file's own state; the third is the system's.
enum class ErrorCode : std::uint8_t {
  // The caller's request.
  InvalidArgument,   ///< A value outside of what the call accepts.
  InvalidPageSize,   ///< Not a power of two from 1 KiB to 16 MiB.
  OutOfBounds,       ///< A page number beyond the capacity, or bytes beyond the end of a page.
  ReservedPage,      ///< Pages 0 to 2 of MPPG 0.x: the superblock and the metadata.
  InternalPage,      ///< A directory page or the backing copy of a protected page.
  NotAllocated,      ///< A read, write or commit of a page that is free.
  AlreadyAllocated,  ///< `alloc_at` of a page that is in use.
  DoubleFree,        ///< A free of a page that is free, or named twice in one call.
  PagePinned,        ///< A free of a page that somebody holds a pin on.
  WriterActive,      ///< A second writer of a protected page that has one.
  Conflict,          ///< Another commit changed a page of this batch. Start the batch anew.
  ReadOnly,          ///< A change asked of a file that was opened read-only.
  Full,              ///< The metadata page can describe no more pages.
  DirectoryFull,     ///< Page 0 can name no more directory blocks.
  AlreadyExists,     ///< `create` where there is a file.
  // The file.
  NotAPagerFile,              ///< The magic is not there.
  UnsupportedVersion,         ///< A pager file of another major or a newer minor version.
  CorruptSuperblock,          ///< Page 0 contradicts itself or is cut short.
  CorruptMetadata,            ///< No metadata page that can be used.
  CorruptDirectoryIndex,      ///< The references in page 0 cannot be used.
  CorruptProtectedDirectory,  ///< A directory page that cannot be used.
  ChecksumMismatch,           ///< A protected page whose bytes are not those that were committed.
  NeedsRecovery,              ///< Damaged, but it opens through the other copy when asked to.
  // The system.
  Io,             ///< A system call failed; `os_error` says how. Nothing of the call happened.
  Locked,         ///< Another process has the file.
  ForeignWriter,  ///< Another program wrote the file while we had it. Latches.
  Unavailable,    ///< Latched: a write or flush failed earlier. Reads go on; reopen to write.
};

/// The enumerator's name, for logs and for `last_error`.
MAPPEDPAGES_API std::string_view name_of(ErrorCode code);

/// A failure with its circumstances. Cheap to move. Immutable after construction but for
/// `with_context`.
class MAPPEDPAGES_API Error {
 public:
  Error(ErrorCode code, std::string context, int os_error = 0)
      : context_(std::move(context)), os_error_(os_error), code_(code) {}

  [[nodiscard]] ErrorCode code() const { return code_; }

  /// The errno of the system call that failed; 0 where none did.
  [[nodiscard]] int os_error() const { return os_error_; }

  /// One phrase, lower case and without a full stop: what was being done, to what, and why not.
  [[nodiscard]] const std::string& context() const { return context_; }

  /// The context, and the system's words for `os_error` behind it.
  [[nodiscard]] std::string message() const;

  /// The same error, with `outer: ` before its context.
  [[nodiscard]] Error with_context(std::string_view outer) const;

 private:
  std::string context_;
  int os_error_;
  ErrorCode code_;
};

/// The one map from errors to errno, for everything that answers by errno: the mount and the C API.
/// Never 0.
MAPPEDPAGES_API int errno_of(const Error& error);

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

}  // namespace mappedpages
