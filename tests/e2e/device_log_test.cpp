// A second, independent look at the device: what arrives there, counted and in its order, is what
// the engine counts and what core/FORMAT.md, "Commit", says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/little_endian.hpp"
#include "e2e/faulty_mount.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::test {
namespace {

using Log = std::vector<DeviceCall>;

std::uint64_t flushes_in(const Log& log) {
  return static_cast<std::uint64_t>(std::ranges::count_if(log, &DeviceCall::flushes));
}

/// Pages that the committed state needs, but for page 0 and regular ones. By FORMAT.md alone.
std::set<std::uint64_t> pages_in_force(std::span<const std::byte> image) {
  constexpr std::size_t kPage = FaultyMount::kPage;
  std::set<std::uint64_t> pages{1 + std::to_integer<std::uint64_t>(image[12])};
  const auto blocks = load_le<std::uint32_t>(image, 20);
  for (std::size_t reference = 24; reference < 24 + 17 * blocks; reference += 17) {
    const bool second = image[reference + 16] != std::byte{0};
    const auto directory = load_le<std::uint64_t>(image, reference + (second ? 8 : 0));
    pages.insert(directory);
    const auto page = image.subspan(directory * kPage, kPage);
    const auto slots = load_le<std::uint32_t>(page, 0);
    for (std::size_t entry = 8; entry < 8 + 30 * slots; entry += 30) {
      if (page[entry] == std::byte{0}) continue;
      const bool copy_b = page[entry + 17] != std::byte{0};
      pages.insert(load_le<std::uint64_t>(page, entry + (copy_b ? 9 : 1)));
    }
  }
  return pages;
}

/// A commit: everything else is written and flushed, and then page 0, in one call that flushes it.
void expect_commit_order(const Log& log, const std::set<std::uint64_t>& in_force) {
  std::vector<FileCall> flushes;
  for (const DeviceCall& call : log) {
    if (call.call == FileCall::Read) continue;
    if (call.flushes()) flushes.push_back(call.call);
    if (call.call == FileCall::Write || call.call == FileCall::Reserve) {
      EXPECT_TRUE(flushes.empty()) << "a " << name_of(call.call) << " behind a flush";
    }
    if (call.call == FileCall::WriteAndSync) {
      EXPECT_EQ(call.offset, 0U);
      EXPECT_EQ(call.size, FaultyMount::kPage);
    }
    if (call.call != FileCall::Write) continue;
    EXPECT_NE(call.offset, 0U) << "page 0 is written before what it names";
    for (std::uint64_t at = call.offset; at < call.offset + call.size; at += FaultyMount::kPage) {
      EXPECT_FALSE(in_force.contains(at / FaultyMount::kPage))
          << "page " << at / FaultyMount::kPage << " is in force and overwritten";
    }
  }
  EXPECT_EQ(flushes, (std::vector{FileCall::Sync, FileCall::WriteAndSync}));
}

/// Three flushes: page 0 as it was found, in one call that flushes it, then a commit.
void expect_opening_order(Log log, const std::set<std::uint64_t>& in_force) {
  const auto first = std::ranges::find_if(log, &DeviceCall::flushes);
  ASSERT_NE(first, log.end());
  EXPECT_EQ(first->call, FileCall::WriteAndSync);
  EXPECT_EQ(first->offset, 0U);
  for (auto call = log.begin(); call != first; ++call) EXPECT_NE(call->call, FileCall::Write);
  log.erase(log.begin(), first + 1);
  expect_commit_order(log, in_force);
}

class DeviceLog : public FaultyMount {
 protected:
  /// What each operation through the mount costs.
  static std::uint64_t flushes_of(const MountOperation& operation) {
    if (!operation.changes || operation.name == "truncate pages/4") return 0;
    return operation.unsettles.empty() ? 2 : 1;
  }
};

TEST_F(DeviceLog, EachOperationThroughTheMountFlushesAsOftenAsItMust) {
  const auto at_first = pages_in_force(disk->cache());
  mount_base();
  expect_opening_order(device->take_record(), at_first);
  for (const MountOperation& operation : mount_operations()) {
    SCOPED_TRACE(operation.name);
    const auto in_force = pages_in_force(disk->cache());
    ASSERT_EQ(operation.run(fs.mountpoint()), 0);
    const Log log = device->take_record();
    const std::uint64_t flushes = flushes_of(operation);
    EXPECT_EQ(flushes_in(log), flushes);
    if (flushes == 2) expect_commit_order(log, in_force);
    EXPECT_TRUE(flushes != 1 || log.back().call == FileCall::Sync) << "before what it is for";
    ASSERT_EQ(shell("rmdir alloc/*/*", fs.mountpoint()).code,
              operation.name.starts_with("alloc") ? 0 : 1);
    EXPECT_EQ(flushes_in(device->take_record()), 0U) << "a receipt is not on the device";
  }
  ASSERT_EQ(mount_operations()[10].run(fs.mountpoint()), 0);
  (void)device->take_record();
  fs.unmount();
  EXPECT_EQ(flushes_in(device->take_record()), 0U) << "nothing was left to flush";
}

TEST_F(DeviceLog, UnmountingFlushesWhatNobodyDid) {
  mount_base();
  fs.ok("printf later | dd of=pages/3 conv=notrunc status=none");
  (void)device->take_record();
  fs.unmount();
  const Log log = device->take_record();
  EXPECT_EQ(flushes_in(log), 1U);
  EXPECT_EQ(disk->pending().size(), 0U);
}

TEST_F(DeviceLog, NosyncFlushesNothing) {
  fs.mount({"-o", "nosync"});
  fs.ok("mkdir alloc/pages/x; printf a | dd of=pages/3 conv=notrunc,fsync status=none");
  fs.unmount();
  EXPECT_EQ(flushes_in(device->take_record()), 0U);
}

/// The engine in this process, through the same file: its own count is the device's.
TEST_F(DeviceLog, TheEngineCountsWhatTheDeviceSees) {
  auto engine = *Engine::open(fs.db());
  std::uint64_t seen = flushes_in(device->take_record());
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(engine->stats().flushes, seen);
  const std::vector<std::byte> bytes(kPage, std::byte{1});
  const PageNumber page{3};
  const auto expect = [&](const char* what, std::uint64_t flushes, const auto& call) {
    SCOPED_TRACE(what);
    const auto in_force = pages_in_force(disk->cache());
    const std::uint64_t groups = engine->stats().groups;
    ASSERT_TRUE(call());
    const Log log = device->take_record();
    EXPECT_EQ(flushes_in(log), flushes);
    seen += flushes_in(log);
    EXPECT_EQ(engine->stats().flushes, seen) << "the engine counts another number";
    if (engine->stats().groups == groups + 1) expect_commit_order(log, in_force);
  };
  expect("alloc", 2, [&] { return engine->alloc(); });
  expect("growth", 2, [&] { return engine->alloc_bulk(PageCount{40}); });
  expect("free", 2, [&] { return engine->free(PageNumber{5}); });
  expect("a block of protected pages", 2,
         [&] { return engine->alloc_protected_bulk(PageCount{150}); });
  expect("commit", 2, [&] {
    return engine->commit({.writes = {{ProtectedNumber{0}, bytes}, {ProtectedNumber{140}, bytes}}});
  });
  expect("batch", 2, [&] {
    Batch batch = engine->batch();
    EXPECT_TRUE(batch.alloc() && batch.free(PageNumber{4}));
    EXPECT_TRUE(batch.write(ProtectedNumber{1}, bytes));
    return batch.commit();
  });
  expect("async", 2, [&] { return engine->alloc_protected_async().get(); });
  expect("write", 0, [&] { return engine->write(page, 0, bytes); });
  expect("flush", 1, [&] { return engine->flush(page); });
  expect("flush of nothing", 0, [&] { return engine->flush_all(); });
  expect("an empty change", 0, [&] { return engine->commit({}); });
  expect("gaps", 2, [&] {
    std::vector<PageNumber> pages;
    for (const PageNumber one : engine->pages()) {
      if (one != page) pages.push_back(one);
    }
    return engine->free_bulk(pages);
  });
  expect("defragment", 2, [&] { return engine->defragment(); });
  expect("refused", 0, [&] { return !engine->free(PageNumber{5}); });
  expect("close", 0, [&] { return engine->close(); });
}

/// What a shared mapping would do behind the engine's back: this file cannot have one.
TEST_F(DeviceLog, TheFileBelowRefusesSharedMappings) {
  auto engine = *Engine::open(fs.db());
  EXPECT_EQ(engine->view_mut(PageNumber{3}).error().os_error(), ENODEV);
  EXPECT_FALSE(engine->latched());
}

}  // namespace
}  // namespace mappedpages::test
