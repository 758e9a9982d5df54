// The bytes of a file in memory, with holes, and how much all of them may take.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "fs/errno.hpp"

namespace mappedpages::fs {

/// Memory that several files share. Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t bytes) : left_(bytes) {}

  /// False, and nothing taken, where there is not so much left.
  bool take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes) { left_.fetch_add(bytes); }

 private:
  std::atomic<std::uint64_t> left_;
};

/// Bytes that nobody wrote read as zeros and take no memory. Not thread-safe.
class SparseBytes {
 public:
  static constexpr std::size_t kChunk = 4096;  ///< What memory is taken in: bytes.

  /// No byte of a file lies behind this offset: what the kernel allows.
  static constexpr std::uint64_t kMaxSize = INT64_MAX;

  /// `budget` outlives it.
  explicit SparseBytes(MemoryBudget& budget) : budget_(budget) {}
  ~SparseBytes() { drop_from(0); }
  SparseBytes(const SparseBytes&) = delete;
  SparseBytes& operator=(const SparseBytes&) = delete;

  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Bytes of memory.
  [[nodiscard]] std::uint64_t stored() const { return chunks_.size() * kChunk; }

  /// Fewer than `length`, or none, at the end.
  [[nodiscard]] std::vector<std::byte> read(std::uint64_t offset, std::size_t length) const;

  /// ENOSPC where the budget is used up, EFBIG behind kMaxSize: nothing is written then.
  Done write(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Cuts off, or adds a hole. EFBIG behind kMaxSize.
  Done resize(std::uint64_t size);

  /// Takes the memory for bytes to come, behind the end too; the size stays. Errors as for `write`.
  Done reserve(std::uint64_t offset, std::uint64_t length);

  /// Makes bytes zero; the size stays.
  void zero(std::uint64_t offset, std::uint64_t length);

 private:
  using Chunk = std::array<std::byte, kChunk>;

  void drop_from(std::uint64_t first_chunk);
  void drop(std::uint64_t first_chunk, std::uint64_t end_chunk);

  MemoryBudget& budget_;
  std::map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;  // By offset / kChunk.
  std::uint64_t size_ = 0;
};

}  // namespace mappedpages::fs
