// All that users can tell of a file, and a file that remembers what was committed when.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/file_view.hpp"
#include "support/memory_file.hpp"

namespace mappedpages::test {

/// Which pages there are, and what all of them hold.
struct Seen {
  FileView view;
  std::map<std::uint64_t, std::uint32_t> contents;  ///< CRC32s of the regular pages.

  /// Whether both show the same, but for the bytes of the regular pages in `unknown`.
  [[nodiscard]] bool equals(const Seen& other, const std::set<std::uint64_t>& unknown) const;
};

std::string difference(const Seen& seen, const Seen& expected);

/// Reads everything. What cannot be read is an error in words.
tl::expected<Seen, std::string> look(Engine& engine, bool crate_wrote);

/// A file in memory that copies itself at each `write_and_sync`, which is where a group commits.
class CommitLog final : public io::StorageFile {
 public:
  using Images = std::vector<std::vector<std::byte>>;

  CommitLog(std::shared_ptr<MemoryBytes> bytes, std::shared_ptr<Images> commits)
      : bytes_(bytes), file_(std::move(bytes)), commits_(std::move(commits)) {}

  [[nodiscard]] Result<std::uint64_t> size() const override { return file_.size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_.read_at(offset, out);
  }
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return file_.write_at(offset, bytes);
  }
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override {
    Status done = file_.write_at(offset, bytes);
    const std::lock_guard lock(bytes_->mutex);
    commits_->push_back(bytes_->bytes);
    return done;
  }
  Status reserve(std::uint64_t size) override { return file_.reserve(size); }
  Status sync() override { return {}; }

  /// Memory of its own: who maps it looks at nothing.
  [[nodiscard]] Result<Mapping> map(std::uint64_t offset, std::size_t size,
                                    bool writable) const override;
  [[nodiscard]] const std::string& name() const override { return file_.name(); }

 private:
  std::shared_ptr<MemoryBytes> bytes_;
  MemoryFile file_;
  std::shared_ptr<Images> commits_;
};

}  // namespace mappedpages::test
