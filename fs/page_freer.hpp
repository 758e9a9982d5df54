// Frees pages, and makes sure that nobody takes their successors for them.
#pragma once

#include <span>
#include <unordered_set>

#include "base/thread_annotations.hpp"
#include "fs/attributes.hpp"
#include "fs/generations.hpp"
#include "fs/inode.hpp"
#include "fs/open_file.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// Any thread.
class PageFreer {
 public:
  /// Nobody frees these pages while it lives, and `generation_of` waits. One at a time for a page.
  class Claim;

  /// The references outlive it.
  PageFreer(Engine& engine, AttributeTable& attributes, Generations& generations,
            const Reporter& reporter)
      : engine_(engine), attributes_(attributes), generations_(generations), reporter_(reporter) {}

  /// Frees pages of one kind in one atomic commit, durably; all of them or, after an error, none.
  /// What is open keeps its content, and its number is not handed out before the last close. Each
  /// page is named once, its version does not matter.
  Done free(std::span<const Inode> pages) EXCLUDES(mutex_);

  /// The generation of a page. Waits while the page is being freed: neither who finds the old page
  /// nor who finds its successor may be told the one between.
  [[nodiscard]] std::uint64_t generation_of(Inode page) const EXCLUDES(mutex_);

 private:
  [[nodiscard]] bool any_claimed(std::span<const Inode> pages) const REQUIRES(mutex_);
  [[nodiscard]] Done require_allocated(Inode page) const;
  [[nodiscard]] Status commit(std::span<const Inode> pages);
  void count(std::span<const Inode> pages, std::int64_t by);

  Engine& engine_;
  AttributeTable& attributes_;
  Generations& generations_;
  const Reporter& reporter_;

  // Not held while a commit runs.
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::unordered_set<std::uint64_t> claimed_ GUARDED_BY(mutex_);  // Inodes without version.
};

class PageFreer::Claim {
 public:
  /// Waits until nobody else has any of them; takes all at once, so that no two wait for each
  /// other. The pages outlive it.
  Claim(PageFreer& freer, std::span<const Inode> pages);
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  PageFreer& freer_;
  const std::span<const Inode> pages_;
};

}  // namespace mappedpages::fs
