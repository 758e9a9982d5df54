#include "plans.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace mappedpages::test {
namespace {

Campaign small_files() {
  Campaign campaign;
  campaign.bases = {crate_base(1024, 0, 0), our_base(1024, 5, 3), our_base(1024, 33, 12),
                    our_base(1024, 99, 4)};
  campaign.lives = 500;
  return campaign;
}

Campaign forged_directories() {
  Campaign campaign;
  campaign.options.evil = true;
  campaign.bases = {our_base(1024, 33, 12), our_base(1024, 66, 8), crate_base(1024, 33, 4)};
  campaign.lives = 200;
  return campaign;
}

Campaign failed_flushes() {
  Campaign campaign = forged_directories();
  campaign.options.fail_flush = .05;
  campaign.options.kill = .7;
  return campaign;
}

Campaign far_blocks() {
  Campaign campaign;
  campaign.options.max_pages = 2400;
  campaign.options.far = .9;
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 5};
  campaign.bases = {our_base(1024, 28UL * 33, 6), our_base(1024, 29UL * 33 - 4, 6),
                    our_base(1024, 31UL * 33, 0), crate_base(1024, 28UL * 33, 6)};
  campaign.lives = 70;
  return campaign;
}

Campaign files_of_the_crate() {
  Campaign campaign;
  campaign.options.crate = .6;
  campaign.bases = {fixture_base("protected-1024", 1024), fixture_base("trace-1024-0", 1024),
                    crate_base(1024, 40, 5), crate_base(1024, 70, 0)};
  campaign.lives = 200;
  return campaign;
}

Campaign larger_pages() {
  Campaign campaign;
  campaign.options.max_pages = 320;
  campaign.options.cuts = {.exhaustive = 64, .of_each_kind = 8};
  campaign.bases = {fixture_base("trace-4096-0", 4096), fixture_base("v010-4096", 4096),
                    our_base(4096, 10, 3), our_base(65536, 3, 2)};
  campaign.lives = 80;
  return campaign;
}

Campaign every_subset() {
  Campaign campaign;
  campaign.options.sessions = 3;
  campaign.options.groups = 3;
  campaign.options.cuts = {.exhaustive = 4096, .of_each_kind = 12};
  campaign.bases = {crate_base(1024, 0, 0), our_base(1024, 5, 3), our_base(1024, 33, 2)};
  campaign.lives = 150;
  return campaign;
}

Campaign every_sequence() {
  Campaign campaign;
  campaign.length = 3;
  campaign.options.sessions = 1;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.options.look_at_kill = 1;
  campaign.options.nested = .001;
  campaign.options.cuts = {.exhaustive = 4096, .of_each_kind = 8};
  campaign.bases = {our_base(1024, 5, 3)};
  campaign.lives = kActs * kActs * kActs;
  return campaign;
}

Campaign forged_pages_that_the_crate_took() {
  Campaign campaign;
  campaign.options.crate = 0;
  campaign.options.kill = .7;
  campaign.options.sessions = 5;
  campaign.options.groups = 6;
  campaign.options.early_crash = .3;
  campaign.options.fail_flush = .15;
  for (std::uint64_t ahead = 2; ahead < 12; ++ahead) {
    campaign.bases.push_back(forged_base(1024, ahead));
  }
  campaign.lives = 300;
  return campaign;
}

Campaign hidden_generations() {
  Campaign campaign;
  campaign.options.max_pages = 4096;
  campaign.options.sessions = 1;
  campaign.options.groups = 0;
  campaign.options.early_crash = 0;
  campaign.options.cuts = {.exhaustive = 32, .of_each_kind = 100};
  campaign.bases = {hidden_generation(2048, 28, 1).base, hidden_generation(2048, 28, 3).base};
  Change one_block_more;
  one_block_more.alloc_protected = PageCount{2};
  campaign.options.script = {one_block_more};
  campaign.lives = 4;
  return campaign;
}

Campaign generations_around_2_to_32() {
  Campaign campaign;
  campaign.bases = {crate_base(1024, 40, 4, (std::uint64_t{1} << 32U) - 70)};
  campaign.lives = 100;
  return campaign;
}

constexpr std::array kPlans{
    Plan{"small-files", "anything, by us and by the crate in turn", small_files},
    Plan{"forged-directories", "users make free pages look like directories", forged_directories},
    Plan{"failed-flushes", "flushes that fail, and kills", failed_flushes},
    Plan{"far-blocks", "directory blocks whose reference is past page 0's first sector",
         far_blocks},
    Plan{"files-of-the-crate", "files that the crate wrote last", files_of_the_crate},
    Plan{"larger-pages", "pages of 4 KiB and 64 KiB", larger_pages},
    Plan{"every-subset", "all images of every epoch with up to 12 dirty sectors", every_subset},
    Plan{"every-sequence", "all sequences of three operations, at every event", every_sequence},
    Plan{"forged-then-failed", "the crate took forged pages for a directory; then flushes fail",
         forged_pages_that_the_crate_took},
    // A group that ran out of space left a directory page that no metadata page speaks of, and the
    // one after it was torn: the opening must come out above both, or what is missing in the middle
    // of the torn page is written by doing the same again.
    Plan{"hidden-generations", "a generation that nothing in force speaks of", hidden_generations},
    Plan{"generations-at-2-to-32", "around the generation at which 32 bits are full",
         generations_around_2_to_32},
};

}  // namespace

std::span<const Plan> plans() {
  return kPlans;
}

Campaign plan(const std::string& name) {
  const auto* const found = std::ranges::find(kPlans, name, &Plan::name);
  if (found == kPlans.end()) throw std::invalid_argument("no plan is named " + name);
  return found->make();
}

}  // namespace mappedpages::test
