// What metadata and directories say together: no page twice, none that is not there.
#pragma once

#include <vector>

#include "mappedpages/error.hpp"
#include "mppg0/recovery.hpp"

namespace mappedpages::mppg0 {

/// Takes what recovery chose into `recovered.state`: marks the internal pages and counts
/// everything. On entry `state` has generation, allocated bitmap, references and contents; the rest
/// is derived.
///
/// A page out of range or named twice is an error, unless the report is damaged already: the entry
/// that names it is then dropped, with a line in the report. A named page that is not allocated is
/// damage, and taken as allocated.
Status derive_and_validate(Recovered& recovered);

}  // namespace mappedpages::mppg0
