// Two processes and the database of one simulated host.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "hv/drivers/sim/test_host.h"
#include "state/store.h"

namespace hv {
namespace {

using testing::machine;
using testing::uuid_of;

class SimProcesses : public ::testing::Test {
 protected:
  SimProcesses() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hvdrivers.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    config_.host = HostName{"lab"};
    caller_ = {uuid_of("project"), uuid_of("lineage"), Epoch{1}, Serial{1}};
  }
  ~SimProcesses() override { std::filesystem::remove_all(folder_); }

  // Runs `work` in a process of its own; its exit code.
  template <typename Work>
  int elsewhere(Work work) {
    const pid_t child = fork();
    if (child == 0) _exit(work());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  std::string folder_;
  SimConfig config_;
  Caller caller_;
};

TEST_F(SimProcesses, OneWritesAtATimeAndOthersRead) {
  auto store = open_host_store(folder_ + "/lab", false);
  ASSERT_TRUE(store.ok());
  auto host = make_sim_driver(config_, **store, Schema::builtin(), system_clock());
  ASSERT_TRUE(host.ok());
  ASSERT_TRUE((*host)->enter(caller_, false).ok());
  const int other = elsewhere([&] {
    auto second = open_host_store(folder_ + "/lab", false);
    if (second.ok()) return 1;
    if (second.error().code != Code::state_locked) return 2;
    auto reading = open_host_store(folder_ + "/lab", true);
    if (!reading.ok()) return 3;
    auto reader = make_sim_driver(config_, **reading, Schema::builtin(), system_clock());
    return reader.ok() && (*reader)->observe().projects.size() == 1 ? 0 : 4;
  });
  EXPECT_EQ(other, 0);
}

TEST_F(SimProcesses, WhatAKilledOneBeganEndsInTheNext) {
  const int first = elsewhere([&] {
    auto store = open_host_store(folder_ + "/lab", false);
    if (!store.ok()) return 1;
    auto host = make_sim_driver(config_, **store, Schema::builtin(), system_clock());
    if (!host.ok() || !(*host)->enter(caller_, false).ok()) return 2;
    Operation create;
    create.op = Op::domain_create;
    create.uuid = uuid_of("web");
    create.domain = machine("web", mib(64));
    if (!(*host)->begin(OperationId{"p-1-1"}, caller_, create).ok()) return 3;
    kill(getpid(), SIGKILL);
    return 4;
  });
  ASSERT_EQ(first, 1000 + SIGKILL);
  auto store = open_host_store(folder_ + "/lab", false);
  ASSERT_TRUE(store.ok()) << store.error().message;
  auto host = make_sim_driver(config_, **store, Schema::builtin(), system_clock());
  ASSERT_TRUE(host.ok()) << host.error().message;
  Caller next = caller_;
  next.epoch = Epoch{2};
  ASSERT_TRUE((*host)->enter(next, false).ok());
  EXPECT_EQ((*host)->observe().domains.size(), 1u);
}

}  // namespace
}  // namespace hv
