// SEMANTICS "Names": allocating, freeing, durability, and what the kernel believes of names.
#include <csignal>

#include "e2e/lines/lines_test.hpp"
#include "support/sanitized.hpp"

namespace mappedpages::test {
namespace {

class NameLines : public LinesTest {};

TEST_F(NameLines, TheTree) {
  EXPECT_EQ(fs.ok("find pages protected alloc -printf '%y %p %l %s\\n' | sort | sed "
                  "'/^d/s/[0-9]*$//;s/ *$//'"),
            "d alloc\nd alloc/pages\nd alloc/pages/2@x\nd alloc/protected\n"
            "d alloc/protected/2@x\nd pages\nd protected\n"
            "f pages/3  4096\nf pages/4  4096\nf protected/0  4096\nf protected/1  4096\n"
            "l alloc/pages/2@x/3 ../../../pages/3 16\n"
            "l alloc/pages/2@x/4 ../../../pages/4 16\n"
            "l alloc/protected/2@x/0 ../../../protected/0 20\n"
            "l alloc/protected/2@x/1 ../../../protected/1 20");
}

// As Python's mkdtemp, Go's MkdirTemp, mktemp(1) and Perl's File::Temp make names.
TEST_F(NameLines, HundredsOfReceiptsOfSixteen) {
  fs.unmount();
  fs.mount({"-o", "nosync"});
  python(R"(
had = set(os.listdir('pages')); receipts = []
for i in range(200): receipts.append(tempfile.mkdtemp(prefix='16@', dir='alloc/pages'))
rng = random.Random(7)
for i in range(200):
  d = 'alloc/pages/16@%d' % rng.randrange(1 << 32); os.mkdir(d, 0o700); receipts.append(d)
  assert err(os.mkdir, d) == 'EEXIST'
seen = set()
for d in receipts:
  numbers = os.listdir(d); assert len(numbers) == 16
  for n in numbers:
    assert n not in seen and n not in had; seen.add(n)
    assert os.readlink(d + '/' + n) == '../../../pages/' + n
assert set(os.listdir('pages')) == seen | had
assert set(os.listdir('alloc/pages')) == {os.path.basename(d) for d in receipts}
d = tempfile.mkdtemp(prefix='16@', dir='alloc/protected'); print(len(seen), len(os.listdir(d)))
)",
         "6400 16\n");
  EXPECT_EQ(fs.ok("ls $(mktemp -d alloc/pages/16@XXXXXX) | wc -l"), "16");
  EXPECT_EQ(fs.ok("perl -MFile::Temp -e 'print File::Temp::tempdir(\"16\\@XXXXXX\", DIR => "
                  "\"alloc/pages\")' | xargs ls | wc -l"),
            "16");
}

// The pages of most of them are freed again: a receipt does not care.
TEST_F(NameLines, AtMost65536Receipts) {
  if (kSanitized) GTEST_SKIP() << "a hundred thousand commits, for nothing that it would look for";
  fs.unmount();
  fs.mount({"-o", "nosync"});
  python(R"(
libc.mkdir.restype = ctypes.c_int
made = 0
def make(name):
  global made
  if libc.mkdir(b'alloc/pages/' + name, 0o700) == 0: made += 1; return 'ok'
  return errno.errorcode[ctypes.get_errno()]
while made < 65536:
  for i in range(min(32000, 65536 - made)): assert make(b'%d' % made) == 'ok'
  if made < 65536:
    for n in os.listdir('pages'): libc.unlink(b'pages/' + n.encode())
print(made, make(b'more'), len(os.listdir('alloc/pages')))
os.rmdir('alloc/pages/7'); print(make(b'more'), make(b'yet'), err(os.mkdir, 'alloc/protected/own'))
)",
         "65536 ENOSPC 65536\nok ENOSPC ok\n");
}

TEST_F(NameLines, MoreThanFitsAllocatesNothing) {
  fs.unmount();
  std::filesystem::remove(fs.db());
  fs.mount({"--create=1024"});
  python(R"(
s = os.statvfs('.'); free = s.f_bfree; print(free)
print(err(os.mkdir, 'alloc/pages/%d@a' % (free + 1)), os.listdir('pages'), os.listdir('alloc/pages'))
print(err(os.mkdir, 'alloc/pages/%d@a' % free), os.statvfs('.').f_bfree, len(os.listdir('pages')))
print(err(os.mkdir, 'alloc/pages/b'), err(os.mkdir, 'alloc/protected/b'))
print(err(open, 'pages/%d' % (free + 3), 'x'), err(open, 'protected/9', 'x'))
put('pages/t', b't'); print(err(os.rename, 'pages/t', 'protected/5'), os.listdir('protected'))
os.unlink('pages/77'); print(err(os.mkdir, 'alloc/pages/b'), os.listdir('alloc/pages/b'))
)",
         "7965\nENOSPC [] []\nok 0 7965\nENOSPC ENOSPC\nENOSPC ENOSPC\nENOSPC []\nok ['77']\n");
}

TEST_F(NameLines, FreedWhileOpenItsNumberWaitsForTheLastClose) {
  python(R"(
put('pages/3', b'kept'); f = os.open('pages/3', os.O_RDWR); m = mmap.mmap(f, P); g = os.dup(f)
p = os.open('protected/0', os.O_RDONLY)
os.unlink('pages/3'); os.unlink('protected/0')
def take(n):
  try: os.close(os.open(n, os.O_CREAT | os.O_EXCL)); return 'ok'
  except OSError as e: return errno.errorcode[e.errno]
def soon(n):  # A close does not wait for its release.
  while True:
    if (said := take(n)) != 'EBUSY': return said
print(take('pages/3'), os.pread(f, 4, 0), os.pwrite(f, b'W', 0), m[:4])
os.close(f); print(take('pages/3'), os.pread(g, 4, 0)); os.close(g); print(take('pages/3'))
m.close(); print(soon('pages/3'), head('pages/3', 4))
pid = os.fork()
if pid == 0: signal.pause()
os.close(p); print(take('protected/0')); os.kill(pid, 9); os.waitpid(pid, 0)
print(soon('protected/0'))
)",
         "EBUSY b'kept' 1 b'Wept'\nEBUSY b'Wept'\nEBUSY\nok b'\\x00\\x00\\x00\\x00'\nEBUSY\nok\n");
}

TEST_F(NameLines, WhatReturnedIsThereAfterAKill) {
  fs.ok(
      "mkdir alloc/pages/3@a alloc/protected/b; touch pages/70 protected/70; rm pages/3 "
      "protected/0; echo new > pages/t; mv pages/t pages/4; echo new > protected/t; "
      "mv protected/t protected/80");
  const std::string before = fs.ok("ls -v pages protected");
  fs.signal(SIGKILL);
  fs.forget_dead_mount();
  fs.mount({});
  EXPECT_EQ(fs.ok("ls -v pages protected"), before);
  EXPECT_EQ(fs.ok("head -c 3 pages/4 protected/80 | xargs"),
            "==> pages/4 <== new ==> protected/80 <== new");
  EXPECT_EQ(fs.ok("cat pages/70 protected/70 | tr -d '\\0' | wc -c"), "0");
}

TEST_F(NameLines, NosyncSaysSoInTheLog) {
  fs.unmount();
  fs.mount({"-o", "nosync", "--log-file", (fs.directory() / "log").string()});
  EXPECT_NE(fs.ok("cat ../log").find("nosync: nothing is flushed"), std::string::npos);
}

TEST_F(NameLines, ReadingAllocatesNothing) {
  const std::string before = fs.ok("ls -v pages protected alloc/*; stat -f -c %f .");
  fs.ok(
      "grep -r needle pages protected alloc || [ $? = 1 ]; find pages protected -type f -exec cat "
      "{} + > ../all; du -a pages protected alloc > ../du; "
      "ls -lR pages protected alloc > ../ls; tar cf ../all.tar pages protected alloc; mkdir "
      "../copy; cp -a pages protected alloc ../copy; find . -newer ../db -print > "
      "../new; "
      "cat alloc/pages/2@x/3 > ../page; sha256sum pages/* protected/* > ../sums; sha256sum -c "
      "../sums");
  EXPECT_EQ(fs.ok("ls -v pages protected alloc/*; stat -f -c %f ."), before);
  EXPECT_EQ(fs.ok("stat -c %s ../copy/pages/4; readlink ../copy/alloc/pages/2@x/4"),
            "4096\n../../../pages/4");
}

TEST_F(NameLines, ANegativeLookupIsNotCached) {
  python(R"(
wrong = 0
for i in range(100):
  for p in ('pages/%d' % (9000 + i), 'protected/%d' % (2 + i), 'alloc/pages/r%d' % i):
    wrong += os.path.exists(p) + os.path.exists(p)
  os.close(os.open('pages/%d' % (9000 + i), os.O_CREAT)); wrong += not os.path.exists('pages/%d' % (9000 + i))
  os.mkdir('alloc/protected/r%d' % i); wrong += not os.path.exists('protected/%d' % (2 + i))
  missing = next(k for k in range(5, 999) if not os.path.exists('pages/%d' % k))
  os.mkdir('alloc/pages/r%d' % i); got = os.listdir('alloc/pages/r%d' % i)[0]
  wrong += not os.path.exists('pages/' + got) or not os.path.exists('alloc/pages/r%d' % i)
print(wrong)
)",
         "0\n");
}

// Handles are made of the inode and its generation.
TEST_F(NameLines, ANumberThatComesBackHasAnotherGeneration) {
  python(R"(
def handle(name):
  class Handle(ctypes.Structure):
    _fields_ = [('size', ctypes.c_uint), ('type', ctypes.c_int), ('bytes', ctypes.c_ubyte * 128)]
  h, mount = Handle(128, 0), ctypes.c_int()
  assert libc.name_to_handle_at(-100, name.encode(), ctypes.byref(h), ctypes.byref(mount), 0) == 0
  return bytes(h.bytes[:h.size])
for n in ('pages/3', 'protected/0'):
  handles, inodes = set(), set()
  for i in range(20):
    put(n, b'%02d' % i); assert head(n, 3) == b'%02d\0' % i
    handles.add(handle(n)); inodes.add(os.stat(n).st_ino); os.unlink(n); assert not os.path.exists(n)
    while err(open, n, 'x') != 'ok': pass
    assert head(n, 3) == b'\0\0\0'
  print(len(handles), len(inodes))
)",
         "20 1\n20 1\n");
}

// A mapping of the old page, a descriptor of it, and the new page under the same number.
TEST_F(NameLines, ReadersOfAFreedPageSeeItAndNotItsSuccessor) {
  python(R"(
put('pages/3', b'first'); f = os.open('pages/3', os.O_RDONLY); m = mmap.mmap(f, P, prot=mmap.PROT_READ)
os.unlink('pages/3'); os.close(f); assert m[:5] == b'first'; m.close()
while err(open, 'pages/3', 'x') != 'ok': pass
g = os.open('pages/3', os.O_RDWR); print(os.pread(g, 5, 0)); n = mmap.mmap(g, P); print(n[:5])
n[:6] = b'second'; print(head('pages/3', 6))
)",
         "b'\\x00\\x00\\x00\\x00\\x00'\nb'\\x00\\x00\\x00\\x00\\x00'\nb'second'\n");
}

// A descriptor that is only a path keeps no page from being freed.
TEST_F(NameLines, APathOfAFreedPageDoesNotReachItsSuccessor) {
  python(R"(
for n in ('pages/3', 'protected/0'):
  f = os.open(n, os.O_PATH); via = '/proc/self/fd/%d' % f
  os.chmod(via, 0o640); os.unlink(n); os.close(os.open(n, os.O_CREAT | os.O_EXCL, 0o600))
  print(err(os.chmod, via, 0o666), err(os.utime, via, (1, 1)), err(os.open, via, os.O_RDWR),
        err(os.truncate, via, 0), err(os.fstat, f), oct(os.stat(n).st_mode & 0o777))
)",
         "ESTALE ESTALE ESTALE ESTALE ESTALE 0o600\nESTALE ESTALE ESTALE ESTALE ESTALE 0o600\n");
}

}  // namespace
}  // namespace mappedpages::test
