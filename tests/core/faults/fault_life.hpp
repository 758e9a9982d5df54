// A file that is used while its disk fails, and what may come of it: promises R6 and R7.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "operations.hpp"
#include "seen.hpp"
#include "support/faulty_device.hpp"
#include "support/temp_dir.hpp"
#include "support/wrapped_calls.hpp"

namespace mappedpages::test {

/// A file that lives start from. Everything in it is durable.
struct FaultBase {
  FaultBase(std::string name, std::vector<std::byte> image, bool crate_wrote);

  std::string name;
  std::vector<std::byte> image;
  bool crate_wrote;
  Seen seen;  ///< What users see of it.
};

/// How a session ends.
enum class Ending : std::uint8_t { Close, Kill, PowerCut };

struct FaultTally {
  std::uint64_t lives = 0;
  std::uint64_t operations = 0;
  std::uint64_t injections = 0;  ///< Operations and openings in which a call failed.
  std::uint64_t invisible = 0;   ///< Of them, those that nobody noticed.
  std::uint64_t latched = 0;
  std::uint64_t repeated =
      0;  ///< Operations that failed, latched nothing, and worked when repeated.
  std::uint64_t openings = 0;  ///< In which a call failed.
  std::uint64_t endings = 0;
};

/// A device, and a file whose system calls it serves. One at a time.
struct FaultPlace {
  FaultPlace();

  TempDir dir;
  std::filesystem::path path = dir / "db";
  std::shared_ptr<FaultyDevice> device = std::make_shared<FaultyDevice>(nullptr);
  std::optional<CallsOnDevice> calls;
};

/// One file, from a base to the first violation. Beside the engine that is tested another does the
/// same on a file that never fails: it says what the states before and behind each operation are.
class FaultLife {
 public:
  FaultLife(FaultPlace& place, const FaultBase& base, std::uint64_t seed, FaultTally& tally);
  ~FaultLife();
  FaultLife(const FaultLife&) = delete;
  FaultLife& operator=(const FaultLife&) = delete;

  /// Opens the file. If the fault makes that fail the session ends so, and it is opened again
  /// without a fault.
  void open(const std::optional<DeviceFault>& fault = {}, Ending ending = Ending::Kill);

  /// Does something, with this fault somewhere in it, and judges what came of it. What failed and
  /// latched nothing is done once more, without the fault.
  void act(const Operation& operation, std::uint64_t seed,
           const std::optional<DeviceFault>& fault = {});

  /// Ends the session. `open` follows.
  void end(Ending ending);

  /// Nothing can be changed any more before the next `open`.
  [[nodiscard]] bool latched() const { return engine_ && engine_->latched(); }

  /// Whether a call met the last fault.
  [[nodiscard]] bool met() const { return !met_.empty(); }

  /// What went wrong, in words.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

 private:
  /// What a fault may do to an operation, the gravest last.
  enum class Effect : std::uint8_t { Nothing, MayRefuse, Refuses, MayLatch, Latches };

  /// What an operation does where nothing fails.
  struct Course {
    Status status;
    std::vector<Seen> states;  ///< That of before, and behind each commit.
  };

  [[nodiscard]] static Effect effect_of(const DeviceCall& call);
  [[nodiscard]] Effect effect_of_fault() const;
  Course run_twin(const Operation& operation, std::uint64_t seed);
  Status run(const Operation& operation, std::uint64_t seed, std::set<std::uint64_t>& written,
             std::optional<Error>& first_error);
  void judge_answer(const Error* error, const Status& expected);
  void judge_error(const Error& error);
  void judge_failure(const Course& course, const std::set<std::uint64_t>& written);
  void repeat(const Operation& operation, std::uint64_t seed, const Course& course);
  void expect_seen(const Seen& expected);
  void expect_refusals();
  void expect_clean(std::span<const std::byte> image);
  void compare_with_reachable();
  Result<std::unique_ptr<Engine>> open_file();
  void kill_engine();
  bool open_twin();
  void follow_growth();
  void violate(const std::string& what);

  FaultPlace& place_;
  const FaultBase& base_;
  FaultTally& tally_;
  Random random_;
  std::shared_ptr<Disk> disk_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<MemoryBytes> twin_bytes_;
  std::shared_ptr<CommitLog::Images> twin_commits_ = std::make_shared<CommitLog::Images>();
  std::unique_ptr<Engine> twin_;

  std::vector<Seen> reachable_;  ///< What may be seen after the session ends.

  /// Regular pages that were written to, and of which nobody knows yet what is durable.
  std::set<std::uint64_t> unknown_;

  /// Those that a failed flush may have lost: the cache shows what the disk does not have, and no
  /// later flush writes it.
  std::set<std::uint64_t> lost_;

  bool cut_ = false;  ///< The power was cut since the last session.
  std::vector<DeviceCall> met_;
  std::string doing_;
  std::optional<std::string> violation_;
};

}  // namespace mappedpages::test
