// An apply that does not reach its end: kill -9 at many moments, Ctrl-C, and two applies at once.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "tests/process.h"

namespace hv::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Work for several threads; most of it is waiting for simulated hosts.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&] {
      for (std::size_t mine = next++; mine < count; mine = next++) work(mine);
    });
  for (std::thread& thread : threads) thread.join();
}

// The quickstart at one of three points of its life, before the command that will be killed.
struct Journey {
  std::string name;
  bool applied, edited;
  std::vector<std::string> command;
  std::size_t kills;
  bool saved = false;  // by a plan that was saved before
};

void prepare(const Journey& journey, const Folder& folder) {
  folder.copy_from(example("quickstart"));
  if (journey.applied) {
    ASSERT_EQ(folder.hv({"apply", "--yes", "-q"}).code, 0);
  }
  if (journey.edited) folder.write("fleet.vm", folder.read("edited/fleet.vm"));
  if (journey.saved) {
    ASSERT_EQ(folder.hv({"plan", "-o", "next.plan"}).code, 0);
  }
}

class Killed : public ::testing::TestWithParam<Journey> {};

// Whatever moment an apply is killed at, and the one that mends it too: what it leaves can be read,
// the next changing command settles it, and then all is as if nobody had been killed.
TEST_P(Killed, TheNextCommandSettlesIt) {
  const Journey& journey = GetParam();
  const Folder before, whole;
  prepare(journey, before);
  whole.copy_from(before.path());
  const Finished unhurt = whole.hv(journey.command);
  ASSERT_EQ(unhurt.code, 0) << unhurt.all();
  const std::string expected = whole.hv({"status", "--format", "json"}).out;
  const std::size_t steps = times_in(unhurt.all(), "✓");
  ASSERT_GT(steps, 5u);
  std::atomic<int> killed = 0, settled = 0;
  in_parallel(journey.kills, [&](std::size_t number) {
    const Folder folder;
    folder.copy_from(before.path());
    // The first kill falls a little after a step, however slow the machine is; the second at a
    // moment that has nothing to do with it.
    for (const bool first : {true, false}) {
      Process process(folder.command(journey.command));
      Milliseconds wait(number * 29 % 80);
      if (first)
        process.says_times("✓", steps * number / journey.kills);
      else
        wait = unhurt.took * (number * 7 % journey.kills) / journey.kills;
      std::this_thread::sleep_for(wait);
      process.signal(SIGKILL);
      const Finished finished = process.wait();
      killed += finished.signal == SIGKILL;
      // A saved plan that was begun goes on, and one that was carried out is spent.
      if (journey.saved && finished.code >= 0) {
        EXPECT_TRUE(finished.code == 0 || contains(finished.err, "error[HV0850]"))
            << finished.all();
      }
      settled += contains(finished.err, "settled by what is true on the hosts");
      const std::string when = journey.name + " killed, number " + std::to_string(number) +
                               (first ? " for the first time" : " again");
      const Finished verify = folder.hv({"state", "verify"});
      EXPECT_TRUE(verify.code == 0 || contains(verify.err, "there is no state")) << when << "\n"
                                                                                 << verify.all();
      const Finished plan = folder.hv({"plan", "--detailed-exitcode"});
      EXPECT_TRUE(plan.code == 0 || plan.code == 2) << when << "\n" << plan.all();
      EXPECT_EQ(folder.hv({"status"}).code, 0) << when;
    }
    const Finished last = folder.hv(journey.command);
    const bool spent = journey.saved && contains(last.err, "error[HV0850]");
    EXPECT_TRUE(last.code == 0 || spent) << last.all();
    settled += contains(last.err, "settled by what is true on the hosts");
    if (journey.command[0] == "apply") {
      EXPECT_EQ(folder.hv({"plan", "--detailed-exitcode"}).code, 0) << "the plan is not empty";
    }
    EXPECT_EQ(folder.hv({"status", "--format", "json"}).out, expected);
    const Finished verify = folder.hv({"state", "verify"});
    EXPECT_EQ(verify.code, 0) << verify.all();
  });
  // Else the test has killed nobody in the middle.
  EXPECT_GE(killed, static_cast<int>(journey.kills) * 3 / 4);
  EXPECT_GT(settled, static_cast<int>(journey.kills) / 4);
}

INSTANTIATE_TEST_SUITE_P(
    Quickstart, Killed,
    ::testing::Values(Journey{"create", false, false, {"apply", "--yes"}, 20},
                      Journey{"edit", true, true, {"apply", "--yes"}, 12},
                      Journey{"saved", true, true, {"apply", "--yes", "next.plan"}, 10, true},
                      Journey{"destroy", true, false, {"destroy", "--yes"}, 8}),
    [](const auto& each) { return each.param.name; });

class Interrupted : public ::testing::Test {
 protected:
  void SetUp() override { folder_.copy_from(example("quickstart")); }
  void expect_mendable() {
    const Finished next = folder_.hv({"apply", "--yes"});
    EXPECT_EQ(next.code, 0) << next.all();
    EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 0);
    EXPECT_EQ(folder_.hv({"state", "verify"}).code, 0);
  }
  Folder folder_;
};

TEST_F(Interrupted, CtrlCFinishesWhatRunsAndStartsNothingNew) {
  for (const int signal : {SIGINT, SIGTERM}) {
    folder_.remove(".hv");
    Process process(folder_.command({"apply", "--yes"}));
    ASSERT_TRUE(process.says("✓ claim.put"));
    process.signal(signal);
    const Finished finished = process.wait();
    EXPECT_EQ(finished.code, 130) << finished.all();
    EXPECT_TRUE(contains(finished.err, "not started")) << finished.err;
    EXPECT_TRUE(contains(finished.err, "Interrupted: what ran was finished")) << finished.err;
    EXPECT_TRUE(contains(finished.err, "✓ pool.initialise pool.fast")) << "what ran is finished";
    EXPECT_FALSE(contains(finished.err, "✓ domain.unpause")) << "more was started";
    const Finished plan = folder_.hv({"plan"});
    EXPECT_FALSE(contains(plan.err, "not settled")) << "an orderly end leaves nothing open";
  }
  expect_mendable();
}

TEST_F(Interrupted, ASecondCtrlCEndsAtOnce) {
  Process process(folder_.command({"apply", "--yes"}));
  ASSERT_TRUE(process.says("✓ vdisk.create"));
  process.signal(SIGINT);
  std::this_thread::sleep_for(Milliseconds(30));
  process.signal(SIGINT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.code, 130) << finished.all();
  EXPECT_FALSE(contains(finished.err, "what ran was finished")) << finished.err;
  const Finished plan = folder_.hv({"plan"});
  EXPECT_EQ(plan.code, 0) << plan.all();
  EXPECT_TRUE(contains(plan.err, "not settled yet")) << plan.err;
  expect_mendable();
}

TEST_F(Interrupted, CtrlCOnATerminal) {
  Command command = folder_.command({"apply"});
  command.terminal_columns = 100;
  Process process(command);
  ASSERT_TRUE(process.says("Apply this plan? [y/N]"));
  process.type("y\n");
  ASSERT_TRUE(process.says("✓ claim.put"));
  process.type("\x03");
  const Finished finished = process.wait();
  EXPECT_EQ(finished.code, 130) << finished.all();
  EXPECT_TRUE(contains(finished.out, "Interrupted: what ran was finished")) << finished.out;
  expect_mendable();
}

TEST_F(Interrupted, TheSecondApplyNamesTheFirst) {
  Process first(folder_.command({"apply", "--yes"}));
  ASSERT_TRUE(first.says("✓ pool.initialise"));
  first.signal(SIGSTOP);  // so that it has the lock for as long as the test needs it
  const Finished second = folder_.hv({"apply", "--yes"});
  EXPECT_EQ(second.code, 1);
  EXPECT_TRUE(contains(
      second.err, "error[HV0702]: `hv apply` (process " + std::to_string(first.pid()) + " of "))
      << second.err;
  EXPECT_TRUE(contains(second.err, "--lock-timeout 30s")) << second.err;
  EXPECT_LT(second.took, Milliseconds(5000)) << "it leaves at once";
  EXPECT_EQ(folder_.hv({"destroy", "--yes"}).code, 1);
  // Those that only read work beside it, and do not take it for dead.
  for (const std::string command : {"plan", "status", "show", "check", "lint"}) {
    const Finished reader = folder_.hv({command});
    EXPECT_EQ(reader.code, 0) << reader.all();
    EXPECT_FALSE(contains(reader.all(), "interrupted")) << reader.all();
  }
  first.signal(SIGCONT);
  const Finished patient = folder_.hv({"apply", "--yes", "--lock-timeout", "20s"});
  EXPECT_EQ(patient.code, 0) << patient.all();
  EXPECT_TRUE(contains(patient.out, "Nothing to do")) << patient.all();
  const Finished finished = first.wait();
  EXPECT_EQ(finished.code, 0) << finished.all();
}

TEST_F(Interrupted, WaitingForTheLockEnds) {
  Process first(folder_.command({"apply", "--yes"}));
  ASSERT_TRUE(first.says("✓ claim.put"));
  first.signal(SIGSTOP);
  const Finished second = folder_.hv({"apply", "--yes", "--lock-timeout", "200ms"});
  EXPECT_EQ(second.code, 1);
  EXPECT_GE(second.took, Milliseconds(200));
  EXPECT_TRUE(contains(second.err, "HV0702")) << second.err;
  first.signal(SIGCONT);
  EXPECT_EQ(first.wait().code, 0);
}

// ---- the question and the progress, on a terminal

TEST_F(Interrupted, OnlyYesIsYes) {
  for (const std::string answer : {"n\n", "\n", "yess\n", "\x04"}) {
    Command command = folder_.command({"apply"});
    command.terminal_columns = 80;
    Process process(command);
    ASSERT_TRUE(process.says("Apply this plan? [y/N]"));
    process.type(answer);
    const Finished finished = process.wait();
    EXPECT_EQ(finished.code, 1) << finished.out;
    EXPECT_TRUE(contains(finished.out, "Nothing was changed.")) << finished.out;
  }
  EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 2);
}

TEST_F(Interrupted, TheProgressBarFitsTheTerminal) {
  for (const unsigned short columns : {24, 200}) {
    folder_.remove(".hv");
    Command command = folder_.command({"apply", "--yes", "--color", "never"});
    command.terminal_columns = columns;
    const Finished finished = run(command);
    EXPECT_EQ(finished.code, 0) << finished.out;
    const std::string clear = "\r\x1b[2K";
    std::size_t bars = 0;
    for (std::size_t at = finished.out.find(clear); at != std::string::npos;) {
      at += clear.size();
      const std::size_t next = finished.out.find(clear, at);
      const std::string bar = finished.out.substr(at, next - at);
      at = next;
      if (!bar.starts_with("[")) continue;
      ++bars;
      std::size_t width = 0;
      for (const char c : bar) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      EXPECT_LT(width, columns) << bar;
    }
    EXPECT_GT(bars, 5u);
  }
  // Into a pipe goes no bar at all.
  folder_.remove(".hv");
  EXPECT_FALSE(contains(folder_.hv({"apply", "--yes"}).all(), "\x1b["));
}

}  // namespace
}  // namespace hv::testing
