#include "base/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <initializer_list>

namespace mappedpages {

void reserve_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // Takes the lowest free number, which is fd. Read-only: a write is an error and not silence.
    (void)::open("/dev/null", O_RDONLY);
  }
}

}  // namespace mappedpages
