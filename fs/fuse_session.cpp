#include "fs/fuse_session.hpp"

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>

#include "base/file_descriptor.hpp"
#include "fs/ending_signals.hpp"
#include "fs/fuse_callbacks.hpp"

namespace mappedpages::fs {
namespace {

/// For how long the kernel may keep what it knows, in seconds: all changes come through the mount.
constexpr double kLongTimeout = 86400;

/// For what the workers have begun when the end comes.
constexpr std::chrono::seconds kLongestFinish{5};

/// A thread that commits waits for the disk: with fewer of them fewer could share a flush.
constexpr unsigned kMaxThreads = 64;

/// Arguments in the form that libfuse takes them.
class Arguments {
 public:
  Arguments() { add("mappedpagesfs"); }
  ~Arguments() {
    fuse_opt_free_args(&args_);
    std::free(options_);  // NOLINT(*-no-malloc,*-owning-memory): libfuse allocated it.
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  void add(const char* word) { fuse_opt_add_arg(&args_, word); }

  /// A value of -o; commas in it are escaped.
  void add_option(const std::string& option) {
    fuse_opt_add_opt_escaped(&options_, option.c_str());
  }

  fuse_args* get() {
    if (options_ != nullptr) {
      add("-o");
      add(options_);
      std::free(std::exchange(options_, nullptr));  // NOLINT(*-no-malloc,*-owning-memory)
    }
    return &args_;
  }

 private:
  fuse_args args_{0, nullptr, 0};
  char* options_ = nullptr;
};

/// Takes what this process and its children say on stderr while it lives: libfuse and fusermount3
/// know why a mount failed, and tell nobody else.
class StderrCapture {
 public:
  StderrCapture() : file_(::memfd_create("stderr", MFD_CLOEXEC)), saved_(::dup(STDERR_FILENO)) {
    ::dup2(file_.get(), STDERR_FILENO);
  }
  ~StderrCapture() { end(); }
  StderrCapture(const StderrCapture&) = delete;
  StderrCapture& operator=(const StderrCapture&) = delete;

  /// What was said, in one line. Ends it.
  std::string text() {
    const FileDescriptor file = end();
    char said[1024];
    const ssize_t size = ::pread(file.get(), said, sizeof said, 0);
    std::string line(said, size > 0 ? static_cast<std::size_t>(size) : 0);
    while (line.ends_with('\n')) line.pop_back();
    for (char& c : line) c = c == '\n' ? ' ' : c;
    return line;
  }

 private:
  FileDescriptor end() {
    if (saved_) ::dup2(saved_.get(), STDERR_FILENO);
    saved_.reset();
    return std::move(file_);
  }

  FileDescriptor file_;
  FileDescriptor saved_;
};

struct SessionDeleter {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};
using SessionPtr = std::unique_ptr<fuse_session, SessionDeleter>;

class Mounted {
 public:
  explicit Mounted(fuse_session* session) : session_(session) {}
  ~Mounted() { fuse_session_unmount(session_); }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;

 private:
  fuse_session* session_;
};

void describe(Arguments& arguments, const Options& options, const MountPlace& place) {
  arguments.add_option("fsname=" + place.db.string());
  for (const char* option : {"subtype=mappedpagesfs", "nosuid", "nodev", "noexec"}) {
    arguments.add_option(option);
  }
  if (options.read_only) arguments.add_option("ro");
  if (options.allow_other) {
    arguments.add_option("allow_other");
    arguments.add_option("default_permissions");
  }
  if (options.debug) arguments.add("-d");
}

tl::unexpected<Failure> fuse_failure(const std::string& what, const std::string& why) {
  return tl::unexpected(Failure{ExitCode::Fuse, why.empty() ? what : what + ": " + why});
}

int run_loop(fuse_session* session, bool single_threaded) {
  if (single_threaded) return fuse_session_loop(session);
  const std::unique_ptr<fuse_loop_config, void (*)(fuse_loop_config*)> config(
      fuse_loop_cfg_create(), fuse_loop_cfg_destroy);
  fuse_loop_cfg_set_max_threads(config.get(), kMaxThreads);
  return fuse_session_loop_mt(session, config.get());
}

}  // namespace

// --- What the kernel keeps

// An inode that the kernel does not know, or a kernel that is too old: nothing is cached then.

void KernelCache::drop(Inode inode) const {
  (void)fuse_lowlevel_notify_inval_inode(session_, inode.bits(), 0, 0);
}

void KernelCache::drop_attributes(Inode inode) const {
  constexpr off_t kNoBytes = -1;
  (void)fuse_lowlevel_notify_inval_inode(session_, inode.bits(), kNoBytes, 0);
}

void KernelCache::forget(Inode page) const {
  const bool is_regular = page.kind() == InodeKind::Page;
  const Inode directory = is_regular ? FixedDirectory::Pages : FixedDirectory::Protected;
  const std::string name = std::to_string(page.number());
  (void)fuse_lowlevel_notify_inval_entry(session_, directory.bits(), name.c_str(), name.size());
  drop_attributes(page);
}

bool KernelCache::store(Inode inode, std::uint64_t offset, std::span<const std::byte> bytes) const {
  fuse_bufvec buffer{};  // As FUSE_BUFVEC_INIT, which is C.
  buffer.count = 1;
  buffer.buf[0].size = bytes.size();
  // libfuse reads from it alone.
  buffer.buf[0].mem = const_cast<std::byte*>(bytes.data());  // NOLINT(*-const-cast)
  buffer.buf[0].fd = -1;
  return fuse_lowlevel_notify_store(session_, inode.bits(), static_cast<off_t>(offset), &buffer,
                                    FUSE_BUF_NO_SPLICE) == 0;
}

// --- The mount

Outcome<void> serve(Namespace& tree, const Options& options, const MountPlace& place,
                    const std::function<void()>& mounted) {
  Arguments arguments;
  describe(arguments, options, place);
  // With one thread nothing can tell the kernel of a change while a request waits.
  CallbackContext context{
      .tree = tree, .timeout = options.single_threaded ? 0 : kLongTimeout, .mounted = mounted};
  StderrCapture said;
  const SessionPtr session(
      fuse_session_new(arguments.get(), &callbacks(), sizeof(fuse_lowlevel_ops), &context));
  if (!session) return fuse_failure("libfuse does not start", said.text());
  EndingSignals signals([&session] { fuse_session_exit(session.get()); });
  KernelCache cache(session.get());
  // They end before the session does, and each before those that it hands work to.
  Worker renamer;
  Worker notifier;
  Worker forgetter;
  context.cache = &cache;
  context.notifier = &notifier;
  context.renamer = &renamer;
  context.forgetter = &forgetter;
  tree.tell_outdated(
      [&notifier, &cache](Inode page) { notifier.later([&cache, page] { cache.drop(page); }); });
  if (fuse_session_mount(session.get(), place.mountpoint.c_str()) != 0) {
    return fuse_failure("cannot mount on " + place.mountpoint.string(), said.text());
  }
  const Mounted mount(session.get());
  (void)said.text();
  const int result = run_loop(session.get(), options.single_threaded);
  signals.over();
  // libfuse closes the connection when it unmounts, and looks at nothing before it uses it: what
  // they tell the kernel must not go to whatever has that descriptor next, and who waits for them
  // is to be answered. They may hand work to each other. Not for ever: the kernel may let one of
  // them wait for an answer that nobody gives any more.
  for (Worker* worker : {&notifier, &renamer, &forgetter, &notifier}) {
    worker->drain(kLongestFinish);
  }
  if (result >= 0) return {};
  return tl::unexpected(Failure{ExitCode::Runtime, "the connection to the kernel failed (error " +
                                                       std::to_string(-result) + ")"});
}

}  // namespace mappedpages::fs
