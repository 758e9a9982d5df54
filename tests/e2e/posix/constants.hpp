// The constants of system headers that tables name.
#pragma once

#include <map>
#include <string>

namespace mappedpages::test::posix {

const std::map<std::string, long>& constants();

}  // namespace mappedpages::test::posix
