// A pager that cannot change anything.
#pragma once

#include <utility>

#include "mappedpages/pager.hpp"

namespace mappedpages {

/// A pager file opened for reading. It has no call that changes the file, so code that tries does
/// not compile. Several processes can have the file open like this at once; a writer cannot have it
/// at the same time (Locked). A damaged file opens if it can be read through its other copies:
/// `open_report` tells. Any thread.
template <std::size_t P>
class ReadOnlyPager : public PagerReader<P> {
 public:
  /// InvalidPageSize if the file's pages are of another size.
  static Result<ReadOnlyPager> open(const std::filesystem::path& path, OpenOptions options = {}) {
    options.access = Access::ReadOnly;
    auto engine = PagerReader<P>::open_engine(path, options);
    if (!engine) return tl::unexpected(engine.error());
    return ReadOnlyPager(*std::move(engine));
  }

 private:
  explicit ReadOnlyPager(std::unique_ptr<Engine> engine) : PagerReader<P>(std::move(engine)) {}
};

}  // namespace mappedpages
