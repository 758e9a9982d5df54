// What names and inode numbers mean.
#include "fs/names.hpp"

#include <gtest/gtest.h>

#include <string>

#include "fs/inode.hpp"

namespace mappedpages::fs {
namespace {

TEST(Inode, IsArithmetic) {
  EXPECT_EQ(Inode(FixedDirectory::Root).bits(), 1U);
  const Inode page(PageNumber{77});
  EXPECT_EQ(page.kind(), InodeKind::Page);
  EXPECT_EQ(page.number(), 77U);
  EXPECT_EQ(Inode(page.bits()), page);
  EXPECT_NE(page, Inode(ProtectedNumber{77}));
  EXPECT_TRUE(Inode(ProtectedNumber{0}).is_page());
  EXPECT_FALSE(Inode(FixedDirectory::Pages).is_page());
}

TEST(Inode, LeavesSixteenBitsFree) {
  for (const InodeKind kind : {InodeKind::Page, InodeKind::ProtectedLink}) {
    EXPECT_EQ(Inode(kind, Inode::kMaxNumber).bits() >> 48U, 0U);
  }
}

TEST(Names, ParseOnlyCanonicalNumbers) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("32543"), 32543U);
  for (const char* name : {"", "00", "07", "-1", "+1", " 3", "3 ", "0x3", "3a",
                           "99999999999999999999", "18446744073709551615", "17592186044416"}) {
    EXPECT_EQ(parse_number(name), std::nullopt) << name;
  }
}

TEST(Names, OfNewFilesAreNumbersOrStagingFiles) {
  EXPECT_EQ(**parse_new_name("12"), 12U);
  EXPECT_EQ(**parse_new_name("0"), 0U);
  const auto error = [](const std::string& name) { return parse_new_name(name).error().value; };
  EXPECT_EQ(error("07"), EINVAL);
  EXPECT_EQ(error("00"), EINVAL);
  EXPECT_EQ(error("99999999999999999999"), ENOSPC);
  EXPECT_EQ(error(std::string(255, '9')), ENOSPC);
  EXPECT_EQ(error(std::string(256, '9')), ENAMETOOLONG);
  EXPECT_EQ(error(std::string(256, 'x')), ENAMETOOLONG);
  for (const std::string& name : {std::string("-1"), std::string("0x3"), std::string("3 "),
                                  std::string("x"), std::string(".3"), std::string(255, 'x')}) {
    ASSERT_TRUE(parse_new_name(name)) << name;
    EXPECT_EQ(*parse_new_name(name), std::nullopt) << name;
  }
}

TEST(Names, OfReceiptsMayCount) {
  EXPECT_EQ(parse_receipt_count("tmp.Xy1")->value, 1U);
  EXPECT_EQ(parse_receipt_count("16@tmp")->value, 16U);
  EXPECT_EQ(parse_receipt_count("16@")->value, 16U);
  EXPECT_EQ(parse_receipt_count("16@a@b")->value, 16U);
  EXPECT_EQ(parse_receipt_count("foo@x")->value, 1U);
  EXPECT_EQ(parse_receipt_count("16")->value, 1U);
  const auto error = [](const std::string& name) {
    return parse_receipt_count(name).error().value;
  };
  for (const char* name : {"@", "@x", "0@x", "01@x", "00@x"})
    EXPECT_EQ(error(name), EINVAL) << name;
  EXPECT_EQ(error("99999999999999999999@x"), ENOSPC);
  EXPECT_EQ(error(std::string(256, 'x')), ENAMETOOLONG);
}

}  // namespace
}  // namespace mappedpages::fs
