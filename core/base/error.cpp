#include "mappedpages/error.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include "mappedpages/report.hpp"

namespace mappedpages {
namespace {

struct CodeFacts {
  ErrorCode code;
  std::string_view name;
  int os_error;
};

// In the order of the enumeration, so that a code is its own index; checked below.
constexpr std::array kCodes{
    CodeFacts{ErrorCode::InvalidArgument, "InvalidArgument", EINVAL},
    CodeFacts{ErrorCode::InvalidPageSize, "InvalidPageSize", EINVAL},
    CodeFacts{ErrorCode::OutOfBounds, "OutOfBounds", EINVAL},
    CodeFacts{ErrorCode::ReservedPage, "ReservedPage", EBUSY},
    CodeFacts{ErrorCode::InternalPage, "InternalPage", EBUSY},
    CodeFacts{ErrorCode::NotAllocated, "NotAllocated", ENOENT},
    CodeFacts{ErrorCode::AlreadyAllocated, "AlreadyAllocated", EEXIST},
    CodeFacts{ErrorCode::DoubleFree, "DoubleFree", ENOENT},
    CodeFacts{ErrorCode::PagePinned, "PagePinned", EBUSY},
    CodeFacts{ErrorCode::WriterActive, "WriterActive", EBUSY},
    CodeFacts{ErrorCode::Conflict, "Conflict", EAGAIN},
    CodeFacts{ErrorCode::ReadOnly, "ReadOnly", EROFS},
    CodeFacts{ErrorCode::Full, "Full", ENOSPC},
    CodeFacts{ErrorCode::DirectoryFull, "DirectoryFull", ENOSPC},
    CodeFacts{ErrorCode::AlreadyExists, "AlreadyExists", EEXIST},
    CodeFacts{ErrorCode::NotAPagerFile, "NotAPagerFile", EINVAL},
    CodeFacts{ErrorCode::UnsupportedVersion, "UnsupportedVersion", EINVAL},
    CodeFacts{ErrorCode::CorruptSuperblock, "CorruptSuperblock", EIO},
    CodeFacts{ErrorCode::CorruptMetadata, "CorruptMetadata", EIO},
    CodeFacts{ErrorCode::CorruptDirectoryIndex, "CorruptDirectoryIndex", EIO},
    CodeFacts{ErrorCode::CorruptProtectedDirectory, "CorruptProtectedDirectory", EIO},
    CodeFacts{ErrorCode::ChecksumMismatch, "ChecksumMismatch", EIO},
    CodeFacts{ErrorCode::NeedsRecovery, "NeedsRecovery", EIO},
    CodeFacts{ErrorCode::Io, "Io", EIO},
    CodeFacts{ErrorCode::Locked, "Locked", EAGAIN},
    CodeFacts{ErrorCode::ForeignWriter, "ForeignWriter", EIO},
    CodeFacts{ErrorCode::Unavailable, "Unavailable", EROFS},
};

constexpr bool codes_are_in_order() {
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  }
  return kCodes.size() == static_cast<std::size_t>(ErrorCode::Unavailable) + 1;
}
static_assert(codes_are_in_order());

const CodeFacts& facts_of(ErrorCode code) {
  return kCodes[static_cast<std::size_t>(code)];
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  return facts_of(code).name;
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Error:
      return "error";
  }
  return "error";
}

std::string Error::message() const {
  if (os_error_ == 0) return context_;
  return context_ + ": " + std::generic_category().message(os_error_);
}

Error Error::with_context(std::string_view outer) const {
  return {code_, std::string(outer) + ": " + context_, os_error_};
}

int errno_of(const Error& error) {
  if (error.code() == ErrorCode::Io && error.os_error() != 0) return error.os_error();
  return facts_of(error.code()).os_error;
}

}  // namespace mappedpages
