#include "io/posix_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/try.hpp"
#include "io/file_lock.hpp"
#include "io/posix_error.hpp"

namespace mappedpages::io {
namespace {

constexpr mode_t kOwnerOnly = 0600;

Result<off_t> to_off_t(std::uint64_t offset) {
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return posix_error("offset " + std::to_string(offset), EFBIG);
  }
  return static_cast<off_t>(offset);
}

class PosixFile final : public StorageFile {
 public:
  PosixFile(FileDescriptor fd, std::string name, bool no_sync)
      : fd_(std::move(fd)), name_(std::move(name)), no_sync_(no_sync) {}

  [[nodiscard]] Result<std::uint64_t> size() const override {
    struct stat facts {};
    if (::fstat(fd_.get(), &facts) != 0) return posix_error("cannot stat " + name_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      TRY_ASSIGN(const off_t at, to_off_t(offset));
      const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return posix_error("cannot read " + name_);
      if (got == 0) {
        return posix_error(name_ + " ends before byte " + std::to_string(offset + out.size()), 0);
      }
      offset += static_cast<std::uint64_t>(got);
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return write_all(offset, bytes, 0);
  }

  Status write_and_sync(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (no_sync_) return write_at(offset, bytes);
    auto done = write_all(offset, bytes, RWF_DSYNC);
    if (done || !lacks_dsync_writes(done.error())) return done;
    TRY(write_at(offset, bytes));
    return sync();
  }

  Status reserve(std::uint64_t size) override {
    TRY_ASSIGN(const off_t end, to_off_t(size));
    if (end == 0) return {};
    TRY_ASSIGN(const std::uint64_t before, this->size());
    while (::fallocate(fd_.get(), 0, 0, end) != 0) {
      if (errno == EINTR) continue;
      if (errno == EOPNOTSUPP || errno == ENOSYS) return grow(size, end);
      auto error = posix_error("cannot reserve " + std::to_string(size) + " bytes for " + name_);
      // Some filesystems keep what they could get, and leave nothing to anybody else.
      if (before < size) (void)!::ftruncate(fd_.get(), static_cast<off_t>(before));
      return error;
    }
    return {};
  }

  Status sync() override {
    if (no_sync_) return {};
    // Not repeated after EINTR or anything else: a flush that failed once proves nothing later.
    if (::fdatasync(fd_.get()) != 0) return posix_error("cannot flush " + name_);
    return {};
  }

  [[nodiscard]] Result<Mapping> map(std::uint64_t offset, std::size_t size,
                                    bool writable) const override {
    TRY_ASSIGN(const off_t at, to_off_t(offset));
    const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void* const begin = ::mmap(nullptr, size, protection, MAP_SHARED, fd_.get(), at);
    if (begin == MAP_FAILED) return posix_error("cannot map " + name_);
    return Mapping({static_cast<std::byte*>(begin), size});
  }

  Result<bool> clone_from(const StorageFile& source) override {
    const auto* file = dynamic_cast<const PosixFile*>(&source);
    if (file == nullptr) return false;
    if (::ioctl(fd_.get(), FICLONE, file->fd_.get()) == 0) return true;
    // Another filesystem, or one that cannot: each has its own word for it.
    constexpr std::array kCannot{EOPNOTSUPP, ENOTTY, ENOSYS, EXDEV, EINVAL, EPERM};
    if (std::ranges::find(kCannot, errno) != kCannot.end()) return false;
    return posix_error("cannot clone " + source.name() + " to " + name_);
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  static bool lacks_dsync_writes(const Error& error) {
    return error.os_error() == EOPNOTSUPP || error.os_error() == ENOSYS;
  }

  Status write_all(std::uint64_t offset, std::span<const std::byte> bytes, int flags) {
    while (!bytes.empty()) {
      TRY_ASSIGN(const off_t at, to_off_t(offset));
      // pwritev2 takes its bytes as void*; it does not write to them.
      const iovec part{const_cast<std::byte*>(bytes.data()),  // NOLINT(*-const-cast)
                       bytes.size()};
      const ssize_t put = ::pwritev2(fd_.get(), &part, 1, at, flags);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return posix_error("cannot write " + name_);
      // Neither progress nor a reason: some filesystems of others do that, perhaps for ever.
      if (put == 0) return posix_error("cannot write " + name_, EIO);
      offset += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

  /// Growth where the filesystem cannot reserve space.
  Status grow(std::uint64_t size, off_t end) {
    TRY_ASSIGN(const std::uint64_t now, this->size());
    if (now < size && ::ftruncate(fd_.get(), end) != 0) return posix_error("cannot grow " + name_);
    return {};
  }

  FileDescriptor fd_;
  std::string name_;
  bool no_sync_;
};

Status require_regular_file(int fd, const std::string& name) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return posix_error("cannot stat " + name);
  if (S_ISDIR(facts.st_mode)) return posix_error("cannot open " + name, EISDIR);
  if (!S_ISREG(facts.st_mode)) return posix_error(name + " is not a regular file", 0);
  return {};
}

Status sync_directory(const std::filesystem::path& directory) {
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return posix_error("cannot flush " + directory.string());
  return {};
}

Status fill_and_sync(FileDescriptor fd, const std::string& name,
                     const std::function<Status(StorageFile&)>& fill) {
  PosixFile file(std::move(fd), name, false);
  TRY(fill(file));
  return file.sync();
}

tl::unexpected<Error> already_exists(const std::string& name) {
  return tl::unexpected(Error(ErrorCode::AlreadyExists, name + " exists already"));
}

bool is_unsupported(int os_error) {
  return os_error == EINVAL || os_error == ENOSYS || os_error == EOPNOTSUPP || os_error == EPERM;
}

/// Gives a finished file its name, and never replaces anything. Filesystems differ in how they can
/// do that; the last resort holds the name with an empty file, which a crash can leave.
int publish(const char* temporary, const char* path) {
  if (::renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) return 0;
  if (!is_unsupported(errno)) return errno;
  if (::link(temporary, path) == 0) return ::unlink(temporary) == 0 ? 0 : errno;
  if (!is_unsupported(errno)) return errno;
  const FileDescriptor name(::open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kOwnerOnly));
  if (!name) return errno;
  if (::rename(temporary, path) == 0) return 0;
  const int os_error = errno;
  ::unlink(path);
  return os_error;
}

/// For filesystems without O_TMPFILE: a temporary name beside the final one.
Status create_by_rename(const std::filesystem::path& path,
                        const std::function<Status(StorageFile&)>& fill) {
  std::string temporary = path.string() + ".XXXXXX";
  FileDescriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return posix_error("cannot create " + temporary);
  auto done = fill_and_sync(std::move(fd), path.string(), fill);
  if (done) {
    const int os_error = publish(temporary.c_str(), path.c_str());
    if (os_error == EEXIST) done = already_exists(path.string());
    if (os_error != 0 && os_error != EEXIST) {
      done = posix_error("cannot create " + path.string(), os_error);
    }
  }
  if (!done) ::unlink(temporary.c_str());
  return done;
}

}  // namespace

Result<std::unique_ptr<StorageFile>> open_posix_file(const std::filesystem::path& path,
                                                     const PosixOpenOptions& options) {
  // O_NONBLOCK: opening a FIFO must fail below and not wait for its other end.
  const int mode = options.read_only ? O_RDONLY : O_RDWR;
  FileDescriptor fd(::open(path.c_str(), mode | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return posix_error("cannot open " + path.string());
  TRY(require_regular_file(fd.get(), path.string()));
  TRY(lock_file(fd.get(), path.string(), options.read_only ? LockKind::Shared : LockKind::Exclusive,
                options.lock_wait));
  return std::make_unique<PosixFile>(std::move(fd), path.string(), options.no_sync);
}

Status create_posix_file(const std::filesystem::path& path,
                         const std::function<Status(StorageFile&)>& fill) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) return already_exists(path.string());
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  FileDescriptor fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kOwnerOnly));
  if (!fd && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOSYS) {
    return posix_error("cannot create " + path.string());
  }
  if (!fd) {
    TRY(create_by_rename(path, fill));
    return sync_directory(directory);
  }
  // The name is made from a second descriptor: the first goes with the file object that fills it.
  FileDescriptor filler(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!filler) return posix_error("cannot create " + path.string());
  TRY(fill_and_sync(std::move(filler), path.string(), fill));
  const std::string unnamed = "/proc/self/fd/" + std::to_string(fd.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    if (errno == EEXIST) return already_exists(path.string());
    return posix_error("cannot create " + path.string());
  }
  return sync_directory(directory);
}

}  // namespace mappedpages::io
