// The lives of each proof; what each is about stands in the file that has it.
#pragma once

#include <string>
#include <vector>

#include "e2e/storm/proof.hpp"

namespace mappedpages::test {
class MountedFs;
}

namespace mappedpages::test::storm {

void live_through_daemon_kills(std::uint64_t seed, Outcome& outcome);
void live_through_daemon_ends(std::uint64_t seed, Outcome& outcome);
void live_through_client_kills(std::uint64_t seed, Outcome& outcome);
void live_through_fsx(std::uint64_t seed, Outcome& outcome);
void live_through_many_clients(std::uint64_t seed, Outcome& outcome);
void live_through_full_tmpfs(std::uint64_t seed, Outcome& outcome);
void live_through_full_ext4(std::uint64_t seed, Outcome& outcome);
void live_below_size_limit(std::uint64_t seed, Outcome& outcome);
void live_through_fio(std::uint64_t seed, Outcome& outcome);

/// Mounts; a mount that does not work is a violation.
bool mounted(MountedFs& fs, const std::vector<std::string>& options, Outcome& outcome);

}  // namespace mappedpages::test::storm
