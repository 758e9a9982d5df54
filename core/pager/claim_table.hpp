// Which pages the commits that run right now change, and whether a page changed since a batch
// looked at it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/thread_annotations.hpp"
#include "mappedpages/change.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

/// A page of either kind.
struct PageKey {
  std::uint64_t number = 0;
  bool is_protected = false;

  PageKey() = default;
  explicit PageKey(PageNumber page) : number(page.value) {}
  explicit PageKey(ProtectedNumber page) : number(page.value), is_protected(true) {}
  bool operator==(const PageKey&) const = default;
};

struct PageKeyHash {
  std::size_t operator()(const PageKey& key) const noexcept {
    return std::hash<std::uint64_t>{}(key.number * 2 + (key.is_protected ? 1 : 0));
  }
};

/// A page that a batch looked at, as it was then.
struct Touch {
  PageKey page;
  std::uint64_t version = 0;
};

/// Optimistic control: a batch touches pages, remembers their versions, and commits only if they
/// are still the same. Every change claims what it changes for the time of its commit, so that
/// between a comparison and the commit nobody comes in. Any thread.
class ClaimTable {
 public:
  /// Remembers that somebody looks at the page, as it is now: first waits for the commit that
  /// changes it, if one runs. Paired with `forget`.
  Touch touch(PageKey page) EXCLUDES(mutex_);

  /// Returns when no commit changes the page.
  void wait_for(PageKey page) EXCLUDES(mutex_);
  void forget(PageKey page) EXCLUDES(mutex_);

  /// Claims all pages that the change frees or writes, waiting until nobody else does. Each claim
  /// is paired with `release`.
  void claim(const std::vector<PageKey>& pages) EXCLUDES(mutex_);

  /// The same without waiting, if none of the pages is claimed or has changed since it was touched.
  bool claim_unchanged(std::span<const Touch> touched) EXCLUDES(mutex_);

  /// `changed`: whether the commit happened.
  void release(const std::vector<PageKey>& pages, bool changed) EXCLUDES(mutex_);

 private:
  struct Record {
    std::uint64_t version = 0;
    std::uint64_t touches = 0;
    bool claimed = false;
  };

  [[nodiscard]] bool any_claimed(const std::vector<PageKey>& pages) const REQUIRES(mutex_);
  Record& record_of(PageKey page) REQUIRES(mutex_);
  void drop_unused(PageKey page) REQUIRES(mutex_);

  Mutex mutex_;
  ConditionVariable released_;
  std::unordered_map<PageKey, Record, PageKeyHash> records_ GUARDED_BY(mutex_);
  std::uint64_t last_version_ GUARDED_BY(mutex_) = 0;  // Never used twice, so none comes back.
};

/// What a change frees or writes, each page once, for the length of its commit.
class Claim {
 public:
  Claim(ClaimTable& table, std::vector<PageKey> pages) : table_(table), pages_(std::move(pages)) {
    table_.claim(pages_);
  }
  ~Claim() { table_.release(pages_, changed_); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// The commit happened.
  void set_changed() { changed_ = true; }

 private:
  ClaimTable& table_;
  std::vector<PageKey> pages_;
  bool changed_ = false;
};

/// What a change frees or writes, each page once.
std::vector<PageKey> changed_pages(const Change& change);

}  // namespace mappedpages
