// The one way from errno into an Error.
#pragma once

#include <cerrno>
#include <string>
#include <tl/expected.hpp>

#include "mappedpages/error.hpp"

namespace mappedpages::io {

/// An Io error for the call that just failed with `os_error` (errno by default).
inline tl::unexpected<Error> posix_error(std::string context, int os_error = errno) {
  return tl::unexpected(Error(ErrorCode::Io, std::move(context), os_error));
}

/// Whether the error means only that there is no room: nothing is wrong with file or disk.
inline bool is_out_of_space(const Error& error) {
  return error.code() == ErrorCode::Io &&
         (error.os_error() == ENOSPC || error.os_error() == EDQUOT || error.os_error() == EFBIG);
}

}  // namespace mappedpages::io
