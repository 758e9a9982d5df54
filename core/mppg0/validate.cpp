#include "mppg0/validate.hpp"

#include <string>

#include "base/try.hpp"

namespace mappedpages::mppg0 {
namespace {

class Validator {
 public:
  explicit Validator(Recovered& recovered) : recovered_(recovered), state_(recovered.state) {}

  Status run() {
    state_.internal = Bitmap(state_.allocated.size());
    state_.allocated_count = state_.allocated.count();
    for (std::uint64_t page = 0; page < format::kFirstDataPage.value; ++page) {
      state_.internal.set(page);
      ++state_.internal_count;
    }
    // References first: a directory's own pages win over what an entry says.
    for (std::size_t block = 0; block < state_.references.size(); ++block) {
      TRY(claim_reference(block));
    }
    for (std::size_t block = 0; block < state_.contents.size(); ++block) {
      TRY(claim_entries(block));
    }
    return {};
  }

 private:
  Status claim_reference(std::size_t block) {
    const format::BlockReference& reference = state_.references[block];
    const std::string where = "directory block " + std::to_string(block);
    if (const auto why = refusal(reference.page_a, reference.page_b); !why.empty()) {
      return tl::unexpected(Error(ErrorCode::CorruptDirectoryIndex, why).with_context(where));
    }
    claim(reference.page_a, where);
    claim(reference.page_b, where);
    return {};
  }

  Status claim_entries(std::size_t block) {
    const BlockEntries& entries = *state_.contents[block];
    std::shared_ptr<BlockEntries> kept;  // A copy without the dropped entries, if there are any.
    for (std::size_t slot = 0; slot < entries.slots.size(); ++slot) {
      const format::DirectoryEntry& entry = entries.slots[slot];
      if (!entry.in_use) continue;
      const std::string where =
          "protected " + std::to_string(state_.geometry.protected_number(block, slot).value);
      const std::string why = refusal(entry.page_a, entry.page_b);
      if (why.empty()) {
        claim(entry.page_a, where);
        claim(entry.page_b, where);
        ++state_.protected_count;
        continue;
      }
      if (!recovered_.report.damaged) {
        return tl::unexpected(Error(ErrorCode::CorruptProtectedDirectory, why).with_context(where));
      }
      report("entry-conflict", where, why + "; the entry is left out");
      if (!kept) kept = std::make_shared<BlockEntries>(entries);
      kept->slots[slot] = {};
      --kept->in_use;
    }
    if (kept) {
      state_.contents[block] = kept;
      recovered_.to_rewrite.push_back(block);
    }
    return {};
  }

  /// Why the two pages cannot be what is claimed of them; empty if they can.
  [[nodiscard]] std::string refusal(PageNumber a, PageNumber b) const {
    if (a == b) return "it names page " + std::to_string(a.value) + " for both copies";
    for (const PageNumber page : {a, b}) {
      const std::string number = std::to_string(page.value);
      if (page < format::kFirstDataPage) return "it names reserved page " + number;
      if (page.value >= state_.allocated.size()) return "it names page " + number + " past the end";
      if (state_.internal.test(page.value)) return "it names page " + number + ", which is in use";
    }
    return {};
  }

  void claim(PageNumber page, const std::string& where) {
    if (!state_.allocated.test(page.value)) {
      report("named-not-allocated", where,
             "it names page " + std::to_string(page.value) + ", which is marked free");
      state_.allocated.set(page.value);
      ++state_.allocated_count;
    }
    state_.internal.set(page.value);
    ++state_.internal_count;
  }

  void report(std::string code, const std::string& where, std::string detail) {
    recovered_.report.damaged = true;
    recovered_.report.problems.push_back({.code = std::move(code),
                                          .severity = Severity::Error,
                                          .where = where,
                                          .detail = std::move(detail),
                                          .repairable = true});
  }

  Recovered& recovered_;
  State& state_;
};

}  // namespace

Status derive_and_validate(Recovered& recovered) {
  return Validator(recovered).run();
}

}  // namespace mappedpages::mppg0
