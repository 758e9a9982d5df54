// An open regular page: reads and writes go straight to the file.
#pragma once

#include "fs/attributes.hpp"
#include "fs/open_file.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// The pin keeps the page's bytes and its number while it is open, also after an unlink.
class OpenPage final : public OpenFile {
 public:
  /// `sync_writes`: the descriptor is O_SYNC or O_DSYNC. The references outlive the file.
  OpenPage(Engine& engine, AttributeTable& attributes, const Reporter& reporter,
           SharedPin<PageNumber> pin, bool sync_writes);

  [[nodiscard]] Inode inode() const override { return pin_->page(); }
  Answer<std::vector<std::byte>> read(std::uint64_t offset, std::size_t size) override;
  Done write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Done truncate(std::uint64_t size) override;
  Done allocate(int mode, std::uint64_t offset, std::uint64_t length) override;
  Done flush(const AskFlusher& /*from*/) override { return {}; }
  Done sync() override;
  void release() override {}

 private:
  Done put(std::uint64_t offset, std::span<const std::byte> bytes);

  Engine& engine_;
  AttributeTable& attributes_;
  const Reporter& reporter_;
  const SharedPin<PageNumber> pin_;
  const bool sync_writes_;
};

}  // namespace mappedpages::fs
