// Opening a pager file to look at it.
#pragma once

#include <memory>
#include <string>

#include "mappedpages/engine.hpp"
#include "tools/terminal.hpp"

namespace mappedpages::tools {

/// Opens `db` for reading, through its other copies if it is damaged, which it warns about. Waits
/// for the lock.
Result<std::unique_ptr<Engine>> open_to_read(const std::string& db, Terminal& terminal);

}  // namespace mappedpages::tools
