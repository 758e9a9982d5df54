// The tree, call by call.
#include "fs/namespace.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "fs/tree_fixture.hpp"

namespace mappedpages::fs {
namespace {

using Names = std::vector<std::string>;

class NamespaceTest : public TreeTest {};

TEST_F(NamespaceTest, HasFixedDirectories) {
  EXPECT_EQ(names(FixedDirectory::Root), (Names{"pages", "protected", "alloc", ".ctl"}));
  EXPECT_EQ(names(FixedDirectory::Alloc), (Names{"pages", "protected"}));
  EXPECT_EQ(tree->lookup(FixedDirectory::Root, "pages")->inode, Inode(FixedDirectory::Pages));
  EXPECT_EQ(tree->lookup(FixedDirectory::Root, "x").error().value, ENOENT);
  EXPECT_EQ(tree->lookup(FixedDirectory::Root, std::string(256, 'x')).error().value, ENAMETOOLONG);
}

TEST_F(NamespaceTest, MakingADirectoryAllocates) {
  const auto receipt = tree->make_directory(FixedDirectory::AllocPages, "2@a");
  ASSERT_TRUE(receipt);
  EXPECT_TRUE(S_ISDIR(receipt->attributes.st_mode));
  EXPECT_EQ(names(receipt->inode), (Names{"3", "4"}));
  EXPECT_EQ(names(FixedDirectory::Pages), (Names{"3", "4"}));
  const auto link = tree->lookup(receipt->inode, "4");
  EXPECT_EQ(tree->read_link(link->inode), "../../../pages/4");
  EXPECT_EQ(tree->read_link(PageNumber{4}).error().value, EINVAL);
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "a"));
  EXPECT_EQ(names(FixedDirectory::AllocProtected), Names{"a"}) << "a directory of their own";
  EXPECT_EQ(names(FixedDirectory::Protected), Names{"0"});
}

TEST_F(NamespaceTest, AReceiptThatCannotBeFilledIsNotThere) {
  EXPECT_EQ(tree->make_directory(FixedDirectory::AllocPages, "100000@a").error().value, ENOSPC);
  EXPECT_TRUE(names(FixedDirectory::AllocPages).empty());
  EXPECT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "100000")) << "a plain name";
}

TEST_F(NamespaceTest, ListingsGoOnWhereTheyStopped) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "5@a"));
  Names seen;
  std::uint64_t offset = 0;
  // One entry a call, as if there were no more room.
  for (bool more = true; more;) {
    more = false;
    ASSERT_TRUE(tree->list(FixedDirectory::Pages, offset,
                           [&](std::string_view name, const Entry&, std::uint64_t next) {
                             if (more) return false;
                             seen.emplace_back(name);
                             offset = next;
                             return more = true;
                           }));
    if (seen.size() == 4) {
      ASSERT_TRUE(tree->remove(FixedDirectory::Pages, "3"));
    }
  }
  EXPECT_EQ(seen, (Names{".", "..", "3", "4", "5", "6", "7"}));
}

TEST_F(NamespaceTest, NumbersThatComeBackAreOtherInodes) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  const auto first = tree->lookup(FixedDirectory::Pages, "3");
  ASSERT_TRUE(tree->change_attributes(first->inode, {.mode = 0777}));
  ASSERT_TRUE(tree->remove(FixedDirectory::Pages, "3"));
  ASSERT_TRUE(tree->create(FixedDirectory::Pages, "3", O_RDWR | O_CREAT));
  const auto second = tree->lookup(FixedDirectory::Pages, "3");
  EXPECT_NE(first->inode, second->inode) << "for the kernel";
  EXPECT_EQ(first->attributes.st_ino, second->attributes.st_ino) << "for users";
  EXPECT_NE(first->generation, second->generation);
  // What the kernel still has of the old one it must look up again.
  EXPECT_EQ(tree->open(first->inode, O_RDONLY).error().value, ESTALE);
  EXPECT_EQ(tree->get(first->inode).error().value, ESTALE);
  EXPECT_EQ(tree->truncate(first->inode, 0).error().value, ESTALE);
  EXPECT_EQ(second->attributes.st_mode & 0777U, 0600U) << "and nothing of its predecessor";
}

TEST_F(NamespaceTest, DirectoriesCountTheirDirectories) {
  EXPECT_EQ(tree->get(FixedDirectory::Root)->attributes.st_nlink,
            2U + names(FixedDirectory::Root).size());
  EXPECT_EQ(tree->get(FixedDirectory::Alloc)->attributes.st_nlink, 4U);
  EXPECT_EQ(tree->get(FixedDirectory::AllocPages)->attributes.st_nlink, 2U);
  const auto receipt = tree->make_directory(FixedDirectory::AllocPages, "a");
  ASSERT_TRUE(receipt);
  EXPECT_EQ(tree->get(FixedDirectory::AllocPages)->attributes.st_nlink, 3U);
  EXPECT_EQ(tree->get(FixedDirectory::AllocProtected)->attributes.st_nlink, 2U);
  EXPECT_EQ(receipt->attributes.st_nlink, 2U);
  ASSERT_TRUE(tree->remove_directory(FixedDirectory::AllocPages, "a"));
  EXPECT_EQ(tree->get(FixedDirectory::AllocPages)->attributes.st_nlink, 2U);
}

TEST_F(NamespaceTest, ListingsNameTheParent) {
  const auto parent = [this](Inode directory) {
    Inode found = directory;
    EXPECT_TRUE(tree->list(directory, 1, [&found](std::string_view, const Entry& entry, auto) {
      found = entry.inode;
      return false;
    }));
    return found;
  };
  const auto receipt = tree->make_directory(FixedDirectory::AllocProtected, "a");
  ASSERT_TRUE(receipt);
  EXPECT_EQ(parent(receipt->inode), Inode(FixedDirectory::AllocProtected));
  EXPECT_EQ(parent(FixedDirectory::AllocProtected), Inode(FixedDirectory::Alloc));
  EXPECT_EQ(parent(FixedDirectory::Pages), Inode(FixedDirectory::Root));
  EXPECT_EQ(parent(FixedDirectory::Root), Inode(FixedDirectory::Root));
}

TEST_F(NamespaceTest, DirectoriesChangeWithTheirNames) {
  const auto changes = [this](Inode directory, const auto& act) {
    const timespec before = tree->get(directory)->attributes.st_mtim;
    EXPECT_TRUE(act());
    const timespec after = tree->get(directory)->attributes.st_mtim;
    return before.tv_sec != after.tv_sec || before.tv_nsec != after.tv_nsec;
  };
  const auto make = [this] { return tree->make_directory(FixedDirectory::AllocPages, "a"); };
  const auto drop = [this] { return tree->remove_directory(FixedDirectory::AllocPages, "a"); };
  const auto create = [this] { return tree->create(FixedDirectory::Pages, "t", O_RDWR); };
  const auto move = [this] {
    return tree->rename(FixedDirectory::Pages, "t", FixedDirectory::Protected, "0", 0);
  };
  EXPECT_TRUE(changes(FixedDirectory::AllocPages, make));
  EXPECT_TRUE(changes(FixedDirectory::AllocPages, drop));
  EXPECT_TRUE(changes(FixedDirectory::Pages, make)) << "that is where the page is";
  EXPECT_FALSE(changes(FixedDirectory::Pages, drop));
  EXPECT_TRUE(changes(FixedDirectory::Pages, create));
  EXPECT_FALSE(changes(FixedDirectory::Pages, create)) << "it was there";
  EXPECT_TRUE(changes(FixedDirectory::Protected, move));
  EXPECT_TRUE(changes(FixedDirectory::Pages, create));
  EXPECT_TRUE(changes(FixedDirectory::Pages, move));
  EXPECT_TRUE(
      changes(FixedDirectory::Pages, [this] { return tree->remove(FixedDirectory::Pages, "3"); }));
}

TEST_F(NamespaceTest, WhatIsNewHasNothingOfWhatHadItsNumber) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  const Inode old = tree->lookup(FixedDirectory::Pages, "3")->inode;
  ASSERT_NE(file(old, O_RDWR), nullptr);
  ASSERT_TRUE(tree->remove(FixedDirectory::Pages, "3"));
  ASSERT_TRUE(tree->change_attributes(old, {.mode = 0640})) << "open, and without a name";
  EXPECT_EQ(tree->get(old)->attributes.st_mode & 0777U, 0640U);
  tree->release(handles.back());
  EXPECT_EQ(tree->change_attributes(old, {.mode = 0666}).error().value, ESTALE);
  const timespec before = now();
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "b"));
  const auto next = tree->lookup(FixedDirectory::Pages, "3");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->attributes.st_mode & 0777U, 0600U);
  const timespec made = next->attributes.st_mtim;
  EXPECT_GE(std::pair(made.tv_sec, made.tv_nsec), std::pair(before.tv_sec, before.tv_nsec));
  EXPECT_EQ(tree->change_attributes(old, {.mode = 0666}).error().value, ESTALE);
  EXPECT_EQ(tree->lookup(FixedDirectory::Pages, "3")->attributes.st_mode & 0777U, 0600U);
}

TEST_F(NamespaceTest, ARemovedReceiptThatIsOpenHasNoLinks) {
  const auto receipt = tree->make_directory(FixedDirectory::AllocPages, "a");
  ASSERT_TRUE(tree->remove_directory(FixedDirectory::AllocPages, "a"));
  const auto open = tree->get(receipt->inode);
  ASSERT_TRUE(open) << "errno " << open.error().value;
  EXPECT_TRUE(S_ISDIR(open->attributes.st_mode));
  EXPECT_EQ(open->attributes.st_nlink, 0U);
}

TEST_F(NamespaceTest, HandlesThatAreNotOpenAreEbadf) {
  EXPECT_EQ(tree->file(99).error().value, EBADF);
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  file(PageNumber{3}, O_RDONLY);
  tree->release(handles.back());
  EXPECT_EQ(tree->file(handles.back()).error().value, EBADF);
  tree->release(handles.back());  // No-op.
}

TEST_F(NamespaceTest, AnOpenFileWithoutANameHasNoLinks) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  file(PageNumber{3}, O_RDONLY);
  ASSERT_TRUE(tree->remove(FixedDirectory::Pages, "3"));
  EXPECT_EQ(tree->get(PageNumber{3})->attributes.st_nlink, 0U);
  EXPECT_EQ(tree->create(FixedDirectory::Pages, "3", O_RDWR | O_CREAT).error().value, EBUSY);
  tree->release(handles.back());
  EXPECT_EQ(tree->get(PageNumber{3}).error().value, ESTALE);
  EXPECT_TRUE(tree->create(FixedDirectory::Pages, "3", O_RDWR | O_CREAT));
}

TEST_F(NamespaceTest, ReadOnlyRefusesEveryChange) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "a"));
  open({.access = Access::ReadOnly}, CommitOn::Close);
  EXPECT_EQ(tree->make_directory(FixedDirectory::AllocPages, "b").error().value, EROFS);
  EXPECT_EQ(tree->remove(FixedDirectory::Pages, "3").error().value, EROFS);
  for (const char* name : {"9", "name"}) {
    EXPECT_EQ(tree->create(FixedDirectory::Pages, name, O_CREAT | O_WRONLY).error().value, EROFS);
    EXPECT_EQ(tree->create(FixedDirectory::Protected, name, O_CREAT | O_WRONLY).error().value,
              EROFS);
  }
  EXPECT_EQ(tree->open(PageNumber{3}, O_WRONLY).error().value, EROFS);
  EXPECT_EQ(tree->open(ProtectedNumber{0}, O_RDWR).error().value, EROFS);
  EXPECT_EQ(tree->truncate(ProtectedNumber{0}, 0).error().value, EROFS);
  EXPECT_TRUE(file(PageNumber{3}, O_RDONLY)->sync()) << "nothing to flush is no error";
  EXPECT_TRUE(file(ProtectedNumber{0}, O_RDONLY)->sync());
}

TEST_F(NamespaceTest, StatisticsCountPages) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "10@a"));
  const struct statvfs facts = tree->statistics();
  EXPECT_EQ(facts.f_bsize, kP);
  EXPECT_EQ(facts.f_blocks, 7968U);
  EXPECT_EQ(facts.f_bfree, 7968U - 13);
}

TEST_F(NamespaceTest, RegularPagesAreWrittenInPlaceAndNeverGrow) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  const auto page = file(PageNumber{3}, O_RDWR);
  EXPECT_TRUE(page->write(10, bytes("abc")));
  EXPECT_EQ(page->write(kP - 2, bytes("abc")).error().value, EFBIG);
  EXPECT_EQ(page->write(kP + 1, bytes("")).error().value, EFBIG);
  EXPECT_EQ(text(page->read(10, 3)), "abc");
  EXPECT_EQ(text(page->read(kP - 2, 100)).size(), 2U);
  EXPECT_EQ(text(page->read(kP + 5, 100)), "");
  EXPECT_TRUE(page->truncate(11));
  EXPECT_EQ(text(page->read(10, 2)), std::string("a\0", 2));
  EXPECT_EQ(page->truncate(kP + 1).error().value, EFBIG);
  EXPECT_EQ(tree->get(PageNumber{3})->attributes.st_size, static_cast<off_t>(kP));
}

}  // namespace
}  // namespace mappedpages::fs
