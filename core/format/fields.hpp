// Named byte ranges, and the proof that they leave no gap.
#pragma once

#include <cstddef>
#include <initializer_list>

namespace mappedpages::format {

/// Bytes `offset` to `offset + size - 1` of a page.
struct Field {
  std::size_t offset;
  std::size_t size;
  [[nodiscard]] constexpr std::size_t end() const { return offset + size; }
};

/// Whether the fields follow each other from byte 0 to `end` without gap or overlap.
constexpr bool tile(std::initializer_list<Field> fields, std::size_t end) {
  std::size_t at = 0;
  for (const Field& field : fields) {
    if (field.offset != at) return false;
    at = field.end();
  }
  return at == end;
}

}  // namespace mappedpages::format
