// read, write, lseek, truncate, fallocate, copying, and mappings.
#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

const Table kReadAndWrite(R"(
open pages/3 O_RDWR as f
read f 3                                   => old
read f 2                                   => ..
lseek f 0 SEEK_CUR                         => 5
write f abc                                => 3
lseek f 0 SEEK_CUR                         => 8
pread f 0 8                                => old..abc
lseek f 0 SEEK_CUR                         => 8       # pread and pwrite move nothing.
pwrite f 1 L                               => 1
lseek f 0 SEEK_CUR                         => 8
lseek f 0 SEEK_SET                         => 0
readv f 2                                  => oLd.
writev f 11 "" 22 333                      => 7
pread f 4 8                                => 1122333.
pread f 4095 10                            => .
pread f 4096 10                            => end
pread f 100000 10                          => end
pread f 0 0                                => end
pread f -1 10                              => EINVAL
pwrite f -1 x                              => EINVAL
pwrite f 0 ""                              => 0
pwrite f 4096 ""                           => 0
pwrite f 4096 x                            => EFBIG
pwrite f 4095 xy                           => EFBIG
pread f 4095 1                             => .       # Nothing of it was written.
pwrite f 100000 x                          => EFBIG
pwrite f 9223372036854775000 x             => EFBIG
pwrite f 0 {z*4097}                        => EFBIG
pread f 0 3                                => oLd
pwrite f 0 {z*4096}                        => 4096
pread f 4095 10                            => z
write_parts f 1025                         => EINVAL
write_parts f 1024                         => 0
write_nowhere f                            => EFAULT
read_nowhere f                             => EFAULT
open pages/3 O_WRONLY|O_APPEND as a
write a x                                  => EFBIG
write a ""                                 => 0
pwrite a 0 x                               => EFBIG   # On Linux it appends too.
open protected/0 O_RDWR as p
pwrite p 10 abc                            => 3
pread p 0 14                               => old.......abc.
pread p 4096 1                             => end
pread p -1 1                               => EINVAL
pwrite p -1 x                              => EINVAL
pwrite p 4096 ""                           => 0
writev p 1 22                              => 3
readv p 3                                  => ......
fsync p                                    => ok
pwrite p 4095 xy                           => EFBIG
pwrite p 0 x                               => EIO     # Poisoned.
fsync p                                    => EIO
fdatasync p                                => EIO
close p                                    => EIO
open protected/0 O_RDONLY as q
pread q 0 4                                => 122.
open protected/0 O_WRONLY|O_APPEND as b
write b x                                  => EFBIG
close b                                    => EIO
open protected/1 O_WRONLY as c
write_nowhere c                            => EFAULT
pwrite c 0 fine                            => 4
close c                                    => ok
open pages/t O_RDWR|O_APPEND as t
write t 123                                => 3
pread t 0 9                                => tmp123
pwrite t 0 4                               => 1
pread t 0 9                                => tmp1234
open pages/t O_RDWR as u
pwrite u 10 x                              => 1
pread u 0 20                               => tmp1234...x
)");

const Table kLseek(R"(
open pages/3 O_RDWR as f
lseek f 0 SEEK_END                         => 4096
lseek f 10 SEEK_END                        => 4106
read f 1                                   => end
lseek f -1 SEEK_SET                        => EINVAL
lseek f -5000 SEEK_CUR                     => EINVAL
lseek f -4096 SEEK_END                     => 0
lseek f 0 99                               => EINVAL
lseek f 0 SEEK_DATA                        => 0
lseek f 4095 SEEK_DATA                     => 4095
lseek f 4096 SEEK_DATA                     => ENXIO
lseek f 0 SEEK_HOLE                        => 4096
lseek f 4096 SEEK_HOLE                     => ENXIO
lseek f -1 SEEK_DATA                       => ENXIO
open protected/0 O_RDWR as p
lseek p 0 SEEK_END                         => 4096
lseek p 5 SEEK_DATA                        => 5
lseek p 5 SEEK_HOLE                        => 4096
lseek p 4096 SEEK_DATA                     => ENXIO
lseek p -1 SEEK_SET                        => EINVAL
open pages/t O_RDWR as t
lseek t 0 SEEK_END                         => 3
lseek t 0 SEEK_HOLE                        => 3
lseek t 3 SEEK_DATA                        => ENXIO
open pages O_RDONLY as d
lseek d 0 SEEK_SET                         => 0
lseek d -1 SEEK_SET                        => EINVAL
)");

const Table kTruncate(R"(
open pages/3 O_RDWR as f
pwrite f 0 0123456789
truncate pages/3 4                         => ok
pread f 0 6                                => 0123..
stat pages/3 size                          => 4096
truncate pages/3 4096                      => ok
truncate pages/3 0                         => ok
pread f 0 3                                => ...
truncate pages/3 4097                      => EFBIG
truncate pages/3 9223372036854775807       => EFBIG
truncate pages/3 -1                        => EINVAL
ftruncate f -1                             => EINVAL
ftruncate f 4097                           => EFBIG
ftruncate f 4096                           => ok
ftruncate f 10                             => ok
fstat f size                               => 4096
lseek f 0 SEEK_END                         => 4096
truncate protected/0 2                     => ok
open protected/0 O_RDWR as p
pread p 0 4                                => ol..
truncate protected/0 4097                  => EFBIG
truncate protected/0 -1                    => EINVAL
pwrite p 0 staged
truncate protected/0 0                     => EBUSY
ftruncate p 3                              => ok
pread p 0 6                                => sta...
ftruncate p 4097                           => EFBIG
fsync p                                    => EIO
truncate pages/t 1                         => ok
stat pages/t size                          => 1
truncate pages/t 5000                      => ok
stat pages/t size                          => 5000
truncate pages/t -1                        => EINVAL
truncate pages 0                           => EISDIR
truncate alloc/pages/2@r 0                 => EISDIR
truncate . 0                               => EISDIR
truncate alloc/pages/2@r/3 0               => ok      # Through the link.
truncate pages/nothing 0                   => ENOENT
truncate pages/9 0                         => ENOENT
truncate pages/3/x 0                       => ENOTDIR
truncate pages/{x*256} 0                   => ENAMETOOLONG
truncate "" 0                              => ENOENT
)");

const Table kFallocate(R"(
open pages/3 O_RDWR as f
pwrite f 0 0123456789
fallocate f 0 0 4096                       => ok
fallocate f FALLOC_FL_KEEP_SIZE 4000 96    => ok
fallocate f FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE 2 3 => ok
pread f 0 10                               => 01...56789
fallocate f FALLOC_FL_ZERO_RANGE 6 1       => ok
pread f 0 10                               => 01...5.789
fallocate f FALLOC_FL_ZERO_RANGE|FALLOC_FL_KEEP_SIZE 7 1 => ok
pread f 0 10                               => 01...5..89
fallocate f 0 0 4097                       => EFBIG
fallocate f 0 4096 1                       => EFBIG
fallocate f FALLOC_FL_KEEP_SIZE 4096 1     => EFBIG
fallocate f FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE 4095 2 => EFBIG
fallocate f FALLOC_FL_ZERO_RANGE 4095 2    => EFBIG
fallocate f 0 9223372036854775807 1        => EFBIG
fallocate f FALLOC_FL_COLLAPSE_RANGE 0 512 => EOPNOTSUPP
fallocate f FALLOC_FL_INSERT_RANGE 0 512   => EOPNOTSUPP
fallocate f FALLOC_FL_UNSHARE_RANGE 0 512  => EOPNOTSUPP
fallocate f FALLOC_FL_PUNCH_HOLE 0 1       => EOPNOTSUPP
fallocate f FALLOC_FL_PUNCH_HOLE|FALLOC_FL_ZERO_RANGE 0 1 => EOPNOTSUPP
fallocate f 0 0 0                          => EINVAL
fallocate f 0 -1 10                        => EINVAL
fallocate f 0 0 -1                         => EINVAL
posix_fallocate f 0 4096                   => ok
posix_fallocate f 4000 97                  => EFBIG
posix_fallocate f 0 0                      => EINVAL
fstat f size                               => 4096
open protected/0 O_RDWR as p
fallocate p FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE 1 1 => ok
pread p 0 3                                => o.d
open protected/0 O_RDWR as q
pread q 0 3                                => old     # Not committed yet.
fallocate q 0 0 1                          => EBUSY
fallocate p FALLOC_FL_COLLAPSE_RANGE 0 512 => EOPNOTSUPP
fsync p                                    => ok      # That was no failed write.
pread q 0 3                                => o.d
fallocate p 0 0 4097                       => EFBIG
close p                                    => EIO
open pages/t O_RDWR as t
fallocate t 0 0 5000                       => ok
fstat t size                               => 5000
fallocate t FALLOC_FL_KEEP_SIZE 5000 5000  => ok
fstat t size                               => 5000
fallocate t FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE 1 1 => ok
pread t 0 3                                => t.p
fallocate t FALLOC_FL_COLLAPSE_RANGE 0 512 => EOPNOTSUPP
fallocate t 0 0 100000000                  => ENOSPC  # More than 64 MiB.
)");

const Table kCopying(R"(
open pages/3 O_RDWR as f
open pages/4 O_RDWR as g
open protected/0 O_RDWR as p
open protected/0 O_RDONLY as q
open protected/1 O_RDWR as r
open ../other O_RDWR as o
open pages/t O_RDWR as t
copy_file_range f 0 g 10 3                 => 3
pread g 8 7                                => ..old..
copy_file_range f 0 g 4090 100             => EFBIG
pread g 4090 6                             => ......
copy_file_range f 4000 g 0 1000            => 96      # Up to the end.
copy_file_range f 4096 g 0 10              => 0
copy_file_range f 0 p 3 3                  => 3
pread p 0 7                                => oldold.
pread q 0 7                                => old....
fsync p                                    => ok
pread q 0 7                                => oldold.
sendfile r o 0 5                           => 5       # From another filesystem.
pread r 0 7                                => other..
copy_file_range f 0 t 3 3                  => 3
pread t 0 9                                => tmpold
copy_file_range t 0 f 0 6                  => 6
pread f 0 7                                => tmpold.
copy_file_range f 0 f 1 3                  => EINVAL  # It overlaps.
copy_file_range f 0 f 100 3                => 3
sendfile o f 0 6                           => 6
sendfile o f 4096 6                        => 0
sendfile g o 0 6                           => 6
pread g 0 6                                => tmpold
sendfile o p 0 3                           => 3
sendfile o t 0 3                           => 3
splice f 0 6                               => tmpold
splice p 0 6                               => oldold
splice t 0 6                               => tmpold
open pages/3 O_RDONLY as ro
open pages O_RDONLY as d
copy_file_range f 0 ro 0 3                 => EBADF
copy_file_range d 0 g 0 3                  => EISDIR
copy_file_range f 0 d 0 3                  => EISDIR
)");

const Table kMappings(R"(
open pages/3 O_RDWR as f
open pages/3 O_RDONLY as r
open pages/3 O_WRONLY as w
open protected/0 O_RDWR as p
open pages/t O_RDWR as t
mmap f 4096 PROT_READ|PROT_WRITE MAP_SHARED as m => ok
load m 0 4                                 => old.
pwrite f 1 L                               => 1
load m 0 3                                 => oLd
store m 0 map                              => ok
pread r 0 3                                => map
child pread r 0 3                          => map
child store m 10 child                     => ok
load m 10 5                                => child
pread r 10 5                               => child
msync m MS_SYNC                            => ok
msync m MS_ASYNC                           => ok
msync m MS_SYNC|MS_INVALIDATE              => ok
msync m MS_SYNC|MS_ASYNC                   => EINVAL
ftruncate f 1                              => ok
load m 0 4                                 => m...
fallocate f FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE 0 1
load m 0 1                                 => .
mmap f 4096 PROT_READ|PROT_WRITE MAP_PRIVATE as c => ok
store c 0 mine                             => ok
pread f 0 4                                => ....
mmap r 4096 PROT_READ MAP_SHARED           => ok
mmap r 4096 PROT_READ|PROT_WRITE MAP_PRIVATE => ok
mmap r 4096 PROT_READ|PROT_WRITE MAP_SHARED => EACCES
mmap w 4096 PROT_READ MAP_SHARED           => EACCES
mmap w 4096 PROT_WRITE MAP_SHARED          => EACCES
mmap f 4096 PROT_READ|PROT_EXEC MAP_PRIVATE => EPERM   # noexec
mmap f 0 PROT_READ MAP_SHARED              => EINVAL
mmap f 4096 PROT_READ MAP_SHARED 100       => EINVAL
mmap f 4096 PROT_READ 0                    => EINVAL
mmap f 8192 PROT_READ|PROT_WRITE MAP_SHARED as long => ok
child load long 4096 1                     => BUS     # Behind the end.
mmap p 4096 PROT_READ MAP_PRIVATE as pm    => ok
load pm 0 4                                => old.
mmap p 4096 PROT_READ|PROT_WRITE MAP_SHARED => ENODEV
mmap p 4096 PROT_READ MAP_SHARED           => ENODEV
mmap t 3 PROT_READ MAP_PRIVATE as tm       => ok
load tm 0 3                                => tmp
mmap t 3 PROT_READ|PROT_WRITE MAP_SHARED   => ENODEV
unlink pages/3                             => ok
store m 0 still                            => ok
pread f 0 5                                => still
msync m MS_SYNC                            => ok
)");

class PosixBytes : public Posix {};

TEST_F(PosixBytes, ReadAndWrite) {
  expect(kReadAndWrite);
}
TEST_F(PosixBytes, Lseek) {
  expect(kLseek);
}
TEST_F(PosixBytes, Truncate) {
  expect(kTruncate);
}
TEST_F(PosixBytes, Fallocate) {
  expect(kFallocate);
}
TEST_F(PosixBytes, Copying) {
  expect(kCopying);
}
TEST_F(PosixBytes, Mappings) {
  expect(kMappings);
}

}  // namespace
}  // namespace mappedpages::test::posix
