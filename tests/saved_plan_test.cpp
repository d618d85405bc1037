// Saved plans: carried out once, exactly, and only where they fit.
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "tests/process.h"

namespace hv::testing {
namespace {

constexpr const char* kProject =
    "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7a01\"\nname = \"saved\"\n"
    "sources = [\"a.cfg\", \"b.cfg\"]\n[hosts.lab]\ndriver = \"sim\"\n"
    "disks = { sda = \"10GiB\" }\n[hosts.lab2]\ndriver = \"sim\"\n";

std::string machine(const std::string& name, int memory, const std::string& more = {}) {
  return "name = '" + name + "'\nmemory = " + std::to_string(memory) +
         "\nmaxmem = 512\nkernel = '/boot/vmlinuz'\n" + more;
}

class SavedPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string project = kProject;
    project.insert(project.find("sources"), "host = \"lab\"\n");
    folder_.write("hv.toml", project);
    folder_.write("a.cfg", machine("a", 64, "disk = ['phy:/dev/sda1,xvda,w']\n"));
    folder_.write("b.cfg", machine("b", 64));
  }
  void apply_all() { ASSERT_EQ(folder_.hv({"apply", "--yes", "-q"}).code, 0); }
  Finished save(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"plan", "-o", "next.plan"});
    return folder_.hv(words);
  }
  Finished carry_out(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"apply", "--yes", "next.plan"});
    return folder_.hv(words);
  }
  void expect_stale(const std::string& why) {
    const std::string before = folder_.hv({"state", "list"}).all();
    const Finished finished = carry_out();
    EXPECT_EQ(finished.code, 1) << finished.all();
    EXPECT_NE(finished.err.find("error[HV0850]: "), std::string::npos) << finished.all();
    EXPECT_NE(finished.err.find(why), std::string::npos) << finished.all();
    EXPECT_NE(finished.err.find("make it again with `hv plan -o FILE`"), std::string::npos);
    EXPECT_EQ(folder_.hv({"state", "list"}).all(), before);
  }
  Folder folder_;
};

TEST_F(SavedPlan, IsCarriedOutOnce) {
  const Finished saved = save();
  EXPECT_EQ(saved.code, 0) << saved.all();
  EXPECT_NE(saved.err.find("`hv apply next.plan` carries out exactly this"), std::string::npos);
  EXPECT_EQ(misfit(folder_.read("next.plan"), "hv.plan.1"), "");
  EXPECT_FALSE(folder_.has("next.plan.partial"));
  const Finished first = carry_out();
  EXPECT_EQ(first.code, 0) << first.all();
  EXPECT_EQ(first.out.substr(0, saved.out.find(" hosts read at")),
            saved.out.substr(0, saved.out.find(" hosts read at")))
      << "what was shown is what is done";
  EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 0);
  expect_stale("it was carried out already");
}

TEST_F(SavedPlan, ThatWasBegunGoesOn) {
  ASSERT_EQ(save().code, 0);
  Process process(folder_.command({"apply", "--yes", "next.plan"}));
  ASSERT_TRUE(process.says("✓ claim.put"));
  process.signal(SIGKILL);
  ASSERT_EQ(process.wait().signal, SIGKILL);
  const std::string whole = folder_.read("next.plan");
  std::string other = whole;
  const std::size_t step = other.find("\"domain.unpause\"");
  ASSERT_NE(step, std::string::npos);
  other.replace(step, 16, "\"domain.destroy\"");
  folder_.write("next.plan", other);
  const Finished refused = carry_out();
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("error["), std::string::npos) << refused.all();
  EXPECT_EQ(refused.err.find("✓"), std::string::npos) << refused.err;
  folder_.write("next.plan", whole);
  const Finished rest = carry_out();
  EXPECT_EQ(rest.code, 0) << rest.all();
  EXPECT_NE(rest.err.find("This plan was begun before; it goes on."), std::string::npos);
  EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 0);
  expect_stale("it was carried out already");
}

TEST_F(SavedPlan, ThatWasBegunIsStaleAfterAnother) {
  ASSERT_EQ(save().code, 0);
  Process process(folder_.command({"apply", "--yes", "next.plan"}));
  ASSERT_TRUE(process.says("✓ claim.put"));
  process.signal(SIGKILL);
  ASSERT_EQ(process.wait().signal, SIGKILL);
  apply_all();
  expect_stale("was carried out since");
}

TEST_F(SavedPlan, KeepsWhatItWasAskedFor) {
  apply_all();
  folder_.write("a.cfg", machine("a", 128, "disk = ['phy:/dev/sda1,xvda,w']\n"));
  folder_.write("b.cfg", machine("b", 128));
  ASSERT_EQ(save({"--target", "domain.a"}).code, 0);
  const Finished refused = carry_out({"--target", "domain.b"});
  EXPECT_EQ(refused.code, 64) << refused.all();
  EXPECT_NE(refused.err.find("a saved plan is carried out as it was made"), std::string::npos);
  EXPECT_EQ(carry_out().code, 0);
  const std::string left = folder_.hv({"plan"}).out;
  EXPECT_EQ(left.find("domain.a"), std::string::npos) << left;
  EXPECT_NE(left.find("domain.b"), std::string::npos) << left;
  // -p, --host and PATHs.
  folder_.write("c.cfg", "name = 'c' + number\nmemory = 64\nkernel = '/boot/vmlinuz'\n");
  const Finished saved = save({"c.cfg", "-p", "number=7", "--host", "lab2"});
  ASSERT_EQ(saved.code, 0) << saved.all();
  const Finished carried = carry_out();
  EXPECT_EQ(carried.code, 0) << carried.all();
  const std::string shown = folder_.hv({"state", "show", "domain.c7"}).out;
  EXPECT_NE(shown.find("lab2"), std::string::npos) << shown;
  // And --destroy, with --max-destroy.
  ASSERT_EQ(save({"--destroy", "a.cfg"}).code, 0);
  EXPECT_EQ(carry_out().code, 0);
  EXPECT_EQ(folder_.hv({"state", "list"}).out, "domain.b\ndomain.c7\n");
}

TEST_F(SavedPlan, ChangedSourcesMakeItStale) {
  apply_all();
  folder_.write("a.cfg", machine("a", 128));
  ASSERT_EQ(save().code, 0);
  folder_.write("a.cfg", machine("a", 256));
  expect_stale("`a.cfg` was changed");
  folder_.write("a.cfg", machine("a", 128));
  folder_.write("hv.toml", folder_.read("hv.toml") + "# a word\n");
  expect_stale("`hv.toml` was changed");
}

TEST_F(SavedPlan, ChangedStateOrHostsMakeItStale) {
  apply_all();
  folder_.write("a.cfg", machine("a", 128, "disk = ['phy:/dev/sda1,xvda,w']\n"));
  ASSERT_EQ(save().code, 0);
  // Another change is applied meanwhile.
  folder_.write("c.cfg", machine("c", 64));
  ASSERT_EQ(folder_.hv({"apply", "--yes", "-q", "c.cfg"}).code, 0);
  expect_stale("the state has moved from serial");
  // The machine that it would change is gone: the host's database is that of before.
  ASSERT_EQ(save().code, 0);
  folder_.remove(".hv/sim/lab");
  expect_stale("what runs on its hosts has changed");
}

TEST_F(SavedPlan, OfAnotherStateIsRefused) {
  apply_all();
  folder_.write("a.cfg", machine("a", 128));
  ASSERT_EQ(save().code, 0);
  folder_.remove(".hv");
  folder_.write("a.cfg", machine("a", 64));
  apply_all();
  folder_.write("a.cfg", machine("a", 128));
  expect_stale("it was made for another state");
}

TEST_F(SavedPlan, ARefusedPlanIsShownAndNotSaved) {
  apply_all();
  folder_.write("hv.toml", folder_.read("hv.toml").replace(
                               folder_.read("hv.toml").find("\"a.cfg\", "), 9, ""));
  const Finished saved = save({"--max-destroy", "0"});
  EXPECT_EQ(saved.code, 1);
  EXPECT_NE(saved.out.find("This plan is refused"), std::string::npos) << saved.all();
  EXPECT_FALSE(folder_.has("next.plan"));
}

TEST_F(SavedPlan, WhatCannotBeSavedSaysSo) {
  for (const std::string place : {"no/folder/next.plan", "."}) {
    const Finished finished = folder_.hv({"plan", "-o", place});
    EXPECT_EQ(finished.code, 1) << finished.all();
    EXPECT_NE(finished.err.find("error[HV0401]: cannot write `" + place + "`: "), std::string::npos)
        << finished.err;
  }
  const Finished input = folder_.hv({"plan", "-o", "x.plan", "-"}, machine("x", 64));
  EXPECT_EQ(input.code, 64) << input.all();
  EXPECT_NE(input.err.find("a plan of standard input cannot be saved"), std::string::npos);
  const Folder bare;
  bare.write("a.cfg", machine("a", 64));
  const Finished nameless = bare.hv({"plan", "-o", "x.plan", "a.cfg"});
  EXPECT_EQ(nameless.code, 64) << nameless.all();
  EXPECT_FALSE(bare.has("x.plan"));
}

TEST_F(SavedPlan, HoldsNoSecret) {
  folder_.write("m.vm",
                "param pw: secret\ndomain m:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n"
                "    vnc = True\n    vncpasswd = pw\n");
  folder_.write("pw", "open-sesame\n");
  const Finished typed = save({"m.vm", "-p", "pw=open-sesame"});
  EXPECT_EQ(typed.code, 64) << typed.all();
  EXPECT_NE(typed.err.find("-p pw=@FILE"), std::string::npos) << typed.err;
  const Finished saved = save({"m.vm", "-p", "pw=@pw"});
  ASSERT_EQ(saved.code, 0) << saved.all();
  const std::string hex = "6f70656e2d736573616d65";  // the same in the record
  EXPECT_EQ(folder_.read("next.plan").find("sesame"), std::string::npos);
  EXPECT_EQ(folder_.read("next.plan").find(hex), std::string::npos);
  const Finished carried = carry_out();
  EXPECT_EQ(carried.code, 0) << carried.all();
  EXPECT_EQ(carried.all().find("sesame"), std::string::npos);
  EXPECT_EQ(folder_.hv({"plan", "m.vm", "-p", "pw=@pw", "--detailed-exitcode"}).code, 0)
      << "the secret reached the machine";
  const Finished other = folder_.hv({"plan", "m.vm", "-p", "pw=another", "--format", "json"});
  EXPECT_EQ(other.all().find("sesame"), std::string::npos);
  EXPECT_EQ(other.all().find("another"), std::string::npos) << other.all();
}

// A byte changed anywhere: refused, or it was one that means nothing and all is done as shown.
TEST_F(SavedPlan, TamperedWithIsRefused) {
  apply_all();
  const std::string serial = folder_.hv({"state", "verify"}).out;
  folder_.write("a.cfg", machine("a", 128, "disk = ['phy:/dev/sda1,xvda,w']\n"));
  ASSERT_EQ(save().code, 0);
  const std::string plan = folder_.read("next.plan");
  const std::size_t record = plan.find("\"record\"");
  ASSERT_NE(record, std::string::npos);
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < record; at += record / 40 + 1) places.push_back(at);
  for (std::size_t at = record; at < plan.size(); at += (plan.size() - record) / 20 + 1)
    places.push_back(at);
  std::size_t refused = 0;
  for (const std::size_t at : places) {
    std::string bad = plan;
    const char c = bad[at];
    bad[at] = c == '1'                                           ? '2'
              : std::isdigit(static_cast<unsigned char>(c)) != 0 ? '1'
              : c == 'a'                                         ? 'b'
                                                                 : 'a';
    folder_.write("next.plan", bad);
    Command command = folder_.command({"apply", "--yes", "next.plan"});
    const Finished finished = run(command);
    ASSERT_EQ(finished.signal, 0) << at << finished.all();
    if (finished.code == 0) {
      ADD_FAILURE() << "byte " << at << " made `" << bad.substr(at > 20 ? at - 20 : 0, 40)
                    << "` and was applied";
      return;
    }
    ++refused;
    EXPECT_TRUE(finished.code == 1) << finished.all();
    EXPECT_NE(finished.err.find("error[HV0"), std::string::npos) << at;
  }
  EXPECT_EQ(refused, places.size());
  EXPECT_EQ(folder_.hv({"state", "verify"}).code, 0);
  folder_.write("next.plan", plan);
  EXPECT_EQ(carry_out().code, 0) << "the plan itself still holds";
}

TEST_F(SavedPlan, FilesThatAreNoSavedPlan) {
  ASSERT_EQ(save().code, 0);
  const std::string plan = folder_.read("next.plan");
  folder_.write("next.plan", plan.substr(0, plan.size() / 2));
  Finished finished = carry_out();
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.err.find("error[HV0690]: the plan file cannot be used"), std::string::npos)
      << finished.err;
  EXPECT_NE(finished.err.find("--> next.plan"), std::string::npos) << finished.err;
  folder_.write("next.plan", folder_.hv({"plan", "--format", "json"}).out);
  finished = carry_out();
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.err.find("error[HV0690]: this is a plan to read, not one to apply"),
            std::string::npos)
      << finished.err;
}

}  // namespace
}  // namespace hv::testing
