#include "flipper.hpp"

#include <array>
#include <ostream>
#include <set>
#include <utility>

#include "support/crate_writer.hpp"

namespace mappedpages::test {
namespace {

constexpr std::size_t kPage = SampleFile::kPage;

Contents contents_of(const Engine& engine) {
  Contents contents;
  std::vector<std::byte> page(kPage);
  for (const PageNumber number : engine.pages()) {
    SampleFile::require(engine.read(number, 0, page));
    contents.regular[number.value] = crc32(page);
  }
  for (const ProtectedNumber number : engine.protected_pages()) {
    const auto read = engine.read(number, page);
    contents.protected_pages[number.value] = read ? std::optional(crc32(page)) : std::nullopt;
  }
  return contents;
}

Result<std::unique_ptr<Engine>> open(const std::shared_ptr<MemoryBytes>& memory, Access access) {
  return Engine::open(std::make_unique<MemoryFile>(memory), {.access = access});
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Outcome outcome) {
  constexpr std::array kNames{"Refused",  "Older",     "Unreadable", "Corrected",
                              "Remarked", "UsersByte", "Unseen",     "Lost"};
  return out << kNames[static_cast<std::size_t>(outcome)];
}

// --- The flipper

Flipper::Flipper(std::vector<std::byte> bytes) : memory_(std::make_shared<MemoryBytes>()) {
  memory_->bytes = std::move(bytes);
  const auto engine = open(memory_, Access::ReadOnly);
  if (engine) sound_ = contents_of(**engine);
}

Outcome Flipper::flip(std::span<const std::size_t> bits) {
  invert(bits);
  const Outcome outcome = look(bits);
  invert(bits);
  return outcome;
}

void Flipper::invert(std::span<const std::size_t> bits) {
  for (const std::size_t bit : bits) {
    memory_->bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

std::optional<std::string> Flipper::harm_by_a_writer(std::size_t bit) {
  const auto copy = std::make_shared<MemoryBytes>();
  invert(std::span(&bit, 1));
  copy->bytes = memory_->bytes;
  invert(std::span(&bit, 1));
  const std::vector<std::byte> before = copy->bytes;
  auto engine = open(copy, Access::ReadWrite);
  if (!engine) return copy->bytes == before ? std::nullopt : std::optional("refused, and changed");
  if (contents_of(**engine) != sound_) return "served something else";
  engine->reset();
  const auto again = open(copy, Access::ReadOnly);
  if (!again || contents_of(**again) != sound_) return "left something else";
  return std::nullopt;
}

Outcome Flipper::look(std::span<const std::size_t> bits) {
  const auto report = Engine::check(MemoryFile(memory_));
  if (!report) return Outcome::Lost;
  const bool said = !report->problems.empty();
  const auto engine = open(memory_, Access::ReadOnly);
  if (!engine) return report->ok ? Outcome::Lost : Outcome::Refused;
  const Contents seen = contents_of(**engine);
  if (seen == sound_) {
    if (!said) return Outcome::Unseen;
    return report->ok ? Outcome::Remarked : Outcome::Corrected;
  }
  if (differs_in_regular_pages_alone(seen, bits)) {
    return said && bits.size() == 1 ? Outcome::Lost : Outcome::UsersByte;
  }
  if (report->ok) return Outcome::Lost;
  return differs_in_unreadable_pages_alone(seen) ? Outcome::Unreadable : Outcome::Older;
}

bool Flipper::differs_in_regular_pages_alone(Contents seen,
                                             std::span<const std::size_t> bits) const {
  for (const std::size_t bit : bits) {
    const std::uint64_t page = bit / 8 / kPage;
    const auto at = seen.regular.find(page);
    if (at != seen.regular.end() && sound_.regular.contains(page)) {
      at->second = sound_.regular.at(page);
    }
  }
  return seen == sound_;
}

bool Flipper::differs_in_unreadable_pages_alone(Contents seen) const {
  for (auto& [number, crc] : seen.protected_pages) {
    if (!crc && sound_.protected_pages.contains(number)) crc = sound_.protected_pages.at(number);
  }
  return seen == sound_;
}

bool names_the_metadata(std::size_t bit) {
  return bit == 8 * 12;
}

std::vector<std::size_t> some_bits(const Flipper& flipper, Random& random) {
  std::set<std::size_t> bits;
  for (std::uint64_t count = random.between(2, 4); bits.size() < count;) {
    const std::size_t bit = random.below(flipper.bits());
    if (!names_the_metadata(bit)) bits.insert(bit);
  }
  return {bits.begin(), bits.end()};
}

// --- Files

std::vector<std::byte> file_after_an_allocation() {
  const auto memory = SampleFile().memory();
  auto engine = SampleFile::open(memory, {});
  SampleFile::require(engine->alloc());
  SampleFile::require(engine->close());
  return memory->bytes;
}

std::vector<std::byte> file_without_protected_pages() {
  const auto memory = std::make_shared<MemoryBytes>();
  MemoryFile file(memory);
  SampleFile::require(mppg0::format_file(file, kPage, PageCount{8}));
  auto engine = SampleFile::open(memory, {});
  SampleFile::require(engine->alloc_bulk(PageCount{2}));
  SampleFile::require(engine->close());
  return memory->bytes;
}

std::vector<std::byte> file_of_the_crate() {
  class Nobody final : public CrateListener {
    void may_become(const FileView&) override {}
    void has_become(const FileView&) override {}
  } nobody;
  Disk disk(crate_create(kPage));
  const CrashImage image(disk.cache(), disk.cache().size());
  auto state = crate_open(image, kPage);
  if (!state) return {};
  CrateWriter crate(disk, *std::move(state), nobody);
  const bool done = crate.alloc_protected() && crate.alloc_protected() && crate.alloc() &&
                    crate.write_protected(0, SampleFile::content(1)) &&
                    crate.write_protected(1, SampleFile::content(2)) &&
                    crate.write_protected(0, SampleFile::content(3));
  if (!done) return {};
  return {disk.cache().begin(), disk.cache().end()};
}

}  // namespace mappedpages::test
