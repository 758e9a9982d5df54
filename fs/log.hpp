// Where the daemon says what it does.
#pragma once

#include <string>

#include "fs/options.hpp"

namespace mappedpages::fs {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

/// Opens the log: stderr in the foreground, else the log file or syslog. Call it once, in the
/// process that will log. A log file that cannot be opened is a failure.
Outcome<void> open_log(const Options& options);

/// One line; none before `open_log`. Any thread.
void log(LogLevel level, const std::string& line);

}  // namespace mappedpages::fs
