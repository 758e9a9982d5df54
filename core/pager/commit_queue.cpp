#include "pager/commit_queue.hpp"

#include <thread>
#include <utility>

#include "io/posix_error.hpp"

namespace mappedpages {

Result<Allocation> CommitQueue::submit(const Change& change) {
  GroupMember member{.change = &change};
  submit({&member, 1});
  return std::move(member.result);
}

void CommitQueue::submit(std::span<GroupMember> members) {
  if (members.empty()) return;
  std::vector<Waiter> mine;
  mine.reserve(members.size());
  for (GroupMember& member : members) mine.push_back({member});
  std::vector<Waiter*> group;
  {
    const MutexLock lock(mutex_);
    for (Waiter& waiter : mine) waiting_.push_back(&waiter);
    // Whoever leads takes all that wait, so mine are done together.
    while (!mine.front().done && running_) changed_.wait(mutex_);
    if (mine.front().done) return;
    running_ = true;
    let_others_join();
    group = std::exchange(waiting_, {});
  }
  const auto started = std::chrono::steady_clock::now();
  run(group);
  {
    const MutexLock lock(mutex_);
    for (Waiter* waiter : group) waiter->done = true;
    running_ = false;
    committers_ = group.size() + waiting_.size();
    last_duration_ = std::chrono::steady_clock::now() - started;
  }
  changed_.notify_all();
}

void CommitQueue::take_turn() {
  const MutexLock lock(mutex_);
  while (running_) changed_.wait(mutex_);
  running_ = true;
}

void CommitQueue::give_turn() {
  {
    const MutexLock lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
}

/// Who was in the last group has only just been woken, and is likely to come back with its next
/// change. Starting without them makes two groups of half the size, that is twice the flushes. A
/// lone thread never waits here.
void CommitQueue::let_others_join() {
  constexpr int kShareOfACommit = 8;
  const auto deadline = std::chrono::steady_clock::now() + last_duration_ / kShareOfACommit;
  while (waiting_.size() < committers_ && std::chrono::steady_clock::now() < deadline) {
    mutex_.unlock();
    std::this_thread::yield();
    mutex_.lock();
  }
}

void CommitQueue::run(const std::vector<Waiter*>& group) {
  const Status done = apply(group);
  if (done || !io::is_out_of_space(done.error()) || group.size() == 1) return;
  // Only those who need the space shall fail: each on its own.
  for (Waiter* waiter : group) (void)apply({waiter});
}

Status CommitQueue::apply(const std::vector<Waiter*>& group) {
  std::vector<GroupMember> members;
  members.reserve(group.size());
  for (const Waiter* waiter : group) members.push_back({.change = waiter->member.change});
  Status done = store_.apply(members);
  for (std::size_t i = 0; i < group.size(); ++i) {
    Result<Allocation>& result = members[i].result;
    if (!done && result) result = tl::unexpected(done.error());
    group[i]->member.result = std::move(result);
  }
  return done;
}

}  // namespace mappedpages
