// Random calls on files of one size, compared with a model of what each must give.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "e2e/storm/calls.hpp"
#include "e2e/storm/client.hpp"
#include "support/random.hpp"

namespace mappedpages::test::storm {

constexpr std::size_t kLargestPage = 65536;
constexpr std::uint32_t kFsxClients = 3;
constexpr std::size_t kPagesEach = 2;

/// What pages hold, in memory that outlives the clients.
struct FsxModels {
  using Page = std::array<std::byte, kLargestPage>;
  std::array<std::array<Page, kPagesEach>, kFsxClients> regular{};
  std::array<std::array<Page, kPagesEach>, kFsxClients> protected_pages{};
  Page shared{};  ///< A regular page of which each client has a part.
  std::atomic<std::uint64_t> operations{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> late{0};  ///< Releases that took longer than others wait for them.
  Complaint complaint;
};

/// Where a client works.
struct FsxScene {
  Tree tree;
  std::size_t page_size = 0;
  bool commit_on_close = true;
  std::array<std::array<std::uint64_t, kPagesEach>, kFsxClients> regular{};
  std::array<std::array<std::uint64_t, kPagesEach>, kFsxClients> protected_pages{};
  std::uint64_t shared = 0;
};

/// The last calls of a client, for the report.
class Trace {
 public:
  void note(const char* call, std::uint64_t page, std::uint64_t offset = 0,
            std::uint64_t size = 0) {
    calls_.at(count_++ % calls_.size()) = {call, page, offset, size};
  }
  [[nodiscard]] std::string text() const;

 private:
  struct Call {
    const char* name = "";
    std::uint64_t page = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  std::array<Call, 60> calls_{};
  std::size_t count_ = 0;
};

/// A part of a page.
struct Extent {
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// Within `whole`, and not empty.
Extent random_extent(Random& random, const Extent& whole);

/// Bytes that are the same for the same seed and cheap to make.
std::vector<std::byte> cheap_bytes(Random& random, std::size_t size);

/// So many calls on the regular pages of a client, and on its part of the shared one.
void exercise_pages(const FsxScene& scene, std::uint32_t me, std::uint64_t seed,
                    std::uint64_t operations, FsxModels& models);

/// The same for protected pages, with several open files each.
void exercise_protected(const FsxScene& scene, std::uint32_t me, std::uint64_t seed,
                        std::uint64_t operations, FsxModels& models);

}  // namespace mappedpages::test::storm
