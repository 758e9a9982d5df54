// SEMANTICS "Read and write": regular pages, and what both kinds have in common.
#include <gtest/gtest.h>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

class Pages : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount();
    fs.ok("mkdir alloc/pages/2@x alloc/protected/2@x");  // pages/3 and 4, protected/0 and 1.
  }
  std::string python(const std::string& script) const {
    const test::Ran ran = test::run({"python3", "-c", "import os, errno, mmap, fcntl\n" + script},
                                    fs.mountpoint().string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.out;
  }
};

TEST_F(Pages, DdWritesInTheMiddleAndKeepsTheRest) {
  fs.ok("head -c 4096 /dev/zero | tr '\\0' a > pages/3");
  fs.ok("printf bbb | dd of=pages/3 bs=1 seek=100 conv=notrunc status=none");
  EXPECT_EQ(fs.ok("dd if=pages/3 bs=1 skip=98 count=7 status=none"), "aabbbaa");
  EXPECT_EQ(fs.ok("stat -c %s pages/3"), "4096");
}

TEST_F(Pages, AShorterFileLeavesZerosBehindIt) {
  for (const char* page : {"pages/3", "protected/0"}) {
    const std::string p = page;
    fs.ok("head -c 4096 /dev/urandom > " + p + "; printf abc > " + p);
    EXPECT_EQ(fs.ok("cat " + p + " | tr -d '\\0' ; stat -c ' %s' " + p), "abc 4096") << p;
    EXPECT_EQ(fs.ok("cat " + p + " | wc -c"), "4096") << p;
    EXPECT_EQ(fs.ok("printf 0123456789 > " + p + "; truncate -s 4 " + p + "; head -c 8 " + p +
                    " | xxd -p; stat -c %s " + p),
              "3031323300000000\n4096")
        << p;
  }
}

// The page keeps its size, so the kernel sees no reason to doubt what it has cached.
TEST_F(Pages, ATruncationIsSeenByThoseWhoHadThePageCached) {
  EXPECT_EQ(python("p='pages/3'; A=b'A'*4096\n"
                   "def put(): open(p,'r+b').write(A); assert open(p,'rb').read()==A\n"
                   "def left(): return open(p,'rb').read().count(b'A')\n"
                   "put(); os.truncate(p,100); print(left())\n"
                   "put(); f=os.open(p,os.O_RDWR); os.pread(f,4096,0); os.ftruncate(f,10)\n"
                   "print(os.pread(f,4096,0).count(b'A'), os.fstat(f).st_size)\n"
                   "put(); m=mmap.mmap(f,4096); m[0]; open(p,'wb').close()\n"
                   "print(left(), m[:].count(b'A')); m[0:1]=b'B'; m.flush(); print(left())\n"
                   "g=os.open(p,os.O_RDWR|os.O_TRUNC|os.O_APPEND)\n"
                   "try: os.write(g,b'x')\n"
                   "except OSError as e: print(errno.errorcode[e.errno])\n"
                   "o=os.open('../o',os.O_RDWR|os.O_CREAT); print(os.sendfile(o,g,0,4096))\n"),
            "100\n10 4096\n0 0\n0\nEFBIG\n4096\n");
  fs.ok("yes A | head -c 4096 > pages/4; cat pages/4 >../o; printf x | dd of=pages/4 bs=1 seek=9");
  EXPECT_EQ(fs.ok("tr -d '\\0' < pages/4 | wc -c"), "10");
}

TEST_F(Pages, CpCopiesIn) {
  fs.ok(
      "head -c 4096 /dev/urandom > ../x; cp ../x pages/4; cmp ../x pages/4; cp ../x protected/1; "
      "cmp ../x protected/1");
  fs.ok("cp ../x pages/20; cmp ../x pages/20");
  fs.ok("cp pages/4 ../y; cmp ../x ../y");
}

TEST_F(Pages, AWritePastTheEndIsEfbigAndWritesNothing) {
  for (const char* page : {"pages/3", "protected/0"}) {
    const std::string p = page;
    fs.ok("printf old | dd of=" + p + " conv=notrunc status=none");
    const test::Ran dd = fs.sh("dd if=/dev/zero of=" + p + " bs=4097 count=1 conv=notrunc");
    EXPECT_EQ(dd.code, 1);
    EXPECT_NE(dd.err.find("File too large"), std::string::npos) << dd.err;
    EXPECT_EQ(fs.ok("head -c 3 " + p), "old");
    EXPECT_EQ(fs.sh("printf x | dd of=" + p + " bs=1 seek=4096 conv=notrunc").code, 1);
    EXPECT_EQ(fs.sh("truncate -s 4097 " + p).code, 1);
    EXPECT_EQ(fs.sh("printf x >> " + p).code, 1) << "O_APPEND starts at the end";
    EXPECT_EQ(fs.ok("stat -c %s " + p), "4096");
  }
  EXPECT_EQ(python("f=os.open('pages/3',os.O_WRONLY)\n"
                   "for size in (4097, 1<<20):\n"
                   "  try: os.pwrite(f,b'z'*size,0); print('wrote')\n"
                   "  except OSError as e: print(errno.errorcode[e.errno])\n"
                   "print(open('pages/3','rb').read(3))"),
            "EFBIG\nEFBIG\nb'old'\n");
}

TEST_F(Pages, SizesComeBackAfterOTrunc) {
  EXPECT_EQ(
      python("for p in ('pages/3','protected/0'):\n"
             "  f=os.open(p,os.O_RDWR|os.O_TRUNC)\n"
             "  print(os.fstat(f).st_size, os.lseek(f,0,os.SEEK_END), len(os.pread(f,9999,0)),"
             " os.stat(p).st_size)\n"
             "  os.close(f)\n"
             "f=os.open('pages/3',os.O_RDWR|os.O_TRUNC)\n"
             "print(len(os.pread(f,4096,0)))\n"
             "os.pwrite(f,b'abc',10)\n"
             "print(len(os.pread(f,4096,0)), os.stat('pages/3').st_size)\n"),
      "4096 4096 4096 4096\n4096 4096 4096 4096\n4096\n4096 4096\n");
}

TEST_F(Pages, FallocateZeroesAndNeverGrows) {
  for (const char* page : {"pages/3", "protected/0"}) {
    const std::string p = page;
    fs.ok("head -c 4096 /dev/zero | tr '\\0' a | dd of=" + p + " conv=notrunc status=none");
    fs.ok("fallocate -l 4096 " + p + "; fallocate -p -o 1 -l 2 " + p + "; fallocate -z -o 8 -l 2 " +
          p);
    EXPECT_EQ(fs.ok("head -c 12 " + p + " | xxd -p"), "610000616161616100006161") << p;
    EXPECT_NE(fs.sh("fallocate -l 4097 " + p).code, 0);
    EXPECT_NE(fs.sh("fallocate -c -o 0 -l 512 " + p).code, 0) << "bytes cannot be moved";
    EXPECT_EQ(fs.ok("stat -c %s " + p), "4096");
  }
}

TEST_F(Pages, DirectIoHasNoAlignment) {
  EXPECT_EQ(python("for p in ('pages/3','protected/0'):\n"
                   "  f=os.open(p,os.O_RDWR|os.O_DIRECT)\n"
                   "  os.pwrite(f,b'abc',7); print(os.pread(f,5,6)); os.close(f)\n"),
            "b'\\x00abc\\x00'\nb'\\x00abc\\x00'\n");
}

TEST_F(Pages, MappingIsShared) {
  EXPECT_EQ(python("f=os.open('pages/3',os.O_RDWR)\n"
                   "m=mmap.mmap(f,4096); m[5:8]=b'map'; m.flush()\n"
                   "print(open('pages/3','rb').read()[5:8])\n"
                   "os.pwrite(f,b'W',6); print(m[5:8])\n"),
            "b'map'\nb'mWp'\n");
}

// The kernel has not told us of such bytes yet.
TEST_F(Pages, ATruncationKeepsWhatWasStoredIntoAMapping) {
  EXPECT_EQ(python("f=os.open('pages/3',os.O_RDWR)\n"
                   "m=mmap.mmap(f,4096); m[5:8]=b'map'; m[100:103]=b'cut'\n"
                   "os.ftruncate(f,50); print(m[5:8], m[100:103])\n"
                   "m[5:8]=b'MAP'; os.truncate('pages/3',6); print(m[5:8])\n"
                   "m.flush(); print(open('pages/3','rb').read()[5:8])\n"),
            "b'map' b'\\x00\\x00\\x00'\nb'M\\x00\\x00'\nb'M\\x00\\x00'\n");
}

TEST_F(Pages, AttributesAreKeptInMemory) {
  EXPECT_EQ(fs.ok("chmod 640 pages/3; chown 5:6 pages/3; touch -d @1000 pages/3; "
                  "stat -c '%a %u %g %Y' pages/3; stat -c '%a' pages/4 pages protected/0"),
            "640 5 6 1000\n600\n700\n600");
  fs.ok("chmod 750 pages; touch -d @2000 protected/0");
  EXPECT_EQ(fs.ok("stat -c '%a' pages; stat -c %Y protected/0"), "750\n2000");
  EXPECT_EQ(fs.ok("cat pages/3 > /dev/null; stat -c %Y pages/3"), "1000") << "reading is no change";
  EXPECT_NE(fs.ok("printf x | dd of=pages/3 conv=notrunc status=none; stat -c %Y pages/3"), "1000");
  EXPECT_NE(fs.ok("echo x > protected/0; stat -c %Y protected/0"), "2000");
}

TEST_F(Pages, WhatWasSyncedOrUnmountedIsInTheFile) {
  fs.ok(
      "printf synced | dd of=pages/3 conv=notrunc,fsync status=none; printf quiet | dd of=pages/4 "
      "conv=notrunc status=none");
  fs.unmount();
  EXPECT_EQ(
      test::shell("dd if=db bs=4096 skip=3 count=1 status=none | head -c 6", fs.directory()).out,
      "synced");
  fs.mount();
  EXPECT_EQ(fs.ok("head -c 5 pages/4"), "quiet");
}

}  // namespace
}  // namespace mappedpages
