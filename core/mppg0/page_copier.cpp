#include "mppg0/page_copier.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mppg0/directory_generation.hpp"

namespace mappedpages::mppg0 {
namespace {

/// The pages that hold what users committed.
Bitmap pages_in_force(const State& state) {
  Bitmap pages(state.total().value);
  for (auto page = state.next(PageNumber{0}); page;
       page = state.next(PageNumber{page->value + 1})) {
    pages.set(page->value);
  }
  for (const auto& block : state.contents) {
    for (const format::DirectoryEntry& entry : block->slots) {
      if (entry.in_use) pages.set(entry.active_page().value);
    }
  }
  return pages;
}

}  // namespace

Status PageCopier::begin(std::shared_ptr<const State> state, io::StorageFile& target) {
  TRY_ASSIGN(const std::uint64_t size, geometry_.file_size(state->total()));
  TRY(target.reserve(size));
  const MutexLock lock(mutex_);
  pending_ = pages_in_force(*state);
  page_.resize(geometry_.page_size());
  failed_.reset();
  state_ = std::move(state);
  target_ = &target;
  active_.store(true, std::memory_order_release);
  return {};
}

Status PageCopier::finish(const Progress& progress) {
  Status done = copy_pages(progress);
  active_.store(false, std::memory_order_release);
  if (done) done = write_structure();
  const MutexLock lock(mutex_);  // A writer that saw `active_` may still be at it.
  state_.reset();
  target_ = nullptr;
  pending_ = {};
  return done;
}

void PageCopier::before_write(std::uint64_t offset, std::size_t size) {
  if (!active_.load(std::memory_order_acquire) || size == 0) return;
  const MutexLock lock(mutex_);
  if (target_ == nullptr) return;
  const std::uint64_t last = (offset + size - 1) / geometry_.page_size();
  for (std::uint64_t page = offset / geometry_.page_size(); page <= last; ++page) {
    if (!pending_.test(page) || failed_) continue;
    // The write goes on: it is the copy that failed.
    if (auto done = copy_page(PageNumber{page}); !done) failed_ = done.error();
  }
}

Status PageCopier::copy_pages(const Progress& progress) {
  const std::uint64_t total = state_->total().value;
  constexpr std::uint64_t kPagesAReport = 256;
  for (std::uint64_t page = 0; page < total; ++page) {
    if (progress && page % kPagesAReport == 0) progress(page, total);
    const MutexLock lock(mutex_);
    if (failed_) return tl::unexpected(*failed_);
    if (pending_.test(page)) TRY(copy_page(PageNumber{page}));
  }
  if (progress) progress(total, total);
  return {};
}

Status PageCopier::copy_page(PageNumber page) {
  TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(page));
  TRY(source_.read_at(offset, page_));
  TRY(target_->write_at(offset, page_));
  pending_.clear(page.value);
  return {};
}

Status PageCopier::write_structure() {
  const State& state = *state_;
  const Generation generation = directory_generation(state.generation);
  for (std::size_t block = 0; block < state.references.size(); ++block) {
    const auto bytes =
        format::encode_directory_page(geometry_, generation, state.contents[block]->slots);
    TRY(write_target(state.references[block].page_a, bytes));
    TRY(write_target(state.references[block].page_b, bytes));
  }
  const auto metadata =
      format::encode_metadata_page(geometry_, {state.generation, state.allocated});
  for (const PageNumber page : format::kMetadataPages) TRY(write_target(page, metadata));
  return write_target(PageNumber{0},
                      format::encode_superblock(geometry_, state.header(true), state.references));
}

Status PageCopier::write_target(PageNumber page, std::span<const std::byte> bytes) {
  TRY_ASSIGN(const std::uint64_t offset, geometry_.offset_of(page));
  return target_->write_at(offset, bytes);
}

}  // namespace mappedpages::mppg0
