#include "pager/pin_table.hpp"

namespace mappedpages {

template <class Number>
void InterestTable<Number>::add(Number page, Interest interest) {
  const MutexLock lock(mutex_);
  Record& record = records_[page];
  ++(interest == Interest::Pin ? record.pins : record.calls);
}

template <class Number>
void InterestTable<Number>::remove(Number page, Interest interest) {
  const MutexLock lock(mutex_);
  const auto at = records_.find(page);
  if (at == records_.end()) return;
  Record& record = at->second;
  --(interest == Interest::Pin ? record.pins : record.calls);
  if (record.pins != 0 || record.calls != 0) return;
  if (record.freed) returned_.push_back(page);
  records_.erase(at);
}

template <class Number>
bool InterestTable<Number>::pinned(Number page) const {
  const MutexLock lock(mutex_);
  const auto at = records_.find(page);
  return at != records_.end() && at->second.pins != 0;
}

template <class Number>
bool InterestTable<Number>::kept(Number page) const {
  const MutexLock lock(mutex_);
  const auto at = records_.find(page);
  return at != records_.end() && at->second.freed;
}

template <class Number>
bool InterestTable<Number>::keep(Number freed) {
  const MutexLock lock(mutex_);
  const auto at = records_.find(freed);
  if (at == records_.end()) return false;
  at->second.freed = true;
  return true;
}

template <class Number>
std::vector<Number> InterestTable<Number>::take_returned() {
  const MutexLock lock(mutex_);
  return std::exchange(returned_, {});
}

template class InterestTable<PageNumber>;
template class InterestTable<ProtectedNumber>;

}  // namespace mappedpages
