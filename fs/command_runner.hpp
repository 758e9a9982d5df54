// Does what is written to .ctl/command.
#pragma once

#include <string_view>
#include <vector>

#include "fs/commands.hpp"
#include "fs/errno.hpp"
#include "fs/generations.hpp"
#include "fs/open_files.hpp"
#include "fs/page_freer.hpp"
#include "mappedpages/engine.hpp"

namespace mappedpages::fs {

/// What came of the lines of one write.
struct Commanded {
  Done done;                 ///< Of the first line that failed, or of all.
  std::vector<Inode> freed;  ///< By the lines before, with the versions that they had until then.
};

/// Any thread.
class CommandRunner {
 public:
  /// The references outlive it.
  CommandRunner(Engine& engine, PageFreer& freer, const Generations& generations,
                const OpenFiles& files, const Reporter& reporter)
      : engine_(engine),
        freer_(freer),
        generations_(generations),
        files_(files),
        reporter_(reporter) {}

  /// Does the lines of `text` one after another: each wholly or not at all, durable when it
  /// returns. Ends at the first that fails; its error says which line it is.
  Commanded run(std::string_view text);

 private:
  Done run(const FreePages& command, std::vector<Inode>& freed);
  Done run(const FreeProtected& command, std::vector<Inode>& freed);
  Done run(const DiscardStage& command, std::vector<Inode>& freed);
  Done run(const SyncPages& command, std::vector<Inode>& freed);
  Done run_line(std::string_view line, std::vector<Inode>& freed);
  template <class Number>
  Done free(const std::vector<Number>& numbers, std::vector<Inode>& freed);

  Engine& engine_;
  PageFreer& freer_;
  const Generations& generations_;
  const OpenFiles& files_;
  const Reporter& reporter_;
};

}  // namespace mappedpages::fs
