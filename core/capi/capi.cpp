// The C face: handles around the C++ objects, errors as errno, and no exception past it.
#include <cerrno>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "mappedpages.h"
#include "mappedpages/engine.hpp"
#include "mappedpages/v3/page_allocator.hpp"

struct mappedpages_file {
  explicit mappedpages_file(std::unique_ptr<mappedpages::Engine> e)
      : engine(std::move(e)), pins(*engine) {}

  std::unique_ptr<mappedpages::Engine> engine;
  mappedpages::v3::PageAllocator pins;  // Let go of before the engine.
};

struct mappedpages_writer {
  mappedpages::ProtectedWriter writer;
};

struct mappedpages_batch {
  mappedpages::Batch batch;
};

namespace {

using mappedpages::Engine;
using mappedpages::Error;
using mappedpages::PageCount;
using mappedpages::PageNumber;
using mappedpages::ProtectedNumber;
using mappedpages::Result;
using mappedpages::Status;

std::string& last_error() {
  thread_local std::string text;
  return text;
}

int failed(const Error& error) {
  last_error() = error.message();
  return -errno_of(error);
}

/// Runs `work`, which returns a Status.
template <class Work>
int guarded(const Work& work) noexcept {
  try {
    const Status done = work();
    return done ? 0 : failed(done.error());
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  } catch (const std::exception& surprise) {
    try {
      last_error() = surprise.what();
    } catch (...) {
      return -ENOMEM;
    }
    return -EIO;
  } catch (...) {
    return -EIO;
  }
}

template <class Number>
std::vector<Number> numbers(const std::uint64_t* values, std::uint64_t count) {
  if (count == 0) return {};
  return std::vector<Number>(values, values + count);
}

template <class Number>
void put(const std::vector<Number>& from, std::uint64_t* to) {
  for (const Number number : from) *to++ = number.value;
}

template <class Number>
Status found(const std::optional<Number>& number, std::uint64_t* out) {
  if (!number) {
    return tl::unexpected(Error(mappedpages::ErrorCode::NotAllocated, "there are no more pages"));
  }
  *out = number->value;
  return {};
}

std::span<std::byte> bytes(void* begin, std::size_t size) {
  return {static_cast<std::byte*>(begin), size};
}
std::span<const std::byte> bytes(const void* begin, std::size_t size) {
  return {static_cast<const std::byte*>(begin), size};
}

}  // namespace

const char* mappedpages_version(void) {
  return MAPPEDPAGES_VERSION;
}

const char* mappedpages_last_error(void) {
  return last_error().c_str();
}

// --- Files

int mappedpages_create(const char* path, uint64_t page_size, uint64_t pages) {
  return guarded(
      [&] { return Engine::create(path, {.page_size = page_size, .pages = PageCount{pages}}); });
}

int mappedpages_open(const char* path, unsigned flags, unsigned lock_wait_ms,
                     mappedpages_file** out) {
  *out = nullptr;
  return guarded([&]() -> Status {
    mappedpages::OpenOptions options;
    options.recover = (flags & MAPPEDPAGES_RECOVER) != 0;
    options.no_sync = (flags & MAPPEDPAGES_NO_SYNC) != 0;
    options.lock_wait = std::chrono::milliseconds(lock_wait_ms);
    if ((flags & MAPPEDPAGES_READ_ONLY) != 0) options.access = mappedpages::Access::ReadOnly;
    TRY_ASSIGN(auto engine, Engine::open(path, options));
    *out = new mappedpages_file(std::move(engine));
    return {};
  });
}

int mappedpages_close(mappedpages_file* file) {
  if (file == nullptr) return 0;
  const int done = guarded([&] { return file->engine->close(); });
  delete file;
  return done;
}

int mappedpages_check(const char* path, mappedpages_problem each, void* user, int* ok) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto report, Engine::check(path));
    for (const mappedpages::Problem& problem : report.problems) {
      if (each == nullptr) continue;
      each(user, problem.code.c_str(), static_cast<int>(problem.severity), problem.where.c_str(),
           problem.detail.c_str());
    }
    *ok = report.ok ? 1 : 0;
    return {};
  });
}

int mappedpages_snapshot(const mappedpages_file* file, const char* target) {
  return guarded([&] { return file->engine->snapshot(target); });
}

// --- Facts

uint64_t mappedpages_page_size(const mappedpages_file* file) {
  return file->engine->page_size();
}

int mappedpages_count(const mappedpages_file* file, struct mappedpages_counts* out) {
  return guarded([&]() -> Status {
    const auto counts = file->engine->counts();
    *out = {counts.total.value,
            counts.free.value,
            counts.regular.value,
            counts.protected_pages.value,
            file->engine->capacity().value,
            counts.generation.value};
    return {};
  });
}

int mappedpages_latched(const mappedpages_file* file) {
  return guarded([&]() -> Status {
    if (auto cause = file->engine->latched()) return tl::unexpected(*std::move(cause));
    return {};
  });
}

enum mappedpages_use mappedpages_use_of(const mappedpages_file* file, uint64_t page) {
  using mappedpages::PageUse;
  switch (file->engine->use_of(PageNumber{page})) {
    case PageUse::Free:
      return MAPPEDPAGES_FREE;
    case PageUse::Regular:
      return MAPPEDPAGES_REGULAR;
    case PageUse::Internal:
      return MAPPEDPAGES_INTERNAL;
    case PageUse::Reserved:
      return MAPPEDPAGES_RESERVED;
    case PageUse::OutOfBounds:
      break;
  }
  return MAPPEDPAGES_OUT_OF_BOUNDS;
}

int mappedpages_page_offset(const mappedpages_file* file, uint64_t page, uint64_t* out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(*out, file->engine->page_offset(PageNumber{page}));
    return {};
  });
}

int mappedpages_next_page(const mappedpages_file* file, uint64_t from, uint64_t* out) {
  return guarded([&] { return found(file->engine->next_page(PageNumber{from}), out); });
}

int mappedpages_next_protected(const mappedpages_file* file, uint64_t from, uint64_t* out) {
  return guarded([&] { return found(file->engine->next_protected(ProtectedNumber{from}), out); });
}

// --- Allocation

int mappedpages_alloc(mappedpages_file* file, uint64_t count, uint64_t* pages) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto given, file->engine->alloc_bulk(PageCount{count}));
    put(given, pages);
    return {};
  });
}

int mappedpages_alloc_at(mappedpages_file* file, uint64_t page) {
  return guarded([&] { return file->engine->alloc_at(PageNumber{page}); });
}

int mappedpages_free(mappedpages_file* file, const uint64_t* pages, uint64_t count) {
  return guarded([&] { return file->engine->free_bulk(numbers<PageNumber>(pages, count)); });
}

int mappedpages_alloc_protected(mappedpages_file* file, uint64_t count, uint64_t* numbers_out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto given, file->engine->alloc_protected_bulk(PageCount{count}));
    put(given, numbers_out);
    return {};
  });
}

int mappedpages_free_protected(mappedpages_file* file, const uint64_t* values, uint64_t count) {
  return guarded(
      [&] { return file->engine->free_protected_bulk(numbers<ProtectedNumber>(values, count)); });
}

int mappedpages_free_when_unpinned(mappedpages_file* file, uint64_t page) {
  return guarded([&] { return file->engine->free_when_unpinned(PageNumber{page}); });
}

int mappedpages_pin(mappedpages_file* file, uint64_t page) {
  return guarded([&] { return file->pins.pin_page(PageNumber{page}); });
}

int mappedpages_unpin(mappedpages_file* file, uint64_t page) {
  return guarded([&] { return file->pins.unpin_page(PageNumber{page}); });
}

// --- Plain pages

int mappedpages_read(const mappedpages_file* file, uint64_t page, uint64_t offset, void* out,
                     size_t size) {
  return guarded([&] { return file->engine->read(PageNumber{page}, offset, bytes(out, size)); });
}

int mappedpages_write(mappedpages_file* file, uint64_t page, uint64_t offset, const void* from,
                      size_t size) {
  return guarded([&] { return file->engine->write(PageNumber{page}, offset, bytes(from, size)); });
}

int mappedpages_flush(mappedpages_file* file, uint64_t page) {
  return guarded([&] { return file->engine->flush(PageNumber{page}); });
}

int mappedpages_flush_all(mappedpages_file* file) {
  return guarded([&] { return file->engine->flush_all(); });
}

int mappedpages_view(const mappedpages_file* file, uint64_t page, const void** out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto view, std::as_const(*file->engine).view(PageNumber{page}));
    *out = view.data();
    return {};
  });
}

int mappedpages_view_mut(mappedpages_file* file, uint64_t page, void** out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto view, file->engine->view_mut(PageNumber{page}));
    *out = view.data();
    return {};
  });
}

// --- Protected pages

int mappedpages_read_protected(const mappedpages_file* file, uint64_t number, void* out,
                               uint64_t* generation) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto info,
               file->engine->read(ProtectedNumber{number}, bytes(out, file->engine->page_size())));
    if (generation != nullptr) *generation = info.generation;
    return {};
  });
}

int mappedpages_write_protected(mappedpages_file* file, uint64_t number, const void* from) {
  return guarded([&]() -> Status {
    mappedpages::Change change;
    change.writes.push_back({ProtectedNumber{number}, bytes(from, file->engine->page_size())});
    TRY(file->engine->commit(change));
    return {};
  });
}

int mappedpages_writer_open(mappedpages_file* file, uint64_t number, mappedpages_writer** out) {
  *out = nullptr;
  return guarded([&]() -> Status {
    TRY_ASSIGN(auto writer, file->engine->writer(ProtectedNumber{number}));
    *out = new mappedpages_writer{std::move(writer)};
    return {};
  });
}

void* mappedpages_writer_bytes(mappedpages_writer* writer) {
  return writer->writer.bytes().data();
}

int mappedpages_writer_commit(mappedpages_writer* writer) {
  return guarded([&] { return writer->writer.commit(); });
}

void mappedpages_writer_close(mappedpages_writer* writer) {
  delete writer;
}

// --- Batches

int mappedpages_batch_begin(mappedpages_file* file, mappedpages_batch** out) {
  *out = nullptr;
  return guarded([&]() -> Status {
    *out = new mappedpages_batch{file->engine->batch()};
    return {};
  });
}

int mappedpages_batch_alloc(mappedpages_batch* batch, uint64_t count, uint64_t* pages) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto given, batch->batch.alloc_bulk(PageCount{count}));
    put(given, pages);
    return {};
  });
}

int mappedpages_batch_alloc_protected(mappedpages_batch* batch, uint64_t count,
                                      uint64_t* numbers_out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto given, batch->batch.alloc_protected_bulk(PageCount{count}));
    put(given, numbers_out);
    return {};
  });
}

int mappedpages_batch_free(mappedpages_batch* batch, uint64_t page) {
  return guarded([&] { return batch->batch.free(PageNumber{page}); });
}

int mappedpages_batch_free_protected(mappedpages_batch* batch, uint64_t number) {
  return guarded([&] { return batch->batch.free_protected(ProtectedNumber{number}); });
}

int mappedpages_batch_edit(mappedpages_batch* batch, uint64_t number, void** out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto staged, batch->batch.edit(ProtectedNumber{number}));
    *out = staged.data();
    return {};
  });
}

int mappedpages_batch_fill(mappedpages_batch* batch, uint64_t page, void** out) {
  return guarded([&]() -> Status {
    TRY_ASSIGN(const auto content, batch->batch.fill(PageNumber{page}));
    *out = content.data();
    return {};
  });
}

int mappedpages_batch_commit(mappedpages_batch* batch) {
  return guarded([&] { return batch->batch.commit(); });
}

void mappedpages_batch_drop(mappedpages_batch* batch) {
  delete batch;
}
