// What libfuse calls. With fuse_session.cpp the only place that knows it.
#pragma once

#include <functional>

#include "fs/kernel_cache.hpp"
#include "fs/namespace.hpp"
#include "fs/worker.hpp"

struct fuse_lowlevel_ops;

namespace mappedpages::fs {

/// What the callbacks need: libfuse's user data. Outlives the session.
struct CallbackContext {
  Namespace& tree;
  double timeout;                 ///< Seconds for which the kernel may keep names and attributes.
  std::function<void()> mounted;  ///< Called once, when the kernel has begun to talk to us.

  /// Tells the kernel of changes, and answers what has to wait for that: the kernel may hold locks
  /// that another request needs an answer for, so it is no request's thread that waits.
  Worker* notifier = nullptr;
  /// Likewise, for what takes longer, or may wait for the notifier: renames, which flush.
  Worker* renamer = nullptr;
  /// Likewise, for what waits for the lock of a directory: a rename may hold that until both of the
  /// others have answered. Nothing that holds a lock waits for this one: not even the write to
  /// .ctl/command that it answers, whose lock is that file's alone.
  Worker* forgetter = nullptr;
  KernelCache* cache = nullptr;
};

/// The operations that are implemented; static. What is missing there the kernel answers itself:
/// above all getxattr, which would cost a request for every write.
const fuse_lowlevel_ops& callbacks();

}  // namespace mappedpages::fs
