// Why a call is refused: every errno that the mount answers with has its reason and a sentence.
#include "fs/reasons.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "fs/errno.hpp"

namespace mappedpages::fs {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ReasonsTest, EachHasItsSentence) {
  std::set<std::string_view> sentences;
  for (const ReasonFacts& facts : all_reasons()) {
    EXPECT_GT(facts.os_error, 0);
    EXPECT_GT(facts.sentence.size(), 10U);
    EXPECT_FALSE(facts.sentence.ends_with('.')) << facts.sentence;
    EXPECT_EQ(facts.sentence.find('\n'), std::string_view::npos) << facts.sentence;
    EXPECT_TRUE(sentences.insert(facts.sentence).second) << "twice: " << facts.sentence;
    EXPECT_EQ(Errno(facts.reason).value, facts.os_error);
    EXPECT_EQ(facts.os_error_name, ::strerrorname_np(facts.os_error));
  }
}

// What the engine answers keeps its errno, but for the files of the disk below.
TEST(ReasonsTest, EveryErrorOfTheEngineIsOne) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::Unavailable); ++code) {
    const Error error(static_cast<ErrorCode>(code), "why");
    const Reason reason = reason_of(error);
    if (reason == Reason::Unexpected) continue;
    EXPECT_EQ(facts_of(reason).os_error, errno_of(error)) << name_of(error.code());
  }
}

// An errno that is named anywhere else would be an answer without a sentence.
TEST(ReasonsTest, NobodyElseNamesAnErrno) {
  const std::set<std::string> of_the_program{"daemon.cpp",      "handshake.cpp", "mountpoint.cpp",
                                             "options.cpp",     "log.cpp",       "process.cpp",
                                             "fuse_session.cpp"};
  // Comparisons with one are no answers.
  const std::regex answers(R"((fail|poison|Errno|fuse_reply_err)\s*[({][^;]*\bE[A-Z]{3,}\b)");
  const std::regex replies(R"(fuse_reply_err\([\w.]+, (?!0\)))");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MAPPEDPAGES_FS_SOURCES)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    if (of_the_program.contains(name) || name == "reasons.cpp") continue;
    ++files;
    const std::string text = text_of(entry.path());
    EXPECT_FALSE(std::regex_search(text, answers)) << name;
    const auto begin = std::sregex_iterator(text.begin(), text.end(), replies);
    EXPECT_EQ(std::distance(begin, {}), name == "fuse_callbacks.cpp" ? 1 : 0) << name;
  }
  EXPECT_GT(files, 20U);
}

}  // namespace
}  // namespace mappedpages::fs
