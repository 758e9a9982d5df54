// Stages: SEMANTICS "Protected pages", rule by rule.
#include "fs/open_protected.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "fs/tree_fixture.hpp"

namespace mappedpages::fs {
namespace {

constexpr ProtectedNumber kPage{0};

FlushFrom living() {
  return FlushFrom::LivingProcess;
}
FlushFrom dying() {
  return FlushFrom::DyingProcess;
}

class OpenProtectedTest : public TreeTest {
 protected:
  void SetUp() override {
    TreeTest::SetUp();
    ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "a"));
    const auto first = file(kPage, O_WRONLY);
    ASSERT_TRUE(first->write(0, bytes("old bytes")));
    ASSERT_TRUE(first->flush(living));
    tree->release(handles.back());
  }
  static int error(const Done& done) { return done ? 0 : done.error().value; }
};

TEST_F(OpenProtectedTest, CommitsAtTheCloseOfADescriptorThatWrote) {
  const auto f = file(kPage, O_RDWR);
  ASSERT_TRUE(f->write(0, bytes("new")));
  EXPECT_EQ(committed(kPage, 9), "old bytes");
  EXPECT_EQ(text(f->read(0, 9)), "new bytes");
  EXPECT_EQ(text(file(kPage, O_RDONLY)->read(0, 9)), "old bytes");
  ASSERT_TRUE(f->flush(living));
  EXPECT_EQ(committed(kPage, 9), "new bytes");
}

TEST_F(OpenProtectedTest, AReaderSeesLaterCommits) {
  const auto reader = file(kPage, O_RDONLY);
  EXPECT_EQ(text(reader->read(0, 3)), "old");
  ASSERT_TRUE(tree->truncate(kPage, 0));
  EXPECT_EQ(text(reader->read(0, 3)), std::string(3, '\0'));
}

TEST_F(OpenProtectedTest, ClosingWithoutWritingCommitsNothing) {
  const std::uint64_t before = engine->info(kPage)->generation;
  const auto f = file(kPage, O_RDWR);
  EXPECT_TRUE(f->flush(living));
  EXPECT_TRUE(f->sync());
  tree->release(handles.back());
  EXPECT_EQ(engine->info(kPage)->generation, before);
}

TEST_F(OpenProtectedTest, EbusyIsForTheSecondAndDoesNotPoison) {
  const auto f = file(kPage, O_RDWR);
  const auto g = file(kPage, O_RDWR);
  ASSERT_TRUE(f->write(0, bytes("F")));
  EXPECT_EQ(error(g->write(0, bytes("G"))), EBUSY);
  EXPECT_EQ(error(g->truncate(0)), EBUSY);
  EXPECT_EQ(error(tree->truncate(kPage, 0)), EBUSY);
  EXPECT_EQ(tree->open(kPage, O_WRONLY | O_TRUNC).error().value, EBUSY);
  EXPECT_EQ(error(g->flush(living)), 0);
  ASSERT_TRUE(f->sync());
  EXPECT_EQ(error(g->write(1, bytes("G"))), 0);
}

TEST_F(OpenProtectedTest, AFailedWritePoisons) {
  const auto f = file(kPage, O_RDWR);
  ASSERT_TRUE(f->write(0, bytes("new")));
  EXPECT_EQ(error(f->write(kP - 1, bytes("xx"))), EFBIG);
  EXPECT_EQ(error(f->write(0, bytes("x"))), EIO);
  EXPECT_EQ(error(f->sync()), EIO);
  EXPECT_EQ(error(f->flush(living)), EIO);
  EXPECT_EQ(error(file(kPage, O_RDWR)->write(0, bytes("g"))), 0) << "the page is free for others";
  tree->release(handles[handles.size() - 2]);
  EXPECT_EQ(committed(kPage, 9), "old bytes");
}

TEST_F(OpenProtectedTest, TruncatingAtOpenWaitsForAWriteOrTheLastClose) {
  const auto f = file(kPage, O_WRONLY | O_TRUNC);
  ASSERT_TRUE(f->flush(living));  // A shell closes its duplicate.
  EXPECT_EQ(committed(kPage, 9), "old bytes");
  ASSERT_TRUE(f->write(0, bytes("n")));
  ASSERT_TRUE(f->flush(living));
  EXPECT_EQ(committed(kPage, 3), std::string("n\0\0", 3));
  file(kPage, O_WRONLY | O_TRUNC);
  tree->release(handles.back());
  EXPECT_EQ(committed(kPage, 1), std::string(1, '\0'));
}

TEST_F(OpenProtectedTest, TruncatingAtOpenIsCommittedByFsync) {
  ASSERT_TRUE(file(kPage, O_WRONLY | O_TRUNC)->sync());
  EXPECT_EQ(committed(kPage, 1), std::string(1, '\0'));
}

TEST_F(OpenProtectedTest, ADyingProcessCommitsNothing) {
  const auto f = file(kPage, O_WRONLY);
  ASSERT_TRUE(f->write(0, bytes("half")));
  ASSERT_TRUE(f->flush(dying));
  tree->release(handles.back());
  EXPECT_EQ(committed(kPage, 9), "old bytes");
  const auto g = file(kPage, O_WRONLY | O_TRUNC);
  ASSERT_TRUE(g->flush(dying));
  tree->release(handles.back());
  EXPECT_EQ(committed(kPage, 9), "old bytes");
}

TEST_F(OpenProtectedTest, AnotherHolderOfADeadWritersDescriptorMayCommit) {
  const auto f = file(kPage, O_WRONLY);
  ASSERT_TRUE(f->write(0, bytes("half")));
  ASSERT_TRUE(f->flush(dying));
  ASSERT_TRUE(f->flush(living));
  EXPECT_EQ(committed(kPage, 9), "halfbytes");
}

TEST_F(OpenProtectedTest, CommitOnFsyncDropsAtTheLastClose) {
  open({.no_sync = true}, CommitOn::Fsync);
  const auto f = file(kPage, O_WRONLY);
  ASSERT_TRUE(f->write(0, bytes("new")));
  ASSERT_TRUE(f->flush(living));
  tree->release(handles.back());
  file(kPage, O_WRONLY | O_TRUNC);
  tree->release(handles.back());
  EXPECT_EQ(committed(kPage, 9), "old bytes");
  const auto g = file(kPage, O_WRONLY);
  ASSERT_TRUE(g->write(0, bytes("new")));
  ASSERT_TRUE(g->sync());
  EXPECT_EQ(committed(kPage, 9), "new bytes");
}

TEST_F(OpenProtectedTest, SyncWritesCommitEach) {
  const auto f = file(kPage, O_WRONLY | O_DSYNC);
  ASSERT_TRUE(f->write(0, bytes("a")));
  EXPECT_EQ(committed(kPage, 2), "al");
  ASSERT_TRUE(f->write(1, bytes("b")));
  EXPECT_EQ(committed(kPage, 2), "ab");
}

TEST_F(OpenProtectedTest, FreedWhileAStageIsOpen) {
  const auto f = file(kPage, O_RDWR);
  ASSERT_TRUE(f->write(0, bytes("new")));
  ASSERT_TRUE(tree->remove(FixedDirectory::Protected, "0"));
  EXPECT_EQ(error(f->sync()), 0);
  EXPECT_EQ(error(f->write(3, bytes("-"))), 0);
  EXPECT_EQ(text(f->read(0, 9)), "new-bytes");
  EXPECT_EQ(error(f->flush(living)), 0);
  EXPECT_EQ(*engine->alloc_protected(), ProtectedNumber{1}) << "the number is not handed out";
  tree->release(handles.back());
  EXPECT_TRUE(names(FixedDirectory::Protected) == std::vector<std::string>{"1"});
}

TEST_F(OpenProtectedTest, AllocatingIsAWrite) {
  const auto f = file(kPage, O_RDWR);
  ASSERT_TRUE(f->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
  EXPECT_EQ(error(file(kPage, O_RDWR)->write(0, bytes("x"))), EBUSY);
  EXPECT_EQ(error(f->allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 512)), EOPNOTSUPP);
  EXPECT_EQ(error(f->allocate(0, 0, 0)), EINVAL);
  ASSERT_TRUE(f->flush(living));
  EXPECT_EQ(committed(kPage, 9), std::string("\0\0\0\0bytes", 9));
  EXPECT_EQ(error(f->allocate(0, 0, kP + 1)), EFBIG);
  EXPECT_EQ(error(f->sync()), EIO) << "poisoned";
}

TEST_F(OpenProtectedTest, ACommitKeepsTimesThatWereSetBehindTheWrite) {
  const auto mtime = [this] { return tree->get(ProtectedNumber{0})->attributes.st_mtim.tv_sec; };
  const auto writer = file(ProtectedNumber{0}, O_RDWR);
  ASSERT_TRUE(writer->write(0, bytes("abc")));
  ASSERT_TRUE(tree->change_attributes(ProtectedNumber{0}, {.mtime = timespec{1000, 0}}));
  ASSERT_TRUE(writer->flush([] { return FlushFrom::LivingProcess; }));
  EXPECT_EQ(mtime(), 1000);
  ASSERT_TRUE(writer->write(0, bytes("abc")));
  ASSERT_TRUE(writer->sync());
  EXPECT_NE(mtime(), 1000) << "they were set before this write";
}

}  // namespace
}  // namespace mappedpages::fs
