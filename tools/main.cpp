// mappedpages: one program, a command a file. Called as mkfs.mappedpages or fsck.mappedpages it is
// the command `create` or `check`.
#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "base/standard_streams.hpp"
#include "tools/command.hpp"
#include "tools/failure.hpp"

namespace mappedpages::tools {
namespace {

std::array<Command, 4> all_commands() {
  return {create_command(), info_command(), ls_command(), check_command()};
}

std::optional<Command> find_command(std::string_view name) {
  for (const Command& command : all_commands()) {
    if (command.name == name) return command;
  }
  return std::nullopt;
}

std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

std::string program_help() {
  std::string text =
      "Looks after pager files. Usage: mappedpages COMMAND [OPTIONS] DB\n\nCommands:\n";
  for (const Command& command : all_commands()) {
    constexpr std::size_t kColumn = 10;
    std::string name(command.name);
    name.resize(kColumn, ' ');
    text += "  " + name + std::string(command.summary) + "\n";
  }
  return text +
         "\nExamples:\n"
         "  mappedpages create db.bin\n"
         "  mappedpages ls --crc db.bin\n"
         "  mappedpages COMMAND --help\n\n"
         "Exit codes: 0 done, 1 usage, 2 cannot open, read or write, 3 not a pager file or "
         "another\n"
         "version, 4 damaged, 5 locked. check: 0 clean, 4 damaged, 8 could not be checked, 16 "
         "usage.\n";
}

int run(const Command& command, const std::string& program, std::vector<std::string> words,
        Terminal& terminal) {
  try {
    Arguments arguments(program, std::move(words), command.usage_exit);
    return command.run(arguments, terminal);
  } catch (const std::exception& surprise) {  // Memory that ran out, say.
    terminal.error(std::string("failed: ") + surprise.what());
    return command.failure_exit;
  }
}

int usage_error(Terminal& terminal, const std::string& what) {
  std::string names;
  for (const Command& command : all_commands()) {
    names += (names.empty() ? "" : ", ") + std::string(command.name);
  }
  terminal.error(what + "; the commands are " + names + ", and `mappedpages --help` shows more");
  return static_cast<int>(ExitCode::Usage);
}

/// -q may stand before the command too.
void move_quiet_behind(std::vector<std::string>& words) {
  if (words.size() < 2 || (words.front() != "-q" && words.front() != "--quiet")) return;
  // Not std::ranges::rotate: what it returns does not compile with clang 14.
  std::rotate(words.begin(), words.begin() + 1, words.end());
}

int main_program(std::vector<std::string> words, Terminal& terminal) {
  move_quiet_behind(words);
  if (words.empty()) return usage_error(terminal, "no command was given");
  const std::string word = words.front();
  if (word == "-h" || word == "--help" || word == "help") {
    return static_cast<int>(print_result(terminal, program_help()));
  }
  if (word == "-V" || word == "--version") {
    return static_cast<int>(print_result(terminal, Arguments::version_text()));
  }
  const auto command = find_command(word);
  if (!command) return usage_error(terminal, "there is no command '" + word + "'");
  words.erase(words.begin());
  return run(*command, "mappedpages " + word, std::move(words), terminal);
}

int main_of(const std::string& called_as, std::vector<std::string> words) {
  for (const auto& [name, command] : {std::pair("mkfs.mappedpages", create_command()),
                                      std::pair("fsck.mappedpages", check_command())}) {
    if (called_as != name) continue;
    Terminal terminal(name);
    return run(command, name, std::move(words), terminal);
  }
  Terminal terminal("mappedpages");
  return main_program(std::move(words), terminal);
}

}  // namespace
}  // namespace mappedpages::tools

int main(int argc, char** argv) {
  using namespace mappedpages::tools;
  mappedpages::reserve_standard_streams();
  // Both become errors of the write that met them.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const std::string called_as = argc > 0 ? base_name(argv[0]) : "";
  return main_of(called_as, {argv + std::min(argc, 1), argv + argc});
}
