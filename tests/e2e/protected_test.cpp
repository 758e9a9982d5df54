// SEMANTICS "Protected pages": stages, and when they are committed.
#include <gtest/gtest.h>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

class Protected : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount();
    fs.ok("mkdir alloc/protected/3@x; for n in 0 1 2; do echo committed > protected/$n; done");
  }
  void python(const std::string& script, const std::string& expected) const {
    const test::Ran ran = test::run({"python3", "-c",
                                     "import os, errno, mmap, signal, subprocess, sys\n"
                                     "def other(n=9): return open('protected/0','rb').read(n)\n"
                                     "def err(f, *a):\n"
                                     "  try: f(*a); return 'ok'\n"
                                     "  except OSError as e: return errno.errorcode[e.errno]\n" +
                                         script},
                                    fs.mountpoint().string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, expected) << ran.err;
  }
};

TEST_F(Protected, AWriteIsSeenByOthersAfterItsCommit) {
  python(
      "f=os.open('protected/0',os.O_RDWR)\n"
      "os.pwrite(f,b'STAGED',0)\n"
      "print(os.pread(f,9,0), other())\n"
      "os.fsync(f); print(other())\n"
      "os.pwrite(f,b'CLOSED',0); print(other()); os.close(f); print(other())\n",
      "b'STAGEDted' b'committed'\nb'STAGEDted'\nb'STAGEDted'\nb'CLOSEDted'\n");
}

TEST_F(Protected, OneWriterAtATime) {
  python(
      "f=os.open('protected/0',os.O_RDWR); g=os.open('protected/0',os.O_RDWR)\n"
      "os.pwrite(f,b'f',0)\n"
      "print(err(os.pwrite,g,b'g',0), err(os.ftruncate,g,0), err(os.truncate,'protected/0',0),"
      " err(os.open,'protected/0',os.O_WRONLY|os.O_TRUNC))\n"
      "print(os.pread(g,9,0))\n"
      "os.fsync(f); print(err(os.pwrite,g,b'g',1)); os.close(g); print(other(2)); os.close(f)\n",
      "EBUSY EBUSY EBUSY EBUSY\nb'committed'\nok\nb'fg'\n");
}

TEST_F(Protected, EbusyDoesNotPoison) {
  python(
      "f=os.open('protected/0',os.O_RDWR); g=os.open('protected/0',os.O_RDWR)\n"
      "os.pwrite(f,b'f',0); print(err(os.pwrite,g,b'g',0)); os.close(f)\n"
      "print(err(os.fsync,g), err(os.pwrite,g,b'g',0), err(os.close,g), other(2))\n",
      "EBUSY\nok ok ok b'go'\n");
}

TEST_F(Protected, AFailedWritePoisonsTheStage) {
  python(
      "f=os.open('protected/0',os.O_RDWR)\n"
      "os.pwrite(f,b'half',0); print(err(os.pwrite,f,b'x'*10,4090))\n"
      "print(err(os.fsync,f), err(os.close,f), other())\n",
      "EFBIG\nEIO EIO b'committed'\n");
  EXPECT_EQ(fs.sh("dd if=/dev/urandom of=protected/1 bs=1000 count=5").code, 1);
  EXPECT_EQ(fs.ok("head -c 9 protected/1"), "committed") << "a file too large changes nothing";
  EXPECT_NE(fs.sh("head -c 5000 /dev/zero > protected/1").code, 0);
  EXPECT_EQ(fs.ok("head -c 9 protected/1"), "committed");
}

TEST_F(Protected, TruncatingWhileOpeningIsCommittedWithTheFirstWriteOrTheLastClose) {
  python(
      "f=os.open('protected/0',os.O_WRONLY|os.O_TRUNC); g=os.dup(f); os.close(f); print(other())\n"
      "os.write(g,b'new'); os.close(g); print(other(5))\n"
      "f=os.open('protected/1',os.O_WRONLY|os.O_TRUNC); os.close(f)\n",
      "b'committed'\nb'new\\x00\\x00'\n");
  EXPECT_EQ(fs.ok("head -c 4 protected/1 | xxd -p"), "00000000");
  fs.ok(": > protected/2");
  EXPECT_EQ(fs.ok("tr -d '\\0' < protected/2 | wc -c"), "0");
}

TEST_F(Protected, TruncatingWhileOpeningBelongsToTheFileThatIsOpened) {
  python(
      "wrong = 0\n"
      "for i in range(30):\n"
      "  idle=[os.open('protected/0',os.O_RDWR)]\n"
      "  for j in range(i): os.close(os.open('protected/1',os.O_RDONLY))\n"
      "  idle.append(os.open('protected/0',os.O_RDWR))\n"
      "  f=os.open('protected/0',os.O_RDWR|os.O_TRUNC)\n"
      "  wrong += err(os.write,f,b'new') != 'ok'; wrong += err(os.close,f) != 'ok'\n"
      "  for g in idle: os.close(g)\n"
      "print(wrong, other(4))\n",
      "0 b'new\\x00'\n");
}

// close(2) does not wait for the release behind it.
TEST_F(Protected, ATruncationAloneIsSeenAfterItsClose) {
  python(
      "stale = busy = 0\n"
      "for i in range(200):\n"
      "  f=os.open('protected/0',os.O_WRONLY); os.write(f,b'x'); os.close(f)\n"
      "  os.close(os.open('protected/0',os.O_WRONLY|os.O_TRUNC))\n"
      "  stale += other(1) != b'\\0'\n"
      "  os.close(os.open('protected/0',os.O_WRONLY|os.O_TRUNC))\n"
      "  busy += err(os.truncate,'protected/0',0) != 'ok'\n"
      "print(stale, busy)\n",
      "0 0\n");
}

// The kernel closes such descriptors while it holds locks of the process.
TEST_F(Protected, AnExecThatClosesADescriptor) {
  python(
      "code='import os, sys; f=os.open(\"protected/0\", int(sys.argv[1])); '\\\n"
      "     'int(sys.argv[1]) and os.write(f, b\"exec\"); os.execv(\"/bin/true\", [\"true\"])'\n"
      "for flags in (os.O_RDONLY, os.O_RDWR):\n"
      "  subprocess.run(['timeout', '-s', 'KILL', '20', sys.executable, '-c', code, str(flags)],\n"
      "                 check=True)\n"
      "  print(other())\n",
      "b'committed'\nb'execitted'\n");
}

// The kernel ends the other threads of a process that exits by a signal of its own.
TEST_F(Protected, AProcessWithThreadsThatExitsCommits) {
  fs.ok(
      "for i in 1 2 3 4 5 6 7 8 9 10; do python3 -c 'import os, threading, time\n"
      "for i in range(8): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
      "os.write(1, b\"threaded\"); os._exit(0)' > protected/0; "
      "[ $(head -c 8 protected/0) = threaded ] || exit 1; echo old > protected/0; done");
}

TEST_F(Protected, ShellRedirections) {
  fs.ok("echo one > protected/0");
  EXPECT_EQ(fs.ok("head -c 4 protected/0"), "one");
  fs.ok("{ echo two; echo three; } > protected/0");
  EXPECT_EQ(fs.ok("head -c 10 protected/0"), "two\nthree");
  fs.ok("{ cat <(echo four); /bin/echo five; } > protected/0");
  EXPECT_EQ(fs.ok("head -c 9 protected/0"), "four\nfive");
  fs.ok("exec 3<>protected/0; printf FOUR >&3; exec 3>&-");
  EXPECT_EQ(fs.ok("head -c 9 protected/0"), "FOUR\nfive");
}

TEST_F(Protected, TruncateWithoutADescriptorCommitsAtOnce) {
  python("os.truncate('protected/0',4); print(other())\n", "b'comm\\x00\\x00\\x00\\x00\\x00'\n");
}

TEST_F(Protected, SyncWritesCommitEach) {
  for (const char* flag : {"O_SYNC", "O_DSYNC"}) {
    python("f=os.open('protected/0',os.O_WRONLY|os." + std::string(flag) +
               ")\nos.pwrite(f,b'SYNC',0); print(other()); os.pwrite(f,b'comm',0); os.close(f)\n",
           "b'SYNCitted'\n");
  }
}

TEST_F(Protected, InheritedDescriptorsShareTheStage) {
  python(
      "f=os.open('protected/0',os.O_WRONLY); os.set_inheritable(f,True)\n"
      "os.pwrite(f,b'P',0)\n"
      "subprocess.run(['bash','-c',f'printf C >&{f}'],close_fds=False,check=True)\n"
      "print(other(2)); os.close(f)\n",
      "b'Co'\n");
}

TEST_F(Protected, AWriterKilledByASignalCommitsNothing) {
  for (const char* how : {"SIGKILL", "SIGTERM", "SIGSEGV"}) {
    python(
        "r,w=os.pipe()\n"
        "pid=os.fork()\n"
        "if pid==0:\n"
        "  import resource; resource.setrlimit(resource.RLIMIT_CORE,(0,0))\n"
        "  f=os.open('protected/0',os.O_WRONLY)\n"
        "  os.pwrite(f,b'HALF',0); os.write(w,b'.')\n"
        "  while True: signal.pause()\n"
        "os.read(r,1); os.kill(pid,signal." +
            std::string(how) +
            "); os.waitpid(pid,0); print(other())\n"
            // The stage is dropped with the last close, which nobody waits for.
            "f=os.open('protected/0',os.O_WRONLY)\n"
            "for i in range(100000):\n"
            "  if err(os.pwrite,f,b'comm',0)=='ok': break\n"
            "os.close(f); print(other())\n",
        "b'committed'\nb'committed'\n");
  }
}

TEST_F(Protected, FreedWhileAStageIsOpen) {
  python(
      "f=os.open('protected/0',os.O_RDWR); os.pwrite(f,b'late',0); os.unlink('protected/0')\n"
      "print(err(os.fsync,f), os.pread(f,9,0), err(os.pwrite,f,b'x',0), os.pread(f,9,0),"
      " os.fstat(f).st_nlink, err(os.close,f), os.path.exists('protected/0'))\n",
      "ok b'lateitted' ok b'xateitted' 0 ok False\n");
}

TEST_F(Protected, MappedPrivatelyAndNotShared) {
  python(
      "f=os.open('protected/0',os.O_RDWR)\n"
      "m=mmap.mmap(f,4096,flags=mmap.MAP_PRIVATE,prot=mmap.PROT_READ); print(m[:9])\n"
      "print(err(mmap.mmap,f,4096,mmap.MAP_SHARED))\n",
      "b'committed'\nENODEV\n");
}

// The kernel reads through its cache there, although the file has none; it is told behind the
// commit.
TEST_F(Protected, SendfileSeesCommitsAndNothingThatIsStaged) {
  python(
      "def sent(f):\n"
      "  o=os.memfd_create('o'); os.sendfile(o,f,0,9); return os.pread(o,9,0)\n"
      "def wait(f,want):\n"
      "  for i in range(100000):\n"
      "    if sent(f)==want: return 'soon'\n"
      "r=os.open('protected/0',os.O_RDONLY); w=os.open('protected/0',os.O_RDWR)\n"
      "print(sent(r)); os.pwrite(w,b'STAGED',0); print(sent(w))\n"
      "print(wait(r,b'committed'))\n"
      "os.fsync(w); print(wait(r,b'STAGEDted'))\n"
      "os.pwrite(w,b'CLOSED',0); sent(r); os.close(w); print(wait(r,b'CLOSEDted'))\n"
      "open('protected/t','w').write('renamed'); sent(r); os.rename('protected/t','protected/0')\n"
      "print(sent(r))\n",
      "b'committed'\nb'STAGEDted'\nsoon\nsoon\nsoon\nb'renamed\\x00\\x00'\n");
}

TEST_F(Protected, RottenBytesAreEioAndNeverServed) {
  fs.unmount();
  // Every copy of every protected page gets a wrong byte.
  ASSERT_EQ(test::shell("python3 - <<'E'\n"
                        "b=bytearray(open('db','rb').read())\n"
                        "for p in range(3,len(b)//4096):\n"
                        "  if b[p*4096:p*4096+9]==b'committed': b[p*4096+2000]^=1\n"
                        "open('db','wb').write(b)\nE",
                        fs.directory())
                .code,
            0);
  fs.mount();
  EXPECT_NE(fs.sh("cat protected/0").err.find("Input/output error"), std::string::npos);
  EXPECT_EQ(fs.ok("ls protected | xargs"), "0 1 2");
  EXPECT_EQ(test::run({MAPPEDPAGES, "info", fs.db().string()}).code, 5) << "and the mount is alive";
}

class CommitOnFsync : public test::MountedTest {};

TEST_F(CommitOnFsync, CloseDiscardsAndFsyncCommits) {
  fs.mount({"--create", "-o", "commit=fsync"});
  fs.ok("mkdir alloc/protected/x; echo lost > protected/0");
  EXPECT_EQ(fs.ok("head -c 4 protected/0 | xxd -p"), "00000000");
  fs.ok("printf kept | dd of=protected/0 conv=notrunc,fsync status=none");
  EXPECT_EQ(fs.ok("head -c 4 protected/0"), "kept");
}

class LargePages : public test::MountedTest {};

TEST_F(LargePages, AreCommittedWhole) {
  fs.mount({"--create=4M"});
  fs.ok(
      "mkdir alloc/protected/x alloc/pages/x; head -c 4194304 /dev/urandom > ../x; "
      "cp ../x protected/0; cp ../x pages/$(ls alloc/pages/x); cmp ../x protected/0; "
      "cmp ../x pages/$(ls alloc/pages/x)");
  EXPECT_NE(fs.sh("head -c 4194305 /dev/zero > protected/0").code, 0);
  fs.ok("cmp ../x protected/0");
}

}  // namespace
}  // namespace mappedpages
