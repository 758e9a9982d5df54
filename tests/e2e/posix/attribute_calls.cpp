// Facts, times, locks and listings.
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

// --- Facts

std::string type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "link";
    default:
      return "something else";
  }
}

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777);
  return text.data();
}

std::string time_text(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

/// The named fields of a file.
std::string fields(const struct stat& facts, const Words& words) {
  std::string said;
  for (std::size_t i = 2; words.has(i); ++i) {
    const std::string& name = words.at(i);
    said += said.empty() ? "" : " ";
    if (name == "type") said += type_of(facts.st_mode);
    if (name == "mode") said += octal(facts.st_mode);
    if (name == "nlink") said += std::to_string(facts.st_nlink);
    if (name == "size") said += std::to_string(facts.st_size);
    if (name == "blocks") said += std::to_string(facts.st_blocks);
    if (name == "blksize") said += std::to_string(facts.st_blksize);
    if (name == "uid") said += std::to_string(facts.st_uid);
    if (name == "gid") said += std::to_string(facts.st_gid);
    if (name == "rdev") said += std::to_string(facts.st_rdev);
    if (name == "atime") said += time_text(facts.st_atim);
    if (name == "mtime") said += time_text(facts.st_mtim);
  }
  return said;
}

std::string stat_path(State& /*state*/, const Words& words) {
  struct stat facts {};
  return ::stat(words.path(1), &facts) != 0 ? answer(-1) : fields(facts, words);
}

std::string stat_link(State& /*state*/, const Words& words) {
  struct stat facts {};
  return ::lstat(words.path(1), &facts) != 0 ? answer(-1) : fields(facts, words);
}

std::string stat_file(State& state, const Words& words) {
  struct stat facts {};
  return ::fstat(state.file(words.at(1)), &facts) != 0 ? answer(-1) : fields(facts, words);
}

/// Whether two paths, or a path and a descriptor, are one file.
std::string same(State& state, const Words& words) {
  struct stat a {};
  struct stat b {};
  if (::stat(words.path(1), &a) != 0) return answer(-1);
  const auto file = state.files.find(words.at(2));
  const int second =
      file == state.files.end() ? ::stat(words.path(2), &b) : ::fstat(file->second.get(), &b);
  if (second != 0) return answer(-1);
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "yes" : "no";
}

/// Which times of a file are later than the mtime of another.
std::string newer(State& /*state*/, const Words& words) {
  struct stat a {};
  struct stat b {};
  if (::stat(words.path(1), &a) != 0 || ::stat(words.path(2), &b) != 0) return answer(-1);
  const auto later = [&b](const timespec& time) {
    return std::pair(time.tv_sec, time.tv_nsec) > std::pair(b.st_mtim.tv_sec, b.st_mtim.tv_nsec);
  };
  std::string which;
  if (later(a.st_atim)) which += "atime,";
  if (later(a.st_mtim)) which += "mtime,";
  if (later(a.st_ctim)) which += "ctime,";
  if (which.empty()) return "nothing";
  which.pop_back();
  return which;
}

std::string statfs_path(State& /*state*/, const Words& words) {
  struct statvfs facts {};
  if (::statvfs(words.path(1), &facts) != 0) return answer(-1);
  const std::string& name = words.at(2);
  if (name == "bsize") return std::to_string(facts.f_bsize);
  if (name == "frsize") return std::to_string(facts.f_frsize);
  if (name == "blocks") return std::to_string(facts.f_blocks);
  if (name == "bfree") return std::to_string(facts.f_bfree);
  if (name == "files") return std::to_string(facts.f_files - facts.f_ffree);
  if (name == "namemax") return std::to_string(facts.f_namemax);
  if (name == "readonly") return (facts.f_flag & ST_RDONLY) != 0 ? "yes" : "no";
  return "there is no field " + name;
}

// --- Changes of facts

/// `utimensat PATH ATIME MTIME [FLAGS]`, times as SECONDS.NANOSECONDS, `now` or `omit`.
timespec time_of(const std::string& text) {
  if (text == "now") return {0, UTIME_NOW};
  if (text == "omit") return {0, UTIME_OMIT};
  const std::size_t dot = text.find('.');
  const long nanoseconds = dot == std::string::npos ? 0 : std::stol(text.substr(dot + 1));
  return {std::stol(text.substr(0, dot)), nanoseconds};
}

std::string set_times(State& /*state*/, const Words& words) {
  const std::array<timespec, 2> times{time_of(words.at(2)), time_of(words.at(3))};
  return answer(
      ::utimensat(AT_FDCWD, words.path(1), times.data(), static_cast<int>(words.number(4, 0))));
}

std::string set_file_times(State& state, const Words& words) {
  const std::array<timespec, 2> times{time_of(words.at(2)), time_of(words.at(3))};
  return answer(::futimens(state.file(words.at(1)), times.data()));
}

std::string touch(State& /*state*/, const Words& words) {
  return answer(::utimensat(AT_FDCWD, words.path(1), nullptr, 0));
}

std::string change_owner(State& /*state*/, const Words& words) {
  return answer(::chown(words.path(1), static_cast<uid_t>(words.number(2)),
                        static_cast<gid_t>(words.number(3))));
}

std::string change_link_owner(State& /*state*/, const Words& words) {
  return answer(::lchown(words.path(1), static_cast<uid_t>(words.number(2)),
                         static_cast<gid_t>(words.number(3))));
}

std::string set_attribute(State& /*state*/, const Words& words) {
  return answer(
      ::lsetxattr(words.path(1), words.path(2), "v", 1, static_cast<int>(words.number(3, 0))));
}

std::string control_file(State& state, const Words& words) {
  long room = 0;  // For what it says.
  const int done =
      ::ioctl(state.file(words.at(1)), static_cast<unsigned long>(words.number(2)), &room);
  return done < 0 ? answer(-1) : std::to_string(room);
}

// --- Locks

/// `lock FD F_WRLCK START LENGTH`
std::string lock_range(State& state, const Words& words) {
  struct flock range {};
  range.l_type = static_cast<short>(words.number(2));
  range.l_whence = SEEK_SET;
  range.l_start = words.number(3);
  range.l_len = words.number(4);
  return answer(::fcntl(state.file(words.at(1)), F_SETLK, &range));
}

// --- Listings

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory directory_at(const char* path) {
  return {::opendir(path), ::closedir};
}

/// The names, sorted; the number of them with `count`.
std::string list(State& /*state*/, const Words& words) {
  const Directory directory = directory_at(words.path(1));
  if (!directory) return answer(-1);
  std::multiset<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) names.insert(entry->d_name);
  std::string said;
  for (const std::string& name : names) said += (said.empty() ? "" : " ") + name;
  return said;
}

/// Whether each entry has the inode and the type that lstat(2) says.
std::string list_facts(State& /*state*/, const Words& words) {
  const Directory directory = directory_at(words.path(1));
  if (!directory) return answer(-1);
  while (const dirent* entry = ::readdir(directory.get())) {
    struct stat facts {};
    if (::fstatat(::dirfd(directory.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      return std::string(entry->d_name) + " " + answer(-1);
    }
    if (facts.st_ino != entry->d_ino ||
        static_cast<mode_t>(DTTOIF(entry->d_type)) != (facts.st_mode & S_IFMT)) {
      return std::string(entry->d_name) + " differs";
    }
  }
  return "ok";
}

/// Goes back to each place that telldir(3) named, and finds the entry that stood there.
std::string seek_listing(State& /*state*/, const Words& words) {
  const Directory directory = directory_at(words.path(1));
  if (!directory) return answer(-1);
  std::vector<std::pair<long, std::string>> places;
  for (long place = ::telldir(directory.get());; place = ::telldir(directory.get())) {
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    places.emplace_back(place, entry->d_name);
  }
  for (auto at = places.rbegin(); at != places.rend(); ++at) {
    ::seekdir(directory.get(), at->first);
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr || at->second != entry->d_name) return at->second + " is not there";
  }
  ::rewinddir(directory.get());
  const dirent* first = ::readdir(directory.get());
  return first != nullptr && places.front().second == first->d_name ? "ok" : "no beginning";
}

}  // namespace

const Calls& attribute_calls() {
  static const Calls calls{
      {"stat", stat_path},
      {"lstat", stat_link},
      {"fstat", stat_file},
      {"same", same},
      {"newer", newer},
      {"statfs", statfs_path},
      {"chmod",
       [](State&, const Words& words) {
         return answer(::chmod(words.path(1), static_cast<mode_t>(words.number(2))));
       }},
      {"fchmod",
       [](State& state, const Words& words) {
         return answer(::fchmod(state.file(words.at(1)), static_cast<mode_t>(words.number(2))));
       }},
      {"chown", change_owner},
      {"lchown", change_link_owner},
      {"utimensat", set_times},
      {"futimens", set_file_times},
      {"touch", touch},
      {"setxattr", set_attribute},
      {"getxattr",
       [](State&, const Words& words) {
         return count(::lgetxattr(words.path(1), words.path(2), nullptr, 0));
       }},
      {"listxattr",
       [](State&, const Words& words) { return count(::llistxattr(words.path(1), nullptr, 0)); }},
      {"removexattr",
       [](State&, const Words& words) {
         return answer(::lremovexattr(words.path(1), words.path(2)));
       }},
      {"ioctl", control_file},
      {"flock",
       [](State& state, const Words& words) {
         return answer(::flock(state.file(words.at(1)), static_cast<int>(words.number(2))));
       }},
      {"lock", lock_range},
      {"list", list},
      {"list_facts", list_facts},
      {"seek_listing", seek_listing},
  };
  return calls;
}

}  // namespace mappedpages::test::posix
