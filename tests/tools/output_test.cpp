// How the program speaks: streams, terminals, names that it is called by.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "run_tool.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {
namespace {

namespace fs = std::filesystem;

class Output : public testing::Test {
 protected:
  TempDir dir;
  fs::path db = dir / "db";
  void create() const { ASSERT_EQ(run_tool({"create", "-q", db}).exit, 0); }
};

TEST_F(Output, CreateMakesWhatWasAskedFor) {
  for (const auto& [size, bytes] : std::map<std::string, std::uintmax_t>{
           {"4096", 4096}, {"4k", 4096}, {"64K", 65536}, {"1M", 1 << 20}}) {
    const fs::path made = dir / size;
    const Outcome outcome = run_tool({"create", "--page-size", size, "--pages", "7", made});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err.find("warning"), std::string::npos) << outcome.err;
    EXPECT_EQ(fs::file_size(made), 7 * bytes);
    EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(run_tool({"check", made}).exit, 0);
  }
}

TEST_F(Output, CreateWarnsOfPagesThatShareBlocks) {
  EXPECT_NE(run_tool({"create", "-s", "1k", db}).err.find("warning"), std::string::npos);
  EXPECT_EQ(run_tool({"create", "-q", "-s", "1k", dir / "quiet"}).err, "");
}

TEST_F(Output, LinksAreCommands) {
  const Outcome made = run_tool({"-s", "64k", db}, {.called_as = "/usr/sbin/mkfs.mappedpages"});
  EXPECT_EQ(made.exit, 0) << made.err;
  EXPECT_EQ(fs::file_size(db), 4 * 65536U);
  const Outcome checked = run_tool({"-a", db}, {.called_as = "fsck.mappedpages"});
  EXPECT_EQ(checked.exit, 0) << checked.err;
  EXPECT_EQ(checked.out, db.string() + ": clean\n");
}

TEST_F(Output, HelpAndVersion) {
  for (const std::string command : {"create", "info", "ls", "check"}) {
    const Outcome outcome = run_tool({command, "--help"});
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_NE(outcome.out.find("Examples:\n  mappedpages " + command), std::string::npos);
    EXPECT_NE(run_tool({"--help"}).out.find(command), std::string::npos);
    EXPECT_TRUE(run_tool({command, "--version"}).out.starts_with("mappedpages "));
  }
  EXPECT_TRUE(run_tool({"-V"}).out.starts_with("mappedpages "));
}

TEST_F(Output, QuietCheckOfACleanFileSaysNothing) {
  create();
  const Outcome outcome = run_tool({"check", "-q", db});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST_F(Output, AFullStandardOutputIsAnError) {
  create();
  for (const std::string command : {"info", "ls", "check"}) {
    const Outcome outcome = run_tool({command, db}, {.out_to = "/dev/full"});
    EXPECT_EQ(outcome.exit, command == "check" ? 8 : 2);
    EXPECT_NE(outcome.err.find("cannot write to standard output"), std::string::npos);
  }
  EXPECT_EQ(run_tool({"--help"}, {.out_to = "/dev/full"}).exit, 2);
}

TEST_F(Output, AReaderThatLeftIsAnErrorExitAndNoSignal) {
  create();
  const Outcome outcome = run_tool({"info", db}, {.out_is_left_pipe = true});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Output, ClosedStreamsNeverBecomeTheFile) {
  create();
  EXPECT_EQ(run_tool({"info", db}, {.closed = {STDOUT_FILENO}}).exit, 2);
  const fs::path made = dir / "made";
  const Circumstances closed{.closed = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}};
  EXPECT_EQ(run_tool({"create", "-s", "1k", made}, closed).exit, 0);
  ASSERT_EQ(run_tool({"create", "-q", "-s", "1k", dir / "same"}).exit, 0);
  EXPECT_EQ(state_of(made).bytes, state_of(dir / "same").bytes);
}

TEST_F(Output, ColourIsForTerminalsOnly) {
  const std::string escape = "\033[";
  EXPECT_NE(run_tool({"info", db}, {.on_terminal = "xterm"}).err.find(escape), std::string::npos);
  EXPECT_EQ(run_tool({"info", db}).err.find(escape), std::string::npos);
  for (const Circumstances& plain : {Circumstances{.on_terminal = "xterm", .no_color = true},
                                     Circumstances{.on_terminal = "dumb"}}) {
    const Outcome outcome = run_tool({"info", db}, plain);
    EXPECT_EQ(outcome.err.find(escape), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("error: "), std::string::npos) << outcome.err;
  }
}

TEST_F(Output, ProgressIsForTerminalsOnly) {
  const fs::path fixture = fs::path(MAPPEDPAGES_FIXTURES) / "protected-1024.bin";
  const std::string bar = "checking [";
  EXPECT_NE(run_tool({"check", fixture}, {.on_terminal = "xterm"}).err.find(bar),
            std::string::npos);
  EXPECT_EQ(run_tool({"check", "-q", fixture}, {.on_terminal = "xterm"}).err, "");
  EXPECT_EQ(run_tool({"check", fixture}).err, "");
}

}  // namespace
}  // namespace mappedpages::test
