// What a call on the mount answers: a value, or an errno.
#pragma once

#include <cerrno>
#include <tl/expected.hpp>

#include "mappedpages/error.hpp"

namespace mappedpages::fs {

/// An errno that is an answer. Never 0.
struct Errno {
  int value;
  bool operator==(const Errno&) const = default;
};

template <class T>
using Answer = tl::expected<T, Errno>;
using Done = Answer<void>;

inline tl::unexpected<Errno> fail(int os_error) {
  return tl::unexpected(Errno{os_error});
}

}  // namespace mappedpages::fs
