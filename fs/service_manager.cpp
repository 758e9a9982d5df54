#include "fs/service_manager.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

#include "base/file_descriptor.hpp"

namespace mappedpages::fs {
namespace {

tl::unexpected<Failure> cannot_tell(const std::string& why) {
  return tl::unexpected(
      Failure{ExitCode::Runtime, "cannot tell the service manager at NOTIFY_SOCKET: " + why});
}

tl::unexpected<Failure> cannot_tell() {
  return cannot_tell(std::generic_category().message(errno));
}

}  // namespace

Outcome<void> tell_service_manager(const std::string& lines) {
  const char* name =
      std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  if (name == nullptr || *name == '\0') return {};
  const std::string_view path(name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An abstract name needs no zero behind it, and has one before it.
  if ((path.front() != '/' && path.front() != '@') ||
      path.size() + (path.front() == '/' ? 1 : 0) > sizeof address.sun_path) {
    return cannot_tell(std::string(path) + " is no socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return cannot_tell();
  // Whoever does not listen must not keep us from serving.
  constexpr timeval kLongest{5, 0};
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kLongest, sizeof kLongest);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const auto* to = reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
  const ssize_t sent = ::sendto(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL, to, size);
  if (sent != static_cast<ssize_t>(lines.size())) return cannot_tell();
  return {};
}

std::string status_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return "STATUS=" + text + "\n";
}

}  // namespace mappedpages::fs
