// fio writes pages in many ways and verifies what it reads back by checksums of its own.
#include <algorithm>
#include <array>
#include <sstream>

#include "e2e/mounted_fs.hpp"
#include "e2e/storm/calls.hpp"
#include "e2e/storm/lives.hpp"
#include "support/random.hpp"

namespace mappedpages::test::storm {
namespace {

constexpr int kJobsAtOnce = 6;

/// One job of fio's on one page. Jobs of one run go on at the same time.
std::string job(const Tree& tree, Kind kind, std::uint64_t page, std::size_t page_size, int number,
                Random& random) {
  // Not the mixed ones: their reads of what an earlier loop wrote fail on any filesystem.
  constexpr std::array kPatterns{"write", "randwrite"};
  constexpr std::array kEngines{"psync", "sync", "pvsync", "mmap", "psync"};
  constexpr std::array kBlocks{512, 1024, 4096};
  constexpr std::size_t kSmallestMapped = 4096;
  std::string engine = kind == Kind::Protected ? "psync" : random.pick(kEngines);
  if (engine == "mmap" && page_size < kSmallestMapped) engine = "sync";
  const std::size_t block =
      engine == "mmap" ? kSmallestMapped
                       : std::min(page_size, static_cast<std::size_t>(random.pick(kBlocks)));
  std::ostringstream text;
  text << "[job" << number << "]\nfilename=" << tree.page(kind, page) << "\nsize=" << page_size
       << "\nbs=" << block << "\nrw=" << random.pick(kPatterns) << "\nioengine=" << engine
       << "\nrandseed=" << random.below(1U << 30U) << "\nloops=" << random.between(3, 10) << '\n';
  if (engine != "mmap" && random.chance(.5)) text << "direct=1\n";
  if (random.chance(.3)) text << "fsync=" << random.between(1, 16) << '\n';
  if (random.chance(.3)) text << "verify_backlog=" << random.between(1, 8) << '\n';
  return text.str();
}

}  // namespace

void live_through_fio(std::uint64_t seed, Outcome& outcome) {
  Random random(seed);
  MountedFs fs;
  const Tree tree(fs.mountpoint());
  const std::size_t page_size = page_size_of(seed);
  if (!mounted(fs, {"--create=" + std::to_string(page_size)}, outcome)) return;
  std::ostringstream jobs;
  jobs << "[global]\nverify=crc32c\nverify_fatal=1\ndo_verify=1\nverify_state_save=0\n"
          "allow_file_create=0\noverwrite=1\ngroup_reporting=1\n";
  int number = 0;
  for (const Kind kind : {Kind::Regular, Kind::Protected}) {
    const std::string receipt = tree.receipt(kind, std::to_string(kJobsAtOnce / 2) + "@fio");
    if (make_directory(receipt) != 0) return outcome.violate("mkdir does not work");
    for (const std::uint64_t page : list_numbers(receipt).value) {
      jobs << job(tree, kind, page, page_size, number++, random);
    }
  }
  const Ran ran = shell("fio --output-format=terse - <<'E'\n" + jobs.str() + "E\n", fs.directory());
  if (ran.code != 0) outcome.violate("fio: " + ran.err + ran.out + "\n" + jobs.str());
  outcome.count("fio_jobs", static_cast<std::uint64_t>(number));
  fs.unmount();
  const Ran checked = run({MAPPEDPAGES, "check", fs.db().string()});
  if (checked.code != 0) outcome.violate("check: " + checked.out + checked.err);
}

}  // namespace mappedpages::test::storm
