// open and creat, with every flag, on every kind of object.
#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

const Table kOpen(R"(
open pages/3 O_RDONLY                      => ok
open pages/3 O_WRONLY                      => ok
open pages/3 O_RDWR                        => ok
open protected/0 O_RDWR                    => ok
open pages/t O_RDWR                        => ok
open alloc/pages/2@r/3 O_RDWR              => ok       # Through the link.
open pages O_RDONLY                        => ok
open alloc/pages/2@r O_RDONLY              => ok
open . O_RDONLY|O_DIRECTORY                => ok
open . O_WRONLY                            => EISDIR
open pages O_WRONLY                        => EISDIR
open protected O_RDWR                      => EISDIR
open alloc O_RDONLY|O_TRUNC                => EISDIR
open alloc/pages O_RDWR                    => EISDIR
open alloc/pages/2@r O_WRONLY              => EISDIR
open pages O_RDONLY|O_CREAT                => EISDIR
open pages/3 O_RDONLY|O_DIRECTORY          => ENOTDIR
open protected/0 O_RDONLY|O_DIRECTORY      => ENOTDIR
open pages/t O_RDONLY|O_DIRECTORY          => ENOTDIR
open alloc/pages/2@r/3 O_RDONLY|O_DIRECTORY => ENOTDIR
open alloc/pages/2@r/3 O_RDONLY|O_NOFOLLOW => ELOOP
open alloc/protected/2@r/0 O_RDWR|O_NOFOLLOW => ELOOP
open alloc/protected/2@r/0 O_RDWR|O_NOFOLLOW|O_CREAT => ELOOP
open pages/3 O_RDWR|O_NOFOLLOW             => ok
open pages/nothing O_RDONLY                => ENOENT
open pages/5 O_RDWR                        => ENOENT
open pages/0 O_RDONLY                      => ENOENT
open protected/9 O_RDWR                    => ENOENT
open nothing/x O_RDWR|O_CREAT              => ENOENT
open "" O_RDONLY                           => ENOENT
open pages/3/x O_RDONLY                    => ENOTDIR
open pages/3/x O_RDWR|O_CREAT              => ENOTDIR
open pages/t/x O_RDWR|O_CREAT              => ENOTDIR
open alloc/pages/2@r/3/x O_RDONLY          => ENOTDIR
open pages/3/ O_RDONLY                     => ENOTDIR
open pages/{x*256} O_RDONLY                => ENAMETOOLONG
open {x*256} O_RDONLY                      => ENAMETOOLONG
open pages/3 O_RDWR|O_DIRECT               => ok
open protected/0 O_RDWR|O_DIRECT           => ok
open pages/3 O_RDWR|O_SYNC                 => ok
open protected/0 O_RDWR|O_DSYNC            => ok
open pages/3 O_RDONLY|O_NOATIME            => ok
open pages/3 O_RDWR|O_NONBLOCK             => ok
open pages O_RDWR|O_TMPFILE                => EOPNOTSUPP
open protected O_RDWR|O_TMPFILE            => EOPNOTSUPP
open alloc/pages O_WRONLY|O_TMPFILE        => EOPNOTSUPP
open pages O_RDONLY|O_TMPFILE              => EINVAL
open pages/3 O_RDWR|O_TMPFILE              => ENOTDIR
)");

const Table kCreate(R"(
open pages/50 O_RDWR|O_CREAT as f           => ok
fstat f type mode nlink size               => file 0600 1 4096
fstat f uid gid blocks blksize             => 0 0 8 4096
pread f 0 3                                => ...
open pages/50 O_RDWR|O_CREAT                => ok       # It is there.
open pages/50 O_RDWR|O_CREAT|O_EXCL         => EEXIST
open pages/60 O_RDWR|O_CREAT|O_EXCL         => ok
open protected/5 O_RDWR|O_CREAT|O_EXCL     => ok
open protected/5 O_RDWR|O_CREAT|O_EXCL     => EEXIST
open protected/5 O_RDONLY|O_CREAT          => ok
open pages/t O_RDWR|O_CREAT|O_EXCL         => EEXIST
open pages/u O_RDWR|O_CREAT|O_EXCL         => ok
stat pages/u type size nlink               => file 0 1
creat pages/70                             => ok
creat pages/70                             => ok
creat protected/7                          => ok
creat pages/u                              => ok
creat pages                                => EISDIR
creat alloc/pages/2@r                      => EISDIR
open pages/0 O_RDWR|O_CREAT                => EBUSY
open pages/1 O_WRONLY|O_CREAT              => EBUSY
open pages/2 O_RDWR|O_CREAT|O_EXCL         => EBUSY
open pages/07 O_RDWR|O_CREAT               => EINVAL
open pages/00 O_RDWR|O_CREAT               => EINVAL
open protected/00 O_RDWR|O_CREAT           => EINVAL
open protected/01 O_RDWR|O_CREAT|O_EXCL    => EINVAL
open pages/32544 O_RDWR|O_CREAT            => ENOSPC
open pages/17592186044419 O_RDWR|O_CREAT   => ENOSPC   # 2^44 + 3
open pages/18446744073709551619 O_RDWR|O_CREAT => ENOSPC  # 2^64 + 3
open protected/18446744073709551616 O_RDWR|O_CREAT => ENOSPC
open pages/{1*255} O_RDWR|O_CREAT          => ENOSPC
open pages/{1*256} O_RDWR|O_CREAT          => ENAMETOOLONG
open pages/{x*255} O_RDWR|O_CREAT          => ok
open pages/{x*256} O_RDWR|O_CREAT          => ENAMETOOLONG
open protected/{x*256} O_RDWR|O_CREAT      => ENAMETOOLONG
open x O_RDWR|O_CREAT                      => EPERM
open alloc/x O_RDWR|O_CREAT                => EPERM
open alloc/pages/x O_RDWR|O_CREAT          => EPERM
open alloc/protected/5 O_RDWR|O_CREAT      => EPERM
open alloc/pages/2@r/x O_RDWR|O_CREAT      => EPERM
open alloc/pages/2@r/5 O_RDWR|O_CREAT      => EPERM
open pages/9/ O_RDWR|O_CREAT               => EISDIR
open alloc/pages/2@r/3 O_RDWR|O_CREAT|O_EXCL => EEXIST
unlink pages/4
open alloc/pages/2@r/4 O_RDWR|O_CREAT|O_EXCL => EEXIST
stat pages/4                               => ENOENT
open alloc/pages/2@r/4 O_RDWR|O_CREAT      => ok       # Where the link leads.
stat pages/4 size                          => 4096
unlink {x*3}                               => ENOENT
unlink pages/{x*255}                       => ok
list pages                                 => . .. 3 4 50 60 70 t u
list protected                             => . .. 0 1 5 7 t
)");

const Table kTruncating(R"(
open pages/3 O_WRONLY|O_TRUNC as f         => ok
fstat f size                               => 4096
open pages/3 O_RDONLY as r
pread r 0 4096                             => {.*4096}
pread r 4096 10                            => end
pwrite f 0 abc                             => 3
open pages/3 O_RDWR|O_CREAT|O_TRUNC        => ok
pread r 0 3                                => ...
stat pages/3 size                          => 4096
open protected/0 O_WRONLY|O_TRUNC as p     => ok
fstat p size                               => 4096
open protected/0 O_RDONLY as q
pread q 0 3                                => old      # It is staged.
open protected/0 O_WRONLY|O_TRUNC          => EBUSY
creat protected/0                          => EBUSY
pwrite p 0 new                             => 3
close p                                    => ok
pread q 0 4                                => new.
open pages/t O_RDWR|O_TRUNC as t           => ok
fstat t size                               => 0
pread t 0 3                                => end
open alloc/pages/2@r/3 O_WRONLY|O_TRUNC    => ok
)");

const Table kAccessModes(R"(
open pages/3 O_RDONLY as r
open pages/3 O_WRONLY as w
open protected/0 O_RDONLY as pr
open protected/0 O_WRONLY as pw
open pages/t O_RDONLY as tr
open pages/t O_WRONLY as tw
open pages/3 O_PATH as path
open pages O_RDONLY as d
open alloc/pages/2@r/3 O_PATH|O_NOFOLLOW as link
pwrite r 0 x                               => EBADF
pwrite pr 0 x                              => EBADF
pwrite tr 0 x                              => EBADF
writev r x                                 => EBADF
pread w 0 1                                => EBADF
pread pw 0 1                               => EBADF
pread tw 0 1                               => EBADF
ftruncate r 0                              => EINVAL
ftruncate pr 0                             => EINVAL
ftruncate tr 0                             => EINVAL
fallocate r 0 0 1                          => EBADF
fallocate pr 0 0 1                         => EBADF
fsync r                                    => ok
fsync pr                                   => ok
fdatasync w                                => ok
fsync d                                    => ok
fdatasync d                                => ok
syncfs d                                   => ok
pread path 0 1                             => EBADF
pwrite path 0 x                            => EBADF
ftruncate path 0                           => EBADF
fsync path                                 => EBADF
fchmod path 0600                           => EBADF
ioctl path FIONREAD                        => EBADF
mmap path 4096 PROT_READ MAP_PRIVATE       => EBADF
fstat path type                            => file
fstat link type                            => link
read d 10                                  => EISDIR
pread d 0 10                               => EISDIR
pwrite d 0 x                               => EBADF
ftruncate d 0                              => EINVAL
fallocate d 0 0 1                          => EBADF
mmap d 4096 PROT_READ MAP_PRIVATE          => ENODEV
openat d 3 O_RDONLY                        => ok
openat r 3 O_RDONLY                        => ENOTDIR
read 99 1                                  => EBADF
fsync 99                                   => EBADF
fcntl w F_GETFL                            => 32769    # O_WRONLY, O_LARGEFILE
dup r as s                                 => ok
lseek r 100 SEEK_SET                       => 100
lseek s 0 SEEK_CUR                         => 100      # One offset.
dup2 w s                                   => ok
pwrite s 0 x                               => 1
close s                                    => ok
child pwrite w 1 y                         => 1
child lseek r 50 SEEK_SET                  => 50
lseek r 0 SEEK_CUR                         => 50
pread r 0 3                                => xyd
)");

class PosixOpen : public Posix {};

TEST_F(PosixOpen, Open) {
  expect(kOpen);
}
TEST_F(PosixOpen, Create) {
  expect(kCreate);
}
TEST_F(PosixOpen, Truncating) {
  expect(kTruncating);
}
TEST_F(PosixOpen, WhatADescriptorAllows) {
  expect(kAccessModes);
}

}  // namespace
}  // namespace mappedpages::test::posix
