#include "support/fuse_file.hpp"

#define FUSE_USE_VERSION 312
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

namespace mappedpages::test {
namespace {

constexpr unsigned kLargestTransfer = 1U << 20U;

FaultyDevice& device_of(fuse_req_t req) {
  return *static_cast<FaultyDevice*>(fuse_req_userdata(req));
}

std::uint64_t unsigned_of(off_t offset) {
  return static_cast<std::uint64_t>(offset);
}

/// Not by `FaultyDevice::size`: nobody asked for it, or the kernel did.
struct stat facts_of(fuse_req_t req) {
  struct stat facts {};
  facts.st_ino = FUSE_ROOT_ID;
  facts.st_mode = S_IFREG | 0600;
  facts.st_nlink = 1;
  facts.st_uid = ::getuid();
  facts.st_gid = ::getgid();
  facts.st_size = static_cast<off_t>(device_of(req).disk()->size());
  return facts;
}

void init(void* /*device*/, fuse_conn_info* connection) {
  connection->max_write = kLargestTransfer;
}

void getattr(fuse_req_t req, fuse_ino_t /*inode*/, fuse_file_info* /*info*/) {
  const struct stat facts = facts_of(req);
  fuse_reply_attr(req, &facts, 0);
}

void setattr(fuse_req_t req, fuse_ino_t inode, struct stat* wanted, int set, fuse_file_info* info) {
  if ((set & FUSE_SET_ATTR_SIZE) != 0) {
    const int result = device_of(req).truncate(unsigned_of(wanted->st_size));
    if (result != 0) return void(fuse_reply_err(req, -result));
  }
  getattr(req, inode, info);
}

void open(fuse_req_t req, fuse_ino_t /*inode*/, fuse_file_info* info) {
  info->direct_io = 1;
  info->noflush = 1;
  fuse_reply_open(req, info);
}

void read(fuse_req_t req, fuse_ino_t /*inode*/, std::size_t size, off_t offset,
          fuse_file_info* /*info*/) {
  std::vector<std::byte> bytes(size);
  const auto got = device_of(req).read(unsigned_of(offset), bytes);
  if (got < 0) return void(fuse_reply_err(req, static_cast<int>(-got)));
  fuse_reply_buf(req, reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(got));
}

void write(fuse_req_t req, fuse_ino_t /*inode*/, const char* data, std::size_t size, off_t offset,
           fuse_file_info* info) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto put = (info->flags & O_DSYNC) != 0
                       ? device_of(req).write_and_sync(unsigned_of(offset), bytes)
                       : device_of(req).write(unsigned_of(offset), bytes);
  if (put < 0) return void(fuse_reply_err(req, static_cast<int>(-put)));
  fuse_reply_write(req, static_cast<std::size_t>(put));
}

void fsync(fuse_req_t req, fuse_ino_t /*inode*/, int /*data_only*/, fuse_file_info* /*info*/) {
  fuse_reply_err(req, -device_of(req).sync());
}

void fallocate(fuse_req_t req, fuse_ino_t /*inode*/, int mode, off_t offset, off_t length,
               fuse_file_info* /*info*/) {
  if (mode != 0) return void(fuse_reply_err(req, EOPNOTSUPP));
  fuse_reply_err(req, -device_of(req).reserve(unsigned_of(offset + length)));
}

const fuse_lowlevel_ops& callbacks() {
  static const fuse_lowlevel_ops ops = [] {
    fuse_lowlevel_ops made{};
    made.init = init;
    made.getattr = getattr;
    made.setattr = setattr;
    made.open = open;
    made.read = read;
    made.write = write;
    made.fsync = fsync;
    made.fallocate = fallocate;
    return made;
  }();
  return ops;
}

}  // namespace

FuseFile::FuseFile(std::shared_ptr<FaultyDevice> device)
    : device_(std::move(device)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  std::ofstream(path()).close();
  fuse_args args{0, nullptr, 0};
  fuse_opt_add_arg(&args, "device");
  fuse_opt_add_arg(&args, "-ofsname=device,subtype=test");
  session_ = fuse_session_new(&args, &callbacks(), sizeof(fuse_lowlevel_ops), device_.get());
  fuse_opt_free_args(&args);
  if (session_ == nullptr || fuse_session_mount(session_, path().c_str()) != 0) {
    ADD_FAILURE() << "cannot mount a file of FUSE";
    return;
  }
  thread_ = std::thread([this] { serve(); });
}

FuseFile::~FuseFile() {
  (void)::eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) {
    thread_.join();
    // Closes /dev/fuse first, which fails every request that is left, then unmounts lazily.
    fuse_session_unmount(session_);
  }
  if (session_ != nullptr) fuse_session_destroy(session_);
  while (::umount2(path().c_str(), MNT_DETACH) == 0) {
  }
}

void FuseFile::serve() {
  fuse_buf buffer{};
  std::array<pollfd, 2> waited{pollfd{stop_.get(), POLLIN, 0},
                               pollfd{fuse_session_fd(session_), POLLIN, 0}};
  while (fuse_session_exited(session_) == 0) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) break;
    if (waited[0].revents != 0) break;
    if (waited[1].revents == 0) continue;
    const int got = fuse_session_receive_buf(session_, &buffer);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got <= 0) break;  // Unmounted by somebody else.
    fuse_session_process_buf(session_, &buffer);
  }
  std::free(buffer.mem);  // NOLINT(*-no-malloc,*-owning-memory): libfuse allocated it.
}

}  // namespace mappedpages::test
