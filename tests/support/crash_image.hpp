// What a disk holds after a crash, without copying it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/storage_file.hpp"
#include "support/disk.hpp"

namespace mappedpages::test {

/// Some bytes with some sectors replaced. Refers to both: they stay as they are meanwhile.
class CrashImage {
 public:
  /// `base` reads as zeros beyond its end.
  CrashImage(std::span<const std::byte> base, std::uint64_t size) : base_(base), size_(size) {}

  void set_size(std::uint64_t size) { size_ = size; }
  void replace(std::uint64_t sector, const SectorBytes& bytes);
  void clear_replacements();

  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// `offset` + `out.size()` is at most `size()`.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

  [[nodiscard]] std::vector<std::byte> copy() const;

 private:
  std::span<const std::byte> base_;
  std::uint64_t size_;
  std::vector<const SectorBytes*> replacements_;  // By sector; null where there is none.
  std::vector<std::uint64_t> replaced_;
};

/// An image as a file that can only be read. The image outlives it.
class CrashImageFile final : public io::StorageFile {
 public:
  explicit CrashImageFile(const CrashImage& image) : image_(image) {}

  [[nodiscard]] Result<std::uint64_t> size() const override { return image_.size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status reserve(std::uint64_t size) override;
  Status sync() override;
  [[nodiscard]] const std::string& name() const override;

 private:
  const CrashImage& image_;
};

/// How many images to make of what is pending at one flush.
struct CutLimits {
  /// All of them if there are no more than this.
  std::uint64_t exhaustive = 96;

  /// Otherwise this many of each kind: after each write, with a write torn at its head or its tail,
  /// with one sector missing, with one sector alone, at random.
  std::uint64_t of_each_kind = 12;
};

/// The images that a power cut could leave of a disk, all or a sample.
class PowerCuts {
 public:
  /// Told each image and a hash of it. False: no more.
  using Visit = bool (*)(void* context, const CrashImage& image, std::uint64_t hash);

  PowerCuts(const Disk& disk, Random& random, const CutLimits& limits);

  template <class Visitor>
  void visit(Visitor&& visitor) {
    for_each(
        [](void* context, const CrashImage& image, std::uint64_t hash) {
          return (*static_cast<std::remove_reference_t<Visitor>*>(context))(image, hash);
        },
        &visitor);
  }

  /// A random one: which version each sector has, as `Disk::cut` wants it.
  [[nodiscard]] std::map<std::uint64_t, std::size_t> any();

 private:
  struct Sector {
    std::uint64_t number;
    const std::vector<SectorVersion>* versions;
    [[nodiscard]] std::size_t latest() const { return versions->size(); }
  };

  void for_each(Visit visitor, void* context);
  bool all();
  bool sampled();
  bool after_each_write();
  bool torn_writes();
  bool but_one();
  bool one_alone();
  bool random_ones();

  /// The version of each sector after write number `write`.
  void choose_after(std::uint64_t write);
  [[nodiscard]] std::size_t version_after(const Sector& sector, std::uint64_t write) const;

  /// Makes the image that `choice_` says, grown and not, and visits it.
  bool emit();
  bool emit_with_size(std::uint64_t size, std::uint64_t hash);

  const Disk& disk_;
  Random& random_;
  const CutLimits limits_;
  std::vector<Sector> sectors_;
  std::vector<std::uint64_t> writes_;  // Numbers of the writes that are pending, in order.
  std::vector<std::size_t> choice_;    // For each of `sectors_`: 0 durable, n its n-th version.
  CrashImage image_;
  Visit visit_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace mappedpages::test
