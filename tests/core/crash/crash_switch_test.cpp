// Each part of the commit rule left out, each step of a commit dropped or swapped with the one
// behind it: the enumeration must notice, or it proves nothing.
//
// A case says which lives make the part needed. The seeds are fixed: the first violation ends the
// case, and with the whole rule in force the same lives have none.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "mppg0/commit_rule.hpp"
#include "plans.hpp"

namespace mappedpages::test {
namespace {

using mppg0::CommitRule;
using mppg0::CommitStep;
using mppg0::SettleStep;
using Mutation = void (*)(CommitRule&);

struct Case {
  const char* name;
  Mutation mutation;
  Campaign (*campaign)();
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

/// The rule changed; the whole rule is in force again afterwards, however the test ends.
class Mutated {
 public:
  explicit Mutated(Mutation mutation) { mutation(mppg0::commit_rule()); }
  ~Mutated() { mppg0::commit_rule() = CommitRule{}; }
  Mutated(const Mutated&) = delete;
  Mutated& operator=(const Mutated&) = delete;
};

template <bool CommitRule::*part>
void leave_out(CommitRule& rule) {
  rule.*part = false;
}

std::vector<CommitStep>& steps(CommitRule& rule, CommitStep) {
  return rule.commit;
}
std::vector<SettleStep>& steps(CommitRule& rule, SettleStep) {
  return rule.settle;
}

template <auto step>
void drop(CommitRule& rule) {
  std::erase(steps(rule, step), step);
}

/// What follows the step is done before it.
template <auto step>
void swap_with_next(CommitRule& rule) {
  auto& order = steps(rule, step);
  const auto at = std::find(order.begin(), order.end(), step);
  std::iter_swap(at, at + 1);
}

/// Page 0 is written and flushed by these steps, and not in one call.
template <CommitStep... halves>
void switch_by(CommitRule& rule) {
  std::erase(rule.commit, CommitStep::Switch);
  rule.commit.insert(rule.commit.end(), {halves...});
}

/// The same for the opening's.
template <SettleStep... halves>
void settle_by(CommitRule& rule) {
  std::erase(rule.settle, SettleStep::Rewrite);
  rule.settle.insert(rule.settle.begin(), {halves...});
}

/// Page 0 is written before flush 1, and flushed behind it.
void page0_early(CommitRule& rule) {
  switch_by<CommitStep::Page0, CommitStep::Flush2>(rule);
  swap_with_next<CommitStep::Flush1>(rule);
}

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
  return plan("generations-at-2-to-32");
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
  Campaign campaign = plan("hidden-generations");
  campaign.bases = {hidden_generation(2048, 28, 0).base};
  campaign.lives = 10;
  return campaign;
}

/// An opening on a file whose page 0 the cache has and the disk does not.
Campaign openings_after_kills() {
  Campaign campaign = kills_then_crate();
  campaign.options.early_crash = .9;
  return campaign;
}

/// A torn page 0 is rewritten by an opening that is killed; the crate goes on from the cache.
Campaign crate_after_a_killed_opening() {
  Campaign campaign = plan("files-of-the-crate");
  campaign.bases = {fixture_base("protected-1024", 1024)};
  campaign.seed = 232;
  return campaign;
}

class CrashSwitch : public testing::TestWithParam<Case> {};

TEST_P(CrashSwitch, LeavingItOutIsNoticed) {
  Campaign campaign = GetParam().campaign();
  Outcome outcome;
  {
    const Mutated mutated(GetParam().mutation);
    outcome = run_as_given(campaign);
  }
  ASSERT_TRUE(outcome.violation) << "nobody noticed: " << outcome.tally.summary();
  std::cout << "life " << outcome.violation->seed << ": " << outcome.violation->what << '\n';
  // It was the missing part, and nothing else.
  campaign.lives = outcome.tally.lives;
  const Outcome whole = run_as_given(campaign);
  EXPECT_FALSE(whole.violation) << whole.report();
}

std::string name_of(const testing::TestParamInfo<Case>& param) {
  return param.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Parts, CrashSwitch,
    testing::Values(
        Case{"mark", leave_out<&CommitRule::mark>, opening_after_the_crate_tore_page0},
        Case{"both", leave_out<&CommitRule::both>, new_block_on_forged_pages},
        Case{"swap", leave_out<&CommitRule::swap>, far_blocks},
        Case{"trail", leave_out<&CommitRule::trail>, far_blocks_of_the_crate},
        Case{"generation64", leave_out<&CommitRule::generation64>, full_generations},
        Case{"bump_two", leave_out<&CommitRule::bump_two>, hidden_generation_comes_to_light},
        Case{"generation", leave_out<&CommitRule::generation>, far_blocks},
        Case{"hold_freed", leave_out<&CommitRule::hold_freed>, small_files},
        Case{"opening_group", leave_out<&CommitRule::opening_group>, kills_and_failed_flushes}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    DroppedSteps, CrashSwitch,
    testing::Values(Case{"grow", drop<CommitStep::Grow>, small_files},
                    Case{"content", drop<CommitStep::Content>, small_files},
                    Case{"new_pages", drop<CommitStep::NewPages>, small_files},
                    Case{"directory", drop<CommitStep::Directory>, small_files},
                    Case{"metadata", drop<CommitStep::Metadata>, small_files},
                    Case{"ahead", drop<CommitStep::Ahead>, far_blocks},
                    Case{"flush1", drop<CommitStep::Flush1>, small_files},
                    Case{"switch", drop<CommitStep::Switch>, small_files},
                    Case{"page0", switch_by<CommitStep::Flush2>, small_files},
                    Case{"flush2", switch_by<CommitStep::Page0>, small_files},
                    Case{"page0_of_the_opening", settle_by<SettleStep::Flush0>,
                         openings_after_kills},
                    Case{"flush0", settle_by<SettleStep::Page0>, kills_and_failed_flushes},
                    Case{"scrub", drop<SettleStep::Scrub>, crate_took_forged_pages}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    SwappedSteps, CrashSwitch,
    testing::Values(
        Case{"content_and_all_behind_it", swap_with_next<CommitStep::Flush1>, small_files},
        Case{"ahead_and_flush1", swap_with_next<CommitStep::Ahead>, far_blocks},
        Case{"flush1_and_page0", page0_early, small_files},
        Case{"page0_then_flush2", switch_by<CommitStep::Page0, CommitStep::Flush2>,
             kills_then_crate},
        Case{"flush2_then_page0", switch_by<CommitStep::Flush2, CommitStep::Page0>, small_files},
        Case{"page0_of_the_opening_then_flush0", settle_by<SettleStep::Page0, SettleStep::Flush0>,
             crate_after_a_killed_opening},
        Case{"flush0_then_page0_of_the_opening", settle_by<SettleStep::Flush0, SettleStep::Page0>,
             kills_and_failed_flushes},
        Case{"flush0_and_scrub", swap_with_next<SettleStep::Rewrite>, openings_after_kills}),
    name_of);

/// Steps whose order means nothing, as FORMAT.md says: the enumeration must not notice.
class FreeOrder : public testing::TestWithParam<Case> {};

TEST_P(FreeOrder, NoCrashCanTell) {
  const Mutated mutated(GetParam().mutation);
  const Outcome outcome = run_as_given(GetParam().campaign());
  EXPECT_FALSE(outcome.violation) << outcome.report();
}

INSTANTIATE_TEST_SUITE_P(
    SwappedSteps, FreeOrder,
    testing::Values(
        Case{"grow_and_content", swap_with_next<CommitStep::Grow>, small_files},
        Case{"content_and_new_pages", swap_with_next<CommitStep::Content>, small_files},
        Case{"new_pages_and_directory", swap_with_next<CommitStep::NewPages>, small_files},
        Case{"directory_and_metadata", swap_with_next<CommitStep::Directory>, small_files},
        Case{"metadata_and_ahead", swap_with_next<CommitStep::Metadata>, far_blocks}),
    name_of);

}  // namespace
}  // namespace mappedpages::test
