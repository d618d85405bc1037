// Two projects, two stores, one disk, started together: whatever comes between the claim of one and
// its look at the other's, never both have the disk. Each hv is a process; the hosts answer each of
// their questions late by chance.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/clock.h"
#include "hv/drivers/sim/sim_socket.h"
#include "tests/process.h"

namespace hv::testing {
namespace {

struct RaceTally {
  int first = 0, second = 0, neither = 0;
};

class Race : public ::testing::Test {
 protected:
  void begin(const std::vector<std::string>& hosts) {
    std::string toml;
    for (const std::string& host : hosts) {
      Command command = folder_.command({"sim", "--listen", host + ".sock", "--latency", "60ms"});
      command.timeout = Milliseconds(3'600'000);
      hosts_.push_back(std::make_unique<Process>(command));
      ASSERT_TRUE(hosts_.back()->says("listens at"));
      toml += "[hosts." + host + "]\ndriver = \"sim\"\naddress = \"unix:" + (folder_ / host) +
              ".sock\"\n";
      looks_.push_back(make_sim_client(HostName{host}, folder_ / (host + ".sock"), system_clock()));
    }
    toml += "[stores.\"/dev/san\"]\nhosts = [";
    for (const std::string& host : hosts) toml += "\"" + host + "\", ";
    toml += "]\n";
    for (const int who : {0, 1}) {
      const std::string name = who == 0 ? "one" : "two";
      folder_.write(name + "/hv.toml", "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7a0" +
                                           std::to_string(6 + who) + "\"\nname = \"" + name +
                                           "\"\nsources = [\"a.vm\"]\n" + toml);
      folder_.write(name + "/a.vm", "domain " + name + " on " +
                                        hosts[static_cast<std::size_t>(who) % hosts.size()] +
                                        ":\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n"
                                        "    disk = [\"phy:/dev/san,xvda,w\"]\n");
    }
  }

  Command apply(const std::string& name, bool destroy = false) {
    Command command = folder_.command({"-C", name, destroy ? "destroy" : "apply", "--yes", "-q"});
    command.timeout = Milliseconds(120'000);
    return command;
  }

  // Who has the disk open, on all hosts.
  std::string owners() {
    std::string names;
    for (const auto& host : looks_)
      for (const ObservedDomain& domain : host->observe().domains)
        if (!domain.dying && !domain.vbds.empty()) names += domain.name + " ";
    return names;
  }

  void race(RaceTally& tally) {
    Process one(apply("one"));
    if (const auto late = random_.below(3); late != 0)
      usleep(static_cast<useconds_t>(late) * 40'000);
    Process two(apply("two"));
    for (int i = 0; i < 5; ++i) {
      const std::string now = owners();
      EXPECT_TRUE(now.empty() || now == "one " || now == "two ") << now;
    }
    const Finished first = one.wait(), second = two.wait();
    const std::string has = owners();
    const std::string won =
        std::string(first.code == 0 ? "one " : "") + (second.code == 0 ? "two " : "");
    EXPECT_EQ(has, won) << first.all() << second.all();
    EXPECT_TRUE(has.empty() || has == "one " || has == "two ") << first.all() << second.all();
    (has.empty() ? tally.neither : has == "one " ? tally.first : tally.second) += 1;
    // Who lost has left nothing, and who won gives it back.
    if (!has.empty()) {
      const std::string name = has.substr(0, 3);
      const Finished gone = run(apply(name, true));
      EXPECT_EQ(gone.code, 0) << gone.all();
    }
    EXPECT_EQ(owners(), "");
    for (const auto& host : looks_) EXPECT_TRUE(host->observe().claims.empty());
  }

  void rounds(const char* what) {
    int rounds = 10;
    if (const char* more = std::getenv("HV_ROUNDS")) rounds = std::atoi(more);
    RaceTally tally;
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      race(tally);
    }
    std::printf("%s: %d rounds: %d times the first, %d times the second, %d times neither\n", what,
                rounds, tally.first, tally.second, tally.neither);
    EXPECT_GT(tally.first + tally.second, 0) << "nobody ever gets it";
  }

  Folder folder_;
  std::vector<std::unique_ptr<Process>> hosts_;
  std::vector<std::unique_ptr<Driver>> looks_;
  SeededRandom random_{20041001};
};

TEST_F(Race, OnOneHost) {
  begin({"lab"});
  if (!HasFailure()) rounds("one host");
}

// No host sees both: only what they tell each other keeps them apart.
TEST_F(Race, OnTwoHostsThatSeeOneDisk) {
  begin({"lab", "far"});
  if (!HasFailure()) rounds("two hosts");
}

}  // namespace
}  // namespace hv::testing
