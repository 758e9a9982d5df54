// The commands of the program, each in a file of its own.
#pragma once

#include <string_view>

#include "tools/arguments.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"

namespace mappedpages::tools {

/// One subcommand. `run` declares its arguments, parses them, does the work and returns the exit
/// code of the program.
struct Command {
  std::string_view name;
  std::string_view summary;  ///< For the program's own help: one line.
  int usage_exit = static_cast<int>(ExitCode::Usage);
  int failure_exit = static_cast<int>(ExitCode::CannotOpen);  ///< For what nobody foresaw.
  int (*run)(Arguments& arguments, Terminal& terminal) = nullptr;
};

Command create_command();
Command info_command();
Command ls_command();
Command check_command();

}  // namespace mappedpages::tools
