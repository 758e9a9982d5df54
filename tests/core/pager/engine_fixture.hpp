// An engine on a file that goes away with the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "mappedpages/engine.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {

inline std::vector<std::byte> filled(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

/// P = 1024 unless `open_new` says otherwise.
class EngineFixture : public testing::Test {
 protected:
  TempDir dir;
  std::filesystem::path path = dir / "db";
  std::unique_ptr<Engine> engine;
  std::size_t page_size = 1024;

  void SetUp() override { open_new(1024); }

  void open_new(std::size_t size, PageCount pages = PageCount{4}) {
    engine.reset();
    std::filesystem::remove(path);
    page_size = size;
    ASSERT_TRUE(Engine::create(path, {.page_size = size, .pages = pages}));
    reopen();
  }
  void reopen() {
    engine.reset();
    auto opened = Engine::open(path);
    ASSERT_TRUE(opened) << opened.error().message();
    engine = *std::move(opened);
  }

  [[nodiscard]] std::vector<std::byte> page_of(int value) const { return filled(page_size, value); }
  [[nodiscard]] std::vector<std::byte> content(PageNumber page) const {
    auto bytes = page_of(0xEE);
    const auto done = engine->read(page, 0, bytes);
    EXPECT_TRUE(done) << done.error().message();
    return bytes;
  }
  [[nodiscard]] std::vector<std::byte> content(ProtectedNumber page) const {
    auto bytes = page_of(0xEE);
    const auto done = engine->read(page, bytes);
    EXPECT_TRUE(done) << done.error().message();
    return bytes;
  }
  void put(PageNumber page, int value) { ASSERT_TRUE(engine->write(page, 0, page_of(value))); }
  void put(ProtectedNumber page, int value) {
    const auto bytes = page_of(value);
    const auto done = engine->commit({.writes = {{page, bytes}}});
    ASSERT_TRUE(done) << done.error().message();
  }

  /// Whether a copy of the file passes a full check. The file itself is locked.
  [[nodiscard]] bool check_is_ok() const {
    EXPECT_TRUE(engine->flush_all());
    const auto copy = dir / "checked";
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    const auto report = Engine::check(copy);
    for (const Problem& problem : report->problems) {
      if (problem.severity == Severity::Error) ADD_FAILURE() << problem.code << problem.detail;
    }
    return report->ok;
  }
};

/// The code of the error, or a failure.
template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result) << "it succeeded";
  return result ? ErrorCode::Io : result.error().code();
}

}  // namespace mappedpages::test
