// Pins by number, for callers who cannot hold an object.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

#include "base/thread_annotations.hpp"
#include "base/try.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::capi {

/// Counts the pins of one file's pages of one kind. What is left is let go by the destructor, which
/// comes before the engine's. Any thread.
template <class Number>
class HeldPins {
 public:
  explicit HeldPins(Engine& engine) : engine_(engine) {}

  /// As `Engine::pin`.
  Status add(Number page) {
    TRY_ASSIGN(Pin<Number> pin, engine_.pin(page));
    const MutexLock lock(mutex_);
    pins_.emplace(page, std::move(pin));
    return {};
  }

  /// Lets go of one. NotAllocated where there is none.
  Status remove(Number page) {
    const MutexLock lock(mutex_);
    const auto found = pins_.find(page);
    if (found == pins_.end()) {
      return tl::unexpected(
          Error(ErrorCode::NotAllocated, "page " + std::to_string(page.value) + " is not pinned"));
    }
    pins_.erase(found);
    return {};
  }

 private:
  Engine& engine_;
  Mutex mutex_;
  std::unordered_multimap<Number, Pin<Number>> pins_ GUARDED_BY(mutex_);
};

}  // namespace mappedpages::capi
