#include "e2e/mounted_fs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/file_descriptor.hpp"

namespace mappedpages::test {
namespace {

std::string contents(int fd) {
  std::string text;
  std::array<char, 65536> part{};
  off_t at = 0;
  for (;;) {
    const ssize_t got = ::pread(fd, part.data(), part.size(), at);
    if (got <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
    at += got;
  }
}

/// A nameless file to collect output in. Unlike a pipe it can be read when the program has ended,
/// even if a daemon that it started still had it open.
FileDescriptor collector() {
  return FileDescriptor(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

}  // namespace

Ran run(const std::vector<std::string>& argv, const std::string& directory) {
  const FileDescriptor out = collector();
  const FileDescriptor err = collector();
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, STDIN_FILENO);
    ::dup2(out.get(), STDOUT_FILENO);
    ::dup2(err.get(), STDERR_FILENO);
    if (::chdir(directory.c_str()) != 0) ::_exit(126);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, contents(out.get()), contents(err.get())};
}

Ran shell(const std::string& line, const std::filesystem::path& directory) {
  return run({"bash", "-c", line}, directory.string());
}

Ran in_own_world(const std::string& line, const std::filesystem::path& directory) {
  const auto folder = [](const char* program) {
    return std::filesystem::path(program).parent_path().string();
  };
  const std::string path = folder(MAPPEDPAGESFS) + ":" + folder(MAPPEDPAGES) + ":";
  return run({"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c",
              "PATH=\"$0:$PATH\"; " + line, path},
             directory.string());
}

MountedFs::MountedFs() {
  std::filesystem::create_directory(mountpoint());
}

MountedFs::~MountedFs() {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
  if (pid_ != 0) wait_for_end();
  forget_half_made_mount();  // Dead or alive: nothing of it may be left.
}

Ran MountedFs::try_mount(const std::vector<std::string>& options) {
  std::vector<std::string> argv{MAPPEDPAGESFS};
  argv.insert(argv.end(), options.begin(), options.end());
  const std::string pid_file = dir_ / "pid";
  for (const std::string& word :
       {std::string("--pidfile"), pid_file, db().string(), mountpoint().string()}) {
    argv.push_back(word);
  }
  Ran ran = run(argv);
  if (ran.code == 0) std::ifstream(pid_file) >> pid_;
  return ran;
}

void MountedFs::mount(const std::vector<std::string>& options) {
  const Ran ran = try_mount(options);
  ASSERT_EQ(ran.code, 0) << ran.err;
  ASSERT_NE(pid_, 0) << "no pid file";
}

void MountedFs::unmount() {
  const Ran ran = run({"fusermount3", "-u", mountpoint().string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  wait_for_end();
}

void MountedFs::signal(int number) {
  ASSERT_TRUE(::kill(pid_, number) == 0 || number == 0);
  wait_for_end();
}

void MountedFs::forget_dead_mount() {
  EXPECT_EQ(run({"fusermount3", "-u", mountpoint().string()}).code, 0);
}

void MountedFs::forget_half_made_mount() {
  while (::umount2(mountpoint().c_str(), MNT_DETACH) == 0) {
  }
}

void MountedFs::wait_for_end() {
  // The daemon is no child of ours: a pidfd becomes readable when it ends.
  const FileDescriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  constexpr int kMilliseconds = 30000;
  pollfd waited{pidfd.get(), POLLIN, 0};
  if (pidfd) {
    EXPECT_EQ(::poll(&waited, 1, kMilliseconds), 1) << "the daemon does not end";
  }
  pid_ = 0;
}

std::string MountedFs::ok(const std::string& line) const {
  Ran ran = sh("set -e; " + line);
  EXPECT_EQ(ran.code, 0) << line << "\n" << ran.err;
  while (ran.out.ends_with('\n')) ran.out.pop_back();
  return ran.out;
}

void MountedTest::SetUp() {
  need_fuse();
}

void MountedTest::need_root() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Ran ran = in_own_world("true", "/");
  if (ran.code != 0) GTEST_SKIP() << "cannot make namespaces: " << ran.err;
}

void MountedTest::refused(int code, const std::vector<std::string>& options,
                          const std::vector<std::string>& words) {
  const std::string before = snapshot();
  const Ran ran = fs.try_mount(options);
  EXPECT_EQ(ran.code, code) << ran.err;
  EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("mappedpagesfs: ")) << ran.err;
  for (const std::string& word : words) {
    EXPECT_NE(ran.err.find(word), std::string::npos) << word << " in: " << ran.err;
  }
  EXPECT_EQ(snapshot(), before);
}

std::string MountedTest::snapshot() const {
  return shell("ls; stat -c '%n %s %y' db; test ! -f db || cksum < db", fs.directory()).out;
}

void MountedTest::fixture(const std::string& name) {
  std::filesystem::copy_file(std::filesystem::path(MAPPEDPAGES_FIXTURES) / (name + ".bin"), fs.db(),
                             std::filesystem::copy_options::overwrite_existing);
}

void need_fuse() {
  if (::access("/dev/fuse", R_OK | W_OK) == 0) return;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") FAIL() << "there is no /dev/fuse";
  GTEST_SKIP() << "there is no /dev/fuse";
}

}  // namespace mappedpages::test
