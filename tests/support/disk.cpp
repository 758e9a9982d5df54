#include "support/disk.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mappedpages::test {
namespace {

constexpr std::size_t kTraceLength = 60;

std::uint64_t sectors_of(std::uint64_t bytes) {
  return (bytes + kSectorSize - 1) / kSectorSize;
}

}  // namespace

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31U);
}

std::uint64_t hash_of_sector(std::uint64_t sector, std::span<const std::byte> bytes) {
  std::uint64_t any = 0;
  std::array<std::uint64_t, 4> lanes{1, 2, 3, 4};
  for (std::size_t at = 0; at + 32 <= bytes.size(); at += 32) {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), bytes.data() + at, sizeof words);
    for (std::size_t lane = 0; lane < words.size(); ++lane) {
      any |= words[lane];
      lanes[lane] = (lanes[lane] ^ words[lane]) * 0x9E3779B97F4A7C15U;
      lanes[lane] ^= lanes[lane] >> 29U;
    }
  }
  if (any == 0) return 0;
  std::uint64_t hash = mix(sector + 1);
  for (const std::uint64_t lane : lanes) hash = mix(hash ^ lane);
  return hash;
}

Disk::Disk(std::vector<std::byte> image) : cache_(std::move(image)) {
  cache_.resize(sectors_of(cache_.size()) * kSectorSize);
  grow_durable(cache_.size());
  for (std::uint64_t sector = 0; sector < durable_hashes_.size(); ++sector) {
    make_durable(sector, std::span(cache_).subspan(sector * kSectorSize, kSectorSize));
  }
  cache_hashes_ = durable_hashes_;
  cache_hash_ = durable_hash_;
}

// --- Events

bool Disk::step() {
  if (dead_) return false;
  if (events_left_ != 0 && --events_left_ == 0) {
    dead_ = true;
    return false;
  }
  return true;
}

std::uint64_t Disk::size() const {
  const std::lock_guard lock(mutex_);
  return cache_.size();
}

bool Disk::read(std::uint64_t offset, std::span<std::byte> out) const {
  const std::lock_guard lock(mutex_);
  if (offset > cache_.size() || out.size() > cache_.size() - offset) return false;
  std::copy_n(cache_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  return true;
}

int Disk::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  if (!step()) return EIO;
  note("write " + std::to_string(offset) + " +" + std::to_string(bytes.size()));
  put(offset, bytes);
  if (observer_ != nullptr) observer_->wrote();
  return 0;
}

int Disk::write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  if (flush_failed_) ++flushes_after_failure_;
  const bool was_dead = dead_;
  if (!step()) {
    if (!was_dead && crash_kind_ == CrashKind::PowerCut) put(offset, bytes);
    return EIO;
  }
  ++flushes_;
  note("write and sync " + std::to_string(offset) + " +" + std::to_string(bytes.size()));
  put(offset, bytes);
  if (observer_ != nullptr) observer_->syncing();
  if (flush_fails()) {
    lose_range(offset / kSectorSize, sectors_of(offset + bytes.size()));
    return EIO;
  }
  settle_range(offset, bytes.size());
  if (observer_ != nullptr) observer_->wrote();
  return 0;
}

int Disk::grow(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (size <= cache_.size()) return dead_ ? EIO : 0;
  if (!step()) return EIO;
  note("grow " + std::to_string(size));
  grow_cache(size);
  return 0;
}

int Disk::sync() {
  const std::lock_guard lock(mutex_);
  if (flush_failed_) ++flushes_after_failure_;
  if (dead_) return EIO;
  if (observer_ != nullptr) observer_->syncing();
  if (!step()) return EIO;
  ++flushes_;
  note("sync");
  if (flush_fails()) {
    lose_range(0, sectors_of(cache_.size()));
    return EIO;
  }
  grow_durable(cache_.size());
  settle_range(0, cache_.size());
  return 0;
}

int Disk::sync_range(std::uint64_t offset, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (dead_) return EIO;
  if (observer_ != nullptr) observer_->syncing();
  if (!step()) return EIO;
  ++flushes_;
  note("msync " + std::to_string(offset) + " +" + std::to_string(size));
  grow_durable(cache_.size());
  settle_range(offset, size);
  return 0;
}

void Disk::plant(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  note("user " + std::to_string(offset) + " +" + std::to_string(bytes.size()));
  put(offset, bytes);
}

// --- Crashes

void Disk::crash_at(std::uint64_t events, CrashKind kind) {
  events_left_ = events;
  crash_kind_ = kind;
}

void Disk::fail_flushes(double probability, Random* random) {
  flush_failure_ = probability;
  failure_random_ = random;
}

bool Disk::flush_fails() {
  if (flush_failure_ <= 0 || !failure_random_->chance(flush_failure_)) return false;
  note("THE FLUSH FAILS");
  flush_failed_ = true;
  dead_ = true;
  return true;
}

void Disk::kill() {
  note("KILL OR CLOSE");
  dead_ = flush_failed_ = false;
  events_left_ = flushes_after_failure_ = 0;
  flush_failure_ = 0;
}

void Disk::cut(const std::map<std::uint64_t, std::size_t>& versions, bool grown) {
  if (grown) grow_durable(cache_.size());
  std::string chosen;
  for (const auto& [sector, version] : versions) {
    if (version == 0) continue;
    grow_durable((sector + 1) * kSectorSize);
    make_durable(sector, pending_.at(sector).at(version - 1).bytes);
    chosen += ' ' + std::to_string(sector) + ':' + std::to_string(version);
  }
  kill();
  note("POWER CUT" + chosen);
  pending_.clear();
  cache_ = durable_;
  cache_hashes_ = durable_hashes_;
  cache_hash_ = durable_hash_;
}

// --- Bytes

void Disk::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::uint64_t end = offset + bytes.size();
  if (end > cache_.size()) grow_cache(end);
  std::copy(bytes.begin(), bytes.end(), cache_.begin() + static_cast<std::ptrdiff_t>(offset));
  ++writes_;
  for (std::uint64_t sector = offset / kSectorSize; sector < sectors_of(end); ++sector) {
    SectorVersion version;
    std::copy_n(cache_.begin() + static_cast<std::ptrdiff_t>(sector * kSectorSize), kSectorSize,
                version.bytes.begin());
    version.hash = hash_of_sector(sector, version.bytes);
    version.write = writes_;
    cache_hash_ ^= cache_hashes_[sector] ^ version.hash;
    cache_hashes_[sector] = version.hash;
    const auto known = pending_.find(sector);
    const std::uint64_t before =
        known == pending_.end() ? durable_hash(sector) : known->second.back().hash;
    if (version.hash != before) pending_[sector].push_back(version);
  }
}

std::uint64_t Disk::durable_hash(std::uint64_t sector) const {
  return sector < durable_hashes_.size() ? durable_hashes_[sector] : 0;
}

void Disk::make_durable(std::uint64_t sector, std::span<const std::byte> bytes) {
  std::copy(bytes.begin(), bytes.end(),
            durable_.begin() + static_cast<std::ptrdiff_t>(sector * kSectorSize));
  const std::uint64_t hash = hash_of_sector(sector, bytes);
  durable_hash_ ^= durable_hashes_[sector] ^ hash;
  durable_hashes_[sector] = hash;
}

void Disk::grow_cache(std::uint64_t size) {
  cache_.resize(sectors_of(size) * kSectorSize);
  cache_hashes_.resize(sectors_of(size));
}

void Disk::grow_durable(std::uint64_t size) {
  if (size <= durable_.size()) return;
  durable_.resize(size);
  durable_hashes_.resize(sectors_of(size));
}

void Disk::settle_range(std::uint64_t offset, std::uint64_t size) {
  const auto first = pending_.lower_bound(offset / kSectorSize);
  const auto last = pending_.lower_bound(sectors_of(offset + size));
  for (auto it = first; it != last; ++it) {
    grow_durable((it->first + 1) * kSectorSize);
    make_durable(it->first, it->second.back().bytes);
  }
  pending_.erase(first, last);
}

void Disk::lose_range(std::uint64_t first_sector, std::uint64_t end_sector) {
  const double landed = failure_random_->pick(std::array{0.1, 0.5, 0.9});
  const auto first = pending_.lower_bound(first_sector);
  const auto last = pending_.lower_bound(end_sector);
  for (auto it = first; it != last; ++it) {
    if (!failure_random_->chance(landed)) continue;
    grow_durable((it->first + 1) * kSectorSize);
    make_durable(it->first, failure_random_->pick(it->second).bytes);
  }
  pending_.erase(first, last);
}

// --- For people

void Disk::note(std::string text) {
  trace_.push_back(std::move(text));
  if (trace_.size() > kTraceLength) trace_.pop_front();
}

std::string Disk::trace() const {
  std::string all;
  for (const std::string& line : trace_) all += "    " + line + '\n';
  return all;
}

}  // namespace mappedpages::test
