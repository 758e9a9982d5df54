// The thread that tells the kernel things.
#include "fs/worker.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace mappedpages::fs {
namespace {

TEST(WorkerTest, DrainsWhatWasHandedOver) {
  std::atomic<int> done{0};
  Worker worker;
  std::promise<void> go;
  auto may = std::make_shared<std::future<void>>(go.get_future());
  worker.later([&, may] {
    may->wait();
    ++done;
  });
  for (int i = 0; i < 100; ++i) worker.later([&] { ++done; });
  worker.drain(std::chrono::milliseconds(1));
  EXPECT_EQ(done, 0) << "not for ever";
  go.set_value();
  worker.drain(std::chrono::minutes(1));
  EXPECT_EQ(done, 101);
}

}  // namespace
}  // namespace mappedpages::fs
