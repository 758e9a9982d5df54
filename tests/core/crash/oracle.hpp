// What users may find after a crash: promises R1 and R2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mappedpages/change.hpp"
#include "support/crash_image.hpp"
#include "support/file_view.hpp"

namespace mappedpages::test {

/// One state that users may find.
struct Expected {
  FileView view;

  /// Regular pages whose bytes are known to be durable, by their CRC32: new pages, which are zeros
  /// until somebody writes to them, and pages that were flushed after they were written.
  std::map<std::uint64_t, std::uint32_t> settled;
};

/// Knows what was acknowledged and what is running. Which free pages a change gets is the engine's
/// choice, so that while it runs any choice will do, if it is the same one after every crash.
class Oracle {
 public:
  Oracle(std::size_t page_size, Expected now);

  /// Changes whenever the same image might be judged in another way.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

  /// The state that was acknowledged last; the first of several that a crash left possible.
  [[nodiscard]] const Expected& now() const { return allowed_.front(); }

  // --- What our engine does

  void start(const Change& change);

  /// The change was acknowledged with this result. Words if it cannot be so.
  std::optional<std::string> finish(const Allocation& allocation);

  /// The change was refused, so nothing of it may be seen.
  void abandon();

  // --- What the Rust crate does

  void may_become(const FileView& view);
  void has_become(const FileView& view);

  // --- What users do with regular pages

  void wrote(std::uint64_t page);
  void flushed(std::uint64_t page, std::uint32_t crc);
  void forget_contents();

  // --- Judging

  /// Words if users may not find this view of that image.
  std::optional<std::string> judge(const FileView& view, const CrashImage& image);

  /// Whether the view is one of the allowed, whatever the pages hold.
  [[nodiscard]] bool allows(const FileView& view);

  /// From now on this is the state: it was recovered, and somebody was told.
  void settle(const FileView& view);

 private:
  struct Running {
    std::vector<std::uint64_t> freed;
    std::map<std::uint64_t, std::uint32_t> protected_after;  // Without those that it allocates.
    std::map<std::uint64_t, std::uint32_t> named;  // New pages whose numbers are known: CRC32s.
    std::uint64_t new_pages = 0;                   // Further ones.
    std::uint64_t new_protected = 0;
    bool contents_known = true;
  };

  /// The allowed state with this view; one that the running change could lead to becomes allowed.
  const Expected* find(const FileView& view);

  /// The state that the running change leads to if it looks like this; none if it cannot.
  [[nodiscard]] std::optional<Expected> outcome(const FileView& view) const;

  std::size_t page_size_;
  std::uint32_t crc_of_zeros_;
  std::vector<Expected> allowed_;
  std::optional<Running> running_;
  bool outcome_seen_ = false;  // It is the last of `allowed_`.
  std::uint64_t epoch_ = 0;
};

}  // namespace mappedpages::test
