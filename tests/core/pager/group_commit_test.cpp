// Threads that commit at once share flushes and lose nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "mappedpages/engine.hpp"
#include "mppg0/create.hpp"
#include "support/memory_file.hpp"

namespace mappedpages {
namespace {

constexpr std::size_t kP = 1024;

/// Memory whose first flush after `close_gate` waits for `open_gate`.
class GatedFile final : public io::StorageFile {
 public:
  explicit GatedFile(std::shared_ptr<test::MemoryBytes> memory) : file_(std::move(memory)) {}

  [[nodiscard]] Result<std::uint64_t> size() const override { return file_.size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_.read_at(offset, out);
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return file_.write_at(offset, bytes);
  }
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return file_.write_and_sync(offset, bytes);
  }
  Status reserve(std::uint64_t size) override { return file_.reserve(size); }
  Status sync() override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return {};
  }
  [[nodiscard]] const std::string& name() const override { return file_.name(); }

  void close_gate() {
    const std::lock_guard lock(mutex_);
    open_ = false;
    waiting_ = 0;
  }
  void wait_for_flush() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  void open_gate() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  test::MemoryFile file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

class GroupCommit : public testing::Test {
 protected:
  std::shared_ptr<test::MemoryBytes> memory = std::make_shared<test::MemoryBytes>();
  GatedFile* file = nullptr;
  std::unique_ptr<Engine> engine;

  void SetUp() override {
    test::MemoryFile empty(memory);
    ASSERT_TRUE(mppg0::format_file(empty, kP, PageCount{4}));
    auto gated = std::make_unique<GatedFile>(memory);
    file = gated.get();
    engine = *Engine::open(std::move(gated));
  }
};

TEST_F(GroupCommit, WhatWaitsWhileACommitRunsIsOneGroup) {
  constexpr int kThreads = 12;
  file->close_gate();
  std::vector<std::jthread> threads;
  threads.emplace_back([this] { EXPECT_TRUE(engine->alloc()); });
  file->wait_for_flush();
  std::atomic<int> started{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, &started] {
      ++started;
      EXPECT_TRUE(engine->alloc());
    });
  }
  while (started < kThreads) std::this_thread::yield();
  const std::uint64_t groups = engine->stats().groups;
  file->open_gate();
  threads.clear();
  EXPECT_EQ(engine->stats().changes, kThreads + 1U);
  // The one that ran, those who waited for it, and whoever came late: at most one group each, and
  // with all of them at the gate far fewer.
  EXPECT_LT(engine->stats().groups - groups, kThreads + 1U);
  EXPECT_EQ(engine->stats().flushes, 3 + 2 * engine->stats().groups);
  EXPECT_EQ(engine->counts().regular, PageCount{kThreads + 1});
}

TEST_F(GroupCommit, OneThatCannotBeDoneFailsAlone) {
  file->close_gate();
  std::vector<std::jthread> threads;
  threads.emplace_back([this] { EXPECT_TRUE(engine->alloc()); });
  file->wait_for_flush();
  threads.emplace_back([this] { EXPECT_FALSE(engine->free(PageNumber{500})); });
  threads.emplace_back([this] { EXPECT_TRUE(engine->alloc_bulk(PageCount{5})); });
  threads.emplace_back([this] { EXPECT_FALSE(engine->alloc_bulk(PageCount{100000})); });
  file->open_gate();
  threads.clear();
  EXPECT_EQ(engine->counts().regular, PageCount{6});
}

TEST_F(GroupCommit, ManyThreadsLoseAndDoubleNothing) {
  constexpr int kThreads = 8;
  constexpr int kSteps = 150;
  std::mutex mutex;
  std::set<PageNumber> owned;
  std::barrier start(kThreads);
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<PageNumber> mine;
    start.arrive_and_wait();
    for (int step = 0; step < kSteps; ++step) {
      if (mine.empty() || random() % 3 != 0) {
        const PageNumber page = *engine->alloc();
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(owned.insert(page).second) << page.value << " handed out twice";
        mine.push_back(page);
      } else {
        const PageNumber page = mine.back();
        mine.pop_back();
        {
          const std::lock_guard lock(mutex);
          owned.erase(page);
        }
        EXPECT_TRUE(engine->free(page));
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  }
  EXPECT_EQ(engine->counts().regular.value, owned.size());
  EXPECT_EQ(engine->stats().changes, kThreads * kSteps);
  EXPECT_TRUE(Engine::check(test::MemoryFile(memory))->ok);
}

TEST_F(GroupCommit, ReadersSeeWholeCommitsWhileWritersCommit) {
  const ProtectedNumber number = *engine->alloc_protected();
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      std::vector<std::byte> bytes(kP);
      while (!stop) {
        const auto info = engine->read(number, bytes);
        ASSERT_TRUE(info) << info.error().message();
        // Commit k fills the page with k.
        EXPECT_EQ(bytes.front(), static_cast<std::byte>(info->generation));
        EXPECT_EQ(bytes.back(), bytes.front());
      }
    });
  }
  for (int value = 1; value <= 200; ++value) {
    const std::vector<std::byte> bytes(kP, static_cast<std::byte>(value));
    ASSERT_TRUE(engine->commit({.writes = {{number, bytes}}}));
  }
  stop = true;
}

}  // namespace
}  // namespace mappedpages
