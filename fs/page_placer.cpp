#include "fs/page_placer.hpp"

#include <string>

namespace mappedpages::fs {
namespace {

/// Others may free and allocate the number meanwhile, but not forever.
constexpr int kMostAttempts = 100;

bool has_changed_meanwhile(const Status& done) {
  if (done) return false;
  const ErrorCode code = done.error().code();
  return code == ErrorCode::AlreadyAllocated || code == ErrorCode::NotAllocated;
}

Status discard(const Result<Allocation>& done) {
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace

Status PagePlacer::place(PageNumber page, std::span<const std::byte> bytes, IfThere if_there) {
  return place_anyhow(page, bytes, if_there);
}

Status PagePlacer::place(ProtectedNumber page, std::span<const std::byte> bytes, IfThere if_there) {
  return place_anyhow(page, bytes, if_there);
}

template <class Number>
Status PagePlacer::place_anyhow(Number page, std::span<const std::byte> bytes, IfThere if_there) {
  if (if_there == IfThere::Refuse) return allocate(page, bytes);
  Status done;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    done = is_there(page) ? replace(page, bytes) : allocate(page, bytes);
    if (!has_changed_meanwhile(done)) break;
  }
  return done;
}

bool PagePlacer::is_there(PageNumber page) const {
  return engine_.use_of(page) == PageUse::Regular;
}
bool PagePlacer::is_there(ProtectedNumber page) const {
  return engine_.info(page).has_value();
}

Status PagePlacer::allocate(PageNumber page, std::span<const std::byte> bytes) {
  return discard(engine_.commit({.alloc_at = {page}, .contents = {{page, bytes}}}));
}
Status PagePlacer::allocate(ProtectedNumber page, std::span<const std::byte> bytes) {
  return discard(engine_.commit({.alloc_protected_at = {page}, .writes = {{page, bytes}}}));
}

Status PagePlacer::replace(PageNumber page, std::span<const std::byte> bytes) {
  const auto pin = engine_.pin(page);  // So that it is nobody else's before the flush.
  if (!pin) return tl::unexpected(pin.error());
  if (auto done = engine_.write(page, 0, bytes); !done) return done;
  return engine_.flush(page);
}

Status PagePlacer::replace(ProtectedNumber page, std::span<const std::byte> bytes) {
  const auto commit = [&] { return discard(engine_.commit({.writes = {{page, bytes}}})); };
  Status done = commit();
  if (done || done.error().code() != ErrorCode::WriterActive) return done;
  closing_.wait(page);  // Its descriptor may be closed already.
  return commit();
}

}  // namespace mappedpages::fs
