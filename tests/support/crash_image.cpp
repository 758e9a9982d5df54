#include "support/crash_image.hpp"

#include <algorithm>
#include <cerrno>

namespace mappedpages::test {
namespace {

Status read_only() {
  return tl::unexpected(Error(ErrorCode::Io, "a crash image", EROFS));
}

}  // namespace

// --- The image

void CrashImage::replace(std::uint64_t sector, const SectorBytes& bytes) {
  if (sector >= replacements_.size()) replacements_.resize(sector + 1);
  replacements_[sector] = &bytes;
  replaced_.push_back(sector);
}

void CrashImage::clear_replacements() {
  for (const std::uint64_t sector : replaced_) replacements_[sector] = nullptr;
  replaced_.clear();
}

void CrashImage::read(std::uint64_t offset, std::span<std::byte> out) const {
  const std::uint64_t end = offset + out.size();
  const std::uint64_t known = std::min<std::uint64_t>(end, base_.size());
  const std::size_t from_base = known > offset ? known - offset : 0;
  std::copy_n(base_.begin() + static_cast<std::ptrdiff_t>(std::min(offset, known)), from_base,
              out.begin());
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(from_base), out.end(), std::byte{0});
  if (replaced_.empty()) return;
  for (std::uint64_t sector = offset / kSectorSize;
       sector * kSectorSize < end && sector < replacements_.size(); ++sector) {
    const SectorBytes* bytes = replacements_[sector];
    if (bytes == nullptr) continue;
    const std::uint64_t begin = std::max(offset, sector * kSectorSize);
    const std::uint64_t stop = std::min(end, (sector + 1) * kSectorSize);
    std::copy_n(bytes->begin() + static_cast<std::ptrdiff_t>(begin - sector * kSectorSize),
                stop - begin, out.begin() + static_cast<std::ptrdiff_t>(begin - offset));
  }
}

std::vector<std::byte> CrashImage::copy() const {
  std::vector<std::byte> bytes(size_);
  read(0, bytes);
  return bytes;
}

Status CrashImageFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > image_.size() || out.size() > image_.size() - offset) {
    return tl::unexpected(Error(ErrorCode::Io, "reading past the end"));
  }
  image_.read(offset, out);
  return {};
}

Status CrashImageFile::write_at(std::uint64_t, std::span<const std::byte>) {
  return read_only();
}
Status CrashImageFile::write_and_sync(std::uint64_t, std::span<const std::byte>) {
  return read_only();
}
Status CrashImageFile::reserve(std::uint64_t) {
  return read_only();
}
Status CrashImageFile::sync() {
  return read_only();
}

const std::string& CrashImageFile::name() const {
  static const std::string kName = "crash image";
  return kName;
}

// --- The images of a power cut

PowerCuts::PowerCuts(const Disk& disk, Random& random, const CutLimits& limits)
    : disk_(disk), random_(random), limits_(limits), image_(disk.durable(), disk.durable().size()) {
  for (const auto& [number, versions] : disk.pending()) {
    sectors_.push_back({number, &versions});
    for (const SectorVersion& version : versions) writes_.push_back(version.write);
  }
  std::sort(writes_.begin(), writes_.end());
  writes_.erase(std::unique(writes_.begin(), writes_.end()), writes_.end());
  choice_.assign(sectors_.size(), 0);
}

void PowerCuts::for_each(Visit visitor, void* context) {
  visit_ = visitor;
  context_ = context;
  std::uint64_t images = 1;
  for (const Sector& sector : sectors_) {
    images *= sector.latest() + 1;
    if (images > limits_.exhaustive) break;
  }
  if (images <= limits_.exhaustive) {
    all();
  } else {
    sampled();
  }
}

bool PowerCuts::all() {
  std::fill(choice_.begin(), choice_.end(), 0);
  for (;;) {
    if (!emit()) return false;
    std::size_t at = 0;
    while (at < choice_.size() && choice_[at] == sectors_[at].latest()) choice_[at++] = 0;
    if (at == choice_.size()) return true;
    ++choice_[at];
  }
}

bool PowerCuts::sampled() {
  return after_each_write() && torn_writes() && but_one() && one_alone() && random_ones();
}

std::size_t PowerCuts::version_after(const Sector& sector, std::uint64_t write) const {
  std::size_t version = sector.latest();
  while (version > 0 && (*sector.versions)[version - 1].write > write) --version;
  return version;
}

void PowerCuts::choose_after(std::uint64_t write) {
  for (std::size_t i = 0; i < sectors_.size(); ++i) choice_[i] = version_after(sectors_[i], write);
}

bool PowerCuts::after_each_write() {
  choose_after(0);
  if (!emit()) return false;
  const bool each = writes_.size() <= limits_.of_each_kind;
  for (std::uint64_t n = 0; n < std::min<std::uint64_t>(writes_.size(), limits_.of_each_kind);
       ++n) {
    choose_after(each ? writes_[n] : random_.pick(writes_));
    if (!emit()) return false;
  }
  return true;
}

bool PowerCuts::torn_writes() {
  for (std::uint64_t n = 0; n < limits_.of_each_kind; ++n) {
    const std::uint64_t write = random_.pick(writes_);
    const bool head = random_.chance(.5);
    choose_after(random_.chance(.5) ? write - 1 : writes_.back());
    std::vector<std::size_t> touched;  // Indexes into sectors_.
    for (std::size_t i = 0; i < sectors_.size(); ++i) {
      if (version_after(sectors_[i], write) != version_after(sectors_[i], write - 1)) {
        touched.push_back(i);
      }
    }
    const std::uint64_t landed = random_.below(touched.size() + 1);
    for (std::size_t k = 0; k < touched.size(); ++k) {
      const bool has = head ? k < landed : touched.size() - k <= landed;
      choice_[touched[k]] = version_after(sectors_[touched[k]], has ? write : write - 1);
    }
    if (!emit()) return false;
  }
  return true;
}

bool PowerCuts::but_one() {
  const bool each = sectors_.size() <= limits_.of_each_kind;
  for (std::uint64_t n = 0; n < std::min<std::uint64_t>(sectors_.size(), limits_.of_each_kind);
       ++n) {
    choose_after(writes_.back());
    const std::uint64_t i = each ? n : random_.below(sectors_.size());
    choice_[i] = random_.below(sectors_[i].latest());
    if (!emit()) return false;
  }
  return true;
}

bool PowerCuts::one_alone() {
  const bool each = sectors_.size() <= limits_.of_each_kind;
  for (std::uint64_t n = 0; n < std::min<std::uint64_t>(sectors_.size(), limits_.of_each_kind);
       ++n) {
    choose_after(0);
    const std::uint64_t i = each ? n : random_.below(sectors_.size());
    choice_[i] = random_.between(1, sectors_[i].latest());
    if (!emit()) return false;
  }
  return true;
}

bool PowerCuts::random_ones() {
  for (std::uint64_t n = 0; n < limits_.of_each_kind; ++n) {
    for (std::size_t i = 0; i < sectors_.size(); ++i) {
      choice_[i] = random_.below(sectors_[i].latest() + 1);
    }
    if (!emit()) return false;
  }
  return true;
}

bool PowerCuts::emit() {
  image_.clear_replacements();
  std::uint64_t hash = disk_.durable_hash();
  std::uint64_t size = disk_.durable().size();
  for (std::size_t i = 0; i < sectors_.size(); ++i) {
    if (choice_[i] == 0) continue;
    const SectorVersion& version = (*sectors_[i].versions)[choice_[i] - 1];
    image_.replace(sectors_[i].number, version.bytes);
    hash ^= disk_.durable_hash(sectors_[i].number) ^ version.hash;
    size = std::max<std::uint64_t>(size, (sectors_[i].number + 1) * kSectorSize);
  }
  if (!emit_with_size(size, hash)) return false;
  return size >= disk_.cache().size() || emit_with_size(disk_.cache().size(), hash);
}

bool PowerCuts::emit_with_size(std::uint64_t size, std::uint64_t hash) {
  image_.set_size(size);
  return visit_(context_, image_, mix(hash ^ mix(size)));
}

std::map<std::uint64_t, std::size_t> PowerCuts::any() {
  const std::uint64_t kind = random_.below(10);
  const double landed = kind < 8 ? .85 : .15;
  std::map<std::uint64_t, std::size_t> versions;
  for (const Sector& sector : sectors_) {
    if (kind < 6) {
      versions[sector.number] = random_.below(sector.latest() + 1);
    } else if (random_.chance(landed)) {
      versions[sector.number] = sector.latest();
    }
  }
  return versions;
}

}  // namespace mappedpages::test
