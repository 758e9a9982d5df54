#include "fs/daemon.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "base/open_failure.hpp"
#include "base/text.hpp"
#include "fs/log.hpp"
#include "fs/mountpoint.hpp"
#include "fs/pid_file.hpp"
#include "fs/service_manager.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {
namespace {

namespace stdfs = std::filesystem;

/// fusermount3 -u can return before the old daemon has let go of the file.
constexpr std::chrono::seconds kLockWait{5};

std::string advice_for_system_error(int os_error, const Options& options, const stdfs::path& db) {
  if (os_error != EACCES && os_error != EROFS && os_error != EPERM) return "";
  const bool readable = ::access(db.c_str(), R_OK) == 0;
  if (readable && !options.read_only) return "; to read it, mount with -o ro";
  return "; are you allowed to use it, and its directories?";
}

/// What the user can do about it.
std::string advice_for(const Error& error, const Options& options, const stdfs::path& db) {
  std::string check = "; see: mappedpages check " + shell_word(options.db);
  if (error.code() == ErrorCode::NeedsRecovery && !options.untrusted) {
    return check + "; then mount with -o ro to look, or -o recover to use what is left";
  }
  switch (open_failure(error.code())) {
    case OpenFailure::Damaged:
      return check;
    case OpenFailure::Locked:
      return "; end it or unmount it, then try again";
    case OpenFailure::NotAPagerFile:
      return "; is it the right file?";
    case OpenFailure::CannotOpen:
      return advice_for_system_error(error.os_error(), options, db);
  }
  return "";
}

Failure open_failure(const Error& error, const Options& options, const stdfs::path& db) {
  return {static_cast<ExitCode>(open_failure(error.code())),
          error.message() + advice_for(error, options, db)};
}

Outcome<void> check_db_exists(const Options& options, const stdfs::path& db) {
  struct stat facts {};
  const bool exists = ::stat(db.c_str(), &facts) == 0;
  if (exists && S_ISREG(facts.st_mode)) return {};
  if (exists) {
    // Not even opened: a device may do something then, and a FIFO waits.
    return tl::unexpected(Failure{
        ExitCode::CannotOpen,
        options.db + (S_ISDIR(facts.st_mode) ? " is a directory" : " is not a regular file") +
            "; name a pager file"});
  }
  if (errno == ENOENT && options.create) return {};
  if (errno == ENOENT) {
    return tl::unexpected(Failure{
        ExitCode::CannotOpen, "there is no file " + options.db +
                                  "; to make one: mappedpagesfs --create " +
                                  shell_word(options.db) + " " + shell_word(options.mountpoint)});
  }
  return tl::unexpected(Failure{ExitCode::CannotOpen, "cannot open " + options.db + ": " +
                                                          std::generic_category().message(errno)});
}

void log_report(const OpenReport& report) {
  for (const std::string& action : report.actions) log(LogLevel::Info, "recovery: " + action);
  for (const Problem& problem : report.problems) {
    const LogLevel level =
        problem.severity == Severity::Error ? LogLevel::Warning : LogLevel::Debug;
    log(level, problem.where + ": " + problem.detail + " [" + problem.code + "]");
  }
}

Outcome<std::unique_ptr<Engine>> open_engine(const Options& options, const MountPlace& place) {
  if (options.create && !stdfs::exists(place.db)) {
    const auto made = Engine::create(place.db, {.page_size = *options.create});
    // Another process may have been faster: then its file is the one to open.
    if (!made && made.error().code() != ErrorCode::AlreadyExists) {
      return tl::unexpected(Failure{ExitCode::CannotOpen, made.error().message()});
    }
    log(LogLevel::Info, "created " + place.db.string());
  }
  auto engine =
      Engine::open(place.db, {.access = options.read_only ? Access::ReadOnly : Access::ReadWrite,
                              .recover = options.recover,
                              .verify = options.untrusted,
                              .no_sync = options.no_sync,
                              .lock_wait = kLockWait});
  if (!engine) return tl::unexpected(open_failure(engine.error(), options, place.db));
  log_report((*engine)->open_report());
  if (options.no_sync) {
    log(LogLevel::Warning, "nosync: nothing is flushed; a crash may lose everything");
  }
  return *std::move(engine);
}

NamespaceOptions namespace_options(const Options& options, const stdfs::path& db) {
  struct stat facts {};
  (void)::stat(db.c_str(), &facts);  // Just opened; if it is gone by now, root owns the pages.
  AttributeDefaults attributes{.uid = options.uid.value_or(facts.st_uid),
                               .gid = options.gid.value_or(facts.st_gid),
                               .time = facts.st_mtim};
  if (options.umask) {
    constexpr mode_t kEverybodyReadsAndWrites = 0666;
    constexpr mode_t kEverybody = 0777;
    attributes.file_mode = kEverybodyReadsAndWrites & ~*options.umask;
    attributes.directory_mode = kEverybody & ~*options.umask;
  }
  return {.commit_on = options.commit_on,
          .one_at_a_time = options.single_threaded,
          .attributes = attributes};
}

/// What is no reason to end.
void warn_of(const Outcome<void>& outcome) {
  if (!outcome) log(LogLevel::Warning, outcome.error().message);
}

Outcome<void> run(const Options& options, const MountPlace& place, Handshake& handshake) {
  PidFile pid_file(options.pid_file);
  if (auto possible = pid_file.try_out(); !possible) return possible;
  auto engine = open_engine(options, place);
  if (!engine) return tl::unexpected(engine.error());
  Outcome<void> served;
  {
    Namespace tree(**engine, namespace_options(options, place.db),
                   [](const Error& error) { log(LogLevel::Error, error.message()); });
    served = serve(tree, options, place, [&] {
      log(LogLevel::Info, "mounted " + place.db.string() + " on " + place.mountpoint.string());
      warn_of(pid_file.publish());
      if (options.foreground) warn_of(tell_service_manager(ready_message(place, ::getpid())));
      handshake.ready();
    });
    warn_of(tell_service_manager("STOPPING=1\n" + status_line("flushing " + place.db.string())));
    pid_file.remove();
    // Here stages that were not committed are dropped.
  }
  if (!served) return served;
  if (auto closed = (*engine)->close(); !closed) {
    return tl::unexpected(Failure{ExitCode::Runtime, closed.error().message()});
  }
  log(LogLevel::Info, "unmounted " + place.mountpoint.string());
  return {};
}

}  // namespace

std::string ready_message(const MountPlace& place, pid_t daemon) {
  return "READY=1\nMAINPID=" + std::to_string(daemon) + "\n" +
         status_line("serving " + place.db.string() + " on " + place.mountpoint.string());
}

Outcome<MountPlace> prepare(const Options& options) {
  const auto mountpoint = check_mountpoint(options.mountpoint);
  if (!mountpoint) return tl::unexpected(mountpoint.error());
  std::error_code error;
  const stdfs::path db = stdfs::weakly_canonical(stdfs::absolute(options.db), error);
  if (error) {
    return tl::unexpected(
        Failure{ExitCode::CannotOpen, "cannot open " + options.db + ": " + error.message()});
  }
  if (auto exists = check_db_exists(options, db); !exists) return tl::unexpected(exists.error());
  if (auto outside = check_db_is_outside(db, *mountpoint); !outside) {
    return tl::unexpected(outside.error());
  }
  if (auto device = check_fuse_device(); !device) return tl::unexpected(device.error());
  return MountPlace{db, *mountpoint};
}

int run_daemon(const Options& options, const MountPlace& place, Handshake handshake) {
  std::signal(SIGXFSZ, SIG_IGN);  // Past a file size limit: an error of the write, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  const auto logging = open_log(options);
  if (!options.foreground && ::chdir("/") != 0) log(LogLevel::Debug, "cannot leave the directory");
  const auto done = logging ? run(options, place, handshake) : logging;
  if (done) return static_cast<int>(ExitCode::Ok);
  handshake.failed(done.error());
  if (options.foreground) {
    print_failure(done.error());
  } else {
    log(LogLevel::Error, done.error().message);
  }
  return static_cast<int>(done.error().code);
}

void print_failure(const Failure& failure) {
  std::fprintf(stderr, "mappedpagesfs: %s\n", one_line(failure.message).c_str());
}

}  // namespace mappedpages::fs
