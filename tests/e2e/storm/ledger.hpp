// What clients wanted and what was acknowledged, in a file outside of the mount.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "e2e/storm/calls.hpp"

namespace mappedpages::test::storm {

enum class Step : std::uint32_t {
  Intends,  ///< The call is made next.
  Done,     ///< It returned success.
  Owns,     ///< A page that the last allocation gave.
  Refused,  ///< It returned an error that changes nothing.
  Fails,    ///< It returned an error: the mount is gone, or something is wrong.
};

enum class Deed : std::uint32_t { Allocate, Take, Write, Free };

/// One line of a ledger. `number` is a page, for Allocate a count; `value` a serial or an errno.
struct Line {
  Step step = Step::Intends;
  Deed deed = Deed::Allocate;
  Kind kind = Kind::Regular;
  std::uint32_t unused = 0;
  std::uint64_t number = 0;
  std::uint64_t value = 0;
};

/// Appends to a ledger; what was appended survives the writer.
class LedgerWriter {
 public:
  explicit LedgerWriter(const std::filesystem::path& path);
  void append(std::span<const Line> lines);
  void append(const Line& line) { append(std::span(&line, 1)); }

 private:
  OpenedFile file_;
};

std::vector<Line> read_ledger(const std::filesystem::path& path);

/// The last lines, for people.
std::string describe(std::span<const Line> lines);

}  // namespace mappedpages::test::storm
