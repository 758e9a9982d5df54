#include "fs/reasons.hpp"

#include <array>
#include <cerrno>

namespace mappedpages::fs {
namespace {

// In the order of the enumeration, so that a reason is its own index; checked below. The names of
// the numbers are made from them, so that the two cannot part.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): only a macro knows a constant's name.
#define REASON(reason, os_error, sentence)        \
  ReasonFacts {                                   \
    Reason::reason, os_error, #os_error, sentence \
  }

constexpr std::array kReasons{
    REASON(MakesNoDirectories, EPERM,
           "mkdir works in alloc/pages and alloc/protected alone, where it allocates a page"),
    REASON(MakesNoFiles, EPERM, "files can be made in pages/ and protected/ alone"),
    REASON(MakesNoLinks, EPERM, "links, pipes and devices cannot be made here"),
    REASON(DirectoryStays, EPERM,
           "this directory is always there; what can be removed are pages and receipts"),
    REASON(NotRenamed, EPERM,
           "only a staging file, whose name is no number, can be renamed, and only within pages/ "
           "and protected/; to move a page's content copy it to a new file and rename that"),
    REASON(ControlIsFixed, EPERM,
           "what is in .ctl/ is always there; the only file there that can be written is "
           ".ctl/command"),

    REASON(NoSuchName, ENOENT, "there is nothing of this name"),
    REASON(NotAllocated, ENOENT,
           "this page is not allocated: ls pages protected tells which ones are"),

    REASON(DiskFailed, EIO,
           "the disk below reported an error; what was acknowledged before is safe, and the log "
           "has it too"),
    REASON(BytesRotted, EIO,
           "the disk does not hold what was committed to this page: write it anew from a copy, and "
           "run mappedpages check after unmounting"),
    REASON(FileDamaged, EIO,
           "the pager file is damaged: unmount it and run mappedpages check on it"),
    REASON(ForeignWriter, EIO,
           "another program wrote to the pager file while it was mounted, so nothing is written "
           "any more: unmount it, run mappedpages check on it, and mount it again"),
    REASON(WriteFailedBefore, EIO,
           "an earlier write through this descriptor failed, so nothing of what it staged is "
           "committed: open the page again and write all of it"),
    REASON(StageDiscarded, EIO,
           "what this descriptor had staged was discarded through .ctl/command, and nothing of it "
           "is committed: open the page again and write all of it"),
    REASON(Unexpected, EIO, "this should not happen: please report it, with what the log says"),

    REASON(NotOpen, EBADF, "this file is not open here any more"),

    REASON(OtherHasStage, EBUSY,
           "another open file has uncommitted bytes of this page: wait until it is closed, or drop "
           "them by writing discard protected N to .ctl/command"),
    REASON(UsedByPager, EBUSY,
           "the pager uses this page itself; take another number, or let mkdir in alloc/pages "
           "choose one"),
    REASON(ReservedNumber, EBUSY,
           "pages 0 to 2 belong to the pager; take another number, or let mkdir in alloc/pages "
           "choose one"),
    REASON(FreedAndOpen, EBUSY,
           "this page was freed while somebody had it open; its number can be used again after the "
           "last close"),

    REASON(PageExists, EEXIST, "this page is allocated already; open it without O_EXCL"),
    REASON(NameExists, EEXIST, "this name is taken; nothing was allocated or replaced"),

    REASON(NotADirectory, ENOTDIR, "this is not a directory; rm removes it"),
    REASON(IsADirectory, EISDIR, "this is a directory; a receipt is removed by rmdir or rm -r"),
    REASON(IsALink, ELOOP, "this is a symlink to a page, which was opened without following it"),

    REASON(LeadingZero, EINVAL, "a page's name is its number without leading zeros"),
    REASON(BadCount, EINVAL,
           "a receipt named COUNT@… allocates COUNT pages: COUNT is 1 or more, without leading "
           "zeros"),
    REASON(BadRenameFlags, EINVAL,
           "a page cannot be exchanged with another: of the flags of renameat2 only "
           "RENAME_NOREPLACE works here"),
    REASON(NotALink, EINVAL, "this is not a symlink"),
    REASON(EmptyRange, EINVAL, "a range of no bytes cannot be allocated or zeroed"),
    REASON(BadCommand, EINVAL,
           "a command is one line: free N…, free protected N…, discard protected N, or sync"),
    REASON(BadNumber, EINVAL,
           "a command names pages by their numbers, in decimal without leading zeros"),
    REASON(NumberTwice, EINVAL, "a command names each page once"),
    REASON(InvalidRequest, EINVAL, "the pager cannot do this"),

    REASON(PastEndOfPage, EFBIG,
           "a page has a fixed size, and this would pass its end: stat -f tells the size"),
    REASON(LargerThanAPage, EFBIG,
           "the staging file is larger than a page, and cannot become one: truncate it first"),
    REASON(PastLargestFile, EFBIG, "a staging file cannot be that large"),
    REASON(CommandTooLong, EFBIG,
           "one write to .ctl/command holds at most 512 KiB; nothing of it was done"),

    REASON(DiskFull, ENOSPC,
           "the disk that holds the pager file is full: free some space there and try again"),
    REASON(DiskQuota, EDQUOT, "the owner of the pager file has used up his quota on its disk"),
    REASON(FileSizeLimit, ENOSPC,
           "the pager file has reached a limit on file sizes: that of its filesystem, or ulimit -f "
           "of the daemon"),
    REASON(CapacityReached, ENOSPC,
           "a pager file of this page size has no room for more pages: free some, or make a file "
           "of larger pages"),
    REASON(DirectoryFull, ENOSPC,
           "a pager file of this page size has no room for more protected pages: free some, or "
           "make a file of larger pages"),
    REASON(NumberTooLarge, ENOSPC, "no pager file has room for as many pages as this number says"),
    REASON(TooManyReceipts, ENOSPC,
           "there are 65536 receipts: remove those that are not needed, which frees no pages"),
    REASON(TooManyStagingFiles, ENOSPC,
           "there are 65536 staging files: rename or remove some of them"),
    REASON(StagingMemoryFull, ENOSPC,
           "the staging files hold as many bytes as they may, all together: rename or remove some "
           "of them"),

    REASON(MountedReadOnly, EROFS, "it is mounted with -o ro"),
    REASON(FailedEarlier, EROFS,
           "a write or flush of the pager file failed earlier, so nothing is written any more: "
           "unmount it and mount it again; what was acknowledged is there"),

    REASON(NameTooLong, ENAMETOOLONG, "names have at most 255 bytes"),
    REASON(NoSuchAllocateMode, EOPNOTSUPP,
           "of the modes of fallocate those work that keep the place of all bytes: the plain one, "
           "PUNCH_HOLE and ZERO_RANGE"),
    REASON(NoXattrs, EOPNOTSUPP, "there are no extended attributes here"),
    REASON(PageIsGone, ESTALE, "this page was freed; the number may be another's by now"),
};

#undef REASON

constexpr bool reasons_are_in_order() {
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (static_cast<std::size_t>(kReasons[i].reason) != i) return false;
  }
  return kReasons.size() == static_cast<std::size_t>(Reason::PageIsGone) + 1;
}
static_assert(reasons_are_in_order());

/// Of system calls on the pager file. Whose call it was has not asked for too large a file, and
/// upon EINTR or ESTALE callers, or the kernel, would ask again: so all but a full disk is EIO.
Reason reason_of_disk(int os_error) {
  switch (os_error) {
    case ENOSPC:
      return Reason::DiskFull;
    case EDQUOT:
      return Reason::DiskQuota;
    case EFBIG:
      return Reason::FileSizeLimit;
    default:
      return Reason::DiskFailed;
  }
}

}  // namespace

std::span<const ReasonFacts> all_reasons() {
  return kReasons;
}

const ReasonFacts& facts_of(Reason reason) {
  return kReasons[static_cast<std::size_t>(reason)];
}

Reason reason_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::InvalidArgument:
    case ErrorCode::OutOfBounds:
      return Reason::InvalidRequest;
    case ErrorCode::ReservedPage:
      return Reason::ReservedNumber;
    case ErrorCode::InternalPage:
      return Reason::UsedByPager;
    case ErrorCode::NotAllocated:
    case ErrorCode::DoubleFree:
      return Reason::NotAllocated;
    case ErrorCode::AlreadyAllocated:
      return Reason::PageExists;
    case ErrorCode::PagePinned:
      return Reason::FreedAndOpen;
    case ErrorCode::WriterActive:
      return Reason::OtherHasStage;
    case ErrorCode::ReadOnly:
      return Reason::MountedReadOnly;
    case ErrorCode::Full:
      return Reason::CapacityReached;
    case ErrorCode::DirectoryFull:
      return Reason::DirectoryFull;
    case ErrorCode::CorruptSuperblock:
    case ErrorCode::CorruptMetadata:
    case ErrorCode::CorruptDirectoryIndex:
    case ErrorCode::CorruptProtectedDirectory:
      return Reason::FileDamaged;
    case ErrorCode::ChecksumMismatch:
      return Reason::BytesRotted;
    case ErrorCode::Io:
      return reason_of_disk(error.os_error());
    case ErrorCode::ForeignWriter:
      return Reason::ForeignWriter;
    case ErrorCode::Unavailable:
      return Reason::FailedEarlier;
    // Of opening a file, and of calls that the mount does not make.
    case ErrorCode::InvalidPageSize:
    case ErrorCode::Conflict:
    case ErrorCode::AlreadyExists:
    case ErrorCode::NotAPagerFile:
    case ErrorCode::UnsupportedVersion:
    case ErrorCode::NeedsRecovery:
    case ErrorCode::Locked:
      break;
  }
  return Reason::Unexpected;
}

}  // namespace mappedpages::fs
