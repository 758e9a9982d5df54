// Client processes of a mount, and the memory that they share with who started them.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "base/mapping.hpp"

namespace mappedpages::test::storm {

/// A process that does something and ends. Gone when this object is, and when its parent is.
class Client {
 public:
  /// `work` runs in the new process, which ends behind it and has the code 0.
  explicit Client(const std::function<void()>& work);
  ~Client();
  Client(Client&& other) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client& operator=(Client&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Waits for its end; the status as of waitpid(2).
  int wait();

 private:
  pid_t pid_ = 0;
};

/// An object in memory that all clients which are started later share with this process.
template <class T>
class Shared {
 public:
  Shared()
      : mapping_({static_cast<std::byte*>(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE,
                                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
                  sizeof(T)}),
        object_(new (mapping_.bytes().data()) T) {}
  [[nodiscard]] T* operator->() const { return object_; }
  [[nodiscard]] T& operator*() const { return *object_; }

 private:
  Mapping mapping_;
  T* object_;
};

/// Where a client says what was wrong: the first one that does so is heard. For `Shared`.
class Complaint {
 public:
  void say(std::string_view text);
  [[nodiscard]] bool said() const { return length_.load() != 0; }
  [[nodiscard]] std::string text() const;

 private:
  std::atomic<bool> taken_{false};
  std::atomic<std::size_t> length_{0};
  std::array<char, 4096> text_{};
};

/// Clients make marks, who started them waits for some number of marks or for their end.
class Marks {
 public:
  Marks();
  ~Marks();
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;

  /// For clients.
  void make() const;

  /// Call when the clients are started: reading ends when no client is left.
  void close_writing();

  /// Returns when so many more marks were made, or nobody can make any.
  void wait_for(std::uint64_t count) const;

 private:
  std::array<int, 2> pipe_{-1, -1};
};

}  // namespace mappedpages::test::storm
