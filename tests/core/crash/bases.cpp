#include "bases.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "support/faulty_file.hpp"
#include "support/recording_file.hpp"

namespace mappedpages::test {
namespace {

constexpr std::uint64_t kWritten = 5;

class NoListener final : public CrateListener {
  void may_become(const FileView&) override {}
  void has_become(const FileView&) override {}
};

/// A base that cannot be made is a broken test: nothing that follows would mean anything.
[[noreturn]] void give_up(const std::string& why) {
  std::fputs(("making a base: " + why + '\n').c_str(), stderr);
  std::abort();
}

template <class T>
T required(Result<T> result) {
  if (!result) give_up(result.error().message());
  return *std::move(result);
}

void required(const Status& status) {
  if (!status) give_up(status.error().message());
}

std::string name_of(const char* who, std::size_t page_size, std::uint64_t protected_pages) {
  return std::string(who) + '-' + std::to_string(page_size) + '-' + std::to_string(protected_pages);
}

std::vector<std::byte> bytes_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Base our_base(std::size_t page_size, std::uint64_t protected_pages, std::uint64_t regular_pages) {
  Random random(page_size + protected_pages);
  const auto disk = std::make_shared<Disk>(crate_create(page_size));
  {
    const auto engine = required(Engine::open(std::make_unique<RecordingFile>(disk), {}));
    const auto numbers = required(engine->alloc_protected_bulk(PageCount{protected_pages}));
    required(engine->alloc_bulk(PageCount{regular_pages}));
    for (std::size_t i = 0; i < numbers.size() && i < kWritten; ++i) {
      // The last ones too: they lie in the last directory block.
      for (const ProtectedNumber number : {numbers[i], numbers[numbers.size() - 1 - i]}) {
        auto writer = required(engine->writer(number));
        std::ranges::copy(random.bytes(page_size), writer.bytes().begin());
        required(writer.commit());
      }
    }
    required(engine->close());
  }
  return {name_of("ours", page_size, protected_pages), page_size, bytes_of(disk->cache()), false};
}

Base crate_base(std::size_t page_size, std::uint64_t protected_pages, std::uint64_t regular_pages,
                std::uint64_t generation) {
  Random random(page_size + protected_pages);
  Disk disk(crate_create(page_size, generation));
  const CrashImage image(disk.cache(), disk.cache().size());
  NoListener nobody;
  auto state = crate_open(image, page_size);
  if (!state) give_up(state.error());
  CrateWriter crate(disk, *std::move(state), nobody);
  for (std::uint64_t i = 0; i < protected_pages; ++i) crate.alloc_protected();
  for (std::uint64_t i = 0; i < regular_pages; ++i) crate.alloc();
  for (std::uint64_t i = 0; i < std::min(protected_pages, kWritten); ++i) {
    crate.write_protected(i, random.bytes(page_size));
    crate.write_protected(protected_pages - 1 - i, random.bytes(page_size));
  }
  return {name_of("crate", page_size, protected_pages), page_size, bytes_of(disk.cache()), true};
}

Base forged_base(std::size_t page_size, std::uint64_t ahead) {
  const std::uint64_t slots = (page_size - 12) / 30;
  Disk disk(crate_create(page_size));
  const CrashImage image(disk.cache(), disk.cache().size());
  NoListener nobody;
  auto state = crate_open(image, page_size);
  if (!state) give_up(state.error());
  CrateWriter crate(disk, *std::move(state), nobody);
  for (std::uint64_t i = 0; i <= slots; ++i) crate.alloc_protected();
  const CrateReference& newest = crate.state().references.back();
  const std::uint64_t never_written = newest.active == 0 ? newest.page_b : newest.page_a;
  disk.plant(never_written * page_size,
             make_directory(page_size, crate.state().generation + ahead, {}));
  return {"forged-" + std::to_string(ahead), page_size, bytes_of(disk.cache()), true};
}

Base torn_by_the_crate() {
  constexpr std::size_t kPage = 2048;
  constexpr std::uint64_t kFar = 28 * ((kPage - 12) / 30);
  constexpr std::uint64_t kEventsToLastFlush = 6;  // Content, directory, page 0: each is flushed.
  Base base = our_base(kPage, kFar + 1, 0);
  const auto disk = std::make_shared<Disk>(base.image);
  const std::vector<std::byte> content(kPage, std::byte{7});
  {
    const auto engine = required(Engine::open(std::make_unique<RecordingFile>(disk), {}));
    Change change;
    change.writes = {{ProtectedNumber{0}, content}, {ProtectedNumber{kFar}, content}};
    required(engine->commit(change));
    required(engine->close());
  }
  const CrashImage image(disk->cache(), disk->cache().size());
  auto state = crate_open(image, kPage);
  if (!state) give_up(state.error());
  NoListener nobody;
  CrateWriter crate(*disk, *std::move(state), nobody);
  const std::vector<std::byte> other(kPage, std::byte{8});
  crate.write_protected(0, other);
  base.view = crate.state().view();
  disk->crash_at(kEventsToLastFlush, CrashKind::PowerCut);
  if (crate.write_protected(kFar, other)) give_up("the crate did not crash");
  // The selector of block 28 lies in sector 1 and the checksum in sector 3, which is lost.
  disk->cut({{1, 1}}, false);
  base.name = "torn-by-the-crate";
  base.image = bytes_of(disk->cache());
  base.crate_wrote = true;
  return base;
}

Base planted_base(std::size_t page_size, std::uint64_t ahead) {
  Base base = our_base(page_size, (page_size - 12) / 30, 0);
  const CrashImage image(base.image, base.image.size());
  const auto state = crate_open(image, page_size);
  if (!state) give_up(state.error());
  const auto forged = make_directory(page_size, state->generation + ahead, {});
  for (std::uint64_t page = 0; page < state->total; ++page) {
    if (state->allocated[page]) continue;
    std::ranges::copy(forged, base.image.begin() + static_cast<std::ptrdiff_t>(page * page_size));
  }
  base.name = "planted-" + std::to_string(ahead);
  return base;
}

HiddenGeneration hidden_generation(std::size_t page_size, std::uint64_t blocks,
                                   std::uint64_t aborted) {
  const std::uint64_t slots = (page_size - 12) / 30;
  const std::uint64_t slot = 700 / 30;  // Its entry is in the second sector, the CRC in the last.
  Base base = our_base(page_size, blocks * slots, 0);
  const auto disk = std::make_shared<Disk>(base.image);
  const auto plan = std::make_shared<FaultPlan>();
  auto engine = required(Engine::open(
      std::make_unique<FaultyFile>(std::make_unique<RecordingFile>(disk), plan), OpenOptions{}));
  required(engine->free_protected(ProtectedNumber{slot}));
  // Two more pages, which a new directory block would take: so the copies are the same with one.
  Change change;
  change.alloc_pages = PageCount{2};
  change.alloc_protected = PageCount{1};
  const CrashImage before(disk->cache(), disk->cache().size());
  const auto state = crate_open(before, page_size);
  if (!state) give_up(state.error());
  const CrateReference& block = state->references.front();
  const std::uint64_t torn = block.active == 0 ? block.page_b : block.page_a;
  for (std::uint64_t n = 0; n < aborted; ++n) {
    Fault full;
    full.call = FileCall::Write;
    full.nth = plan->calls(FileCall::Write) + 3;  // After the zeros and the directory page.
    full.os_error = ENOSPC;
    plan->add(full);
    if (engine->commit(change) || engine->latched()) give_up("no group was aborted");
  }
  Fault crash;
  crash.call = FileCall::Sync;
  crash.nth = plan->calls(FileCall::Sync) + 1;
  plan->add(crash);
  if (engine->commit(change)) give_up("the group did not crash");
  engine.reset();
  const std::uint64_t first = torn * page_size / kSectorSize;
  const std::uint64_t last = first + page_size / kSectorSize - 1;
  disk->cut({{first, disk->pending().at(first).size()}, {last, disk->pending().at(last).size()}},
            false);
  base.name += "-hidden";
  base.image = bytes_of(disk->cache());
  return {std::move(base), change};
}

Base fixture_base(const std::string& name, std::size_t page_size) {
  const std::filesystem::path path = std::filesystem::path(MAPPEDPAGES_FIXTURES) / (name + ".bin");
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  if (content.empty()) give_up("no fixture " + path.string());
  return {name, page_size, bytes_of(std::as_bytes(std::span(content))), true};
}

}  // namespace mappedpages::test
