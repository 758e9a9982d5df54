#include "mppg0/verify.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "base/try.hpp"
#include "mppg0/recovery.hpp"

namespace mappedpages::mppg0 {
namespace {

/// Why a file cannot be opened at all, as a problem code.
std::string_view code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotAPagerFile:
      return "not-a-pager-file";
    case ErrorCode::UnsupportedVersion:
      return "unsupported-version";
    case ErrorCode::InvalidPageSize:
      return "page-size";
    case ErrorCode::CorruptSuperblock:
      return "superblock";
    case ErrorCode::CorruptMetadata:
      return "metadata";
    case ErrorCode::CorruptDirectoryIndex:
      return "directory-index";
    default:
      return "directory";
  }
}

class Verifier {
 public:
  Verifier(const io::StorageFile& file, const Recovered& recovered, const Progress& progress)
      : file_(file),
        state_(recovered.state),
        progress_(progress),
        page_(recovered.state.geometry.page_size()),
        zero_crc_(crc32(page_)) {
    report_.problems = recovered.report.problems;
  }

  Result<CheckReport> run() {
    for (std::size_t block = 0; block < state_.contents.size(); ++block) {
      const auto& slots = state_.contents[block]->slots;
      for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if (!slots[slot].in_use) continue;
        TRY(check_content(state_.geometry.protected_number(block, slot), slots[slot]));
        if (progress_) progress_(++done_, state_.protected_count);
      }
    }
    report_.ok = std::ranges::none_of(
        report_.problems, [](const Problem& p) { return p.severity == Severity::Error; });
    return std::move(report_);
  }

 private:
  Status check_content(ProtectedNumber number, const format::DirectoryEntry& entry) {
    TRY_ASSIGN(const std::uint64_t offset, state_.geometry.offset_of(entry.active_page()));
    TRY(file_.read_at(offset, page_));
    if (crc32(page_) == entry.content_crc) return {};
    const std::string where = "protected " + std::to_string(number.value);
    if (entry.generation == 0 && entry.content_crc != zero_crc_) {
      report_.problems.push_back({"never-written", Severity::Note, where,
                                  "it was never committed, so its checksum says nothing", true});
      return {};
    }
    report_.problems.push_back({"protected-crc", Severity::Error, where,
                                "the bytes of page " + std::to_string(entry.active_page().value) +
                                    " are not those that were committed",
                                false});
    return {};
  }

  const io::StorageFile& file_;
  const State& state_;
  const Progress& progress_;
  std::vector<std::byte> page_;
  std::uint32_t zero_crc_;
  std::uint64_t done_ = 0;
  CheckReport report_;
};

}  // namespace

Result<CheckReport> verify(const io::StorageFile& file, const Progress& progress) {
  auto recovered = recover(file);
  if (recovered) return Verifier(file, *recovered, progress).run();
  const Error& error = recovered.error();
  if (error.code() == ErrorCode::Io) return tl::unexpected(error);
  CheckReport report;
  report.ok = false;
  report.problems.push_back(
      {std::string(code_of(error.code())), Severity::Error, "file", error.message(), false});
  return report;
}

}  // namespace mappedpages::mppg0
