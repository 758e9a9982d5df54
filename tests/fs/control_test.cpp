// .ctl/ without a mount: what the kernel or a race keeps from coming up there.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fs/control_texts.hpp"
#include "fs/failures.hpp"
#include "fs/tree_fixture.hpp"

namespace mappedpages::fs {
namespace {

using Names = std::vector<std::string>;

class ControlTest : public TreeTest {
 protected:
  void SetUp() override {
    TreeTest::SetUp();
    ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "3@a"));
    ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "2@b"));
  }
  std::string content(Inode inode) {
    const auto opened = file(inode, O_RDONLY);
    return opened ? text(opened->read(0, 4096)) : "";
  }
  std::string last_error() { return content(ControlFile::LastError); }
  std::string path_told(Inode inode, const std::string& name = "") {
    tree->note_failure({Operation::Read, inode, name}, Errno(Reason::DiskFailed));
    const std::string line = last_error();
    return line.substr(5, line.find(": EIO") - 5);
  }
};

TEST_F(ControlTest, FreedPagesAreNamedWithTheVersionsThatTheyHad) {
  const Inode page = tree->lookup(FixedDirectory::Pages, "4")->inode;
  const Inode number = tree->lookup(FixedDirectory::Protected, "1")->inode;
  const Commanded commanded = tree->run_commands("free 4\nfree protected 1\nfree 4\nfree 3\n");
  EXPECT_EQ(commanded.done.error().reason, Reason::NotAllocated);
  EXPECT_EQ(commanded.done.error().detail, "line 3: page 4");
  EXPECT_EQ(commanded.freed, (std::vector<Inode>{page, number}));
  EXPECT_EQ(names(FixedDirectory::Pages), (Names{"3", "5"}));
  ASSERT_TRUE(tree->create(FixedDirectory::Pages, "4", O_RDWR | O_CREAT));
  EXPECT_NE(tree->lookup(FixedDirectory::Pages, "4")->inode, page);
  EXPECT_EQ(tree->run_commands("free 4").freed.front(),
            page.with_version(static_cast<std::uint16_t>(page.version() + 2)));
}

TEST_F(ControlTest, TextsAreThoseOfTheOpening) {
  const Inode facts = tree->lookup(FixedDirectory::ControlPages, "4")->inode;
  const auto before = file(facts, O_RDONLY);
  ASSERT_TRUE(tree->run_commands("free 4").done);
  EXPECT_EQ(text(before->read(0, 9)), "number=4\n");
  EXPECT_EQ(text(before->read(9, 100)), "offset=4096\npinned=no\n");
  EXPECT_EQ(text(before->read(1000, 100)), "");
  EXPECT_EQ(tree->get(facts)->attributes.st_nlink, 0U);
  EXPECT_EQ(tree->open(facts, O_RDONLY).error().value, ESTALE) << "the kernel looks it up again";
  EXPECT_EQ(tree->lookup(FixedDirectory::ControlPages, "4").error().value, ENOENT);
  EXPECT_EQ(names(FixedDirectory::ControlPages), (Names{"3", "5"}));
}

TEST_F(ControlTest, ReadOnlyTakesNoCommands) {
  open({.access = Access::ReadOnly}, CommitOn::Close);
  for (const char* const line : {"free 3", "discard protected 0", "sync", ""}) {
    EXPECT_EQ(tree->run_commands(line).done.error().reason, Reason::MountedReadOnly);
  }
  EXPECT_EQ(tree->open(ControlFile::Command, O_WRONLY).error().value, EROFS);
  EXPECT_EQ(tree->truncate(ControlFile::Command, 0).error().value, EROFS);
  EXPECT_EQ(content(ControlFile::Command), "");
}

TEST_F(ControlTest, FailuresAreToldByTheirPaths) {
  EXPECT_EQ(last_error(), "");
  const auto made = tree->create(FixedDirectory::Pages, "temp", O_RDWR | O_CREAT);
  ASSERT_TRUE(made);
  const Inode temp = tree->lookup(FixedDirectory::Pages, "temp")->inode;
  const Inode receipt = tree->lookup(FixedDirectory::AllocPages, "3@a")->inode;
  EXPECT_EQ(path_told(FixedDirectory::Root), ".");
  EXPECT_EQ(path_told(FixedDirectory::Root, "x"), "x");
  EXPECT_EQ(path_told(FixedDirectory::AllocProtected, "x"), "alloc/protected/x");
  EXPECT_EQ(path_told(FixedDirectory::ControlPages), ".ctl/pages");
  EXPECT_EQ(path_told(ControlFile::Stats), ".ctl/stats.json");
  EXPECT_EQ(path_told({InodeKind::ProtectedFacts, 1}), ".ctl/protected/1");
  EXPECT_EQ(path_told(tree->lookup(FixedDirectory::Pages, "3")->inode), "pages/3");
  EXPECT_EQ(path_told(receipt), "alloc/pages/3@a");
  EXPECT_EQ(path_told(receipt, "3"), "alloc/pages/3@a/3");
  EXPECT_EQ(path_told({InodeKind::ProtectedLink, 1}), "alloc/protected/*/1");
  EXPECT_EQ(path_told(temp), "pages/temp");
  ASSERT_TRUE(tree->remove_directory(FixedDirectory::AllocPages, "3@a"));
  EXPECT_EQ(path_told(receipt), "alloc/pages/(removed)");
  ASSERT_TRUE(tree->rename(FixedDirectory::Pages, "temp", FixedDirectory::Protected, "1", 0));
  EXPECT_EQ(path_told(temp), "protected/1");
  tree->release(made->second.handle);
  EXPECT_EQ(path_told(temp), "(removed)") << "nobody has it open";
}

TEST(FailuresTest, WhatTellsNobodyAnything) {
  EXPECT_FALSE(is_worth_telling(Operation::Lookup, Errno(Reason::NoSuchName)));
  EXPECT_TRUE(is_worth_telling(Operation::Remove, Errno(Reason::NoSuchName)));
  EXPECT_TRUE(is_worth_telling(Operation::Lookup, Errno(Reason::NameTooLong)));
  EXPECT_FALSE(is_worth_telling(Operation::Open, Errno(Reason::PageIsGone)));
  EXPECT_TRUE(is_worth_telling(Operation::Write, Errno(Reason::PageIsGone)));
}

TEST(FailuresTest, OneLineForEveryReason) {
  for (const ReasonFacts& facts : all_reasons()) {
    const std::string line =
        describe_failure(Operation::Sync, "pages/a\nb", Errno(facts.reason, "cannot\nwrite"));
    EXPECT_EQ(line, "fsync pages/a\\x0ab: " + std::string(facts.os_error_name) + ": " +
                        std::string(facts.sentence) + " (cannot\\x0awrite)");
  }
}

TEST(ControlTexts, StatsAreJson) {
  const auto stats = nlohmann::json::parse(to_json(
      {.page_size = 1024,
       .capacity = PageCount{2},
       .counts = {PageCount{3}, PageCount{4}, PageCount{5}, PageCount{6}, Generation{~0ULL}},
       .engine = {.changes = 7, .groups = 8, .flushes = 9},
       .open_stages = 10,
       .receipts = 11}));
  const auto expected = nlohmann::json::parse(
      R"({"schema_version": 1, "page_size": 1024, "capacity_pages": 2, "total_pages": 3,
          "free_pages": 4, "allocated_pages": 5, "protected_pages": 6,
          "generation": 18446744073709551615, "commits": 7, "groups": 8, "flushes": 9,
          "open_stages": 10, "receipts": 11})");
  EXPECT_EQ(stats, expected);
}

TEST(ControlTexts, FactsAreLines) {
  EXPECT_EQ(page_facts(PageNumber{7}, 7168, true), "number=7\noffset=7168\npinned=yes\n");
  EXPECT_EQ(protected_facts({.page_a = PageNumber{4},
                             .page_b = PageNumber{5},
                             .active_slot = 1,
                             .generation = 12,
                             .crc32 = 0xbeef},
                            true),
            "generation=12\ncrc32=0000beef\nactive_slot=1\npage_a=4\npage_b=5\nstaged=yes\n");
}

}  // namespace
}  // namespace mappedpages::fs
