#include "fs/open_file.hpp"

#include <fcntl.h>

#include <algorithm>

namespace mappedpages::fs {

Answer<AllocateEffect> judge_allocate(int mode, std::uint64_t offset, std::uint64_t length,
                                      std::uint64_t page_size) {
  const bool punch = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
  const bool zero = (mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE;
  const bool keep = (mode & ~FALLOC_FL_KEEP_SIZE) == 0;
  if (!punch && !zero && !keep) return fail(EOPNOTSUPP);
  if (length == 0) return fail(EINVAL);
  if (!fits(offset, length, page_size)) return fail(EFBIG);
  return keep ? AllocateEffect::Keep : AllocateEffect::Zero;
}

std::size_t readable(std::uint64_t offset, std::size_t size, std::uint64_t page_size) {
  if (offset >= page_size) return 0;
  return static_cast<std::size_t>(std::min<std::uint64_t>(size, page_size - offset));
}

bool fits(std::uint64_t offset, std::uint64_t size, std::uint64_t page_size) {
  return offset <= page_size && size <= page_size - offset;
}

Errno answer_for(const Error& error, const Reporter& reporter) {
  int os_error = errno_of(error);
  // The pager file reached a limit of its own (RLIMIT_FSIZE, the largest file of its filesystem).
  // Whose call it was has not asked for too large a file.
  if (os_error == EFBIG) os_error = ENOSPC;
  const bool of_disk = error.code() == ErrorCode::Io;
  if (reporter && (of_disk || os_error == EIO || os_error == EROFS)) reporter(error);
  // What the disk below says is no answer to what was asked here: upon EINTR or ESTALE callers, or
  // the kernel, would ask again.
  const bool no_space = os_error == ENOSPC || os_error == EDQUOT;
  return Errno{of_disk && !no_space ? EIO : os_error};
}

}  // namespace mappedpages::fs
