// What can be written to .ctl/command.
#include "fs/commands.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mappedpages::fs {
namespace {

Reason refusal(std::string_view line) {
  const auto command = parse_command(line);
  EXPECT_FALSE(command) << line;
  return command ? Reason::Unexpected : command.error().reason;
}

template <class Command>
void expect(std::string_view line, const Command& expected) {
  const auto command = parse_command(line);
  ASSERT_TRUE(command) << line;
  ASSERT_TRUE(*command) << line;
  ASSERT_TRUE(std::holds_alternative<Command>(**command)) << line;
  EXPECT_EQ(std::get<Command>(**command), expected) << line;
}

TEST(CommandsTest, Each) {
  expect("free 3 5 9", FreePages{{PageNumber{3}, PageNumber{5}, PageNumber{9}}});
  expect("free 0", FreePages{{PageNumber{0}}});
  expect("free protected 1 0", FreeProtected{{ProtectedNumber{1}, ProtectedNumber{0}}});
  expect("discard protected 7", DiscardStage{ProtectedNumber{7}});
  expect("sync", SyncPages{});
}

TEST(CommandsTest, BlanksAreFree) {
  expect("  free\t3   4 ", FreePages{{PageNumber{3}, PageNumber{4}}});
  expect("\tfree  protected\t3", FreeProtected{{ProtectedNumber{3}}});
  expect(" sync\t", SyncPages{});
  for (const char* line : {"", " ", "\t \t"}) {
    const auto command = parse_command(line);
    ASSERT_TRUE(command);
    EXPECT_FALSE(*command) << "nothing to do";
  }
}

TEST(CommandsTest, WhatIsNone) {
  using namespace std::string_view_literals;
  for (const auto line :
       {"fre 3"sv, "FREE 3"sv, "free"sv, "free "sv, "free protected"sv, "discard"sv, "discard 3"sv,
        "discard protected"sv, "discard protected 1 2"sv, "sync 3"sv, "sync protected"sv, "3"sv,
        "free,3"sv, "sync\r"sv, "sync\0"sv, "\0"sv, "#"sv, "protected free 3"sv}) {
    EXPECT_EQ(refusal(line), Reason::BadCommand) << line;
  }
}

TEST(CommandsTest, NumbersAreThoseOfNames) {
  using namespace std::string_view_literals;
  for (const auto word : {"03"sv, "00"sv, "-3"sv, "+3"sv, "0x3"sv, "3,"sv, "3\r"sv, "3\0"sv,
                          "three"sv, "protected"sv, "3.0"sv, "1e3"sv}) {
    EXPECT_EQ(refusal("free 5 " + std::string(word)), Reason::BadNumber) << word;
    EXPECT_EQ(refusal("free protected " + std::string(word)), Reason::BadNumber) << word;
    EXPECT_EQ(refusal("discard protected " + std::string(word)), Reason::BadNumber) << word;
  }
  expect("free 17592186044415", FreePages{{PageNumber{17592186044415}}});
  EXPECT_EQ(refusal("free 3 17592186044416"), Reason::NotAllocated);
  EXPECT_EQ(refusal("free 3 99999999999999999999999999"), Reason::NotAllocated);
}

TEST(CommandsTest, EachNumberOnce) {
  EXPECT_EQ(refusal("free 3 5 3"), Reason::NumberTwice);
  EXPECT_EQ(refusal("free protected 0 0"), Reason::NumberTwice);
  EXPECT_EQ(parse_command("free 3 5 3").error().detail, "3");
}

TEST(CommandsTest, AnErrorRepeatsTheBeginningOfALongLine) {
  const std::string detail = parse_command(std::string(1000, 'x')).error().detail;
  EXPECT_EQ(detail, "\"" + std::string(40, 'x') + "…\"");
  EXPECT_EQ(parse_command("fre").error().detail, "\"fre\"");
}

TEST(CommandsTest, LinesAreTakenOneAfterAnother) {
  using Lines = std::vector<std::string>;
  const auto lines = [](std::string_view text) {
    Lines taken;
    while (!text.empty()) taken.emplace_back(take_line(text));
    return taken;
  };
  EXPECT_EQ(lines("a\nb\n"), (Lines{"a", "b"}));
  EXPECT_EQ(lines("a\nb"), (Lines{"a", "b"})) << "the last newline may be missing";
  EXPECT_EQ(lines("\n\nb"), (Lines{"", "", "b"}));
  EXPECT_EQ(lines(""), Lines{});
  EXPECT_EQ(lines("\n"), Lines{""});
}

}  // namespace
}  // namespace mappedpages::fs
