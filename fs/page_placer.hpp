// Pages of a number that somebody else chose: allocated, or given another content.
#pragma once

#include <cstddef>
#include <span>

#include "fs/closing_stages.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// What a rename does with a page that is there.
enum class IfThere : std::uint8_t { Replace, Refuse };

/// Puts whole contents under numbers. Any thread.
class PagePlacer {
 public:
  /// The references outlive it.
  PagePlacer(Engine& engine, ClosingStages& closing) : engine_(engine), closing_(closing) {}

  /// Makes `bytes`, one whole page, the content of that page, durably. One that is free is
  /// allocated, in the same atomic commit. AlreadyAllocated where it is there and shall not be;
  /// WriterActive where a stage of a protected page is open; errors of an allocation as for
  /// `Engine::alloc_at`.
  Status place(PageNumber page, std::span<const std::byte> bytes, IfThere if_there);
  Status place(ProtectedNumber page, std::span<const std::byte> bytes, IfThere if_there);

 private:
  template <class Number>
  Status place_anyhow(Number page, std::span<const std::byte> bytes, IfThere if_there);
  [[nodiscard]] bool is_there(PageNumber page) const;
  [[nodiscard]] bool is_there(ProtectedNumber page) const;
  Status allocate(PageNumber page, std::span<const std::byte> bytes);
  Status allocate(ProtectedNumber page, std::span<const std::byte> bytes);
  Status replace(PageNumber page, std::span<const std::byte> bytes);
  Status replace(ProtectedNumber page, std::span<const std::byte> bytes);

  Engine& engine_;
  ClosingStages& closing_;
};

}  // namespace mappedpages::fs
