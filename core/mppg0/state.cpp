#include "mppg0/state.hpp"

#include <bit>
#include <cassert>

namespace mappedpages::mppg0 {

StoreCounts State::counts() const {
  return {.total = total(),
          .free = PageCount{allocated.size() - allocated_count},
          .regular = PageCount{allocated_count - internal_count},
          .protected_pages = PageCount{protected_count},
          .generation = generation};
}

PageUse State::use_of(PageNumber page) const {
  if (page >= PageNumber{geometry.capacity().value}) return PageUse::OutOfBounds;
  if (page < format::kFirstDataPage) return PageUse::Reserved;
  if (internal.test(page.value)) return PageUse::Internal;
  return allocated.test(page.value) ? PageUse::Regular : PageUse::Free;
}

std::optional<PageNumber> State::next(PageNumber from) const {
  if (from.value >= allocated.size()) return std::nullopt;
  const auto all = allocated.words();
  const auto not_ours = internal.words();
  std::uint64_t mask = ~std::uint64_t{0} << from.value % Bitmap::kBitsPerWord;
  for (std::size_t i = from.value / Bitmap::kBitsPerWord; i < all.size(); ++i) {
    const std::uint64_t word = all[i] & ~not_ours[i] & mask;
    if (word != 0) {
      return PageNumber{i * Bitmap::kBitsPerWord +
                        static_cast<std::uint64_t>(std::countr_zero(word))};
    }
    mask = ~std::uint64_t{0};
  }
  return std::nullopt;
}

std::optional<ProtectedNumber> State::next(ProtectedNumber from) const {
  std::size_t slot = geometry.slot_of(from);
  for (std::uint64_t block = geometry.block_of(from); block < contents.size(); ++block, slot = 0) {
    const BlockEntries& entries = *contents[block];
    if (entries.in_use == 0) continue;
    for (; slot < entries.slots.size(); ++slot) {
      if (entries.slots[slot].in_use) return geometry.protected_number(block, slot);
    }
  }
  return std::nullopt;
}

const format::DirectoryEntry* State::find(ProtectedNumber page) const {
  const std::uint64_t block = geometry.block_of(page);
  if (block >= contents.size()) return nullptr;
  const format::DirectoryEntry& entry = contents[block]->slots[geometry.slot_of(page)];
  return entry.in_use ? &entry : nullptr;
}

format::SuperblockHeader State::header(bool mark) const {
  return {.version = version,
          .page_size_log2 = geometry.page_size_log2(),
          .active_metadata = active_metadata,
          .mark = mark,
          .block_count = static_cast<std::uint32_t>(references.size())};
}

void State::allocate(PageNumber page, bool for_store) {
  assert(!allocated.test(page.value));
  allocated.set(page.value);
  ++allocated_count;
  if (for_store) {
    internal.set(page.value);
    ++internal_count;
  }
}

void State::release(PageNumber page) {
  assert(allocated.test(page.value));
  allocated.clear(page.value);
  --allocated_count;
  if (internal.test(page.value)) {
    internal.clear(page.value);
    --internal_count;
  }
}

void State::grow(PageCount total) {
  allocated.resize(total.value);
  internal.resize(total.value);
}

}  // namespace mappedpages::mppg0
