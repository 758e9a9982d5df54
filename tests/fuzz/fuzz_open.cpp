// Any bytes as a pager file: checked, opened for reading, opened for writing, recovered, and the
// recovery interrupted. Whatever they are, nothing is done outside of the file, what is refused is
// not changed, check and opening agree, and what recovery produced recovery leaves alone (promises
// R4, R5 and R8).
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/bounded_file.hpp"
#include "fuzz/require.hpp"
#include "mappedpages/engine.hpp"
#include "mppg0/problems.hpp"
#include "support/crash_image.hpp"
#include "support/crate_writer.hpp"
#include "support/faulty_file.hpp"
#include "support/file_view.hpp"

namespace mappedpages::fuzz {
namespace {

using test::crc_of;
using Memory = std::shared_ptr<test::MemoryBytes>;

Memory memory_of(std::span<const std::byte> bytes) {
  auto memory = std::make_shared<test::MemoryBytes>();
  memory->bytes.assign(bytes.begin(), bytes.end());
  return memory;
}

Result<std::unique_ptr<Engine>> open(const Memory& memory, const OpenOptions& options) {
  return Engine::open(std::make_unique<BoundedFile>(memory), options);
}

template <class T>
T required(Result<T> result, const char* what) {
  if (!result) fail(std::string(what) + ": " + result.error().message());
  return *std::move(result);
}

void required(const Status& status, const char* what) {
  if (!status) fail(std::string(what) + ": " + status.error().message());
}

// --- What users read

/// By CRC32; none: the page has rotted.
struct Contents {
  std::map<std::uint64_t, std::uint32_t> regular;
  std::map<std::uint64_t, std::optional<std::uint32_t>> protected_pages;

  bool operator==(const Contents&) const = default;

  [[nodiscard]] bool rotten() const {
    return std::ranges::any_of(protected_pages, [](const auto& page) { return !page.second; });
  }
};

std::string words_of(const Contents& contents) {
  std::string text = "\n  regular";
  for (const auto& [page, crc] : contents.regular) {
    text += ' ' + std::to_string(page) + ':' + std::to_string(crc);
  }
  text += "\n  protected";
  for (const auto& [page, crc] : contents.protected_pages) {
    text += ' ' + std::to_string(page) + ':' + (crc ? std::to_string(*crc) : "rotten");
  }
  return text;
}

void require_same(const Contents& seen, const Contents& expected, const char* what) {
  if (seen == expected) return;
  fail(std::string(what) + ": it holds" + words_of(seen) + "\nand should hold" +
       words_of(expected));
}

Contents contents_of(Engine& engine) {
  Contents contents;
  std::vector<std::byte> bytes(static_cast<std::size_t>(engine.page_size()));
  for (const PageNumber page : engine.pages()) {
    required(engine.read(page, 0, bytes), "reading a regular page");
    contents.regular[page.value] = crc_of(bytes);
  }
  for (const ProtectedNumber page : engine.protected_pages()) {
    const auto read = engine.read(page, bytes);
    require(read || read.error().code() == ErrorCode::ChecksumMismatch,
            "a protected page cannot be read, and not because it has rotted");
    contents.protected_pages[page.value] = read ? std::optional(crc_of(bytes)) : std::nullopt;
  }
  if (!contents.rotten()) {
    const auto view = test::read_view(engine, {.crate_wrote = true, .every_page = true});
    if (!view) fail("the engine contradicts itself: " + view.error());
  }
  return contents;
}

// --- What the check says

struct Verdict {
  CheckReport report;

  [[nodiscard]] bool has(std::string_view code) const {
    return std::ranges::any_of(report.problems, [&](const Problem& p) { return p.code == code; });
  }

  /// Damage that is not in the content of protected pages.
  [[nodiscard]] std::ptrdiff_t errors() const {
    return std::ranges::count_if(report.problems, [](const Problem& p) {
      return p.severity == Severity::Error && p.code != "protected-crc";
    });
  }
  [[nodiscard]] bool damaged() const { return errors() > 0; }

  [[nodiscard]] std::set<std::string> rotten() const {
    std::set<std::string> places;
    for (const Problem& problem : report.problems) {
      if (problem.code == "protected-crc") places.insert(problem.where);
    }
    return places;
  }

  [[nodiscard]] std::string words() const {
    std::string text;
    for (const Problem& problem : report.problems) {
      text += "\n  " + problem.code + ", " + problem.where + ": " + problem.detail;
    }
    return text;
  }
};

Verdict check(const Memory& memory) {
  const std::vector<std::byte> before = memory->bytes;
  Verdict verdict{required(Engine::check(BoundedFile(memory)), "check")};
  require(memory->bytes == before, "the check has changed the file");
  for (const Problem& problem : verdict.report.problems) {
    require(std::ranges::count(mppg0::kProblems, problem.code, &mppg0::ProblemFacts::name) == 1,
            "a code that is not in the table");
    require(!problem.where.empty() && !problem.detail.empty(), "a problem without words");
  }
  require(verdict.report.ok == (!verdict.damaged() && verdict.rotten().empty()),
          "ok means that there is no error");
  return verdict;
}

void require_same_rot(const Verdict& verdict, const Contents& contents) {
  std::set<std::string> unreadable;
  for (const auto& [number, crc] : contents.protected_pages) {
    if (!crc) unreadable.insert("protected " + std::to_string(number));
  }
  require(verdict.rotten() == unreadable, "check and reading do not agree on what has rotted");
}

/// What every closed file of ours must be, and hold. `Engine::open` has been through it.
void require_left_well(const Memory& memory, const Contents& expected) {
  const Verdict verdict = check(memory);
  if (verdict.damaged()) fail("what was left has errors:" + verdict.words());
  for (const char* code : {"index-torn", "unknown-mark", "superblock-constant",
                           "uncommitted-metadata", "uncommitted-directory"}) {
    if (verdict.has(code)) fail("what was left was not closed well:" + verdict.words());
  }
  require_same_rot(verdict, expected);
  const auto engine = required(open(memory, {.access = Access::ReadOnly}), "opening what was left");
  require_same(contents_of(*engine), expected, "in what was left");
  // The Rust crate, too.
  const test::CrashImage image(memory->bytes, memory->bytes.size());
  const auto crate = test::crate_open(image, static_cast<std::size_t>(engine->page_size()));
  if (!crate) fail("the crate does not open what was left: " + crate.error());
  if (expected.rotten()) return;
  const auto view = test::crate_view(*crate, image, true);
  if (!view) fail("the crate does not read what was left: " + view.error());
  const auto ours = test::read_view(*engine, {.crate_wrote = true});
  require(ours && *view == *ours, "the crate sees something else in what was left");
}

// --- One input

class FuzzedFile {
 public:
  explicit FuzzedFile(std::span<const std::byte> image) : image_(image) {}

  void run() {
    verdict_ = check(memory_of(image_));
    read();
    const Memory memory = memory_of(image_);
    if (!open_for_writing(memory) || nearly_too_high(memory)) return;
    require_left_well(memory, contents_);
    // What recovery produced, recovery leaves alone.
    required(open(memory, {}), "opening it again");
    require_left_well(memory, contents_);
    work(memory);
    interrupt();
  }

 private:
  void read() {
    const Memory memory = memory_of(image_);
    const auto engine = open(memory, {.access = Access::ReadOnly});
    require(engine || verdict_.damaged(), "sound, and cannot be opened");
    readable_ = engine.has_value();
    if (!readable_) return;
    contents_ = contents_of(**engine);
    require_same_rot(verdict_, contents_);
    require(!(*engine)->alloc(), "a read-only file was written");
    require(std::ranges::equal(memory->bytes, image_), "reading has changed the file");
  }

  /// A generation that no file reaches honestly: a few commits more, and it can only be read.
  static bool nearly_too_high(const Memory& memory) {
    constexpr std::uint64_t kAlmost = (std::uint64_t{1} << 63U) - 100;
    const auto engine = required(open(memory, {.access = Access::ReadOnly}), "opening to read");
    return engine->counts().generation.value > kAlmost;
  }

  /// Opens it, with `recover` if it must be, and closes it.
  bool open_for_writing(const Memory& memory) {
    auto engine = open(memory, {});
    if (engine.has_value() == verdict_.damaged()) {
      fail(std::string(engine ? "opened" : "refused") + ", and check says:" + verdict_.words());
    }
    if (!engine) {
      require(std::ranges::equal(memory->bytes, image_), "refused, and changed");
      engine = open(memory, {.recover = true});
      const bool readable = readable_ && !verdict_.has("generation-too-high");
      require(engine.has_value() == readable, "recovery opens what can be read");
    }
    if (!engine) {
      require(std::ranges::equal(memory->bytes, image_), "not recovered, and changed");
      return false;
    }
    require_same(contents_of(**engine), contents_, "opened for writing");
    required((*engine)->close(), "closing");
    return true;
  }

  /// A session that allocates, writes and frees.
  void work(const Memory& memory) const {
    Contents expected = contents_;
    {
      const auto engine = required(open(memory, {}), "opening to work");
      work_on_regular(*engine, expected);
      work_on_protected(*engine, expected);
      require_same(contents_of(*engine), expected, "after the work");
      required(engine->close(), "closing");
    }
    require_left_well(memory, expected);
    required(open(memory, {}), "opening after the work");
    require_left_well(memory, expected);
  }

  static void work_on_regular(Engine& engine, Contents& expected) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(engine.page_size()));
    const PageNumber page = required(engine.alloc(), "alloc");
    require(!expected.regular.contains(page.value), "a page was handed out twice");
    required(engine.read(page, 0, bytes), "reading a new page");
    require(std::ranges::count(bytes, std::byte{0}) == std::ssize(bytes), "old bytes in new pages");
    if (!expected.regular.empty()) {
      const PageNumber first{expected.regular.begin()->first};
      required(engine.free(first), "free");
      expected.regular.erase(first.value);
    }
    std::ranges::fill(bytes, std::byte{'r'});
    required(engine.write(page, 0, bytes), "writing a new page");
    required(engine.flush(page), "flush");
    expected.regular[page.value] = crc_of(bytes);
  }

  static void work_on_protected(Engine& engine, Contents& expected) {
    const std::vector<std::byte> bytes(static_cast<std::size_t>(engine.page_size()),
                                       std::byte{'p'});
    const ProtectedNumber page = required(engine.alloc_protected(), "alloc_protected");
    require(!expected.protected_pages.contains(page.value), "a number was handed out twice");
    Change change;
    change.writes = {{page, bytes}};
    if (!expected.protected_pages.empty()) {
      const auto last = std::prev(expected.protected_pages.end());
      const ProtectedNumber other{expected.protected_pages.begin()->first};
      change.alloc_pages = PageCount{1};
      change.free_protected = {ProtectedNumber{last->first}};
      expected.protected_pages.erase(last);
      if (expected.protected_pages.contains(other.value)) change.writes.push_back({other, bytes});
    }
    const Allocation made = required(engine.commit(change), "commit");
    for (const ProtectedWrite& write : change.writes) {
      expected.protected_pages[write.page.value] = crc_of(bytes);
    }
    const std::vector<std::byte> zeros(bytes.size());
    for (const PageNumber given : made.pages) expected.regular[given.value] = crc_of(zeros);
  }

  /// Stops opening for writing at one of its writes, in the middle of it or before; what could be
  /// recovered then still can.
  void interrupt() const {
    const std::uint32_t seed = crc_of(image_);
    const Memory memory = memory_of(image_);
    const auto faults = std::make_shared<test::FaultPlan>();
    for (const test::FileCall call : {test::FileCall::Write, test::FileCall::WriteAndSync}) {
      faults->add({.call = call,
                   .nth = call == test::FileCall::Write ? 1 + seed % 4 : 1,
                   .from_then_on = true,
                   .done_before_it = (seed >> 8U) % 2 * .5});  // Whole sectors.
    }
    (void)Engine::open(
        std::make_unique<test::FaultyFile>(std::make_unique<BoundedFile>(memory), faults),
        {.recover = true});
    const Verdict verdict = check(memory);
    const auto again = open(memory, {.recover = true});
    // With page 0 torn the generations decide; no crash of a file whose generations contradict its
    // selectors is possible, and fuzzers make them. The crash tests tear page 0 of sound files.
    const bool torn =
        verdict_.has("index-torn") || verdict.has("index-torn") || verdict.has("index-crc");
    // Of damage in several places some can hide, until the rest is mended.
    if (!again && (torn || verdict_.errors() > 1)) return;
    if (!again) fail("cannot be recovered once more:" + verdict.words());
    const Contents contents = contents_of(**again);
    if (!verdict_.damaged() && !torn) {
      require_same(contents, contents_, ("recovered once more from" + verdict.words()).c_str());
    }
    required((*again)->close(), "closing");
    require_left_well(memory, contents);
  }

  const std::span<const std::byte> image_;
  Verdict verdict_;
  bool readable_ = false;
  Contents contents_;  ///< If it is readable.
};

}  // namespace
}  // namespace mappedpages::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mappedpages::fuzz::FuzzedFile(mappedpages::fuzz::bytes_of(data, size)).run();
  return 0;
}
