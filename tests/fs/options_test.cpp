// The command line.
#include "fs/options.hpp"

#include <gtest/gtest.h>

namespace mappedpages::fs {
namespace {

Options parse(const std::vector<std::string>& words) {
  const auto request = parse_command_line(words);
  if (!request) {
    ADD_FAILURE() << request.error().message;
    return {};
  }
  EXPECT_FALSE(request->print);
  return request->options;
}

TEST(CommandLine, WordsMayStandAnywhere) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"db", "m", "-o", "ro,commit=fsync", "-f"},
                                             {"-f", "-o", "ro", "db", "-o", "commit=fsync", "m"},
                                             {"-o", "commit=fsync", "-f", "db", "m", "-oro"}}) {
    const Options options = parse(words);
    EXPECT_EQ(options.db, "db");
    EXPECT_EQ(options.mountpoint, "m");
    EXPECT_TRUE(options.read_only);
    EXPECT_TRUE(options.foreground);
    EXPECT_EQ(options.commit_on, CommitOn::Fsync);
  }
}

TEST(CommandLine, CreateTakesItsSizeOnlyWithAnEqualsSign) {
  EXPECT_FALSE(parse({"db", "m"}).create);
  const Options plain = parse({"--create", "4k", "m"});
  EXPECT_EQ(plain.create, 4096U);
  EXPECT_EQ(plain.db, "4k");
  EXPECT_EQ(parse({"--create=64k", "db", "m"}).create, 65536U);
  EXPECT_EQ(parse({"--create=16M", "db", "m"}).create, 16U << 20U);
  EXPECT_EQ(parse({"--create=1024", "db", "m"}).create, 1024U);
}

TEST(CommandLine, OptionsOfMountAreSwallowed) {
  const Options options =
      parse({"db", "m", "-o",
             "rw,dev,suid,_netdev,nofail,x-systemd.idle,X-mount.mkdir,user=me,auto,,defaults"});
  EXPECT_FALSE(options.read_only);
}

TEST(CommandLine, OwnersAndPermissions) {
  const Options options = parse({"db", "m", "-o", "uid=7,gid=8,umask=027,allow_other"});
  EXPECT_EQ(options.uid, 7U);
  EXPECT_EQ(options.gid, 8U);
  EXPECT_EQ(options.umask, static_cast<mode_t>(027));
  EXPECT_TRUE(options.allow_other);
}

TEST(CommandLine, UntrustedIsReadOnlyToo) {
  EXPECT_FALSE(parse({"db", "m"}).untrusted);
  for (const char* list : {"untrusted", "untrusted,rw", "rw,untrusted,recover"}) {
    EXPECT_TRUE(parse({"db", "m", "-o", list}).untrusted);
    EXPECT_TRUE(parse({"db", "m", "-o", list}).read_only);
  }
}

TEST(CommandLine, PathsOfFilesAreMadeAbsolute) {
  const Options options = parse({"db", "m", "--log-file", "log", "--pidfile=pid"});
  EXPECT_EQ(options.log_file.front(), '/');
  EXPECT_EQ(options.pid_file.front(), '/');
}

TEST(CommandLine, DebugImpliesForeground) {
  EXPECT_TRUE(parse({"-d", "db", "m"}).foreground);
  EXPECT_TRUE(parse({"db", "m", "-o", "debug"}).foreground);
}

TEST(CommandLine, PathsAreTakenAsTheyAre) {
  for (const std::string path : {"[a,b]", "[]", "a b", "{}", "%%", "a=b", "a,b"}) {
    const Options options = parse({path, path});
    EXPECT_EQ(options.db, path);
    EXPECT_EQ(options.mountpoint, path);
  }
  EXPECT_EQ(parse({"--", "-f", "--help"}).mountpoint, "--help");
  EXPECT_EQ(parse({"--", "db", "--create="}).mountpoint, "--create=");
}

TEST(CommandLine, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{}, "0 words"},
      {{"db"}, "1 word"},
      {{"a", "b", "c"}, "3 words"},
      {{"db", "m", "-o", "foo"}, "foo"},
      {{"db", "m", "-o", "foo=bar"}, "foo=bar"},
      {{"db", "m", "-o", "commit=x"}, "commit=x"},
      {{"db", "m", "-o", "uid=-1"}, "uid=-1"},
      {{"db", "m", "-o", "umask=9"}, "umask=9"},
      {{"db", "m", "--create=1000"}, "1000"},
      {{"db", "m", "--create=0"}, "power of two"},
      {{"db", "m", "--create=99999999999999999999"}, "power of two"},
      {{"db", "m", "--create=32M"}, "power of two"},
      {{"db", "m", "--create="}, "--create= is empty"},
      {{"", "m"}, "DB is empty"},
      {{"db", ""}, "MOUNTPOINT is empty"},
      {{"db", "m", "--log-file", ""}, "--log-file is empty"},
      {{"db", "m", "--pidfile="}, "--pidfile"},
      {{"db", "m", "-o", "ro,remount"}, "unmount it"},
      {{"db", "m", "--nothing"}, "--nothing"}};
  for (const auto& [words, part] : cases) {
    const auto request = parse_command_line(words);
    ASSERT_FALSE(request) << part;
    EXPECT_EQ(request.error().code, ExitCode::Usage);
    EXPECT_NE(request.error().message.find(part), std::string::npos) << request.error().message;
    EXPECT_EQ(request.error().message.find('\n'), std::string::npos);
  }
}

TEST(CommandLine, HelpAndVersionArePrinted) {
  EXPECT_NE(parse_command_line({"-h"})->print->find("MOUNTPOINT"), std::string::npos);
  EXPECT_NE(parse_command_line({"--version"})->print->find("mappedpagesfs"), std::string::npos);
}

}  // namespace
}  // namespace mappedpages::fs
