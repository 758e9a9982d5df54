#include "pager/async_committer.hpp"

#include <unordered_set>
#include <utility>

#include "pager/claim_table.hpp"

namespace mappedpages {

AsyncCommitter::~AsyncCommitter() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void AsyncCommitter::submit(AsyncChange change) {
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(change));
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

void AsyncCommitter::work() {
  for (;;) {
    std::vector<AsyncChange> some;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty() && !ending_) changed_.wait(mutex_);
      if (waiting_.empty()) return;
      some = take_some();
    }
    commit_(some);
  }
}

/// As many as change different pages, in their order: of two that change the same page the second
/// must see what the first did.
std::vector<AsyncChange> AsyncCommitter::take_some() {
  std::vector<AsyncChange> some;
  std::unordered_set<PageKey, PageKeyHash> taken;
  while (!waiting_.empty()) {
    const std::vector<PageKey> pages = changed_pages(waiting_.front().change);
    for (const PageKey page : pages) {
      if (taken.contains(page)) return some;
    }
    taken.insert(pages.begin(), pages.end());
    some.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return some;
}

}  // namespace mappedpages
