// mkdir, rmdir, unlink, rename, link, symlink, readlink and mknod on every kind of object.
#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

const Table kMkdir(R"(
mkdir alloc/pages/a                        => ok
mkdir alloc/pages/a                        => EEXIST
mkdir alloc/protected/a                    => ok      # Another directory, another name.
mkdir alloc/pages/slash/                   => ok
mkdir alloc/pages/3@b                      => ok
stat alloc/pages/a type mode nlink         => directory 0700 2
stat alloc/pages/a uid gid                 => 0 0
list alloc/pages/a                         => . .. 11
list alloc/pages/3@b                       => . .. 15 16 17
list pages                                 => . .. 11 14 15 16 17 3 4 t
mkdir alloc/pages/0@x                      => EINVAL
mkdir alloc/pages/00@x                     => EINVAL
mkdir alloc/pages/01@x                     => EINVAL
mkdir alloc/protected/@x                   => EINVAL
mkdir alloc/pages/@                        => EINVAL
mkdir alloc/pages/1@                       => ok
mkdir alloc/pages/-1@x                     => ok      # No count: a plain name.
mkdir alloc/pages/foo@x                    => ok
mkdir alloc/pages/40000@x                  => ENOSPC
mkdir alloc/protected/40000@x              => ENOSPC
mkdir alloc/pages/18446744073709551616@x   => ENOSPC
mkdir alloc/pages/99999999999999999999@x   => ENOSPC
mkdir alloc/pages/{x*255}                  => ok
mkdir alloc/pages/{x*256}                  => ENAMETOOLONG
mkdir alloc/pages/{1*256}@                 => ENAMETOOLONG
list pages                                 => . .. 11 14 15 16 17 18 19 20 21 3 4 t
list protected                             => . .. 0 1 2 t
mkdir .                                    => EEXIST
mkdir pages                                => EEXIST
mkdir protected                            => EEXIST
mkdir alloc                                => EEXIST
mkdir alloc/pages                          => EEXIST
mkdir pages/3                              => EEXIST
mkdir protected/0                          => EEXIST
mkdir pages/t                              => EEXIST
mkdir alloc/pages/2@r/3                    => EEXIST
mkdir alloc/pages/2@r                      => EEXIST
mkdir x                                    => EPERM
mkdir pages/x                              => EPERM
mkdir pages/9000                           => EPERM
mkdir protected/x                          => EPERM
mkdir alloc/x                              => EPERM
mkdir alloc/pages/a/x                      => EPERM
mkdir pages/3/x                            => ENOTDIR
mkdir protected/0/x                        => ENOTDIR
mkdir pages/t/x                            => ENOTDIR
mkdir alloc/pages/2@r/3/x                  => ENOTDIR
mkdir nothing/x                            => ENOENT
mkdir alloc/nothing/x                      => ENOENT
mkdir ""                                   => ENOENT
mkdir {x*256}                              => ENAMETOOLONG
mkdir pages/{x*256}                        => ENAMETOOLONG
)");

const Table kRmdir(R"(
rmdir alloc/pages/2@r                      => ok      # Although it lists entries.
rmdir alloc/pages/2@r                      => ENOENT
stat pages/3 type                          => file    # Nothing is freed.
stat alloc/pages/2@r/3                     => ENOENT
rmdir alloc/protected/2@r/                 => ok
list protected                             => . .. 0 1 t
mkdir alloc/pages/a
open alloc/pages/a O_RDONLY|O_DIRECTORY as d
rmdir alloc/pages/a                        => ok
openat d 5 O_PATH                          => ENOENT
fstat d type nlink                         => directory 0
fchmod d 0750                              => ok
fstat d mode                               => 0750
list alloc/pages/a                         => ENOENT
mkdir alloc/pages/a                        => ok      # The name is free again.
unlinkat d x                               => ENOENT
rmdir alloc/pages/a/.                      => EINVAL
rmdir alloc/pages/a/..                     => ENOTEMPTY
rmdir pages/3                              => ENOTDIR
rmdir protected/0                          => ENOTDIR
rmdir pages/t                              => ENOTDIR
rmdir alloc/pages/a/12                     => ENOTDIR
rmdir pages/nothing                        => ENOENT
rmdir alloc/pages/nothing                  => ENOENT
rmdir nothing                              => ENOENT
rmdir pages/3/x                            => ENOTDIR
rmdir pages                                => EPERM
rmdir protected                            => EPERM
rmdir alloc                                => EPERM
rmdir alloc/pages                          => EPERM
rmdir alloc/protected                      => EPERM
rmdir ../m                                 => EBUSY   # A mountpoint.
rmdir alloc/pages/{x*256}                  => ENAMETOOLONG
rmdir ""                                   => ENOENT
)");

const Table kUnlink(R"(
unlink pages/4                             => ok
unlink pages/4                             => ENOENT
stat pages/4                               => ENOENT
open pages/4 O_RDWR                        => ENOENT
readlink alloc/pages/2@r/4                 => ../../../pages/4
stat alloc/pages/2@r/4                     => ENOENT  # The link leads nowhere.
lstat alloc/pages/2@r/4 type               => link
unlink alloc/pages/2@r/4                   => ok
unlink alloc/pages/2@r/4                   => ENOENT
unlink alloc/pages/2@r/3                   => ok
stat pages/3 type                          => file    # An entry of a receipt, and no page.
list alloc/pages/2@r                       => . ..
unlink protected/1                         => ok
unlink protected/1                         => ENOENT
unlink pages/t                             => ok
unlink pages/t                             => ENOENT
unlink protected/t                         => ok
unlink pages/0                             => ENOENT  # The pager's own.
unlink pages/1                             => ENOENT
unlink pages/2                             => ENOENT
unlink pages/03                            => ENOENT
unlink pages/3/                            => ENOTDIR
unlink pages/3/x                           => ENOTDIR
unlink alloc/protected/2@r/0/x             => ENOTDIR
unlink pages                               => EISDIR
unlink pages/                              => EISDIR
unlink alloc                               => EISDIR
unlink alloc/pages                         => EISDIR
unlink alloc/pages/2@r                     => EISDIR
unlink .                                   => EISDIR
unlink nothing/x                           => ENOENT
unlink pages/99999999999999999999          => ENOENT
unlink pages/{1*256}                       => ENAMETOOLONG
unlink protected/{x*256}                   => ENAMETOOLONG
unlink ""                                  => ENOENT
open pages/3 O_RDWR as f
unlink pages/3                             => ok
fstat f nlink size                         => 0 4096
stat pages/3                               => ENOENT
open pages/3 O_RDWR|O_CREAT                => EBUSY   # Until its last close.
pread f 0 3                                => old
pwrite f 0 NEW                             => 3
pread f 0 3                                => NEW
fsync f                                    => ok
fchmod f 0640                              => ok
fstat f mode                               => 0640
futimens f 5.0 6.0                         => ok
fstat f mtime                              => 6.0

close f
soon open pages/3 O_RDWR|O_CREAT|O_EXCL    => ok
stat pages/3 mode uid nlink                => 0600 0 1    # Nothing of its predecessor.
open protected/0 O_RDWR as p
unlink protected/0                         => ok
fchmod p 0640                              => ok
close p                                    => ok
soon open protected/0 O_RDWR|O_CREAT|O_EXCL => ok
stat protected/0 mode                      => 0600
open . O_RDONLY as root
unlinkat root pages AT_REMOVEDIR           => EPERM
unlinkat root protected/0                  => ok
unlinkat root alloc/protected/2@r AT_REMOVEDIR => ok
unlinkat root alloc                        => EISDIR
)");

const Table kRename(R"(
rename pages/t pages/3                     => ok
stat pages/t                               => ENOENT
open pages/3 O_RDONLY as f
pread f 0 5                                => tmp..
rename protected/t protected/1             => ok
open protected/1 O_RDONLY as f
pread f 0 5                                => tmp..
open pages/a O_CREAT|O_WRONLY
open pages/b O_CREAT|O_WRONLY
open protected/c O_CREAT|O_WRONLY
rename pages/a pages/a                     => ok
rename pages/3 pages/3                     => ok      # One and the same file: nothing is done.
rename pages/a pages/b                     => ok
stat pages/a                               => ENOENT
rename pages/b protected/c                 => ok
rename protected/c pages/90                => ok
stat pages/90 type size nlink              => file 4096 1
open pages/a O_CREAT|O_WRONLY
rename pages/nothing pages/3               => ENOENT
rename pages/a nothing/x                   => ENOENT
rename pages/a ""                          => ENOENT
rename pages/a pages/3/x                   => ENOTDIR
rename pages/3/x pages/a                   => ENOTDIR
rename pages/a/ pages/b                    => ENOTDIR
rename pages/a pages/b/                    => ENOTDIR
rename pages/a pages                       => ENOTEMPTY  # It is in there.
rename pages/a alloc                       => EISDIR
rename pages/a protected                   => EISDIR
rename pages/a alloc/pages/2@r             => EISDIR
rename pages/a alloc/pages/2@r/3           => EPERM
rename pages/a alloc/pages/x               => EPERM
rename pages/a x                           => EPERM
rename pages/a alloc/x                     => EPERM
rename pages/a alloc/pages/2@r/x           => EPERM
rename pages/a pages/{x*256}               => ENAMETOOLONG
rename pages/{x*256} pages/a               => ENAMETOOLONG
rename pages/a pages/{1*256}               => ENAMETOOLONG
rename pages/a pages/03                    => EINVAL
rename pages/a pages/0                     => EBUSY
rename pages/a pages/2                     => EBUSY
rename pages/a pages/40000                 => ENOSPC
rename pages/a protected/99999999999999999999 => ENOSPC
rename pages/a ../other                    => EXDEV
rename ../other pages/a                    => EXDEV
rename pages/3 pages/4                     => EPERM
rename pages/3 pages/100                   => EPERM
rename pages/3 pages/name                  => EPERM
rename protected/0 protected/100           => EPERM
rename protected/0 pages/4                 => EPERM
rename pages/3 pages/a                     => EPERM
rename pages protected                     => EPERM
rename pages pages2                        => EPERM
rename pages pages/3                       => EINVAL  # Into itself.
rename pages protected/0                   => ENOTDIR
rename alloc/pages/2@r alloc/pages/x       => EPERM
rename alloc/pages/2@r alloc/protected/x   => EPERM
rename alloc/pages/2@r/3 alloc/pages/2@r/x => EPERM
rename alloc/pages/2@r/3 pages/x           => EPERM
rename alloc alloc/pages/x                 => EINVAL
rename . x                                 => EBUSY
rename .. x                                => EBUSY
rename pages/. x                           => EBUSY
renameat2 pages/a pages/4 RENAME_NOREPLACE => EEXIST
renameat2 pages/a protected/0 RENAME_NOREPLACE => EEXIST
open pages/b O_CREAT|O_WRONLY
renameat2 pages/a pages/b RENAME_NOREPLACE => EEXIST
renameat2 pages/a pages/c RENAME_NOREPLACE => ok
renameat2 pages/c pages/20 RENAME_NOREPLACE => ok
renameat2 pages/b pages/4 RENAME_EXCHANGE  => EINVAL
renameat2 pages/4 pages/b RENAME_EXCHANGE  => EINVAL
renameat2 pages/b pages/nothing RENAME_EXCHANGE => ENOENT
renameat2 pages/b pages/4 RENAME_EXCHANGE|RENAME_NOREPLACE => EINVAL
renameat2 pages/b pages/4 RENAME_WHITEOUT  => EINVAL
renameat2 pages/b pages/4 8                => EINVAL
open pages/large O_CREAT|O_WRONLY as l
ftruncate l 4097
rename pages/large pages/4                 => EFBIG
rename pages/large protected/0             => EFBIG
rename pages/large pages/30                => EFBIG
stat pages/30                              => ENOENT
rename pages/large protected/large         => ok      # It is only a name there.
open protected/0 O_WRONLY as w
pwrite w 0 staged
rename pages/b protected/0                 => EBUSY
list protected                             => . .. 0 1 large
stat pages/b type                          => file
)");

const Table kLinks(R"(
link pages/3 pages/5                       => EPERM
link pages/3 pages/name                    => EPERM
link pages/t pages/u                       => EPERM
link protected/0 protected/5               => EPERM
link pages/3 alloc/pages/2@r/x             => EPERM
link alloc/pages/2@r/3 alloc/pages/2@r/x   => EPERM
link pages/3 pages/4                       => EEXIST
link pages/nothing pages/5                 => ENOENT
link pages/3 nothing/x                     => ENOENT
link pages x                               => EPERM
link pages/3 ../x                          => EXDEV
link ../other pages/5                      => EXDEV
link pages/3/x pages/5                     => ENOTDIR
link pages/3 pages/{x*256}                 => ENAMETOOLONG
open pages/t O_RDWR as f
linkfd f pages/u                           => EPERM
symlink a pages/x                          => EPERM
symlink a pages/5                          => EPERM
symlink a protected/x                      => EPERM
symlink a alloc/pages/x                    => EPERM
symlink a alloc/pages/2@r/x                => EPERM
symlink a x                                => EPERM
symlink a pages/3                          => EEXIST
symlink a alloc/pages/2@r/3                => EEXIST
symlink a pages                            => EEXIST
symlink a nothing/x                        => ENOENT
symlink a pages/3/x                        => ENOTDIR
symlink a pages/{x*256}                    => ENAMETOOLONG
symlink "" pages/x                         => ENOENT
readlink alloc/pages/2@r/3                 => ../../../pages/3
readlink alloc/protected/2@r/1             => ../../../protected/1
readlink alloc/pages/2@r/3 5               => ../..
readlink alloc/pages/2@r/5                 => ENOENT
readlink alloc/pages/2@r/03                => ENOENT
readlink pages/3                           => EINVAL
readlink protected/0                       => EINVAL
readlink pages/t                           => EINVAL
readlink pages                             => EINVAL
readlink alloc/pages/2@r                   => EINVAL
readlink .                                 => EINVAL
readlink pages/3/x                         => ENOTDIR
readlink nothing                           => ENOENT
readlink {x*256}                           => ENAMETOOLONG
mkfifo pages/5                             => EPERM
mkfifo pages/name                          => EPERM
mkfifo alloc/pages/x                       => EPERM
mkfifo pages/3                             => EEXIST
mkfifo nothing/x                           => ENOENT
mkfifo pages/3/x                           => ENOTDIR
mkfifo pages/{x*256}                       => ENAMETOOLONG
mknod pages/5 S_IFREG                      => EPERM
mknod pages/name S_IFREG                   => EPERM
mknod protected/5 S_IFCHR                  => EPERM
mknod protected/name S_IFBLK               => EPERM
mknod x S_IFSOCK                           => EPERM
mknod protected/0 S_IFREG                  => EEXIST
list pages                                 => . .. 3 4 t
list protected                             => . .. 0 1 t
)");

const Table kPaths(R"(
chdir alloc/pages/2@r                      => ok
chdir pages/3                              => ENOTDIR
chdir pages/t                              => ENOTDIR
chdir alloc/pages/2@r/3                    => ENOTDIR
chdir alloc/pages/nothing                  => ENOENT
stat pages/../pages/3 type                 => file
stat alloc/pages/2@r/../../../pages/3 type => file
stat alloc/pages/2@r/3 type                => file
stat alloc/pages/2@r/3/ type               => ENOTDIR
stat pages/3/ type                         => ENOTDIR
stat pages/3/. type                        => ENOTDIR
stat pages/ type                           => directory
stat pages//3 type                         => file
stat pages/3 type                          => file
stat pages/03 type                         => ENOENT
stat pages/+3 type                         => ENOENT
stat pages/3x type                         => ENOENT
stat pages/0x3 type                        => ENOENT
stat pages/0 type                          => ENOENT
stat pages/1 type                          => ENOENT
stat pages/2 type                          => ENOENT
stat pages/5 type                          => ENOENT
stat protected/00 type                     => ENOENT
stat pages/17592186044419 type             => ENOENT   # 2^44 + 3
stat pages/18446744073709551619 type       => ENOENT   # 2^64 + 3
stat pages/{1*255} type                    => ENOENT
stat pages/{1*256} type                    => ENAMETOOLONG
stat alloc/pages/2@r/{1*256} type          => ENAMETOOLONG
stat nothing type                          => ENOENT
stat "" type                               => ENOENT
stat ./././{x*4096} type                   => ENAMETOOLONG
same pages/3 alloc/pages/2@r/3             => yes
same . pages/..                            => yes
same alloc alloc/pages/..                  => yes
same alloc/pages alloc/pages/2@r/..        => yes
same pages/3 protected/0                   => no
)");

class PosixNames : public Posix {};

TEST_F(PosixNames, Mkdir) {
  expect(kMkdir);
}
TEST_F(PosixNames, Rmdir) {
  expect(kRmdir);
}
TEST_F(PosixNames, Unlink) {
  expect(kUnlink);
}
TEST_F(PosixNames, Rename) {
  expect(kRename);
}
TEST_F(PosixNames, LinkSymlinkReadlinkAndMknod) {
  expect(kLinks);
}
TEST_F(PosixNames, Paths) {
  expect(kPaths);
}

}  // namespace
}  // namespace mappedpages::test::posix
