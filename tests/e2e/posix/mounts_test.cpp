// The same calls where a mount, a user or a full file forbids them; and how many there are in all.
#include <unistd.h>

#include <iostream>

#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

const Table kReadOnly(R"(
open pages/3 O_RDONLY as f                 => ok
pread f 0 3                                => old
open protected/0 O_RDONLY as p             => ok
pread p 0 3                                => old
list pages                                 => . .. 3 4
list alloc/pages                           => . ..      # Receipts and staging files are gone.
open pages/3 O_WRONLY                      => EROFS
open pages/3 O_RDWR                        => EROFS
open pages/3 O_RDONLY|O_TRUNC              => EROFS
open pages/3 O_RDONLY|O_CREAT              => ok        # It is there.
open pages/3 O_RDONLY|O_CREAT|O_EXCL       => EEXIST
open pages/9 O_RDWR|O_CREAT                => EROFS
open pages/9 O_RDONLY|O_CREAT              => EROFS
open pages/name O_RDWR|O_CREAT             => EROFS
open pages O_RDWR|O_TMPFILE                => EROFS
open protected/0 O_WRONLY                  => EROFS
open protected/9 O_RDWR|O_CREAT            => EROFS
creat protected/0                          => EROFS
open pages O_WRONLY                        => EISDIR
open pages/9 O_RDONLY                      => ENOENT
mkdir alloc/pages/a                        => EROFS
mkdir alloc/protected/4@a                  => EROFS
mkdir pages/x                              => EROFS
mkdir pages                                => EEXIST
rmdir alloc/pages                          => EROFS
unlink pages/3                             => EROFS
unlink protected/0                         => EROFS
rename pages/3 pages/9                     => EROFS
rename pages protected                     => EROFS
link pages/3 pages/x                       => EROFS
symlink a pages/x                          => EROFS
mkfifo pages/x                             => EROFS
mknod pages/x S_IFREG                      => EROFS
truncate pages/3 0                         => EROFS
truncate protected/0 0                     => EROFS
truncate pages 0                           => EISDIR
ftruncate f 0                              => EINVAL
fallocate f 0 0 1                          => EBADF
pwrite f 0 x                               => EBADF
fsync f                                    => ok
fsync p                                    => ok
syncfs f                                   => ok
chmod pages/3 0600                         => EROFS
fchmod f 0600                              => EROFS
chmod pages 0700                           => EROFS
chown protected/0 0 0                      => EROFS
utimensat pages/3 1.0 1.0                  => EROFS
touch protected/0                          => EROFS
setxattr pages/3 user.a                    => EROFS
access pages/3 R_OK                        => ok
access pages/3 W_OK                        => EROFS
access pages W_OK                          => EROFS
mmap f 4096 PROT_READ MAP_SHARED           => ok
mmap f 4096 PROT_READ|PROT_WRITE MAP_SHARED => EACCES
flock f LOCK_EX|LOCK_NB                    => ok
statfs . readonly                          => yes
)");

// Files 0600 and directories 0700 of root's, until somebody changes them.
const Table kPermissions(R"(
nobody stat . mode                         => EACCES
nobody list .                              => EACCES
nobody stat pages mode                     => EACCES
chmod . 0755
nobody stat pages mode                     => 0700
nobody list pages                          => EACCES
nobody stat pages/3 mode                   => EACCES
nobody mkdir x                             => EACCES
chmod pages 0755
nobody list pages                          => . .. 3 4
nobody stat pages/3 mode                   => 0600
nobody open pages/3 O_RDONLY               => EACCES
nobody open pages/3 O_WRONLY               => EACCES
nobody open pages/9 O_WRONLY|O_CREAT       => EACCES
nobody open pages/name O_WRONLY|O_CREAT    => EACCES
nobody unlink pages/3                      => EACCES
nobody truncate pages/3 0                  => EACCES
nobody access pages/3 R_OK                 => EACCES
nobody access pages/3 F_OK                 => ok
nobody chmod pages/3 0666                  => EPERM
nobody chown pages/3 65534 65534           => EPERM
nobody utimensat pages/3 1.0 1.0           => EPERM
nobody touch pages/3                       => EACCES
nobody mkdir alloc/pages/x                 => EACCES
nobody setxattr pages/3 user.a             => EACCES
chmod pages/3 0644
nobody open pages/3 O_RDONLY               => ok
nobody open pages/3 O_RDWR                 => EACCES
nobody open pages/3 O_RDONLY|O_TRUNC       => EACCES
nobody access pages/3 W_OK                 => EACCES
chmod pages/3 0666
nobody open pages/3 O_RDWR                 => ok
nobody truncate pages/3 0                  => ok
nobody touch pages/3                       => ok
nobody utimensat pages/3 1.0 1.0           => EPERM
nobody unlink pages/3                      => EACCES
chown pages/3 65534 65534
nobody chmod pages/3 0600                  => ok
nobody open pages/3 O_RDWR                 => ok
nobody utimensat pages/3 1.0 1.0           => ok
nobody chown pages/3 0 0                   => EPERM
chmod pages/4 04755
chmod pages/4 06777
nobody truncate pages/4 0                  => ok
stat pages/4 mode                          => 0777     # A write by somebody else takes them.
chmod pages 0777
nobody open pages/90 O_WRONLY|O_CREAT|O_EXCL => ok       # Who makes it may write,
nobody open pages/90 O_WRONLY             => EACCES   # and it is root's, as everything is.
nobody unlink pages/4                      => ok
chmod pages 01777
nobody unlink pages/3                      => ok       # Its own.
open pages/50 O_WRONLY|O_CREAT
nobody unlink pages/50                     => EPERM    # The sticky bit.
chmod alloc 0755
chmod alloc/pages 0777
nobody mkdir alloc/pages/x                 => ok
)");

class PosixMounts : public Posix {};

TEST_F(PosixMounts, ReadOnly) {
  mount_again({"-o", "ro"});
  expect(kReadOnly);
}

TEST_F(PosixMounts, OthersMayDoWhatModesAllow) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  mount_again({"-o", "allow_other"});
  expect(kPermissions);
}

TEST(PosixTables, AreLong) {
  std::size_t assertions = 0;
  for (const Table* table : Table::all()) assertions += table->assertions();
  std::cout << assertions << " assertions in " << Table::all().size() << " tables\n";
  EXPECT_GE(assertions, 300U);
}

}  // namespace
}  // namespace mappedpages::test::posix
