// What metadata and directories say together: no page twice, none that is not there.
#pragma once

#include "mppg0/findings.hpp"
#include "mppg0/recovery.hpp"

namespace mappedpages::mppg0 {

/// Takes what recovery chose into `recovered.state`: marks the internal pages and counts
/// everything. On entry `state` has generation, allocated bitmap, references and contents; the rest
/// is derived. References of two equal pages were left out, and told, before.
///
/// A page out of range or named twice forbids opening, unless the findings are of damage already:
/// then an older copy says so, and the entry that names it is left out. A named page that is not
/// allocated is damage, and taken as allocated.
void derive_and_validate(Recovered& recovered, Findings& findings);

}  // namespace mappedpages::mppg0
