// Propagating errors without exceptions.
#pragma once

#include <tl/expected.hpp>
#include <utility>

// NOLINTBEGIN(cppcoreguidelines-macro-usage): a return from the caller needs a macro.
#define MAPPEDPAGES_CONCAT_(a, b) a##b
#define MAPPEDPAGES_CONCAT(a, b) MAPPEDPAGES_CONCAT_(a, b)

/// `TRY(expr)`: returns expr's error from this function, if it has one.
#define TRY(expr)                                           \
  do {                                                      \
    if (auto try_status = (expr); !try_status)              \
      return tl::unexpected(std::move(try_status).error()); \
  } while (false)

/// `TRY_ASSIGN(auto x, expr)`: x is expr's value, or its error is returned from this function.
#define TRY_ASSIGN(decl, expr) \
  TRY_ASSIGN_IMPL_(MAPPEDPAGES_CONCAT(try_result_, __LINE__), decl, expr)
#define TRY_ASSIGN_IMPL_(result, decl, expr)                     \
  auto result = (expr);                                          \
  if (!result) return tl::unexpected(std::move(result).error()); \
  decl = std::move(*result)
// NOLINTEND(cppcoreguidelines-macro-usage)
