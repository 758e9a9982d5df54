// What works on the file as a whole: snapshots and defragmentation.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "base/try.hpp"
#include "io/posix_file.hpp"
#include "pager/batch_impl.hpp"

namespace mappedpages {

// --- Snapshots

Status Engine::snapshot(const std::filesystem::path& target, const Progress& progress) const {
  return io::create_posix_file(
      target, [&](io::StorageFile& file) { return impl_->copy_to(file, progress); });
}

Status Engine::snapshot(io::StorageFile& target, const Progress& progress) const {
  return impl_->copy_to(target, progress);
}

// --- Defragmentation

namespace {

/// Moves pages in rounds. Each round is one commit, whose pages' old places are free for the next.
class Defragmenter {
 public:
  Defragmenter(Engine& engine, const DefragmentOptions& options)
      : engine_(engine), options_(options) {}

  Result<DefragmentReport> run() {
    for (;;) {
      const std::vector<Move> moves = plan_round();
      if (moves.empty()) return report_;
      TRY_ASSIGN(const bool any, commit_round(moves));
      if (!any) return report_;
    }
  }

 private:
  /// A page, or a protected page, and the highest place that it takes now.
  struct Move {
    std::uint64_t place = 0;
    std::optional<PageNumber> page;
    std::optional<ProtectedNumber> protected_page;
    std::uint64_t other_place = 0;  ///< The other copy of a protected page.
  };

  [[nodiscard]] std::vector<Move> candidates() const {
    std::vector<Move> all;
    if (options_.relocate) {
      for (const PageNumber page : engine_.pages()) {
        if (!engine_.is_pinned(page)) {
          all.push_back({.place = page.value, .page = page, .protected_page = {}});
        }
      }
    }
    for (const ProtectedNumber page : engine_.protected_pages()) {
      const auto info = engine_.info(page);
      if (!info || engine_.is_pinned(page) || engine_.has_writer(page)) continue;
      if (left_alone_.contains(page)) continue;
      const auto [low, high] = std::minmax(info->page_a.value, info->page_b.value);
      all.push_back({.place = high, .page = {}, .protected_page = page, .other_place = low});
    }
    std::ranges::sort(all, std::greater<>{}, &Move::place);
    return all;
  }

  /// The highest pages, as long as there are lower places for them.
  [[nodiscard]] std::vector<Move> plan_round() const {
    const std::uint64_t most =
        std::clamp<std::uint64_t>(kBytesARound / engine_.page_size(), 1, 1024);
    std::vector<Move> moves;
    PageNumber free{0};
    const auto next_free = [&] {
      const std::uint64_t total = engine_.counts().total.value;
      while (free.value < total && engine_.use_of(free) != PageUse::Free) ++free.value;
      return free.value < total ? free.value++ : kNone;
    };
    for (const Move& move : candidates()) {
      if (moves.size() == most) break;
      const std::uint64_t first = next_free();
      const std::uint64_t second = move.protected_page ? next_free() : 0;
      if (first == kNone || second == kNone || first >= move.place || second >= move.place) break;
      if (move.protected_page && first + second >= move.place + move.other_place) continue;
      moves.push_back(move);
    }
    return moves;
  }

  /// False if nothing could be moved.
  Result<bool> commit_round(const std::vector<Move>& moves) {
    Batch batch = engine_.batch();
    const std::size_t before = left_alone_.size();
    std::uint64_t pages = 0;
    std::uint64_t protected_pages = 0;
    for (const Move& move : moves) {
      if (move.page) {
        TRY_ASSIGN(const bool moved, move_page(batch, *move.page));
        pages += moved ? 1 : 0;
      } else {
        TRY_ASSIGN(const bool moved, move_protected(batch, *move.protected_page));
        protected_pages += moved ? 1 : 0;
      }
    }
    if (pages + protected_pages == 0) return left_alone_.size() != before;
    if (const Status done = batch.commit(); !done) {
      const ErrorCode code = done.error().code();
      const bool in_the_way = code == ErrorCode::Conflict || code == ErrorCode::WriterActive ||
                              code == ErrorCode::PagePinned;
      // Somebody else was faster. Planned anew, but not for ever.
      if (in_the_way && ++failures_ < kMostFailures) return true;
      return tl::unexpected(done.error());
    }
    failures_ = 0;
    report_.moved_pages += pages;
    report_.moved_protected += protected_pages;
    ++report_.commits;
    return true;
  }

  /// False if somebody freed it, pinned it or took the free places meanwhile.
  Result<bool> move_page(Batch& batch, PageNumber from) {
    TRY_ASSIGN(const PageNumber to, batch.alloc());
    const Status freed = to < from ? batch.free(from) : Status{};
    if (to >= from || !freed) {
      TRY(batch.free(to));
      return false;
    }
    TRY_ASSIGN(const auto bytes, batch.fill(to));
    TRY(engine_.read(from, 0, bytes));
    TRY(options_.relocate(from, to, batch));
    return true;
  }

  /// A page whose bytes are not those that its checksum is of stays as it is: one that is damaged
  /// for others to look at, and one that the crate allocated and never wrote because it has no
  /// content.
  Result<bool> move_protected(Batch& batch, ProtectedNumber page) {
    std::vector<std::byte> bytes(engine_.page_size());
    const auto info = engine_.read(page, bytes);
    Status staged = info ? Status{} : tl::unexpected(info.error());
    if (info && crc32(bytes) == info->crc32) {
      staged = batch.relocate(page);
      if (staged) return true;
    }
    if (!staged && staged.error().code() != ErrorCode::NotAllocated &&
        staged.error().code() != ErrorCode::ChecksumMismatch) {
      return tl::unexpected(staged.error());
    }
    left_alone_.insert(page);
    return false;
  }

  static constexpr std::uint64_t kBytesARound = std::uint64_t{16} << 20;
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static constexpr unsigned kMostFailures = 1000;

  Engine& engine_;
  const DefragmentOptions& options_;
  DefragmentReport report_;
  std::set<ProtectedNumber> left_alone_;
  unsigned failures_ = 0;  ///< In a row.
};

}  // namespace

Result<DefragmentReport> Engine::defragment(const DefragmentOptions& options) {
  return Defragmenter(*this, options).run();
}

}  // namespace mappedpages
