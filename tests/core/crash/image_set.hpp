// Counts distinct images by their hashes. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace mappedpages::test {

/// Open addressing, for a node for each of a hundred million would not fit into memory. A lock for
/// each part of the hashes, so that threads seldom meet.
class ImageSet {
 public:
  void insert(std::uint64_t hash) {
    Part& part = parts_[hash % kParts];
    const std::lock_guard lock(part.mutex);
    if (part.count * 2 >= part.slots.size()) part.grow();
    part.put(hash == kEmpty ? 1 : hash);
  }

  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t count = 0;
    for (const Part& part : parts_) {
      const std::lock_guard lock(part.mutex);
      count += part.count;
    }
    return count;
  }

 private:
  static constexpr std::size_t kParts = 64;
  static constexpr std::uint64_t kEmpty = 0;

  struct Part {
    void put(std::uint64_t hash) {
      const std::size_t mask = slots.size() - 1;
      for (std::size_t at = (hash / kParts) & mask;; at = (at + 1) & mask) {
        if (slots[at] == hash) return;
        if (slots[at] != kEmpty) continue;
        slots[at] = hash;
        ++count;
        return;
      }
    }

    void grow() {
      std::vector<std::uint64_t> old(slots.empty() ? 64 : slots.size() * 2);
      old.swap(slots);
      count = 0;
      for (const std::uint64_t hash : old) {
        if (hash != kEmpty) put(hash);
      }
    }

    mutable std::mutex mutex;
    std::vector<std::uint64_t> slots;  // Their number is a power of two.
    std::uint64_t count = 0;
  };

  std::array<Part, kParts> parts_;
};

}  // namespace mappedpages::test
