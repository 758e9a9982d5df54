// Runs the built program as a user does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mappedpages::test {

/// What a program did.
struct Outcome {
  int exit = -1;  ///< 128 + the signal that ended it, as in a shell.
  std::string out;
  std::string err;
};

/// The circumstances of a run.
struct Circumstances {
  std::string called_as = "mappedpages";  ///< argv[0].
  std::string out_to = {};                ///< A file for standard output; empty: `Outcome::out`.
  std::vector<int> closed = {};           ///< Descriptors that are closed when it starts.
  bool out_is_left_pipe = false;          ///< Standard output is a pipe that nobody reads.
  bool as_nobody = false;                 ///< Without root's rights.
  std::uint64_t file_size_limit = 0;      ///< RLIMIT_FSIZE; 0: none.
  std::string on_terminal = {};           ///< TERM of a terminal as standard error; empty: none.
  bool no_color = false;                  ///< NO_COLOR is set.
};

Outcome run_tool(const std::vector<std::string>& words, const Circumstances& circumstances = {});

/// Everything of a file that a command could change. Fails the test if it cannot be read.
struct FileState {
  std::string bytes;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileState&) const = default;
};
FileState state_of(const std::filesystem::path& path);

/// Whether `text` is one line, as every message is.
bool is_one_line(const std::string& text);

}  // namespace mappedpages::test
