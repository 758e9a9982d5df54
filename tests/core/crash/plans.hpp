// The campaigns that prove the commit, by name: which lives, from which files.
#pragma once

#include <span>
#include <string>

#include "campaign.hpp"

namespace mappedpages::test {

struct Plan {
  const char* name;
  const char* purpose;  ///< What its lives are about, for a report.
  Campaign (*make)();   ///< With as many lives as the default tests have time for.
};

/// All of them.
std::span<const Plan> plans();

/// The one of this name, which exists.
Campaign plan(const std::string& name);

}  // namespace mappedpages::test
