// An open staging file.
#pragma once

#include <memory>

#include "fs/attributes.hpp"
#include "fs/open_file.hpp"
#include "fs/staging.hpp"

namespace mappedpages::fs {

/// As any file in memory, whose size is what was written. When the file was renamed onto a page it
/// is an open file of that page.
class OpenStaging final : public OpenFile {
 public:
  /// `flags` as for open(2). `attributes` outlives the file.
  OpenStaging(std::shared_ptr<StagingFile> file, AttributeTable& attributes, int flags);

  [[nodiscard]] Inode inode() const override { return file_->is_now().without_version(); }
  Answer<std::vector<std::byte>> read(std::uint64_t offset, std::size_t size) override;
  Done write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Done truncate(std::uint64_t size) override;
  Done allocate(int mode, std::uint64_t offset, std::uint64_t length) override;
  Done flush(const AskFlusher& from) override;
  Done sync() override;
  void release() override;
  bool discard_stage() override;

 private:
  template <class OnStaging, class OnPage>
  auto act(const OnStaging& on_staging, const OnPage& on_page);
  Done touched(Done done);

  const std::shared_ptr<StagingFile> file_;
  AttributeTable& attributes_;
  const int flags_;
  std::shared_ptr<OpenFile> page_;  // Guarded by the file's mutex; made when it is first needed.
};

}  // namespace mappedpages::fs
