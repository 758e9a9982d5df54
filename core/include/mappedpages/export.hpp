// What the shared library shows; everything else in it is hidden.
#pragma once

// NOLINTBEGIN(cppcoreguidelines-macro-usage): an attribute cannot be anything else.
#define MAPPEDPAGES_API __attribute__((visibility("default")))

/// For what is private in a class that is shown.
#define MAPPEDPAGES_HIDDEN __attribute__((visibility("hidden")))
// NOLINTEND(cppcoreguidelines-macro-usage)
