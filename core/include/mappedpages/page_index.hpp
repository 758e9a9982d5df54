// Walking over the allocated pages of one committed state.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "mappedpages/export.hpp"
#include "mappedpages/ids.hpp"

namespace mappedpages {

/// Which pages were allocated at one moment. Immutable: later commits make a new one. Any thread.
class MAPPEDPAGES_API PageIndex {
 public:
  PageIndex() = default;
  PageIndex(const PageIndex&) = default;
  PageIndex(PageIndex&&) = default;
  PageIndex& operator=(const PageIndex&) = default;
  PageIndex& operator=(PageIndex&&) = default;
  virtual ~PageIndex() = default;

  /// The first allocated page at or after `from`; none: there are no more. Pages that the pager
  /// uses itself are never among them.
  [[nodiscard]] virtual std::optional<PageNumber> next(PageNumber from) const = 0;
  [[nodiscard]] virtual std::optional<ProtectedNumber> next(ProtectedNumber from) const = 0;
};

/// An iterator over page numbers, ascending; ends at std::default_sentinel. `Id` is what it yields:
/// anything that can be made from a `Number`. A whole walk costs O(pages of the file). Keeps the
/// state alive that it walks.
template <class Number, class Id = Number>
class PageIterator {
 public:
  using value_type = Id;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;

  PageIterator() = default;
  explicit PageIterator(std::shared_ptr<const PageIndex> index)
      : index_(std::move(index)), at_(index_->next(Number{0})) {}

  Id operator*() const { return Id{*at_}; }
  PageIterator& operator++() {
    at_ = index_->next(Number{at_->value + 1});
    return *this;
  }
  PageIterator operator++(int) {
    PageIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const PageIterator& other) const { return at_ == other.at_; }
  bool operator==(std::default_sentinel_t /*end*/) const { return !at_; }

 private:
  std::shared_ptr<const PageIndex> index_;
  std::optional<Number> at_;
};

/// All allocated pages of one kind, as they were when it was made.
template <class Number, class Id = Number>
class PageRange {
 public:
  explicit PageRange(std::shared_ptr<const PageIndex> index) : index_(std::move(index)) {}

  [[nodiscard]] PageIterator<Number, Id> begin() const { return PageIterator<Number, Id>(index_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<const PageIndex> index_;
};

}  // namespace mappedpages
