// Each part of the commit rule left out: the enumeration must notice, or it proves nothing.
//
// A case says which lives make the part needed. The seeds are fixed: the first violation ends the
// case, and with the whole rule in force the same lives have none.
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <iostream>
#include <string>

#include "campaign.hpp"
#include "mppg0/commit_rule.hpp"

namespace mappedpages::test {
namespace {

using mppg0::CommitRule;

struct Case {
  const char* name;
  bool CommitRule::*part;
  Campaign (*campaign)();
  bool CommitRule::*without = nullptr;  ///< Left out as well, and in the comparison too.
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

/// Leaves out parts; the whole rule is in force again afterwards, however the test ends.
class LeftOut {
 public:
  explicit LeftOut(std::initializer_list<bool CommitRule::*> parts) {
    for (bool CommitRule::*const part : parts) {
      if (part != nullptr) mppg0::commit_rule().*part = false;
    }
  }
  ~LeftOut() { mppg0::commit_rule() = CommitRule{}; }
  LeftOut(const LeftOut&) = delete;
  LeftOut& operator=(const LeftOut&) = delete;
};

constexpr std::size_t kPage = 1024;
constexpr std::uint64_t kSlots = 33;  // Protected pages in a directory block.

Campaign small_files() {
  Campaign campaign;
  campaign.bases = {our_base(kPage, 5, 3), our_base(kPage, 2 * kSlots, 8)};
  campaign.lives = 100;
  return campaign;
}

Campaign kills_and_failed_flushes() {
  Campaign campaign = small_files();
  campaign.options.kill = .7;
  campaign.options.fail_flush = .1;
  return campaign;
}

Campaign kills_then_crate() {
  Campaign campaign = small_files();
  campaign.options.kill = .9;
  campaign.options.crate = .5;
  return campaign;
}

/// A new directory block lies on pages that were made to look like directories, and the generations
/// that were forged come in the groups after it.
Campaign new_block_on_forged_pages() {
  Campaign campaign = small_files();
  campaign.options.sessions = 1;
  campaign.options.early_crash = 0;
  Change new_block;
  new_block.alloc_protected = PageCount{1};
  campaign.options.script = {new_block};
  campaign.bases = {planted_base(kPage, 3), planted_base(kPage, 4), planted_base(kPage, 5)};
  return campaign;
}

/// The same, but the crate made the block. The forged generations come in our first groups.
Campaign crate_took_forged_pages() {
  Campaign campaign = small_files();
  campaign.options.sessions = 1;
  campaign.options.early_crash = 0;
  campaign.bases = {forged_base(kPage, 2), forged_base(kPage, 3), forged_base(kPage, 4)};
  return campaign;
}

/// What the crate's page 0 says is read by the crate's rules until our opening is finished.
Campaign opening_after_the_crate_tore_page0() {
  Campaign campaign;
  campaign.options.max_pages = 4096;
  campaign.options.sessions = 1;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.bases = {torn_by_the_crate()};
  campaign.lives = 3;
  return campaign;
}

Campaign far_blocks() {
  Campaign campaign;
  campaign.options.max_pages = 2400;
  campaign.options.far = .95;
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 5};
  campaign.bases = {our_base(kPage, 28 * kSlots, 6), our_base(kPage, 30 * kSlots - 4, 6)};
  campaign.lives = 50;
  return campaign;
}

/// Copies that the crate wrote have no generation, and ours come to where 32 bits are full.
Campaign full_generations() {
  Campaign campaign = small_files();
  campaign.bases = {crate_base(kPage, 40, 4, (std::uint64_t{1} << 32U) - 70)};
  return campaign;
}

/// The crate adds its 29th directory block, in a page 0 of four sectors.
Campaign far_blocks_of_the_crate() {
  constexpr std::size_t kLargerPage = 2048;
  Campaign campaign;
  campaign.options.max_pages = 4096;
  campaign.options.sessions = 2;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.options.crate = 1;
  campaign.options.crate_habits = {0, 0, 1, 0, 0};
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 5};
  campaign.bases = {crate_base(kLargerPage, 28UL * 67, 6)};
  campaign.lives = 20;
  return campaign;
}

/// A generation that recovery cannot see comes to light while page 0 is being written as well: the
/// group that does it adds a directory block past number 27, so the reference goes ahead.
Campaign hidden_generation_comes_to_light() {
  Campaign campaign;
  campaign.options.max_pages = 4096;
  campaign.options.sessions = 1;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 100};
  campaign.bases = {hidden_generation(2048, 28, 0).base};
  Change one_block_more;
  one_block_more.alloc_protected = PageCount{2};
  campaign.options.script = {one_block_more};
  campaign.lives = 10;
  return campaign;
}

/// The same while page 0 is whole.
Campaign hidden_generation_with_a_whole_page0() {
  Campaign campaign = hidden_generation_comes_to_light();
  const HiddenGeneration hidden = hidden_generation(2048, 1, 0);
  campaign.bases = {hidden.base};
  campaign.options.script = {hidden.change};
  return campaign;
}

class CrashSwitch : public testing::TestWithParam<Case> {};

TEST_P(CrashSwitch, LeavingItOutIsNoticed) {
  Campaign campaign = GetParam().campaign();
  Outcome outcome;
  {
    const LeftOut left_out({GetParam().part, GetParam().without});
    outcome = run_as_given(campaign);
  }
  ASSERT_TRUE(outcome.violation) << "nobody noticed: " << outcome.tally.summary();
  std::cout << "life " << outcome.violation->seed << ": " << outcome.violation->what << '\n';
  // It was the missing part, and nothing else.
  campaign.lives = outcome.tally.lives;
  const LeftOut left_out({GetParam().without});
  const Outcome whole = run_as_given(campaign);
  EXPECT_FALSE(whole.violation) << whole.report();
}

INSTANTIATE_TEST_SUITE_P(
    Parts, CrashSwitch,
    testing::Values(Case{"flush0", &CommitRule::flush0, kills_and_failed_flushes},
                    Case{"mark", &CommitRule::mark, opening_after_the_crate_tore_page0},
                    Case{"both", &CommitRule::both, new_block_on_forged_pages},
                    Case{"scrub", &CommitRule::scrub, crate_took_forged_pages},
                    Case{"swap", &CommitRule::swap, far_blocks},
                    Case{"trail", &CommitRule::trail, far_blocks_of_the_crate},
                    Case{"generation64", &CommitRule::generation64, full_generations},
                    Case{"crc_first", &CommitRule::crc_first, hidden_generation_with_a_whole_page0,
                         &CommitRule::bump_two},
                    Case{"dsync", &CommitRule::dsync, kills_then_crate},
                    Case{"zero_new_pages", &CommitRule::zero_new_pages, small_files},
                    Case{"flush1", &CommitRule::flush1, small_files},
                    Case{"ahead", &CommitRule::ahead, far_blocks},
                    Case{"bump_two", &CommitRule::bump_two, hidden_generation_comes_to_light},
                    Case{"generation", &CommitRule::generation, far_blocks},
                    Case{"hold_freed", &CommitRule::hold_freed, small_files},
                    Case{"opening_group", &CommitRule::opening_group, kills_and_failed_flushes}),
    [](const testing::TestParamInfo<Case>& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace mappedpages::test
