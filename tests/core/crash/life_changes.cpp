// What users do in a life: changes, and bytes that are made to look like the store's own.
#include <algorithm>

#include "life.hpp"

namespace mappedpages::test {
namespace {

/// References from this one on lie outside of the first sector of page 0.
constexpr std::uint64_t kFirstFarBlock = 28;

constexpr std::uint64_t kMostToPlant = 160;

}  // namespace

// --- Groups

void Life::group(Engine& engine) {
  forget_used();
  if (random_.chance(options_.defragment)) return defragment(engine);
  if (random_.chance(options_.batch)) return batch_group(engine);
  Change change = random_change();
  if (random_.chance(options_.by_number)) add_by_number(engine, change);
  if (change.empty()) return;
  commit(engine, change);
}

void Life::forget_used() {
  contents_.clear();
  used_pages_.clear();
  used_protected_.clear();
}

void Life::act(Engine& engine, Act act) {
  forget_used();
  const Change change = change_of(act);
  if (!change.empty()) commit(engine, change);
}

Change Life::change_of(Act act) {
  Change change;
  const bool mixed = act == Act::Mixed;
  if (mixed || act == Act::Alloc) ++change.alloc_pages.value;
  if (mixed || act == Act::Free) add_free(change);
  if (mixed || act == Act::AllocProtected) ++change.alloc_protected.value;
  if (mixed || act == Act::FreeProtected) add_protected_free(change);
  if (mixed || act == Act::Write) add_write(change);
  return change;
}

void Life::commit(Engine& engine, const Change& change) {
  disk_->note("GROUP: " + std::to_string(change.alloc_pages.value) + " new, " +
              std::to_string(change.free_pages.size()) + " freed, protected " +
              std::to_string(change.alloc_protected.value) + " new, " +
              std::to_string(change.free_protected.size()) + " freed, " +
              std::to_string(change.writes.size()) + " written");
  oracle_.start(change);
  const Result<Allocation> done = perform(engine, change);
  if (over()) return;  // Both states are possible now.
  if (!done) {
    oracle_.abandon();
    if (done.error().code() == ErrorCode::Full || done.error().code() == ErrorCode::DirectoryFull) {
      return;
    }
    return violate("a change was refused: " + done.error().message());
  }
  if (const auto wrong = oracle_.finish(*done)) return violate(*wrong);
  ++tally_.groups;
  if (is_far(change)) ++tally_.far_groups;
  for (const PageNumber page : done->pages) planted_.erase(page.value);
}

bool Life::is_far(const Change& change) const {
  const auto far = [&](ProtectedNumber n) { return n.value / slots_ >= kFirstFarBlock; };
  return change.alloc_protected.value + change.alloc_protected_at.size() +
                 change.reserved.protected_pages.size() ==
             0 &&
         change.writes.size() + change.free_protected.size() != 0 &&
         std::ranges::all_of(change.free_protected, far) &&
         std::ranges::all_of(change.writes, far, &ProtectedWrite::page);
}

/// By the call for it, if there is one and luck wants it.
Result<Allocation> Life::perform(Engine& engine, const Change& change) {
  const std::uint64_t operations = change.alloc_pages.value + change.alloc_protected.value +
                                   change.alloc_at.size() + change.alloc_protected_at.size() +
                                   change.free_pages.size() + change.free_protected.size() +
                                   change.writes.size();
  if (operations != 1 || random_.chance(.3)) return engine.commit(change);
  const auto nothing = [] { return Allocation{}; };
  if (!change.alloc_at.empty()) {
    if (!change.contents.empty()) return engine.commit(change);
    return engine.alloc_at(change.alloc_at.front()).map(nothing);
  }
  if (!change.alloc_protected_at.empty()) {
    return engine.alloc_protected_at(change.alloc_protected_at.front()).map(nothing);
  }
  if (!change.free_pages.empty()) return engine.free(change.free_pages.front()).map(nothing);
  if (!change.free_protected.empty()) {
    return engine.free_protected(change.free_protected.front()).map(nothing);
  }
  if (change.alloc_pages.value == 1) {
    return engine.alloc().map([](PageNumber page) { return Allocation{{page}, {}}; });
  }
  if (change.alloc_protected.value == 1) {
    return engine.alloc_protected().map([](ProtectedNumber number) {
      return Allocation{{}, {number}};
    });
  }
  const ProtectedWrite& write = change.writes.front();
  auto writer = engine.writer(write.page);
  if (!writer) {
    // A page that the crate allocated, of bytes that were lost: it can be written, but not read.
    const bool unread = writer.error().code() == ErrorCode::ChecksumMismatch && crate_wrote_;
    const auto info = engine.info(write.page);
    if (unread && info && info->generation == 0) return engine.commit(change);
    return tl::unexpected(writer.error());
  }
  std::ranges::copy(write.bytes, writer->bytes().begin());
  return writer->commit().map(nothing);
}

Change Life::random_change() {
  Change change;
  const std::uint64_t used = oracle_.now().view.protected_pages.size();
  if (random_.chance(options_.new_block)) {
    const std::uint64_t to_fill = (used + slots_ - 1) / slots_ * slots_ - used;
    if (may_allocate(2 * to_fill + 4)) {
      change.alloc_protected = PageCount{to_fill + random_.between(1, 2)};
      return change;
    }
  }
  const bool bulk = random_.chance(.07);
  const std::uint64_t operations = bulk ? random_.pick(std::vector<std::uint64_t>{20, 40})
                                        : random_.pick(std::vector<std::uint64_t>{1, 1, 2, 4, 8});
  for (std::uint64_t n = 0; n < operations; ++n) add_random(change, bulk);
  return change;
}

void Life::add_random(Change& change, bool bulk) {
  const std::uint64_t what = bulk && random_.chance(.9) ? 3 : random_.below(9);
  const bool room = may_allocate(change.alloc_pages.value + 2 * change.alloc_protected.value + 2);
  if (what < 2 && room) {
    ++change.alloc_pages.value;
  } else if (what == 2) {
    add_free(change);
  } else if (what < 5 && room) {
    ++change.alloc_protected.value;
  } else if (what < 7) {
    add_protected_free(change);
  } else {
    add_write(change);
  }
}

void Life::add_free(Change& change) {
  const auto& regular = oracle_.now().view.regular;
  if (regular.empty()) return;
  std::uint64_t page = random_.pick(regular);
  for (int attempt = 0; options_.evil && attempt < 8 && !planted_.contains(page); ++attempt) {
    page = random_.pick(regular);
  }
  if (used_pages_.insert(page).second) change.free_pages.emplace_back(page);
}

const std::uint64_t* Life::pick_protected() {
  const auto& pages = oracle_.now().view.protected_pages;
  if (pages.empty()) return nullptr;
  const std::uint64_t first_far = kFirstFarBlock * slots_;
  const auto far = std::ranges::lower_bound(pages, std::pair{first_far, std::uint32_t{0}});
  if (far != pages.end() && random_.chance(options_.far)) {
    picked_ = (far + static_cast<std::ptrdiff_t>(
                         random_.below(static_cast<std::uint64_t>(pages.end() - far))))
                  ->first;
  } else {
    picked_ = random_.pick(pages).first;
  }
  return used_protected_.insert(picked_).second ? &picked_ : nullptr;
}

void Life::add_protected_free(Change& change) {
  if (const auto* number = pick_protected()) change.free_protected.emplace_back(*number);
}

void Life::add_write(Change& change) {
  const auto* number = pick_protected();
  if (number == nullptr) return;
  contents_.push_back(random_.bytes(page_size_));
  change.writes.push_back({ProtectedNumber{*number}, contents_.back()});
}

/// Pages of numbers that the user chose, with content from the start or without.
void Life::add_by_number(Engine& engine, Change& change) {
  const std::uint64_t used = oracle_.now().view.protected_pages.size();
  const PageNumber page{random_.below(options_.max_pages)};
  if (engine.use_of(page) == PageUse::Free && may_allocate(1)) {
    change.alloc_at.push_back(page);
    planted_.erase(page.value);
    contents_.push_back(random_.bytes(page_size_));
    if (random_.chance(.5)) change.contents.push_back({page, contents_.back()});
  }
  const ProtectedNumber number{random_.below(used + 2 * slots_)};
  if (!engine.info(number) && may_allocate(8)) {
    change.alloc_protected_at.push_back(number);
    contents_.push_back(random_.bytes(page_size_));
    if (random_.chance(.7)) change.writes.push_back({number, contents_.back()});
  }
}

bool Life::may_allocate(std::uint64_t more) const {
  const FileView& view = oracle_.now().view;
  const std::uint64_t blocks = view.protected_pages.size() / slots_ + 2;
  return 3 + view.regular.size() + 2 * view.protected_pages.size() + 2 * blocks + more <=
         options_.max_pages;
}

// --- Bytes of regular pages

/// Makes every free page hold what looks like a directory of a coming generation.
void Life::plant_everywhere(Engine& engine) {
  const std::uint64_t free = engine.counts().free.value;
  if (free == 0 || free > kMostToPlant) return;
  Change take;
  take.alloc_pages = PageCount{free};
  const FileView before = oracle_.now().view;
  commit(engine, take);
  if (over()) return;
  Change give_back;
  for (const std::uint64_t page : oracle_.now().view.regular) {
    if (before.has_regular(page)) continue;
    plant(page);
    if (random_.chance(.9)) give_back.free_pages.emplace_back(page);
  }
  if (random_.chance(.5) && !engine.flush_all() && !over()) violate("flush_all failed");
  if (!over() && !give_back.free_pages.empty()) commit(engine, give_back);
}

/// Writes and flushes between changes, through the engine.
void Life::use_pages(Engine& engine) {
  const auto& regular = oracle_.now().view.regular;
  if (regular.empty() || !random_.chance(.3)) return;
  const std::uint64_t page = random_.pick(regular);
  const auto bytes = random_.bytes(page_size_);
  const std::uint64_t offset = random_.chance(.5) ? 0 : random_.below(page_size_);
  oracle_.wrote(page);
  const Status written =
      engine.write(PageNumber{page}, offset,
                   std::span(bytes).first(static_cast<std::size_t>(page_size_ - offset)));
  if (over()) return;
  if (!written) return violate("a page cannot be written: " + written.error().message());
  if (!random_.chance(.5)) return;
  const Status flushed = engine.flush(PageNumber{page});
  if (over()) return;
  if (!flushed) return violate("a page cannot be flushed: " + flushed.error().message());
  if (offset != 0 && flush_failed_before_) return;  // The rest of the page may be lost already.
  const auto content = disk_->cache().subspan(page * page_size_, page_size_);
  oracle_.flushed(page, crc_of(content));
}

void Life::plant(std::uint64_t page) {
  disk_->plant(page * page_size_, forged(page));
  oracle_.wrote(page);
  planted_.insert(page);
}

std::vector<std::byte> Life::forged(std::uint64_t page) {
  const std::uint64_t newest = newest_generation();
  const std::uint64_t kind = random_.below(10);
  if (kind < 2) return random_.bytes(page_size_);
  if (kind == 2) {
    return make_metadata(page_size_, newest + random_.between(1, 5),
                         {true, true, true, false, false, false, false, false});
  }
  const std::uint64_t ahead = random_.chance(.5)    ? random_.below(8)
                              : random_.chance(.95) ? random_.between(4, 20)
                                                    : 65536;
  CrateDirectory entries;
  if (random_.chance(.3)) entries[0] = {page, page + 1, 0, 7, 0x1234};
  return make_directory(page_size_, newest + ahead, entries);
}

std::uint64_t Life::newest_generation() const {
  std::uint64_t newest = 0;
  for (std::size_t which = 1; which <= 2; ++which) {
    const auto field = disk_->cache().subspan(which * page_size_ + 8, 8);
    std::uint64_t generation = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
      generation |= static_cast<std::uint64_t>(field[i]) << (8 * i);
    }
    newest = std::max(newest, generation);
  }
  return newest;
}

}  // namespace mappedpages::test
