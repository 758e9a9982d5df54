#include "fs/open_file.hpp"

#include <fcntl.h>

#include <algorithm>

namespace mappedpages::fs {

Answer<AllocateEffect> judge_allocate(int mode, std::uint64_t offset, std::uint64_t length,
                                      std::uint64_t page_size) {
  const bool punch = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
  const bool zero = (mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE;
  const bool keep = (mode & ~FALLOC_FL_KEEP_SIZE) == 0;
  if (!punch && !zero && !keep) return fail(Reason::NoSuchAllocateMode);
  if (length == 0) return fail(Reason::EmptyRange);
  if (!fits(offset, length, page_size)) return fail(Reason::PastEndOfPage);
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
  Errno answer(reason_of(error), error.message());
  const bool of_disk = error.code() == ErrorCode::Io;
  if (reporter && (of_disk || answer.value == EIO || answer.value == EROFS)) reporter(error);
  return answer;
}

}  // namespace mappedpages::fs
