// SEMANTICS "Staging files": temp and rename, by system calls.
#include <gtest/gtest.h>

#include <csignal>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

/// What the scripts share. `rename2` is renameat2(2), `err` the errno's name or `ok`.
constexpr const char* kPrelude = R"(
import ctypes, errno, mmap, os, sys
P = 4096
def err(f, *a):
  try: f(*a); return 'ok'
  except OSError as e: return errno.errorcode[e.errno]
libc = ctypes.CDLL(None, use_errno=True)
def rename2(a, b, flags):
  if libc.renameat2(-100, a.encode(), -100, b.encode(), flags) == 0: return 'ok'
  return errno.errorcode[ctypes.get_errno()]
def put(name, content): open(name, 'wb').write(content)
def head(name, n=3): return open(name, 'rb').read(n)
)";

class Staging : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    begin({"--create"});
  }
  /// pages/3 and 4, protected/0 and 1.
  void begin(const std::vector<std::string>& options) {
    fs.mount(options);
    fs.ok("mkdir alloc/pages/2@x; mkdir alloc/protected/2@x");
  }
  void python(const std::string& script, const std::string& expected) const {
    const test::Ran ran = test::run({"python3", "-c", kPrelude + script}, fs.mountpoint().string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, expected) << ran.err;
  }
};

TEST_F(Staging, IsShownWithItsAttributesAndGoneAfterAnUnmount) {
  fs.ok(
      "echo hello > pages/name; echo x > protected/.other; chmod 640 pages/name; "
      "chown 5:6 pages/name; touch -d @1000 pages/name");
  EXPECT_EQ(fs.ok("ls -vA pages protected | xargs"), "pages: 3 4 name protected: .other 0 1");
  EXPECT_EQ(fs.ok("stat -c '%s %a %u %g %Y %h' pages/name"), "6 640 5 6 1000 1");
  EXPECT_EQ(fs.ok("cat pages/name; find pages -size -100c -type f -printf '%f %s %m\\n'"),
            "hello\nname 6 640");
  EXPECT_EQ(fs.ok("mv pages/name pages/3; stat -c '%s %a %u %g %Y' pages/3"), "4096 640 5 6 1000");
  fs.ok("echo again > pages/name");
  fs.unmount();
  fs.mount();
  EXPECT_EQ(fs.ok("ls -vA pages protected | xargs"), "pages: 3 4 protected: 0 1");
  EXPECT_EQ(fs.ok("head -c 5 pages/3"), "hello");
}

TEST_F(Staging, IsAnOrdinaryFile) {
  python(R"(
f = os.open('pages/name', os.O_RDWR | os.O_CREAT | os.O_EXCL)
print(os.write(f, b'abc'), os.pwrite(f, b'Z', 9), os.fstat(f).st_size, os.pread(f, 20, 0))
a = os.open('pages/name', os.O_WRONLY | os.O_APPEND); os.write(a, b'end'); os.fsync(a)
print(head('pages/name', 20), os.lseek(f, 0, os.SEEK_END))
os.ftruncate(f, 1 << 40); print(os.stat('pages/name').st_size, os.stat('pages/name').st_blocks)
os.truncate('pages/name', 4); print(head('pages/name', 20))
os.posix_fallocate(f, 0, 6); print(head('pages/name', 20))
m = mmap.mmap(f, 6, flags=mmap.MAP_PRIVATE); print(m[:]); m[0:1] = b'X'; print(head('pages/name', 1))
print(err(mmap.mmap, f, 6, mmap.MAP_SHARED))
open('pages/name', 'wb').close(); print(os.fstat(f).st_size)
big = bytes(range(256)) * 1000; put('pages/name', big); print(head('pages/name', 1 << 20) == big)
print(err(os.open, 'pages/name', os.O_CREAT | os.O_EXCL), err(os.link, 'pages/name', 'pages/l'))
d = os.open('pages/name', os.O_RDONLY | os.O_DIRECT); print(os.pread(d, 5, 7))
)",
         "3 1 10 b'abc\\x00\\x00\\x00\\x00\\x00\\x00Z'\n"
         "b'abc\\x00\\x00\\x00\\x00\\x00\\x00Zend' 13\n"
         "1099511627776 8\nb'abc\\x00'\nb'abc\\x00\\x00\\x00'\n"
         "b'abc\\x00\\x00\\x00'\nb'a'\nENODEV\n0\nTrue\nEEXIST EPERM\nb'\\x07\\x08\\t\\n\\x0b'\n");
}

TEST_F(Staging, UnlinkedAndRenamedWhileItIsOpen) {
  python(R"(
f = os.open('pages/a', os.O_RDWR | os.O_CREAT); os.write(f, b'abc'); os.unlink('pages/a')
print(os.path.exists('pages/a'), os.fstat(f).st_nlink, os.pread(f, 3, 0), os.pwrite(f, b'd', 3))
put('pages/a', b'new'); print(os.pread(f, 9, 0), head('pages/a', 9))
g = os.open('pages/a', os.O_RDWR); put('protected/b', b'old'); b = os.open('protected/b', os.O_RDWR)
os.rename('pages/a', 'protected/b'); os.pwrite(g, b'N', 0)
print(os.listdir('pages') , head('protected/b'), os.pread(b, 3, 0), os.fstat(b).st_nlink)
os.unlink('protected/b'); print(sorted(os.listdir('protected')))
)",
         "False 0 b'abc' 1\nb'abcd' b'new'\n['3', '4'] b'New' b'old' 0\n['0', '1']\n");
}

TEST_F(Staging, ARenameOntoANumberIsThatPageAtOnce) {
  python(R"(
for d in ('pages', 'protected'):
  for n in ('4', '1', '70', '80'):
    if d == 'pages' and n == '1' or d == 'protected' and n == '4': continue
    t, p = d + '/.tmp', d + '/' + n
    if os.path.exists(p): put(p, b'old' * 99); head(p)
    put(t, n.encode() + b'!'); os.rename(t, p)
    s = os.stat(p)
    print(p, s.st_size, s.st_nlink, head(p, 4), len(open(p, 'rb').read().rstrip(b'\0')),
          os.path.exists(t), s.st_ino == [e.inode() for e in os.scandir(d) if e.name == n][0])
)",
         "pages/4 4096 1 b'4!\\x00\\x00' 2 False True\n"
         "pages/70 4096 1 b'70!\\x00' 3 False True\n"
         "pages/80 4096 1 b'80!\\x00' 3 False True\n"
         "protected/1 4096 1 b'1!\\x00\\x00' 2 False True\n"
         "protected/70 4096 1 b'70!\\x00' 3 False True\n"
         "protected/80 4096 1 b'80!\\x00' 3 False True\n");
  fs.unmount();
  EXPECT_EQ(test::run({MAPPEDPAGES, "check", fs.db().string()}).code, 0);
  fs.mount();
  EXPECT_EQ(fs.ok("head -c 3 pages/70; head -c 3 protected/80; head -c 2 pages/4"), "70!80!4!");
}

TEST_F(Staging, WhatIsRefusedChangesNothing) {
  python(R"(
put('pages/3', b'old'); put('protected/0', b'old'); put('pages/t', b'new'); put('pages/u', b'u')
put('pages/large', b'x' * (P + 1))
def r(a, b): return err(os.rename, a, b)
print(r('pages/large', 'pages/3'), r('pages/large', 'protected/0'), r('pages/large', 'pages/90'))
print(r('pages/3', 'pages/4'), r('pages/3', 'pages/x'), r('protected/0', 'pages/90'))
print(r('pages/t', 'pages/07'), r('pages/t', 'pages/0'), r('pages/t', 'pages/99999999'))
print(r('pages/t', 'x'), r('pages/t', 'alloc/pages/y'), r('alloc/pages/2@x', 'pages/z'))
print(r('pages/t', 'pages/' + 'x' * 256), r('pages', 'protected/x'), r('pages/t', 'pages/t'))
print(rename2('pages/t', 'pages/3', 1), rename2('pages/t', 'pages/u', 1))
print(rename2('pages/t', 'pages/3', 2), rename2('pages/3', 'pages/t', 2), rename2('pages/t', 'pages/90', 4))
print(head('pages/3'), head('protected/0'), head('pages/t'), head('pages/u'),
      sorted(os.listdir('pages')), sorted(os.listdir('protected')))
print(rename2('pages/t', 'pages/90', 1), head('pages/90'), rename2('pages/u', 'protected/9', 1))
)",
         "EFBIG EFBIG EFBIG\nEPERM EPERM EPERM\nEINVAL EBUSY ENOSPC\nEPERM EPERM EPERM\n"
         "ENAMETOOLONG EPERM ok\nEEXIST EEXIST\nEINVAL EINVAL EINVAL\n"
         "b'old' b'old' b'new' b'u' ['3', '4', 'large', 't', 'u'] ['0', '1']\nok b'new' ok\n");
}

// The kernel knows the page by two inodes then, and may have its bytes under one of them.
constexpr const char* kCoherence = R"(
def sent(f, n=3):
  o = os.memfd_create('o'); os.sendfile(o, f, 0, n); return os.pread(o, n, 0)
put('pages/3', b'old'); p = os.open('pages/3', os.O_RDWR); m = mmap.mmap(p, P); m[0]
s = os.open('pages/t', os.O_RDWR | os.O_CREAT); os.write(s, b'abc'); sent(s)
m[100:103] = b'map'; os.rename('pages/t', 'pages/3')
print(os.pread(p, 3, 0), m[:3], m[100:103], head('pages/3'), sent(p))
print(os.fstat(s).st_size, os.fstat(s).st_ino == os.fstat(p).st_ino, os.fstat(p).st_nlink)
q = os.open('pages/3', os.O_RDWR); print(err(mmap.mmap, q, P), 'by its name it is the page')
os.pwrite(s, b'B', 1); print(os.pread(p, 3, 0), m[:3])
m[2:3] = b'M'; m[9:10] = b'9'; print(os.pread(s, 3, 0)); os.pwrite(s, b'A', 0)
print(m[:3], m[9:10], os.pread(p, 10, 0)[9:], sent(s))
os.pwrite(p, b'xyz', 0); print(os.pread(s, 3, 0))
while sent(s) != b'xyz': pass  # Soon.
os.utime(s, ns=(1, 2)); print(os.fstat(p).st_mtime_ns); os.fchmod(p, 0o640)
print(oct(os.fstat(s).st_mode)); os.ftruncate(s, 1); print(m[:3], os.pread(p, 3, 0))
m[9:10] = b'8'; libc.fallocate(s, 3, 0, ctypes.c_long(1)); print(m[:1], os.pread(p, 10, 0)[9:])
print(err(os.pwrite, s, b'xx', P - 1), err(os.ftruncate, s, P + 1), len(os.pread(s, 2 * P, 0)))
print(err(mmap.mmap, s, P), os.lseek(s, 0, os.SEEK_END), err(os.fsync, s), err(os.close, s))
)";
constexpr const char* kCoherent =
    "b'abc' b'abc' b'\\x00\\x00\\x00' b'abc' b'abc'\n4096 True 1\n"
    "ok by its name it is the page\n"
    "b'aBc' b'aBc'\nb'aBM'\nb'ABM' b'9' b'9' b'ABM'\nb'xyz'\n"
    "2\n0o100640\nb'x\\x00\\x00' b'x\\x00\\x00'\nb'\\x00' b'8'\n"
    "EFBIG EFBIG 4096\nENODEV 4096 ok ok\n";

TEST_F(Staging, ADescriptorOfItIsThenOneOfThePage) {
  python(kCoherence, kCoherent);
}

// Nobody answers while a request is being worked on.
TEST_F(Staging, TheSameWithOneThread) {
  fs.unmount();
  fs.mount({"-s"});
  python(kCoherence, kCoherent);
}

TEST_F(Staging, WhatWasStoredIntoAMappingDoesNotComeBack) {
  python(R"(
put('pages/3', b'old'); p = os.open('pages/3', os.O_RDWR); m = mmap.mmap(p, P)
for i in range(50):
  m[0:P] = b'm' * P
  put('pages/t', b'%03d' % i); os.rename('pages/t', 'pages/3')
  assert m[:5] == b'%03d\0\0' % i, (i, m[:5])
  m[P - 1:P] = b'z'
m.flush(); m.close(); os.close(p); print(head('pages/3'))
)",
         "b'049'\n");
  fs.unmount();
  EXPECT_EQ(
      test::shell("dd if=db bs=4096 skip=3 count=1 status=none | tr -d '\\0'", fs.directory()).out,
      "049z");
}

// Who reads all the time has the old bytes in the kernel's cache again while the rename runs. That
// is a matter of microseconds, so it takes many.
TEST_F(Staging, ThoseWhoReadMeanwhileSeeItWhenTheRenameHasReturned) {
  fs.unmount();
  fs.mount({"-o", "nosync"});
  python(R"(
p = os.open('pages/3', os.O_RDWR); m = mmap.mmap(p, P)
child = os.fork()
while child == 0: os.pread(p, 4, 0); m[0]
try:
  stale = 0
  for i in range(1500):
    put('pages/t', b'%04d' % i); os.rename('pages/t', 'pages/3')
    stale += m[:4] != b'%04d' % i or os.pread(p, 4, 0) != b'%04d' % i
  print(stale)
finally: os.kill(child, 9); os.waitpid(child, 0)
)",
         "0\n");
}

TEST_F(Staging, ADescriptorHasAStageOfAProtectedPage) {
  python(R"(
r = os.open('protected/0', os.O_RDONLY)
s = os.open('protected/t', os.O_RDWR | os.O_CREAT); os.write(s, b'abc')
os.rename('protected/t', 'protected/0'); print(os.pread(r, 3, 0), os.fstat(s).st_size)
os.pwrite(s, b'STA', 0); print(os.pread(r, 3, 0), os.pread(s, 3, 0))
put('protected/t', b'new'); print(err(os.rename, 'protected/t', 'protected/0'), head('protected/t'))
os.close(s); print(os.pread(r, 3, 0), err(os.rename, 'protected/t', 'protected/0'), os.pread(r, 3, 0))
)",
         "b'abc' 4096\nb'abc' b'STA'\nEBUSY b'new'\nb'STA' ok b'new'\n");
}

TEST_F(Staging, IsDurableWhenTheRenameReturns) {
  fs.ok(
      "echo first > pages/3; sync pages/3; for n in 3 90; do echo new > pages/t; mv pages/t "
      "pages/$n; "
      "echo new > protected/t; mv protected/t protected/$n; done");
  fs.signal(SIGKILL);
  fs.forget_dead_mount();
  fs.mount({});
  EXPECT_EQ(fs.ok("for n in pages/3 pages/90 protected/3 protected/90; do head -c 3 $n; done"),
            "newnewnewnew");
}

TEST_F(Staging, TakesNoMoreMemoryThanItMay) {
  const test::Ran ran = fs.sh("dd if=/dev/zero of=pages/large bs=1M count=66");
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.err.find("No space left"), std::string::npos) << ran.err;
  EXPECT_NE(fs.sh("echo x > protected/other").code, 0) << "for both directories together";
  fs.ok(
      "rm pages/large; dd if=/dev/zero of=protected/large bs=1M count=60 status=none; rm "
      "protected/large");
  fs.ok("truncate -s 1T pages/holes; cp pages/3 pages/copy; mv pages/copy pages/4");
}

// Readers, and renames of whole pages at the same time: each sees one of them.
TEST_F(Staging, ManyAtOnce) {
  python(R"(
import multiprocessing
names = ['pages/3', 'pages/50', 'protected/0', 'protected/50']
def writer(k):
  for i in range(12):
    for n in names:
      t = '%s/t%d' % (n.split('/')[0], k); put(t, bytes([65 + (k * 31 + i) % 26]) * P); os.rename(t, n)
def reader(k):
  f = os.open('protected/0', os.O_RDONLY)
  for i in range(200):
    whole = set(os.pread(f, P, 0)); assert len(whole) == 1, whole
    try: assert len(open(names[k], 'rb').read()) == P
    except FileNotFoundError: pass
every = [multiprocessing.Process(target=t, args=(k,)) for t in (writer, reader) for k in range(4)]
for p in every: p.start()
for p in every: p.join()
print([p.exitcode for p in every])
for n in names:
  cached = open(n, 'rb').read(); direct = os.pread(os.open(n, os.O_RDONLY | os.O_DIRECT), P, 0)
  print(len(set(cached)), cached == direct)
)",
         "[0, 0, 0, 0, 0, 0, 0, 0]\n1 True\n1 True\n1 True\n1 True\n");
}

}  // namespace
}  // namespace mappedpages
