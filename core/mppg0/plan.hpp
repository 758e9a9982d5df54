// From a group of changes to the next state and the pages that have to be written for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "mappedpages/change.hpp"
#include "mappedpages/error.hpp"
#include "mppg0/free_map.hpp"
#include "mppg0/state.hpp"

namespace mappedpages::mppg0 {

/// What may be handed out now: neither allocated, nor still looked at by somebody, nor promised.
struct Pools {
  FreeMap pages;            ///< By page number.
  FreeMap protected_pages;  ///< By protected number; as many as the existing blocks have slots.

  /// Promised to a batch, so in no pool; also numbers beyond the end of the file and the last
  /// block.
  std::set<std::uint64_t> promised_pages;
  std::set<std::uint64_t> promised_protected;
};

/// A protected page that a group frees, with what it was.
struct FreedProtected {
  ProtectedNumber page;
  format::DirectoryEntry entry;
};

/// One group, ready to be committed.
struct Plan {
  explicit Plan(State s) : next(std::move(s)) {}

  State next;

  /// New content by page; an empty span means zeros. Callers own the bytes.
  std::map<PageNumber, std::span<const std::byte>> content;

  /// Encoded, each with the page that it is for.
  std::vector<std::pair<PageNumber, std::vector<std::byte>>> directory_pages;
  std::pair<PageNumber, std::vector<std::byte>> metadata_page;

  /// Directory blocks that it writes.
  std::vector<std::size_t> written_blocks;

  /// Page 0 with references behind the count, to be durable before they are counted.
  std::optional<std::vector<std::byte>> page0_ahead;

  /// Page 0 that commits.
  std::vector<std::byte> page0;

  std::vector<PageNumber> freed;
  std::vector<FreedProtected> freed_protected;
};

/// By how much a file grows that has to.
enum class Growth : std::uint8_t {
  Double,  ///< So that it seldom happens.
  Least,   ///< By what the group needs: the disk has no room for more.
};

/// Builds a Plan from changes. One group, one planner. Not thread-safe.
class Planner {
 public:
  /// Takes numbers out of `pools` as it hands them out. `base` outlives the planner.
  Planner(const State& base, Generation generation, Pools& pools, Growth growth = Growth::Double);

  /// Takes a change in, wholly; after an error nothing of it is in the plan.
  Result<Allocation> add(const Change& change);

  /// Marks a block to be written though no change touches it.
  void rewrite(std::size_t block) { edit(block); }

  /// The finished plan. Call it once, last.
  Plan finish();

  /// Gives back to the pools what was taken: the group will not happen.
  void abandon();

 private:
  struct Needs {
    std::size_t new_blocks = 0;
    PageCount total;
  };

  Status check_frees(const Change& change) const;
  Status check_free(PageNumber page) const;
  Status check_writes(const Change& change) const;
  Status check_alloc_at(const Change& change) const;
  Status check_alloc_protected_at(const Change& change) const;
  Status check_reserved(const Allocation& reserved) const;
  Status check_contents(const Change& change) const;
  Result<Needs> needs_of(const Change& change) const;
  [[nodiscard]] std::size_t new_blocks_for(const Change& change) const;
  Result<PageCount> total_for(const Change& change, std::uint64_t pages) const;

  void grow(PageCount total);
  void add_block();
  PageNumber take_lowest();
  void take(PageNumber page, bool for_store);
  PageNumber alloc_page();
  ProtectedNumber alloc_protected();
  void take_protected(ProtectedNumber number);
  void alloc_reserved(const Allocation& reserved);
  void fill_slot(ProtectedNumber number);
  void free_page(PageNumber page);
  void free_protected(ProtectedNumber page);
  void write(const ProtectedWrite& write);
  void relocate(format::DirectoryEntry& entry);
  BlockEntries& edit(std::size_t block);
  std::uint32_t zero_page_crc();

  void encode_directories();
  void encode_metadata();
  void encode_page0();
  [[nodiscard]] bool touches_only_far_blocks() const;

  const State& base_;
  Pools& pools_;
  const Growth growth_;
  Plan plan_;
  PageCount grown_to_;
  std::map<std::size_t, std::shared_ptr<BlockEntries>> edited_;
  std::vector<PageNumber> taken_;
  std::vector<ProtectedNumber> taken_protected_;
  Allocation redeemed_;  ///< What was promised, and is allocated now.
  std::optional<std::uint32_t> zero_page_crc_;
};

}  // namespace mappedpages::mppg0
