#include "state/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "state/test_folder.h"
#include "state/test_process.h"

namespace hv {
namespace {

using testing::Actor;
using testing::TempFolder;

// A clock on which every sleep is written down, and may let somebody act.
class CountingClock final : public Clock {
 public:
  Time now() override { return now_; }
  void sleep(Duration duration) override {
    now_ = now_ + duration;
    ++sleeps;
    if (on_sleep) on_sleep();
  }
  int sleeps = 0;
  std::function<void()> on_sleep;

 private:
  Time now_{{1'000'000}};
};

TEST(Lock, ExcludesASecondInTheSameProcess) {
  TempFolder folder;
  CountingClock clock;
  auto first = lock_state(folder.path(), seconds(0), clock);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(lock_state(folder.path(), seconds(0), clock).error().code, Code::state_locked);
  EXPECT_EQ(clock.sleeps, 0);
  first = Error{Code::state_locked, "", ""};
  EXPECT_TRUE(lock_state(folder.path(), seconds(0), clock).ok());
}

TEST(Lock, OfAnotherProcessNamesIt) {
  TempFolder folder;
  Actor actor({"hold", folder.path()});
  ASSERT_EQ(actor.line(), "held");
  CountingClock clock;
  auto refused = lock_state(folder.path(), seconds(0), clock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::state_locked);
  const std::string& message = refused.error().message;
  EXPECT_NE(message.find("`state_actor hold`"), std::string::npos) << message;
  EXPECT_NE(message.find("process " + std::to_string(actor.pid())), std::string::npos) << message;
  EXPECT_EQ(message.find(folder.path()), message.rfind(folder.path()))
      << "no arguments: " << message;
  EXPECT_NE(refused.error().help.find("--lock-timeout 30s"), std::string::npos);

  auto holder = lock_holder(folder.path());
  ASSERT_TRUE(holder.has_value());
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  EXPECT_EQ(holder->host, host);
  EXPECT_EQ(holder->pid, actor.pid());
  EXPECT_EQ(holder->boot_id.size(), 36u);
  EXPECT_FALSE(holder->user.empty());
  EXPECT_GT(holder->since.count, 1'500'000'000'000);

  actor.finish();
  EXPECT_FALSE(lock_holder(folder.path()).has_value());
  EXPECT_EQ(testing::read_bytes(folder / "lock"), "");
  EXPECT_TRUE(lock_state(folder.path(), seconds(0), clock).ok());
}

TEST(Lock, DiesWithItsProcess) {
  TempFolder folder;
  Actor actor({"hold", folder.path()});
  ASSERT_EQ(actor.line(), "held");
  actor.kill();
  EXPECT_NE(testing::read_bytes(folder / "lock"), "");  // what is written there is no lock
  EXPECT_FALSE(lock_holder(folder.path()).has_value());
  CountingClock clock;
  EXPECT_TRUE(lock_state(folder.path(), seconds(0), clock).ok());
}

TEST(Lock, IsNotInheritedByCommandsOfTheHolder) {
  TempFolder folder;
  Actor actor({"hold-with-child", folder.path()});
  const std::optional<std::string> child = actor.line();
  ASSERT_TRUE(child.has_value());
  CountingClock clock;
  EXPECT_EQ(lock_state(folder.path(), seconds(0), clock).error().code, Code::state_locked);
  actor.kill();
  EXPECT_EQ(::kill(std::stoi(*child), 0), 0) << "the child should outlive the actor";
  EXPECT_TRUE(lock_state(folder.path(), seconds(0), clock).ok());
  ::kill(std::stoi(*child), SIGKILL);
}

TEST(Lock, WaitsAsLongAsItIsTold) {
  TempFolder folder;
  CountingClock clock;
  auto held = lock_state(folder.path(), seconds(0), clock);
  const Time begun = clock.now();
  EXPECT_EQ(lock_state(folder.path(), milliseconds(1250), clock).error().code, Code::state_locked);
  EXPECT_EQ(since(begun, clock.now()), milliseconds(1250));
  clock.on_sleep = [&] {
    if (clock.sleeps == 20) held = Error{Code::state_locked, "", ""};
  };
  EXPECT_TRUE(lock_state(folder.path(), seconds(30), clock).ok());
  EXPECT_EQ(clock.sleeps, 20);
}

TEST(Lock, TwoAtOnceTakeTurns) {
  TempFolder folder;
  Actor actor({"hold", folder.path()});
  ASSERT_EQ(actor.line(), "held");
  std::thread ending([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    actor.finish();
  });
  EXPECT_TRUE(lock_state(folder.path(), seconds(20), system_clock()).ok());
  ending.join();
}

TEST(Lock, CannotBeHadWhereThereCanBeNoFolder) {
  TempFolder folder;
  testing::write_bytes(folder / "file", "x");
  std::filesystem::create_symlink(folder / "file", folder / "lock");
  CountingClock clock;
  for (const std::string& path : {folder / "file", folder / "file/below", folder.path()}) {
    auto refused = lock_state(path, seconds(0), clock);
    ASSERT_FALSE(refused.ok()) << path;
    EXPECT_EQ(refused.error().code, Code::state_unreadable) << refused.error().message;
    EXPECT_FALSE(refused.error().help.empty());
  }
  EXPECT_EQ(testing::read_bytes(folder / "file"), "x");  // a link is not followed
}

// /proc is a filesystem where nobody can make a file, root included.
TEST(Lock, ReadOnlyPlacesAreToldWithTheirReason) {
  CountingClock clock;
  auto refused = lock_state("/proc/hv-state", seconds(0), clock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::state_unreadable);
  EXPECT_NE(refused.error().message.find("/proc/hv-state"), std::string::npos);
}

TEST(Lock, FilesystemsOfOtherMachinesAreKnown) {
  const std::pair<unsigned long, const char*> table[] = {
      {0x6969, "NFS"},       {0x517b, "CIFS"},
      {0xff534d42, "CIFS"},  {0xfe534d42, "CIFS"},
      {0x01021997, "9p"},    {0x65735546, "FUSE"},
      {0xef53, nullptr},     {0x01021994, nullptr},
      {0x58465342, nullptr}, {0x9123683e, nullptr},
      {0x794c7630, nullptr}, {0xffffffffff534d42, "CIFS"},  // as a signed 32-bit f_type arrives
  };
  for (const auto& [magic, name] : table) {
    auto found = state::remote_filesystem(magic);
    EXPECT_EQ(found.has_value(), name != nullptr) << std::hex << magic;
    if (found && name != nullptr) {
      EXPECT_TRUE(found->starts_with(name)) << *found;
    }
  }
}

TEST(Lock, IsNotTakenOnFilesystemsOfOtherMachines) {
  Status refused = state::check_filesystem("dir/.hv", 0x6969);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::state_not_local);
  EXPECT_EQ(refused.error().message, "the state in `dir/.hv` would lie on NFS");
  EXPECT_NE(refused.error().help.find("hv.toml"), std::string::npos);
  EXPECT_TRUE(state::check_filesystem("dir/.hv", 0xef53).ok());
}

TEST(Holder, ComesBackFromItsText) {
  LockHolder holder{"xen1", "boot", "root", "hv apply", 4242, Time{{1'700'000'000'000}}};
  const LockHolder back = state::holder_in(state::holder_text(holder));
  EXPECT_EQ(back.host, "xen1");
  EXPECT_EQ(back.boot_id, "boot");
  EXPECT_EQ(back.user, "root");
  EXPECT_EQ(back.command, "hv apply");
  EXPECT_EQ(back.pid, 4242);
  EXPECT_EQ(back.since, holder.since);
  EXPECT_EQ(state::describe(back),
            "`hv apply` (process 4242 of root on xen1, since 2023-11-14 22:13:20 UTC)");
}

TEST(Holder, RubbishIsNobodyInParticular) {
  for (const char* text : {"", "\n\n", "pid", "pid \n", "pid x\nhost", "\xff\xfe binary"})
    EXPECT_EQ(state::describe(state::holder_in(text)), "another command") << text;
}

}  // namespace
}  // namespace hv
