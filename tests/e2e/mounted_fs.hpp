// A pager file, mounted for one test by the real daemon.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/temp_dir.hpp"

namespace mappedpages::test {

/// What a program did.
struct Ran {
  int code = -1;  ///< Exit code; 128 + n where signal n ended it.
  std::string out;
  std::string err;
};

/// Runs a program and waits for it. `argv[0]` is looked up in PATH.
Ran run(const std::vector<std::string>& argv, const std::string& directory = "/");

/// Runs a line of bash in a directory.
Ran shell(const std::string& line, const std::filesystem::path& directory);

/// Runs a line of bash in a world of its own, in which it is root, may mount what it likes, and
/// finds the programs of this build first in PATH: in a mount namespace and a pid namespace, whose
/// processes and mounts end when the line does. Only root can do that: see
/// `MountedTest::need_root`.
Ran in_own_world(const std::string& line, const std::filesystem::path& directory);

/// A directory with a pager file `db` and a mountpoint `m`, and daemons that are gone when the test
/// ends, however it ends.
class MountedFs {
 public:
  MountedFs();
  ~MountedFs();
  MountedFs(const MountedFs&) = delete;
  MountedFs& operator=(const MountedFs&) = delete;

  [[nodiscard]] const std::filesystem::path& directory() const { return dir_.path(); }
  [[nodiscard]] std::filesystem::path db() const { return db_directory_ / "db"; }
  [[nodiscard]] std::filesystem::path mountpoint() const { return dir_ / "m"; }

  /// Mounts; `options` go before DB and MOUNTPOINT. Fails the test if it does not work.
  void mount(const std::vector<std::string>& options = {"--create"});

  /// The daemon's answer, whatever it is.
  Ran try_mount(const std::vector<std::string>& options);

  /// Unmounts and waits until the daemon has ended.
  void unmount();

  /// Ends the daemon by a signal (0: somebody did already) and waits until it has ended. After
  /// SIGKILL the dead mountpoint is left to `forget_dead_mount`.
  void signal(int number);
  void forget_dead_mount();

  /// The same after a daemon that was killed before anybody knew whether it had mounted.
  void forget_half_made_mount();

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Where the pager file is from the next mount on; it outlives this object.
  void keep_db_in(std::filesystem::path directory) { db_directory_ = std::move(directory); }

  /// bash, in the mountpoint.
  [[nodiscard]] Ran sh(const std::string& line) const { return shell(line, mountpoint()); }

  /// What bash prints, without the last newline; fails the test unless it exits with 0.
  std::string ok(const std::string& line) const;

 private:
  void wait_for_end();

  TempDir dir_;
  std::filesystem::path db_directory_{dir_.path()};
  pid_t pid_ = 0;
};

/// Skips the test where there is no /dev/fuse, and fails it where CI=true.
void need_fuse();

/// What every mounted test begins with: without /dev/fuse it is skipped, and fails where CI=true.
class MountedTest : public testing::Test {
 protected:
  void SetUp() override;

  /// Skips the test if it is not run by root, or by one who may not make namespaces; CI is root.
  /// Return behind it if `IsSkipped()`.
  static void need_root();

  /// The daemon refuses with this code and one line that has `words` in it; nothing is changed.
  void refused(int code, const std::vector<std::string>& options,
               const std::vector<std::string>& words);

  /// Everything that must stay as it is when nothing may change.
  [[nodiscard]] std::string snapshot() const;

  /// Makes the pager file a copy of one that the crate wrote.
  void fixture(const std::string& name);

  MountedFs fs;
};

}  // namespace mappedpages::test
