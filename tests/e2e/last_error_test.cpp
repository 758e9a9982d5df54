// SEMANTICS ".ctl": last_error says why.
#include <gtest/gtest.h>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

// Each call below is refused; the line must name the operation, the path and the errno that Python
// got, and begin its sentence as the table of reasons does.
constexpr const char* kPreamble = R"(
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True); P = 4096
def last(): return open('.ctl/last_error').read()
def told(asked, sentence, f, *a, **k):
  try: f(*a, **k); print('not refused:', asked); return
  except OSError as e: code = errno.errorcode[e.errno].replace('ENOTSUP', 'EOPNOTSUPP')
  line = last(); expected = '%s: %s: %s' % (asked, code, sentence)
  if not line.startswith(expected) or line.count('\n') != 1: print(expected, line, sep='\n')
def create(name, flags=0): os.close(os.open(name, os.O_CREAT | os.O_WRONLY | flags))
def put(name, data):
  f = os.open(name, os.O_CREAT | os.O_RDWR)
  try: os.write(f, data)
  finally: os.close(f)
def command(text): put('.ctl/command', text.encode())
def exchange(a, b):
  if libc.syscall(316, -100, a, -100, b, 2) != 0: raise OSError(ctypes.get_errno(), 'renameat2')
)";

class LastError : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount({"--create", "-o", "nosync"});
    fs.ok("mkdir alloc/pages/6@a alloc/protected/3@b");
  }
  void python(const std::string& script, const std::string& expected = "") const {
    const test::Ran ran =
        test::run({"python3", "-c", kPreamble + script}, fs.mountpoint().string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, expected) << ran.err;
  }
};

TEST_F(LastError, SaysWhyForEveryReason) {
  python(R"(
told('mkdir x', 'mkdir works in', os.mkdir, 'x')
told('create x', 'files can be made', create, 'x')
told('link pages/x', 'links, pipes and devices', os.symlink, 'a', 'pages/x')
told('link pages/x', 'links, pipes and devices', os.link, 'pages/3', 'pages/x')
told('link pages/9', 'links, pipes and devices', os.mkfifo, 'pages/9')
told('rmdir alloc/pages', 'this directory is always there', os.rmdir, 'alloc/pages')
told('rename pages/3', 'only a staging file', os.rename, 'pages/3', 'pages/9')
told('unlink .ctl/command', 'what is in .ctl/ is always there', os.unlink, '.ctl/command')
told('open .ctl/pages/3', 'what is in .ctl/ is always there', os.open, '.ctl/pages/3', os.O_WRONLY)
told('write .ctl/command', 'this page is not allocated', command, 'free 3 99')
told('write .ctl/command', 'a command is one line', command, 'fre 3')
told('write .ctl/command', 'a command names pages by their numbers', command, 'free 03')
told('write .ctl/command', 'a command names each page once', command, 'free 3 3')
told('write .ctl/command', 'one write to .ctl/command holds', command, ' ' * 600000)
told('create pages/07', 'a page\'s name is its number', create, 'pages/07')
told('create pages/0', 'pages 0 to 2 belong to the pager', create, 'pages/0')
told('create pages/12', 'the pager uses this page itself', create, 'pages/12')
told('create pages/32544', 'a pager file of this page size', create, 'pages/32544')
told('create protected/13500000', 'a pager file of this page size', create, 'protected/13500000')
told('create pages/99999999999999999999', 'no pager file has room', create, 'pages/99999999999999999999')
told('mkdir alloc/pages/40000@x', 'a pager file of this page size', os.mkdir, 'alloc/pages/40000@x')
told('mkdir alloc/pages/0@x', 'a receipt named COUNT@', os.mkdir, 'alloc/pages/0@x')
told('lookup pages/' + 'x' * 256, 'names have at most 255 bytes', create, 'pages/' + 'x' * 256)
told('setxattr pages/3', 'there are no extended attributes', os.setxattr, 'pages/3', 'user.a', b'b')
f = os.open('pages/3', os.O_RDWR); os.unlink('pages/3')
told('create pages/3', 'this page was freed while', create, 'pages/3')
told('truncate pages/4', 'a page has a fixed size', os.truncate, 'pages/4', P + 1)
put('pages/t', bytes(P + 1)); put('pages/u', b'')
told('rename pages/t', 'the staging file is larger', os.rename, 'pages/t', 'pages/4')
told('rename pages/t', 'a page cannot be exchanged', exchange, b'pages/t', b'pages/4')
t = os.open('pages/t', os.O_RDWR)
told('fallocate pages/t', 'the staging files hold as many', os.posix_fallocate, t, 0, 65 << 20)
)");
}

TEST_F(LastError, SaysWhyForProtectedPages) {
  python(R"(
f = os.open('protected/0', os.O_RDWR); g = os.open('protected/0', os.O_RDWR); os.pwrite(f, b'f', 0)
told('write protected/0', 'another open file has uncommitted bytes', os.pwrite, g, b'g', 0)
told('truncate protected/0', 'another open file has uncommitted bytes', os.truncate, 'protected/0', 0)
told('write protected/0', 'a page has a fixed size', os.pwrite, f, b'xx', P - 1)
told('fsync protected/0', 'an earlier write through this descriptor failed', os.fsync, f)
told('close protected/0', 'an earlier write through this descriptor failed', os.close, f)
os.pwrite(g, b'g', 0); command('discard protected 0')
told('fsync protected/0', 'what this descriptor had staged was discarded', os.fsync, g)
told('write protected/0', 'what this descriptor had staged was discarded', os.pwrite, g, b'g', 0)
s = os.open('protected/t', os.O_CREAT | os.O_RDWR); os.rename('protected/t', 'protected/1')
told('write protected/1', 'a page has a fixed size', os.pwrite, s, b'x', P)
)");
}

// The reason of the engine stands behind the sentence.
TEST_F(LastError, SaysWhatIsWrongWithTheFile) {
  python(R"(
put('protected/1', b'precious'); db = os.open('../db', os.O_RDWR)
facts = dict(l.split('=') for l in open('.ctl/protected/1').read().splitlines())
os.pwrite(db, b'rotten', int(facts['page_a' if facts['active_slot'] == '0' else 'page_b']) * P)
told('read protected/1', 'the disk does not hold what was committed', lambda: open('protected/1', 'rb').read())
print('(protected page 1: the bytes on disk are not those' in last())
os.pwrite(db, b'\1', 3000)
told('unlink pages/3', 'another program wrote to the pager file', os.unlink, 'pages/3')
print('another program has written page 0' in last().split('(')[1])
told('unlink pages/3', 'a write or flush of the pager file failed earlier', os.unlink, 'pages/3')
told('create pages/name', 'a write or flush of the pager file failed earlier', create, 'pages/name')
told('write .ctl/command', 'a write or flush of the pager file failed earlier', command, 'sync')
command('discard protected 0')
)",
         "True\nTrue\n");
}

// A lookup that finds nothing is how every shell begins: it must not take the place of a reason.
TEST_F(LastError, KeepsTheLastReasonThatTellsSomething) {
  EXPECT_EQ(fs.ok("cat .ctl/last_error; [ ! -s .ctl/last_error ] && echo none yet"), "none yet");
  EXPECT_NE(fs.sh("mkdir x").code, 0);
  const std::string reason = fs.ok("cat .ctl/last_error");
  fs.ok("[ ! -e pages/99 ]; cat pages/99 nothing .ctl/nothing 2>/dev/null || true; ls > /dev/null");
  fs.ok("[ ! -e protected/9 ]; rm -f pages/99; cat pages/3 > /dev/null");
  EXPECT_EQ(fs.ok("cat .ctl/last_error"), reason);
  EXPECT_NE(fs.sh("mkdir y").code, 0);
  fs.ok("[ .ctl/last_error -nt .ctl/stats.json ]");
  EXPECT_NE(fs.ok("cat .ctl/last_error"), reason);
  EXPECT_EQ(fs.ok("stat -c %s .ctl/last_error; wc -l < .ctl/last_error"),
            std::to_string(reason.size() + 1) + "\n1");
}

TEST_F(LastError, IsOneLineWhateverTheNameIs) {
  python(R"(
told(r'mkdir a\x0ab\x09\x1b\x7fü', 'mkdir works in', os.mkdir, 'a\nb\t\x1b\x7fü')
told(r'create alloc/\x01', 'files can be made', create, 'alloc/\1')
)");
}

}  // namespace
}  // namespace mappedpages
