// A file in memory whose bits are flipped, and what comes of it: promise R4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sample_file.hpp"
#include "support/random.hpp"

namespace mappedpages::test {

/// What became of a flip.
enum class Outcome : std::uint8_t {
  Refused,     ///< The file is not opened; the check says why.
  Older,       ///< An older copy is served, and reported as damage.
  Unreadable,  ///< One protected page cannot be read; the check reports it.
  Corrected,   ///< What is served is right, and the damage is reported.
  Remarked,    ///< What is served is right, and the check has a note or a warning.
  UsersByte,   ///< The bit of a regular page is served as it is.
  Unseen,      ///< What is served is right, and nothing is said.
  Lost,        ///< Something wrong is served, and nothing is said. Never.
};

std::ostream& operator<<(std::ostream& out, Outcome outcome);

/// Everything that users read, by CRC32; none: the page cannot be read.
struct Contents {
  std::map<std::uint64_t, std::uint32_t> regular;
  std::map<std::uint64_t, std::optional<std::uint32_t>> protected_pages;

  bool operator==(const Contents&) const = default;
};

/// P is that of `SampleFile`. A bit's number is 8 times that of its byte, plus its own.
class Flipper {
 public:
  explicit Flipper(std::vector<std::byte> bytes);

  [[nodiscard]] std::size_t bits() const { return 8 * memory_->bytes.size(); }
  [[nodiscard]] const Contents& sound() const { return sound_; }

  /// What comes of flipping these bits, all different. The file is sound again afterwards.
  Outcome flip(std::span<const std::size_t> bits);
  Outcome flip(std::size_t bit) { return flip(std::span(&bit, 1)); }

  /// What is wrong if a writer who opens the file with this bit flipped serves something else, or
  /// leaves it; one that is refused changes nothing.
  std::optional<std::string> harm_by_a_writer(std::size_t bit);

 private:
  void invert(std::span<const std::size_t> bits);
  Outcome look(std::span<const std::size_t> bits);
  [[nodiscard]] bool differs_in_regular_pages_alone(Contents seen,
                                                    std::span<const std::size_t> bits) const;
  [[nodiscard]] bool differs_in_unreadable_pages_alone(Contents seen) const;

  std::shared_ptr<MemoryBytes> memory_;
  Contents sound_;
};

/// With byte 12 wrong and nothing to tell, the older metadata is served: see core/FORMAT.md.
bool names_the_metadata(std::size_t bit);

/// Two to four bits, all different, anywhere but in those that name the metadata.
std::vector<std::size_t> some_bits(const Flipper& flipper, Random& random);

// --- Files to flip bits of

/// The last group allocated a page, and touched no directory: the bit that byte 12 is about is then
/// told by nothing but a note.
std::vector<std::byte> file_after_an_allocation();

std::vector<std::byte> file_without_protected_pages();

/// By the crate's rules: one block, two protected pages, written.
std::vector<std::byte> file_of_the_crate();

}  // namespace mappedpages::test
