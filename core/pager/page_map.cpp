#include "pager/page_map.hpp"

#include <unistd.h>

#include <cassert>
#include <utility>

#include "base/try.hpp"

namespace mappedpages {

Result<std::span<std::byte>> PageMap::view(std::uint64_t offset, std::size_t size,
                                           std::uint64_t file_size) {
  std::span<std::byte> found = find(offset, size);
  if (!found.empty()) return found;
  const MutexLock lock(mutex_);
  TRY(map_up_to(file_size));
  found = find(offset, size);
  assert(!found.empty());
  return found;
}

Result<std::span<std::byte>> PageMap::view_mut(std::uint64_t offset, std::size_t size,
                                               std::uint64_t file_size) {
  if (reserved_.load() < offset + size) {
    TRY(file_.reserve(file_size));
    reserved_.store(file_size);
  }
  return view(offset, size, file_size);
}

/// Empty where it is not mapped. A page lies in one region: all of them end where a page does.
std::span<std::byte> PageMap::find(std::uint64_t offset, std::size_t size) const {
  // The newest regions are the largest.
  for (const Region* region = newest_.load(std::memory_order_acquire); region != nullptr;
       region = region->older) {
    if (offset < region->begin || offset >= region->end) continue;
    return region->mapping.bytes().subspan(offset - region->mapped_from, size);
  }
  return {};
}

Status PageMap::map_up_to(std::uint64_t file_size) {
  const Region* const last = newest_.load(std::memory_order_relaxed);
  const std::uint64_t begin = last == nullptr ? 0 : last->end;
  if (begin >= file_size) return {};
  const auto system_page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t mapped_from = begin - begin % system_page;
  TRY_ASSIGN(Mapping mapping, file_.map(mapped_from, file_size - mapped_from, writable_));
  regions_.push_back({begin, file_size, mapped_from, std::move(mapping), last});
  newest_.store(&regions_.back(), std::memory_order_release);
  return {};
}

}  // namespace mappedpages
