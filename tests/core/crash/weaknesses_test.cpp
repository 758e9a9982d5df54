// Weaknesses of the Rust crate that are about crashes, each by name: what the crate's writes can
// leave by the crate's own rules, and that ours leave nothing of the kind.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "campaign.hpp"
#include "support/recording_file.hpp"

namespace mappedpages::test {
namespace {

constexpr std::size_t kPage = 1024;

/// What the crate's users find after each power cut in one call of the crate.
class CrashesOfTheCrate final : private DiskObserver, private CrateListener {
 public:
  explicit CrashesOfTheCrate(const std::function<void(CrateWriter&)>& call)
      : disk_(crate_base(kPage, 6, 4).image) {
    const CrashImage image(disk_.cache(), disk_.cache().size());
    auto state = crate_open(image, kPage);
    if (!state) return;
    CrateWriter crate(disk_, *std::move(state), *this);
    before_ = crate.state().view();
    disk_.observe(this);
    call(crate);
    after_ = crate.state().view();
  }

  /// Images that the crate does not open.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

  /// Images that it opens with neither the state before the call nor the one after it.
  [[nodiscard]] std::uint64_t wrong() const {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        views_, [this](const FileView& view) { return view != before_ && view != after_; }));
  }

 private:
  void may_become(const FileView&) override {}
  void has_become(const FileView&) override {}
  void syncing() override {
    PowerCuts(disk_, random_, {}).visit([this](const CrashImage& image, std::uint64_t) {
      if (const auto state = crate_open(image, kPage)) {
        views_.push_back(state->view());
      } else {
        ++refused_;
      }
      return true;
    });
  }

  Disk disk_;
  Random random_{1};
  FileView before_;
  FileView after_;
  std::vector<FileView> views_;
  std::uint64_t refused_ = 0;
};

/// Every crash of a session of ours that makes one change, on files of both writers, and some of
/// the crashes that follow.
Outcome crashes_of_ours(const Change& change) {
  Campaign campaign;
  campaign.options.sessions = 1;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.options.longest_session = 1000;
  campaign.options.look_at_kill = 1;
  campaign.options.nested = .01;
  campaign.options.script = {change};
  campaign.options.cuts.exhaustive = 4096;
  campaign.bases = {our_base(kPage, 6, 4), crate_base(kPage, 6, 4), our_base(kPage, 33, 0),
                    planted_base(kPage, 3)};
  campaign.lives = campaign.bases.size();
  return run_as_given(campaign);
}

TEST(WeaknessOfTheCrate, TornPage0) {
  const CrashesOfTheCrate crate([](CrateWriter& writer) {
    writer.write_protected(2, std::vector<std::byte>(kPage, std::byte{1}));
  });
  EXPECT_GT(crate.refused(), 0U);
  static const std::vector<std::byte> kContent(kPage, std::byte{1});
  Change change;
  change.writes = {{ProtectedNumber{2}, kContent}};
  const Outcome ours = crashes_of_ours(change);
  EXPECT_FALSE(ours.violation) << ours.report();
}

TEST(WeaknessOfTheCrate, GhostPagesAfterACrashInAllocOfAProtectedPage) {
  const CrashesOfTheCrate crate([](CrateWriter& writer) { writer.alloc_protected(); });
  EXPECT_GT(crate.wrong(), 0U);
  Change change;
  change.alloc_protected = PageCount{1};
  const Outcome ours = crashes_of_ours(change);
  EXPECT_FALSE(ours.violation) << ours.report();
}

TEST(WeaknessOfTheCrate, GhostPagesAfterACrashInFreeOfAProtectedPage) {
  const CrashesOfTheCrate crate([](CrateWriter& writer) { writer.free_protected(3); });
  EXPECT_GT(crate.wrong(), 0U);
  Change change;
  change.free_protected = {ProtectedNumber{3}};
  const Outcome ours = crashes_of_ours(change);
  EXPECT_FALSE(ours.violation) << ours.report();
}

TEST(WeaknessOfTheCrate, ReusedPagesLeakOldBytes) {
  Base base = planted_base(kPage, 3);
  Disk disk(base.image);
  const CrashImage image(disk.cache(), disk.cache().size());
  auto state = crate_open(image, kPage);
  ASSERT_TRUE(state) << state.error();
  class Nobody final : public CrateListener {
    void may_become(const FileView&) override {}
    void has_become(const FileView&) override {}
  } nobody;
  const FileView before = state->view();
  CrateWriter crate(disk, *std::move(state), nobody);
  ASSERT_TRUE(crate.alloc());
  const FileView after = crate.state().view();
  ASSERT_EQ(after.regular.size(), before.regular.size() + 1);
  const std::vector<std::byte> zeros(kPage);
  const auto leaked = disk.cache().subspan(after.regular.back() * kPage, kPage);
  EXPECT_NE(crc_of(leaked), crc_of(zeros));
  Change change;
  change.alloc_pages = PageCount{3};
  change.alloc_protected = PageCount{1};
  const Outcome ours = crashes_of_ours(change);  // The oracle reads every new page.
  EXPECT_FALSE(ours.violation) << ours.report();
}

TEST(WeaknessOfTheCrate, MemoryAndDiskDifferAfterAFailedFlush) {
  const auto disk = std::make_shared<Disk>(our_base(kPage, 6, 4).image);
  auto engine = Engine::open(std::make_unique<RecordingFile>(disk), {});
  ASSERT_TRUE(engine);
  const auto before = read_view(**engine, {});
  ASSERT_TRUE(before) << before.error();
  Random random(1);
  disk->fail_flushes(1, &random);
  EXPECT_FALSE((*engine)->alloc_protected());
  EXPECT_TRUE((*engine)->latched());
  EXPECT_EQ(read_view(**engine, {}), before) << "what is served is what was acknowledged";
  const auto refused = (*engine)->alloc();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::Unavailable);
  engine->reset();
  EXPECT_EQ(disk->flushes_after_failure(), 0U) << "a flush is never retried";
  disk->cut({}, true);
  auto again = Engine::open(std::make_unique<RecordingFile>(disk), {});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(read_view(**again, {}), before);
}

/// Of the crate's regular pages nobody can say when they are durable. Of ours everybody: what was
/// written and flushed is there, whatever the disk did with the rest.
TEST(WeaknessOfTheCrate, RegularPagesHaveNoFlushCall) {
  const auto disk = std::make_shared<Disk>(our_base(kPage, 1, 0).image);
  const std::vector<std::byte> bytes(kPage, std::byte{6});
  PageNumber flushed;
  PageNumber written;
  {
    const auto engine = Engine::open(std::make_unique<RecordingFile>(disk), {});
    ASSERT_TRUE(engine);
    flushed = *(*engine)->alloc();
    written = *(*engine)->alloc();
    ASSERT_TRUE((*engine)->write(flushed, 0, bytes));
    EXPECT_FALSE(disk->pending().empty());
    ASSERT_TRUE((*engine)->flush(flushed));
    EXPECT_TRUE(disk->pending().empty());
    ASSERT_TRUE((*engine)->write(written, 0, bytes));
    disk->cut({}, true);  // Before the engine can close, which flushes.
  }
  const auto engine = Engine::open(std::make_unique<RecordingFile>(disk), {});
  ASSERT_TRUE(engine);
  std::vector<std::byte> found(kPage);
  ASSERT_TRUE((*engine)->read(flushed, 0, found));
  EXPECT_EQ(found, bytes);
  ASSERT_TRUE((*engine)->read(written, 0, found));
  EXPECT_NE(found, bytes) << "this disk loses what is not flushed";
}

}  // namespace
}  // namespace mappedpages::test
