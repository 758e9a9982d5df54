// What a batch collects before it commits. For core/pager/ alone.
#pragma once

#include <map>
#include <set>
#include <span>
#include <unordered_set>
#include <vector>

#include "mappedpages/batch.hpp"
#include "pager/engine_impl.hpp"

namespace mappedpages {

/// One thread at a time.
class Batch::Impl {
 public:
  /// The next content of a protected page.
  struct Staged {
    std::vector<std::byte> bytes;
    bool relocate = false;
  };

  explicit Impl(Engine::Impl& engine) : engine_(engine) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<Allocation> reserve(PageCount pages, PageCount protected_pages);
  Status free(PageNumber page);
  Status free(ProtectedNumber page);

  /// Makes the page part of the batch. Without `with_content` it begins as zeros, and the caller
  /// replaces them.
  Result<Staged*> stage(ProtectedNumber page, bool with_content);
  Result<std::span<std::byte>> content_of(PageNumber page);
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::uint64_t page_size() const { return engine_.store->page_size(); }
  Status commit();
  void clear();

 private:
  template <class Number>
  bool touch(Number page);
  void untouch();
  void forget_all();
  Status may_free(PageNumber page) const;

  Engine::Impl& engine_;
  std::set<PageNumber> new_pages_;
  std::set<ProtectedNumber> new_protected_;
  std::map<PageNumber, std::vector<std::byte>> contents_;
  std::map<ProtectedNumber, Staged> writes_;
  std::set<PageNumber> freed_pages_;
  std::set<ProtectedNumber> freed_protected_;

  // Pages of others that this batch changes, as they were when it first looked.
  std::vector<Touch> touched_;
  std::unordered_set<PageKey, PageKeyHash> touched_keys_;
};

}  // namespace mappedpages
