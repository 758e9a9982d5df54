// mappedpagesfs: mounts a pager file.
#include <cstdio>
#include <string>
#include <vector>

#include "base/standard_streams.hpp"
#include "fs/daemon.hpp"
#include "fs/service_manager.hpp"

namespace {

using namespace mappedpages::fs;
using mappedpages::reserve_standard_streams;

int fail_with(const Failure& failure) {
  print_failure(failure);
  return static_cast<int>(failure.code);
}

}  // namespace

int main(int argc, char** argv) {
  reserve_standard_streams();
  const auto request = parse_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc));
  if (!request) return fail_with(request.error());
  if (request->print) {
    const bool printed =
        std::fputs(request->print->c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return printed ? 0 : static_cast<int>(ExitCode::Runtime);
  }
  const Options& options = request->options;
  const auto place = prepare(options);
  if (!place) return fail_with(place.error());
  if (options.foreground) return run_daemon(options, *place, Handshake());
  const auto started = run_in_background(
      [&](Handshake handshake) { return run_daemon(options, *place, std::move(handshake)); });
  if (!started) return fail_with(started.error());
  // From here and not from the daemon, whose messages systemd takes only once it knows its pid.
  const auto told = tell_service_manager(ready_message(*place, *started));
  if (!told) print_failure(told.error());
  return 0;
}
