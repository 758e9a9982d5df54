// Why bytes could not be decoded.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mappedpages::format {

/// `code` is one of the problem codes of core/FORMAT.md; `detail` a sentence for a person.
struct Defect {
  std::string_view code;
  std::string detail;
};

template <class T>
using Decoded = tl::expected<T, Defect>;

}  // namespace mappedpages::format
