#include "tools/reader.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "base/try.hpp"
#include "tools/failure.hpp"

namespace mappedpages::tools {

Result<std::unique_ptr<Engine>> open_to_read(const std::string& db, Terminal& terminal) {
  TRY_ASSIGN(auto engine, Engine::open(db, {.access = Access::ReadOnly, .lock_wait = kLockWait}));
  const OpenReport& report = engine->open_report();
  const auto worst = std::ranges::find(report.problems, Severity::Error, &Problem::severity);
  if (worst != report.problems.end()) {
    const auto others =
        std::ranges::count(report.problems, Severity::Error, &Problem::severity) - 1;
    terminal.warning(db + " is damaged: " + worst->where + ": " + worst->detail +
                     (others > 0 ? ", and " + std::to_string(others) + " more" : "") +
                     "; keep a copy of it, and see `mappedpages check " + shell_word(db) + "`");
  }
  return engine;
}

}  // namespace mappedpages::tools
