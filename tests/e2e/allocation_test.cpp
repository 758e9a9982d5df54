// SEMANTICS "Allocate", "Free" and what names do.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

class Allocation : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount();
  }

  /// bash says why it could not do something.
  void refused(const std::string& line, const std::string& why) {
    const std::string before = fs.ok("ls pages protected alloc/*");
    const test::Ran ran = fs.sh(line);
    EXPECT_NE(ran.code, 0) << line;
    EXPECT_NE(ran.err.find(why), std::string::npos) << line << "\n" << ran.err;
    EXPECT_EQ(fs.ok("ls pages protected alloc/*"), before) << line << " changed something";
  }
};

TEST_F(Allocation, MkdirAllocatesAndLeavesAReceipt) {
  EXPECT_EQ(fs.ok("d=$(mktemp -d alloc/pages/XXXXXX); ls $d"), "3");
  EXPECT_EQ(fs.ok("d=$(mktemp -d alloc/protected/XXXXXX); ls $d"), "0");
  EXPECT_EQ(fs.ok("ls pages; ls protected"), "3\n0");
  EXPECT_EQ(fs.ok("readlink alloc/pages/*/3"), "../../../pages/3");
  EXPECT_EQ(fs.ok("readlink alloc/protected/*/0"), "../../../protected/0");
  EXPECT_EQ(fs.ok("stat -L -c %s alloc/pages/*/3"), "4096");
}

TEST_F(Allocation, CountAtAllocatesThatManyInOneCommit) {
  EXPECT_EQ(fs.ok("d=$(mktemp -d alloc/pages/16@XXXXXX); ls $d | wc -l"), "16");
  EXPECT_EQ(fs.ok("ls pages | wc -l"), "16");
  EXPECT_EQ(fs.ok("mkdir alloc/protected/40@x; ls -U alloc/protected/40@x | wc -l"), "40");
  EXPECT_EQ(fs.ok("mkdir alloc/pages/foo@x; ls alloc/pages/foo@x | wc -l"), "1");
  EXPECT_EQ(fs.ok("python3 -c \"import tempfile,os; d=tempfile.mkdtemp(prefix='5@',"
                  "dir='alloc/pages'); print(len(os.listdir(d)))\""),
            "5");
}

TEST_F(Allocation, AReceiptThatCannotBeAllocatesNothing) {
  refused("mkdir alloc/pages/0@x", "Invalid argument");
  refused("mkdir alloc/pages/01@x", "Invalid argument");
  refused("mkdir alloc/pages/@x", "Invalid argument");
  refused("mkdir alloc/pages/40000@x", "No space left");
  refused("mkdir alloc/protected/99999999999999999999@x", "No space left");
  refused("mkdir alloc/pages/$(printf 'x%.0s' {1..256})", "File name too long");
  fs.ok("mkdir alloc/pages/one");
  refused("mkdir alloc/pages/one", "File exists");
}

TEST_F(Allocation, RemovingAReceiptFreesNothing) {
  fs.ok("mkdir alloc/pages/3@a alloc/pages/2@b alloc/pages/c");
  fs.ok("rm alloc/pages/3@a/4; rmdir alloc/pages/3@a; rm -r alloc/pages/2@b");
  EXPECT_EQ(fs.ok("ls alloc/pages"), "c");
  EXPECT_EQ(fs.ok("ls pages | wc -l"), "6");
  EXPECT_EQ(
      fs.ok("python3 -c \"import tempfile\nwith tempfile.TemporaryDirectory(dir='alloc/pages')"
            ": pass\"; ls alloc/pages; ls pages | wc -l"),
      "c\n7");
}

TEST_F(Allocation, CreatingANumberAllocatesIt) {
  fs.ok("touch pages/3 pages/10; echo data > pages/7");
  EXPECT_EQ(fs.ok("ls -v pages | xargs"), "3 7 10");
  EXPECT_EQ(fs.ok("head -c 4 pages/7"), "data");
  EXPECT_EQ(fs.ok("touch pages/10; ls -v pages | xargs"), "3 7 10") << "opens what is there";
  EXPECT_EQ(fs.ok("touch pages/30000; stat -c %s pages/30000"), "4096") << "grows to hold it";
  refused("python3 -c \"open('pages/10','x')\"", "File exists");
}

TEST_F(Allocation, CreatingAProtectedNumberAllocatesIt) {
  fs.ok("touch protected/2 protected/300; echo data > protected/5; cp /etc/hostname protected/0");
  EXPECT_EQ(fs.ok("ls -v protected | xargs"), "0 2 5 300");
  EXPECT_EQ(fs.ok("head -c 4 protected/5"), "data");
  EXPECT_EQ(fs.ok("tr -d '\\0' < protected/2 | wc -c; stat -c %s protected/300"), "0\n4096");
  EXPECT_EQ(fs.ok("touch protected/5; head -c 4 protected/5"), "data") << "opens what is there";
  refused("python3 -c \"open('protected/5','x')\"", "File exists");
  refused(
      "exec 3<protected/5; rm protected/5; touch protected/5 || "
      "{ exec 3<&-; cp <(echo data) protected/5; false; }",
      "Device or resource busy");
  EXPECT_EQ(fs.ok("ls $(mktemp -d alloc/protected/XXXXXX)"), "1") << "the lowest of the rest";
  fs.unmount();
  fs.mount();
  EXPECT_EQ(fs.ok("ls -v protected | xargs; head -c 4 protected/5"), "0 1 2 5 300\ndata");
}

TEST_F(Allocation, NamesThatAreNoPages) {
  fs.ok("mkdir alloc/protected/x");
  refused("touch pages/07", "Invalid argument");
  refused("touch protected/00", "Invalid argument");
  refused("touch pages/99999999999999999999", "No space left");
  refused("touch protected/99999999999999999999", "No space left");
  refused("touch protected/$((135 * 100000))", "No space left");
  refused("touch pages/32544", "No space left");
  refused("touch pages/0", "Device or resource busy");
  refused("touch pages/3", "Device or resource busy");  // A directory page.
  refused("touch pages/5", "Device or resource busy");  // A copy of protected page 0.
  refused("touch pages/$(printf '1%.0s' {1..256})", "File name too long");
  refused("touch protected/$(printf 'x%.0s' {1..256})", "File name too long");
  refused("cat pages/0", "No such file");
  refused("cat pages/3", "No such file");
  refused("cat protected/00", "No such file");
  refused("cat protected/$(printf '1%.0s' {1..255})", "No such file");
}

TEST_F(Allocation, WhatIsNotAllowedAnywhere) {
  fs.ok("touch pages/3");
  refused("mkdir pages/x", "Operation not permitted");
  refused("mkdir x", "Operation not permitted");
  refused("mkdir alloc/x", "Operation not permitted");
  refused("touch alloc/pages/x alloc/x x", "Operation not permitted");
  refused("ln -s a pages/link", "Operation not permitted");
  refused("ln pages/3 pages/4", "Operation not permitted");
  refused("mkfifo pages/9", "Operation not permitted");
  refused("mv -T pages/3 pages/4", "Operation not permitted");
  refused("rmdir pages", "Operation not permitted");
  refused("rmdir pages/3", "Not a directory");
  refused("python3 -c \"import os; os.setxattr('pages/3','user.a',b'b')\"", "not supported");
}

TEST_F(Allocation, UnlinkFrees) {
  fs.ok("mkdir alloc/pages/5@a alloc/protected/3@b; rm pages/4 protected/1");
  EXPECT_EQ(fs.ok("ls -v pages protected | xargs"), "pages: 3 5 6 7 protected: 0 2");
  refused("rm pages/4", "No such file");
  refused("rm protected/7", "No such file");
  EXPECT_EQ(fs.ok("ls $(mktemp -d alloc/pages/XXXXXX)"), "4") << "lowest free page first";
  fs.unmount();
  fs.mount();
  EXPECT_EQ(fs.ok("ls -v pages protected | xargs"), "pages: 3 4 5 6 7 protected: 0 2");
  EXPECT_EQ(fs.ok("ls alloc/pages"), "") << "receipts are gone";
}

TEST_F(Allocation, AFreedPageThatIsOpenKeepsItsContentAndItsNumber) {
  fs.ok("touch pages/3; mkdir alloc/protected/x; echo kept > pages/3; echo held > protected/0");
  const std::string script =
      "exec 3<>pages/3 4<protected/0; rm pages/3 protected/0; "
      "[ ! -e pages/3 ] && [ ! -e protected/0 ]; "
      "head -c 5 <&3; head -c 5 <&4; ls $(mktemp -d alloc/pages/XXXXXX); "
      "ls $(mktemp -d alloc/protected/XXXXXX); exec 3>&- 4<&-";
  EXPECT_EQ(fs.ok(script), "kept\nheld\n8\n1");
  EXPECT_EQ(fs.ok("touch pages/3; head -c 4 pages/3 | xxd -p"), "00000000");
}

TEST_F(Allocation, ListingsAreWholeWhateverTheirLength) {
  fs.ok("mkdir alloc/pages/3000@x");
  EXPECT_EQ(fs.ok("ls -l pages | tail -n +2 | wc -l"), "3000");
  EXPECT_EQ(fs.ok("ls -f pages | wc -l"), "3002");
  EXPECT_EQ(fs.ok("find pages -type f -size 4096c | wc -l"), "3000");
}

TEST_F(Allocation, PagesThatComeAndGoDoNotDisturbAListing) {
  fs.ok("mkdir alloc/pages/2000@x");
  // While it runs every third page is freed and others are allocated; those that stay are listed
  // once.
  const std::string script =
      "import os\n"
      "stay=set(range(3,2003)) - set(range(3,2003,3))\n"
      "seen=[]\n"
      "with os.scandir('pages') as listing:\n"
      "    for i, entry in enumerate(listing):\n"
      "        seen.append(int(entry.name))\n"
      "        if i == 50:\n"
      "            for n in range(3,2003,3): os.unlink(f'pages/{n}')\n"
      "            os.mkdir('alloc/pages/100@y')\n"
      "assert stay <= set(seen), stay - set(seen)\n"
      "assert len(seen) == len(set(seen))\n";
  EXPECT_EQ(test::run({"python3", "-c", script}, fs.mountpoint().string()).err, "");
}

TEST_F(Allocation, StatfsCountsPages) {
  EXPECT_EQ(fs.ok("stat -f -c '%S %b %f' ."), "4096 32544 32541");
  fs.ok("mkdir alloc/pages/10@x alloc/protected/x");
  EXPECT_EQ(fs.ok("stat -f -c '%S %b %f' ."), "4096 32544 32527");
}

// Somebody gets the number while the kernel still has the old page under its name.
TEST_F(Allocation, ANewPageNeverShowsItsPredecessor) {
  fs.unmount();
  fs.mount({"-o", "nosync"});
  const char* const client =
      "import os, sys, tempfile\n"
      "for i in range(400):\n"
      "  d = tempfile.mkdtemp(dir='alloc/pages'); n = 'pages/' + os.listdir(d)[0]\n"
      "  f = os.open(n, os.O_RDWR)\n"
      "  assert os.read(f, 4096) == bytes(4096), 'old bytes'\n"
      "  os.pwrite(f, b'D' * 4096, 0); assert os.pread(f, 4096, 0) == b'D' * 4096\n"
      "  os.close(f); assert open(n, 'rb').read() == b'D' * 4096\n"
      "  os.unlink(n); os.rmdir(d)\n";
  std::ofstream(fs.directory() / "client.py") << client;
  fs.ok(
      "for i in 1 2 3 4 5 6; do python3 ../client.py & pids+=($!); done; "
      "for p in ${pids[@]}; do wait $p || exit 1; done");
  EXPECT_EQ(fs.ok("ls pages"), "");
}

}  // namespace
}  // namespace mappedpages
