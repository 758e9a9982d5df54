// What opening or checking a file found.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mappedpages/export.hpp"

namespace mappedpages {

enum class Severity : std::uint8_t {
  Note,     ///< What a crash leaves and the next opening mends: no cause for concern.
  Warning,  ///< Suspicious, and nothing that a reader gets is wrong because of it.
  Error,    ///< Damage: something that was committed cannot be trusted.
};

MAPPEDPAGES_API std::string_view name_of(Severity severity);

/// One finding.
struct Problem {
  std::string code;  ///< Stable and machine-readable, `metadata-crc` say. Listed in core/FORMAT.md.
  Severity severity = Severity::Error;
  std::string where;        ///< `page 1`, `protected 7`, `superblock`, …
  std::string detail;       ///< A sentence for a person.
  bool repairable = false;  ///< Whether a copy of the file without this problem can be made.
};

/// What opening a file found and did.
struct OpenReport {
  std::vector<Problem> problems;
  std::vector<std::string> actions;  ///< What recovery does (or, read-only, would do), in order.
  bool damaged = false;              ///< At least one problem of severity Error.
};

/// What a full check found. `ok` looks at problems of severity Error alone.
struct CheckReport {
  std::vector<Problem> problems;
  bool ok = true;
};

/// Told how far a long call has come; called on the caller's thread, rarely enough to draw.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

}  // namespace mappedpages
