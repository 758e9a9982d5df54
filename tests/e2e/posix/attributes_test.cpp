// Facts, modes, owners, times, extended attributes, locks and listings.
#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

const Table kFacts(R"(
stat . type mode                           => directory 0700
stat pages type mode nlink size            => directory 0700 2 0
stat protected type mode nlink             => directory 0700 2
stat alloc type mode nlink                 => directory 0700 4
stat alloc/pages type mode nlink           => directory 0700 3
mkdir alloc/pages/a
stat alloc/pages nlink                     => 4
rmdir alloc/pages/a
stat alloc/pages nlink                     => 3
stat alloc/pages/2@r type mode nlink       => directory 0700 2
stat pages/3 type mode nlink size          => file 0600 1 4096
stat pages/3 blocks blksize uid gid rdev   => 8 4096 0 0 0
stat protected/0 type mode nlink size      => file 0600 1 4096
stat protected/0 blocks blksize            => 8 4096
stat pages/t type mode nlink size          => file 0600 1 3
lstat alloc/pages/2@r/3 type mode nlink size => link 0777 1 16
lstat alloc/protected/2@r/0 type mode size => link 0777 20
stat alloc/pages/2@r/3 type size           => file 4096
statfs . bsize                             => 4096
statfs pages/3 frsize                      => 4096
statfs . blocks                            => 32544
statfs . bfree                             => 32532   # 3 of the pager's, 3 pages; 2 for a directory, 4 copies.
statfs . files                             => 5
statfs . namemax                           => 255
statfs . readonly                          => no
statfs nothing bsize                       => ENOENT
mkdir alloc/pages/10@x
statfs . bfree                             => 32522
statfs . files                             => 15
unlink pages/4
statfs . files                             => 14
)");

const Table kModesAndOwners(R"(
chmod pages/3 0640                         => ok
stat pages/3 mode                          => 0640
chmod pages/3 07777                        => ok
stat pages/3 mode                          => 7777
chmod pages/3 0                            => ok
stat pages/3 mode                          => 0000
chmod protected/0 0444                     => ok
stat protected/0 mode                      => 0444
chmod pages/t 0604                         => ok
stat pages/t mode                          => 0604
chmod pages 0750                           => ok
stat pages mode                            => 0750
chmod . 0711                               => ok
stat . mode                                => 0711
chmod alloc/pages/2@r 0700                 => ok
chmod alloc/pages/2@r/4 0666               => ok
stat pages/4 mode                          => 0666
chmod pages/nothing 0600                   => ENOENT
chmod pages/3/x 0600                       => ENOTDIR
chmod pages/{x*256} 0600                   => ENAMETOOLONG
chown pages/3 5 6                          => ok
stat pages/3 uid gid                       => 5 6
chown pages/3 -1 7                         => ok
stat pages/3 uid gid                       => 5 7
chown pages/3 8 -1                         => ok
stat pages/3 uid gid                       => 8 7
chown pages/3 -1 -1                        => ok
chown protected/0 5 6                      => ok
stat protected/0 uid gid                   => 5 6
chown alloc/pages 5 6                      => ok
stat alloc/pages uid gid                   => 5 6
chown alloc/pages/2@r/4 9 9                => ok
stat pages/4 uid gid                       => 9 9
lchown alloc/pages/2@r/4 1 2               => ok
lstat alloc/pages/2@r/4 uid gid            => 1 2
stat pages/4 uid gid                       => 9 9
chown pages/nothing 0 0                    => ENOENT
chown pages/3/x 0 0                        => ENOTDIR
chmod pages/4 06755
open pages/4 O_RDWR as f
pwrite f 0 x
stat pages/4 mode                          => 6755    # root may keep them.
fchmod f 0600                              => ok
fstat f mode                               => 0600
access pages/3 F_OK                        => ok
access pages/3 R_OK|W_OK                   => ok      # root.
access pages/3 X_OK                        => EACCES  # Nobody may.
access pages X_OK                          => ok
access alloc/pages/2@r/3 R_OK              => ok
access pages/nothing F_OK                  => ENOENT
access pages/3/x F_OK                      => ENOTDIR
access pages/{x*256} F_OK                  => ENAMETOOLONG
access pages/3 99                          => EINVAL
)");

// What is read changes nothing; what is changed changes mtime and ctime.
const Table kTimes(R"(
utimensat pages/3 1000.5 2000.7            => ok
stat pages/3 atime mtime                   => 1000.5 2000.7
utimensat pages/3 omit 3000.1              => ok
stat pages/3 atime mtime                   => 1000.5 3000.1
utimensat pages/3 4000.1 omit              => ok
stat pages/3 atime mtime                   => 4000.1 3000.1
utimensat pages/3 -5.1 10000000000.999999999 => ok
stat pages/3 atime mtime                   => -5.1 10000000000.999999999
utimensat pages/3 1.1000000000 1.0         => EINVAL
utimensat pages/nothing 1.0 1.0            => ENOENT
utimensat alloc/pages/2@r/4 7.1 8.2 AT_SYMLINK_NOFOLLOW => ok
lstat alloc/pages/2@r/4 atime mtime        => 7.1 8.2
utimensat pages 7.1 8.2                    => ok
stat pages mtime                           => 8.2
utimensat pages/t 7.1 8.2                  => ok
stat pages/t atime mtime                   => 7.1 8.2
open pages/3 O_RDWR as f
open pages/4 O_RDWR as g
open protected/0 O_RDWR as p
open protected/0 O_RDONLY as q
open pages/t O_RDWR as t
open pages O_RDONLY as d
changed pages/3 by pread f 0 10            => nothing
changed pages/3 by fsync f                 => nothing
changed pages/3 by open pages/3 O_RDWR     => nothing
changed pages/3 by stat pages/3 size       => nothing
changed pages/3 by access pages/3 R_OK     => nothing
changed pages/3 by pwrite f 0 ""           => nothing
changed pages/3 by pwrite f 4096 x         => EFBIG
changed pages/3 by pwrite f 0 x            => mtime,ctime
changed pages/3 by ftruncate f 10          => mtime,ctime
changed pages/3 by ftruncate f 4096        => mtime,ctime
changed pages/3 by truncate pages/3 9      => mtime,ctime
changed pages/3 by open pages/3 O_WRONLY|O_TRUNC => mtime,ctime
changed pages/3 by fallocate f FALLOC_FL_ZERO_RANGE 0 9 => mtime,ctime
changed pages/3 by fallocate f FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE 0 9 => mtime,ctime
changed pages/3 by copy_file_range g 0 f 0 9 => mtime,ctime
changed pages/4 by copy_file_range g 0 f 0 9 => nothing
changed pages/3 by chmod pages/3 0640      => ctime
changed pages/3 by fchmod f 0600           => ctime
changed pages/3 by chown pages/3 1 1       => ctime
changed pages/3 by chown pages/3 -1 2      => ctime
changed pages/3 by touch pages/3           => atime,mtime,ctime
changed pages/3 by utimensat pages/3 omit omit => nothing
changed pages/3 by utimensat pages/3 now omit => atime,ctime
changed pages/3 by utimensat pages/3 omit now => mtime,ctime
changed pages/3 by futimens f 5.0 6.0      => atime,mtime,ctime
changed pages/3 by unlink pages/9          => ENOENT
changed pages/3 by rename pages/3 pages/9  => EPERM
changed protected/0 by pread p 0 9         => nothing
changed protected/0 by pwrite p 0 x        => nothing   # It is not committed.
changed protected/0 by fsync p             => mtime,ctime
changed protected/0 by fsync p             => nothing
changed protected/0 by truncate protected/0 2 => mtime,ctime
changed protected/0 by chmod protected/0 0640 => ctime
changed protected/0 by pwrite p 0 x        => nothing
changed protected/0 by close p             => mtime,ctime
changed protected/0 by open protected/0 O_RDWR => nothing
changed protected/0 by pread q 0 9         => nothing
changed pages/t by pread t 0 9             => nothing
changed pages/t by pwrite t 0 x            => mtime,ctime
changed pages/t by ftruncate t 10          => mtime,ctime
changed pages/t by chmod pages/t 0640      => ctime
changed . by stat . type                   => nothing
touch pages/3
open pages/50 O_CREAT|O_WRONLY             => ok
newer pages/50 pages/3                     => atime,mtime,ctime   # What is new is of now.
open protected/50 O_CREAT|O_WRONLY         => ok
newer protected/50 pages/3                 => atime,mtime,ctime
open pages/u O_CREAT|O_WRONLY              => ok
newer pages/u pages/3                      => atime,mtime,ctime
mkdir alloc/pages/2@new                    => ok
newer alloc/pages/2@new pages/3            => atime,mtime,ctime
list alloc/pages/2@new                     => . .. 13 14
newer pages/13 pages/3                     => atime,mtime,ctime
newer pages/3 pages/13                     => nothing
)");

// A directory changes with its names.
const Table kTimesOfDirectories(R"(
changed pages by mkdir alloc/pages/a       => mtime,ctime   # pages/5 is new.
changed alloc/pages by mkdir alloc/pages/b => mtime,ctime
changed alloc by mkdir alloc/pages/c       => nothing
changed protected by mkdir alloc/pages/d   => nothing
changed protected by mkdir alloc/protected/d => mtime,ctime
changed pages by mkdir alloc/pages/d       => EEXIST
changed pages by mkdir pages/x             => EPERM
changed alloc/pages by rmdir alloc/pages/b => mtime,ctime
changed pages by rmdir alloc/pages/c       => nothing
changed alloc/pages/2@r by unlink alloc/pages/2@r/3 => mtime,ctime
changed pages by unlink alloc/pages/2@r/4  => nothing
changed pages by open pages/20 O_CREAT|O_WRONLY => mtime,ctime
changed pages by open pages/20 O_CREAT|O_WRONLY => nothing
changed pages by open pages/20 O_WRONLY|O_TRUNC => nothing
changed pages by unlink pages/20           => mtime,ctime
changed pages by unlink pages/20           => ENOENT
changed pages by open pages/u O_CREAT|O_WRONLY => mtime,ctime
changed pages by rename pages/u pages/v    => mtime,ctime
changed protected by rename pages/v protected/v => mtime,ctime
changed protected by rename protected/v pages/v => mtime,ctime
changed pages by rename pages/v pages/3    => mtime,ctime
changed protected by rename pages/t protected/1 => mtime,ctime
changed pages by list pages                => nothing
changed pages by chmod pages/3 0640        => nothing
changed protected by unlink protected/1    => mtime,ctime
changed protected by unlink protected/t    => mtime,ctime
changed pages by touch pages               => atime,mtime,ctime
changed pages by chmod pages 0700          => ctime
)");

const Table kOddCalls(R"(
setxattr pages/3 user.a                    => EOPNOTSUPP
setxattr pages/3 user.a XATTR_CREATE       => EOPNOTSUPP
setxattr protected/0 user.a                => EOPNOTSUPP
setxattr protected/0 user.a XATTR_REPLACE  => EOPNOTSUPP
setxattr pages user.a                      => EOPNOTSUPP
setxattr pages/t user.a                    => EOPNOTSUPP
setxattr pages/3 security.x                => EOPNOTSUPP
setxattr pages/3 trusted.x                 => EOPNOTSUPP
setxattr pages/nothing user.a              => ENOENT
getxattr pages/3 user.a                    => EOPNOTSUPP
getxattr protected/0 user.a                => EOPNOTSUPP
getxattr pages user.a                      => EOPNOTSUPP
listxattr pages/3                          => EOPNOTSUPP
listxattr protected/0                      => EOPNOTSUPP
listxattr .                                => EOPNOTSUPP
removexattr pages/3 user.a                 => EOPNOTSUPP
open pages/3 O_RDWR as f
open pages/3 O_RDWR as g
open protected/0 O_RDWR as p
open protected/0 O_RDWR as q
open pages O_RDONLY as d
ioctl f FS_IOC_GETFLAGS                    => ENOTTY
ioctl f FS_IOC_SETFLAGS                    => ENOTTY
ioctl f FS_IOC_FSGETXATTR                  => ENOTTY
ioctl p FS_IOC_GETFLAGS                    => ENOTTY
ioctl d FS_IOC_GETFLAGS                    => ENOTTY
ioctl f FIONREAD                           => 4096
ioctl f FIGETBSZ                           => 4096
ioctl f 12345                              => ENOTTY
flock f LOCK_EX|LOCK_NB                    => ok
flock g LOCK_EX|LOCK_NB                    => EAGAIN
flock g LOCK_SH|LOCK_NB                    => EAGAIN
flock f LOCK_UN                            => ok
flock g LOCK_SH|LOCK_NB                    => ok
flock f LOCK_SH|LOCK_NB                    => ok
flock p LOCK_EX|LOCK_NB                    => ok
flock q LOCK_EX|LOCK_NB                    => EAGAIN
flock d LOCK_EX|LOCK_NB                    => ok
lock f F_WRLCK 0 10                        => ok
lock f F_WRLCK 5 10                        => ok      # One's own.
child lock f F_WRLCK 0 5                   => EAGAIN
child lock f F_RDLCK 12 1                  => EAGAIN
child lock f F_WRLCK 15 5                  => ok
lock f F_UNLCK 0 100                       => ok
child lock f F_WRLCK 0 5                   => ok
lock p F_RDLCK 0 0                         => ok
child lock p F_RDLCK 0 0                   => ok
child lock p F_WRLCK 4000 1                => EAGAIN
fcntl f F_SETFL O_APPEND                   => 0
write f x                                  => EFBIG
fcntl f F_SETFL 0                          => 0
write f x                                  => 1
fcntl f F_SETFL O_DIRECT                   => 0
pread f 0 3                                => xld
)");

const Table kListings(R"(
list pages                                 => . .. 3 4 t
list protected                             => . .. 0 1 t
list alloc                                 => . .. pages protected
list alloc/pages                           => . .. 2@r
list alloc/pages/2@r                       => . .. 3 4
list alloc/protected/2@r                   => . .. 0 1
list pages/3                               => ENOTDIR
list pages/t                               => ENOTDIR
list alloc/pages/2@r/3                     => ENOTDIR
list alloc/pages/nothing                   => ENOENT
list pages/{x*256}                         => ENAMETOOLONG
list_facts pages                           => ok
list_facts protected                       => ok
list_facts alloc                           => ok
list_facts alloc/pages                     => ok
list_facts alloc/pages/2@r                 => ok
list_facts alloc/protected/2@r             => ok
seek_listing .                             => ok
seek_listing pages                         => ok
seek_listing alloc                         => ok
seek_listing alloc/pages/2@r               => ok
mkdir alloc/pages/2000@many
list_facts alloc/pages/2000@many           => ok
seek_listing alloc/pages/2000@many         => ok
seek_listing pages                         => ok
list_facts pages                           => ok
)");

class PosixAttributes : public Posix {};

TEST_F(PosixAttributes, Facts) {
  expect(kFacts);
}
TEST_F(PosixAttributes, ModesAndOwners) {
  expect(kModesAndOwners);
}
TEST_F(PosixAttributes, Times) {
  expect(kTimes);
}
TEST_F(PosixAttributes, TimesOfDirectories) {
  expect(kTimesOfDirectories);
}
TEST_F(PosixAttributes, ExtendedAttributesIoctlAndLocks) {
  expect(kOddCalls);
}
TEST_F(PosixAttributes, Listings) {
  expect(kListings);
}

}  // namespace
}  // namespace mappedpages::test::posix
