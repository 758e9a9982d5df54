// MPPG 0.x as a PageStore.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>

#include "base/page_store.hpp"
#include "base/thread_annotations.hpp"
#include "io/guarded_file.hpp"
#include "mppg0/commit.hpp"
#include "mppg0/page_copier.hpp"
#include "mppg0/plan.hpp"
#include "mppg0/recovery.hpp"
#include "mppg0/state.hpp"

namespace mappedpages::mppg0 {

struct StoreOptions {
  bool recover = false;  ///< Open a damaged file for writing.
};

/// The engine of the format: one committed state in memory, published whole after each group.
class Store final : public PageStore {
 public:
  /// Recovers the file. When it is writable this ends with an opening group of three flushes, so
  /// that everything that is served is durable. NeedsRecovery for a writable file that is damaged,
  /// without `recover`. `file` and `keeper` outlive the store.
  static Result<std::unique_ptr<PageStore>> open(io::GuardedFile& file, PageKeeper& keeper,
                                                 const StoreOptions& options);

  Store(io::GuardedFile& file, PageKeeper& keeper, Recovered recovered);

  [[nodiscard]] std::uint64_t page_size() const override { return geometry_.page_size(); }
  [[nodiscard]] PageCount capacity() const override { return geometry_.capacity(); }
  [[nodiscard]] StoreCounts counts() const override { return current()->counts(); }
  [[nodiscard]] StoreFacts facts() const override;
  [[nodiscard]] StoreTraffic traffic() const override;
  [[nodiscard]] const OpenReport& open_report() const override { return report_; }
  [[nodiscard]] PageUse use_of(PageNumber page) const override { return current()->use_of(page); }
  [[nodiscard]] bool is_reserved(PageNumber page) const override {
    return page < format::kFirstDataPage;
  }
  [[nodiscard]] Result<std::uint64_t> locate(PageNumber page) const override {
    return geometry_.offset_of(page);
  }
  [[nodiscard]] std::shared_ptr<const PageIndex> index() const override { return current(); }
  [[nodiscard]] Result<ProtectedInfo> info(ProtectedNumber page) const override;
  Result<ProtectedInfo> read(ProtectedNumber page, std::span<std::byte> out) const override;
  Status apply(std::span<GroupMember> group) override;
  Result<Allocation> promise(PageCount pages, PageCount protected_pages) override;
  void take_back(Allocation promised) override EXCLUDES(kept_mutex_);
  void settle() const override EXCLUDES(publish_mutex_) { const MutexLock lock(publish_mutex_); }
  Status begin_copy(io::StorageFile& target) override;
  Status finish_copy(const Progress& progress) override { return copier_.finish(progress); }
  [[nodiscard]] std::optional<PageNumber> next_free() override;

 private:
  Status settle_and_open(const Recovered& recovered);
  void fill_pools(const State& state);
  void take_returned();
  void take_back_promises() EXCLUDES(kept_mutex_);
  Status promise_pages(PageCount count, const State& state, std::vector<PageNumber>& given);
  Status promise_protected(PageCount count, const State& state,
                           std::vector<ProtectedNumber>& given);
  void publish(const Plan& plan) EXCLUDES(publish_mutex_);
  void pool_freed(const Plan& plan);
  void pool(const State& state, PageNumber page);
  Status apply_group(std::span<GroupMember> group, Growth growth, PageCount& wanted);
  [[nodiscard]] Error full() const;
  [[nodiscard]] Error directory_full() const;

  [[nodiscard]] std::shared_ptr<const State> current() const EXCLUDES(state_mutex_);
  [[nodiscard]] std::optional<format::DirectoryEntry> find(const State& state,
                                                           ProtectedNumber page) const
      EXCLUDES(kept_mutex_);

  io::GuardedFile& file_;
  PageKeeper& keeper_;
  const format::Geometry geometry_;
  const bool was_marked_;
  OpenReport report_;

  // Used by one thread at a time: the one in apply().
  Committer committer_;
  Pools pools_;
  Generation last_generation_;            ///< Of the last group that succeeded.
  std::set<std::size_t> aborted_blocks_;  ///< Directory blocks that groups since then have written.

  std::atomic<std::uint64_t> groups_{0};
  std::atomic<std::uint64_t> changes_{0};

  PageCopier copier_;

  // None is held during I/O, and none while another is taken, but for this one, which is first: it
  // is held from the new state to the last question to the keeper.
  mutable Mutex publish_mutex_;

  mutable Mutex state_mutex_;
  std::shared_ptr<const State> state_ GUARDED_BY(state_mutex_);

  mutable Mutex kept_mutex_;
  /// Freed protected pages that somebody still has pinned, and what they were.
  std::map<ProtectedNumber, format::DirectoryEntry> kept_ GUARDED_BY(kept_mutex_);
  std::vector<Allocation> taken_back_ GUARDED_BY(kept_mutex_);  ///< Not in the pools again yet.
};

}  // namespace mappedpages::mppg0
