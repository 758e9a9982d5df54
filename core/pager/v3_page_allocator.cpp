#include "base/checksum.hpp"
#include "base/try.hpp"
#include "mappedpages/v3/page_allocator.hpp"
#include "pager/refusals.hpp"

namespace mappedpages::v3 {

Result<PageState> PageAllocator::get_page_state(PageNumber page) const {
  const PageUse use = engine_.use_of(page);
  if (use == PageUse::OutOfBounds) {
    return refuse(ErrorCode::OutOfBounds, name_of(page) + " is beyond the capacity");
  }
  if (engine_.is_pinned(page)) return PageState::Pinned;
  return use == PageUse::Free ? PageState::Free : PageState::Allocated;
}

Status PageAllocator::pin_page(PageNumber page) {
  TRY_ASSIGN(PagePin pin, engine_.pin(page));
  const std::lock_guard lock(mutex_);
  pins_[page].push_back(std::move(pin));
  return {};
}

Status PageAllocator::unpin_page(PageNumber page) {
  const std::lock_guard lock(mutex_);
  const auto found = pins_.find(page);
  if (found == pins_.end()) {
    return refuse(ErrorCode::NotAllocated, name_of(page) + " has no pin of this allocator");
  }
  found->second.pop_back();
  if (found->second.empty()) pins_.erase(found);
  return {};
}

AllocatorStats PageAllocator::stats() const {
  const StoreCounts counts = engine_.counts();
  return {.allocated = PageCount{counts.total.value - counts.free.value},
          .free = counts.free,
          .total = counts.total};
}

PageNumber PageAllocator::free_list_head() const {
  return engine_.next_free().value_or(PageNumber{0});
}

bool PageAllocator::validate_checksum(std::span<const std::byte> bytes, std::uint32_t stored) {
  return crc32(bytes) == stored;
}

}  // namespace mappedpages::v3
