#include "e2e/faulty_mount.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "base/file_descriptor.hpp"
#include "mappedpages/engine.hpp"
#include "support/crash_image.hpp"
#include "support/memory_file.hpp"
#include "support/recording_file.hpp"

namespace mappedpages::test {
namespace {

namespace stdfs = std::filesystem;

std::string contents_of(const stdfs::path& path, int flags) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  std::string bytes(FaultyMount::kPage, '?');
  const ssize_t got = fd ? ::pread(fd.get(), bytes.data(), bytes.size(), 0) : -1;
  EXPECT_EQ(got, static_cast<ssize_t>(bytes.size())) << path << ": " << std::strerror(errno);
  return bytes;
}

std::vector<std::byte> bytes_of(const stdfs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

/// Pages 3, 4, 6 and 7, and protected pages 0 to 2, each filled with a letter of its own.
void fill(Engine& engine) {
  const auto letters = [](int letter) {
    return std::vector<std::byte>(FaultyMount::kPage, static_cast<std::byte>(letter));
  };
  ASSERT_TRUE(engine.alloc_bulk(PageCount{5}));
  ASSERT_TRUE(engine.free(PageNumber{5}));
  ASSERT_TRUE(engine.alloc_at(PageNumber{5}));
  ASSERT_TRUE(engine.alloc_protected_bulk(PageCount{3}));
  ASSERT_TRUE(engine.free(PageNumber{5}));
  for (const PageNumber page : engine.pages()) {
    ASSERT_TRUE(engine.write(page, 0, letters('A' + static_cast<int>(page.value))));
  }
  for (const ProtectedNumber page : engine.protected_pages()) {
    const auto bytes = letters('P' + static_cast<int>(page.value));
    ASSERT_TRUE(engine.commit({.writes = {{page, bytes}}}));
  }
  ASSERT_TRUE(engine.close());
}

}  // namespace

void FaultyMount::SetUp() {
  MountedTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  const auto first = fs.directory() / "base";
  ASSERT_TRUE(Engine::create(first, {.page_size = kPage, .pages = PageCount{24}}));
  {
    auto engine = Engine::open(first);
    ASSERT_TRUE(engine);
    fill(**engine);
  }
  base_ = bytes_of(first);
  disk = std::make_shared<Disk>(base_);
  device->use(disk);
  file_ = std::make_unique<FuseFile>(device);
  ASSERT_TRUE(file_->mounted());
  stdfs::create_symlink(file_->path(), fs.db());
}

void FaultyMount::mount_base() {
  disk = std::make_shared<Disk>(base_);
  device->use(disk);
  stdfs::remove(fs.directory() / "log");
  mount_again();
}

void FaultyMount::mount_again() {
  fs.mount({"--log-file", (fs.directory() / "log").string()});
}

PageContents FaultyMount::look(bool cached_too) const {
  PageContents seen;
  for (const std::string directory : {"pages", "protected"}) {
    for (const auto& entry : stdfs::directory_iterator(fs.mountpoint() / directory)) {
      const std::string name = directory + '/' + entry.path().filename().string();
      seen[name] = contents_of(entry.path(), O_DIRECT);
      if (cached_too) {
        EXPECT_TRUE(contents_of(entry.path(), 0) == seen[name])
            << name << ": the kernel has other bytes cached";
      }
    }
  }
  return seen;
}

PageContents FaultyMount::look_at_disk() const {
  const auto copy =
      std::make_shared<Disk>(std::vector<std::byte>(disk->cache().begin(), disk->cache().end()));
  const auto report = Engine::check(RecordingFile(copy));
  EXPECT_TRUE(report && report->ok) << "the check finds damage";
  PageContents seen;
  auto engine = Engine::open(std::make_unique<RecordingFile>(copy));
  EXPECT_TRUE(engine) << engine.error().message();
  if (!engine) return seen;
  const auto put = [&](const std::string& name, const auto& read) {
    std::vector<std::byte> bytes(kPage);
    const auto done = read(bytes);
    EXPECT_TRUE(done) << name << ": " << done.error().message();
    std::string& text = seen[name];
    for (const std::byte byte : bytes) text += static_cast<char>(byte);
  };
  for (const PageNumber page : (*engine)->pages()) {
    put("pages/" + std::to_string(page.value),
        [&](std::span<std::byte> out) { return (*engine)->read(page, 0, out); });
  }
  for (const ProtectedNumber page : (*engine)->protected_pages()) {
    put("protected/" + std::to_string(page.value),
        [&](std::span<std::byte> out) { return (*engine)->read(page, out); });
  }
  return seen;
}

std::string FaultyMount::log() const {
  std::ifstream file(fs.directory() / "log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void FaultyMount::crash(bool power_cut, Random& random) {
  fs.signal(SIGKILL);
  fs.forget_dead_mount();
  disk->kill();
  if (power_cut) disk->cut(PowerCuts(*disk, random, {}).any(), random.chance(.5));
}

}  // namespace mappedpages::test
