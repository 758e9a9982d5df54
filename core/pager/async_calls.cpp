// The calls that return futures.
#include <memory>
#include <utility>

#include "mappedpages/engine.hpp"
#include "pager/engine_impl.hpp"

namespace mappedpages {
namespace {

/// Hands the change over; `pick` makes the future's value of what it was given.
template <class Value, class Pick>
std::future<Value> submit(AsyncCommitter& async, Change change, const Pick& pick) {
  // Shared, because what is called later must be copyable.
  auto promise = std::make_shared<std::promise<Value>>();
  auto future = promise->get_future();
  async.submit({std::move(change), [promise, pick](Result<Allocation> done) {
                  if (done) {
                    promise->set_value(pick(std::move(*done)));
                  } else {
                    promise->set_value(tl::unexpected(std::move(done).error()));
                  }
                }});
  return future;
}

Status nothing(const Allocation& /*unused*/) {
  return {};
}

}  // namespace

std::future<Result<PageNumber>> Engine::alloc_async() {
  return submit<Result<PageNumber>>(impl_->async, {.alloc_pages = PageCount{1}},
                                    [](Allocation given) { return given.pages.front(); });
}

std::future<Result<std::vector<PageNumber>>> Engine::alloc_bulk_async(PageCount count) {
  return submit<Result<std::vector<PageNumber>>>(
      impl_->async, {.alloc_pages = count},
      [](Allocation given) { return std::move(given.pages); });
}

std::future<Status> Engine::free_async(PageNumber page) {
  return free_bulk_async({page});
}

std::future<Status> Engine::free_bulk_async(std::vector<PageNumber> pages) {
  return submit<Status>(impl_->async, {.free_pages = std::move(pages)}, nothing);
}

std::future<Result<ProtectedNumber>> Engine::alloc_protected_async() {
  return submit<Result<ProtectedNumber>>(
      impl_->async, {.alloc_protected = PageCount{1}},
      [](Allocation given) { return given.protected_pages.front(); });
}

std::future<Result<std::vector<ProtectedNumber>>> Engine::alloc_protected_bulk_async(
    PageCount count) {
  return submit<Result<std::vector<ProtectedNumber>>>(
      impl_->async, {.alloc_protected = count},
      [](Allocation given) { return std::move(given.protected_pages); });
}

std::future<Status> Engine::free_protected_async(ProtectedNumber page) {
  return free_protected_bulk_async({page});
}

std::future<Status> Engine::free_protected_bulk_async(std::vector<ProtectedNumber> pages) {
  return submit<Status>(impl_->async, {.free_protected = std::move(pages)}, nothing);
}

std::future<Result<Allocation>> Engine::commit_async(Change change) {
  return submit<Result<Allocation>>(impl_->async, std::move(change),
                                    [](Allocation given) { return given; });
}

}  // namespace mappedpages
