#include "e2e/storm/filling.hpp"

#include <algorithm>
#include <cstring>

namespace mappedpages::test::storm {
namespace {

struct Record {
  std::uint64_t tag;
  Stamp stamp;
  std::uint64_t index;
  std::uint64_t mix;
  std::uint64_t again;  // The mixture, so that the end names the whole too.
};
static_assert(sizeof(Record) == kRecordSize);

constexpr std::uint64_t kTag = 0x73'74'6F'72'6D'21'21'0A;  // "storm!!" and a line end.

/// Anything that depends on all of it.
std::uint64_t mix_of(const Stamp& stamp, std::uint64_t index) {
  std::uint64_t mixed = kTag;
  for (const std::uint64_t part :
       {stamp.seed, stamp.serial, stamp.page, std::uint64_t{stamp.owner}, index}) {
    mixed = (mixed ^ part) * 0x9E3779B97F4A7C15U;
    mixed ^= mixed >> 29U;
  }
  return mixed;
}

Record record_of(const Stamp& stamp, std::uint64_t index) {
  Record record{};  // Padding too: it is compared.
  std::memset(static_cast<void*>(&record), 0, sizeof record);
  record.tag = kTag;
  record.stamp.seed = stamp.seed;
  record.stamp.serial = stamp.serial;
  record.stamp.page = stamp.page;
  record.stamp.owner = stamp.owner;
  record.index = index;
  record.mix = record.again = mix_of(stamp, index);
  return record;
}

/// Whose 64 bytes are, where they are the record with this index.
std::optional<Stamp> stamp_at(std::span<const std::byte> bytes, std::uint64_t index) {
  Record record{};
  std::memcpy(static_cast<void*>(&record), bytes.data(), sizeof record);
  const Record right = record_of(record.stamp, index);
  if (std::memcmp(&right, bytes.data(), sizeof right) != 0) return std::nullopt;
  return record.stamp;
}

std::string name_of(std::span<const std::byte> bytes, std::uint64_t index) {
  if (is_zero(bytes)) return "zeros";
  const auto stamp = stamp_at(bytes, index);
  if (!stamp) return "something else";
  return "owner " + std::to_string(stamp->owner) + " serial " + std::to_string(stamp->serial) +
         " for page " + std::to_string(stamp->page) + " of seed " + std::to_string(stamp->seed);
}

}  // namespace

std::vector<std::byte> filled(std::size_t size, const Stamp& stamp) {
  std::vector<std::byte> bytes(size);
  if (stamp.serial == 0) return bytes;
  for (std::size_t at = 0; at + kRecordSize <= size; at += kRecordSize) {
    const Record record = record_of(stamp, at / kRecordSize);
    std::memcpy(&bytes[at], &record, sizeof record);
  }
  return bytes;
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<Stamp> stamp_of(std::span<const std::byte> bytes) {
  const auto first = stamp_at(bytes, 0);
  for (std::size_t at = 0; first && at < bytes.size(); at += kRecordSize) {
    if (stamp_at(bytes.subspan(at), at / kRecordSize) != first) return std::nullopt;
  }
  return first;
}

std::string describe(std::span<const std::byte> bytes) {
  std::string text;
  std::string last;
  for (std::size_t at = 0; at < bytes.size(); at += kRecordSize) {
    std::string name = name_of(bytes.subspan(at, kRecordSize), at / kRecordSize);
    if (name == last) continue;
    text += (text.empty() ? "" : "; ") + std::to_string(at) + ": " + name;
    last = std::move(name);
  }
  return text;
}

std::string difference(std::span<const std::byte> got, std::span<const std::byte> expected) {
  if (got.size() != expected.size()) {
    return std::to_string(got.size()) + " bytes and not " + std::to_string(expected.size());
  }
  const auto first = std::ranges::mismatch(got, expected).in1 - got.begin();
  std::size_t differing = 0;
  for (std::size_t i = 0; i < got.size(); ++i) differing += got[i] != expected[i] ? 1U : 0U;
  const auto at = static_cast<std::size_t>(first);
  if (differing == 0) return "no difference";
  return std::to_string(differing) + " bytes differ, the first at " + std::to_string(at) + ": " +
         std::to_string(std::to_integer<int>(got[at])) + " and not " +
         std::to_string(std::to_integer<int>(expected[at]));
}

}  // namespace mappedpages::test::storm
