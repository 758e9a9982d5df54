#include "e2e/storm/ledger.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace mappedpages::test::storm {
namespace {

std::string describe(const Line& line) {
  constexpr std::array kSteps{"intends", "done", "owns", "refused", "fails"};
  constexpr std::array kDeeds{"allocate", "take", "write", "free"};
  return std::string(kSteps.at(static_cast<std::size_t>(line.step))) + " " +
         kDeeds.at(static_cast<std::size_t>(line.deed)) + " " + directory_of(line.kind) + "/" +
         std::to_string(line.number) + " " + std::to_string(line.value);
}

}  // namespace

LedgerWriter::LedgerWriter(const std::filesystem::path& path)
    : file_(open_file(path.string(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND).value) {}

void LedgerWriter::append(std::span<const Line> lines) {
  const std::span<const std::byte> bytes = std::as_bytes(lines);
  // In one piece, or a part of an acknowledgement would be read as a whole one.
  if (::write(file_.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
}

std::vector<Line> read_ledger(const std::filesystem::path& path) {
  std::error_code none;
  const auto size = std::filesystem::file_size(path, none);
  if (none) return {};
  std::vector<Line> lines(size / sizeof(Line));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(lines.data()),
            static_cast<std::streamsize>(lines.size() * sizeof(Line)));
  return lines;
}

std::string describe(std::span<const Line> lines) {
  constexpr std::size_t kShown = 6;
  std::string text;
  for (const Line& line : lines.last(std::min(kShown, lines.size()))) {
    text += (text.empty() ? "" : ", ") + describe(line);
  }
  return text;
}

}  // namespace mappedpages::test::storm
