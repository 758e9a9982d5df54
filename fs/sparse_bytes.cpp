#include "fs/sparse_bytes.hpp"

#include <algorithm>
#include <iterator>

namespace mappedpages::fs {

bool MemoryBudget::take(std::uint64_t bytes) {
  std::uint64_t left = left_.load();
  while (left >= bytes) {
    if (left_.compare_exchange_weak(left, left - bytes)) return true;
  }
  return false;
}

std::vector<std::byte> SparseBytes::read(std::uint64_t offset, std::size_t length) const {
  if (offset >= size_) return {};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset));
  std::vector<std::byte> bytes(length);
  const std::uint64_t end = offset + length;
  for (auto at = chunks_.lower_bound(offset / kChunk); at != chunks_.end(); ++at) {
    const std::uint64_t begins = at->first * kChunk;
    if (begins >= end) break;
    const std::uint64_t from = std::max(begins, offset);
    const std::uint64_t to = std::min(begins + kChunk, end);
    std::copy_n(at->second->begin() + static_cast<std::ptrdiff_t>(from - begins), to - from,
                bytes.begin() + static_cast<std::ptrdiff_t>(from - offset));
  }
  return bytes;
}

Done SparseBytes::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  if (auto room = reserve(offset, bytes.size()); !room) return room;
  size_ = std::max(size_, offset + bytes.size());
  while (!bytes.empty()) {
    const std::size_t in_chunk = offset % kChunk;
    const std::size_t length = std::min(bytes.size(), kChunk - in_chunk);
    std::ranges::copy(bytes.first(length), chunks_[offset / kChunk]->begin() + in_chunk);
    bytes = bytes.subspan(length);
    offset += length;
  }
  return {};
}

Done SparseBytes::resize(std::uint64_t size) {
  if (size > kMaxSize) return fail(Reason::PastLargestFile);
  if (size < size_) {
    const std::uint64_t whole = (size + kChunk - 1) / kChunk;
    drop_from(whole);
    if (size < whole * kChunk) zero(size, whole * kChunk - size);
  }
  size_ = size;
  return {};
}

Done SparseBytes::reserve(std::uint64_t offset, std::uint64_t length) {
  if (offset > kMaxSize || length > kMaxSize - offset) return fail(Reason::PastLargestFile);
  if (length == 0) return {};
  const std::uint64_t first = offset / kChunk;
  const std::uint64_t last = (offset + length - 1) / kChunk;
  const auto there = static_cast<std::uint64_t>(
      std::distance(chunks_.lower_bound(first), chunks_.upper_bound(last)));
  if (!budget_.take((last - first + 1 - there) * kChunk)) return fail(Reason::StagingMemoryFull);
  for (std::uint64_t chunk = first; chunk <= last; ++chunk) {
    auto& bytes = chunks_[chunk];
    if (!bytes) bytes = std::make_unique<Chunk>();
  }
  return {};
}

void SparseBytes::zero(std::uint64_t offset, std::uint64_t length) {
  if (offset > kMaxSize) return;
  const std::uint64_t end = offset + std::min(length, kMaxSize - offset);
  drop((offset + kChunk - 1) / kChunk, end / kChunk);
  for (auto at = chunks_.lower_bound(offset / kChunk); at != chunks_.end(); ++at) {
    const std::uint64_t begins = at->first * kChunk;
    if (begins >= end) break;
    const std::uint64_t from = std::max(begins, offset);
    const std::uint64_t to = std::min(begins + kChunk, end);
    std::fill_n(at->second->begin() + static_cast<std::ptrdiff_t>(from - begins), to - from,
                std::byte{0});
  }
}

void SparseBytes::drop_from(std::uint64_t first_chunk) {
  drop(first_chunk, kMaxSize / kChunk + 1);
}

void SparseBytes::drop(std::uint64_t first_chunk, std::uint64_t end_chunk) {
  if (first_chunk >= end_chunk) return;
  const auto first = chunks_.lower_bound(first_chunk);
  const auto end = chunks_.lower_bound(end_chunk);
  budget_.give_back(static_cast<std::uint64_t>(std::distance(first, end)) * kChunk);
  chunks_.erase(first, end);
}

}  // namespace mappedpages::fs
