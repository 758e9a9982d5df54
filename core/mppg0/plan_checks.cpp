// What a change is refused for. The checks look at the plan so far, and change nothing.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "mppg0/plan.hpp"

namespace mappedpages::mppg0 {
namespace {

tl::unexpected<Error> refuse(ErrorCode code, std::string why) {
  return tl::unexpected(Error(code, std::move(why)));
}

template <class Number>
std::optional<Number> first_repeated(std::vector<Number> numbers) {
  std::ranges::sort(numbers);
  const auto at = std::ranges::adjacent_find(numbers);
  return at == numbers.end() ? std::nullopt : std::optional(*at);
}

/// The numbers of a change, to look one up in.
template <class Number>
class Lookup {
 public:
  explicit Lookup(std::vector<Number> numbers) : numbers_(std::move(numbers)) {
    std::ranges::sort(numbers_);
  }
  [[nodiscard]] bool contains(Number number) const {
    return std::ranges::binary_search(numbers_, number);
  }

 private:
  std::vector<Number> numbers_;
};

template <class Number>
std::string named(const char* what, Number page) {
  return what + std::to_string(page.value);
}

}  // namespace

Status Planner::check_frees(const Change& change) const {
  for (const PageNumber page : change.free_pages) TRY(check_free(page));
  if (const auto page = first_repeated(change.free_pages)) {
    return refuse(ErrorCode::DoubleFree, named("page ", *page) + " is named twice");
  }
  for (const ProtectedNumber page : change.free_protected) {
    if (plan_.next.find(page) == nullptr) {
      return refuse(ErrorCode::DoubleFree, named("protected page ", page) + " is not allocated");
    }
  }
  if (const auto page = first_repeated(change.free_protected)) {
    return refuse(ErrorCode::DoubleFree, named("protected page ", *page) + " is named twice");
  }
  return {};
}

Status Planner::check_free(PageNumber page) const {
  switch (plan_.next.use_of(page)) {
    case PageUse::Regular:
      return {};
    case PageUse::Free:
      return refuse(ErrorCode::DoubleFree, named("page ", page) + " is not allocated");
    case PageUse::Internal:
      return refuse(ErrorCode::InternalPage, named("page ", page) + " is used by the pager itself");
    case PageUse::Reserved:
      return refuse(ErrorCode::ReservedPage, named("page ", page) + " is reserved");
    case PageUse::OutOfBounds:
      break;
  }
  return refuse(ErrorCode::OutOfBounds, named("page ", page) + " is beyond the capacity");
}

Status Planner::check_writes(const Change& change) const {
  const Lookup freed_here(change.free_protected);
  const Lookup named_here(change.alloc_protected_at);
  const Lookup reserved_here(change.reserved.protected_pages);
  std::vector<ProtectedNumber> pages;
  for (const ProtectedWrite& one : change.writes) {
    if (one.bytes.size() != base_.geometry.page_size()) {
      return refuse(ErrorCode::InvalidArgument,
                    "a write of " + std::to_string(one.bytes.size()) + " bytes to " +
                        named("protected page ", one.page) + ", not one page");
    }
    const bool there = plan_.next.find(one.page) != nullptr || named_here.contains(one.page) ||
                       reserved_here.contains(one.page);
    if (!there || freed_here.contains(one.page)) {
      return refuse(ErrorCode::NotAllocated,
                    named("protected page ", one.page) + " is not allocated");
    }
    pages.push_back(one.page);
  }
  if (const auto page = first_repeated(std::move(pages))) {
    return refuse(ErrorCode::InvalidArgument,
                  named("protected page ", *page) + " is written twice in one change");
  }
  return {};
}

Status Planner::check_alloc_at(const Change& change) const {
  for (const PageNumber page : change.alloc_at) {
    switch (plan_.next.use_of(page)) {
      case PageUse::Regular:
        return refuse(ErrorCode::AlreadyAllocated, named("page ", page) + " is allocated");
      case PageUse::Internal:
        return refuse(ErrorCode::InternalPage,
                      named("page ", page) + " is used by the pager itself");
      case PageUse::Reserved:
        return refuse(ErrorCode::ReservedPage, named("page ", page) + " is reserved");
      case PageUse::OutOfBounds:
        return refuse(ErrorCode::Full, named("page ", page) + " is beyond the capacity of " +
                                           std::to_string(base_.geometry.capacity().value) +
                                           " pages");
      case PageUse::Free:
        break;
    }
    if (pools_.promised_pages.contains(page.value)) {
      return refuse(ErrorCode::AlreadyAllocated, named("page ", page) + " is reserved by a batch");
    }
    const bool exists = page.value < plan_.next.total().value;
    if (exists && !pools_.pages.contains(page.value)) {
      return refuse(ErrorCode::PagePinned, named("page ", page) + " was freed and is still open");
    }
  }
  if (const auto page = first_repeated(change.alloc_at)) {
    return refuse(ErrorCode::AlreadyAllocated, named("page ", *page) + " is named twice");
  }
  return {};
}

Status Planner::check_alloc_protected_at(const Change& change) const {
  for (const ProtectedNumber page : change.alloc_protected_at) {
    if (plan_.next.find(page) != nullptr) {
      return refuse(ErrorCode::AlreadyAllocated, named("protected page ", page) + " is allocated");
    }
    if (pools_.promised_protected.contains(page.value)) {
      return refuse(ErrorCode::AlreadyAllocated,
                    named("protected page ", page) + " is reserved by a batch");
    }
    const bool exists = base_.geometry.block_of(page) < plan_.next.references.size();
    if (exists && !pools_.protected_pages.contains(page.value)) {
      return refuse(ErrorCode::PagePinned,
                    named("protected page ", page) + " was freed and is still open");
    }
  }
  if (const auto page = first_repeated(change.alloc_protected_at)) {
    return refuse(ErrorCode::AlreadyAllocated, named("protected page ", *page) + " is named twice");
  }
  return {};
}

Status Planner::check_reserved(const Allocation& reserved) const {
  bool all_promised = true;
  for (const PageNumber page : reserved.pages) {
    all_promised = all_promised && pools_.promised_pages.contains(page.value) &&
                   plan_.next.use_of(page) == PageUse::Free;
  }
  for (const ProtectedNumber page : reserved.protected_pages) {
    all_promised = all_promised && pools_.promised_protected.contains(page.value);
  }
  if (all_promised && !first_repeated(reserved.pages) &&
      !first_repeated(reserved.protected_pages)) {
    return {};
  }
  return refuse(ErrorCode::InvalidArgument, "a number that was not reserved for this change");
}

Status Planner::check_contents(const Change& change) const {
  const Lookup named_here(change.alloc_at);
  const Lookup reserved_here(change.reserved.pages);
  for (const InitialContent& one : change.contents) {
    if (one.bytes.size() != base_.geometry.page_size()) {
      return refuse(ErrorCode::InvalidArgument, "content of " + std::to_string(one.bytes.size()) +
                                                    " bytes for " + named("page ", one.page) +
                                                    ", not one page");
    }
    if (!named_here.contains(one.page) && !reserved_here.contains(one.page)) {
      return refuse(ErrorCode::InvalidArgument,
                    named("page ", one.page) + " is not allocated by this change");
    }
  }
  return {};
}

}  // namespace mappedpages::mppg0
