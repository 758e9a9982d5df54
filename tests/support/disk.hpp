// A disk in memory that can crash: what is cached, what is durable, and what lies between.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace mappedpages::test {

/// What a device writes wholly or not at all, in bytes.
inline constexpr std::size_t kSectorSize = 512;

using SectorBytes = std::array<std::byte, kSectorSize>;

/// A hash of one sector's place and content; 0 for a sector of zeros, so that images of which only
/// one has been grown differ in their size alone.
std::uint64_t hash_of_sector(std::uint64_t sector, std::span<const std::byte> bytes);

/// Spreads the bits of a number over 64.
std::uint64_t mix(std::uint64_t value);

/// One content that a sector may have after a power cut, and the write that it came from. Writes
/// are numbered in the order in which they were made.
struct SectorVersion {
  SectorBytes bytes;
  std::uint64_t hash = 0;
  std::uint64_t write = 0;
};

/// Told what happens to a disk, on the thread that does it. May read the disk and `plant`.
class DiskObserver {
 public:
  DiskObserver() = default;
  DiskObserver(const DiskObserver&) = delete;
  DiskObserver& operator=(const DiskObserver&) = delete;
  virtual ~DiskObserver() = default;

  /// Something was written, and can be read.
  virtual void wrote() {}

  /// Something is about to become durable: a power cut could leave any image of what is pending.
  virtual void syncing() {}
};

enum class CrashKind : std::uint8_t {
  Kill,      ///< The process dies: the cache stays.
  PowerCut,  ///< The machine dies: each pending sector has any of its versions.
};

/// A file on a disk. Outlives those who open it, so that their sessions follow each other.
///
/// - A write goes to the cache, and is pending until something makes it durable.
/// - After a power cut each sector holds its durable content or any of its pending versions; growth
///   may be lost.
/// - After a kill the cache stays and what was pending stays pending.
/// - A flush that fails has made some of it durable; the rest is clean in the cache and is not
///   written by a later flush, which is what Linux does.
///
/// Every call that changes something is an event. Calls return an errno, 0 for success. What a
/// process does may come from any thread; the rest only while no other thread uses the disk.
class Disk {
 public:
  explicit Disk(std::vector<std::byte> image);

  // --- What a process does

  [[nodiscard]] std::uint64_t size() const;

  /// False beyond the end.
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::byte> out) const;

  int write(std::uint64_t offset, std::span<const std::byte> bytes);
  int write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes);
  int grow(std::uint64_t size);
  int sync();

  /// Makes these bytes and the file's size durable, as `msync` does.
  int sync_range(std::uint64_t offset, std::uint64_t size);

  /// A write that is no event: what a user writes into a page while something else goes on.
  void plant(std::uint64_t offset, std::span<const std::byte> bytes);

  // --- What happens to it

  /// From the `events`-th event on nothing happens any more and every call fails with EIO, until
  /// `kill` or `cut`. If that event is a `write_and_sync`, a power cut finds it pending; a kill
  /// finds it not begun.
  void crash_at(std::uint64_t events, CrashKind kind);

  /// Each `sync` and `write_and_sync` of the present session fails with this probability. The disk
  /// is then dead, as after `crash_at`.
  void fail_flushes(double probability, Random* random);

  /// Ends the session by a kill, or by closing: the cache stays.
  void kill();

  /// Ends the session by a power cut. `versions` says which version each pending sector has: 0 is
  /// the durable one, n the n-th pending one; missing sectors are durable.
  void cut(const std::map<std::uint64_t, std::size_t>& versions, bool grown);

  void observe(DiskObserver* observer) { observer_ = observer; }

  // --- What it looks like

  [[nodiscard]] std::span<const std::byte> cache() const { return cache_; }
  [[nodiscard]] std::span<const std::byte> durable() const { return durable_; }

  /// Pending versions of each sector, oldest first; each differs from the one before.
  [[nodiscard]] const std::map<std::uint64_t, std::vector<SectorVersion>>& pending() const {
    return pending_;
  }
  [[nodiscard]] bool growth_pending() const { return cache_.size() > durable_.size(); }

  /// Hashes of the bytes, without their number.
  [[nodiscard]] std::uint64_t durable_hash() const { return durable_hash_; }
  [[nodiscard]] std::uint64_t durable_hash(std::uint64_t sector) const;
  [[nodiscard]] std::uint64_t cache_hash() const { return cache_hash_; }

  [[nodiscard]] bool dead() const { return dead_; }
  [[nodiscard]] bool flush_failed() const { return flush_failed_; }

  /// Flushes that were asked for after one had failed in this session.
  [[nodiscard]] std::uint64_t flushes_after_failure() const { return flushes_after_failure_; }
  [[nodiscard]] std::uint64_t flushes() const { return flushes_; }

  /// The last events, one a line, for a person.
  [[nodiscard]] std::string trace() const;
  void note(std::string text);

 private:
  /// Counts an event. False: it does not happen any more.
  bool step();
  bool flush_fails();
  void put(std::uint64_t offset, std::span<const std::byte> bytes);
  void make_durable(std::uint64_t sector, std::span<const std::byte> bytes);
  void grow_cache(std::uint64_t size);
  void grow_durable(std::uint64_t size);
  void settle_range(std::uint64_t offset, std::uint64_t size);
  void lose_range(std::uint64_t first_sector, std::uint64_t end_sector);

  mutable std::recursive_mutex mutex_;
  std::vector<std::byte> cache_;
  std::vector<std::byte> durable_;
  std::vector<std::uint64_t> cache_hashes_;  // One a sector; the whole is their exclusive or.
  std::vector<std::uint64_t> durable_hashes_;
  std::uint64_t cache_hash_ = 0;
  std::uint64_t durable_hash_ = 0;
  std::map<std::uint64_t, std::vector<SectorVersion>> pending_;
  std::uint64_t writes_ = 0;
  std::uint64_t flushes_ = 0;
  std::uint64_t flushes_after_failure_ = 0;
  std::uint64_t events_left_ = 0;  // 0: no crash is planned.
  CrashKind crash_kind_ = CrashKind::PowerCut;
  double flush_failure_ = 0;
  Random* failure_random_ = nullptr;
  bool dead_ = false;
  bool flush_failed_ = false;
  DiskObserver* observer_ = nullptr;
  std::deque<std::string> trace_;
};

}  // namespace mappedpages::test
