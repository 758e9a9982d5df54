// The daemon on a device that fails, and what is done to it through the mount.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "e2e/mounted_fs.hpp"
#include "support/faulty_device.hpp"
#include "support/fuse_file.hpp"

namespace mappedpages::test {

/// What a mount, or an engine, shows: each page's path and content.
using PageContents = std::map<std::string, std::string>;

/// Something that is done through a mount.
struct MountOperation {
  std::string name;

  /// Does it; the errno of the first call that failed, or 0. Can be done again.
  std::function<int(const std::filesystem::path& mountpoint)> run;

  /// A page of which nobody knows what a crash leaves, if it fails.
  std::string unsettles{};

  bool changes = true;
};

/// The base that `FaultyMount` mounts has pages 3, 4, 6 and 7 and protected pages 0 to 2; page 5 is
/// free. Each operation can be done on it, and all of them one after another.
const std::vector<MountOperation>& mount_operations();

/// A mount of the real daemon, whose pager file is a `FaultyDevice` in this process.
class FaultyMount : public MountedTest {
 public:
  static constexpr std::size_t kPage = 4096;

 protected:
  void SetUp() override;

  /// A new disk with the base on it, and a daemon that serves it and logs to `log()`.
  void mount_base();
  void mount_again();

  /// Everything that the mount shows. What is read twice, once past the kernel's cache, is expected
  /// to be the same where `cached_too`.
  [[nodiscard]] PageContents look(bool cached_too) const;

  /// What an engine finds on a copy of the disk. Expects that the check finds nothing wrong.
  [[nodiscard]] PageContents look_at_disk() const;

  /// What the daemon has logged since the last `mount_base`.
  [[nodiscard]] std::string log() const;

  /// Ends the daemon by a kill, and cuts the power of the disk too, or not.
  void crash(bool power_cut, Random& random);

  std::shared_ptr<FaultyDevice> device = std::make_shared<FaultyDevice>(nullptr);
  std::shared_ptr<Disk> disk;

 private:
  std::vector<std::byte> base_;
  std::unique_ptr<FuseFile> file_;
};

}  // namespace mappedpages::test
