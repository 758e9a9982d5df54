// What is written to .ctl/command. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "fs/errno.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages::fs {

/// The longest write that is taken, in bytes. The kernel splits longer ones, from 1 MiB on, and the
/// pieces would not be whole lines.
inline constexpr std::size_t kMaxCommandBytes = std::size_t{512} << 10U;

/// `free N…`: at least one, each once.
struct FreePages {
  std::vector<PageNumber> pages;
  bool operator==(const FreePages&) const = default;
};

/// `free protected N…`: at least one, each once.
struct FreeProtected {
  std::vector<ProtectedNumber> pages;
  bool operator==(const FreeProtected&) const = default;
};

/// `discard protected N`
struct DiscardStage {
  ProtectedNumber page;
  bool operator==(const DiscardStage&) const = default;
};

/// `sync`
struct SyncPages {
  bool operator==(const SyncPages&) const = default;
};

using ControlCommand = std::variant<FreePages, FreeProtected, DiscardStage, SyncPages>;

/// A line without its newline; none for one that is empty or blank. Words are separated by blanks:
/// spaces and tabs, as many as one likes. BadCommand for what is no command, BadNumber for a word
/// that is no number as in the name of a page, NumberTwice, and NotAllocated for a number past
/// every capacity.
Answer<std::optional<ControlCommand>> parse_command(std::string_view line);

/// Takes the first line off `text`, without its newline, which the last line need not have.
/// `text` is not empty.
std::string_view take_line(std::string_view& text);

}  // namespace mappedpages::fs
