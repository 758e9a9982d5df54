// Standard input, output and error of a program that was started without them.
#pragma once

namespace mappedpages {

/// Makes sure that descriptors 0 to 2 are taken, so that no file of ours becomes standard output.
/// One that was closed fails when written to. Call it first.
void reserve_standard_streams();

}  // namespace mappedpages
