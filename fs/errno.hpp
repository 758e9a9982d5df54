// What a call on the mount answers: a value, or an errno and its reason.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "fs/reasons.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages::fs {

/// An errno that is an answer. There is none without a reason.
struct Errno {
  explicit Errno(Reason why, std::string more = {})
      : value(facts_of(why).os_error), reason(why), detail(std::move(more)) {}

  int value;  ///< Never 0.
  Reason reason;
  std::string detail;  ///< What a layer below said, or empty.
};

template <class T>
using Answer = tl::expected<T, Errno>;
using Done = Answer<void>;

inline tl::unexpected<Errno> fail(Reason reason, std::string detail = {}) {
  return tl::unexpected(Errno(reason, std::move(detail)));
}

}  // namespace mappedpages::fs
