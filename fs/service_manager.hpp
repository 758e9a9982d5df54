// What systemd is told of a service with Type=notify.
#pragma once

#include <string>

#include "fs/options.hpp"

namespace mappedpages::fs {

/// Sends lines such as `READY=1` to the socket that NOTIFY_SOCKET names, as sd_notify(3) does;
/// without the variable nobody asked. That call alone is not worth the libraries that libsystemd
/// would load into the daemon. A failure is worth a warning.
Outcome<void> tell_service_manager(const std::string& lines);

/// A line `STATUS=…`, whatever is in `text`.
std::string status_line(std::string text);

}  // namespace mappedpages::fs
