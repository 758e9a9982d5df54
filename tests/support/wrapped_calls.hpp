// System calls of this program, in the hands of a test. Programs that link `test_wrapped_calls`
// have them: the linker sends theirs here first (--wrap), and all others to the system.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "support/faulty_device.hpp"

namespace mappedpages::test {

/// While it lives, what this program does to one file by pread, pwritev2, fdatasync, fallocate,
/// ftruncate and fstat happens to a device instead, so that the code that makes these calls is
/// tested with them. Locks and the rest are the file's own. One at a time.
class CallsOnDevice {
 public:
  CallsOnDevice(const std::filesystem::path& file, std::shared_ptr<FaultyDevice> device);
  ~CallsOnDevice();
  CallsOnDevice(const CallsOnDevice&) = delete;
  CallsOnDevice& operator=(const CallsOnDevice&) = delete;
};

enum class SystemCall : std::uint8_t {
  OpenUnnamed,  ///< open(2) with O_TMPFILE.
  OpenNew,      ///< With O_CREAT.
  Open,
  MakeTemporary,  ///< mkostemp(3)
  Stat,
  Reserve,
  Write,
  Flush,
  FlushDirectory,  ///< fsync(2), which nothing else uses.
  LinkUnnamed,     ///< linkat(2)
  RenameNoReplace,
  Link,
  Rename,
};

/// While it lives, asks of each of these calls whether it fails, and with which errno; 0: it is
/// made. One at a time.
class JudgedCalls {
 public:
  using Judge = std::function<int(SystemCall)>;
  explicit JudgedCalls(Judge judge);
  ~JudgedCalls();
  JudgedCalls(const JudgedCalls&) = delete;
  JudgedCalls& operator=(const JudgedCalls&) = delete;
};

}  // namespace mappedpages::test
