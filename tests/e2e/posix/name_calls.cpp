// Calls on names.
#include <fcntl.h>
#include <stdio.h>  // NOLINT(modernize-deprecated-headers): renameat2 is not in <cstdio>.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

mode_t mode_of(const Words& words, std::size_t i, long otherwise) {
  return static_cast<mode_t>(words.number(i, otherwise));
}

/// Keeps a descriptor, or closes it.
std::string opened(State& state, const Words& words, int fd) {
  if (fd < 0) return answer(-1);
  const std::string name = words.kept_as();
  if (name.empty()) return answer(::close(fd));
  state.files.insert_or_assign(name, FileDescriptor(fd));
  return "ok";
}

std::string open_path(State& state, const Words& words) {
  const int flags = static_cast<int>(words.number(2)) | O_CLOEXEC;
  return opened(state, words, ::open(words.path(1), flags, mode_of(words, 3, 0600)));
}

std::string open_below(State& state, const Words& words) {
  const int flags = static_cast<int>(words.number(3)) | O_CLOEXEC;
  return opened(state, words, ::openat(state.file(words.at(1)), words.path(2), flags, 0600));
}

std::string read_link(State& /*state*/, const Words& words) {
  std::array<char, 4096> target{};
  const auto room = static_cast<std::size_t>(words.number(2, target.size()));
  const ssize_t length = ::readlink(words.path(1), target.data(), room);
  return length < 0 ? answer(-1) : std::string(target.data(), static_cast<std::size_t>(length));
}

std::string rename_with_flags(State& /*state*/, const Words& words) {
  const auto flags = static_cast<unsigned>(words.number(3));
  return answer(::renameat2(AT_FDCWD, words.path(1), AT_FDCWD, words.path(2), flags));
}

std::string unlink_below(State& state, const Words& words) {
  const int flags = static_cast<int>(words.number(3, 0));
  return answer(::unlinkat(state.file(words.at(1)), words.path(2), flags));
}

std::string link_open_file(State& state, const Words& words) {
  return answer(::linkat(state.file(words.at(1)), "", AT_FDCWD, words.path(2), AT_EMPTY_PATH));
}

}  // namespace

const Calls& name_calls() {
  static const Calls calls{
      {"open", open_path},
      {"openat", open_below},
      {"creat",
       [](State& state, const Words& words) {
         return opened(state, words, ::creat(words.path(1), mode_of(words, 2, 0600)));
       }},
      {"mkdir",
       [](State&, const Words& words) {
         return answer(::mkdir(words.path(1), mode_of(words, 2, 0700)));
       }},
      {"rmdir", [](State&, const Words& words) { return answer(::rmdir(words.path(1))); }},
      {"unlink", [](State&, const Words& words) { return answer(::unlink(words.path(1))); }},
      {"unlinkat", unlink_below},
      {"rename",
       [](State&, const Words& words) { return answer(::rename(words.path(1), words.path(2))); }},
      {"renameat2", rename_with_flags},
      {"link",
       [](State&, const Words& words) { return answer(::link(words.path(1), words.path(2))); }},
      {"linkfd", link_open_file},
      {"symlink",
       [](State&, const Words& words) { return answer(::symlink(words.path(1), words.path(2))); }},
      {"readlink", read_link},
      {"mkfifo", [](State&, const Words& words) { return answer(::mkfifo(words.path(1), 0600)); }},
      {"mknod",
       [](State&, const Words& words) {
         return answer(::mknod(words.path(1), mode_of(words, 2, 0) | 0600U, 0));
       }},
      {"truncate",
       [](State&, const Words& words) {
         return answer(::truncate(words.path(1), words.number(2)));
       }},
      {"access",
       [](State&, const Words& words) {
         return answer(::access(words.path(1), static_cast<int>(words.number(2))));
       }},
      {"chdir",
       [](State&, const Words& words) {
         const FileDescriptor before(::open(".", O_PATH | O_CLOEXEC));
         const std::string said = answer(::chdir(words.path(1)));
         return ::fchdir(before.get()) == 0 ? said : "there is no way back";
       }},
  };
  return calls;
}

}  // namespace mappedpages::test::posix
