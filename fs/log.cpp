#include "fs/log.hpp"

#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "base/file_descriptor.hpp"
#include "base/text.hpp"

namespace mappedpages::fs {
namespace {

constexpr const char* kName = "mappedpagesfs";

/// spdlog would make directories for it, and wait for the reader of a FIFO.
Outcome<void> require_writable(const std::string& path) {
  constexpr mode_t kAsUmaskHasIt = 0666;
  const FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, kAsUmaskHasIt));
  if (file) return {};
  return tl::unexpected(Failure{ExitCode::Usage, "cannot write --log-file " + path + ": " +
                                                     std::generic_category().message(errno)});
}

std::shared_ptr<spdlog::sinks::sink> make_sink(const Options& options) {
  if (!options.log_file.empty()) {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
  }
  if (options.foreground) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_shared<spdlog::sinks::syslog_sink_mt>(kName, LOG_PID, LOG_DAEMON, false);
}

spdlog::level::level_enum threshold(const Options& options) {
  if (options.debug || options.verbosity > 0) return spdlog::level::debug;
  return options.verbosity < 0 ? spdlog::level::warn : spdlog::level::info;
}

}  // namespace

Outcome<void> open_log(const Options& options) {
  spdlog::set_default_logger(nullptr);  // Until there is one of ours; that of spdlog is for stdout.
  if (!options.log_file.empty()) {
    if (auto possible = require_writable(options.log_file); !possible) return possible;
  }
  try {
    auto logger = std::make_shared<spdlog::logger>(kName, make_sink(options));
    logger->set_level(threshold(options));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return tl::unexpected(Failure{ExitCode::Usage, std::string("cannot log: ") + error.what()});
  }
  return {};
}

void log(LogLevel level, const std::string& line) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  if (spdlog::default_logger_raw() == nullptr) return;
  spdlog::log(kLevels[static_cast<std::size_t>(level)], "{}", one_line(line));
}

}  // namespace mappedpages::fs
