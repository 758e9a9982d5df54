// A copy of one committed state, taken while later states are being committed.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "base/bitmap.hpp"
#include "base/thread_annotations.hpp"
#include "io/guarded_file.hpp"
#include "mappedpages/report.hpp"
#include "mppg0/state.hpp"

namespace mappedpages::mppg0 {

/// Copies the pages that a state has in force. A page that is about to be overwritten is copied
/// first, by the thread that writes; so commits never wait for the whole copy. One copy at a time.
///
/// What the store keeps about the pages (page 0, metadata, directory) is not copied but written
/// anew from the state, so the copy is a file that was closed cleanly.
class PageCopier final : public io::WriteObserver {
 public:
  PageCopier(const io::StorageFile& source, format::Geometry geometry)
      : source_(source), geometry_(geometry) {}

  /// From now on no page of `state` is overwritten uncopied. Called while no commit runs.
  Status begin(std::shared_ptr<const State> state, io::StorageFile& target) EXCLUDES(mutex_);

  /// Copies what is left, and ends the copy, also after an error.
  Status finish(const Progress& progress) EXCLUDES(mutex_);

  void before_write(std::uint64_t offset, std::size_t size) override EXCLUDES(mutex_);

 private:
  Status copy_pages(const Progress& progress) EXCLUDES(mutex_);
  Status copy_page(PageNumber page) REQUIRES(mutex_);
  Status write_structure() EXCLUDES(mutex_);
  Status write_target(PageNumber page, std::span<const std::byte> bytes);

  const io::StorageFile& source_;
  const format::Geometry geometry_;

  std::atomic<bool> active_{false};  // Spares writers the mutex while there is no copy.

  // Set by `begin`, used by the thread that copies until `finish` returns.
  std::shared_ptr<const State> state_;
  io::StorageFile* target_ = nullptr;

  // Held while one page is copied.
  Mutex mutex_;
  Bitmap pending_ GUARDED_BY(mutex_);  ///< By page: in force and not copied yet.
  std::vector<std::byte> page_ GUARDED_BY(mutex_);
  std::optional<Error> failed_ GUARDED_BY(mutex_);  ///< What a writer met on our behalf.
};

}  // namespace mappedpages::mppg0
