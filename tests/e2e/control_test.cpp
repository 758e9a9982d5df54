// SEMANTICS ".ctl": the directory.
#include <gtest/gtest.h>

#include <csignal>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

constexpr const char* kPreamble = R"(
import errno, json, os, zlib
P = 4096
def err(f, *a):
  try: f(*a); return 'ok'
  except OSError as e: return errno.errorcode[e.errno]
def command(text):
  f = os.open('.ctl/command', os.O_WRONLY)
  try: assert os.write(f, text if isinstance(text, bytes) else text.encode()) == len(text)
  finally: os.close(f)
def stats(): return json.load(open('.ctl/stats.json'))
def facts(name): return dict(l.split('=') for l in open('.ctl/' + name).read().splitlines())
def names(d): return sorted(map(int, os.listdir(d)))
def put(name, data):
  with open(name, 'r+b') as f: f.write(data)
)";

class Control : public test::MountedTest {
 protected:
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount({"--create", "-o", "nosync"});
    fs.ok("mkdir alloc/pages/6@a alloc/protected/3@b");  // pages/3 to 8, protected/0 to 2
  }
  void python(const std::string& script, const std::string& expected = "") const {
    const test::Ran ran =
        test::run({"python3", "-c", kPreamble + script}, fs.mountpoint().string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, expected) << ran.err;
  }
};

// --- command

TEST_F(Control, FreesSeveralPagesInOneCommit) {
  fs.unmount();
  fs.mount({});
  python(R"(
before = stats()
command('free 3 5 8'); command('free protected 2 0\n')
after = stats()
print(names('pages'), names('protected'), after['groups'] - before['groups'],
      after['commits'] - before['commits'], after['flushes'] - before['flushes'])
)",
         "[4, 6, 7] [1] 2 2 4\n");
  fs.signal(SIGKILL);
  fs.forget_dead_mount();
  fs.mount({});
  EXPECT_EQ(fs.ok("ls pages protected | xargs"), "pages: 4 6 7 protected: 1") << "durable";
}

TEST_F(Control, OneBadNumberFreesNone) {
  python(R"(
for line in ['3 99', '3 0', '3 12', '3 32544', '3 17592186044415', '3 99999999999999999999', '3 4 3',
             '3 04', '3 x', '3 4x', '3 -4', 'protected 0 3', 'protected 0 0', 'protected 0 00']:
  print(err(command, 'free ' + line), end=' ')
  assert names('pages') == [3, 4, 5, 6, 7, 8] and names('protected') == [0, 1, 2], line
)",
         "ENOENT EBUSY EBUSY ENOENT ENOENT ENOENT EINVAL EINVAL EINVAL EINVAL EINVAL ENOENT EINVAL "
         "EINVAL ");
}

TEST_F(Control, StopsAtTheFirstBadLine) {
  python(R"(
print(err(command, 'free 3\n\n \t\nfree 4 99\nfree 5\n'), names('pages'))
print(open('.ctl/last_error').read().split('(')[1], end='')
print(err(command, b'free protected 1\nfree 4\0\nfree 5'), names('pages'), names('protected'))
print(err(command, 'sync\nfree 4\nfree protected 0'), names('pages'), names('protected'))
)",
         "ENOENT [4, 5, 6, 7, 8]\nline 4: page 99)\n"
         "EINVAL [4, 5, 6, 7, 8] [0, 2]\nok [5, 6, 7, 8] [2]\n");
}

TEST_F(Control, WhatIsNoCommandIsEinval) {
  python(R"(
for line in ['fre 3', 'free', 'free protected', 'FREE 3', 'discard 0', 'discard protected',
             'discard protected 0 1', 'sync 3', 'free 3;', 'free 3\r', 'free 3\0', '\0', '3', 'free,3']:
  r = err(command, line + '\n'); assert r == 'EINVAL', (line, r)
  assert names('pages') == [3, 4, 5, 6, 7, 8], line
for nothing in ['\n', '\n\n', ' ', '\t\n  \n']: command(nothing)
)");
}

TEST_F(Control, TakesWhatAShellWrites) {
  fs.ok("echo free 3 5 > .ctl/command; echo free 4 >> .ctl/command; : > .ctl/command");
  fs.ok("exec 3> .ctl/command; echo free 6 >&3; echo free protected 0 >&3; exec 3>&-");
  fs.ok("printf 'free  7' > .ctl/command; echo 'free protected 1' | tee .ctl/command");
  fs.ok("echo 'free 8' > ../commands; cp ../commands .ctl/command; truncate -s 0 .ctl/command");
  EXPECT_EQ(fs.ok("ls pages protected | xargs"), "pages: protected: 2");
  const test::Ran ran = fs.sh("echo free 8 > .ctl/command");
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.err.find("No such file"), std::string::npos) << ran.err;
  EXPECT_EQ(fs.ok("cat .ctl/command | wc -c; stat -c %s .ctl/command"), "0\n0");
}

TEST_F(Control, AWriteHoldsManyNumbersOrTooMany) {
  python(R"(
os.mkdir('alloc/pages/8000@x'); before = stats()
many = [n for n in names('pages')]
command('free ' + ' '.join(map(str, many)))
print(names('pages'), stats()['groups'] - before['groups'])
os.mkdir('alloc/pages/1@y'); n = str(names('pages')[0])
f = os.open('.ctl/command', os.O_WRONLY)
print(err(os.write, f, b'free ' + n.encode() + b' ' * 524288), names('pages') == [int(n)])
print(err(os.write, f, b'free ' + n.encode() + b'\n' * 3000000), names('pages') == [int(n)])
print(err(os.write, f, b' ' * (524288 - 5 - len(n)) + b'free ' + n.encode()), names('pages'))
)",
         "[] 1\nEFBIG True\nEFBIG True\nok []\n");
}

TEST_F(Control, SyncMakesTheBytesOfPagesDurable) {
  python(R"(
for n in 3, 4: put('pages/%d' % n, b'synced')
a = stats()['flushes']; command('sync'); b = stats()['flushes']; command('sync\n'); c = stats()['flushes']
f = os.open('protected/0', os.O_RDWR); os.pwrite(f, b'staged', 0); command('sync')
print(b - a, c - b, open('protected/0', 'rb').read(1), stats()['open_stages'])
)",
         "1 0 b'\\x00' 1\n");
}

TEST_F(Control, DiscardDropsTheStageOfWhoeverHasIt) {
  python(R"(
import multiprocessing
def holder(ready, go):
  f = os.open('protected/0', os.O_RDWR); os.pwrite(f, b'staged', 0); ready.set(); go.wait()
  print(os.pread(f, 6, 0), err(os.fsync, f), err(os.pwrite, f, b'x', 0), err(os.ftruncate, f, 0),
        os.pread(f, 6, 0), err(os.close, f), flush=True)
ready, go = multiprocessing.Event(), multiprocessing.Event()
p = multiprocessing.Process(target=holder, args=(ready, go)); p.start(); ready.wait()
g = os.open('protected/0', os.O_RDWR)
print(err(os.pwrite, g, b'mine', 0), facts('protected/0')['staged'], stats()['open_stages'], flush=True)
command('discard protected 0')
print(facts('protected/0')['staged'], stats()['open_stages'], err(os.pwrite, g, b'mine', 0), flush=True)
go.set(); p.join(); print(err(os.close, g), open('protected/0', 'rb').read(6))
)",
         "EBUSY yes 1\nno 0 ok\n"
         "b'\\x00\\x00\\x00\\x00\\x00\\x00' EIO EIO EIO b'\\x00\\x00\\x00\\x00\\x00\\x00' EIO\n"
         "ok b'mine\\x00\\x00'\n");
}

TEST_F(Control, DiscardLeavesTheRestAlone) {
  python(R"(
put('protected/0', b'first'); generation = facts('protected/0')['generation']
print(err(command, 'discard protected 0'), 'there is none', err(command, 'discard protected 3'))
f = os.open('protected/0', os.O_WRONLY | os.O_TRUNC); command('discard protected 0')
print(err(os.close, f), open('protected/0', 'rb').read(5), facts('protected/0')['generation'] == generation)
s = os.open('protected/t', os.O_RDWR | os.O_CREAT); os.write(s, b'renamed'); os.rename('protected/t', 'protected/1')
os.pwrite(s, b'STAGED!', 0); command('discard protected 1'); print(os.pread(s, 7, 0), err(os.close, s))
a = os.open('protected/1', os.O_RDWR); b = os.open('protected/2', os.O_RDWR)
os.pwrite(a, b'a', 0); os.pwrite(b, b'b', 0); command('discard protected 1')
print(err(os.close, a), err(os.close, b), open('protected/1', 'rb').read(1), open('protected/2', 'rb').read(1))
)",
         "ok there is none ENOENT\nEIO b'first' True\nb'renamed' EIO\nEIO ok b'r' b'b'\n");
}

TEST_F(Control, ReadOnlyTakesNoCommands) {
  fs.unmount();
  fs.mount({"-o", "ro"});
  python(R"(
print(err(os.open, '.ctl/command', os.O_WRONLY), err(os.truncate, '.ctl/command', 0))
print(stats()['allocated_pages'], facts('pages/3')['number'], facts('protected/2')['staged'])
)",
         "EROFS EROFS\n6 3 no\n");
}

// --- What a free through it is to others

// They have seen the page, and the kernel has its name and attributes for a day.
constexpr const char* kSeenAtOnce = R"(
import multiprocessing, tempfile
def client(pipe):
  for op, name in iter(pipe.recv, None):
    if op == 'look':
      fd = os.open(name, os.O_RDWR); os.stat(name); assert name.split('/')[1] in os.listdir(name.split('/')[0])
      os.pread(fd, P, 0); pipe.send(os.fstat(fd).st_nlink)
    else:
      d, n = name.split('/')
      pipe.send((err(os.stat, name), err(os.open, name, os.O_RDONLY), err(os.truncate, name, 0),
                 n in os.listdir(d), os.fstat(fd).st_nlink, os.fstat(fd).st_size, os.pread(fd, 4, 0)))
      os.close(fd)
ours, theirs = multiprocessing.Pipe(); p = multiprocessing.Process(target=client, args=(theirs,)); p.start()
expected = ('ENOENT', 'ENOENT', 'ENOENT', False, 0, P, b'kept'); wrong = []
for i in range(20):
  page = int(os.listdir(tempfile.mkdtemp(dir='alloc/pages'))[0])
  number = int(os.listdir(tempfile.mkdtemp(dir='alloc/protected'))[0])
  for name, line in ('pages/%d' % page, 'free %d' % page), ('protected/%d' % number, 'free protected %d' % number):
    put(name, b'kept'); os.stat(name); ours.send(('look', name)); assert ours.recv() == 1
    command(line)
    mine = (err(os.stat, name), err(open, name))
    taken = err(os.open, name, os.O_RDWR | os.O_CREAT)  # Still open there.
    ours.send(('again', name)); theirs_now = ours.recv()
    if (mine, taken, theirs_now) != (('ENOENT', 'ENOENT'), 'EBUSY', expected): wrong.append((name, mine, taken, theirs_now))
ours.send(None); p.join(); print(wrong[:3], p.exitcode)
)";

TEST_F(Control, AFreedPageIsGoneForEverybodyAtOnce) {
  python(kSeenAtOnce, "[] 0\n");
}

TEST_F(Control, TheSameWithOneThread) {
  fs.unmount();
  fs.mount({"-s", "-o", "nosync"});
  python(kSeenAtOnce, "[] 0\n");
}

// Each owner gets numbers, and others free them through .ctl/command, while all look at everything,
// make and rename files, and list the directories: whatever locks there are are held by somebody.
TEST_F(Control, ManyAtOnce) {
  python(R"(
import multiprocessing, tempfile
rounds = 60
def owner(k, free):
  for i in range(rounds):
    d = tempfile.mkdtemp(dir='alloc/' + ('pages', 'protected')[k % 2]); n = os.listdir(d)[0]
    name = ('pages/', 'protected/')[k % 2] + n; stamp = b'%08d' % (k * 1000 + i) * (P // 8)
    f = os.open(name, os.O_RDWR); assert os.read(f, P) == bytes(P), 'old bytes'
    os.pwrite(f, stamp, 0); os.fsync(f); os.close(f)
    with open(name, 'rb') as g: assert g.read() == stamp, 'not its own'
    os.rmdir(d); free.put((k % 2, n))
def freer(free, others):
  gone = 0
  while True:
    job = free.get()
    if job is None: return
    command('free %s%s\n' % (('', 'protected ')[job[0]], job[1]))
def looker(k, end):
  while not end.is_set():
    for d in 'pages', 'protected':
      for n in os.listdir(d):
        if n in ('t', '4000'): continue
        try:
          with open(d + '/' + n, 'rb') as f: data = f.read()
        except FileNotFoundError: continue
        assert len(data) == P and (d == 'pages' or len(set(data[i:i + 8] for i in range(0, P, 8))) == 1), data[:16]
def renamer(end):
  # Of numbers that nobody else has; so does making them.
  while not end.is_set():
    for d in 'pages', 'protected':
      with open(d + '/t', 'wb') as f: f.write(b'new')
      os.rename(d + '/t', d + '/4000'); os.unlink(d + '/4000')
free, end = multiprocessing.Queue(), multiprocessing.Event()
M = multiprocessing.Process
owners = [M(target=owner, args=(k, free)) for k in range(4)]
freers = [M(target=freer, args=(free, None)) for k in range(2)]
others = [M(target=looker, args=(k, end)) for k in range(2)] + [M(target=renamer, args=(end,))]
for p in owners + freers + others: p.start()
for p in owners: p.join()
for p in freers: free.put(None)
for p in freers: p.join()
end.set()
for p in others: p.join()
print([p.exitcode for p in owners + freers + others], names('pages'), names('protected'))
)",
         "[0, 0, 0, 0, 0, 0, 0, 0, 0] [3, 4, 5, 6, 7, 8] [0, 1, 2]\n");
}

// --- Texts

TEST_F(Control, StatsAreExact) {
  EXPECT_EQ(fs.ok("python3 -m json.tool .ctl/stats.json | head -c 1"), "{");
  python(
      R"(
a = stats()
f = os.open('protected/0', os.O_RDWR); os.pwrite(f, b'x', 0)
g = os.open('protected/1', os.O_RDWR); os.pwrite(g, b'x', 0)
os.unlink('pages/3'); os.mkdir('alloc/protected/2@z'); b = stats()
os.fsync(f); os.rmdir('alloc/protected/2@z'); c = stats()
print({k: v for k, v in a.items() if k not in ('commits', 'groups', 'flushes', 'generation')})
print({k: b[k] - a[k] for k in a if b[k] != a[k]})
print({k: c[k] - b[k] for k in a if c[k] != b[k]})
free = os.statvfs('.').f_bfree
print(free == c['capacity_pages'] - c['total_pages'] + c['free_pages'])
)",
      "{'schema_version': 1, 'page_size': 4096, 'total_pages': 32, 'free_pages': 15, "
      "'capacity_pages': 32544, 'allocated_pages': 6, 'protected_pages': 3, 'open_stages': 0, "
      "'receipts': 2}\n"
      "{'free_pages': -3, 'allocated_pages': -1, 'protected_pages': 2, "
      "'generation': 2, 'commits': 2, 'groups': 2, 'flushes': 4, 'open_stages': 2, 'receipts': 1}\n"
      "{'generation': 1, 'commits': 1, 'groups': 1, 'flushes': 2, 'open_stages': -1, "
      "'receipts': -1}\n"
      "True\n");
  const std::string told = fs.ok("cat .ctl/stats.json");
  fs.unmount();
  const auto info = test::run({MAPPEDPAGES, "info", "--json", fs.db().string()}).out;
  fs.mount({"-o", "ro"});
  python("ours = json.loads('''" + told + "'''); theirs = json.loads('''" + info +
             "''')\n"
             "print({k for k in ours if k in theirs and ours[k] != theirs[k]})\n"
             "print(sorted(k for k in ours if k in theirs))\n",
         "set()\n['allocated_pages', 'capacity_pages', 'free_pages', 'generation', 'page_size', "
         "'protected_pages', 'schema_version', 'total_pages']\n");
}

TEST_F(Control, FactsOfPagesAreThoseOfTheFile) {
  python(R"(
for n in range(3): put('protected/%d' % n, os.urandom(P))
put('protected/1', b'again'); put('pages/5', b'here'); command('sync')
f = open('pages/4'); db = open('../db', 'rb').read()
print(open('.ctl/pages/5').read(), facts('pages/4')['pinned'])
at = int(facts('pages/5')['offset']); print(db[at:at + 4])
for n in range(3):
  content = open('protected/%d' % n, 'rb').read(); told = facts('protected/%d' % n)
  assert int(told['crc32'], 16) == zlib.crc32(content) and len(told['crc32']) == 8, told
  active = int(told['page_a' if told['active_slot'] == '0' else 'page_b']) * P
  assert db[active:active + P] == content and told['staged'] == 'no', told
print(list(told))
)",
         "number=5\noffset=20480\npinned=no\n yes\nb'here'\n"
         "['generation', 'crc32', 'active_slot', 'page_a', 'page_b', 'staged']\n");
  const std::string told =
      fs.ok("for n in 0 1 2; do xargs < .ctl/protected/$n | cut -d' ' -f1-3; done");
  fs.unmount();
  const auto list = test::run({MAPPEDPAGES, "ls", "--json", "--crc", fs.db().string()}).out;
  fs.mount({"-o", "ro"});
  python("for p in json.loads('''" + list +
             "''')['protected']: print('generation=%(generation)d crc32=%(crc32)s "
             "active_slot=%(active_slot)d' % p)\n",
         told + "\n");
}

TEST_F(Control, ListsWhatPagesAndProtectedList) {
  fs.ok("touch pages/name protected/.name pages/100; rm pages/4 protected/1");
  EXPECT_EQ(fs.ok("ls -v .ctl/pages | xargs; ls .ctl/protected | xargs"), "3 5 6 7 8 100\n0 2");
  EXPECT_EQ(fs.ok("ls .ctl"), "command\nlast_error\npages\nprotected\nstats.json");
  for (const char* const name :
       {"pages/4", "pages/0", "pages/03", "pages/name", "protected/1", "x"}) {
    EXPECT_NE(fs.sh(std::string("cat .ctl/") + name).err.find("No such file"), std::string::npos);
  }
  fs.ok("mkdir alloc/pages/300@x");
  EXPECT_EQ(fs.ok("ls -l .ctl/pages | tail -n +2 | wc -l; cat .ctl/pages/* | grep -c offset="),
            "306\n306");
}

TEST_F(Control, OneReaderSeesOneText) {
  python(R"(
f = open('.ctl/stats.json', 'rb', buffering=0); first = f.read(40)
g = open('.ctl/pages/3'); e = open('.ctl/last_error'); before = open('.ctl/stats.json', 'rb').read()
err(os.mkdir, 'x'); command('free 3'); links = os.fstat(g.fileno()).st_nlink; os.mkdir('alloc/pages/500@x')
rest = b''.join(iter(lambda: f.read(7), b''))
print(first + rest == before, g.read().split()[0], links, repr(e.read()))
print(json.loads(before)['allocated_pages'], stats()['allocated_pages'])
)",
         "True number=3 0 ''\n6 505\n");
}

// Everything that a whole tree is read with.
TEST_F(Control, ProgramsReadItLikeOtherFiles) {
  fs.ok("mkdir pages/x 2>../error || true");
  const std::string stats = fs.ok("cat .ctl/stats.json");
  for (const char* const line :
       {"cp .ctl/stats.json ../s; cat ../s", "cp -r .ctl ../c; cat ../c/stats.json",
        "dd if=.ctl/stats.json bs=7 status=none", "head -c 10000 .ctl/stats.json",
        "tail -n +1 .ctl/stats.json", "tar c .ctl | tar xO .ctl/stats.json",
        "rsync -r .ctl/ ../r; cat ../r/stats.json",
        "python3 -c \"print(open('.ctl/stats.json').read())\"",
        "python3 -c \"import shutil; shutil.copy('.ctl/stats.json', '../p')\"; cat ../p",
        "python3 -c \"import mmap; f = open('.ctl/stats.json'); "
        "print(mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)[:].decode())\""}) {
    EXPECT_EQ(fs.ok(line), stats) << line;
  }
  EXPECT_EQ(fs.ok("wc -c < .ctl/stats.json"), fs.ok("cat .ctl/stats.json | wc -c"));
  EXPECT_EQ(fs.ok("stat -c %s .ctl/stats.json"), fs.ok("cat .ctl/stats.json | wc -c"));
  EXPECT_EQ(fs.ok("grep -l page_size -r ."), "./.ctl/stats.json");
  EXPECT_EQ(fs.ok("grep -c pinned=no .ctl/pages/*").size(),
            std::string(".ctl/pages/3:1\n").size() * 6 - 1);
  fs.ok("tar c . | tar t > /dev/null; cp -r . ../whole; find . -type f -exec cat {} + > /dev/null");
  EXPECT_EQ(fs.ok("ls pages protected | xargs; diff -r .ctl ../whole/.ctl && echo same"),
            "pages: 3 4 5 6 7 8 protected: 0 1 2\nsame")
      << "reading changed nothing";
}

TEST_F(Control, NothingIsMadeOrRemovedThere) {
  python(
      R"(
for d in '.ctl', '.ctl/pages', '.ctl/protected':
  print(err(os.mkdir, d + '/x'), err(os.mknod, d + '/x'), err(os.symlink, 'a', d + '/x'), err(os.rmdir, d),
        err(os.open, d + '/9', os.O_CREAT | os.O_WRONLY), err(os.rename, 'pages/3', d + '/x'))
for f in '.ctl/command', '.ctl/last_error', '.ctl/stats.json', '.ctl/pages/3', '.ctl/protected/0':
  print(err(os.unlink, f), err(os.rename, f, 'pages/x'), err(os.link, f, 'pages/y'), err(os.rename, f, f + 'x'),
        f == '.ctl/command' or (err(os.open, f, os.O_WRONLY), err(os.truncate, f, 0)) == ('EPERM', 'EPERM'))
)",
      "EPERM EPERM EPERM EPERM EPERM EPERM\nEPERM EPERM EPERM EPERM EPERM EPERM\n"
      "EPERM EPERM EPERM EPERM EPERM EPERM\n"
      "EPERM EPERM EPERM EPERM True\nEPERM EPERM EPERM EPERM True\nEPERM EPERM EPERM EPERM True\n"
      "EPERM EPERM EPERM EPERM True\nEPERM EPERM EPERM EPERM True\n");
}

TEST_F(Control, PermissionsAreThoseOfTheMountWithoutWhatMakesNoSense) {
  const char* const modes = "stat -c '%a %n' .ctl .ctl/* .ctl/pages/3 | tr '\\n' ' '";
  EXPECT_EQ(fs.ok(modes),
            "500 .ctl 200 .ctl/command 400 .ctl/last_error 500 .ctl/pages 500 .ctl/protected "
            "400 .ctl/stats.json 400 .ctl/pages/3 ");
  fs.unmount();
  fs.mount({"-o", "uid=1234,gid=99,umask=022"});
  EXPECT_EQ(fs.ok(modes),
            "555 .ctl 200 .ctl/command 444 .ctl/last_error 555 .ctl/pages 555 .ctl/protected "
            "444 .ctl/stats.json 444 .ctl/pages/3 ");
  EXPECT_EQ(fs.ok("stat -c '%u %g' .ctl/command"), "1234 99");
}

}  // namespace
}  // namespace mappedpages
