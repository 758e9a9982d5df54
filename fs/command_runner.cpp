#include "fs/command_runner.hpp"

#include <string>
#include <variant>

namespace mappedpages::fs {

Commanded CommandRunner::run(std::string_view text) {
  Commanded commanded;
  if (engine_.read_only()) {
    commanded.done = fail(Reason::MountedReadOnly);
  } else if (text.size() > kMaxCommandBytes) {
    commanded.done = fail(Reason::CommandTooLong);
  }
  for (std::uint64_t number = 1; commanded.done && !text.empty(); ++number) {
    commanded.done = run_line(take_line(text), commanded.freed);
    if (commanded.done) continue;
    std::string& detail = commanded.done.error().detail;
    if (!detail.empty()) detail.insert(0, ": ");
    detail.insert(0, "line " + std::to_string(number));
  }
  return commanded;
}

Done CommandRunner::run_line(std::string_view line, std::vector<Inode>& freed) {
  const auto command = parse_command(line);
  if (!command) return tl::unexpected(command.error());
  if (!*command) return {};
  return std::visit([&](const auto& one) { return run(one, freed); }, **command);
}

Done CommandRunner::run(const FreePages& command, std::vector<Inode>& freed) {
  return free(command.pages, freed);
}

Done CommandRunner::run(const FreeProtected& command, std::vector<Inode>& freed) {
  return free(command.pages, freed);
}

template <class Number>
Done CommandRunner::free(const std::vector<Number>& numbers, std::vector<Inode>& freed) {
  std::vector<Inode> pages;
  pages.reserve(numbers.size());
  for (const Number number : numbers) {
    const Inode page(number);
    pages.push_back(page.with_version(static_cast<std::uint16_t>(generations_.of(page))));
  }
  Done done = freer_.free(pages);
  if (done) freed.insert(freed.end(), pages.begin(), pages.end());
  return done;
}

Done CommandRunner::run(const DiscardStage& command, std::vector<Inode>& /*freed*/) {
  const auto info = engine_.info(command.page);
  if (!info) return fail(info.error(), reporter_);
  files_.discard_stage(command.page);
  return {};
}

Done CommandRunner::run(const SyncPages& /*command*/, std::vector<Inode>& /*freed*/) {
  if (auto done = engine_.flush_all(); !done) return fail(done.error(), reporter_);
  return {};
}

}  // namespace mappedpages::fs
