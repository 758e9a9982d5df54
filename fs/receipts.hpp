// Receipts: what each `mkdir` in alloc/ was given. In memory; freeing nothing when they go.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_annotations.hpp"
#include "fs/errno.hpp"

namespace mappedpages::fs {

/// The receipts of one directory, alloc/pages or alloc/protected. Receipt numbers are never used
/// twice. Any thread.
class ReceiptTable {
 public:
  static constexpr std::size_t kMaxReceipts = 65536;

  /// Takes a name for a receipt to be filled. EEXIST; ENOSPC past kMaxReceipts.
  Answer<std::uint64_t> reserve(std::string_view name) EXCLUDES(mutex_);

  void fill(std::uint64_t receipt, const std::vector<std::uint64_t>& numbers) EXCLUDES(mutex_);

  /// Takes back a reservation.
  void cancel(std::uint64_t receipt) EXCLUDES(mutex_);

  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view name) const EXCLUDES(mutex_);
  [[nodiscard]] bool exists(std::uint64_t receipt) const EXCLUDES(mutex_);
  [[nodiscard]] std::size_t count() const EXCLUDES(mutex_);

  /// None for one that was removed.
  [[nodiscard]] std::optional<std::string> name_of(std::uint64_t receipt) const EXCLUDES(mutex_);
  [[nodiscard]] bool lists(std::uint64_t receipt, std::uint64_t number) const EXCLUDES(mutex_);

  /// ENOENT where there is none. A receipt is removed whether it lists anything or not.
  Done remove(std::string_view name) EXCLUDES(mutex_);
  Done remove_entry(std::uint64_t receipt, std::uint64_t number) EXCLUDES(mutex_);

  struct Named {
    std::uint64_t receipt;
    std::string name;
  };

  /// The first receipt numbered `from` or higher.
  [[nodiscard]] std::optional<Named> next(std::uint64_t from) const EXCLUDES(mutex_);

  /// The first entry of a receipt at `from` or higher.
  [[nodiscard]] std::optional<std::uint64_t> next_entry(std::uint64_t receipt,
                                                        std::uint64_t from) const EXCLUDES(mutex_);

 private:
  struct Receipt {
    std::string name;
    std::set<std::uint64_t> numbers;
  };

  mutable Mutex mutex_;
  std::map<std::uint64_t, Receipt> receipts_ GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t, std::less<>> by_name_ GUARDED_BY(mutex_);
  std::uint64_t next_receipt_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mappedpages::fs
