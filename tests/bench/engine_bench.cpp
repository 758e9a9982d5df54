// What the engine costs: opening against the number of data pages, iterating, allocating, and
// commits as multiples of f0 with the flushes that they took.
// The files are in TMPDIR.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mappedpages/engine.hpp"
#include "support/temp_dir.hpp"

namespace mappedpages::test {
namespace {

constexpr std::size_t kPage = 4096;
using Clock = std::chrono::steady_clock;

template <class Value>
Value must(Result<Value> result) {
  if (result) return *std::move(result);
  std::cerr << "engine_bench: " << result.error().message() << '\n';
  std::exit(1);
}
void must(const Status& status) {
  if (status) return;
  std::cerr << "engine_bench: " << status.error().message() << '\n';
  std::exit(1);
}

/// A file with so many regular pages, and its engine.
class BenchFile {
 public:
  BenchFile(std::uint64_t pages, std::uint64_t protected_pages, bool no_sync = false)
      : no_sync_(no_sync) {
    must(Engine::create(path(), {.page_size = kPage}));
    auto engine = open();
    if (pages > 0) must(engine->alloc_bulk(PageCount{pages}));
    if (protected_pages > 0) must(engine->alloc_protected_bulk(PageCount{protected_pages}));
    must(engine->close());
  }

  [[nodiscard]] std::filesystem::path path() const { return dir_ / "db"; }

  [[nodiscard]] std::unique_ptr<Engine> open(Access access = Access::ReadWrite) const {
    return must(Engine::open(path(), {.access = access, .no_sync = no_sync_}));
  }

 private:
  const TempDir dir_;
  const bool no_sync_;
};

/// The median seconds of a 4 KiB pwrite into a written file and a fdatasync.
double f0() {
  const TempDir dir;
  const int fd = ::open((dir / "f0").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  const std::vector<char> page(kPage, 'x');
  std::vector<double> times;
  for (int n = 0; n < 101; ++n) {
    const auto start = Clock::now();
    if (::pwrite(fd, page.data(), page.size(), 0) < 0 || ::fdatasync(fd) < 0) std::exit(1);
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  ::close(fd);
  std::ranges::nth_element(times, times.begin() + 50);
  return times[50];
}

/// Seconds per call as a multiple of f0, and how often the device was flushed for it.
template <class Call>
void measure_commits(benchmark::State& state, Engine& engine, Call&& call) {
  const double unit = f0();
  const std::uint64_t before = engine.stats().flushes;
  const auto start = Clock::now();
  for (auto _ : state) call();
  const std::chrono::duration<double> taken = Clock::now() - start;
  const auto calls = static_cast<double>(state.iterations());
  state.counters["f0"] = taken.count() / calls / unit;
  state.counters["flushes"] = static_cast<double>(engine.stats().flushes - before) / calls;
}

// --- Opening

/// Independent of the number of data pages: the bitmap is one page.
void open_read_only(benchmark::State& state) {
  const BenchFile file(static_cast<std::uint64_t>(state.range(0)), 10);
  for (auto _ : state) benchmark::DoNotOptimize(file.open(Access::ReadOnly));
}
BENCHMARK(open_read_only)->ArgName("pages")->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(32'000);

/// With the opening group and a close, without their flushes.
void open_for_writing(benchmark::State& state) {
  const BenchFile file(static_cast<std::uint64_t>(state.range(0)), 10, true);
  for (auto _ : state) must(file.open()->close());
}
BENCHMARK(open_for_writing)->ArgName("pages")->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(32'000);

// --- Looking

void iterate(benchmark::State& state) {
  const BenchFile file(static_cast<std::uint64_t>(state.range(0)), 3'000);
  const auto engine = file.open(Access::ReadOnly);
  std::uint64_t seen = 0;
  for (auto _ : state) {
    for (const PageNumber page : engine->pages()) benchmark::DoNotOptimize(page), ++seen;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(seen));
}
BENCHMARK(iterate)->ArgName("pages")->Arg(1'000)->Arg(16'000);

void read_page(benchmark::State& state) {
  const BenchFile file(100, 1);
  const auto engine = file.open(Access::ReadOnly);
  std::vector<std::byte> bytes(kPage);
  const PageNumber page = *engine->pages().begin();
  for (auto _ : state) must(engine->read(page, 0, bytes));
}
BENCHMARK(read_page);

void read_protected_page(benchmark::State& state) {
  const BenchFile file(100, 1);
  const auto engine = file.open(Access::ReadOnly);
  std::vector<std::byte> bytes(kPage);
  for (auto _ : state) must(engine->read(ProtectedNumber{0}, bytes));
}
BENCHMARK(read_protected_page);

// --- Changing

/// A page is allocated and freed again, so that the number of pages stays.
void alloc_and_free_without_flushes(benchmark::State& state) {
  const BenchFile file(static_cast<std::uint64_t>(state.range(0)), 0, true);
  const auto engine = file.open();
  for (auto _ : state) must(engine->free(must(engine->alloc())));
}
BENCHMARK(alloc_and_free_without_flushes)->ArgName("pages")->Arg(100)->Arg(32'000);

void durable_alloc(benchmark::State& state) {
  const BenchFile file(2'000, 0);
  const auto engine = file.open();
  measure_commits(state, *engine, [&] { must(engine->alloc()); });
}
BENCHMARK(durable_alloc)->Iterations(300)->UseRealTime();

void durable_bulk_alloc(benchmark::State& state) {
  const BenchFile file(100, 0);
  const auto engine = file.open();
  measure_commits(state, *engine, [&] { must(engine->alloc_bulk(PageCount{64})); });
}
BENCHMARK(durable_bulk_alloc)->Iterations(100)->UseRealTime();

void protected_commit(benchmark::State& state) {
  const BenchFile file(100, 10);
  const auto engine = file.open();
  std::uint8_t serial = 0;
  measure_commits(state, *engine, [&] {
    auto writer = must(engine->writer(ProtectedNumber{3}));
    std::ranges::fill(writer.bytes(), static_cast<std::byte>(++serial));
    must(writer.commit());
  });
}
BENCHMARK(protected_commit)->Iterations(300)->UseRealTime();

/// Each thread has a page of its own; they share groups.
void protected_commits_of_16_threads(benchmark::State& state) {
  constexpr unsigned kThreads = 16;
  constexpr unsigned kCommits = 50;
  const BenchFile file(100, kThreads);
  const auto engine = file.open();
  measure_commits(state, *engine, [&] {
    std::vector<std::thread> threads;
    for (std::uint64_t page = 0; page < kThreads; ++page) {
      threads.emplace_back([&engine, page] {
        for (unsigned n = 0; n < kCommits; ++n) {
          auto writer = must(engine->writer(ProtectedNumber{page}));
          std::ranges::fill(writer.bytes(), static_cast<std::byte>(n));
          must(writer.commit());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  // As commits: what a group costs, shared by those who are in it.
  constexpr double kAll = kThreads * kCommits;
  state.counters["commits_per_f0"] = kAll / double(state.counters["f0"]);
  state.counters["f0"] = double(state.counters["f0"]) / kAll;
  state.counters["flushes"] = double(state.counters["flushes"]) / kAll;
}
BENCHMARK(protected_commits_of_16_threads)->Iterations(3)->UseRealTime();

}  // namespace
}  // namespace mappedpages::test

BENCHMARK_MAIN();
