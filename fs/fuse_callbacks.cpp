#include "fs/fuse_callbacks.hpp"

#define FUSE_USE_VERSION 312
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "fs/process.hpp"

namespace mappedpages::fs {
namespace {

CallbackContext& context_of(fuse_req_t req) {
  return *static_cast<CallbackContext*>(fuse_req_userdata(req));
}
Namespace& tree_of(fuse_req_t req) {
  return context_of(req).tree;
}

/// A request to be answered.
struct Call {
  Call(fuse_req_t request, Operation operation, fuse_ino_t inode, const char* name = "")
      : req(request), asked{operation, Inode(inode), name} {}

  fuse_req_t req;
  Asked asked;
};

/// The only place that answers with an errno.
void reply(const Call& call, const Errno& error) {
  tree_of(call.req).note_failure(call.asked, error);
  fuse_reply_err(call.req, error.value);
}

void reply(const Call& call, const Done& done) {
  if (!done) return reply(call, done.error());
  fuse_reply_err(call.req, 0);
}

fuse_entry_param entry_param(const CallbackContext& context, const Entry& entry) {
  fuse_entry_param param{};
  param.ino = entry.inode.bits();
  param.generation = entry.generation;
  param.attr = entry.attributes;
  param.entry_timeout = entry.lasting_name ? context.timeout : 0;
  param.attr_timeout = entry.lasting_attributes ? context.timeout : 0;
  return param;
}

void reply(const Call& call, const Answer<Entry>& entry) {
  if (!entry) return reply(call, entry.error());
  const fuse_entry_param param = entry_param(context_of(call.req), *entry);
  fuse_reply_entry(call.req, &param);
}

void reply_attributes(const Call& call, const Answer<Entry>& entry) {
  if (!entry) return reply(call, entry.error());
  const double timeout = entry->lasting_attributes ? context_of(call.req).timeout : 0;
  fuse_reply_attr(call.req, &entry->attributes, timeout);
}

void describe(const Opened& opened, fuse_file_info& info) {
  info.fh = opened.handle;
  info.keep_cache = opened.cached;
  info.noflush = opened.cached;
  info.direct_io = !opened.cached;
}

std::span<const std::byte> bytes_of(const char* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

/// Numbers that come from the kernel as signed, and are not negative.
std::uint64_t unsigned_of(off_t offset) {
  return static_cast<std::uint64_t>(offset);
}

// --- The session

void init(void* user_data, fuse_conn_info* connection) {
  auto& context = *static_cast<CallbackContext*>(user_data);
  // All changes come through this mount: what the kernel has cached stays true, and comparing times
  // before each read would only cost requests.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
  // With it the kernel takes a file that is opened with O_TRUNC for empty, until it asks again.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_ATOMIC_O_TRUNC);
  connection->want |= connection->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_CACHE_SYMLINKS);
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO);
  constexpr unsigned kLargestTransfer = 1U << 20U;
  connection->max_write = kLargestTransfer;
  connection->max_readahead = kLargestTransfer;
  context.mounted();
}

// --- What the kernel has cached

/// The bytes of a page as they are now, from `offset` on, go into the kernel's cache. It sees no
/// reason to doubt what it has there, mappings included, where the size stays as it was.
void refresh_cache(const CallbackContext& context, Inode inode, std::uint64_t offset,
                   std::size_t size) {
  const auto opened = context.tree.open(inode, O_RDONLY);
  if (!opened) return;
  const auto file = context.tree.file(opened->handle);
  constexpr std::size_t kAtOnce = std::size_t{1} << 17U;
  while (file && size != 0) {
    const auto bytes = (*file)->read(offset, std::min(size, kAtOnce));
    if (!bytes || bytes->empty() || !context.cache->store(inode, offset, *bytes)) break;
    offset += bytes->size();
    size -= bytes->size();
  }
  context.tree.release(opened->handle);
}

/// Bytes of a page were changed past the kernel's cache: what was stored into mappings elsewhere in
/// it stays, and so does what is stored from now on.
void renew_cache(const CallbackContext& context, Inode inode, std::uint64_t offset,
                 std::size_t size) {
  refresh_cache(context, inode, offset, size);
  context.cache->drop(inode);
}

/// Answers a request of an open file by `act(file, passed)`. `inode` is what it was opened under:
/// where that is a staging file that has become a regular page, the kernel may have the page's
/// bytes under another inode. What is dirty there is written back before; the page is `passed`, so
/// that a change can be told behind it.
template <class Act>
void with_file(const Call& call, const fuse_file_info& info, Act act) {
  CallbackContext& context = context_of(call.req);
  const auto file = context.tree.file(info.fh);
  if (!file) return reply(call, file.error());
  const Inode opened_as = call.asked.inode;
  const auto passed = context.tree.page_behind(opened_as);
  if (!passed) return act(**file, passed);
  context.notifier->later([&context, opened_as, file = *file, passed, act = std::move(act)] {
    context.cache->drop(*passed);
    act(*file, passed);
    // sendfile(2) reads into the kernel's cache even where nothing else does. Not here: the
    // next
    // request that fills it is answered by this thread.
    context.renamer->later([&context, opened_as] { context.cache->drop(opened_as); });
  });
}

// --- Names

void lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  reply({req, Operation::Lookup, parent, name}, tree_of(req).lookup(Inode(parent), name));
}

void forget(fuse_req_t req, fuse_ino_t /*inode*/, std::uint64_t /*count*/) {
  fuse_reply_none(req);  // Inode numbers are arithmetic: nothing is kept for them.
}

void forget_multi(fuse_req_t req, std::size_t /*count*/, fuse_forget_data* /*forgets*/) {
  fuse_reply_none(req);
}

void readlink(fuse_req_t req, fuse_ino_t inode) {
  const auto target = tree_of(req).read_link(Inode(inode));
  if (!target) return reply({req, Operation::ReadLink, inode}, target.error());
  fuse_reply_readlink(req, target->c_str());
}

void mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t /*mode*/) {
  const auto made = tree_of(req).make_directory(Inode(parent), name);
  // The kernel knows that `parent` has changed, and not where the pages are.
  if (made) {
    context_of(req).cache->drop_attributes(Namespace::pages_allocated_in(Inode(parent)));
  }
  reply({req, Operation::MakeDirectory, parent, name}, made);
}

void rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  reply({req, Operation::RemoveDirectory, parent, name},
        tree_of(req).remove_directory(Inode(parent), name));
}

void unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  reply({req, Operation::Remove, parent, name}, tree_of(req).remove(Inode(parent), name));
}

void mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t /*mode*/, dev_t /*device*/) {
  reply({req, Operation::MakeLink, parent, name}, Errno(Reason::MakesNoLinks));
}

void symlink(fuse_req_t req, const char* /*target*/, fuse_ino_t parent, const char* name) {
  reply({req, Operation::MakeLink, parent, name}, Errno(Reason::MakesNoLinks));
}

void link(fuse_req_t req, fuse_ino_t /*inode*/, fuse_ino_t parent, const char* name) {
  reply({req, Operation::MakeLink, parent, name}, Errno(Reason::MakesNoLinks));
}

/// In a thread that answers nothing else, because it waits for the kernel. The kernel makes one
/// rename in a directory at a time in any case.
void rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  CallbackContext& context = context_of(req);
  context.renamer->later([=, &context, name = std::string(name), new_name = std::string(new_name)] {
    Namespace& tree = context.tree;
    const auto source = tree.lookup(Inode(parent), name);
    const auto there = tree.lookup(Inode(new_parent), new_name);
    const bool cached = there && there->inode.kind() == InodeKind::Page;
    // What was stored into mappings before comes before the new content, and not over it.
    if (cached) context.cache->drop(there->inode);
    const Done done = tree.rename(Inode(parent), name, Inode(new_parent), new_name, flags);
    if (cached) renew_cache(context, there->inode, 0, SIZE_MAX);
    // What sendfile(2) has read into these.
    if (source) context.cache->drop(source->inode);
    if (there && !cached) context.cache->drop(there->inode);
    reply({req, Operation::Rename, parent, name.c_str()}, done);
  });
}

// --- Attributes

void getattr(fuse_req_t req, fuse_ino_t inode, fuse_file_info* /*info*/) {
  reply_attributes({req, Operation::Stat, inode}, tree_of(req).get(Inode(inode)));
}

AttributeChange change_of(const struct stat& wanted, int set) {
  AttributeChange change;
  if ((set & FUSE_SET_ATTR_MODE) != 0) change.mode = wanted.st_mode;
  if ((set & FUSE_SET_ATTR_UID) != 0) change.uid = wanted.st_uid;
  if ((set & FUSE_SET_ATTR_GID) != 0) change.gid = wanted.st_gid;
  if ((set & FUSE_SET_ATTR_ATIME) != 0) change.atime = wanted.st_atim;
  if ((set & FUSE_SET_ATTR_MTIME) != 0) change.mtime = wanted.st_mtim;
  if ((set & FUSE_SET_ATTR_ATIME_NOW) != 0) change.atime = now();
  if ((set & FUSE_SET_ATTR_MTIME_NOW) != 0) change.mtime = now();
  return change;
}

Done truncate(fuse_req_t req, Inode inode, std::uint64_t size, const fuse_file_info* info) {
  Namespace& tree = tree_of(req);
  if (info == nullptr) return tree.truncate(inode, size, fuse_req_ctx(req)->pid);
  const auto file = tree.file(info->fh);
  if (!file) return tl::unexpected(file.error());
  return (*file)->truncate(size);
}

/// What a truncation cut off goes into the kernel's cache as zeros. It leaves the size as it was,
/// so that the kernel sees no reason to doubt what it has cached, mappings included. The bytes
/// before are not touched: those that were stored into a mapping may not have come here yet.
void zero_cache(const CallbackContext& context, Inode inode, std::uint64_t from) {
  const auto entry = context.tree.get(inode);
  const std::uint64_t end = entry ? unsigned_of(entry->attributes.st_size) : 0;
  constexpr std::uint64_t kAtOnce = std::uint64_t{1} << 17U;
  std::vector<std::byte> zeros(from < end ? std::min(end - from, kAtOnce) : 0);
  for (std::uint64_t offset = from; offset < end; offset += zeros.size()) {
    zeros.resize(std::min<std::uint64_t>(end - offset, zeros.size()));
    if (!context.cache->store(inode, offset, zeros)) break;
  }
}

void setattr(fuse_req_t req, fuse_ino_t inode, struct stat* wanted, int set, fuse_file_info* info) {
  CallbackContext& context = context_of(req);
  const bool truncates = (set & FUSE_SET_ATTR_SIZE) != 0;
  const Call call(req, truncates ? Operation::Truncate : Operation::SetAttributes, inode);
  const std::uint64_t size = unsigned_of(wanted->st_size);
  Done done;
  if (truncates) done = truncate(req, Inode(inode), size, info);
  if (done) done = context.tree.change_attributes(Inode(inode), change_of(*wanted, set));
  if (!done) return reply(call, done);
  const auto passed = context.tree.page_behind(Inode(inode));
  const bool cached = truncates && Inode(inode).kind() == InodeKind::Page;
  if (!cached && !passed) return reply_attributes(call, context.tree.get(Inode(inode)));
  context.notifier->later([=, &context] {
    if (truncates) zero_cache(context, passed.value_or(Inode(inode)), size);
    if (passed) context.cache->drop(*passed);
    reply_attributes(call, context.tree.get(Inode(inode)));
  });
}

void setxattr(fuse_req_t req, fuse_ino_t inode, const char* /*name*/, const char* /*value*/,
              std::size_t /*size*/, int /*flags*/) {
  reply({req, Operation::SetXattr, inode}, Errno(Reason::NoXattrs));
}

void statfs(fuse_req_t req, fuse_ino_t /*inode*/) {
  const struct statvfs facts = tree_of(req).statistics();
  fuse_reply_statfs(req, &facts);
}

// --- Listings

/// Entries encoded for the kernel, as many as it has room for.
class ListingBuffer {
 public:
  ListingBuffer(fuse_req_t req, std::size_t size, bool with_attributes)
      : req_(req), bytes_(size), with_attributes_(with_attributes) {}

  bool add(const std::string& name, const Entry& entry, std::uint64_t next_offset) {
    const auto room = std::span(bytes_).subspan(used_);
    const auto offset = static_cast<off_t>(next_offset);
    std::size_t needed = 0;
    // "." and ".." carry no lookup: the kernel must not be told of an inode it does not ask for.
    if (with_attributes_) {
      const fuse_entry_param param = name == "." || name == ".."
                                         ? without_lookup(entry)
                                         : entry_param(context_of(req_), entry);
      needed = fuse_add_direntry_plus(req_, room.data(), room.size(), name.c_str(), &param, offset);
    } else {
      needed = fuse_add_direntry(req_, room.data(), room.size(), name.c_str(), &entry.attributes,
                                 offset);
    }
    if (needed > room.size()) return false;
    used_ += needed;
    return true;
  }

  [[nodiscard]] std::span<const char> bytes() const { return std::span(bytes_).first(used_); }

 private:
  static fuse_entry_param without_lookup(const Entry& entry) {
    fuse_entry_param param{};
    param.attr = entry.attributes;
    return param;
  }

  fuse_req_t req_;
  std::vector<char> bytes_;
  std::size_t used_ = 0;
  bool with_attributes_;
};

void list(fuse_req_t req, fuse_ino_t inode, std::size_t size, off_t offset, bool with_attributes) {
  ListingBuffer buffer(req, size, with_attributes);
  const Done done = tree_of(req).list(
      Inode(inode), unsigned_of(offset),
      [&buffer](std::string_view name, const Entry& entry, std::uint64_t next_offset) {
        return buffer.add(std::string(name), entry, next_offset);
      });
  if (!done) return reply({req, Operation::List, inode}, done);
  fuse_reply_buf(req, buffer.bytes().data(), buffer.bytes().size());
}

void readdir(fuse_req_t req, fuse_ino_t inode, std::size_t size, off_t offset,
             fuse_file_info* /*info*/) {
  list(req, inode, size, offset, false);
}

void readdirplus(fuse_req_t req, fuse_ino_t inode, std::size_t size, off_t offset,
                 fuse_file_info* /*info*/) {
  list(req, inode, size, offset, true);
}

// --- Files

void create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t /*mode*/,
            fuse_file_info* info) {
  const auto created = tree_of(req).create(Inode(parent), name, info->flags);
  if (!created) return reply({req, Operation::Create, parent, name}, created.error());
  const auto& [entry, opened] = *created;
  describe(opened, *info);
  const fuse_entry_param param = entry_param(context_of(req), entry);
  if (fuse_reply_create(req, &param, info) == -ENOENT) tree_of(req).release(opened.handle);
}

void open(fuse_req_t req, fuse_ino_t inode, fuse_file_info* info) {
  Namespace& tree = tree_of(req);
  const auto opened = tree.open(Inode(inode), info->flags, fuse_req_ctx(req)->pid);
  if (!opened) return reply({req, Operation::Open, inode}, opened.error());
  describe(*opened, *info);
  // Interrupted: nobody has the descriptor, and no release will come.
  if (fuse_reply_open(req, info) == -ENOENT) tree.release(opened->handle);
}

void read(fuse_req_t req, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* info) {
  const Call call(req, Operation::Read, inode);
  with_file(call, *info, [=](OpenFile& file, std::optional<Inode> /*passed*/) {
    const auto bytes = file.read(unsigned_of(offset), size);
    if (!bytes) return reply(call, bytes.error());
    fuse_reply_buf(req, reinterpret_cast<const char*>(bytes->data()),  // NOLINT(*-reinterpret-cast)
                   bytes->size());
  });
}

/// What it freed the kernel forgets before the answer.
void write_command(const Call& call, std::string_view text) {
  CallbackContext& context = context_of(call.req);
  Commanded commanded = context.tree.run_commands(text);
  const auto answer = [call, done = commanded.done, size = text.size()] {
    if (!done) return reply(call, done);
    fuse_reply_write(call.req, size);
  };
  if (commanded.freed.empty() || context.timeout == 0) return answer();
  context.forgetter->later([&context, freed = std::move(commanded.freed), answer] {
    for (const Inode page : freed) context.cache->forget(page);
    answer();
  });
}

void write(fuse_req_t req, fuse_ino_t inode, const char* data, std::size_t size, off_t offset,
           fuse_file_info* info) {
  const Call call(req, Operation::Write, inode);
  if (Inode(inode).is(ControlFile::Command)) return write_command(call, {data, size});
  // The answer may come later, when `data` is gone.
  const bool is_staging = Inode(inode).kind() == InodeKind::Staging;
  const auto kept = std::make_shared<const std::string>(data, is_staging ? size : 0);
  const auto bytes = bytes_of(is_staging ? kept->data() : data, size);
  with_file(call, *info, [=](OpenFile& file, std::optional<Inode> passed) {
    const Done done = file.write(unsigned_of(offset), bytes);
    if (!done) return reply(call, done);
    if (passed) renew_cache(context_of(req), *passed, unsigned_of(offset), size);
    fuse_reply_write(req, kept->empty() ? size : kept->size());
  });
}

void flush(fuse_req_t req, fuse_ino_t inode, fuse_file_info* info) {
  const Call call(req, Operation::Close, inode);
  const auto file = tree_of(req).file(info->fh);
  if (!file) return reply(call, file.error());
  const pid_t pid = fuse_req_ctx(req)->pid;
  reply(call, (*file)->flush([pid] {
    return is_dying_by_signal(pid) ? FlushFrom::DyingProcess : FlushFrom::LivingProcess;
  }));
}

void release(fuse_req_t req, fuse_ino_t /*inode*/, fuse_file_info* info) {
  tree_of(req).release(info->fh);
  fuse_reply_err(req, 0);
}

void fsync(fuse_req_t req, fuse_ino_t inode, int /*data_only*/, fuse_file_info* info) {
  const Call call(req, Operation::Sync, inode);
  const auto file = tree_of(req).file(info->fh);
  if (!file) return reply(call, file.error());
  reply(call, (*file)->sync());
}

void fsyncdir(fuse_req_t req, fuse_ino_t /*inode*/, int /*data_only*/, fuse_file_info* /*info*/) {
  fuse_reply_err(req, 0);  // Names are durable when the call that makes them returns.
}

void fallocate(fuse_req_t req, fuse_ino_t inode, int mode, off_t offset, off_t length,
               fuse_file_info* info) {
  const Call call(req, Operation::Allocate, inode);
  with_file(call, *info, [=](OpenFile& file, std::optional<Inode> passed) {
    const Done done = file.allocate(mode, unsigned_of(offset), unsigned_of(length));
    if (done && passed) {
      renew_cache(context_of(req), *passed, unsigned_of(offset), unsigned_of(length));
    }
    reply(call, done);
  });
}

fuse_lowlevel_ops make_callbacks() {
  fuse_lowlevel_ops ops{};
  ops.init = init;
  ops.lookup = lookup;
  ops.forget = forget;
  ops.forget_multi = forget_multi;
  ops.getattr = getattr;
  ops.setattr = setattr;
  ops.readlink = readlink;
  ops.mknod = mknod;
  ops.mkdir = mkdir;
  ops.unlink = unlink;
  ops.rmdir = rmdir;
  ops.symlink = symlink;
  ops.rename = rename;
  ops.link = link;
  ops.open = open;
  ops.read = read;
  ops.write = write;
  ops.flush = flush;
  ops.release = release;
  ops.fsync = fsync;
  ops.readdir = readdir;
  ops.readdirplus = readdirplus;
  ops.fsyncdir = fsyncdir;
  ops.statfs = statfs;
  ops.setxattr = setxattr;
  ops.create = create;
  ops.fallocate = fallocate;
  return ops;
}

}  // namespace

const fuse_lowlevel_ops& callbacks() {
  static const fuse_lowlevel_ops ops = make_callbacks();
  return ops;
}

}  // namespace mappedpages::fs
