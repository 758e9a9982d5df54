// The tools that the lines of fs/SEMANTICS.md name, where the tests of `Tools` do not have them.
#include <array>

#include "e2e/lines/lines_test.hpp"

namespace mappedpages::test {
namespace {

class ToolLines : public LinesTest {
 protected:
  /// pages/3 and protected/0 hold "old".
  void SetUp() override {
    LinesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.ok("printf old > pages/3; printf old > protected/0; head -c 4096 /dev/urandom > ../new");
  }
};

constexpr std::array kBoth{"pages/3", "protected/0"};

TEST_F(ToolLines, Dd) {
  for (const std::string page : kBoth) {
    fs.ok("printf abc | dd of=" + page + " bs=1 seek=1 conv=notrunc status=none");
    EXPECT_EQ(fs.ok("head -c 5 " + page + " | xxd -p"), "6f61626300");
    fs.ok("dd if=../new of=" + page + " bs=512 oflag=direct status=none; cmp ../new " + page);
    fs.ok("dd if=" + page + " of=../out bs=512 iflag=direct status=none; cmp ../new ../out");
    fs.ok("printf 0123456789 | dd of=" + page + " bs=10 conv=fsync status=none");
    EXPECT_EQ(fs.ok("tr -d '\\0' < " + page), "0123456789") << "without notrunc the rest is zeros";
    fs.ok("dd if=../new of=" + page +
          " bs=100 skip=2 seek=2 count=3 conv=notrunc,fdatasync "
          "oflag=dsync status=none");
    EXPECT_EQ(fs.ok("head -c 10 " + page), "0123456789");
    fs.ok("cmp -i 200 -n 300 ../new " + page);
    refused("cat ../new ../new | dd of=" + page + " bs=4k", "File too large");
    refused("printf x | dd of=" + page + " oflag=append conv=notrunc", "File too large");
    EXPECT_EQ(fs.ok("stat -c %s " + page), "4096");
  }
  // What was written before the call that failed: in a page it stays, of a commit nothing does.
  fs.ok("cmp ../new pages/3");
  EXPECT_EQ(fs.ok("head -c 10 protected/0"), "0123456789");
}

TEST_F(ToolLines, CatTeeAndRedirections) {
  for (const std::string page : kBoth) {
    fs.ok("cat ../new > " + page + "; cmp ../new " + page);
    refused("echo more >> " + page, "File too large");
    fs.ok("cmp ../new " + page);
    fs.ok("echo one > " + page + "; echo t | tee " + page + " > ../out");
    EXPECT_EQ(fs.ok("tr -d '\\0' < " + page), "t");
    fs.ok("exec 3<>" + page + "; printf ab >&3; head -c 1 <&3 >../out; printf c >&3; exec 3>&-");
    EXPECT_EQ(fs.ok("head -c 4 " + page + " | xxd -p"), "61620063");
    fs.ok("set -C; if echo x > " + page + "; then exit 1; fi; echo y >| " + page);
    EXPECT_EQ(fs.ok("head -c 1 " + page + "; : > " + page + "; tr -d '\\0' < " + page), "y");
    fs.ok("cat <<<here > " + page + "; head -c 4 " + page + " | grep -qx here");
  }
}

TEST_F(ToolLines, Xxd) {
  for (const std::string page : kBoth) {
    fs.ok("xxd ../new | xxd -r - " + page + "; cmp ../new " + page);
    fs.ok("echo '10: 4142' | xxd -r - " + page +
          "; echo 414243 | xxd -r -p - ../out; "
          "xxd -l 16 " +
          page + " > ../out");
    EXPECT_EQ(fs.ok("head -c 18 " + page + " | tail -c 2"), "AB");
    fs.ok("cmp -n 16 ../new " + page);
  }
}

TEST_F(ToolLines, Split) {
  fs.ok(
      "cat ../new ../new ../new > ../large; split -b 4096 -d -a 3 ../large pages/1; "
      "split -b 4096 -d -a 2 ../large protected/1");
  EXPECT_EQ(fs.ok("ls -v pages protected | xargs"),
            "pages: 3 4 1000 1001 1002 protected: 0 1 100 101 102");
  fs.ok(
      "for n in pages/100? protected/10?; do cmp ../new $n; done; "
      "cat pages/100? | cmp - ../large");
  fs.ok("split -b 2048 ../new protected/x; mv protected/xaa protected/0; rm protected/xab");
  fs.ok("cmp -n 2048 ../new protected/0");
}

TEST_F(ToolLines, DuDfStatFindAndSums) {
  EXPECT_EQ(fs.ok("du -k pages/3 | cut -f1; du -sk pages | cut -f1; du -b protected/0 | cut -f1"),
            "4\n8\n4096");
  EXPECT_EQ(fs.ok("df --output=fstype,size,avail -B4096 . | tail -1 | xargs"),
            "fuse.mappedpagesfs 32544 32533");
  EXPECT_EQ(fs.ok("df --output=itotal,iused . | tail -1 | xargs"), "32537 4");
  EXPECT_EQ(fs.ok("df --output=target . | tail -1"), fs.mountpoint().string());
  EXPECT_EQ(fs.ok("stat -f -c '%T %s %S %l' ."), "fuseblk 4096 4096 255");
  EXPECT_EQ(fs.ok("stat -c '%F %s %h %a' pages/3 protected/0 pages alloc/pages/2@x | xargs"),
            "regular file 4096 1 600 regular file 4096 1 600 directory 0 2 700 directory 0 2 700");
  EXPECT_EQ(fs.ok("find pages protected -type f | sort | xargs; find alloc -type l | wc -l; "
                  "find pages protected alloc -type d | wc -l; "
                  "find pages -empty; find pages -links 1 | wc -l; find -L alloc -type f | wc -l"),
            "pages/3 pages/4 protected/0 protected/1\n4\n7\n2\n4");
  EXPECT_EQ(fs.ok("{ printf old; head -c 4093 /dev/zero; } > ../same; "
                  "sha256sum < pages/3 | cmp - <(sha256sum < ../same); "
                  "sha256sum < protected/0 | cmp - <(sha256sum < ../same); echo same"),
            "same");
}

TEST_F(ToolLines, CpTakesNoExtendedAttributesAlong) {
  if (fs.sh("python3 -c \"import os; os.setxattr('../new', 'user.a', b'b')\"").code != 0) {
    GTEST_SKIP() << "the filesystem of the tests has no extended attributes";
  }
  for (const std::string page : {"pages/3", "protected/0", "pages/80"}) {
    fs.ok("cp -a ../new " + page + "; cmp ../new " + page + "; cp -a " + page +
          " ../back; "
          "cmp ../new ../back; rm ../back");
  }
  EXPECT_EQ(fs.ok("python3 -c \"import os\ntry: print(os.listxattr('pages/3'))\n"
                  "except OSError as e: print(os.strerror(e.errno))\""),
            "Operation not supported");
}

TEST_F(ToolLines, TarSeesNoChangeWhileItReads) {
  const Ran ran = fs.sh(
      "tar cf ../a.tar pages protected alloc && tar df ../a.tar && cp -a pages "
      "../p && tar cf - pages protected | tar tf - | wc -l");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "") << "no \"file changed as we read it\"";
  EXPECT_EQ(ran.out, "6\n");
  fs.ok(
      "chmod 750 pages; touch -d @1000 pages; tar cf ../b.tar pages; rm pages/4; chmod 700 pages; "
      "tar xf ../b.tar");
  EXPECT_EQ(fs.ok("stat -c '%a %Y' pages; ls pages | xargs"), "750 1000\n3 4");
}

TEST_F(ToolLines, PythonsOpenModes) {
  python(R"(
for p in ('pages/3', 'protected/0'):
  n = p.split('/')[0]
  with open(p, 'rb') as f: assert f.read() == b'old'.ljust(P, b'\0')
  with open(p, 'r+b') as f: f.write(b'NEW'); f.seek(0, 2); assert f.tell() == P
  with open(p, 'rb') as f: assert f.read(4) == b'NEW\0'
  with open(p, 'w+b') as f: assert f.read() == bytes(P); f.seek(0); f.write(b'w'); f.flush(); f.seek(0); assert f.read(2) == b'w\0'
  assert err(open, p, 'xb') == 'EEXIST'
  with open(n + '/60', 'xb') as f: f.write(b'x')
  assert head(n + '/60', 2) == b'x\0'
  f = open(p, 'ab'); f.write(b'a')
  assert err(f.flush) == 'EFBIG'
  try: f.close()
  except OSError: pass
  with open(p, 'wt') as f: print('text', file=f)
  with open(p) as f: assert f.readline() == 'text\n'
  with open(p, 'rb') as f: assert mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ if n == 'pages' else mmap.ACCESS_COPY)[:4] == b'text'
  with tempfile.NamedTemporaryFile(dir=n) as f: f.write(b'tmp'); f.flush(); assert head(f.name) == b'tmp'
  with tempfile.TemporaryFile(dir=n) as f: f.write(b'tmp'); f.seek(0); assert f.read() == b'tmp'
  with tempfile.SpooledTemporaryFile(dir=n, max_size=1) as f: f.write(b'tmp'); f.seek(0); assert f.read() == b'tmp'
  with tempfile.TemporaryDirectory(dir='alloc/' + n) as d: assert len(os.listdir(d)) == 1
  print(all(name.isdigit() for name in os.listdir(n)), len(os.listdir('alloc/' + n)))
)",
         "True 1\nTrue 1\n");
}

// Written by one process, stored by another, read by a third, each in its way.
TEST_F(ToolLines, MappingsAndCallsOfProcessesAgree) {
  python(R"(
f = os.open('pages/3', os.O_RDWR); m = mmap.mmap(f, P)
def other(act):
  r, w = os.pipe(); pid = os.fork()
  if pid == 0: os.write(w, repr(act()).encode()); os._exit(0)
  os.waitpid(pid, 0); return os.read(r, 99).decode()
def mapped():
  g = os.open('pages/3', os.O_RDWR); return mmap.mmap(g, P)
def store():
  n = mapped(); n[10:16] = b'STORED'; n.flush(); return n[10:16]
def direct(): return os.pread(os.open('pages/3', os.O_RDONLY | os.O_DIRECT), 6, 10)
print(other(store), m[10:16], os.pread(f, 6, 10), other(direct))
os.pwrite(f, b'WRITE!', 10); print(other(lambda: mapped()[10:16]), m[10:16], other(direct))
m[10:16] = b'MAPPED'; print(other(lambda: os.pread(f, 6, 10)), other(lambda: head('pages/3', 16)[10:]))
m.flush(); print(other(direct)); os.truncate('pages/3', 12); print(other(lambda: mapped()[10:16]), m[10:16])
d = os.open('pages/3', os.O_WRONLY | os.O_DIRECT); os.pwrite(d, b'DIRECT', 10); print(m[10:16], other(lambda: os.pread(f, 6, 10)))
)",
         "b'STORED' b'STORED' b'STORED' b'STORED'\nb'WRITE!' b'WRITE!' b'WRITE!'\n"
         "b'MAPPED' b'MAPPED'\nb'MAPPED'\n"
         "b'MA\\x00\\x00\\x00\\x00' b'MA\\x00\\x00\\x00\\x00'\nb'DIRECT' b'DIRECT'\n");
}

}  // namespace
}  // namespace mappedpages::test
