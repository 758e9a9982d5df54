// What an engine can be asked for, each as one function that can be done again.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>

#include "mappedpages/engine.hpp"
#include "support/random.hpp"

namespace mappedpages::test {

/// One doing of an operation.
struct Asked {
  /// What it chooses by. The same seed on the same file asks the same.
  Random random;

  /// Regular pages that it wrote to, acknowledged or not: nobody knows what a crash leaves of them.
  std::set<std::uint64_t> written{};

  /// Told of each failure of a commit that the operation itself can repeat. True: it shall.
  std::function<bool(const Error&)> again{};
};

struct Operation {
  std::string name;
  std::function<Status(Engine&, Asked&)> run;

  /// What regular pages hold is durable after it.
  bool flushes = false;
};

/// All of them but opening and creating.
std::span<const Operation> all_operations();

}  // namespace mappedpages::test
