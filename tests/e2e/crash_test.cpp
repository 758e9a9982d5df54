// kill -9 of the daemon under load: nothing that was acknowledged is lost.
#include <gtest/gtest.h>

#include <csignal>

#include "e2e/mounted_fs.hpp"

namespace mappedpages {
namespace {

/// Clients that write down what was acknowledged, in a file outside of the mount: each allocates a
/// protected page, commits numbered contents to it and frees some. They end when the mount dies.
constexpr const char* kClient = R"(
import os, sys
me, root = sys.argv[1], sys.argv[2]
ledger = open(f'{root}/ledger.{me}', 'a', buffering=1)
m = f'{root}/m'
version = 0
mine = []
try:
    while True:
        version += 1
        if len(mine) < 3:
            name = f'{m}/alloc/protected/{me}.{os.getpid()}.{version}'
            os.mkdir(name)
            page = os.listdir(name)[0]
            mine.append(page)
            ledger.write(f'has {page} 0\n')
        elif version % 10 == 0:
            page = mine.pop(0)
            ledger.write(f'frees {page}\n')
            os.unlink(f'{m}/protected/{page}')
            ledger.write(f'freed {page}\n')
        else:
            page = mine[version % len(mine)]
            text = f'{me} {version} '.encode()
            ledger.write(f'puts {page} {version}\n')
            f = os.open(f'{m}/protected/{page}', os.O_WRONLY)
            os.write(f, (text * 4096)[:4096])
            os.fsync(f)
            os.close(f)
            ledger.write(f'has {page} {version}\n')
except OSError:
    pass
)";

/// Compares what is mounted with what the ledgers say. A step that was running may have happened.
constexpr const char* kJudge = R"(
import glob, os, sys
root = sys.argv[1]
steps = 0
for path in glob.glob(f'{root}/ledger.*'):
    me = path.rsplit('.', 1)[1]
    pages, running = {}, None
    for line in open(path):
        steps += 1
        what, page, *rest = line.split()
        running = None
        if what == 'has': pages[page] = {int(rest[0])}
        elif what == 'puts': running = line; pages[page] = pages[page] | {int(rest[0])}
        elif what == 'frees': running = line; pages[page] = pages[page] | {'gone'}
        elif what == 'freed': del pages[page]
    for page, versions in pages.items():
        try: content = open(f'{root}/m/protected/{page}', 'rb').read()
        except FileNotFoundError:
            assert 'gone' in versions, f'{me}: page {page} is lost'
            continue
        fits = [v for v in versions if v != 'gone' and
                content == ((f'{me} {v} '.encode() * 4096)[:4096] if v else bytes(4096))]
        assert fits, f'{me}: page {page} has {content[:20]} and not {versions}'
    os.unlink(path)
    for page in pages:
        try: os.unlink(f'{root}/m/protected/{page}')
        except FileNotFoundError: pass
assert steps > 0
)";

class DaemonKilled : public test::MountedTest {};

TEST_F(DaemonKilled, LosesNothingThatWasAcknowledged) {
  constexpr int kRounds = 12;
  const std::string root = fs.directory().string();
  fs.mount();
  for (int round = 0; round < kRounds; ++round) {
    // Three clients; the kill comes when the first has done as many steps as the round says.
    const test::Ran clients =
        test::shell("for c in a b c; do python3 - $c . <<'E' &\n" + std::string(kClient) +
                        "E\ndone\nuntil [ -e ledger.a ] && [ $(wc -l < ledger.a) -ge " +
                        std::to_string(10 + 7 * round) + " ]; do :; done\nkill -9 " +
                        std::to_string(fs.pid()) + "\nwait",
                    fs.directory());
    ASSERT_EQ(clients.code, 0) << clients.err;
    fs.signal(0);  // Waits until it is gone.
    fs.forget_dead_mount();
    EXPECT_EQ(test::run({MAPPEDPAGES, "check", fs.db().string()}).code, 0);
    fs.mount({});
    const test::Ran judge = test::run({"python3", "-c", kJudge, root}, root);
    ASSERT_EQ(judge.code, 0) << "round " << round << "\n" << judge.err;
  }
}

}  // namespace
}  // namespace mappedpages
