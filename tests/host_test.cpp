// hv host: an operator's word that a host is off, that it may not be, and that a claim is dead;
// through the whole program, on simulated hosts that are processes of their own and can be killed.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>

#include "hv/drivers/sim/sim_socket.h"
#include "tests/process.h"

namespace hv::testing {
namespace {

std::string domain(const std::string& name, const std::string& host, const std::string& disk) {
  return "domain " + name + " on " + host +
         ":\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n    disk = [\"phy:" + disk +
         ",xvda,w\"]\n\n";
}

class Hosts : public ::testing::Test {
 protected:
  void SetUp() override {
    write_project("");
    start();
    write({domain("db", "far", "/dev/san0"), domain("log", "far", "/dev/san1")});
    const Finished applied = folder_.hv({"apply", "--yes", "-q"});
    ASSERT_EQ(applied.code, 0) << applied.all();
  }
  void write_project(const std::string& fence) {
    folder_.write("hv.toml",
                  "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7a05\"\nname = \"hosts\"\n"
                  "sources = [\"a.vm\"]\nmax_destroy = 9\n[hosts.lab]\ndriver = \"sim\"\n"
                  "[hosts.far]\ndriver = \"sim\"\naddress = \"unix:far.sock\"\n" +
                      fence +
                      "[stores.\"/dev/san0\"]\nhosts = [\"lab\", \"far\"]\n"
                      "[stores.\"/dev/san1\"]\nhosts = [\"lab\", \"far\"]\n");
  }
  void write(const std::vector<std::string>& domains) {
    std::string text;
    for (const std::string& one : domains) text += one;
    text.pop_back();
    folder_.write("a.vm", text);
  }
  void start() {
    Command command = folder_.command({"sim", "--listen", "far.sock"});
    command.timeout = Milliseconds(300'000);
    far_ = std::make_unique<Process>(command);
    ASSERT_TRUE(far_->says("the host far (simulated) listens at"));
  }
  // It loses power, and what it had on its disks is there when it comes back.
  void die() {
    far_->signal(SIGKILL);
    far_->wait();
    far_.reset();
  }
  std::unique_ptr<Driver> client() const {
    return make_sim_client(HostName{"far"}, folder_ / "far.sock", system_clock());
  }
  Finished ask(std::vector<std::string> words) { return folder_.hv(std::move(words)); }
  Finished fence() {
    return ask({"host", "fence", "far", "--yes", "--reason", "its power supply burnt"});
  }
  Folder folder_;
  std::unique_ptr<Process> far_;
};

TEST_F(Hosts, WhatIsFencedHoldsNothing) {
  const Finished answers = fence();
  EXPECT_EQ(answers.code, 1);
  EXPECT_NE(answers.err.find("HV0601"), std::string::npos) << answers.all();
  EXPECT_EQ(ask({"host", "unfence", "far"}).out, "far is not fenced\n");
  die();
  // Unreachable is not stopped.
  write({domain("db", "lab", "/dev/san0"), domain("log", "far", "/dev/san1")});
  const Finished waits = ask({"apply", "--yes"});
  EXPECT_NE(waits.out.find("~ domain.db  deferred"), std::string::npos) << waits.all();
  EXPECT_EQ(ask({"status"}).out.find("running"), std::string::npos);
  // Its disk under another name of ours is not to be had either.
  write({domain("new", "lab", "/dev/san0"), domain("log", "far", "/dev/san1")});
  const Finished held = ask({"apply", "--yes"});
  EXPECT_EQ(held.code, 1) << held.all();
  EXPECT_EQ(ask({"status"}).out.find("running"), std::string::npos);
  write({domain("db", "lab", "/dev/san0"), domain("log", "far", "/dev/san1")});

  const Finished fenced = fence();
  ASSERT_EQ(fenced.code, 0) << fenced.all();
  EXPECT_NE(fenced.out.find("domain.db, domain.log"), std::string::npos) << fenced.out;
  EXPECT_NE(fenced.out.find("far is fenced, on the word of "), std::string::npos) << fenced.out;
  EXPECT_EQ(fence().code, 0) << "said already";
  const Finished list = ask({"host", "list"});
  EXPECT_EQ(list.code, 1) << "not all could be read";
  EXPECT_NE(list.out.find("far is fenced: off on the word of"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("its power supply burnt"), std::string::npos) << list.out;
  const Finished json = ask({"host", "list", "--format", "json"});
  EXPECT_EQ(misfit(json.out, "hv.hosts.1"), "") << json.out;
  EXPECT_NE(json.out.find("\"why\": \"its power supply burnt\""), std::string::npos) << json.out;

  // Taken back, it holds again.
  EXPECT_EQ(ask({"host", "unfence", "far"}).code, 0);
  EXPECT_NE(ask({"plan"}).out.find("~ domain.db  deferred"), std::string::npos);
  ASSERT_EQ(fence().code, 0);
  const Finished moved = ask({"apply", "--yes"});
  EXPECT_NE(moved.out.find("replace"), std::string::npos) << moved.all();
  EXPECT_NE(ask({"status"}).out.find("lab (simulated)  db"), std::string::npos)
      << ask({"status"}).out;
  EXPECT_EQ(ask({"state", "verify"}).code, 0);
}

TEST_F(Hosts, OneThatComesBackHoldsEverythingAgain) {
  die();
  ASSERT_EQ(fence().code, 0);
  write({domain("db", "lab", "/dev/san0"), domain("log", "far", "/dev/san1")});
  (void)ask({"apply", "--yes"});
  start();  // the old db runs there still
  EXPECT_NE(ask({"host", "list"}).out.find("it answers, so it holds what it has"),
            std::string::npos);
  const Finished seen = ask({"plan"});
  EXPECT_NE(seen.out.find("HV0501"), std::string::npos)
      << "two write one disk already, and it is said: " << seen.all();
  // The next command that changes anything ends the fence, and says so.
  const Finished settled = ask({"apply", "--yes"});
  EXPECT_NE(settled.err.find("note: far answers again and holds what it has"), std::string::npos)
      << settled.all();
  EXPECT_EQ(ask({"host", "list"}).out.find("is fenced"), std::string::npos);
  // Silent again, it holds: the old word does not count for this time.
  die();
  write({domain("db", "lab", "/dev/san0"), domain("thief", "lab", "/dev/san1")});
  const Finished held = ask({"apply", "--yes"});
  EXPECT_EQ(held.code, 1) << held.all();
  EXPECT_EQ(ask({"status"}).out.find("thief    running"), std::string::npos);
}

TEST_F(Hosts, AWordForOnePlanIsRecorded) {
  die();
  write({domain("db", "lab", "/dev/san0"), domain("log", "far", "/dev/san1")});
  (void)ask({"apply", "--yes", "--i-have-powered-off", "far"});
  EXPECT_NE(ask({"status"}).out.find("lab (simulated)  db"), std::string::npos);
  EXPECT_NE(ask({"host", "list"}).out.find("--i-have-powered-off"), std::string::npos);
  EXPECT_EQ(ask({"plan", "--i-have-powered-off", "moon"}).code, 1);
}

TEST_F(Hosts, TheFenceCommandMustSucceed) {
  die();
  write_project("fence = [\"sh\", \"-c\", \"echo no such outlet >&2; exit 3\"]\n");
  const Finished failed = fence();
  EXPECT_EQ(failed.code, 1);
  EXPECT_NE(failed.err.find("HV0803"), std::string::npos) << failed.all();
  EXPECT_NE(failed.err.find("exit 3: no such outlet"), std::string::npos) << failed.all();
  EXPECT_EQ(ask({"host", "list"}).out.find("is fenced"), std::string::npos);
  write_project("fence = [\"no-such-program-here\"]\n");
  EXPECT_EQ(fence().code, 1);
  write_project("fence = [\"touch\", \"off\"]\n");
  EXPECT_EQ(fence().code, 0);
  EXPECT_NE(ask({"host", "list"}).out.find("is fenced"), std::string::npos);
}

TEST_F(Hosts, WrongInputIsToldAndChangesNothing) {
  for (const char* what : {"fence", "unfence"}) {
    const Finished moon = ask({"host", what, "moon"});
    EXPECT_EQ(moon.code, 1) << what;
    EXPECT_NE(moon.err.find("there is no host `moon`"), std::string::npos) << moon.all();
    EXPECT_NE(moon.err.find("`far`, `lab`"), std::string::npos) << moon.all();
    EXPECT_EQ(ask({"host", what}).code, 64) << what;
  }
  EXPECT_EQ(ask({"host", "fence", "far"}).code, 64) << "nobody is there to ask";
  EXPECT_EQ(ask({"host", "fence", "lab", "--yes"}).code, 1) << "it is in this process";
  EXPECT_EQ(ask({"host", "unclaim", "far", "--yes"}).code, 64);
  EXPECT_EQ(ask({"host", "unclaim", "moon", "abcd", "--yes"}).code, 1);
  const Finished none = ask({"host", "unclaim", "far", "abcdef", "--yes"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("HV0601"), std::string::npos) << none.all();
  const Finished own = ask({"host", "unclaim", "far", "0b6c7f0e", "--yes"});
  EXPECT_EQ(own.code, 1);
  EXPECT_NE(own.err.find("HV0601"), std::string::npos) << own.all();
  EXPECT_EQ(ask({"host"}).code, 64);
  EXPECT_EQ(ask({"sim"}).code, 64);
  EXPECT_EQ(ask({"sim", "--listen", "far.sock"}).code, 1) << "another one listens there";
  EXPECT_EQ(ask({"sim", "--listen", "a.sock", "--latency", "soon"}).code, 64);
}

// Another project claimed a disk, and died.
TEST_F(Hosts, ADeadClaimGoesOnSomebodysWord) {
  const Caller other{*parse_uuid("3f0c21d4-0000-4000-8000-000000000001"),
                     *parse_uuid("3f0c21d4-0000-4000-8000-000000000002"), Epoch{4}, Serial{2}};
  Claim claim;
  claim.uuid = *parse_uuid("3f0c21d4-0000-4000-8000-000000000003");
  claim.address = {Kind::domain, "other"};
  claim.device = "xvda";
  claim.mode = AccessMode::write;
  {
    auto host = client();
    ASSERT_TRUE(host->enter(other, false).ok());
    // As the project's own domain.log has it.
    for (const Claim& ours : host->observe().claims)
      if (ours.address.name == "log") claim.extents = ours.extents;
    ASSERT_TRUE(host->put_claims(other, {claim}).ok());
  }
  const Finished list = ask({"host", "list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_NE(list.out.find("dead claim on far: project 3f0c21d4-0000-4000-8000-000000000001, "
                          "domain.other xvda"),
            std::string::npos)
      << list.out;
  EXPECT_EQ(misfit(ask({"host", "list", "--format", "json"}).out, "hv.hosts.1"), "");
  write({domain("db", "far", "/dev/san0")});
  ASSERT_EQ(ask({"apply", "--yes", "-q"}).code, 0);
  write({domain("db", "far", "/dev/san0"), domain("new", "far", "/dev/san1")});
  EXPECT_EQ(ask({"apply", "--yes", "-q"}).code, 1) << "it is claimed";
  EXPECT_EQ(ask({"host", "unclaim", "far", "3f0c"}).code, 64) << "nobody is there to ask";
  EXPECT_EQ(ask({"host", "unclaim", "far", "3f0"}).code, 64);
  const Finished gone = ask({"host", "unclaim", "far", "3f0c", "--yes", "--reason", "lost"});
  EXPECT_EQ(gone.code, 0) << gone.all();
  EXPECT_NE(gone.out.find("removed the claim of domain.other xvda"), std::string::npos)
      << gone.all();
  EXPECT_EQ(ask({"host", "list"}).out.find("dead claim"), std::string::npos);
  EXPECT_EQ(ask({"apply", "--yes", "-q"}).code, 0);
  // That project's own hv goes on as if nothing were.
  Caller next = other;
  next.epoch = Epoch{5};
  EXPECT_TRUE(client()->enter(next, false).ok());
  Caller slow = other;
  EXPECT_FALSE(client()->put_claims(slow, {claim}).ok()) << "one that slept meanwhile does not";
}

TEST_F(Hosts, AClaimWithAMachineStays) {
  const Caller other{*parse_uuid("3f0c21d4-0000-4000-8000-000000000001"),
                     *parse_uuid("3f0c21d4-0000-4000-8000-000000000002"), Epoch{4}, Serial{2}};
  Claim claim;
  claim.address = {Kind::domain, "other"};
  claim.device = "xvda";
  auto host = client();
  ASSERT_TRUE(host->enter(other, false).ok());
  for (const Claim& ours : host->observe().claims)
    if (ours.address.name == "log") claim.uuid = ours.uuid;
  ASSERT_TRUE(host->put_claims(other, {claim}).ok());
  const Finished stays = ask({"host", "unclaim", "far", "3f0c21d4", "--yes"});
  EXPECT_EQ(stays.code, 1);
  EXPECT_NE(stays.err.find("HV0601"), std::string::npos) << stays.all();
  EXPECT_EQ(host->observe().claims.size(), 3u);
}

}  // namespace
}  // namespace hv::testing
