// Calls on descriptors and mappings.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "e2e/posix/script.hpp"

namespace mappedpages::test::posix {
namespace {

std::size_t size_of(const Words& words, std::size_t i) {
  return static_cast<std::size_t>(words.number(i));
}

// --- Bytes

std::string got(ssize_t size, const std::string& bytes) {
  if (size < 0) return answer(-1);
  return size == 0 ? "end" : text_of(bytes.substr(0, static_cast<std::size_t>(size)));
}

std::string read_here(State& state, const Words& words) {
  std::string bytes(size_of(words, 2), '\0');
  return got(::read(state.file(words.at(1)), bytes.data(), bytes.size()), bytes);
}

std::string read_at(State& state, const Words& words) {
  std::string bytes(size_of(words, 3), '\0');
  return got(::pread(state.file(words.at(1)), bytes.data(), bytes.size(), words.number(2)), bytes);
}

/// Into two buffers of that size.
std::string read_vector(State& state, const Words& words) {
  std::string bytes(2 * size_of(words, 2), '\0');
  const std::size_t half = bytes.size() / 2;
  const std::array<iovec, 2> parts{iovec{bytes.data(), half}, iovec{bytes.data() + half, half}};
  return got(::readv(state.file(words.at(1)), parts.data(), parts.size()), bytes);
}

std::string write_here(State& state, const Words& words) {
  return count(::write(state.file(words.at(1)), words.path(2), words.at(2).size()));
}

std::string write_at(State& state, const Words& words) {
  return count(
      ::pwrite(state.file(words.at(1)), words.path(3), words.at(3).size(), words.number(2)));
}

std::string write_vector(State& state, const Words& words) {
  std::vector<iovec> parts;
  for (std::size_t i = 2; words.has(i); ++i) {
    parts.push_back({const_cast<char*>(words.path(i)), words.at(i).size()});
  }
  return count(::writev(state.file(words.at(1)), parts.data(), static_cast<int>(parts.size())));
}

/// So many parts, all empty.
std::string write_parts(State& state, const Words& words) {
  const std::vector<iovec> parts(size_of(words, 2), iovec{nullptr, 0});
  return count(::writev(state.file(words.at(1)), parts.data(), static_cast<int>(parts.size())));
}

/// From memory that is not there.
std::string write_nowhere(State& state, const Words& words) {
  void* const hole = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const std::string said = count(::pwrite(state.file(words.at(1)), hole, 10, 0));
  ::munmap(hole, 4096);
  return said;
}

std::string read_nowhere(State& state, const Words& words) {
  void* const hole = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const std::string said = count(::pread(state.file(words.at(1)), hole, 10, 0));
  ::munmap(hole, 4096);
  return said;
}

// --- From one file to another

std::string copy_range(State& state, const Words& words) {
  off_t from = words.number(2);
  off_t to = words.number(4);
  return count(::copy_file_range(state.file(words.at(1)), &from, state.file(words.at(3)), &to,
                                 size_of(words, 5), 0));
}

std::string send_file(State& state, const Words& words) {
  off_t from = words.number(3);
  return count(
      ::sendfile(state.file(words.at(1)), state.file(words.at(2)), &from, size_of(words, 4)));
}

std::string splice_pipe(State& state, const Words& words) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  const FileDescriptor reading(ends[0]);
  const FileDescriptor writing(ends[1]);
  off_t from = words.number(2);
  std::string bytes(size_of(words, 3), '\0');
  const ssize_t moved =
      ::splice(state.file(words.at(1)), &from, writing.get(), nullptr, bytes.size(), 0);
  if (moved < 0) return answer(-1);
  return got(::read(reading.get(), bytes.data(), bytes.size()), bytes);
}

// --- Descriptors

std::string duplicate(State& state, const Words& words) {
  const int fd = ::dup(state.file(words.at(1)));
  if (fd < 0) return answer(-1);
  state.files.insert_or_assign(words.kept_as(), FileDescriptor(fd));
  return "ok";
}

/// `dup2 a b`: b is a, then.
std::string duplicate_onto(State& state, const Words& words) {
  return ::dup2(state.file(words.at(1)), state.file(words.at(2))) < 0 ? answer(-1) : "ok";
}

std::string close_file(State& state, const Words& words) {
  const auto at = state.files.find(words.at(1));
  if (at == state.files.end()) return answer(::close(std::stoi(words.at(1))));
  const std::string said = answer(::close(::dup(at->second.get())));
  at->second.reset();
  state.files.erase(at);
  return said;
}

std::string control(State& state, const Words& words) {
  return count(
      ::fcntl(state.file(words.at(1)), static_cast<int>(words.number(2)), words.number(3, 0)));
}

// --- Mappings

std::string map(State& state, const Words& words) {
  const std::size_t size = size_of(words, 2);
  void* const bytes =
      ::mmap(nullptr, size, static_cast<int>(words.number(3)), static_cast<int>(words.number(4)),
             state.file(words.at(1)), words.number(5, 0));
  if (bytes == MAP_FAILED) return answer(-1);
  Mapping mapping({static_cast<std::byte*>(bytes), size});
  if (!words.kept_as().empty()) {
    state.mappings.insert_or_assign(words.kept_as(), std::move(mapping));
  }
  return "ok";
}

char* in_mapping(State& state, const Words& words) {
  return reinterpret_cast<char*>(  // NOLINT(*-reinterpret-cast)
             state.mappings.at(words.at(1)).bytes().data()) +
         words.number(2);
}

std::string load(State& state, const Words& words) {
  return text_of({in_mapping(state, words), size_of(words, 3)});
}

std::string store(State& state, const Words& words) {
  std::memcpy(in_mapping(state, words), words.path(3), words.at(3).size());
  return "ok";
}

std::string sync_mapping(State& state, const Words& words) {
  const auto bytes = state.mappings.at(words.at(1)).bytes();
  return answer(::msync(bytes.data(), bytes.size(), static_cast<int>(words.number(2))));
}

std::string allocate(State& state, const Words& words) {
  return answer(::fallocate(state.file(words.at(1)), static_cast<int>(words.number(2)),
                            words.number(3), words.number(4)));
}

/// Which returns its error.
std::string allocate_posix(State& state, const Words& words) {
  const int error = ::posix_fallocate(state.file(words.at(1)), words.number(2), words.number(3));
  return error == 0 ? "ok" : ::strerrorname_np(error);
}

}  // namespace

const Calls& file_calls() {
  static const Calls calls{
      {"read", read_here},
      {"pread", read_at},
      {"readv", read_vector},
      {"write", write_here},
      {"pwrite", write_at},
      {"writev", write_vector},
      {"write_parts", write_parts},
      {"write_nowhere", write_nowhere},
      {"read_nowhere", read_nowhere},
      {"lseek",
       [](State& state, const Words& words) {
         return count(
             ::lseek(state.file(words.at(1)), words.number(2), static_cast<int>(words.number(3))));
       }},
      {"fsync",
       [](State& state, const Words& words) { return answer(::fsync(state.file(words.at(1)))); }},
      {"fdatasync",
       [](State& state, const Words& words) {
         return answer(::fdatasync(state.file(words.at(1))));
       }},
      {"syncfs",
       [](State& state, const Words& words) { return answer(::syncfs(state.file(words.at(1)))); }},
      {"ftruncate",
       [](State& state, const Words& words) {
         return answer(::ftruncate(state.file(words.at(1)), words.number(2)));
       }},
      {"fallocate", allocate},
      {"posix_fallocate", allocate_posix},
      {"copy_file_range", copy_range},
      {"sendfile", send_file},
      {"splice", splice_pipe},
      {"dup", duplicate},
      {"dup2", duplicate_onto},
      {"close", close_file},
      {"fcntl", control},
      {"mmap", map},
      {"load", load},
      {"store", store},
      {"msync", sync_mapping},
  };
  return calls;
}

}  // namespace mappedpages::test::posix
