// Small pages within pages.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mappedpages/pager.hpp"

namespace mappedpages {

/// Divides plain pages of `PARENT` bytes into slots of `SUB` bytes. Takes a page from the pager
/// when no slot is free, and gives it back when its last slot is. New slots read as zeros.
///
/// Which slots are in use is known in memory only: the pages stay allocated in the file, but
/// another opening knows nothing of the slots. Contents are plain page contents: durable after a
/// flush.
///
/// One thread at a time. A free slot is found without a scan, in O(log pages).
template <std::size_t PARENT, std::size_t SUB>
class SubPageAllocator {
  static_assert(kIsPageSize<PARENT>, "a page size is a power of two from 1 KiB to 16 MiB");
  static_assert(std::has_single_bit(SUB), "a sub-page size is a power of two");
  static_assert(SUB < PARENT, "a sub-page is smaller than its page");
  static_assert(PARENT / SUB <= 64, "a page has at most 64 sub-pages");

 public:
  using Id = SubPageId<PARENT, SUB>;
  static constexpr std::uint32_t kSlots = static_cast<std::uint32_t>(PARENT / SUB);

  explicit SubPageAllocator(Pager<PARENT> pager) : pager_(std::move(pager)) {}

  /// Full where the file can have no more pages.
  Result<Id> alloc() {
    auto ids = alloc_bulk(PageCount{1});
    if (!ids) return tl::unexpected(ids.error());
    return ids->front();
  }

  /// All or nothing; at most one commit.
  Result<std::vector<Id>> alloc_bulk(PageCount count) {
    // Compared first, so that the sums below cannot overflow.
    if (count.value > pager_.capacity().value * kSlots) {
      return tl::unexpected(Error(ErrorCode::Full, "more sub-pages than the file can have"));
    }
    const std::uint64_t missing = count.value > free_slots_ ? count.value - free_slots_ : 0;
    auto parents = pager_.alloc_bulk(PageCount{(missing + kSlots - 1) / kSlots});
    if (!parents) return tl::unexpected(parents.error());
    for (const PageId<PARENT> parent : *parents) add_parent(parent);
    std::vector<Id> ids;
    ids.reserve(count.value);
    while (ids.size() < count.value) {
      const Id id = take_slot();
      ids.push_back(id);
      if (auto zeroed = zero_if_used_before(id); !zeroed) {
        (void)free_bulk(ids);
        return tl::unexpected(zeroed.error());
      }
    }
    return ids;
  }

  /// NotAllocated if the page is none of this allocator's, DoubleFree if the slot is free.
  Status free(const Id& id) { return free_bulk({&id, 1}); }

  /// All or nothing; at most one commit, for the pages that have no slot in use any more.
  Status free_bulk(std::span<const Id> ids) {
    std::map<PageId<PARENT>, std::uint64_t> freed;
    for (const Id& id : ids) {
      if (auto may = require_in_use(id); !may) return may;
      std::uint64_t& bits = freed[id.parent()];
      if ((bits & bit_of(id)) != 0) return double_free(id);
      bits |= bit_of(id);
    }
    std::vector<PageId<PARENT>> empty;
    for (const auto& [parent, bits] : freed) {
      if (parents_.at(parent).used == bits) empty.push_back(parent);
    }
    if (auto given_back = pager_.free_bulk(std::span<const PageId<PARENT>>(empty)); !given_back) {
      return given_back;
    }
    for (const auto& [parent, bits] : freed) release(parent, bits);
    for (const PageId<PARENT> parent : empty) forget_parent(parent);
    return {};
  }

  /// The bytes of a slot; see `Pager::get`.
  [[nodiscard]] Result<std::span<const std::byte, SUB>> get(const Id& id) const {
    if (auto may = require_in_use(id); !may) return tl::unexpected(not_in_use(id));
    auto page = pager_.get(id.parent());
    if (!page) return tl::unexpected(page.error());
    return page->subspan(id.slot() * SUB).template first<SUB>();
  }
  [[nodiscard]] Result<std::span<std::byte, SUB>> get_mut(const Id& id) {
    if (auto may = require_in_use(id); !may) return tl::unexpected(not_in_use(id));
    auto page = pager_.get_mut(id.parent());
    if (!page) return tl::unexpected(page.error());
    return page->subspan(id.slot() * SUB).template first<SUB>();
  }

  /// The pager below, to look and to flush. Pages of this allocator must not be freed through it.
  [[nodiscard]] Pager<PARENT>& pager() { return pager_; }
  [[nodiscard]] const Pager<PARENT>& pager() const { return pager_; }

  /// Gives the pager back. The pages stay allocated.
  [[nodiscard]] Pager<PARENT> into_pager() && { return std::move(pager_); }

 private:
  struct Parent {
    std::uint64_t used = 0;   ///< A bit a slot.
    std::uint64_t dirty = 0;  ///< Slots that were in use since the page was taken.
  };

  static constexpr std::uint64_t kAllSlots =
      kSlots == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << kSlots) - 1;

  static std::uint64_t bit_of(const Id& id) { return std::uint64_t{1} << id.slot(); }

  static std::string name_of(const Id& id) {
    return "sub-page " + std::to_string(id.slot()) + " of page " +
           std::to_string(id.parent().value());
  }
  static tl::unexpected<Error> double_free(const Id& id) {
    return tl::unexpected(Error(ErrorCode::DoubleFree, name_of(id) + " is not allocated"));
  }
  static Error not_in_use(const Id& id) {
    return Error(ErrorCode::NotAllocated, name_of(id) + " is not allocated");
  }

  Status require_in_use(const Id& id) const {
    if (id.slot() >= kSlots) {
      return tl::unexpected(Error(ErrorCode::OutOfBounds, name_of(id) + ": there is no such slot"));
    }
    const auto found = parents_.find(id.parent());
    if (found == parents_.end()) return tl::unexpected(not_in_use(id));
    if ((found->second.used & bit_of(id)) == 0) return double_free(id);
    return {};
  }

  void add_parent(PageId<PARENT> parent) {
    parents_[parent] = {};
    with_room_.insert(parent);
    free_slots_ += kSlots;
  }

  void forget_parent(PageId<PARENT> parent) {
    parents_.erase(parent);
    with_room_.erase(parent);
    free_slots_ -= kSlots;
  }

  Id take_slot() {
    const PageId<PARENT> page = *with_room_.begin();
    Parent& parent = parents_.at(page);
    const auto slot = static_cast<std::uint32_t>(std::countr_one(parent.used));
    parent.used |= std::uint64_t{1} << slot;
    if (parent.used == kAllSlots) with_room_.erase(page);
    --free_slots_;
    return Id(page, slot);
  }

  void release(PageId<PARENT> page, std::uint64_t bits) {
    Parent& parent = parents_.at(page);
    parent.used &= ~bits;
    with_room_.insert(page);
    free_slots_ += static_cast<std::uint64_t>(std::popcount(bits));
  }

  /// A page is zeros when it is taken, so only slots that somebody had need it.
  Status zero_if_used_before(const Id& id) {
    Parent& parent = parents_.at(id.parent());
    const bool was_used = (parent.dirty & bit_of(id)) != 0;
    parent.dirty |= bit_of(id);
    if (!was_used) return {};
    auto bytes = get_mut(id);
    if (!bytes) return tl::unexpected(bytes.error());
    std::ranges::fill(*bytes, std::byte{0});
    return {};
  }

  Pager<PARENT> pager_;
  std::map<PageId<PARENT>, Parent> parents_;
  std::set<PageId<PARENT>> with_room_;
  std::uint64_t free_slots_ = 0;
};

}  // namespace mappedpages
