#include "fs/open_page.hpp"

#include <utility>

namespace mappedpages::fs {

OpenPage::OpenPage(Engine& engine, AttributeTable& attributes, const Reporter& reporter,
                   SharedPin<PageNumber> pin, bool sync_writes)
    : engine_(engine),
      attributes_(attributes),
      reporter_(reporter),
      pin_(std::move(pin)),
      sync_writes_(sync_writes) {}

Answer<std::vector<std::byte>> OpenPage::read(std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> bytes(readable(offset, size, engine_.page_size()));
  if (bytes.empty()) return bytes;
  if (auto done = engine_.read(pin_->page(), offset, bytes); !done) {
    return fail(done.error(), reporter_);
  }
  return bytes;
}

Done OpenPage::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (!fits(offset, bytes.size(), engine_.page_size())) return fail(Reason::PastEndOfPage);
  return put(offset, bytes);
}

Done OpenPage::truncate(std::uint64_t size) {
  if (size > engine_.page_size()) return fail(Reason::PastEndOfPage);
  return put(size, std::vector<std::byte>(engine_.page_size() - size));
}

Done OpenPage::allocate(int mode, std::uint64_t offset, std::uint64_t length) {
  const auto effect = judge_allocate(mode, offset, length, engine_.page_size());
  if (!effect) return tl::unexpected(effect.error());
  if (*effect == AllocateEffect::Keep) return {};
  return put(offset, std::vector<std::byte>(length));
}

Done OpenPage::sync() {
  if (engine_.read_only()) return {};
  if (auto done = engine_.flush(pin_->page()); !done) return fail(done.error(), reporter_);
  return {};
}

Done OpenPage::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (auto done = engine_.write(pin_->page(), offset, bytes); !done) {
    return fail(done.error(), reporter_);
  }
  attributes_.touch(inode());
  return sync_writes_ ? sync() : Done{};
}

}  // namespace mappedpages::fs
