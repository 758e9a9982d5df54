// What callers are told when the answer is no.
#pragma once

#include <string>

#include "mappedpages/error.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

inline std::string name_of(PageNumber page) {
  return "page " + std::to_string(page.value);
}
inline std::string name_of(ProtectedNumber page) {
  return "protected page " + std::to_string(page.value);
}

inline tl::unexpected<Error> refuse(ErrorCode code, std::string why) {
  return tl::unexpected(Error(code, std::move(why)));
}

template <class Number>
tl::unexpected<Error> not_allocated(Number page) {
  return refuse(ErrorCode::NotAllocated, name_of(page) + " is not allocated");
}

template <class Number>
tl::unexpected<Error> pinned_error(Number page) {
  return refuse(ErrorCode::PagePinned, name_of(page) + " is pinned");
}

inline tl::unexpected<Error> writer_active(ProtectedNumber page) {
  return refuse(ErrorCode::WriterActive, name_of(page) + " has a writer already");
}

}  // namespace mappedpages
