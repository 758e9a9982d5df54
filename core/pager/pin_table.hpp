// Who looks at which page.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/page_store.hpp"
#include "base/thread_annotations.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

/// Why a page is looked at.
enum class Interest : std::uint8_t {
  Pin,   ///< A caller holds it: freeing it is refused, unless it may wait.
  Call,  ///< A call is using it right now: freeing it waits.
};

/// Counted interest in pages of one kind of number. Any thread.
template <class Number>
class InterestTable {
 public:
  void add(Number page, Interest interest) EXCLUDES(mutex_);
  void remove(Number page, Interest interest) EXCLUDES(mutex_);

  [[nodiscard]] bool pinned(Number page) const EXCLUDES(mutex_);

  /// Whether the page was freed while somebody looked at it, and somebody still does.
  [[nodiscard]] bool kept(Number page) const EXCLUDES(mutex_);

  bool keep(Number freed) EXCLUDES(mutex_);
  std::vector<Number> take_returned() EXCLUDES(mutex_);

 private:
  struct Record {
    std::uint64_t pins = 0;
    std::uint64_t calls = 0;
    bool freed = false;
  };

  mutable Mutex mutex_;
  std::unordered_map<Number, Record> records_ GUARDED_BY(mutex_);
  std::vector<Number> returned_ GUARDED_BY(mutex_);
};

/// Both tables, as the store sees them.
class PinTable final : public PageKeeper {
 public:
  InterestTable<PageNumber> pages;
  InterestTable<ProtectedNumber> protected_pages;

  bool keep(PageNumber freed) override { return pages.keep(freed); }
  bool keep(ProtectedNumber freed) override { return protected_pages.keep(freed); }
  std::vector<PageNumber> take_returned_pages() override { return pages.take_returned(); }
  std::vector<ProtectedNumber> take_returned_protected() override {
    return protected_pages.take_returned();
  }
};

/// Interest for the length of a scope.
template <class Number>
class InUse {
 public:
  InUse(InterestTable<Number>& table, Number page) : table_(table), page_(page) {
    table_.add(page_, Interest::Call);
  }
  ~InUse() { table_.remove(page_, Interest::Call); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  InterestTable<Number>& table_;
  Number page_;
};

}  // namespace mappedpages
