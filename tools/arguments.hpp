// The arguments of one command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/terminal.hpp"

namespace mappedpages::tools {

/// How a command was called. The command declares what it takes, then calls `parse`.
class Arguments {
 public:
  /// `program` is how the user calls the command, `mappedpages info` say. `words` come behind it.
  /// `usage_exit` is the exit code for words that make no sense.
  Arguments(std::string program, std::vector<std::string> words, int usage_exit);
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  void describe(const std::string& summary, const std::string& examples);

  /// Declarations. What they name is set by `parse`, and lives until then.
  void flag(const std::string& names, bool& value, const std::string& help);
  void option(const std::string& names, std::string& value, const std::string& placeholder,
              const std::string& help);
  void required(const std::string& name, std::string& value, const std::string& help);

  /// A flag that is taken and does nothing, for callers that pass it to all programs of a kind.
  void ignored_flag(const std::string& name);

  /// Reads the words. The exit code if that is all there is to do: after `--help`, `--version` or a
  /// mistake, which it has printed. Sets the terminal quiet for `-q`.
  [[nodiscard]] std::optional<int> parse(Terminal& terminal);

  /// Prints a mistake that the command itself found, and gives the exit code.
  int usage_error(Terminal& terminal, const std::string& what) const;

  /// The program's name and what stands behind `-V`.
  static std::string version_text();

 private:
  class Parser;
  std::string program_;
  std::vector<std::string> words_;
  int usage_exit_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace mappedpages::tools
