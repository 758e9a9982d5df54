// Bytes that begin where a page of memory does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace mappedpages {

/// A write that is cut short because its caller is killed while memory is brought back for it ends
/// at the end of a page of memory. From here that is no place inside a sector of the file.
class PageAligned {
 public:
  explicit PageAligned(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(::operator new(size, kAlignment))) {}

  /// What it holds from then on, as long as it lives. `bytes` has its size.
  std::span<const std::byte> hold(std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, bytes_.get());
    return {bytes_.get(), size_};
  }

 private:
  static constexpr std::align_val_t kAlignment{4096};
  struct Delete {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, kAlignment); }
  };

  std::size_t size_;
  std::unique_ptr<std::byte, Delete> bytes_;
};

}  // namespace mappedpages
