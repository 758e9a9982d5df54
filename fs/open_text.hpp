// An open file of .ctl/.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "fs/open_file.hpp"

namespace mappedpages::fs {

/// A text as it was when the file was opened, so that one reader sees one text. It cannot be
/// changed.
class OpenText final : public OpenFile {
 public:
  OpenText(Inode inode, std::string text) : inode_(inode), text_(std::move(text)) {}

  [[nodiscard]] Inode inode() const override { return inode_; }
  Answer<std::vector<std::byte>> read(std::uint64_t offset, std::size_t size) override {
    const auto bytes = std::as_bytes(std::span(text_));
    const auto begin =
        bytes.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(offset, bytes.size()));
    return std::vector<std::byte>(
        begin, begin + static_cast<std::ptrdiff_t>(readable(offset, size, bytes.size())));
  }
  Done write(std::uint64_t /*offset*/, std::span<const std::byte> /*bytes*/) override {
    return fail(Reason::ControlIsFixed);
  }
  Done truncate(std::uint64_t /*size*/) override {
    // Nothing is ever in it that could be cut off.
    if (inode_.is(ControlFile::Command)) return {};
    return fail(Reason::ControlIsFixed);
  }
  Done allocate(int /*mode*/, std::uint64_t /*offset*/, std::uint64_t /*length*/) override {
    return fail(Reason::ControlIsFixed);
  }
  Done flush(const AskFlusher& /*from*/) override { return {}; }
  Done sync() override { return {}; }
  void release() override {}

 private:
  const Inode inode_;
  const std::string text_;
};

}  // namespace mappedpages::fs
