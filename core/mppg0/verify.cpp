#include "mppg0/verify.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "base/try.hpp"
#include "mppg0/directory_generation.hpp"
#include "mppg0/problems.hpp"
#include "mppg0/recovery.hpp"

namespace mappedpages::mppg0 {
namespace {

/// The contents of the protected pages, against the CRCs of their entries.
class Contents {
 public:
  Contents(const io::StorageFile& file, std::uint64_t file_size, const State& state,
           const Progress& progress)
      : file_(file),
        file_size_(file_size),
        state_(state),
        progress_(progress),
        page_(state.geometry.page_size()),
        zero_crc_(crc32(page_)) {}

  Status check(std::vector<Problem>& problems) {
    for (std::size_t block = 0; block < state_.contents.size(); ++block) {
      if (state_.contents[block]->in_use == 0) continue;
      const auto& slots = state_.contents[block]->slots;
      for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if (!slots[slot].in_use) continue;
        TRY(check_page(state_.geometry.protected_number(block, slot), slots[slot], problems));
        if (progress_) progress_(++done_, state_.protected_count);
      }
    }
    return {};
  }

 private:
  Status check_page(ProtectedNumber number, const format::DirectoryEntry& entry,
                    std::vector<Problem>& problems) {
    const std::string where = "protected " + std::to_string(number.value);
    const std::string page = "page " + std::to_string(entry.active_page().value);
    TRY_ASSIGN(const std::uint64_t offset, state_.geometry.offset_of(entry.active_page()));
    if (offset + page_.size() > file_size_) {
      problems.push_back(
          problem_of(ProblemCode::ProtectedCrc, where, page + " lies past the end of the file"));
      return {};
    }
    TRY(file_.read_at(offset, page_));
    if (crc32(page_) == entry.content_crc) return {};
    if (entry.generation == 0 && entry.content_crc != zero_crc_) {
      problems.push_back(problem_of(ProblemCode::NeverWritten, where,
                                    "it was never committed, so its checksum says nothing"));
    } else {
      problems.push_back(problem_of(ProblemCode::ProtectedCrc, where,
                                    "the bytes of " + page + " are not those that were committed"));
    }
    return {};
  }

  const io::StorageFile& file_;
  const std::uint64_t file_size_;
  const State& state_;
  const Progress& progress_;
  std::vector<std::byte> page_;
  const std::uint32_t zero_crc_;
  std::uint64_t done_ = 0;
};

Result<CheckReport> verify(const io::StorageFile& file, Examination& examination,
                           const Progress& progress) {
  TRY_ASSIGN(const std::uint64_t size, file.size());
  CheckReport report{.problems = std::move(examination.problems)};
  if (examination.found) {
    const Recovered& found = *examination.found;
    if (found.newest > kMaxWritableGeneration) {
      report.problems.push_back(
          problem_of(ProblemCode::GenerationTooHigh, found.newest_where,
                     "generation " + std::to_string(found.newest.value) +
                         " leaves no room to count: the file can be opened only for reading"));
    }
    TRY(Contents(file, size, found.state, progress).check(report.problems));
  }
  if (examination.refusal) {
    for (Problem& problem : report.problems) problem.repairable = false;
  }
  std::ranges::stable_sort(report.problems, std::ranges::greater{}, &Problem::severity);
  report.ok = report.problems.empty() || report.problems.front().severity != Severity::Error;
  return report;
}

}  // namespace

Result<CheckReport> verify(const io::StorageFile& file, const Progress& progress) {
  TRY_ASSIGN(Examination examination, examine(file));
  return verify(file, examination, progress);
}

Status require_undamaged(const io::StorageFile& file) {
  TRY_ASSIGN(Examination examination, examine(file));
  TRY_ASSIGN(const CheckReport report, verify(file, examination, {}));
  if (examination.refusal) return tl::unexpected(*examination.refusal);
  if (report.ok) return {};
  const Problem& worst = report.problems.front();
  return tl::unexpected(
      Error(ErrorCode::NeedsRecovery, "damaged: " + worst.where + ": " + worst.detail));
}

}  // namespace mappedpages::mppg0
