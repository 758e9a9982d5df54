// The C face: handles around the C++ objects, errors as errno, and no exception past it.
#include <cerrno>
#include <chrono>
#include <exception>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "capi/held_pins.hpp"
#include "mappedpages.h"
#include "mappedpages/engine.hpp"

struct mappedpages_file {
  explicit mappedpages_file(std::unique_ptr<mappedpages::Engine> e)
      : engine(std::move(e)), pins(*engine), protected_pins(*engine) {}

  std::unique_ptr<mappedpages::Engine> engine;
  // Let go of before the engine.
  mappedpages::capi::HeldPins<mappedpages::PageNumber> pins;
  mappedpages::capi::HeldPins<mappedpages::ProtectedNumber> protected_pins;
};

struct mappedpages_writer {
  explicit mappedpages_writer(mappedpages::ProtectedWriter w) : writer(std::move(w)) {}

  mappedpages::ProtectedWriter writer;
};

struct mappedpages_batch {
  explicit mappedpages_batch(mappedpages::Batch b) : batch(std::move(b)) {}

  mappedpages::Batch batch;
};

namespace {

using mappedpages::Engine;
using mappedpages::Error;
using mappedpages::ErrorCode;
using mappedpages::PageCount;
using mappedpages::PageNumber;
using mappedpages::ProtectedNumber;
using mappedpages::Result;
using mappedpages::Status;

std::string& last_error() {
  thread_local std::string text;
  return text;
}

/// What is left to say when there is no memory to say it in.
int failed(int os_error, const char* why) noexcept {
  try {
    last_error() = why;
  } catch (...) {
    last_error().clear();
  }
  return -os_error;
}

int failed(const Error& error) {
  last_error() = error.message();
  return -errno_of(error);
}

using Pointers = std::initializer_list<const void*>;

/// Runs `work`, which returns a Status, if none of the pointers that it needs is null.
template <class Work>
int guarded(Pointers needed, const Work& work) noexcept {
  for (const void* pointer : needed) {
    if (pointer == nullptr) return failed(EINVAL, "a null pointer");
  }
  try {
    const Status done = work();
    return done ? 0 : failed(done.error());
  } catch (const std::bad_alloc&) {
    return failed(ENOMEM, "out of memory");
  } catch (const std::exception& surprise) {
    return failed(EIO, surprise.what());
  } catch (...) {
    return failed(EIO, "an unknown exception");
  }
}

/// The same for `work` that returns a Result, whose value is stored in *out: null after an error.
template <class Given, class Work>
int give(Given** out, const void* from, const Work& work) noexcept {
  if (out == nullptr) return failed(EINVAL, "a null pointer");
  *out = nullptr;
  return guarded({from}, [&]() -> Status {
    TRY_ASSIGN(*out, work());
    return {};
  });
}

/// For an array that may be null where it is empty.
const void* unless_empty(std::uint64_t count, const void* array) {
  static constexpr char kSomething = 0;
  return count == 0 ? &kSomething : array;
}

/// The pages that a caller names. There cannot be more of them than the file can have, so a wild
/// count is refused before anything is read.
template <class Number>
Result<std::vector<Number>> numbers(const Engine& engine, const std::uint64_t* values,
                                    std::uint64_t count) {
  if (count > engine.capacity().value) {
    return tl::unexpected(Error(ErrorCode::InvalidArgument,
                                std::to_string(count) + " pages are more than the file can have"));
  }
  if (count == 0) return std::vector<Number>{};
  return std::vector<Number>(values, values + count);
}

template <class Number>
void put(const std::vector<Number>& from, std::uint64_t* to) {
  for (const Number number : from) *to++ = number.value;
}

template <class Number>
Status found(const std::optional<Number>& number, std::uint64_t* out) {
  if (!number) return tl::unexpected(Error(ErrorCode::NotAllocated, "there are no more pages"));
  *out = number->value;
  return {};
}

std::span<std::byte> bytes(void* begin, std::size_t size) {
  return {static_cast<std::byte*>(begin), size};
}
std::span<const std::byte> bytes(const void* begin, std::size_t size) {
  return {static_cast<const std::byte*>(begin), size};
}

Result<mappedpages::OpenOptions> options_of(unsigned flags, unsigned lock_wait_ms) {
  constexpr unsigned kKnown =
      unsigned{MAPPEDPAGES_READ_ONLY} | MAPPEDPAGES_RECOVER | MAPPEDPAGES_NO_SYNC;
  if ((flags & ~kKnown) != 0) {
    return tl::unexpected(Error(ErrorCode::InvalidArgument, "a flag that is not known"));
  }
  mappedpages::OpenOptions options;
  options.recover = (flags & MAPPEDPAGES_RECOVER) != 0;
  options.no_sync = (flags & MAPPEDPAGES_NO_SYNC) != 0;
  options.lock_wait = std::chrono::milliseconds(lock_wait_ms);
  if ((flags & MAPPEDPAGES_READ_ONLY) != 0) options.access = mappedpages::Access::ReadOnly;
  return options;
}

}  // namespace

const char* mappedpages_version(void) noexcept {
  return MAPPEDPAGES_VERSION;
}

const char* mappedpages_last_error(void) noexcept {
  return last_error().c_str();
}

// --- Files

int mappedpages_create(const char* path, uint64_t page_size, uint64_t pages) noexcept {
  return guarded({path}, [&] {
    return Engine::create(path, {.page_size = page_size, .pages = PageCount{pages}});
  });
}

int mappedpages_open(const char* path, unsigned flags, unsigned lock_wait_ms,
                     mappedpages_file** out) noexcept {
  return give(out, path, [&]() -> Result<mappedpages_file*> {
    TRY_ASSIGN(const auto options, options_of(flags, lock_wait_ms));
    TRY_ASSIGN(auto engine, Engine::open(path, options));
    return std::make_unique<mappedpages_file>(std::move(engine)).release();
  });
}

int mappedpages_close(mappedpages_file* file) noexcept {
  if (file == nullptr) return 0;
  const std::unique_ptr<mappedpages_file> owned(file);
  return guarded({}, [&] { return file->engine->close(); });
}

int mappedpages_check(const char* path, mappedpages_problem each, void* user, int* ok) noexcept {
  return guarded({path, ok}, [&]() -> Status {
    TRY_ASSIGN(const auto report, Engine::check(path));
    *ok = report.ok ? 1 : 0;
    if (each == nullptr) return {};
    for (const mappedpages::Problem& problem : report.problems) {
      each(user, problem.code.c_str(), static_cast<int>(problem.severity), problem.where.c_str(),
           problem.detail.c_str());
    }
    return {};
  });
}

int mappedpages_snapshot(const mappedpages_file* file, const char* target) noexcept {
  return guarded({file, target}, [&] { return file->engine->snapshot(target); });
}

// --- Facts

uint64_t mappedpages_page_size(const mappedpages_file* file) noexcept {
  return file == nullptr ? 0 : file->engine->page_size();
}

int mappedpages_count(const mappedpages_file* file, struct mappedpages_counts* out) noexcept {
  return guarded({file, out}, [&]() -> Status {
    const auto counts = file->engine->counts();
    *out = {.total = counts.total.value,
            .free = counts.free.value,
            .regular = counts.regular.value,
            .protected_pages = counts.protected_pages.value,
            .capacity = file->engine->capacity().value,
            .generation = counts.generation.value};
    return {};
  });
}

int mappedpages_latched(const mappedpages_file* file) noexcept {
  return guarded({file}, [&]() -> Status {
    if (auto cause = file->engine->latched()) return tl::unexpected(*std::move(cause));
    return {};
  });
}

enum mappedpages_use mappedpages_use_of(const mappedpages_file* file, uint64_t page) noexcept {
  using mappedpages::PageUse;
  if (file == nullptr) return MAPPEDPAGES_OUT_OF_BOUNDS;
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

int mappedpages_page_offset(const mappedpages_file* file, uint64_t page, uint64_t* out) noexcept {
  return guarded({file, out}, [&]() -> Status {
    TRY_ASSIGN(*out, file->engine->page_offset(PageNumber{page}));
    return {};
  });
}

int mappedpages_next_page(const mappedpages_file* file, uint64_t from, uint64_t* out) noexcept {
  return guarded({file, out},
                 [&] { return found(file->engine->next_page(PageNumber{from}), out); });
}

int mappedpages_next_protected(const mappedpages_file* file, uint64_t from,
                               uint64_t* out) noexcept {
  return guarded({file, out},
                 [&] { return found(file->engine->next_protected(ProtectedNumber{from}), out); });
}

// --- Allocation

int mappedpages_alloc(mappedpages_file* file, uint64_t count, uint64_t* pages) noexcept {
  return guarded({file, unless_empty(count, pages)}, [&]() -> Status {
    TRY_ASSIGN(const auto given, file->engine->alloc_bulk(PageCount{count}));
    put(given, pages);
    return {};
  });
}

int mappedpages_alloc_at(mappedpages_file* file, uint64_t page) noexcept {
  return guarded({file}, [&] { return file->engine->alloc_at(PageNumber{page}); });
}

int mappedpages_free(mappedpages_file* file, const uint64_t* pages, uint64_t count) noexcept {
  return guarded({file, unless_empty(count, pages)}, [&]() -> Status {
    TRY_ASSIGN(const auto named, numbers<PageNumber>(*file->engine, pages, count));
    return file->engine->free_bulk(named);
  });
}

int mappedpages_alloc_protected(mappedpages_file* file, uint64_t count,
                                uint64_t* given_numbers) noexcept {
  return guarded({file, unless_empty(count, given_numbers)}, [&]() -> Status {
    TRY_ASSIGN(const auto given, file->engine->alloc_protected_bulk(PageCount{count}));
    put(given, given_numbers);
    return {};
  });
}

int mappedpages_free_protected(mappedpages_file* file, const uint64_t* values,
                               uint64_t count) noexcept {
  return guarded({file, unless_empty(count, values)}, [&]() -> Status {
    TRY_ASSIGN(const auto named, numbers<ProtectedNumber>(*file->engine, values, count));
    return file->engine->free_protected_bulk(named);
  });
}

int mappedpages_free_when_unpinned(mappedpages_file* file, uint64_t page) noexcept {
  return guarded({file}, [&] { return file->engine->free_when_unpinned(PageNumber{page}); });
}

int mappedpages_free_protected_when_unpinned(mappedpages_file* file, uint64_t number) noexcept {
  return guarded({file}, [&] { return file->engine->free_when_unpinned(ProtectedNumber{number}); });
}

// --- Pins

int mappedpages_pin(mappedpages_file* file, uint64_t page) noexcept {
  return guarded({file}, [&] { return file->pins.add(PageNumber{page}); });
}

int mappedpages_pin_protected(mappedpages_file* file, uint64_t number) noexcept {
  return guarded({file}, [&] { return file->protected_pins.add(ProtectedNumber{number}); });
}

int mappedpages_unpin(mappedpages_file* file, uint64_t page) noexcept {
  return guarded({file}, [&] { return file->pins.remove(PageNumber{page}); });
}

int mappedpages_unpin_protected(mappedpages_file* file, uint64_t number) noexcept {
  return guarded({file}, [&] { return file->protected_pins.remove(ProtectedNumber{number}); });
}

int mappedpages_is_pinned(const mappedpages_file* file, uint64_t page) noexcept {
  if (file == nullptr) return failed(EINVAL, "a null pointer");
  return file->engine->is_pinned(PageNumber{page}) ? 1 : 0;
}

int mappedpages_is_pinned_protected(const mappedpages_file* file, uint64_t number) noexcept {
  if (file == nullptr) return failed(EINVAL, "a null pointer");
  return file->engine->is_pinned(ProtectedNumber{number}) ? 1 : 0;
}

// --- Plain pages

int mappedpages_read(const mappedpages_file* file, uint64_t page, uint64_t offset, void* out,
                     size_t size) noexcept {
  return guarded({file, unless_empty(size, out)},
                 [&] { return file->engine->read(PageNumber{page}, offset, bytes(out, size)); });
}

int mappedpages_write(mappedpages_file* file, uint64_t page, uint64_t offset, const void* from,
                      size_t size) noexcept {
  return guarded({file, unless_empty(size, from)},
                 [&] { return file->engine->write(PageNumber{page}, offset, bytes(from, size)); });
}

int mappedpages_flush(mappedpages_file* file, uint64_t page) noexcept {
  return guarded({file}, [&] { return file->engine->flush(PageNumber{page}); });
}

int mappedpages_flush_all(mappedpages_file* file) noexcept {
  return guarded({file}, [&] { return file->engine->flush_all(); });
}

int mappedpages_view(const mappedpages_file* file, uint64_t page, const void** out) noexcept {
  return give(out, file, [&]() -> Result<const void*> {
    TRY_ASSIGN(const auto view, std::as_const(*file->engine).view(PageNumber{page}));
    return view.data();
  });
}

int mappedpages_view_mut(mappedpages_file* file, uint64_t page, void** out) noexcept {
  return give(out, file, [&]() -> Result<void*> {
    TRY_ASSIGN(const auto view, file->engine->view_mut(PageNumber{page}));
    return view.data();
  });
}

// --- Protected pages

int mappedpages_read_protected(const mappedpages_file* file, uint64_t number, void* out,
                               uint64_t* generation) noexcept {
  return guarded({file, out}, [&]() -> Status {
    TRY_ASSIGN(const auto info,
               file->engine->read(ProtectedNumber{number}, bytes(out, file->engine->page_size())));
    if (generation != nullptr) *generation = info.generation;
    return {};
  });
}

int mappedpages_write_protected(mappedpages_file* file, uint64_t number,
                                const void* from) noexcept {
  return guarded({file, from}, [&]() -> Status {
    mappedpages::Change change;
    change.writes.push_back({ProtectedNumber{number}, bytes(from, file->engine->page_size())});
    TRY(file->engine->commit(change));
    return {};
  });
}

int mappedpages_writer_open(mappedpages_file* file, uint64_t number,
                            mappedpages_writer** out) noexcept {
  return give(out, file, [&]() -> Result<mappedpages_writer*> {
    TRY_ASSIGN(auto writer, file->engine->writer(ProtectedNumber{number}));
    return std::make_unique<mappedpages_writer>(std::move(writer)).release();
  });
}

void* mappedpages_writer_bytes(mappedpages_writer* writer) noexcept {
  return writer == nullptr ? nullptr : writer->writer.bytes().data();
}

int mappedpages_writer_commit(mappedpages_writer* writer) noexcept {
  return guarded({writer}, [&] { return writer->writer.commit(); });
}

void mappedpages_writer_close(mappedpages_writer* writer) noexcept {
  const std::unique_ptr<mappedpages_writer> owned(writer);
}

// --- Batches

int mappedpages_batch_begin(mappedpages_file* file, mappedpages_batch** out) noexcept {
  return give(out, file, [&]() -> Result<mappedpages_batch*> {
    return std::make_unique<mappedpages_batch>(file->engine->batch()).release();
  });
}

int mappedpages_batch_alloc(mappedpages_batch* batch, uint64_t count, uint64_t* pages) noexcept {
  return guarded({batch, unless_empty(count, pages)}, [&]() -> Status {
    TRY_ASSIGN(const auto given, batch->batch.alloc_bulk(PageCount{count}));
    put(given, pages);
    return {};
  });
}

int mappedpages_batch_alloc_protected(mappedpages_batch* batch, uint64_t count,
                                      uint64_t* given_numbers) noexcept {
  return guarded({batch, unless_empty(count, given_numbers)}, [&]() -> Status {
    TRY_ASSIGN(const auto given, batch->batch.alloc_protected_bulk(PageCount{count}));
    put(given, given_numbers);
    return {};
  });
}

int mappedpages_batch_free(mappedpages_batch* batch, uint64_t page) noexcept {
  return guarded({batch}, [&] { return batch->batch.free(PageNumber{page}); });
}

int mappedpages_batch_free_protected(mappedpages_batch* batch, uint64_t number) noexcept {
  return guarded({batch}, [&] { return batch->batch.free_protected(ProtectedNumber{number}); });
}

int mappedpages_batch_edit(mappedpages_batch* batch, uint64_t number, void** out) noexcept {
  return give(out, batch, [&]() -> Result<void*> {
    TRY_ASSIGN(const auto staged, batch->batch.edit(ProtectedNumber{number}));
    return staged.data();
  });
}

int mappedpages_batch_fill(mappedpages_batch* batch, uint64_t page, void** out) noexcept {
  return give(out, batch, [&]() -> Result<void*> {
    TRY_ASSIGN(const auto content, batch->batch.fill(PageNumber{page}));
    return content.data();
  });
}

int mappedpages_batch_commit(mappedpages_batch* batch) noexcept {
  return guarded({batch}, [&] { return batch->batch.commit(); });
}

void mappedpages_batch_drop(mappedpages_batch* batch) noexcept {
  const std::unique_ptr<mappedpages_batch> owned(batch);
}
