// What the tests of single lines of fs/SEMANTICS.md begin with.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "e2e/mounted_fs.hpp"

namespace mappedpages::test {

/// A mount with pages/3 and 4 and protected/0 and 1. Scripts of Python run in the mountpoint.
class LinesTest : public MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) begin({"--create"});
  }
  void begin(const std::vector<std::string>& options) {
    fs.mount(options);
    fs.ok("mkdir alloc/pages/2@x alloc/protected/2@x");
  }

  /// `err` calls something and is the errno's name, or `ok`; `put` replaces a file's content,
  /// `head` is the beginning of one.
  void python(const std::string& script, const std::string& expected) const {
    static constexpr const char* kPrelude = R"(
import ctypes, errno, mmap, os, random, signal, subprocess, sys, tempfile
P = 4096
libc = ctypes.CDLL(None, use_errno=True)
def err(f, *a):
  try: f(*a); return 'ok'
  except OSError as e: return errno.errorcode[e.errno]
def put(name, content):
  with open(name, 'wb') as f: f.write(content)
def head(name, n=9):
  with open(name, 'rb') as f: return f.read(n)
)";
    const Ran ran = run({"python3", "-c", kPrelude + script}, fs.mountpoint().string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, expected) << ran.err;
  }

  /// bash cannot do it, and says why.
  void refused(const std::string& line, const std::string& why) const {
    const Ran ran = fs.sh(line);
    EXPECT_NE(ran.code, 0) << line;
    EXPECT_NE(ran.err.find(why), std::string::npos) << line << "\n" << ran.err;
  }
};

}  // namespace mappedpages::test
