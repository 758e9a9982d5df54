// From the core's errors to exit codes and advice.
#pragma once

#include <chrono>
#include <string>

#include "exit_code.hpp"
#include "mappedpages/error.hpp"
#include "terminal.hpp"

namespace mappedpages::tools {

/// How long every command waits for another process to let go of the file.
inline constexpr std::chrono::seconds kLockWait{5};

/// The exit code of a command that met this error.
ExitCode exit_code_of(const Error& error);

/// What the user can do about an error with `db`, as half a sentence; empty where nobody knows.
std::string advice_for(const Error& error, const std::string& db);

/// Prints the error with its advice, and gives its exit code.
ExitCode fail(Terminal& terminal, const Error& error, const std::string& db);

/// Prints a result, and gives the exit code. Says nothing when the reader of a pipe has left.
ExitCode print_result(Terminal& terminal, const std::string& text);

/// `name` as a word of a shell command line.
std::string shell_word(const std::string& name);

}  // namespace mappedpages::tools
