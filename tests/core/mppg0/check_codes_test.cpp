// The check has a code for everything that can be wrong with a file: one damaged file for each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "damaged_files.hpp"
#include "mppg0/problems.hpp"
#include "support/faulty_file.hpp"

namespace mappedpages::test {
namespace {

using mppg0::kProblems;
using mppg0::ProblemFacts;

std::vector<Finding> findings_of(const CheckReport& report) {
  std::vector<Finding> findings;
  for (const Problem& problem : report.problems) {
    findings.push_back({problem.code, problem.where, problem.severity, problem.repairable});
  }
  return findings;
}

CheckReport check(const std::shared_ptr<MemoryBytes>& memory) {
  auto report = Engine::check(MemoryFile(memory));
  EXPECT_TRUE(report) << "it could not be read";
  return report ? *std::move(report) : CheckReport{};
}

TEST(Check, FindsNothingInASoundFile) {
  const CheckReport report = check(SampleFile().memory());
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(findings_of(report), std::vector<Finding>{});
}

class DamagedFile : public testing::TestWithParam<Case> {
 protected:
  SampleFile file;
  void SetUp() override { GetParam().damage(file); }
};

TEST_P(DamagedFile, IsReportedWithCodePlaceAndSeverity) {
  const auto memory = file.memory();
  const CheckReport report = check(memory);
  EXPECT_EQ(findings_of(report), GetParam().findings);
  for (const Problem& problem : report.problems) EXPECT_FALSE(problem.detail.empty());
  EXPECT_EQ(report.ok, std::ranges::none_of(GetParam().findings, [](const Finding& finding) {
              return finding.severity == Severity::Error;
            }));
  EXPECT_EQ(memory->bytes, file.bytes) << "the check wrote";
}

/// Damage forbids writing unless the caller asks to recover; nothing else does.
TEST_P(DamagedFile, IsOpenedForWritingOnlyWithRecover) {
  const CheckReport report = check(file.memory());
  const bool of_structure = std::ranges::any_of(report.problems, [](const Problem& problem) {
    return problem.severity == Severity::Error && problem.code != "protected-crc";
  });
  const auto memory = file.memory();
  const auto engine = Engine::open(std::make_unique<MemoryFile>(memory), {});
  EXPECT_EQ(engine.has_value(), !of_structure);
  if (!engine) {
    EXPECT_EQ(memory->bytes, file.bytes) << "refused, and changed";
  }
}

/// Who asks for a check first gets no damaged file, however he opens it.
TEST_P(DamagedFile, IsNotOpenedByWhoAsksForACheck) {
  const bool ok = check(file.memory()).ok;
  for (const Access access : {Access::ReadOnly, Access::ReadWrite}) {
    for (const bool recover : {false, true}) {
      const auto memory = file.memory();
      const auto engine = Engine::open(std::make_unique<MemoryFile>(memory),
                                       {.access = access, .recover = recover, .verify = true});
      if (ok && access == Access::ReadWrite) continue;
      EXPECT_EQ(engine.has_value(), ok);
      EXPECT_EQ(memory->bytes, file.bytes);
    }
  }
}

/// What is called repairable is gone after recovering and writing on; the rest is not.
TEST_P(DamagedFile, IsMendedAsFarAsItSays) {
  const CheckReport before = check(file.memory());
  const auto memory = file.memory();
  auto engine = Engine::open(std::make_unique<MemoryFile>(memory), {.recover = true});
  const bool any = std::ranges::any_of(before.problems, &Problem::repairable);
  if (!engine) {
    EXPECT_FALSE(any) << engine.error().message();
    return;
  }
  for (const ProtectedNumber page : (*engine)->protected_pages()) {
    if (auto writer = (*engine)->writer(page)) {
      ASSERT_TRUE(writer->commit());
      ASSERT_TRUE(writer->commit()) << "to have both copies written";
    }
  }
  engine->reset();
  std::set<std::string> left;
  for (const Problem& problem : check(memory).problems) left.insert(problem.code);
  for (const Problem& problem : before.problems) {
    EXPECT_EQ(left.contains(problem.code), !problem.repairable) << problem.code;
  }
}

INSTANTIATE_TEST_SUITE_P(Every, DamagedFile, testing::ValuesIn(damaged_files()),
                         [](const auto& test) { return test.param.name; });

// --- More of how generations are judged

/// The file had 16 pages and the last group made it 32, with a new block in the new ones: by the
/// older metadata the reference is past the end.
TEST(Byte12, IsNotBelievedAlsoWhereTheFileHasGrown) {
  const auto memory = SampleFile().memory();
  {
    auto engine = SampleFile::open(memory, {});
    SampleFile::require(engine->alloc_bulk(PageCount{4}));
    SampleFile::require(engine->alloc_protected_bulk(PageCount{32}));
    EXPECT_EQ(engine->facts().directory_blocks, 2U);
  }
  memory->bytes[12] ^= std::byte{1};
  const CheckReport report = check(memory);
  EXPECT_EQ(findings_of(report), std::vector<Finding>{mendable("stale-metadata", "page 0")});
  const auto engine =
      Engine::open(std::make_unique<MemoryFile>(memory), {.access = Access::ReadOnly});
  ASSERT_TRUE(engine) << engine.error().message();
  EXPECT_EQ((*engine)->counts().protected_pages, PageCount{34});
}

/// The crate can have gone back to older metadata before it wrote: its directories keep their
/// generations. Ours goes on above them.
TEST(DirectoriesOfTheCrate, MayBeNewerThanItsMetadata) {
  SampleFile file;
  file.unmark();
  file.store(file.at(file.directory_in_force(), 4), std::uint32_t{1000});
  file.seal(file.directory_in_force());
  const auto memory = file.memory();
  EXPECT_EQ(findings_of(check(memory)), std::vector<Finding>{});
  {
    const auto engine = SampleFile::open(memory, {});
    EXPECT_GT(engine->counts().generation, Generation{1000});
  }
  EXPECT_EQ(findings_of(check(memory)), std::vector<Finding>{});
}

TEST(GenerationOfU64Maximum, IsReadAndNotTakenForAnUnknownOne) {
  SampleFile file;
  edit_metadata(file, file.metadata_in_force(), kGeneration, kFarAway);
  edit_metadata(file, file.metadata_in_force(), kTotal, std::uint64_t{17});
  edit_metadata(file, file.metadata_in_force(), kFreeCount, std::uint64_t{5});
  const std::string where = place(file.metadata_in_force());
  EXPECT_EQ(
      findings_of(check(file.memory())),
      (std::vector<Finding>{error("file-cut-short", "file"), error("generation-too-high", where)}));
}

/// Large pages, and every reference the same: the pages behind them are not read for each.
TEST(MillionsOfProblems, AreFoundInTimeAndNotAllListed) {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 22U;
  const auto memory = std::make_shared<MemoryBytes>();
  MemoryFile file(memory);
  SampleFile::require(mppg0::format_file(file, kLarge, PageCount{4}));
  SampleFile::require(SampleFile::open(memory, {})->alloc_protected());
  const std::span page0 = std::span(memory->bytes).first(kLarge);
  const std::size_t blocks = (kLarge - 28) / kReferenceSize;
  store_le(page0, kBlockCount, static_cast<std::uint32_t>(blocks));
  for (std::size_t block = 1; block < blocks; ++block) {
    std::ranges::copy(page0.subspan(kReference, kReferenceSize),
                      page0.subspan(kReference + block * kReferenceSize).begin());
  }
  store_le(page0, kLarge - 4, format::computed_index_crc(page0));
  const auto plan = std::make_shared<FaultPlan>();
  const auto report = Engine::check(FaultyFile(std::make_unique<MemoryFile>(memory), plan));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->ok);
  EXPECT_EQ(report->problems.size(), 10'000U);
  EXPECT_LT(plan->calls(FileCall::Read), 20U);
}

// --- The table

TEST(ProblemCodes, NotReservedIsReportedByOpening) {
  const SampleFile file;
  const auto plan = std::make_shared<FaultPlan>();
  Fault full;
  full.call = FileCall::Reserve;
  full.os_error = ENOSPC;
  plan->add(full);
  const auto engine = Engine::open(
      std::make_unique<FaultyFile>(std::make_unique<MemoryFile>(file.memory()), plan), {});
  ASSERT_TRUE(engine) << engine.error().message();
  const std::vector<Problem>& problems = (*engine)->open_report().problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].code, facts_of(mppg0::ProblemCode::NotReserved).name);
  EXPECT_EQ(problems[0].severity, facts_of(mppg0::ProblemCode::NotReserved).severity);
  EXPECT_EQ(problems[0].where, "file");
  EXPECT_EQ(problems[0].repairable, facts_of(mppg0::ProblemCode::NotReserved).repairable);
}

TEST(ProblemCodes, EachHasADamagedFile) {
  std::set<std::string> covered{"not-reserved"};  // Above.
  for (const Case& one : damaged_files()) {
    for (const Finding& finding : one.findings) covered.insert(finding.code);
  }
  std::set<std::string> all;
  for (const ProblemFacts& facts : kProblems) {
    EXPECT_TRUE(all.insert(std::string(facts.name)).second) << facts.name << " twice";
  }
  EXPECT_EQ(covered, all);
}

/// The rows of the table in core/FORMAT.md: "| `code` | severity | … |".
TEST(ProblemCodes, EachIsInTheDocument) {
  std::ifstream document(MAPPEDPAGES_FORMAT_MD);
  ASSERT_TRUE(document) << MAPPEDPAGES_FORMAT_MD;
  std::set<std::string> rows;
  bool in_section = false;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("## ")) in_section = line == "## Problem codes";
    if (!in_section || !line.starts_with("| `")) continue;
    const std::size_t code_end = line.find('`', 3);
    const std::size_t severity_end = line.find(" |", code_end + 4);
    rows.insert(line.substr(3, code_end - 3) + ' ' +
                line.substr(code_end + 4, severity_end - code_end - 4));
  }
  std::set<std::string> all;
  for (const ProblemFacts& facts : kProblems) {
    all.insert(std::string(facts.name) + ' ' + std::string(name_of(facts.severity)));
  }
  EXPECT_EQ(rows, all);
}

}  // namespace
}  // namespace mappedpages::test
