#include "e2e/posix/constants.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace mappedpages::test::posix {

#define NAMED(constant) \
  { #constant, static_cast < long>(constant) }

const std::map<std::string, long>& constants() {
  static const std::map<std::string, long> all{
      NAMED(O_RDONLY),
      NAMED(O_WRONLY),
      NAMED(O_RDWR),
      NAMED(O_CREAT),
      NAMED(O_EXCL),
      NAMED(O_TRUNC),
      NAMED(O_APPEND),
      NAMED(O_DIRECT),
      NAMED(O_DIRECTORY),
      NAMED(O_NOFOLLOW),
      NAMED(O_PATH),
      NAMED(O_TMPFILE),
      NAMED(O_SYNC),
      NAMED(O_DSYNC),
      NAMED(O_NONBLOCK),
      NAMED(O_CLOEXEC),
      NAMED(O_NOATIME),
      NAMED(S_IFREG),
      NAMED(S_IFIFO),
      NAMED(S_IFCHR),
      NAMED(S_IFBLK),
      NAMED(S_IFSOCK),
      NAMED(AT_REMOVEDIR),
      NAMED(AT_SYMLINK_NOFOLLOW),
      NAMED(AT_EACCESS),
      NAMED(AT_EMPTY_PATH),
      NAMED(RENAME_NOREPLACE),
      NAMED(RENAME_EXCHANGE),
      NAMED(RENAME_WHITEOUT),
      NAMED(F_OK),
      NAMED(R_OK),
      NAMED(W_OK),
      NAMED(X_OK),
      NAMED(SEEK_SET),
      NAMED(SEEK_CUR),
      NAMED(SEEK_END),
      NAMED(SEEK_DATA),
      NAMED(SEEK_HOLE),
      NAMED(PROT_NONE),
      NAMED(PROT_READ),
      NAMED(PROT_WRITE),
      NAMED(PROT_EXEC),
      NAMED(MAP_SHARED),
      NAMED(MAP_PRIVATE),
      NAMED(MS_SYNC),
      NAMED(MS_ASYNC),
      NAMED(MS_INVALIDATE),
      NAMED(LOCK_SH),
      NAMED(LOCK_EX),
      NAMED(LOCK_NB),
      NAMED(LOCK_UN),
      NAMED(F_RDLCK),
      NAMED(F_WRLCK),
      NAMED(F_UNLCK),
      NAMED(F_GETFL),
      NAMED(F_SETFL),
      NAMED(F_DUPFD),
      NAMED(F_SETLEASE),
      NAMED(FALLOC_FL_KEEP_SIZE),
      NAMED(FALLOC_FL_PUNCH_HOLE),
      NAMED(FALLOC_FL_ZERO_RANGE),
      NAMED(FALLOC_FL_COLLAPSE_RANGE),
      NAMED(FALLOC_FL_INSERT_RANGE),
      NAMED(FALLOC_FL_UNSHARE_RANGE),
      NAMED(XATTR_CREATE),
      NAMED(XATTR_REPLACE),
      NAMED(FS_IOC_GETFLAGS),
      NAMED(FS_IOC_SETFLAGS),
      NAMED(FIONREAD),
      NAMED(FIBMAP),
      NAMED(FS_IOC_FSGETXATTR),
      NAMED(FIGETBSZ),
      NAMED(UTIME_NOW),
      NAMED(UTIME_OMIT),
  };
  return all;
}

#undef NAMED

}  // namespace mappedpages::test::posix
