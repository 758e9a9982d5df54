#include "fs/open_protected.hpp"

#include <algorithm>
#include <utility>

namespace mappedpages::fs {

OpenProtected::OpenProtected(Engine& engine, AttributeTable& attributes, const Reporter& reporter,
                             SharedPin<ProtectedNumber> pin, ProtectedOpening opening)
    : engine_(engine),
      attributes_(attributes),
      reporter_(reporter),
      pin_(std::move(pin)),
      opening_(std::move(opening)) {}

// --- Staging

Done OpenProtected::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  const MutexLock lock(mutex_);
  if (!fits(offset, bytes.size(), engine_.page_size())) return poison(Reason::PastEndOfPage);
  if (auto begun = begin_stage(); !begun) return begun;
  std::ranges::copy(bytes, stage_->bytes().subspan(offset).begin());
  return wrote();
}

Done OpenProtected::truncate(std::uint64_t size) {
  const MutexLock lock(mutex_);
  if (size > engine_.page_size()) return poison(Reason::PastEndOfPage);
  return zero(size, engine_.page_size() - size);
}

bool OpenProtected::awaits_truncation(pid_t thread) const {
  const MutexLock lock(mutex_);
  return opening_.may_write && opening_.opener == thread && !used_;
}

Done OpenProtected::truncate_at_open() {
  const MutexLock lock(mutex_);
  if (auto begun = begin_stage(); !begun) return begun;
  std::ranges::fill(stage_->bytes(), std::byte{0});
  times_set_ = attributes_.times_set(inode());
  return {};
}

Done OpenProtected::allocate(int mode, std::uint64_t offset, std::uint64_t length) {
  const MutexLock lock(mutex_);
  const auto effect = judge_allocate(mode, offset, length, engine_.page_size());
  if (!effect && effect.error().value == EFBIG) return poison(effect.error().reason);
  if (!effect) return tl::unexpected(effect.error());
  return zero(offset, *effect == AllocateEffect::Zero ? length : 0);
}

/// The stage starts as a copy of what is committed, so that a partial write keeps the rest.
Done OpenProtected::begin_stage() {
  died_ = false;
  used_ = true;
  set_closing(false);
  if (poisoned_) return fail(*poisoned_);
  if (stage_) return {};
  auto writer = open_writer();
  if (!writer) return fail(writer.error(), reporter_);
  stage_ = *std::move(writer);
  written_ = false;
  return {};
}

Result<ProtectedWriter> OpenProtected::open_writer() {
  auto writer = engine_.writer(pin_->page());
  if (writer || writer.error().code() != ErrorCode::WriterActive) return writer;
  // Its descriptor may be closed already.
  opening_.closing.wait(pin_->page());
  return engine_.writer(pin_->page());
}

void OpenProtected::end_stage() {
  stage_.reset();
  refused_.reset();
  set_closing(false);
}

void OpenProtected::set_closing(bool closing) {
  if (closing == closing_) return;
  closing_ = closing;
  if (closing) {
    opening_.closing.add(pin_->page());
  } else {
    opening_.closing.remove(pin_->page());
  }
}

/// The caller saw a write fail; committing the rest of them would be a page that nobody wrote.
Done OpenProtected::poison(Reason reason) {
  used_ = true;
  poisoned_ = Reason::WriteFailedBefore;
  end_stage();
  return fail(reason);
}

Done OpenProtected::zero(std::uint64_t offset, std::uint64_t length) {
  if (auto begun = begin_stage(); !begun) return begun;
  std::ranges::fill(stage_->bytes().subspan(offset, length), std::byte{0});
  return wrote();
}

Done OpenProtected::wrote() {
  written_ = true;
  refused_.reset();
  times_set_ = attributes_.times_set(inode());
  return opening_.sync_writes ? commit() : Done{};
}

// --- Committing

Done OpenProtected::flush(const AskFlusher& from) {
  const MutexLock lock(mutex_);
  used_ = true;
  if (!stage_ && !poisoned_) return {};
  Done done = flush_stage(from);
  // What is left now ends with the release, which is on its way if this was the last descriptor.
  set_closing(stage_.has_value());
  return done;
}

Done OpenProtected::flush_stage(const AskFlusher& from) {
  died_ = from() == FlushFrom::DyingProcess;
  if (died_) return {};
  if (poisoned_) return fail(*poisoned_);
  if (opening_.commit_on == CommitOn::Fsync || !written_) return {};
  // Who was told by fsync that it failed closes the file all the same; that must not commit it.
  if (refused_) return tl::unexpected(*refused_);
  return commit();
}

Done OpenProtected::sync() {
  const MutexLock lock(mutex_);
  died_ = false;
  used_ = true;
  if (poisoned_) return fail(*poisoned_);
  return stage_ ? commit() : Done{};
}

void OpenProtected::release() {
  const MutexLock lock(mutex_);
  const bool only_truncated = stage_ && !written_;
  if (only_truncated && !died_ && !refused_ && opening_.commit_on == CommitOn::Close) {
    if (auto done = commit(); !done && reporter_) {
      // Nobody is left to hear it but the log.
      reporter_(Error(
          ErrorCode::Io,
          "the truncation of protected page " + std::to_string(pin_->page().value) + " was lost",
          done.error().value));
    }
  }
  end_stage();
}

/// From then on as after a write that failed: nothing is lost without a word.
bool OpenProtected::discard_stage() {
  const MutexLock lock(mutex_);
  if (!stage_) return false;
  poisoned_ = Reason::StageDiscarded;
  end_stage();
  if (opening_.outdated) opening_.outdated();
  return true;
}

Done OpenProtected::commit() {
  auto done = stage_->commit();
  // Freed while it was open: like any file without a name, it takes what is written until it goes.
  if (!done && done.error().code() == ErrorCode::NotAllocated) return {};
  if (!done) {
    refused_ = answer_for(done.error(), reporter_);
    return tl::unexpected(*refused_);
  }
  end_stage();
  if (opening_.outdated) opening_.outdated();
  // tar and cp -a set the times of what they wrote before they close it: then it is theirs to say.
  if (attributes_.times_set(inode()) == times_set_) attributes_.touch(inode());
  return {};
}

// --- Reading

Answer<std::vector<std::byte>> OpenProtected::read(std::uint64_t offset, std::size_t size) {
  const MutexLock lock(mutex_);
  used_ = true;
  const std::size_t length = readable(offset, size, engine_.page_size());
  if (length == 0) return std::vector<std::byte>{};
  if (!stage_) {
    opening_.closing.wait(pin_->page());
    if (auto loaded = load_committed(); !loaded) return tl::unexpected(loaded.error());
  }
  if (stage_ && opening_.outdated) opening_.outdated();
  const std::span<const std::byte> bytes =
      stage_ ? std::as_const(*stage_).bytes() : std::span<const std::byte>(committed_->bytes);
  const auto part = bytes.subspan(offset, length);
  return std::vector<std::byte>(part.begin(), part.end());
}

/// A page is verified whole; a large one that is read in pieces is verified once a commit.
Done OpenProtected::load_committed() {
  const auto info = engine_.info(pin_->page());
  if (info && committed_ && committed_->info == *info) return {};
  if (!committed_) committed_.emplace().bytes.resize(engine_.page_size());
  auto read = engine_.read(pin_->page(), committed_->bytes);
  if (!read) {
    committed_.reset();
    return fail(read.error(), reporter_);
  }
  committed_->info = *read;
  return {};
}

}  // namespace mappedpages::fs
