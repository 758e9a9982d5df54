// The parts of the commit and recovery rule of core/FORMAT.md, by name. In the product they are all
// in force and cost nothing; the crash tests build this library with MAPPEDPAGES_COMMIT_SWITCHES
// and leave out one at a time, or drop or swap steps of the commit, to see that each is needed and
// that the tests would notice.
#pragma once

#include <array>
#include <cstdint>
#ifdef MAPPEDPAGES_COMMIT_SWITCHES
#include <vector>
#endif

namespace mappedpages::mppg0 {

/// What a commit does with the file.
enum class CommitStep : std::uint8_t {
  Grow,       ///< The file gets the size that it needs.
  Content,    ///< Staged bytes of pages are written.
  NewPages,   ///< Pages that the group allocates are written with zeros.
  Directory,  ///< The directory copies that will be in force are written,
  Metadata,   ///< and the metadata page.
  Ahead,      ///< References past number 27, which the present page 0 does not count yet.
  Flush1,     ///< All that page 0 is going to name is durable.
  Switch,     ///< Page 0 is written and flushed in one call: flush 2.
  Page0,      ///< The halves of `Switch`. Only a test takes them apart.
  Flush2,
};

/// What an opening does with the file before its group.
enum class SettleStep : std::uint8_t {
  Rewrite,  ///< Page 0 as recovered is written and flushed in one call: flush 0.
  Scrub,    ///< After the crate: inactive directory copies are overwritten.
  Page0,    ///< The halves of `Rewrite`. Only a test takes them apart.
  Flush0,
};

/// The order of FORMAT.md. That of the steps before `Flush1` means nothing: no crash can tell.
inline constexpr std::array kCommitOrder{
    CommitStep::Grow,     CommitStep::Content, CommitStep::NewPages, CommitStep::Directory,
    CommitStep::Metadata, CommitStep::Ahead,   CommitStep::Flush1,   CommitStep::Switch};
inline constexpr std::array kSettleOrder{SettleStep::Rewrite, SettleStep::Scrub};

struct CommitRule {
  bool mark = true;           ///< Page 0 says whether we were the last writer.
  bool both = true;           ///< A new block's two directory copies are written identical.
  bool swap = true;           ///< Groups past block 27 change the bytes of block 0's reference.
  bool trail = true;          ///< Mending the crate's page 0 also tries zeros behind the count.
  bool generation64 = true;   ///< Directory generations have 64 bits, not 32.
  bool bump_two = true;       ///< The opening's generation is two above the newest seen.
  bool generation = true;     ///< Directory pages carry the generation of their group.
  bool hold_freed = true;     ///< A page freed by a group is not reused by it.
  bool opening_group = true;  ///< The opening for writing commits a group of its own.
#ifdef MAPPEDPAGES_COMMIT_SWITCHES
  std::vector<CommitStep> commit{kCommitOrder.begin(), kCommitOrder.end()};
  std::vector<SettleStep> settle{kSettleOrder.begin(), kSettleOrder.end()};
#endif
};

#ifdef MAPPEDPAGES_COMMIT_SWITCHES
/// The rule in force, for the whole process. Set it while no file is open.
inline CommitRule& commit_rule() {
  static CommitRule rule;
  return rule;
}
inline const std::vector<CommitStep>& commit_order() {
  return commit_rule().commit;
}
inline const std::vector<SettleStep>& settle_order() {
  return commit_rule().settle;
}
#else
constexpr CommitRule commit_rule() {
  return {};
}
constexpr const auto& commit_order() {
  return kCommitOrder;
}
constexpr const auto& settle_order() {
  return kSettleOrder;
}
#endif

}  // namespace mappedpages::mppg0
