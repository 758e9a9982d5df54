// From the bytes of a file, whatever a crash left in it, to the state that was committed. Pure:
// nothing is written. The rule and its reasons: core/FORMAT.md, "Recovery", and core/DESIGN.md.
#pragma once

#include <cstddef>
#include <vector>

#include "io/storage_file.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/report.hpp"
#include "mppg0/state.hpp"

namespace mappedpages::mppg0 {

struct Recovered {
  explicit Recovered(State s) : state(std::move(s)) {}

  State state;
  bool mark = false;  ///< We were the last writer.

  /// The newest generation seen in any metadata or directory copy that recovery believes.
  Generation newest;

  /// Blocks whose inactive copy nobody vouches for: all of them where the crate wrote last.
  std::vector<std::size_t> to_scrub;

  /// Blocks whose directory must be written anew because the copy in force was damaged.
  std::vector<std::size_t> to_rewrite;

  OpenReport report;
};

/// Recovers the state. An error where no state can be had; where one can be had only through an
/// older copy, the report is `damaged`.
Result<Recovered> recover(const io::StorageFile& file);

}  // namespace mappedpages::mppg0
