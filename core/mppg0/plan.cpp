#include "mppg0/plan.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "base/try.hpp"
#include "format/directory_page.hpp"
#include "format/metadata_page.hpp"
#include "format/superblock.hpp"
#include "mppg0/commit_rule.hpp"
#include "mppg0/directory_generation.hpp"

namespace mappedpages::mppg0 {
namespace {

using format::BlockReference;
using format::DirectoryEntry;
using format::superblock::kBlocksInFirstSector;

tl::unexpected<Error> refuse(ErrorCode code, std::string why) {
  return tl::unexpected(Error(code, std::move(why)));
}

}  // namespace

Planner::Planner(const State& base, Generation generation, Pools& pools, Growth growth)
    : base_(base), pools_(pools), growth_(growth), plan_(base), grown_to_(base.total()) {
  plan_.next.generation = generation;
}

Result<Allocation> Planner::add(const Change& change) {
  TRY(check_frees(change));
  TRY(check_writes(change));
  TRY(check_alloc_at(change));
  TRY(check_alloc_protected_at(change));
  TRY(check_reserved(change.reserved));
  TRY(check_contents(change));
  TRY_ASSIGN(const Needs needs, needs_of(change));
  // From here on nothing can fail.
  for (const PageNumber page : change.free_pages) free_page(page);
  for (const ProtectedNumber page : change.free_protected) free_protected(page);
  grow(needs.total);
  for (const PageNumber page : change.alloc_at) {
    take(page, false);
    plan_.content[page] = {};
  }
  for (std::size_t i = 0; i < needs.new_blocks; ++i) add_block();
  for (const ProtectedNumber page : change.alloc_protected_at) take_protected(page);
  alloc_reserved(change.reserved);
  for (const InitialContent& one : change.contents) plan_.content[one.page] = one.bytes;
  for (const ProtectedWrite& one : change.writes) write(one);
  Allocation given;
  for (std::uint64_t i = 0; i < change.alloc_pages.value; ++i) given.pages.push_back(alloc_page());
  for (std::uint64_t i = 0; i < change.alloc_protected.value; ++i) {
    given.protected_pages.push_back(alloc_protected());
  }
  return given;
}

// --- Room

Result<Planner::Needs> Planner::needs_of(const Change& change) const {
  const format::Geometry& geometry = base_.geometry;
  const std::uint64_t capacity = geometry.capacity().value;
  // Compared one by one, so that the sum below cannot overflow.
  if (change.alloc_pages.value > capacity || change.alloc_protected.value > capacity) {
    return refuse(ErrorCode::Full, "more pages than the " + std::to_string(capacity) +
                                       " that a file with this page size can have");
  }
  const std::size_t new_blocks = new_blocks_for(change);
  if (new_blocks > geometry.max_blocks() - plan_.next.references.size()) {
    return refuse(ErrorCode::DirectoryFull, "page 0 can refer to " +
                                                std::to_string(geometry.max_blocks()) +
                                                " directory blocks and no more");
  }
  const auto moved = static_cast<std::uint64_t>(
      std::ranges::count(change.writes, true, &ProtectedWrite::relocate));
  const std::uint64_t protected_pages = change.alloc_protected.value +
                                        change.alloc_protected_at.size() +
                                        change.reserved.protected_pages.size() + moved;
  const std::uint64_t pages =
      change.alloc_pages.value + change.alloc_at.size() + 2 * (protected_pages + new_blocks);
  TRY_ASSIGN(const PageCount total, total_for(change, pages));
  return Needs{.new_blocks = new_blocks, .total = total};
}

/// As many as hold every number that is named or was promised, and the rest of the new ones in
/// slots that are neither.
std::size_t Planner::new_blocks_for(const Change& change) const {
  const format::Geometry& geometry = base_.geometry;
  const std::size_t now = plan_.next.references.size();
  std::size_t blocks = now;
  for (const ProtectedNumber page : change.reserved.protected_pages) {
    blocks = std::max(blocks, geometry.block_of(page) + 1);
  }
  for (const ProtectedNumber page : change.alloc_protected_at) {
    blocks = std::max(blocks, geometry.block_of(page) + 1);
  }
  const auto free_slots = [&] {
    const std::uint64_t first = geometry.protected_number(now, 0).value;
    const std::uint64_t end = geometry.protected_number(blocks, 0).value;
    const auto promised = std::distance(pools_.promised_protected.lower_bound(first),
                                        pools_.promised_protected.lower_bound(end));
    return pools_.protected_pages.count() + (end - first) - static_cast<std::uint64_t>(promised) -
           change.alloc_protected_at.size();
  };
  const std::size_t slots = geometry.slots_per_block();
  for (std::uint64_t have = free_slots(); have < change.alloc_protected.value;
       have = free_slots()) {
    blocks += (change.alloc_protected.value - have + slots - 1) / slots;
  }
  return blocks - now;
}

/// The size that the file needs, for the named pages and for as many of any number. It doubles, and
/// takes the last step to its capacity; where there is no space for that it grows by what is
/// needed.
Result<PageCount> Planner::total_for(const Change& change, std::uint64_t pages) const {
  const std::uint64_t capacity = base_.geometry.capacity().value;
  const std::uint64_t now = plan_.next.total().value;
  std::uint64_t least = now;
  for (const PageNumber page : change.alloc_at) least = std::max(least, page.value + 1);
  for (const PageNumber page : change.reserved.pages) least = std::max(least, page.value + 1);
  const auto at_hand = [&](std::uint64_t total) {
    const auto promised = std::distance(pools_.promised_pages.lower_bound(now),
                                        pools_.promised_pages.lower_bound(total));
    return pools_.pages.count() + (total - now) - static_cast<std::uint64_t>(promised);
  };
  std::uint64_t total = now;
  while (total < least || at_hand(total) < pages) {
    if (total == capacity) {
      return refuse(ErrorCode::Full, "the file is full: it can have " + std::to_string(capacity) +
                                         " pages with this page size");
    }
    total = growth_ == Growth::Double ? std::min(2 * total, capacity) : total + 1;
  }
  return PageCount{total};
}

// --- Changes to the plan

void Planner::grow(PageCount total) {
  const std::uint64_t before = plan_.next.total().value;
  if (total.value <= before) return;
  plan_.next.grow(total);
  grown_to_ = total;
  pools_.pages.resize(total.value);
  for (std::uint64_t page = before; page < total.value; ++page) {
    if (!pools_.promised_pages.contains(page)) pools_.pages.insert(page);
  }
}

void Planner::add_block() {
  const PageNumber a = take_lowest();
  const PageNumber b = take_lowest();
  const std::size_t block = plan_.next.references.size();
  const std::size_t slots = base_.geometry.slots_per_block();
  plan_.next.references.push_back({.page_a = a, .page_b = b, .active = 0});
  plan_.next.contents.push_back(std::make_shared<const BlockEntries>(
      BlockEntries{.slots = std::vector<DirectoryEntry>(slots), .in_use = 0}));
  edit(block);
  const std::uint64_t first = base_.geometry.protected_number(block, 0).value;
  pools_.protected_pages.resize(first + slots);
  for (std::uint64_t number = first; number < first + slots; ++number) {
    if (!pools_.promised_protected.contains(number)) pools_.protected_pages.insert(number);
  }
}

PageNumber Planner::take_lowest() {
  const auto lowest = pools_.pages.lowest();
  assert(lowest);
  const PageNumber page{*lowest};
  take(page, true);
  return page;
}

void Planner::take(PageNumber page, bool for_store) {
  pools_.pages.erase(page.value);
  taken_.push_back(page);
  plan_.next.allocate(page, for_store);
}

PageNumber Planner::alloc_page() {
  const auto lowest = pools_.pages.lowest();
  assert(lowest);
  const PageNumber page{*lowest};
  take(page, false);
  plan_.content[page] = {};
  return page;
}

ProtectedNumber Planner::alloc_protected() {
  const auto lowest = pools_.protected_pages.lowest();
  assert(lowest);
  const ProtectedNumber number{*lowest};
  take_protected(number);
  return number;
}

void Planner::take_protected(ProtectedNumber number) {
  pools_.protected_pages.erase(number.value);
  taken_protected_.push_back(number);
  fill_slot(number);
}

void Planner::alloc_reserved(const Allocation& reserved) {
  for (const PageNumber page : reserved.pages) {
    pools_.promised_pages.erase(page.value);
    redeemed_.pages.push_back(page);
    plan_.next.allocate(page, false);
    plan_.content[page] = {};
  }
  for (const ProtectedNumber number : reserved.protected_pages) {
    pools_.promised_protected.erase(number.value);
    redeemed_.protected_pages.push_back(number);
    fill_slot(number);
  }
}

/// A new protected page, of zeros.
void Planner::fill_slot(ProtectedNumber number) {
  const PageNumber a = take_lowest();
  const PageNumber b = take_lowest();
  // Only the active copy is ever read before it is written.
  plan_.content[a] = {};
  BlockEntries& entries = edit(base_.geometry.block_of(number));
  entries.slots[base_.geometry.slot_of(number)] = {.page_a = a,
                                                   .page_b = b,
                                                   .generation = 0,
                                                   .content_crc = zero_page_crc(),
                                                   .active_slot = 0,
                                                   .in_use = true};
  ++entries.in_use;
  ++plan_.next.protected_count;
}

void Planner::free_page(PageNumber page) {
  plan_.next.release(page);
  plan_.content.erase(page);
  plan_.freed.push_back(page);
  if (!commit_rule().hold_freed) pools_.pages.insert(page.value);
}

void Planner::free_protected(ProtectedNumber page) {
  BlockEntries& entries = edit(base_.geometry.block_of(page));
  DirectoryEntry& entry = entries.slots[base_.geometry.slot_of(page)];
  for (const PageNumber copy : {entry.page_a, entry.page_b}) {
    plan_.next.release(copy);
    plan_.content.erase(copy);
    if (!commit_rule().hold_freed) pools_.pages.insert(copy.value);
  }
  plan_.freed_protected.push_back({page, entry});
  entry = {};
  --entries.in_use;
  --plan_.next.protected_count;
}

void Planner::write(const ProtectedWrite& write) {
  BlockEntries& entries = edit(base_.geometry.block_of(write.page));
  DirectoryEntry& entry = entries.slots[base_.geometry.slot_of(write.page)];
  if (write.relocate) relocate(entry);
  const DirectoryEntry* committed = base_.find(write.page);
  const bool was_there = committed != nullptr && committed->page_a == entry.page_a &&
                         committed->page_b == entry.page_b;
  // The committed copy is never touched. A page that this group allocates has none.
  if (was_there) entry.active_slot = static_cast<std::uint8_t>(1 - committed->active_slot);
  plan_.content[entry.active_page()] = write.bytes;
  entry.content_crc = crc32(write.bytes);
  ++entry.generation;
}

/// Gives the page two new copies. The old ones are free when the group is durable.
void Planner::relocate(DirectoryEntry& entry) {
  for (PageNumber* copy : {&entry.page_a, &entry.page_b}) {
    free_page(*copy);
    *copy = take_lowest();
  }
  entry.active_slot = 0;
}

std::uint32_t Planner::zero_page_crc() {
  if (!zero_page_crc_) {
    zero_page_crc_ = crc32(std::vector<std::byte>(base_.geometry.page_size()));
  }
  return *zero_page_crc_;
}

BlockEntries& Planner::edit(std::size_t block) {
  auto& edited = edited_[block];
  if (!edited) {
    edited = std::make_shared<BlockEntries>(*plan_.next.contents[block]);
    plan_.next.contents[block] = edited;
  }
  return *edited;
}

// --- Finishing

Plan Planner::finish() {
  encode_directories();
  encode_metadata();
  encode_page0();
  return std::move(plan_);
}

void Planner::encode_directories() {
  const Generation generation = directory_generation(plan_.next.generation);
  for (const auto& [block, entries] : edited_) {
    const bool is_new = block >= base_.references.size();
    plan_.written_blocks.push_back(block);
    BlockReference& reference = plan_.next.references[block];
    auto page = format::encode_directory_page(base_.geometry, generation, entries->slots);
    if (!is_new) reference.active = static_cast<std::uint8_t>(1 - reference.active);
    // A never-written copy may hold bytes that somebody made look like a directory.
    if (is_new && commit_rule().both) plan_.directory_pages.emplace_back(reference.page_b, page);
    plan_.directory_pages.emplace_back(reference.copy(reference.active), std::move(page));
  }
}

void Planner::encode_metadata() {
  State& next = plan_.next;
  next.active_metadata = static_cast<std::uint8_t>(1 - base_.active_metadata);
  plan_.metadata_page = {
      format::kMetadataPages[next.active_metadata],
      format::encode_metadata_page(base_.geometry, {next.generation, next.allocated})};
}

void Planner::encode_page0() {
  State& next = plan_.next;
  if (touches_only_far_blocks() && commit_rule().swap) {
    // The same meaning in other bytes: the first sector alone must not fit the old checksum.
    BlockReference& first = next.references[0];
    std::swap(first.page_a, first.page_b);
    first.active = static_cast<std::uint8_t>(1 - first.active);
  }
  const bool grows_past_first_sector = next.references.size() > base_.references.size() &&
                                       next.references.size() > kBlocksInFirstSector;
  if (grows_past_first_sector) {
    plan_.page0_ahead =
        format::encode_superblock(base_.geometry, base_.header(true), base_.references,
                                  std::span(next.references).subspan(base_.references.size()));
  }
  plan_.page0 = format::encode_superblock(base_.geometry, next.header(true), next.references);
}

bool Planner::touches_only_far_blocks() const {
  return !edited_.empty() && edited_.begin()->first >= kBlocksInFirstSector &&
         plan_.next.references.size() == base_.references.size();
}

void Planner::abandon() {
  for (const PageNumber page : taken_) pools_.pages.insert(page.value);
  for (const ProtectedNumber page : taken_protected_) {
    pools_.protected_pages.insert(page.value);
  }
  for (const PageNumber page : redeemed_.pages) pools_.promised_pages.insert(page.value);
  for (const ProtectedNumber page : redeemed_.protected_pages) {
    pools_.promised_protected.insert(page.value);
  }
  // What growth and new blocks brought never was.
  for (std::uint64_t page = base_.total().value; page < grown_to_.value; ++page) {
    pools_.pages.erase(page);
  }
  const std::uint64_t slots = base_.geometry.protected_number(base_.references.size(), 0).value;
  for (std::uint64_t slot = slots; slot < pools_.protected_pages.size(); ++slot) {
    pools_.protected_pages.erase(slot);
  }
}

}  // namespace mappedpages::mppg0
