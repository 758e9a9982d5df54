#include "pager/claim_table.hpp"

#include <algorithm>
#include <utility>

namespace mappedpages {

Touch ClaimTable::touch(PageKey page) {
  const MutexLock lock(mutex_);
  // Its commit ends with `release`, also where it fails.
  while (any_claimed({page})) released_.wait(mutex_);
  Record& record = record_of(page);
  ++record.touches;
  return {page, record.version};
}

void ClaimTable::wait_for(PageKey page) {
  const MutexLock lock(mutex_);
  while (any_claimed({page})) released_.wait(mutex_);
}

void ClaimTable::forget(PageKey page) {
  const MutexLock lock(mutex_);
  --record_of(page).touches;
  drop_unused(page);
}

void ClaimTable::claim(const std::vector<PageKey>& pages) {
  if (pages.empty()) return;
  const MutexLock lock(mutex_);
  // All at once or none, so that two changes cannot wait for each other.
  while (any_claimed(pages)) released_.wait(mutex_);
  for (const PageKey page : pages) record_of(page).claimed = true;
}

bool ClaimTable::claim_unchanged(std::span<const Touch> touched) {
  const MutexLock lock(mutex_);
  for (const Touch& touch : touched) {
    const Record& record = record_of(touch.page);
    if (record.claimed || record.version != touch.version) return false;
  }
  for (const Touch& touch : touched) record_of(touch.page).claimed = true;
  return true;
}

void ClaimTable::release(const std::vector<PageKey>& pages, bool changed) {
  if (pages.empty()) return;
  {
    const MutexLock lock(mutex_);
    for (const PageKey page : pages) {
      Record& record = record_of(page);
      record.claimed = false;
      if (changed) record.version = ++last_version_;
      drop_unused(page);
    }
  }
  released_.notify_all();
}

bool ClaimTable::any_claimed(const std::vector<PageKey>& pages) const {
  for (const PageKey page : pages) {  // NOLINT(readability-use-anyofallof): a lambda has no lock.
    const auto found = records_.find(page);
    if (found != records_.end() && found->second.claimed) return true;
  }
  return false;
}

ClaimTable::Record& ClaimTable::record_of(PageKey page) {
  const auto [found, is_new] = records_.try_emplace(page);
  if (is_new) found->second.version = ++last_version_;
  return found->second;
}

void ClaimTable::drop_unused(PageKey page) {
  const auto found = records_.find(page);
  if (found->second.touches == 0 && !found->second.claimed) records_.erase(found);
}

std::vector<PageKey> changed_pages(const Change& change) {
  std::vector<PageKey> pages;
  pages.reserve(change.free_pages.size() + change.free_protected.size() + change.writes.size());
  for (const PageNumber page : change.free_pages) pages.emplace_back(page);
  for (const ProtectedNumber page : change.free_protected) pages.emplace_back(page);
  for (const ProtectedWrite& write : change.writes) pages.emplace_back(write.page);
  // A page named twice is refused by the store; here it would wait for itself.
  std::ranges::sort(pages, {},
                    [](const PageKey& key) { return std::pair(key.is_protected, key.number); });
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  return pages;
}

}  // namespace mappedpages
