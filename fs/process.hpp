// What can be known of the process behind a request.
#pragma once

#include <sys/types.h>

namespace mappedpages::fs {

/// Whether a signal is ending this process or thread right now. False where it cannot be known: the
/// process is gone, or in a pid namespace that this one does not see.
bool is_dying_by_signal(pid_t pid);

}  // namespace mappedpages::fs
