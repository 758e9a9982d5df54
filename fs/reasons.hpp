// Why a call on the mount is answered with an error: one row for each reason.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "mappedpages/error.hpp"

namespace mappedpages::fs {

/// More than an errno says: several reasons share one. The reason is given where it arises.
enum class Reason : std::uint8_t {
  // EPERM
  MakesNoDirectories,
  MakesNoFiles,
  MakesNoLinks,
  DirectoryStays,
  NotRenamed,
  ControlIsFixed,
  // ENOENT
  NoSuchName,
  NotAllocated,
  // EIO
  DiskFailed,
  BytesRotted,
  FileDamaged,
  ForeignWriter,
  WriteFailedBefore,
  StageDiscarded,
  Unexpected,
  // EBADF
  NotOpen,
  // EBUSY
  OtherHasStage,
  UsedByPager,
  ReservedNumber,
  FreedAndOpen,
  // EEXIST
  PageExists,
  NameExists,
  // ENOTDIR, EISDIR, ELOOP
  NotADirectory,
  IsADirectory,
  IsALink,
  // EINVAL
  LeadingZero,
  BadCount,
  BadRenameFlags,
  NotALink,
  EmptyRange,
  BadCommand,
  BadNumber,
  NumberTwice,
  InvalidRequest,
  // EFBIG
  PastEndOfPage,
  LargerThanAPage,
  PastLargestFile,
  CommandTooLong,
  // ENOSPC, EDQUOT
  DiskFull,
  DiskQuota,
  FileSizeLimit,
  CapacityReached,
  DirectoryFull,
  NumberTooLarge,
  TooManyReceipts,
  TooManyStagingFiles,
  StagingMemoryFull,
  // EROFS
  MountedReadOnly,
  FailedEarlier,
  // ENAMETOOLONG, EOPNOTSUPP, ESTALE
  NameTooLong,
  NoSuchAllocateMode,
  NoXattrs,
  PageIsGone,
};

struct ReasonFacts {
  Reason reason;
  int os_error;
  std::string_view os_error_name;  ///< `EBUSY`.
  std::string_view sentence;       ///< What is the matter and what helps; without a full stop.
};

/// All of them, each once.
std::span<const ReasonFacts> all_reasons();

const ReasonFacts& facts_of(Reason reason);

/// The reason that an error of the engine is.
Reason reason_of(const Error& error);

}  // namespace mappedpages::fs
