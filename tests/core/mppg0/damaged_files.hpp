// Files that are damaged in one way each, and what the check says of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "mappedpages/report.hpp"
#include "sample_file.hpp"

namespace mappedpages::test {

inline constexpr std::uint64_t kFarAway = ~std::uint64_t{0};

/// Where the fields of a page stand.
inline constexpr std::size_t kTotal = 0;
inline constexpr std::size_t kGeneration = 8;
inline constexpr std::size_t kFreeCount = 16;
inline constexpr std::size_t kBitmap = 24;
inline constexpr std::size_t kBlockCount = 20;
inline constexpr std::size_t kReference = 24;
inline constexpr std::size_t kReferenceSize = 17;

struct Finding {
  std::string code;
  std::string where;
  Severity severity = Severity::Error;
  bool repairable = false;

  bool operator==(const Finding&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Finding& finding) {
  return out << name_of(finding.severity) << ' ' << finding.code << " at " << finding.where
             << (finding.repairable ? ", repairable" : "");
}

inline Finding error(std::string code, std::string where) {
  return {std::move(code), std::move(where), Severity::Error, false};
}
inline Finding mendable(std::string code, std::string where) {
  return {std::move(code), std::move(where), Severity::Error, true};
}
inline Finding note(std::string code, std::string where) {
  return {std::move(code), std::move(where), Severity::Note, true};
}

struct Case {
  std::string name;
  void (*damage)(SampleFile&);
  std::vector<Finding> findings;  ///< All of them, in order.
};

inline void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

/// A field of a metadata page, and its CRC.
template <class T>
void edit_metadata(SampleFile& file, std::uint64_t page, std::size_t offset, T value) {
  file.store(file.at(page, offset), value);
  file.seal(page);
}

inline std::string place(std::uint64_t page) {
  return "page " + std::to_string(page);
}

/// At least one for each problem code, but those of opening alone.
std::vector<Case> damaged_files();

}  // namespace mappedpages::test
