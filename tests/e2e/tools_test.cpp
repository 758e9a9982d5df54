// The programs that people use to make, replace and change files.
#include <gtest/gtest.h>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

class Tools : public test::MountedTest {
 protected:
  /// pages/3 and protected/0 hold "old"; ../new is a file of one whole page, ../short of a few
  /// bytes, on another filesystem.
  void SetUp() override {
    MountedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs.mount();
    fs.ok(
        "mkdir alloc/pages/x; mkdir alloc/protected/x; for f in pages/3 protected/0; do "
        "printf old > $f; done; head -c 4096 /dev/urandom > ../new; printf short > ../short");
  }
  [[nodiscard]] bool has(const std::string& program) const {
    return fs.sh("command -v " + program).code == 0;
  }

  /// What is in the page, without the zeros behind it.
  [[nodiscard]] std::string text_of(const std::string& page) const {
    return fs.ok("stat -c %s " + page + "; tr -d '\\0' < " + page + " | head -c 20");
  }

  /// Nothing is left but pages, and the file is sound.
  void leave_nothing(const std::string& pages, const std::string& protected_pages) {
    EXPECT_EQ(fs.ok("ls -A pages | sort -n | xargs"), pages);
    EXPECT_EQ(fs.ok("ls -A protected | sort -n | xargs"), protected_pages);
    fs.unmount();
    EXPECT_EQ(test::run({MAPPEDPAGES, "check", fs.db().string()}).code, 0);
  }
};

TEST_F(Tools, Mv) {
  fs.ok("cp ../new ../a; mv ../a pages/3; cmp ../new pages/3; [ ! -e ../a ]");
  fs.ok("cp ../new ../a; mv ../a protected/0; cmp ../new protected/0");
  fs.ok(
      "cp ../new ../a; mv ../a pages/90; cp ../new ../a; mv ../a protected/90; "
      "cmp ../new pages/90; cmp ../new protected/90");
  fs.ok(
      "cp ../short pages/t; mv pages/t protected/0; cp ../short pages/t; mv -n pages/t pages/91; "
      "cp ../new pages/t; mv -n pages/t pages/91; rm pages/t");
  EXPECT_EQ(text_of("protected/0"), "4096\nshort");
  EXPECT_EQ(text_of("pages/91"), "4096\nshort") << "-n replaces nothing";
  EXPECT_NE(fs.sh("mv pages/3 pages/92").code, 0);
  fs.ok("cmp ../new pages/3");
  leave_nothing("3 90 91", "0 90");
}

TEST_F(Tools, InstallAndCp) {
  fs.ok(
      "for f in pages/3 pages/90 protected/0 protected/90; do "
      "install -m 640 ../new $f; cmp ../new $f; [ $(stat -c %a $f) = 640 ]; done");
  fs.ok(
      "touch -d @1000 ../short; chmod 604 ../short; for f in pages/3 pages/91 protected/0 "
      "protected/91; do cp -a ../short $f; [ \"$(stat -c '%a %Y' $f)\" = '604 1000' ]; done");
  for (const char* page : {"pages/3", "pages/91", "protected/0", "protected/91"}) {
    EXPECT_EQ(text_of(page), "4096\nshort");
  }
  fs.ok(
      "cp -a ../short pages/t; stat -c '%s %a %Y' pages/t | grep -qx '5 604 1000'; "
      "cp --remove-destination ../new pages/3; cmp ../new pages/3; cp pages/t ../back; "
      "cmp ../short ../back; rm pages/t");
  EXPECT_NE(fs.sh("cp -b ../short pages/3").code, 0) << "a backup would be a rename of the page";
  fs.ok("cmp ../new pages/3");
  leave_nothing("3 90 91", "0 90 91");
}

TEST_F(Tools, Tar) {
  fs.ok(
      "mkdir -p ../in/pages ../in/protected; cd ../in; cp ../new pages/3; cp ../new pages/95; "
      "cp ../new protected/0; cp ../new protected/95; touch -d @1000 */*; chmod 640 */*; "
      "tar cf ../t.tar pages protected; tar xf ../t.tar -C ../m");
  fs.ok(
      "for f in pages/3 pages/95 protected/0 protected/95; do cmp ../new $f; "
      "[ \"$(stat -c '%a %Y' $f)\" = '640 1000' ]; done");
  const test::Ran diff = fs.sh("tar df ../t.tar");
  EXPECT_EQ(diff.code, 0) << diff.out << diff.err;
  fs.ok("tar cf ../u.tar pages protected; tar tf ../u.tar | xargs");
  leave_nothing("3 95", "0 95");
}

TEST_F(Tools, Rsync) {
  ASSERT_TRUE(has("rsync")) << "a package that scripts/test installs";
  fs.ok(
      "touch -d @1000 ../new; chmod 640 ../new; for f in pages/3 pages/90 protected/0 "
      "protected/90; do rsync -a ../new $f; cmp ../new $f; "
      "[ \"$(stat -c '%a %Y' $f)\" = '640 1000' ]; done");
  EXPECT_EQ(fs.ok("rsync -ai ../new pages/90"), "") << "nothing to do a second time";
  fs.ok("for f in pages/3 pages/91 protected/0 protected/91; do rsync --inplace ../short $f; done");
  for (const char* page : {"pages/3", "pages/91", "protected/0", "protected/91"}) {
    EXPECT_EQ(text_of(page), "4096\nshort");
  }
  fs.ok(
      "rsync --inplace --preallocate ../new pages/3; rsync --preallocate --fsync ../new pages/92; "
      "cmp ../new pages/3; cmp ../new pages/92; mkdir ../out; rsync -a pages protected ../out; "
      "cmp ../out/pages/3 pages/3; cmp ../out/protected/90 ../new");
  const test::Ran large = fs.sh("cat ../new ../short > ../large; rsync ../large pages/3");
  EXPECT_NE(large.code, 0);
  fs.ok("cmp ../new pages/3");
  leave_nothing("3 90 91 92", "0 90 91");
}

TEST_F(Tools, SedAndPerlInPlace) {
  for (const char* command :
       {"sed -i s/old/NEW/", "perl -pi -e s/old/NEW/", "sed -i.b s/old/NEW/"}) {
    for (const char* page : {"pages/3", "protected/0"}) {
      const std::string p = page;
      fs.ok("printf old > " + p);
      const test::Ran ran = fs.sh(std::string(command) + " " + p);
      // A backup under another name would be a rename of the page.
      const bool renames = std::string(command).find(".b") != std::string::npos;
      EXPECT_EQ(ran.code == 0, !renames) << command << ran.err;
      EXPECT_EQ(text_of(p), renames ? "4096\nold" : "4096\nNEW") << command;
    }
  }
  EXPECT_NE(fs.sh("sed -i s/old/longer/ pages/3").code, 0) << "it would not fit";
  EXPECT_EQ(text_of("pages/3"), "4096\nold");
  leave_nothing("3", "0");
}

TEST_F(Tools, TruncateTeeDdAndCat) {
  fs.ok("for f in pages/3 protected/0; do truncate -s 1 $f; done");
  EXPECT_EQ(text_of("pages/3"), "4096\no");
  EXPECT_EQ(text_of("protected/0"), "4096\no");
  fs.ok(
      "tee pages/3 pages/90 protected/0 protected/90 < ../new > /dev/null; for f in pages/3 "
      "pages/90 protected/0 protected/90; do cmp ../new $f; done");
  fs.ok(
      "echo one > pages/t; echo two >> pages/t; dd if=../short of=pages/t bs=1 seek=8 conv=notrunc "
      "status=none; tee -a pages/t < ../short > /dev/null");
  EXPECT_EQ(fs.ok("cat pages/t"), "one\ntwo\nshortshort");
  fs.ok("truncate -s 3 pages/t; mv pages/t protected/0");
  EXPECT_EQ(text_of("protected/0"), "4096\none");
  leave_nothing("3 90", "0 90");
}

TEST_F(Tools, Vim) {
  const std::string vim = has("vim.tiny") ? "vim.tiny" : "vim";
  ASSERT_TRUE(has(vim)) << "vim-tiny is a package that scripts/test installs";
  // It makes no backups in /tmp, and tests are there.
  const std::string edit = vim + " -N -es -u NONE -b -c 'set backupskip=' -c ";
  for (const char* page : {"pages/3", "protected/0"}) {
    const std::string p = page;
    fs.ok(edit + "'set nowritebackup' -c s/old/one/ -c wq " + p);
    EXPECT_EQ(text_of(p), "4096\none");
    fs.ok(edit + "'set backup backupcopy=yes' -c s/one/two/ -c wq " + p);
    EXPECT_EQ(text_of(p), "4096\ntwo");
    EXPECT_EQ(fs.ok("head -c 3 " + p + "~; rm " + p + "~"), "one");
    // Tries a file named 4913, and renames the page, which it replaces by a copy when it may not.
    fs.ok(edit + "'set backupcopy=auto' -c s/two/six/ -c wq " + p);
    EXPECT_EQ(text_of(p), "4096\nsix");
  }
  leave_nothing("3", "0");
}

TEST_F(Tools, Python) {
  const test::Ran ran = fs.sh(R"(python3 - <<'E'
import os, shutil, tempfile
new = open('../new', 'rb').read()
for d, old, free in (('pages', '3', '90'), ('protected', '0', '90')):
  for n in (old, free):
    p = d + '/' + n
    with tempfile.NamedTemporaryFile(dir=d, delete=False) as f: f.write(new); f.flush(); os.fsync(f)
    os.replace(f.name, p); assert open(p, 'rb').read() == new
    os.utime('../short', (1000, 1000)); shutil.copy2('../short', p)
    assert open(p, 'rb').read() == b'short'.ljust(4096, b'\0') and os.stat(p).st_mtime == 1000
    shutil.copyfile('../new', p); shutil.copy(p, '../back'); assert open('../back', 'rb').read() == new
    shutil.copyfile('../short', '../moved'); shutil.move('../moved', p)
    with open(p, 'r+b') as f: assert f.read(5) == b'short'; f.seek(0); f.write(b'SHORT')
    assert open(p, 'rb').read(6) == b'SHORT\0'
  with tempfile.TemporaryFile(dir=d) as f: f.write(b'x'); f.seek(0); assert f.read() == b'x'
  with open(d + '/text', 'w') as f: print('hello', file=f)
  os.replace(d + '/text', d + '/' + old); assert open(d + '/' + old).readline() == 'hello\n'
E)");
  EXPECT_EQ(ran.code, 0) << ran.err;
  leave_nothing("3 90", "0 90");
}

TEST_F(Tools, Node) {
  if (!has("node")) GTEST_SKIP() << "there is no node";
  const test::Ran ran = fs.sh(R"(node - <<'E'
const fs = require('fs/promises'), assert = require('assert');
(async () => {
  const fresh = await fs.readFile('../new');
  for (const [d, old, free] of [['pages', '3', '90'], ['protected', '0', '90']]) {
    for (const n of [old, free]) {
      const p = `${d}/${n}`;
      await fs.writeFile(d + '/.tmp', fresh); await fs.rename(d + '/.tmp', p);
      assert.deepEqual(await fs.readFile(p), fresh);
      await fs.copyFile('../short', p); assert.equal((await fs.readFile(p, 'latin1')).slice(0, 6), 'short\0');
      await fs.truncate(p, 2); const f = await fs.open(p, 'r+');
      await f.write('SH', 0); await f.sync(); await f.close();
      assert.equal((await fs.readFile(p, 'latin1')).slice(0, 3), 'SH\0');
      assert.equal((await fs.stat(p)).size, 4096);
    }
    await fs.appendFile(d + '/log', 'a'); await fs.appendFile(d + '/log', 'b');
    assert.equal(await fs.readFile(d + '/log', 'utf8'), 'ab'); await fs.rm(d + '/log');
    await assert.rejects(fs.rename(`${d}/${old}`, d + '/other'), { code: 'EPERM' });
  }
})().catch(e => { console.error(e); process.exit(1); });
E)");
  EXPECT_EQ(ran.code, 0) << ran.err;
  leave_nothing("3 90", "0 90");
}

}  // namespace
}  // namespace mappedpages
