#include "oracle.hpp"

#include <algorithm>

namespace mappedpages::test {

Oracle::Oracle(std::size_t page_size, Expected now)
    : page_size_(page_size),
      crc_of_zeros_(crc_of(std::vector<std::byte>(page_size))),
      allowed_{std::move(now)} {}

// --- Our engine

void Oracle::start(const Change& change) {
  ++epoch_;
  Running running;
  for (const PageNumber page : change.free_pages) running.freed.push_back(page.value);
  std::ranges::sort(running.freed);
  for (const auto& [number, crc] : now().view.protected_pages) {
    running.protected_after[number] = crc;
  }
  for (const auto* named : {&change.alloc_at, &change.reserved.pages}) {
    for (const PageNumber page : *named) running.named[page.value] = crc_of_zeros_;
  }
  for (const InitialContent& one : change.contents) {
    running.named[one.page.value] = crc_of(one.bytes);
  }
  for (const auto* named : {&change.alloc_protected_at, &change.reserved.protected_pages}) {
    for (const ProtectedNumber number : *named) {
      running.protected_after[number.value] = crc_of_zeros_;
    }
  }
  for (const ProtectedWrite& write : change.writes) {
    running.protected_after[write.page.value] = crc_of(write.bytes);
  }
  for (const ProtectedNumber number : change.free_protected) {
    running.protected_after.erase(number.value);
  }
  running.new_pages = change.alloc_pages.value;
  running.new_protected = change.alloc_protected.value;
  running_ = std::move(running);
  outcome_seen_ = false;
}

std::optional<std::string> Oracle::finish(const Allocation& allocation) {
  FileView view;
  std::ranges::set_difference(now().view.regular, running_->freed,
                              std::back_inserter(view.regular));
  for (const PageNumber page : allocation.pages) view.regular.push_back(page.value);
  for (const auto& [page, crc] : running_->named) view.regular.push_back(page);
  std::ranges::sort(view.regular);
  for (const auto& page : running_->protected_after) view.protected_pages.push_back(page);
  for (const ProtectedNumber number : allocation.protected_pages) {
    view.protected_pages.emplace_back(number.value, crc_of_zeros_);
  }
  std::ranges::sort(view.protected_pages);
  if (!outcome(view)) return "an impossible allocation was acknowledged";
  if (outcome_seen_ && allowed_.back().view != view && view != now().view) {
    return "acknowledged other pages than a crash showed: " +
           difference(allowed_.back().view, view);
  }
  settle(view);
  return std::nullopt;
}

void Oracle::abandon() {
  settle(FileView(now().view));
}

std::optional<Expected> Oracle::outcome(const FileView& view) const {
  const Expected& before = now();
  std::vector<std::uint64_t> kept;
  std::ranges::set_difference(before.view.regular, running_->freed, std::back_inserter(kept));
  if (!std::ranges::includes(view.regular, kept)) return std::nullopt;
  for (const auto& [page, crc] : running_->named) {
    if (!view.has_regular(page)) return std::nullopt;
  }
  if (view.regular.size() != kept.size() + running_->named.size() + running_->new_pages) {
    return std::nullopt;
  }
  Expected after{view, {}};
  for (const std::uint64_t page : view.regular) {
    if (std::ranges::binary_search(kept, page)) {
      if (const auto known = before.settled.find(page); known != before.settled.end()) {
        after.settled.insert(*known);
      }
      continue;
    }
    if (before.view.has_regular(page)) return std::nullopt;  // Freed by it, so not its to give.
    if (!running_->contents_known) continue;
    const auto named = running_->named.find(page);
    after.settled[page] = named == running_->named.end() ? crc_of_zeros_ : named->second;
  }
  std::uint64_t matched = 0;
  for (const auto& [number, crc] : view.protected_pages) {
    const auto known = running_->protected_after.find(number);
    if (known == running_->protected_after.end() ? crc != crc_of_zeros_ : crc != known->second) {
      return std::nullopt;
    }
    if (known != running_->protected_after.end()) ++matched;
  }
  if (matched != running_->protected_after.size() ||
      view.protected_pages.size() != matched + running_->new_protected) {
    return std::nullopt;
  }
  for (std::size_t i = 1; i < view.protected_pages.size(); ++i) {
    if (view.protected_pages[i - 1].first == view.protected_pages[i].first) return std::nullopt;
  }
  return after;
}

// --- The crate

void Oracle::may_become(const FileView& view) {
  ++epoch_;
  if (!allows(view)) allowed_.push_back({view, {}});
}

void Oracle::has_become(const FileView& view) {
  ++epoch_;
  allowed_ = {{view, {}}};
  running_.reset();
  outcome_seen_ = false;
}

// --- Users

void Oracle::wrote(std::uint64_t page) {
  for (Expected& state : allowed_) state.settled.erase(page);
}

void Oracle::flushed(std::uint64_t page, std::uint32_t crc) {
  ++epoch_;
  for (Expected& state : allowed_) state.settled[page] = crc;
}

void Oracle::forget_contents() {
  ++epoch_;
  for (Expected& state : allowed_) state.settled.clear();
  if (running_) running_->contents_known = false;
}

// --- Judging

const Expected* Oracle::find(const FileView& view) {
  for (const Expected& state : allowed_) {
    if (state.view == view) return &state;
  }
  if (!running_ || outcome_seen_) return nullptr;
  auto after = outcome(view);
  if (!after) return nullptr;
  outcome_seen_ = true;
  allowed_.push_back(*std::move(after));
  return &allowed_.back();
}

bool Oracle::allows(const FileView& view) {
  return find(view) != nullptr;
}

std::optional<std::string> Oracle::judge(const FileView& view, const CrashImage& image) {
  const Expected* state = find(view);
  if (state == nullptr) {
    std::string text = "a wrong state: " + difference(view, allowed_.back().view);
    if (allowed_.size() > 1) text += " and " + difference(view, allowed_.front().view);
    return text;
  }
  std::vector<std::byte> content(page_size_);
  for (const auto& [page, crc] : state->settled) {
    image.read(page * page_size_, content);
    if (crc_of(content) == crc) continue;
    return (crc == crc_of_zeros_ ? "old bytes in new page "
                                 : "lost bytes that were flushed, page ") +
           std::to_string(page);
  }
  return std::nullopt;
}

void Oracle::settle(const FileView& view) {
  ++epoch_;
  const Expected* found = find(view);
  Expected state = found != nullptr ? *found : Expected{view, {}};
  if (running_ && found == nullptr) {
    if (auto after = outcome(view)) state = *std::move(after);
  }
  allowed_ = {std::move(state)};
  running_.reset();
  outcome_seen_ = false;
}

}  // namespace mappedpages::test
