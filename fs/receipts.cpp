#include "fs/receipts.hpp"

namespace mappedpages::fs {

Answer<std::uint64_t> ReceiptTable::reserve(std::string_view name) {
  const MutexLock lock(mutex_);
  if (by_name_.contains(name)) return fail(Reason::NameExists);
  if (receipts_.size() >= kMaxReceipts) return fail(Reason::TooManyReceipts);
  const std::uint64_t receipt = next_receipt_++;
  receipts_[receipt].name = name;
  by_name_.emplace(name, receipt);
  return receipt;
}

void ReceiptTable::fill(std::uint64_t receipt, const std::vector<std::uint64_t>& numbers) {
  const MutexLock lock(mutex_);
  const auto at = receipts_.find(receipt);
  // Somebody may have removed it already: the pages stay allocated, as after any removal.
  if (at != receipts_.end()) at->second.numbers.insert(numbers.begin(), numbers.end());
}

void ReceiptTable::cancel(std::uint64_t receipt) {
  const MutexLock lock(mutex_);
  const auto at = receipts_.find(receipt);
  if (at == receipts_.end()) return;
  by_name_.erase(at->second.name);
  receipts_.erase(at);
}

std::optional<std::uint64_t> ReceiptTable::find(std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? std::nullopt : std::optional(at->second);
}

bool ReceiptTable::exists(std::uint64_t receipt) const {
  const MutexLock lock(mutex_);
  return receipts_.contains(receipt);
}

std::size_t ReceiptTable::count() const {
  const MutexLock lock(mutex_);
  return receipts_.size();
}

std::optional<std::string> ReceiptTable::name_of(std::uint64_t receipt) const {
  const MutexLock lock(mutex_);
  const auto at = receipts_.find(receipt);
  return at == receipts_.end() ? std::nullopt : std::optional(at->second.name);
}

bool ReceiptTable::lists(std::uint64_t receipt, std::uint64_t number) const {
  const MutexLock lock(mutex_);
  const auto at = receipts_.find(receipt);
  return at != receipts_.end() && at->second.numbers.contains(number);
}

Done ReceiptTable::remove(std::string_view name) {
  const MutexLock lock(mutex_);
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return fail(Reason::NoSuchName);
  receipts_.erase(at->second);
  by_name_.erase(at);
  return {};
}

Done ReceiptTable::remove_entry(std::uint64_t receipt, std::uint64_t number) {
  const MutexLock lock(mutex_);
  const auto at = receipts_.find(receipt);
  if (at == receipts_.end() || at->second.numbers.erase(number) == 0)
    return fail(Reason::NoSuchName);
  return {};
}

std::optional<ReceiptTable::Named> ReceiptTable::next(std::uint64_t from) const {
  const MutexLock lock(mutex_);
  const auto at = receipts_.lower_bound(from);
  if (at == receipts_.end()) return std::nullopt;
  return Named{at->first, at->second.name};
}

std::optional<std::uint64_t> ReceiptTable::next_entry(std::uint64_t receipt,
                                                      std::uint64_t from) const {
  const MutexLock lock(mutex_);
  const auto at = receipts_.find(receipt);
  if (at == receipts_.end()) return std::nullopt;
  const auto entry = at->second.numbers.lower_bound(from);
  return entry == at->second.numbers.end() ? std::nullopt : std::optional(*entry);
}

}  // namespace mappedpages::fs
