#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "e2e/faulty_mount.hpp"

namespace mappedpages::test {
namespace {

namespace stdfs = std::filesystem;

/// Calls on one descriptor, up to the first that fails.
class Calls {
 public:
  Calls(const stdfs::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)), os_error_(fd_ < 0 ? errno : 0) {}
  ~Calls() {
    if (fd_ >= 0) ::close(fd_);
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  template <class Call>
  Calls& then(const Call& call) {
    if (os_error_ == 0 && call(fd_) < 0) os_error_ = errno;
    return *this;
  }
  Calls& write(std::size_t size, char c, off_t offset) {
    return then([&](int fd) { return ::pwrite(fd, std::string(size, c).data(), size, offset); });
  }
  Calls& sync() { return then(::fsync); }

  /// Also closes: that may be the call that fails.
  int end() {
    if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0 && os_error_ == 0) os_error_ = errno;
    return os_error_;
  }

 private:
  int fd_;
  int os_error_;
};

int errno_if(int result) {
  return result == 0 ? 0 : errno;
}

MountOperation make_receipt(const std::string& name, const std::string& receipt) {
  return {name, [receipt](const stdfs::path& m) {
            return errno_if(::mkdir((m / "alloc" / receipt).c_str(), 0700));
          }};
}

MountOperation unlink_page(const std::string& page) {
  return {"unlink " + page,
          [page](const stdfs::path& m) { return errno_if(::unlink((m / page).c_str())); }};
}

int create_far(const stdfs::path& m) {
  return Calls(m / "pages/200", O_CREAT | O_EXCL | O_RDWR).end();
}

int write_and_fsync(const stdfs::path& m) {
  return Calls(m / "pages/4", O_WRONLY).write(3000, 'a', 500).sync().end();
}

int write_dsync(const stdfs::path& m) {
  return Calls(m / "pages/4", O_WRONLY | O_DSYNC).write(1000, 'b', 0).end();
}

int punch_and_fsync(const stdfs::path& m) {
  return Calls(m / "pages/4", O_WRONLY)
      .then([](int fd) {
        return ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 50);
      })
      .sync()
      .end();
}

int truncate_page(const stdfs::path& m) {
  // So that the kernel has something cached that is not true any more.
  const int cached = Calls(m / "pages/4", O_RDONLY)
                         .then([](int fd) {
                           std::array<char, FaultyMount::kPage> bytes{};
                           return ::pread(fd, bytes.data(), bytes.size(), 0);
                         })
                         .end();
  if (cached != 0) return cached;
  return errno_if(::truncate((m / "pages/4").c_str(), 100));
}

int store_and_msync(const stdfs::path& m) {
  constexpr std::size_t kSize = FaultyMount::kPage;
  return Calls(m / "pages/4", O_RDWR)
      .then([](int fd) {
        void* const bytes = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED) return -1;
        // A read that fails would be a signal.
        std::array<char, kSize> now{};
        if (::pread(fd, now.data(), kSize, 0) < 0) return ::munmap(bytes, kSize), -1;
        std::memset(bytes, 'm', 2000);
        const int synced = ::msync(bytes, kSize, MS_SYNC);
        const int os_error = errno;
        ::munmap(bytes, kSize);
        errno = os_error;
        return synced;
      })
      .end();
}

int commit_by_fsync(const stdfs::path& m) {
  return Calls(m / "protected/1", O_WRONLY).write(2000, 'c', 1000).sync().end();
}

int commit_by_close(const stdfs::path& m) {
  return Calls(m / "protected/1", O_WRONLY).write(1000, 'd', 100).end();
}

int replace_protected(const stdfs::path& m) {
  return Calls(m / "protected/1", O_WRONLY | O_TRUNC).write(700, 'e', 0).end();
}

int truncate_protected(const stdfs::path& m) {
  return errno_if(::truncate((m / "protected/1").c_str(), 50));
}

int read_page(const stdfs::path& m, const char* page) {
  return Calls(m / page, O_RDONLY)
      .then([](int fd) {
        std::array<char, FaultyMount::kPage> bytes{};
        return ::pread(fd, bytes.data(), bytes.size(), 0);
      })
      .end();
}

int statistics(const stdfs::path& m) {
  struct statvfs facts {};
  return errno_if(::statvfs(m.c_str(), &facts));
}

}  // namespace

const std::vector<MountOperation>& mount_operations() {
  static const std::vector<MountOperation> all{
      {"statfs", statistics, {}, false},
      {"read pages/6", [](const stdfs::path& m) { return read_page(m, "pages/6"); }, {}, false},
      {"read protected/2",
       [](const stdfs::path& m) { return read_page(m, "protected/2"); },
       {},
       false},
      make_receipt("alloc a page", "pages/r"),
      make_receipt("alloc a protected page", "protected/r"),
      make_receipt("alloc many pages", "pages/3@r"),
      make_receipt("alloc more than there are", "pages/40@r"),
      {"create pages/200", create_far},
      unlink_page("pages/3"),
      unlink_page("protected/0"),
      {"write and fsync", write_and_fsync, "pages/4"},
      {"write with O_DSYNC", write_dsync, "pages/4"},
      {"punch and fsync", punch_and_fsync, "pages/4"},
      {"truncate pages/4", truncate_page, "pages/4"},
      {"store and msync", store_and_msync, "pages/4"},
      {"commit by fsync", commit_by_fsync},
      {"commit by close", commit_by_close},
      {"O_TRUNC, write, close", replace_protected},
      {"truncate protected/1", truncate_protected},
  };
  return all;
}

}  // namespace mappedpages::test
