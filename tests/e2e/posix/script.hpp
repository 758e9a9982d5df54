// Tables of system calls: each line says call, arguments, and what the answer must be.
//
//   open pages/3 O_RDWR as f            => ok
//   pwrite f 0 abc                      => 3
//   changed pages/3 by ftruncate f 10   => mtime,ctime
//   nobody unlink pages/3               => EACCES
//
// An answer is `ok`, an errno, a number, or text (where a NUL is a dot). A line without `=>`
// prepares something, and must not fail. `#` begins a comment. In arguments `{x*256}` is x 256
// times, and `""` nothing. `open ... as f` keeps the descriptor under that name; else it is closed
// at once.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.hpp"
#include "base/mapping.hpp"
#include "e2e/mounted_fs.hpp"

namespace mappedpages::test::posix {

/// One line's words: the call and its arguments.
class Words {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}

  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] const std::string& at(std::size_t i) const { return words_.at(i); }
  [[nodiscard]] const char* path(std::size_t i) const { return words_.at(i).c_str(); }
  [[nodiscard]] bool has(std::size_t i) const { return i < words_.size(); }

  /// A number, or constants of system headers joined by `|`. Throws for what is neither.
  [[nodiscard]] long number(std::size_t i) const;
  [[nodiscard]] long number(std::size_t i, long otherwise) const;

  [[nodiscard]] Words from(std::size_t i) const {
    return Words({words_.begin() + static_cast<std::ptrdiff_t>(i), words_.end()});
  }

  /// What stands behind `as`, if anything does.
  [[nodiscard]] std::string kept_as() const;

 private:
  std::vector<std::string> words_;
};

/// What the lines of one table share.
struct State {
  std::map<std::string, FileDescriptor> files;
  std::map<std::string, Mapping> mappings;

  /// An open descriptor by its name; a number is itself.
  [[nodiscard]] int file(const std::string& name) const;
};

using Call = std::function<std::string(State&, const Words&)>;
using Calls = std::map<std::string, Call, std::less<>>;

const Calls& name_calls();       ///< What makes, removes, and leads to names.
const Calls& file_calls();       ///< What works on descriptors and mappings.
const Calls& attribute_calls();  ///< Facts, times, locks, listings.

/// `ok`, or the errno's name.
std::string answer(long result);
/// The number, or the errno's name.
std::string count(long result);
/// Bytes as text.
std::string text_of(std::string_view bytes);

/// A table. Static, so that all of them can be counted.
class Table {
 public:
  explicit Table(std::string_view lines);

  [[nodiscard]] std::string_view lines() const { return lines_; }
  [[nodiscard]] std::size_t assertions() const;

  static const std::vector<const Table*>& all();

 private:
  std::string_view lines_;
};

/// A mount with two pages and a receipt of either kind, `pages/3` and `protected/0` hold "old", and
/// a staging file `t`, which holds "tmp", in either directory.
class Posix : public MountedTest {
 protected:
  void SetUp() override;

  /// Unmounts, and mounts again.
  void mount_again(const std::vector<std::string>& options);

  /// Makes the calls, in the mountpoint, and compares.
  void expect(const Table& table) const;
};

}  // namespace mappedpages::test::posix
