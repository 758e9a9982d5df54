// Everything that a file claims, checked.
#pragma once

#include "io/storage_file.hpp"
#include "mappedpages/error.hpp"
#include "mappedpages/report.hpp"

namespace mappedpages::mppg0 {

/// Checks the whole file and changes nothing; what cannot be opened is checked as far as it can be
/// read. The codes are those of mppg0/problems.hpp, the gravest first. An error only where the file
/// could not be read; `progress` counts protected pages.
Result<CheckReport> verify(const io::StorageFile& file, const Progress& progress);

/// The same for somebody who wants a file without any damage: why it cannot be opened, if so, else
/// NeedsRecovery with the gravest problem.
Status require_undamaged(const io::StorageFile& file);

}  // namespace mappedpages::mppg0
