#include "fs/staging.hpp"

namespace mappedpages::fs {

Answer<StagingTable::FilePtr> StagingTable::create(FixedDirectory directory,
                                                   std::string_view name) {
  const MutexLock lock(mutex_);
  Name key(directory, name);
  if (by_name_.contains(key)) return fail(Reason::NameExists);
  if (files_.size() >= kMaxFiles) return fail(Reason::TooManyStagingFiles);
  const std::uint64_t number = next_number_++;
  const auto forget = [&attributes = attributes_](StagingFile* file) {
    attributes.forget(file->inode());
    delete file;  // NOLINT(*-owning-memory): of the pointer that this is the deleter of.
  };
  FilePtr file(new StagingFile({InodeKind::Staging, number}, budget_), forget);
  attributes_.begin(file->inode());
  by_name_.emplace(key, number);
  files_.emplace(number, Record{file, std::move(key)});
  return file;
}

StagingTable::FilePtr StagingTable::find(FixedDirectory directory, std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto at = by_name_.find(Name(directory, name));
  return at == by_name_.end() ? nullptr : files_.at(at->second).file;
}

StagingTable::FilePtr StagingTable::find(Inode inode) const {
  const MutexLock lock(mutex_);
  if (const auto at = files_.find(inode.number()); at != files_.end()) return at->second.file;
  const auto at = nameless_.find(inode.number());
  return at == nameless_.end() ? nullptr : at->second.lock();
}

bool StagingTable::is_named(Inode inode) const {
  const MutexLock lock(mutex_);
  return files_.contains(inode.number());
}

std::optional<StagingTable::Place> StagingTable::place_of(Inode inode) const {
  const MutexLock lock(mutex_);
  const auto at = files_.find(inode.number());
  if (at == files_.end()) return std::nullopt;
  return Place{at->second.name.first, at->second.name.second};
}

Done StagingTable::remove(FixedDirectory directory, std::string_view name) {
  FilePtr removed;  // Destroyed, if nobody else has it, without the lock.
  const MutexLock lock(mutex_);
  removed = take_name(Name(directory, name));
  return removed ? Done{} : fail(Reason::NoSuchName);
}

Done StagingTable::rename(FixedDirectory directory, std::string_view name,
                          FixedDirectory new_directory, std::string_view new_name,
                          bool may_replace) {
  FilePtr replaced;
  const MutexLock lock(mutex_);
  const auto at = by_name_.find(Name(directory, name));
  if (at == by_name_.end()) return fail(Reason::NoSuchName);
  const std::uint64_t number = at->second;
  Name key(new_directory, new_name);
  if (const auto there = by_name_.find(key); there != by_name_.end()) {
    if (!may_replace) return fail(Reason::NameExists);
    if (there->second == number) return {};
    replaced = take_name(key);
  }
  by_name_.erase(Name(directory, name));
  by_name_.emplace(key, number);
  files_.at(number).name = std::move(key);
  return {};
}

StagingTable::FilePtr StagingTable::take_name(const Name& name) {
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return nullptr;
  const auto record = files_.find(at->second);
  FilePtr file = std::move(record->second.file);
  std::erase_if(nameless_, [](const auto& entry) { return entry.second.expired(); });
  nameless_.emplace(record->first, file);
  files_.erase(record);
  by_name_.erase(at);
  return file;
}

std::optional<StagingTable::Named> StagingTable::next(FixedDirectory directory,
                                                      std::uint64_t from) const {
  const MutexLock lock(mutex_);
  for (auto at = files_.lower_bound(from); at != files_.end(); ++at) {
    const auto& [in, name] = at->second.name;
    if (in == directory) return Named{at->second.file, name};
  }
  return std::nullopt;
}

}  // namespace mappedpages::fs
