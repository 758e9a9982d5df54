#include "mppg0/validate.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mappedpages::mppg0 {
namespace {

class Validator {
 public:
  Validator(Recovered& recovered, Findings& findings)
      : recovered_(recovered), state_(recovered.state), findings_(findings) {}

  void run() {
    state_.internal = Bitmap(state_.allocated.size());
    state_.allocated_count = state_.allocated.count();
    for (std::uint64_t page = 0; page < format::kFirstDataPage.value; ++page) {
      state_.internal.set(page);
      ++state_.internal_count;
    }
    // References first: a directory's own pages win over what an entry says.
    for (std::size_t block = 0; block < state_.references.size(); ++block) claim_reference(block);
    // And what a sound directory says over what an older copy of a damaged one does.
    const std::vector<std::size_t> from_older_copies = recovered_.to_rewrite;
    for (std::size_t block = 0; block < state_.contents.size(); ++block) {
      if (std::ranges::find(from_older_copies, block) == from_older_copies.end()) {
        claim_entries(block);
      }
    }
    for (const std::size_t block : from_older_copies) claim_entries(block);
  }

 private:
  /// What is wrong with a claim, for a reference and for an entry.
  struct Refusal {
    ProblemCode of_reference;
    ProblemCode of_entry;
    std::string why;
  };

  void claim_reference(std::size_t block) {
    const format::BlockReference& reference = state_.references[block];
    if (reference.page_a == reference.page_b) return;
    const std::string where = "directory block " + std::to_string(block);
    if (const auto refused = refusal(reference.page_a, reference.page_b)) {
      findings_.refuse(refused->of_reference, ErrorCode::CorruptDirectoryIndex, where,
                       refused->why);
      return;
    }
    claim(reference.page_a, where);
    claim(reference.page_b, where);
  }

  void claim_entries(std::size_t block) {
    const BlockEntries& entries = *state_.contents[block];
    if (entries.in_use == 0) return;
    std::shared_ptr<BlockEntries> kept;  // A copy without what is left out, if anything is.
    for (std::size_t slot = 0; slot < entries.slots.size(); ++slot) {
      const format::DirectoryEntry& entry = entries.slots[slot];
      if (!entry.in_use) continue;
      const std::string where =
          "protected " + std::to_string(state_.geometry.protected_number(block, slot).value);
      if (const auto refused = refusal(entry.page_a, entry.page_b)) {
        refuse_entry(where, *refused);
        if (!kept) kept = std::make_shared<BlockEntries>(entries);
        kept->slots[slot] = {};
        --kept->in_use;
        continue;
      }
      claim(entry.page_a, where);
      claim(entry.page_b, where);
      ++state_.protected_count;
    }
    if (kept) {
      state_.contents[block] = kept;
      recovered_.to_rewrite.push_back(block);
    }
  }

  void refuse_entry(const std::string& where, const Refusal& refused) {
    if (findings_.damaged()) {
      findings_.add(refused.of_entry, where, refused.why + "; the entry is left out");
    } else {
      findings_.refuse(refused.of_entry, ErrorCode::CorruptProtectedDirectory, where, refused.why);
    }
  }

  /// Why the two pages cannot be what is claimed of them.
  [[nodiscard]] std::optional<Refusal> refusal(PageNumber a, PageNumber b) const {
    if (a == b) {
      return Refusal{ProblemCode::ReferenceSamePage, ProblemCode::EntrySamePage,
                     "it names page " + std::to_string(a.value) + " for both copies"};
    }
    for (const PageNumber page : {a, b}) {
      const std::string number = std::to_string(page.value);
      if (page < format::kFirstDataPage) {
        return Refusal{ProblemCode::ReferenceReserved, ProblemCode::EntryReserved,
                       "it names reserved page " + number};
      }
      if (page.value >= state_.allocated.size()) {
        return Refusal{ProblemCode::ReferencePastEnd, ProblemCode::EntryPastEnd,
                       "it names page " + number + ", past the end"};
      }
      if (state_.internal.test(page.value)) {
        return Refusal{ProblemCode::ReferenceInUse, ProblemCode::EntryInUse,
                       "it names page " + number + ", which is in use"};
      }
    }
    return std::nullopt;
  }

  void claim(PageNumber page, const std::string& where) {
    if (!state_.allocated.test(page.value)) {
      findings_.add(ProblemCode::NamedNotAllocated, where,
                    "it names page " + std::to_string(page.value) + ", which is marked free");
      state_.allocated.set(page.value);
      ++state_.allocated_count;
    }
    state_.internal.set(page.value);
    ++state_.internal_count;
  }

  Recovered& recovered_;
  State& state_;
  Findings& findings_;
};

}  // namespace

void derive_and_validate(Recovered& recovered, Findings& findings) {
  Validator(recovered, findings).run();
}

}  // namespace mappedpages::mppg0
