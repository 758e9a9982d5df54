// What reading a file finds, collected on the way.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mappedpages/error.hpp"
#include "mappedpages/report.hpp"
#include "mppg0/problems.hpp"

namespace mappedpages::mppg0 {

/// Problems, and the first of them that forbids opening the file. Reading goes on behind that one,
/// for the sake of the report.
class Findings {
 public:
  void add(ProblemCode code, std::string where, std::string detail) {
    const Severity severity = facts_of(code).severity;
    damaged_ = damaged_ || severity == Severity::Error;
    if (++counts_[static_cast<std::size_t>(severity)] > kMostOfEach) return;
    problems_.push_back(problem_of(code, std::move(where), std::move(detail)));
  }

  /// A problem that forbids opening. What is found after it is reported and changes nothing.
  void refuse(ProblemCode code, ErrorCode error, const std::string& where,
              const std::string& detail) {
    add(code, where, detail);
    if (refusal_) return;
    const bool speaks_for_itself = where == "file" || where == "page 0";
    refusal_ = Error(error, speaks_for_itself ? detail : where + ": " + detail);
  }

  [[nodiscard]] const std::optional<Error>& refusal() const { return refusal_; }

  /// A problem of severity Error is among them.
  [[nodiscard]] bool damaged() const { return damaged_; }

  /// All of them, the gravest first, otherwise in the order in which they were found. Ends the
  /// collection.
  [[nodiscard]] std::vector<Problem> take() {
    if (refusal_) {
      for (Problem& problem : problems_) problem.repairable = false;
    }
    std::ranges::stable_sort(problems_, std::ranges::greater{}, &Problem::severity);
    return std::move(problems_);
  }

 private:
  /// Of each severity. A file can be made to have millions; nobody reads them.
  static constexpr std::size_t kMostOfEach = 10'000;

  std::vector<Problem> problems_;
  std::array<std::size_t, 3> counts_{};
  std::optional<Error> refusal_;
  bool damaged_ = false;
};

}  // namespace mappedpages::mppg0
