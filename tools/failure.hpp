// From the core's errors to exit codes and advice.
#pragma once

#include <chrono>
#include <string>

#include "mappedpages/error.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"

namespace mappedpages::tools {

/// How long every command waits for another process to let go of the file.
inline constexpr std::chrono::seconds kLockWait{5};

/// The exit code of a command that met this error.
ExitCode exit_code_of(const Error& error);

/// Prints the error with `advice`, and gives its exit code.
ExitCode fail_with_advice(Terminal& terminal, const Error& error, const std::string& advice);

/// Prints an error with an existing `db`, what to do about it, and gives its exit code.
ExitCode fail(Terminal& terminal, const Error& error, const std::string& db);

/// Prints a result, and gives the exit code. Says nothing when the reader of a pipe has left.
ExitCode print_result(Terminal& terminal, const std::string& text);

}  // namespace mappedpages::tools
