// A tree over a pager file, without a mount.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "fs/namespace.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::fs {

class TreeTest : public testing::Test {
 protected:
  static constexpr std::size_t kP = 1024;

  void SetUp() override {
    ASSERT_TRUE(Engine::create(dir / "db", {.page_size = kP}));
    open({.no_sync = true}, CommitOn::Close);
  }
  void open(const OpenOptions& options, CommitOn commit_on) {
    tree.reset();
    engine.reset();
    auto opened = Engine::open(dir / "db", options);
    ASSERT_TRUE(opened) << opened.error().message();
    engine = *std::move(opened);
    tree = std::make_unique<Namespace>(
        *engine, NamespaceOptions{.commit_on = commit_on, .attributes = {}},
        [this](const Error& error) { reported.push_back(error.message()); });
  }
  std::shared_ptr<OpenFile> file(Inode inode, int flags) {
    const auto opened = tree->open(inode, flags);
    if (!opened) {
      ADD_FAILURE() << "errno " << opened.error().value;
      return nullptr;
    }
    handles.push_back(opened->handle);
    return *tree->file(opened->handle);
  }
  static std::vector<std::byte> bytes(const std::string& text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
  }
  static std::string text(const Answer<std::vector<std::byte>>& read) {
    if (!read) return "errno " + std::to_string(read.error().value);
    std::string all;
    for (const std::byte b : *read) all += static_cast<char>(b);
    return all;
  }
  std::string committed(ProtectedNumber page, std::size_t size) {
    std::vector<std::byte> all(kP);
    EXPECT_TRUE(engine->read(page, all));
    all.resize(size);
    return text(all);
  }
  std::vector<std::string> names(Inode directory) {
    std::vector<std::string> found;
    EXPECT_TRUE(tree->list(directory, 2, [&found](std::string_view name, const Entry&, auto) {
      found.emplace_back(name);
      return true;
    }));
    return found;
  }

  test::TempDir dir;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Namespace> tree;
  std::vector<std::uint64_t> handles;
  std::vector<std::string> reported;
};

}  // namespace mappedpages::fs
