// Staging files, and what a rename makes of them.
#include "fs/staging.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "fs/tree_fixture.hpp"

namespace mappedpages::fs {
namespace {

using Names = std::vector<std::string>;

constexpr unsigned kNoReplace = 1;
constexpr unsigned kExchange = 2;
constexpr unsigned kWhiteout = 4;

class StagingTest : public TreeTest {
 protected:
  /// A staging file with that content, open.
  std::shared_ptr<OpenFile> make(Inode directory, const std::string& name,
                                 const std::string& content = "", int flags = O_RDWR) {
    const auto made = tree->create(directory, name, flags | O_CREAT);
    if (!made) {
      ADD_FAILURE() << name << ": errno " << made.error().value;
      return nullptr;
    }
    inode = made->first.inode;
    handles.push_back(made->second.handle);
    auto file = *tree->file(made->second.handle);
    EXPECT_TRUE(file->write(0, bytes(content)));
    return file;
  }
  int rename(Inode directory, const std::string& name, Inode new_directory,
             const std::string& new_name, unsigned flags = 0) {
    const Done done = tree->rename(directory, name, new_directory, new_name, flags);
    return done ? 0 : done.error().value;
  }
  int rename(const std::string& name, const std::string& new_name, unsigned flags = 0) {
    return rename(kPages, name, kPages, new_name, flags);
  }
  std::string content(PageNumber page, std::size_t size) {
    std::vector<std::byte> read(size);
    EXPECT_TRUE(engine->read(page, 0, read));
    return text(read);
  }

  static constexpr FixedDirectory kPages = FixedDirectory::Pages;
  static constexpr FixedDirectory kProtected = FixedDirectory::Protected;
  Inode inode{0};  ///< Of the last that was made.
};

TEST_F(StagingTest, IsAFileOfItsOwnSize) {
  const auto file = make(kPages, "name", "abc");
  EXPECT_EQ(tree->lookup(kPages, "name")->attributes.st_size, 3);
  EXPECT_EQ(tree->lookup(kProtected, "name").error().value, ENOENT) << "of its directory alone";
  EXPECT_TRUE(file->write(5000, bytes("x")));
  const auto entry = *tree->lookup(kPages, "name");
  EXPECT_EQ(entry.attributes.st_size, 5001) << "larger than a page, for now";
  EXPECT_EQ(entry.attributes.st_blocks, 16);
  EXPECT_FALSE(entry.lasting_name) << "a rename takes the inode to the name of a page";
  EXPECT_FALSE(entry.lasting_attributes);
  EXPECT_TRUE(file->truncate(2));
  EXPECT_EQ(text(file->read(0, 99)), "ab");
  EXPECT_TRUE(file->sync());
}

TEST_F(StagingTest, FallocateIsThatOfAnyFile) {
  const auto file = make(kPages, "name", "abcdef");
  EXPECT_TRUE(file->allocate(0, 0, 10));
  EXPECT_EQ(tree->get(inode)->attributes.st_size, 10);
  EXPECT_TRUE(file->allocate(FALLOC_FL_KEEP_SIZE, 10000, 10));
  EXPECT_EQ(tree->get(inode)->attributes.st_size, 10);
  EXPECT_EQ(tree->get(inode)->attributes.st_blocks, 16);
  EXPECT_TRUE(file->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 2));
  EXPECT_TRUE(file->allocate(FALLOC_FL_ZERO_RANGE, 5, 7));
  EXPECT_EQ(text(file->read(0, 99)), std::string("a\0\0de\0\0\0\0\0\0\0", 12));
  EXPECT_EQ(file->allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 512).error().value, EOPNOTSUPP);
  EXPECT_EQ(file->allocate(0, 0, 0).error().value, EINVAL);
}

TEST_F(StagingTest, NamesThatCannotBe) {
  const auto error = [this](Inode directory, const std::string& name) {
    return tree->create(directory, name, O_CREAT | O_WRONLY).error().value;
  };
  EXPECT_EQ(error(kPages, "07"), EINVAL);
  EXPECT_EQ(error(kProtected, "00"), EINVAL);
  EXPECT_EQ(error(kProtected, "99999999999999999999"), ENOSPC);
  EXPECT_EQ(error(kPages, std::string(256, 'x')), ENAMETOOLONG);
  for (const auto directory : {FixedDirectory::Root, FixedDirectory::Alloc,
                               FixedDirectory::AllocPages, FixedDirectory::AllocProtected}) {
    EXPECT_EQ(error(directory, "name"), EPERM);
  }
  make(kPages, std::string(255, 'x'));
  EXPECT_EQ(tree->create(kPages, std::string(255, 'x'), O_CREAT | O_EXCL).error().value, EEXIST);
}

TEST_F(StagingTest, CreatingANameThatIsThereOpensIt) {
  make(kPages, "name", "abc");
  const auto again = make(kPages, "name");
  EXPECT_EQ(text(again->read(0, 9)), "abc");
  make(kPages, "name", "", O_RDWR | O_TRUNC);
  EXPECT_EQ(text(again->read(0, 9)), "");
}

TEST_F(StagingTest, AreListedBehindThePagesInTheOrderInWhichTheyCame) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "2@a"));
  make(kPages, "b");
  make(kProtected, "p");
  make(kPages, "a");
  EXPECT_EQ(names(kPages), (Names{"3", "4", "b", "a"}));
  EXPECT_EQ(names(kProtected), Names{"p"});
  // One entry a call; what is renamed meanwhile is listed once.
  Names seen;
  std::uint64_t offset = 2;
  for (bool more = true; more;) {
    more = false;
    ASSERT_TRUE(tree->list(kPages, offset, [&](std::string_view name, const Entry&, auto next) {
      if (more) return false;
      seen.emplace_back(name);
      offset = next;
      return more = true;
    }));
    if (seen.size() == 3 && more) {
      ASSERT_EQ(rename("b", "c"), 0);
    }
  }
  EXPECT_EQ(seen, (Names{"3", "4", "b", "a"}));
}

TEST_F(StagingTest, AFileWithoutANameLivesUntilItIsClosed) {
  const auto file = make(kPages, "name", "abc");
  ASSERT_TRUE(tree->remove(kPages, "name"));
  EXPECT_EQ(tree->lookup(kPages, "name").error().value, ENOENT);
  EXPECT_EQ(tree->remove(kPages, "name").error().value, ENOENT);
  EXPECT_TRUE(file->write(3, bytes("d")));
  EXPECT_EQ(text(file->read(0, 9)), "abcd");
  EXPECT_EQ(tree->get(inode)->attributes.st_nlink, 0U);
  EXPECT_EQ(tree->get(inode)->attributes.st_size, 4);
  const Inode old = inode;
  make(kPages, "name");
  EXPECT_NE(inode, old);
  tree->release(handles.front());
}

TEST_F(StagingTest, WhatNobodyHasIsGone) {
  make(kPages, "name", "abc");
  ASSERT_TRUE(tree->remove(kPages, "name"));
  tree->release(handles.front());
  EXPECT_EQ(tree->get(inode).error().value, ESTALE);
  EXPECT_EQ(tree->open(inode, O_RDONLY).error().value, ESTALE);
  EXPECT_EQ(tree->truncate(inode, 0).error().value, ESTALE);
  EXPECT_EQ(tree->change_attributes(inode, {.mode = 0600}).error().value, ESTALE);
}

TEST_F(StagingTest, MemoryIsCappedAndComesBack) {
  const std::string large(std::size_t{40} << 20U, 'x');
  make(kPages, "a", large);
  const auto b = make(kProtected, "b");
  EXPECT_EQ(b->write(0, bytes(large)).error().value, ENOSPC) << "64 MiB for both directories";
  ASSERT_TRUE(tree->remove(kPages, "a"));
  EXPECT_EQ(b->write(0, bytes(large)).error().value, ENOSPC) << "it is still open";
  tree->release(handles.front());
  EXPECT_TRUE(b->write(0, bytes(large)));
  EXPECT_EQ(rename(kProtected, "b", kProtected, "0"), EFBIG);
}

TEST_F(StagingTest, RenamedOntoAFreeNumberItIsAllocatedWithItsContentInOneCommit) {
  make(kPages, "name", "abc");
  make(kProtected, "name", "xyz");
  const auto before = engine->stats();
  EXPECT_EQ(rename("name", "77"), 0);
  EXPECT_EQ(rename(kProtected, "name", kProtected, "5"), 0);
  EXPECT_EQ(engine->stats().changes - before.changes, 2U);
  EXPECT_EQ(content(PageNumber{77}, 5), std::string("abc\0\0", 5));
  EXPECT_EQ(committed(ProtectedNumber{5}, 5), std::string("xyz\0\0", 5));
  EXPECT_EQ(names(kPages), Names{"77"});
  EXPECT_EQ(names(kProtected), Names{"5"});
  EXPECT_EQ(tree->lookup(kPages, "77")->attributes.st_size, static_cast<off_t>(kP));
}

TEST_F(StagingTest, RenamedOntoAPageThatIsThereItReplacesAllOfIt) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "a"));
  const auto page = file(PageNumber{3}, O_RDWR);
  const auto reader = file(ProtectedNumber{0}, O_RDONLY);
  ASSERT_TRUE(page->write(0, bytes("old page")));
  EXPECT_EQ(text(reader->read(0, 1)), std::string(1, '\0'));
  make(kPages, "a", "abc");
  make(kPages, "b", "xyz");
  EXPECT_EQ(rename(kPages, "a", kPages, "3"), 0);
  EXPECT_EQ(rename(kPages, "b", kProtected, "0"), 0) << "from the other directory";
  EXPECT_EQ(text(page->read(0, 5)), std::string("abc\0\0", 5)) << "by those who have it open";
  EXPECT_EQ(text(reader->read(0, 5)), std::string("xyz\0\0", 5));
}

TEST_F(StagingTest, IsDurableWhenTheRenameReturns) {
  open({}, CommitOn::Close);
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  make(kPages, "a", "abc");
  make(kPages, "b", "abc");
  make(kPages, "c", "abc");
  const auto flushes_of = [this](Inode directory, const std::string& name, const std::string& to) {
    const std::uint64_t before = engine->stats().flushes;
    EXPECT_EQ(rename(kPages, name, directory, to), 0);
    return engine->stats().flushes - before;
  };
  EXPECT_EQ(flushes_of(kPages, "a", "3"), 1U) << "in place";
  EXPECT_EQ(flushes_of(kPages, "b", "4"), 2U) << "one commit";
  EXPECT_EQ(flushes_of(kProtected, "c", "0"), 2U);
}

TEST_F(StagingTest, WhatCannotBeRenamedStaysAsItIs) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "2@a"));
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "a"));
  make(kPages, "name", "abc");
  make(kPages, "large", std::string(kP + 1, 'x'));
  EXPECT_EQ(rename("3", "5"), EPERM);
  EXPECT_EQ(rename("3", "other"), EPERM);
  EXPECT_EQ(rename("3", "4"), EPERM);
  EXPECT_EQ(rename(kPages, "name", FixedDirectory::Alloc, "name"), EPERM);
  EXPECT_EQ(rename(kPages, "name", FixedDirectory::AllocPages, "9"), EPERM);
  EXPECT_EQ(rename(FixedDirectory::AllocPages, "2@a", kPages, "name2"), EPERM);
  EXPECT_EQ(rename(FixedDirectory::Root, "alloc", kPages, "name2"), EPERM);
  EXPECT_EQ(rename("nothing", "9"), ENOENT);
  EXPECT_EQ(rename("name", "07"), EINVAL);
  EXPECT_EQ(rename("name", "0"), EBUSY) << "reserved";
  EXPECT_EQ(rename("name", "7"), EBUSY) << "a copy of the protected page";
  EXPECT_EQ(rename("name", "7968"), ENOSPC);
  EXPECT_EQ(rename("name", "99999999999999999999"), ENOSPC);
  EXPECT_EQ(rename(kPages, "name", kProtected, "99999999"), ENOSPC);
  EXPECT_EQ(rename("name", std::string(256, 'x')), ENAMETOOLONG);
  EXPECT_EQ(rename("name", "3", kExchange), EINVAL);
  EXPECT_EQ(rename("name", "3", kWhiteout), EINVAL);
  EXPECT_EQ(rename("name", "3", kNoReplace), EEXIST);
  EXPECT_EQ(rename("name", "large", kNoReplace), EEXIST);
  EXPECT_EQ(rename(kPages, "name", kProtected, "0", kNoReplace), EEXIST);
  EXPECT_EQ(rename("large", "3"), EFBIG);
  EXPECT_EQ(rename("large", "100"), EFBIG);
  EXPECT_EQ(names(kPages), (Names{"3", "4", "name", "large"}));
  EXPECT_EQ(names(kProtected), Names{"0"});
  EXPECT_EQ(rename("name", "9", kNoReplace), 0);
}

TEST_F(StagingTest, AProtectedPageWithAStageIsBusy) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocProtected, "a"));
  const auto writer = file(ProtectedNumber{0}, O_RDWR);
  ASSERT_TRUE(writer->write(0, bytes("staged")));
  make(kProtected, "name", "abc");
  EXPECT_EQ(rename(kProtected, "name", kProtected, "0"), EBUSY);
  ASSERT_TRUE(writer->sync());
  EXPECT_EQ(committed(ProtectedNumber{0}, 6), "staged");
  EXPECT_EQ(rename(kProtected, "name", kProtected, "0"), 0);
}

TEST_F(StagingTest, ANumberThatIsFreedAndStillOpenIsBusy) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  file(PageNumber{3}, O_RDONLY);
  ASSERT_TRUE(tree->remove(kPages, "3"));
  make(kPages, "name", "abc");
  EXPECT_EQ(rename("name", "3"), EBUSY);
  tree->release(handles.front());
  EXPECT_EQ(rename("name", "3"), 0);
}

TEST_F(StagingTest, RenamedToAnotherNameItReplacesWhatHadThat) {
  const auto a = make(kPages, "a", "abc");
  const Inode inode_of_a = inode;
  const auto b = make(kProtected, "b", "xyz");
  EXPECT_EQ(rename(kPages, "a", kProtected, "b"), 0);
  EXPECT_EQ(names(kPages), Names{});
  EXPECT_EQ(names(kProtected), Names{"b"});
  EXPECT_EQ(tree->lookup(kProtected, "b")->inode, inode_of_a);
  EXPECT_EQ(text(b->read(0, 9)), "xyz") << "it is still open";
  EXPECT_EQ(tree->get(inode)->attributes.st_nlink, 0U);
  EXPECT_EQ(rename(kProtected, "b", kProtected, "b"), 0);
}

TEST_F(StagingTest, AttributesGoWithTheContent) {
  ASSERT_TRUE(tree->make_directory(FixedDirectory::AllocPages, "a"));
  ASSERT_TRUE(tree->change_attributes(PageNumber{3}, {.mode = 0700, .uid = 9}));
  make(kPages, "name", "abc");
  ASSERT_TRUE(tree->change_attributes(inode, {.mode = 0640, .gid = 7, .mtime = timespec{1000, 5}}));
  EXPECT_EQ(tree->lookup(kPages, "name")->attributes.st_mode, S_IFREG | 0640U);
  ASSERT_EQ(rename("name", "3"), 0);
  const auto facts = tree->lookup(kPages, "3")->attributes;
  EXPECT_EQ(facts.st_mode, S_IFREG | 0640U);
  EXPECT_EQ(facts.st_uid, 0U) << "nothing of its predecessor";
  EXPECT_EQ(facts.st_gid, 7U);
  EXPECT_EQ(facts.st_mtim.tv_sec, 1000);
  EXPECT_EQ(facts.st_mtim.tv_nsec, 5);
}

TEST_F(StagingTest, ItsDescriptorIsThenOneOfThePage) {
  const auto file = make(kPages, "name", "abc");
  const Inode before = inode;
  ASSERT_EQ(tree->page_behind(before), std::nullopt);
  ASSERT_EQ(rename("name", "3"), 0);
  const auto page = this->file(PageNumber{3}, O_RDWR);
  EXPECT_EQ(file->inode(), Inode(PageNumber{3}));
  EXPECT_EQ(tree->page_behind(before), Inode(PageNumber{3}));
  EXPECT_EQ(text(file->read(0, kP + 9)).size(), kP);
  ASSERT_TRUE(file->write(1, bytes("B")));
  EXPECT_EQ(text(page->read(0, 3)), "aBc");
  ASSERT_TRUE(page->write(2, bytes("C")));
  EXPECT_EQ(text(file->read(0, 3)), "aBC");
  EXPECT_EQ(file->write(kP, bytes("x")).error().value, EFBIG);
  EXPECT_EQ(file->truncate(kP + 1).error().value, EFBIG);
  EXPECT_TRUE(file->truncate(1));
  EXPECT_EQ(text(page->read(0, 3)), std::string("a\0\0", 3));
  EXPECT_TRUE(file->sync());
  EXPECT_FALSE(tree->get(before)->lasting_attributes) << "others change them";
  const auto facts = tree->get(before)->attributes;
  EXPECT_EQ(facts.st_ino, Inode(PageNumber{3}).bits()) << "what users see is the page";
  EXPECT_EQ(facts.st_size, static_cast<off_t>(kP));
  EXPECT_EQ(facts.st_nlink, 1U);
  ASSERT_TRUE(tree->change_attributes(before, {.mode = 0604}));
  EXPECT_EQ(tree->lookup(kPages, "3")->attributes.st_mode & 0777U, 0604U);
}

TEST_F(StagingTest, ItsDescriptorPinsThePage) {
  const auto file = make(kPages, "name", "abc");
  ASSERT_EQ(rename("name", "3"), 0);
  ASSERT_TRUE(tree->remove(kPages, "3"));
  EXPECT_EQ(text(file->read(0, 3)), "abc");
  EXPECT_EQ(tree->get(inode)->attributes.st_nlink, 0U);
  EXPECT_EQ(tree->create(kPages, "3", O_CREAT | O_RDWR).error().value, EBUSY);
}

TEST_F(StagingTest, ItsDescriptorHasAStageOfAProtectedPage) {
  const auto file = make(kProtected, "name", "abc");
  ASSERT_EQ(rename(kProtected, "name", kProtected, "0"), 0);
  ASSERT_TRUE(file->write(0, bytes("ABC")));
  EXPECT_EQ(committed(ProtectedNumber{0}, 3), "abc");
  EXPECT_EQ(tree->open(ProtectedNumber{0}, O_WRONLY | O_TRUNC).error().value, EBUSY);
  ASSERT_TRUE(file->flush([] { return FlushFrom::LivingProcess; }));
  EXPECT_EQ(committed(ProtectedNumber{0}, 3), "ABC");
  EXPECT_EQ(file->write(kP, bytes("x")).error().value, EFBIG);
  EXPECT_EQ(file->sync().error().value, EIO) << "poisoned";
}

TEST_F(StagingTest, ADescriptorThatAppendsFindsThePageFull) {
  const auto file = make(kPages, "name", "abc", O_WRONLY | O_APPEND);
  ASSERT_EQ(rename("name", "3"), 0);
  EXPECT_EQ(file->write(3, bytes("d")).error().value, EFBIG) << "the end is not there any more";
}

TEST_F(StagingTest, TruncatedByItsPathWhateverItIs) {
  const auto file = make(kProtected, "name", "abc");
  ASSERT_TRUE(tree->truncate(inode, 2));
  EXPECT_EQ(text(file->read(0, 9)), "ab");
  ASSERT_EQ(rename(kProtected, "name", kProtected, "0"), 0);
  ASSERT_TRUE(tree->truncate(inode, 1));
  EXPECT_EQ(committed(ProtectedNumber{0}, 2), std::string("a\0", 2)) << "committed at once";
}

TEST_F(StagingTest, ProtectedPagesAreMadeByNumber) {
  const auto file = make(kProtected, "7", "abc", O_WRONLY | O_TRUNC);
  EXPECT_EQ(committed(ProtectedNumber{7}, 3), std::string(3, '\0')) << "allocated at once";
  ASSERT_TRUE(file->flush([] { return FlushFrom::LivingProcess; }));
  EXPECT_EQ(committed(ProtectedNumber{7}, 3), "abc");
  const auto error = [this](const std::string& name, int flags) {
    return tree->create(kProtected, name, O_CREAT | O_WRONLY | flags).error().value;
  };
  EXPECT_EQ(error("7", O_EXCL), EEXIST);
  EXPECT_TRUE(tree->create(kProtected, "7", O_CREAT | O_RDONLY)) << "opens what is there";
  EXPECT_EQ(error("1914", 0), ENOSPC) << "58 directory blocks of 33";
  EXPECT_TRUE(tree->create(kProtected, "1913", O_CREAT | O_RDONLY));
  ASSERT_TRUE(tree->remove(kProtected, "7"));
  EXPECT_EQ(error("7", 0), EBUSY) << "freed and still open";
}

TEST_F(StagingTest, AnEmptyNewProtectedPageIsCommittedOnce) {
  const auto before = engine->stats().changes;
  const auto made = tree->create(kProtected, "7", O_CREAT | O_WRONLY | O_TRUNC);
  ASSERT_TRUE(made);
  tree->release(made->second.handle);
  EXPECT_EQ(engine->stats().changes - before, 1U);
}

}  // namespace
}  // namespace mappedpages::fs
