// What a command tells the person: results on standard output, everything else on standard error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mappedpages/error.hpp"
#include "mappedpages/report.hpp"

namespace mappedpages::tools {

/// Both output streams of one run of the program. Used by one thread.
///
/// Messages are one line each, whatever bytes a file name in them has. Colour and the progress bar
/// appear only on a terminal, and colour only where NO_COLOR is not set.
class Terminal {
 public:
  /// `program` stands before each message.
  explicit Terminal(std::string program);

  /// From now on no warnings, no notices and no progress.
  void set_quiet(bool quiet) { quiet_ = quiet; }

  [[nodiscard]] bool quiet() const { return quiet_; }

  /// Why the command failed, and what to do about it.
  void error(std::string_view message);
  void warning(std::string_view message);

  /// What was done, for whoever waits for it.
  void notice(std::string_view message);

  /// Writes a result to standard output, all of it or Io. Not buffered.
  Status print(std::string_view text);

  /// Draws how far `what` has come, and clears the line at the end. Empty, and free, when nobody
  /// would see it.
  Progress progress(std::string what);

 private:
  void message(std::string_view label, std::string_view color, std::string_view text);
  void clear_progress();

  std::string program_;
  bool quiet_ = false;
  bool on_terminal_;
  bool colored_;
  std::uint64_t drawn_ = 0;  // Percent that the bar shows, plus one; 0: there is no bar.
};

}  // namespace mappedpages::tools
