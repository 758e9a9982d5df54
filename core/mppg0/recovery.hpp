// From the bytes of a file, whatever a crash left in it, to the state that was committed. Pure:
// nothing is written. The rule and its reasons: core/FORMAT.md, "Recovery", and core/DESIGN.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
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

  /// The newest generation seen in any metadata or directory copy that recovery believes, and
  /// where.
  Generation newest;
  std::string newest_where;

  /// The bit of page 0 that had flipped, counted from the page's begin.
  std::optional<std::size_t> mended_bit;

  /// Blocks whose inactive copy nobody vouches for: all of them where the crate wrote last.
  std::vector<std::size_t> to_scrub;

  /// Blocks whose directory must be written anew because the copy in force was damaged.
  std::vector<std::size_t> to_rewrite;

  OpenReport report;
};

/// All that reading a file brings to light.
struct Examination {
  std::vector<Problem> problems;  ///< The gravest first.

  /// Why the file cannot be opened, if so; there is a problem for it.
  std::optional<Error> refusal;

  /// The state. Where there is a refusal, what could be told all the same, to look for more
  /// problems in; none where nothing could. Its report is empty then.
  std::optional<Recovered> found;
};

/// Reads the whole structure of a file, and goes on behind a problem as far as that makes sense. An
/// error only where the file could not be read.
Result<Examination> examine(const io::StorageFile& file);

/// Recovers the state. An error where no state can be had; where one can be had only through an
/// older copy, the report is `damaged`.
Result<Recovered> recover(const io::StorageFile& file);

}  // namespace mappedpages::mppg0
