#include "seen.hpp"

#include <sys/mman.h>

namespace mappedpages::test {

bool Seen::equals(const Seen& other, const std::set<std::uint64_t>& unknown) const {
  if (view != other.view) return false;
  for (const auto& [page, crc] : contents) {
    if (!unknown.contains(page) && other.contents.at(page) != crc) return false;
  }
  return true;
}

std::string difference(const Seen& seen, const Seen& expected) {
  std::string text = difference(seen.view, expected.view);
  for (const auto& [page, crc] : seen.contents) {
    const auto other = expected.contents.find(page);
    if (other == expected.contents.end() || other->second == crc) continue;
    text += "other bytes in page " + std::to_string(page) + "; ";
  }
  return text;
}

tl::expected<Seen, std::string> look(Engine& engine, bool crate_wrote) {
  Seen seen;
  auto view = read_view(engine, {.crate_wrote = crate_wrote});
  if (!view) return tl::unexpected(view.error());
  seen.view = *std::move(view);
  std::vector<std::byte> bytes(engine.page_size());
  for (const std::uint64_t page : seen.view.regular) {
    if (const auto done = engine.read(PageNumber{page}, 0, bytes); !done) {
      return tl::unexpected("page " + std::to_string(page) + ": " + done.error().message());
    }
    seen.contents[page] = crc_of(bytes);
  }
  return seen;
}

Result<Mapping> CommitLog::map(std::uint64_t /*offset*/, std::size_t size,
                               bool /*writable*/) const {
  void* const begin =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (begin == MAP_FAILED) return tl::unexpected(Error(ErrorCode::Io, "no memory"));
  return Mapping({static_cast<std::byte*>(begin), size});
}

}  // namespace mappedpages::test
