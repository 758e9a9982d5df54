// The order of writes and flushes that makes a group atomic. The rule and its reasons:
// core/FORMAT.md, "Commit", and core/DESIGN.md.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/page_aligned.hpp"
#include "io/guarded_file.hpp"
#include "mappedpages/error.hpp"
#include "mppg0/commit_rule.hpp"
#include "mppg0/plan.hpp"
#include "mppg0/recovery.hpp"

namespace mappedpages::mppg0 {

/// Writes groups to one file. Remembers page 0 as it was last written, to notice other writers.
/// Not thread-safe.
class Committer {
 public:
  Committer(io::GuardedFile& file, format::Geometry geometry)
      : file_(file), geometry_(geometry), page0_buffer_(geometry.page_size()) {}

  /// Two flushes; durable when it returns. An error that is_out_of_space() left the file with the
  /// state that it had; after any other error the file is latched.
  Status commit(const Plan& plan);

  /// What comes before the opening group: page 0 as recovered is written and flushed, and after a
  /// session of the crate the directory copies that nobody vouches for are overwritten. One flush.
  Status settle(const Recovered& recovered);

  /// Before the opening group of a damaged file: its metadata page is written and flushed. So there
  /// is none of a group that was cut off when a directory page in force is replaced, which is then
  /// newer than the metadata in force.
  Status replace_pending_metadata(const Plan& plan);

 private:
  Status require_own_page0();
  Status perform(CommitStep step, const Plan& plan);
  Status perform(SettleStep step, const Recovered& recovered);
  Status grow(const Plan& plan);
  Status write_content(const Plan& plan);
  Status write_new_pages(const Plan& plan);
  Status write_zeros(PageNumber first, std::size_t pages);
  Status write_page(PageNumber page, std::span<const std::byte> bytes);
  Status write_page0(std::span<const std::byte> page0);
  Status write_and_sync_page0(std::span<const std::byte> page0);
  [[nodiscard]] Result<std::vector<std::byte>> recovered_page0(const Recovered& recovered) const;
  Status scrub(const Recovered& recovered);

  io::GuardedFile& file_;
  const format::Geometry geometry_;
  PageAligned page0_buffer_;
  std::vector<std::byte> last_page0_;  ///< Empty before the first write of page 0.
};

}  // namespace mappedpages::mppg0
