// Receipts and attributes: what is kept in memory.
#include "fs/receipts.hpp"

#include <gtest/gtest.h>

#include "fs/attributes.hpp"

namespace mappedpages::fs {
namespace {

TEST(Receipts, ListWhatTheyWereGiven) {
  ReceiptTable table;
  const std::uint64_t receipt = *table.reserve("a");
  EXPECT_EQ(table.reserve("a").error().value, EEXIST);
  table.fill(receipt, {5, 3});
  EXPECT_EQ(table.find("a"), receipt);
  EXPECT_TRUE(table.lists(receipt, 3));
  EXPECT_FALSE(table.lists(receipt, 4));
  EXPECT_EQ(table.next_entry(receipt, 0), 3U);
  EXPECT_EQ(table.next_entry(receipt, 4), 5U);
  EXPECT_EQ(table.next_entry(receipt, 6), std::nullopt);
}

TEST(Receipts, NumbersAreNotUsedAgain) {
  ReceiptTable table;
  const std::uint64_t first = *table.reserve("a");
  table.cancel(first);
  EXPECT_EQ(table.find("a"), std::nullopt);
  const std::uint64_t second = *table.reserve("a");
  EXPECT_NE(first, second);
  EXPECT_FALSE(table.exists(first));
  EXPECT_EQ(table.next(0)->receipt, second);
}

TEST(Receipts, OneThatWasRemovedMeanwhileStaysRemoved) {
  ReceiptTable table;
  const std::uint64_t receipt = *table.reserve("a");
  EXPECT_TRUE(table.remove("a"));
  table.fill(receipt, {1});
  EXPECT_FALSE(table.exists(receipt));
  EXPECT_EQ(table.remove("a").error().value, ENOENT);
  EXPECT_EQ(table.remove_entry(receipt, 1).error().value, ENOENT);
}

TEST(Receipts, AreLimited) {
  ReceiptTable table;
  for (std::size_t i = 0; i < ReceiptTable::kMaxReceipts; ++i) {
    ASSERT_TRUE(table.reserve(std::to_string(i)));
  }
  EXPECT_EQ(table.reserve("more").error().value, ENOSPC);
  EXPECT_TRUE(table.remove("7"));
  EXPECT_TRUE(table.reserve("more"));
}

TEST(Attributes, AreTheDefaultsUntilChanged) {
  AttributeTable table({.uid = 5, .gid = 6, .time = {100, 0}});
  struct stat facts {};
  facts.st_mode = S_IFREG;
  table.fill(PageNumber{3}, facts);
  EXPECT_EQ(facts.st_mode, static_cast<mode_t>(S_IFREG | 0600));
  EXPECT_EQ(facts.st_uid, 5U);
  EXPECT_EQ(facts.st_mtim.tv_sec, 100);
  facts.st_mode = S_IFDIR;
  table.fill(FixedDirectory::Pages, facts);
  EXPECT_EQ(facts.st_mode, static_cast<mode_t>(S_IFDIR | 0700));
}

TEST(Attributes, ChangeOneByOneAndAreForgotten) {
  AttributeTable table({.uid = 5, .time = {100, 0}});
  struct stat facts {};
  facts.st_mode = S_IFREG;
  table.change(PageNumber{3}, {.mode = 0640, .mtime = timespec{200, 0}});
  table.fill(PageNumber{3}, facts);
  EXPECT_EQ(facts.st_mode, static_cast<mode_t>(S_IFREG | 0640));
  EXPECT_EQ(facts.st_uid, 5U);
  EXPECT_EQ(facts.st_mtim.tv_sec, 200);
  EXPECT_GT(facts.st_ctim.tv_sec, 200);
  EXPECT_EQ(facts.st_atim.tv_sec, 100);
  table.touch(PageNumber{3});
  table.fill(PageNumber{3}, facts);
  EXPECT_GT(facts.st_mtim.tv_sec, 200);
  table.forget(PageNumber{3});
  table.fill(PageNumber{3}, facts);
  EXPECT_EQ(facts.st_mtim.tv_sec, 100);
}

}  // namespace
}  // namespace mappedpages::fs
