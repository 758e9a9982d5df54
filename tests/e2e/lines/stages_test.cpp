// SEMANTICS "Protected pages": what the tests of `Protected` do not say.
#include <fstream>

#include "e2e/lines/lines_test.hpp"

namespace mappedpages::test {
namespace {

class StageLines : public LinesTest {
 protected:
  void SetUp() override {
    LinesTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) fs.ok("echo committed > protected/0");
  }
};

TEST_F(StageLines, FtruncateAndFallocateCountAsWrites) {
  python(R"(
def act(f): 
  p = os.open('protected/0', os.O_RDWR); f(p); seen = head('protected/0')
  q = os.open('protected/0', os.O_RDWR); busy = err(os.pwrite, q, b'x', 0); os.close(q)
  os.close(p); print(seen, busy, head('protected/0')); put('protected/0', b'committed')
act(lambda p: os.ftruncate(p, 3))
act(lambda p: os.ftruncate(p, 4096))
act(lambda p: libc.fallocate(p, 3, ctypes.c_long(1), ctypes.c_long(2)))
act(lambda p: libc.fallocate(p, 0x10, ctypes.c_long(0), ctypes.c_long(4)))
act(lambda p: os.posix_fallocate(p, 0, 4096))
)",
         "b'committed' EBUSY b'com\\x00\\x00\\x00\\x00\\x00\\x00'\n"
         "b'committed' EBUSY b'committed'\n"
         "b'committed' EBUSY b'c\\x00\\x00mitted'\n"
         "b'committed' EBUSY b'\\x00\\x00\\x00\\x00itted'\n"
         "b'committed' EBUSY b'committed'\n");
}

TEST_F(StageLines, OTruncAloneIsCommittedByTheLastClose) {
  python(R"(
f = os.open('protected/0', os.O_WRONLY | os.O_TRUNC); g = os.dup(f); h = os.dup(f)
os.close(f); a = head('protected/0'); os.close(g); b = head('protected/0'); os.close(h)
print(a, b, head('protected/0'))
put('protected/0', b'committed'); f = os.open('protected/0', os.O_WRONLY | os.O_TRUNC)
os.fsync(f); print(head('protected/0')); os.close(f)
)",
         "b'committed' b'committed' b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\n"
         "b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\n");
}

TEST_F(StageLines, EachProcessCommitsAtItsExit) {
  EXPECT_EQ(fs.ok("{ /bin/echo one; head -c 4 protected/0 >&2; /bin/echo two; } 2>../seen "
                  "> protected/0; cat ../seen; head -c 8 protected/0"),
            "one\none\ntwo");
  // One process, or a temporary file and a rename, is one commit.
  EXPECT_EQ(fs.ok("{ echo 1; head -c 3 protected/0 >&2; echo 2; } > protected/t 2>../seen; "
                  "mv protected/t protected/0; cat ../seen; head -c 4 protected/0"),
            "one1\n2");
  EXPECT_EQ(fs.ok("exec 3<>protected/0; printf A >&3; head -c 1 protected/0; printf B >&3; "
                  "exec 3>&-; head -c 3 protected/0"),
            "AAB2")
      << "bash closes a duplicate behind each command";
}

TEST_F(StageLines, AnExecdProgramHasTheStageOfWhoOpenedIt) {
  python(R"(
f = os.open('protected/0', os.O_WRONLY); os.pwrite(f, b'P', 0)
pid = os.fork()
if pid == 0:
  os.dup2(f, 1); os.set_inheritable(1, True)
  os.execv('/bin/sh', ['sh', '-c', 'printf 12; exec /bin/echo -n 34'])
os.waitpid(pid, 0); print(head('protected/0')); os.close(f)
)",
         "b'1234itted'\n");
}

// Who else has the descriptor says what becomes of it.
TEST_F(StageLines, AnotherHolderOfAKilledWritersDescriptorMayCommit) {
  python(R"(
def killed_writer(how):
  f = os.open('protected/0', os.O_RDWR); r, w = os.pipe(); pid = os.fork()
  if pid == 0:
    os.pwrite(f, b'HALF', 0); os.write(w, b'.')
    while True: signal.pause()
  os.read(r, 1); os.kill(pid, 9); os.waitpid(pid, 0)
  assert head('protected/0') == b'committed'; how(f); os.close(f); print(head('protected/0'))
  put('protected/0', b'committed')
killed_writer(os.fsync)
killed_writer(lambda f: None)
)",
         "b'HALFitted'\nb'HALFitted'\n");
}

// As in a container: the writer's number there is not the one that the daemon knows it by.
TEST_F(StageLines, AWriterKilledInAnotherPidNamespaceCommitsNothing) {
  if (fs.sh("unshare --pid --fork true").code != 0) GTEST_SKIP() << "cannot make a pid namespace";
  std::ofstream(fs.directory() / "writer.py")
      << "import os, signal\n"
         "f = os.open('protected/0', os.O_WRONLY); os.pwrite(f, b'HALF', 0)\n"
         "os.write(1, b'.')\n"
         "while True: signal.pause()\n";
  const auto in_container = [this](const std::string& end) {
    fs.ok(
        "rm -f ../mark; unshare --pid --fork --kill-child bash -c 'ulimit -c 0; "
        "python3 ../writer.py > ../mark & p=$!; until [ -s ../mark ]; do :; done; " +
        end + "' 2>../err || true");
    EXPECT_EQ(fs.ok("head -c 9 protected/0"), "committed") << end;
    // The stage goes with the last close, which nobody waits for.
    fs.ok("until echo committed > protected/0; do :; done 2>../err");
  };
  for (const char* signal : {"KILL", "TERM", "SEGV"}) {
    in_container("kill -" + std::string(signal) + " $p; wait $p");
  }
  in_container("exit 0");            // The first process of the namespace takes all others along.
  in_container("kill -SEGV $$; :");  // It has no handler for it, and is not ended: then as above.
}

}  // namespace
}  // namespace mappedpages::test
