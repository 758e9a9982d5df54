#include "e2e/posix/script.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "e2e/posix/constants.hpp"

namespace mappedpages::test::posix {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view kArrow = "=>";
constexpr uid_t kNobody = 65534;

/// `{x*256}` and `""` replaced.
std::string expanded(std::string word) {
  if (word == "\"\"") return {};
  for (std::size_t begin = word.find('{'); begin != std::string::npos; begin = word.find('{')) {
    const std::size_t end = word.find('}', begin);
    const std::size_t times = std::stoul(word.substr(begin + 3, end - begin - 3));
    word.replace(begin, end - begin + 1, std::string(times, word.at(begin + 1)));
  }
  return word;
}

struct Line {
  std::string text{};
  std::vector<std::string> words{};
  std::string expected{};
  bool asserts = false;
};

bool is_errno(const std::string& said) {
  return said.size() > 2 && said.starts_with("E") && said.find(' ') == std::string::npos;
}

/// Nothing for a comment.
Line parse(const std::string& text) {
  Line line{.text = text};
  std::istringstream words(text.substr(0, text.find('#')));
  for (std::string word; words >> word;) {
    if (word == kArrow) {
      line.asserts = true;
    } else if (line.asserts) {
      line.expected += (line.expected.empty() ? "" : " ") + word;
    } else {
      line.words.push_back(expanded(word));
    }
  }
  line.expected = expanded(line.expected);
  return line;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) {
    Line parsed = parse(line);
    if (!parsed.words.empty()) lines.push_back(std::move(parsed));
  }
  return lines;
}

std::string make(State& state, const Words& words);

/// In a process of its own, as somebody else if `user` says so.
std::string in_child(State& state, const Words& words, uid_t user) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    if (user != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
                      ::setresuid(user, user, user) != 0)) {
      ::_exit(1);
    }
    std::signal(SIGBUS, SIG_DFL);  // A sanitizer would tell of it, and exit.
    const std::string said = make(state, words);
    ::_exit(::write(writing.get(), said.data(), said.size()) < 0 ? 1 : 0);
  }
  writing.reset();
  std::string said;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = ::read(reading.get(), part.data(), part.size())) > 0;) {
    said.append(part.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return ::sigabbrev_np(WTERMSIG(status));
  return said;
}

/// Which times of a file a call changes.
std::string changed(State& state, const Words& words) {
  struct stat before {};
  struct stat after {};
  if (::lstat(words.path(1), &before) != 0) return answer(-1);
  const std::string said = make(state, words.from(3));
  if (is_errno(said)) return said;
  if (::lstat(words.path(1), &after) != 0) return "gone";
  const auto differs = [](const timespec& a, const timespec& b) {
    return a.tv_sec != b.tv_sec || a.tv_nsec != b.tv_nsec;
  };
  std::string which;
  const auto add = [&which](const char* name) {
    which += (which.empty() ? "" : ",") + std::string(name);
  };
  if (differs(before.st_atim, after.st_atim)) add("atime");
  if (differs(before.st_mtim, after.st_mtim)) add("mtime");
  if (differs(before.st_ctim, after.st_ctim)) add("ctime");
  return which.empty() ? "nothing" : which;
}

/// A close does not wait for what it frees.
std::string soon(State& state, const Words& words) {
  for (;;) {
    std::string said = make(state, words);
    if (said != "EBUSY") return said;
  }
}

std::string make(State& state, const Words& words) {
  if (words.at(0) == "soon") return soon(state, words.from(1));
  if (words.at(0) == "nobody") return in_child(state, words.from(1), kNobody);
  if (words.at(0) == "child") return in_child(state, words.from(1), 0);
  if (words.at(0) == "changed") return changed(state, words);
  for (const Calls* calls : {&name_calls(), &file_calls(), &attribute_calls()}) {
    if (const auto at = calls->find(words.at(0)); at != calls->end()) {
      return at->second(state, words);
    }
  }
  return "there is no call " + words.at(0);
}

std::vector<const Table*>& tables() {
  static std::vector<const Table*> all;
  return all;
}

/// Paths in the tables are relative to the mountpoint.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const stdfs::path& directory) : before_(stdfs::current_path()) {
    stdfs::current_path(directory);
  }
  ~WorkingDirectory() { stdfs::current_path(before_); }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

 private:
  stdfs::path before_;
};

}  // namespace

// --- Words

long Words::number(std::size_t i) const {
  long sum = 0;
  std::istringstream parts(words_.at(i));
  for (std::string part; std::getline(parts, part, '|');) {
    if (const auto at = constants().find(part); at != constants().end()) {
      sum |= at->second;
      continue;
    }
    std::size_t used = 0;
    sum |= std::stol(part, &used, 0);
    if (used != part.size()) throw std::invalid_argument(part);
  }
  return sum;
}

long Words::number(std::size_t i, long otherwise) const {
  return has(i) && words_[i] != "as" ? number(i) : otherwise;
}

std::string Words::kept_as() const {
  return size() > 2 && words_[size() - 2] == "as" ? words_.back() : std::string();
}

int State::file(const std::string& name) const {
  if (const auto at = files.find(name); at != files.end()) return at->second.get();
  return std::stoi(name);
}

// --- Answers

std::string answer(long result) {
  return result < 0 ? ::strerrorname_np(errno) : "ok";
}

std::string count(long result) {
  return result < 0 ? ::strerrorname_np(errno) : std::to_string(result);
}

std::string text_of(std::string_view bytes) {
  std::string text(bytes);
  for (char& c : text) c = c == '\0' ? '.' : c;
  return text;
}

// --- Tables

Table::Table(std::string_view lines) : lines_(lines) {
  tables().push_back(this);
}

std::size_t Table::assertions() const {
  std::size_t asserted = 0;
  for (const Line& line : lines_of(lines_)) asserted += line.asserts ? 1 : 0;
  return asserted;
}

const std::vector<const Table*>& Table::all() {
  return tables();
}

void Posix::SetUp() {
  MountedTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  mount_again({"--create"});
  fs.ok(
      "mkdir alloc/pages/2@r alloc/protected/2@r; for f in pages protected; do "
      "printf tmp > $f/t; done; printf old > pages/3; printf old > protected/0; "
      "chmod 755 ..; printf other > ../other; mkdir ../directory");
}

void Posix::mount_again(const std::vector<std::string>& options) {
  if (fs.pid() != 0) fs.unmount();
  fs.mount(options);
}

void Posix::expect(const Table& table) const {
  const WorkingDirectory inside(fs.mountpoint());
  State state;
  for (const Line& line : lines_of(table.lines())) {
    const std::string said = make(state, Words(line.words));
    const bool right = line.asserts ? said == line.expected : !is_errno(said);
    if (!right) ADD_FAILURE() << line.text << "\nbut it is " << said;
  }
  std::cout << table.assertions() << " assertions\n";
}

}  // namespace mappedpages::test::posix
