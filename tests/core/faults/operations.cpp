#include "operations.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/try.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::test {
namespace {

// --- Choices

std::vector<PageNumber> pages_of(const Engine& engine) {
  std::vector<PageNumber> pages;
  for (const PageNumber page : engine.pages()) pages.push_back(page);
  return pages;
}

std::vector<ProtectedNumber> protected_of(const Engine& engine) {
  std::vector<ProtectedNumber> pages;
  for (const ProtectedNumber page : engine.protected_pages()) pages.push_back(page);
  return pages;
}

/// Up to `count` of them, each once.
template <class Number>
std::vector<Number> some_of(std::vector<Number> from, std::size_t count, Random& random) {
  while (from.size() > count) {
    from.erase(from.begin() + static_cast<std::ptrdiff_t>(random.below(from.size())));
  }
  return from;
}

template <class T>
Status status_of(const Result<T>& result) {
  if (!result) return tl::unexpected(result.error());
  return {};
}

/// Where there is no page for it, an operation is one that does nothing.
const Status kNothingToDo{};

// --- Allocation

Status alloc(Engine& engine, Asked& /*asked*/) {
  return status_of(engine.alloc());
}

Status alloc_bulk(Engine& engine, Asked& asked) {
  return status_of(engine.alloc_bulk(PageCount{asked.random.between(2, 5)}));
}

/// More than are free: the file doubles.
Status grow(Engine& engine, Asked& asked) {
  const std::uint64_t count = engine.counts().free.value + asked.random.between(1, 4);
  return status_of(engine.alloc_bulk(PageCount{count}));
}

Status alloc_at(Engine& engine, Asked& asked) {
  const std::uint64_t total = engine.counts().total.value;
  const std::uint64_t page = std::min(total + asked.random.below(9), engine.capacity().value - 1);
  if (engine.use_of(PageNumber{page}) != PageUse::Free) return kNothingToDo;
  return engine.alloc_at(PageNumber{page});
}

Status free_one(Engine& engine, Asked& asked) {
  const auto pages = some_of(pages_of(engine), 1, asked.random);
  return pages.empty() ? kNothingToDo : engine.free(pages.front());
}

Status free_bulk(Engine& engine, Asked& asked) {
  return engine.free_bulk(some_of(pages_of(engine), 3, asked.random));
}

/// With a pin that goes only afterwards.
Status free_pinned(Engine& engine, Asked& asked) {
  const auto pages = some_of(pages_of(engine), 1, asked.random);
  if (pages.empty()) return kNothingToDo;
  TRY_ASSIGN(const PagePin pin, engine.pin(pages.front()));
  return engine.free_when_unpinned(pages.front());
}

Status alloc_protected(Engine& engine, Asked& /*asked*/) {
  return status_of(engine.alloc_protected());
}

/// More than a directory block holds, where pages are small.
Status alloc_protected_bulk(Engine& engine, Asked& asked) {
  return status_of(engine.alloc_protected_bulk(PageCount{asked.random.between(30, 40)}));
}

Status free_protected(Engine& engine, Asked& asked) {
  const auto pages = some_of(protected_of(engine), 1, asked.random);
  return pages.empty() ? kNothingToDo : engine.free_protected(pages.front());
}

Status free_protected_bulk(Engine& engine, Asked& asked) {
  return engine.free_protected_bulk(some_of(protected_of(engine), 3, asked.random));
}

// --- Content

Status write_page(Engine& engine, Asked& asked) {
  const auto pages = some_of(pages_of(engine), 1, asked.random);
  if (pages.empty()) return kNothingToDo;
  const std::uint64_t from = asked.random.below(engine.page_size());
  const auto bytes = asked.random.bytes(asked.random.between(1, engine.page_size() - from));
  asked.written.insert(pages.front().value);
  return engine.write(pages.front(), from, bytes);
}

Status write_and_flush(Engine& engine, Asked& asked) {
  for (int i = 0; i < 2; ++i) TRY(write_page(engine, asked));
  const auto pages = pages_of(engine);
  return pages.empty() ? engine.flush_all() : engine.flush(pages.front());
}

/// Space is reserved for what may be stored. Nothing is: the device is not in memory.
Status view(Engine& engine, Asked& asked) {
  const auto pages = some_of(pages_of(engine), 1, asked.random);
  return pages.empty() ? kNothingToDo : status_of(engine.view_mut(pages.front()));
}

Status commit_writes(Engine& engine, Asked& asked) {
  const auto pages = some_of(protected_of(engine), 2, asked.random);
  const auto bytes = asked.random.bytes(engine.page_size());
  Change change;
  for (const ProtectedNumber page : pages) change.writes.push_back({page, bytes});
  return status_of(engine.commit(change));
}

Status writer(Engine& engine, Asked& asked) {
  const auto pages = some_of(protected_of(engine), 1, asked.random);
  if (pages.empty()) return kNothingToDo;
  TRY_ASSIGN(ProtectedWriter stage, engine.writer(pages.front()));
  std::ranges::copy(asked.random.bytes(100), stage.bytes().begin() + 7);
  Status done = stage.commit();
  // A writer stays after an error, and may commit again.
  while (!done && asked.again && asked.again(done.error())) done = stage.commit();
  return done;
}

Status change(Engine& engine, Asked& asked) {
  const auto bytes = asked.random.bytes(engine.page_size());
  Change all;
  all.alloc_pages = PageCount{2};
  all.alloc_protected = PageCount{1};
  all.free_pages = some_of(pages_of(engine), 1, asked.random);
  const auto pages = some_of(protected_of(engine), 2, asked.random);
  if (!pages.empty()) all.writes.push_back({pages.front(), bytes});
  if (pages.size() > 1) all.free_protected = {pages.back()};
  return status_of(engine.commit(all));
}

Status batch(Engine& engine, Asked& asked) {
  Batch batch = engine.batch();
  TRY_ASSIGN(const auto pages, batch.alloc_bulk(PageCount{2}));
  TRY_ASSIGN(const ProtectedNumber made, batch.alloc_protected());
  TRY_ASSIGN(const auto first, batch.fill(pages.front()));
  std::ranges::copy(asked.random.bytes(first.size()), first.begin());
  TRY_ASSIGN(const auto content, batch.edit(made));
  std::ranges::copy(asked.random.bytes(content.size()), content.begin());
  for (const PageNumber page : some_of(pages_of(engine), 1, asked.random)) TRY(batch.free(page));
  const auto old = some_of(protected_of(engine), 2, asked.random);
  if (!old.empty()) TRY(batch.relocate(old.front()));
  if (old.size() > 1) TRY(batch.free_protected(old.back()));
  Status done = batch.commit();
  // After an error it is as it was.
  while (!done && asked.again && asked.again(done.error())) done = batch.commit();
  return done;
}

Status async(Engine& engine, Asked& asked) {
  const auto bytes = asked.random.bytes(engine.page_size());
  Change change;
  change.alloc_pages = PageCount{1};
  change.free_pages = some_of(pages_of(engine), 1, asked.random);
  for (const ProtectedNumber page : some_of(protected_of(engine), 1, asked.random)) {
    change.writes.push_back({page, bytes});
  }
  return status_of(engine.commit_async(change).get());
}

Status read(Engine& engine, Asked& asked) {
  std::vector<std::byte> bytes(engine.page_size());
  for (const PageNumber page : some_of(pages_of(engine), 2, asked.random)) {
    TRY(engine.read(page, 0, bytes));
  }
  for (const ProtectedNumber page : some_of(protected_of(engine), 2, asked.random)) {
    TRY(engine.read(page, bytes));
  }
  return {};
}

// --- The file as a whole

Status defragment(Engine& engine, Asked& /*asked*/) {
  const DefragmentOptions all{.relocate = [](PageNumber, PageNumber, Batch&) { return Status{}; }};
  return status_of(engine.defragment(all));
}

/// The copy is looked at: it is complete, or the call says that it failed.
Status snapshot(Engine& engine, Asked& /*asked*/) {
  MemoryFile target(std::make_shared<MemoryBytes>());
  TRY(static_cast<const Engine&>(engine).snapshot(target));
  TRY_ASSIGN(const auto report, Engine::check(target));
  if (report.ok) return {};
  return tl::unexpected(Error(ErrorCode::CorruptMetadata, "a snapshot that is damaged"));
}

Status close(Engine& engine, Asked& /*asked*/) {
  return engine.close();
}

Status flush_all(Engine& engine, Asked& /*asked*/) {
  return engine.flush_all();
}

}  // namespace

std::span<const Operation> all_operations() {
  static const std::vector<Operation> all{
      {"alloc", alloc},
      {"alloc_bulk", alloc_bulk},
      {"grow", grow},
      {"alloc_at", alloc_at},
      {"free", free_one},
      {"free_bulk", free_bulk},
      {"free_pinned", free_pinned},
      {"alloc_protected", alloc_protected},
      {"alloc_protected_bulk", alloc_protected_bulk},
      {"free_protected", free_protected},
      {"free_protected_bulk", free_protected_bulk},
      {"write", write_page},
      {"write_and_flush", write_and_flush, true},
      {"view", view},
      {"commit", commit_writes},
      {"writer", writer},
      {"change", change},
      {"batch", batch},
      {"async", async},
      {"read", read},
      {"defragment", defragment},
      {"snapshot", snapshot},
      {"flush_all", flush_all, true},
      {"close", close, true},
  };
  return all;
}

}  // namespace mappedpages::test
