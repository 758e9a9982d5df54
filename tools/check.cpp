// mappedpages check: verifies everything that a pager file claims.
#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "mappedpages/engine.hpp"
#include "tools/command.hpp"
#include "tools/failure.hpp"
#include "tools/json_output.hpp"

namespace mappedpages::tools {
namespace {

std::string to_text(const CheckReport& report, const std::string& db, bool quiet) {
  std::string text;
  for (const Problem& problem : report.problems) {
    text += std::string(name_of(problem.severity)) + ": " + problem.where + ": " + problem.detail +
            " [" + problem.code + "]\n";
  }
  if (report.ok) return quiet ? text : text + one_line(db) + ": clean\n";
  const auto errors = std::ranges::count(report.problems, Severity::Error, &Problem::severity);
  return text + one_line(db) + ": damaged, " + std::to_string(errors) +
         (errors == 1 ? " error" : " errors") + "; nothing was changed\n";
}

int run_check(Arguments& arguments, Terminal& terminal) {
  std::string db;
  bool json = false;
  arguments.describe(
      "Verifies everything that a pager file claims. Changes nothing.",
      "Examples:\n"
      "  mappedpages check db.bin\n"
      "  mappedpages check -q db.bin && echo fine\n\n"
      "Exit codes, those of fsck: 0 clean, 4 damaged, 8 could not be checked, 16 usage.\n"
      "Notes and warnings are no damage.");
  arguments.required("DB", db, "The pager file");
  arguments.flag("--json", json, "Print one JSON object");
  // fsck(8) passes these on. Nothing is ever changed, so none of them can mean anything.
  for (const char* flag : {"-a", "-f", "-n", "-p", "-y"}) arguments.ignored_flag(flag);
  if (const auto done = arguments.parse(terminal)) return *done;

  const auto report = Engine::check(db, terminal.progress("checking"), kLockWait);
  if (!report) {
    (void)fail(terminal, report.error(), db);
    return static_cast<int>(CheckExit::CouldNot);
  }
  const std::string text = json ? to_json(*report) : to_text(*report, db, terminal.quiet());
  if (print_result(terminal, text) != ExitCode::Ok) return static_cast<int>(CheckExit::CouldNot);
  return static_cast<int>(report->ok ? CheckExit::Clean : CheckExit::Problems);
}

}  // namespace

Command check_command() {
  return {.name = "check",
          .summary = "verify everything, change nothing",
          .usage_exit = static_cast<int>(CheckExit::Usage),
          .failure_exit = static_cast<int>(CheckExit::CouldNot),
          .run = run_check};
}

}  // namespace mappedpages::tools
