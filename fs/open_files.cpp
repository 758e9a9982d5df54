#include "fs/open_files.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace mappedpages::fs {

std::uint64_t OpenFiles::add(std::shared_ptr<OpenFile> file) {
  const MutexLock lock(mutex_);
  const std::uint64_t handle = next_handle_++;
  files_.emplace(handle, std::move(file));
  return handle;
}

Answer<std::shared_ptr<OpenFile>> OpenFiles::find(std::uint64_t handle) const {
  const MutexLock lock(mutex_);
  const auto at = files_.find(handle);
  if (at == files_.end()) return fail(Reason::NotOpen);
  return at->second;
}

void OpenFiles::release(std::uint64_t handle) {
  std::shared_ptr<OpenFile> file;
  {
    const MutexLock lock(mutex_);
    const auto at = files_.find(handle);
    if (at == files_.end()) return;
    file = std::move(at->second);
    files_.erase(at);
  }
  file->release();
}

bool OpenFiles::discard_stage(ProtectedNumber page) const {
  std::vector<std::shared_ptr<OpenFile>> candidates;
  {
    const MutexLock lock(mutex_);
    for (const auto& [handle, file] : files_) {
      if (file->inode() == Inode(page)) candidates.push_back(file);
    }
  }
  // Asked without the lock: a file that commits answers when it has done so.
  return std::ranges::any_of(candidates, [](const auto& file) { return file->discard_stage(); });
}

std::shared_ptr<OpenFile> OpenFiles::just_opened(Inode inode, pid_t opener) const {
  // The last one first: before it the thread may have opened others, and done nothing with them.
  std::map<std::uint64_t, std::shared_ptr<OpenFile>, std::greater<>> candidates;
  {
    const MutexLock lock(mutex_);
    for (const auto& [handle, file] : files_) {
      if (file->inode() == inode) candidates.emplace(handle, file);
    }
  }
  // Asked without the lock: a file that commits answers when it has done so.
  for (auto& [handle, file] : candidates) {
    if (file->awaits_truncation(opener)) return std::move(file);
  }
  return nullptr;
}

}  // namespace mappedpages::fs
