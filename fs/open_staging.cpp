#include "fs/open_staging.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace mappedpages::fs {
namespace {

/// Where a descriptor that appends to a page writes: the page is full at any time.
constexpr std::uint64_t kBehindAnyPage = UINT64_MAX;

}  // namespace

OpenStaging::OpenStaging(std::shared_ptr<StagingFile> file, AttributeTable& attributes, int flags)
    : file_(std::move(file)), attributes_(attributes), flags_(flags) {}

/// Does one or the other, depending on what the file is now: a staging file stays one while
/// `on_staging` runs, with the mutex held.
template <class OnStaging, class OnPage>
auto OpenStaging::act(const OnStaging& on_staging, const OnPage& on_page) {
  std::shared_ptr<OpenFile> page;
  {
    const MutexLock lock(file_->mutex);
    if (!file_->became) return on_staging(file_->content);
    if (!page_) page_ = file_->became->open(flags_);
    page = page_;
  }
  using Result = decltype(on_page(*page));
  return page ? on_page(*page) : Result(fail(Reason::PageIsGone));
}

Answer<std::vector<std::byte>> OpenStaging::read(std::uint64_t offset, std::size_t size) {
  return act(
      [&](SparseBytes& content) -> Answer<std::vector<std::byte>> {
        return content.read(offset, size);
      },
      [&](OpenFile& page) { return page.read(offset, size); });
}

Done OpenStaging::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  return act([&](SparseBytes& content) { return touched(content.write(offset, bytes)); },
             [&](OpenFile& page) {
               // The kernel appends where it takes the end to be, which was another before.
               const bool appends = (flags_ & O_APPEND) != 0;
               return page.write(appends ? kBehindAnyPage : offset, bytes);
             });
}

Done OpenStaging::truncate(std::uint64_t size) {
  return act([&](SparseBytes& content) { return touched(content.resize(size)); },
             [&](OpenFile& page) { return page.truncate(size); });
}

Done OpenStaging::allocate(int mode, std::uint64_t offset, std::uint64_t length) {
  const auto on_staging = [&](SparseBytes& content) -> Done {
    const auto effect = judge_allocate(mode, offset, length, SparseBytes::kMaxSize);
    if (!effect && effect.error().value == EFBIG) return fail(Reason::PastLargestFile);
    if (!effect) return tl::unexpected(effect.error());
    if (*effect == AllocateEffect::Zero) content.zero(offset, length);
    if (*effect == AllocateEffect::Keep) {
      if (auto room = content.reserve(offset, length); !room) return room;
    }
    const bool keeps_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
    if (keeps_size) return touched({});
    return touched(content.resize(std::max(content.size(), offset + length)));
  };
  return act(on_staging, [&](OpenFile& page) { return page.allocate(mode, offset, length); });
}

Done OpenStaging::flush(const AskFlusher& from) {
  return act([](SparseBytes&) { return Done{}; }, [&](OpenFile& page) { return page.flush(from); });
}

Done OpenStaging::sync() {
  return act([](SparseBytes&) { return Done{}; }, [](OpenFile& page) { return page.sync(); });
}

void OpenStaging::release() {
  (void)act([](SparseBytes&) { return Done{}; },
            [](OpenFile& page) {
              page.release();
              return Done{};
            });
}

bool OpenStaging::discard_stage() {
  bool discarded = false;
  (void)act([](SparseBytes&) { return Done{}; },
            [&discarded](OpenFile& page) {
              discarded = page.discard_stage();
              return Done{};
            });
  return discarded;
}

Done OpenStaging::touched(Done done) {
  if (done) attributes_.touch(file_->inode());
  return done;
}

}  // namespace mappedpages::fs
