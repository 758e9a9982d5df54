// Names in messages for people: a file name can hold anything.
#pragma once

#include <string>
#include <string_view>

namespace mappedpages {

/// `text` without control characters, which are written as `\\xNN`: a message stays one line and
/// cannot steer the terminal.
std::string one_line(std::string_view text);

/// `name` as a word of a shell command line.
std::string shell_word(const std::string& name);

}  // namespace mappedpages
