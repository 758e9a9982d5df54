// The parts of the commit and recovery rule of core/FORMAT.md, by name. In the product they are all
// in force and cost nothing; the crash tests build this library with MAPPEDPAGES_COMMIT_SWITCHES
// and leave out one at a time, to see that each is needed and that the tests would notice.
#pragma once

namespace mappedpages::mppg0 {

struct CommitRule {
  bool flush0 = true;          ///< The opening rewrites and flushes page 0 before anything else.
  bool mark = true;            ///< Page 0 says whether we were the last writer.
  bool both = true;            ///< A new block's two directory copies are written identical.
  bool scrub = true;           ///< After the crate: inactive directory copies are overwritten.
  bool swap = true;            ///< Groups past block 27 change the bytes of block 0's reference.
  bool trail = true;           ///< Mending the crate's page 0 also tries zeros behind the count.
  bool generation64 = true;    ///< Directory generations have 64 bits, not 32.
  bool crc_first = true;       ///< Where page 0's CRC holds, the selectors stand.
  bool dsync = true;           ///< Page 0 is written and flushed in one call.
  bool zero_new_pages = true;  ///< New pages are written with zeros.
  bool flush1 = true;          ///< Everything else is durable before page 0 is written.
  bool ahead = true;           ///< References past number 27 are durable before they are counted.
  bool bump_two = true;        ///< The opening's generation is two above the newest seen.
  bool generation = true;      ///< Directory pages carry the generation of their group.
  bool hold_freed = true;      ///< A page freed by a group is not reused by it.
  bool opening_group = true;   ///< The opening for writing commits a group of its own.
};

#ifdef MAPPEDPAGES_COMMIT_SWITCHES
/// The rule in force, for the whole process. Set it while no file is open.
inline CommitRule& commit_rule() {
  static CommitRule rule;
  return rule;
}
#else
constexpr CommitRule commit_rule() {
  return {};
}
#endif

}  // namespace mappedpages::mppg0
