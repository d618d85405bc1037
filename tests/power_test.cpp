// One operation by hand: hv start, stop, restart, save, restore, pause, unpause — what each does
// from each state, that what is declared stays what is applied, and that nothing else is changed
// along.
#include <gtest/gtest.h>

#include "tests/process.h"

namespace hv::testing {
namespace {

constexpr const char* kProject =
    "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7a02\"\nname = \"power\"\n"
    "sources = [\"a.vm\"]\ndrift = \"DRIFT\"\n[hosts.lab]\ndriver = \"sim\"\nmemory = \"4GiB\"\n";

std::string machines(const std::string& memory, const std::string& states = "") {
  const std::string body =
      "    memory = " + memory + "\n    kernel = \"/boot/vmlinuz\"\n    disk = [\"phy:/dev/";
  return "domain up:\n" + body + "a,xvda,w\"]\n" + states + "\ndomain off:\n" + body +
         "b,xvda,w\"]\n    state = \"halted\"\n\ndomain still:\n" + body +
         "c,xvda,w\"]\n    state = \"paused\"\n";
}

class Power : public ::testing::Test {
 protected:
  void begin(const std::string& drift = "heal") {
    std::string project = kProject;
    project.replace(project.find("DRIFT"), 5, drift);
    folder_.write("hv.toml", project);
    folder_.write("a.vm", machines("64MiB"));
    ASSERT_EQ(folder_.hv({"apply", "--yes", "-q"}).code, 0);
  }
  Finished ask(const std::string& what, const std::string& domain) {
    return folder_.hv({what, "domain." + domain, "--yes"});
  }
  // The second word after its name in `hv status`: its state.
  std::string state(const std::string& domain) {
    const std::string text = folder_.hv({"status"}).out;
    const std::size_t at = text.find("  " + domain + " ");
    if (at == std::string::npos) return "";
    const std::size_t begin = text.find_first_not_of(' ', at + 2 + domain.size());
    return text.substr(begin, text.find(' ', begin) - begin);
  }
  bool in_step() { return folder_.hv({"plan", "--detailed-exitcode"}).code == 0; }
  Folder folder_;
};

struct Case {
  const char* ask;
  const char* domain;
  int code;
  const char* state;  // afterwards
  bool in_step;
  const char* says;
};
const Case kCases[] = {
    {"start", "up", 0, "running", true, "domain.up runs already"},
    {"stop", "up", 0, "missing", false, "running → halted"},
    {"restart", "up", 0, "running", true, "asked for by `hv restart`"},
    {"pause", "up", 0, "paused", false, "running → paused"},
    {"unpause", "up", 0, "running", true, "domain.up is not paused"},
    {"save", "up", 0, "saved", false, "running → saved"},
    {"restore", "up", 0, "running", true, "domain.up is not saved"},
    {"save", "off", 1, "halted", true, "it is off"},
    {"restore", "off", 1, "halted", true, "nothing is saved of it"},
    {"save", "still", 1, "paused", true, "`hv unpause domain.still`"},
    {"restore", "still", 0, "paused", true, "domain.still is not saved"},
    {"start", "off", 0, "running", false, "domain.create domain.off"},
    {"stop", "off", 0, "halted", true, "domain.off is off"},
    {"restart", "off", 1, "halted", true, "`hv start domain.off` starts it"},
    {"pause", "off", 1, "halted", true, "it is off"},
    {"unpause", "off", 1, "halted", true, "it is off"},
    {"start", "still", 1, "paused", true, "`hv unpause domain.still`"},
    {"stop", "still", 0, "missing", false, "domain.destroy domain.still"},
    {"restart", "still", 0, "running", false, "asked for by `hv restart`"},
    {"pause", "still", 0, "paused", true, "domain.still is paused already"},
    {"unpause", "still", 0, "running", false, "paused → running"},
};

TEST_F(Power, FromEveryStateItDoesWhatItSaysAndIsDriftThen) {
  begin();
  for (const Case& one : kCases) {
    const std::string what = std::string(one.ask) + " " + one.domain;
    const Finished done = ask(one.ask, one.domain);
    EXPECT_EQ(done.code, one.code) << what << "\n" << done.all();
    EXPECT_EQ(state(one.domain), one.state) << what << "\n" << done.all();
    EXPECT_EQ(in_step(), one.in_step) << what;
    // `hv plan --why` shows the reason; the plan's text shows it only where it is not the usual
    // one.
    const std::string said = done.all();
    EXPECT_NE(said.find(one.says), std::string::npos) << what << "\n" << said;
    const Finished healed = folder_.hv({"apply", "--yes"});
    EXPECT_EQ(healed.code, 0) << what << "\n" << healed.all();
    EXPECT_TRUE(in_step()) << what;
  }
}

TEST_F(Power, WhatIsSavedGoesOnOnlyByRestore) {
  begin();
  ASSERT_EQ(ask("save", "up").code, 0);
  const Case cases[] = {
      {"save", "up", 0, "saved", false, "domain.up is saved already"},
      {"start", "up", 1, "saved", false, "`hv restore domain.up` lets it go on"},
      {"stop", "up", 1, "saved", false, "it is saved"},
      {"restart", "up", 1, "saved", false, "it is saved"},
      {"pause", "up", 1, "saved", false, "it is saved"},
      {"unpause", "up", 1, "saved", false, "it is saved"},
      {"restore", "up", 0, "running", true, "saved → running"},
  };
  for (const Case& one : cases) {
    const Finished done = ask(one.ask, one.domain);
    EXPECT_EQ(done.code, one.code) << one.ask << "\n" << done.all();
    EXPECT_EQ(state(one.domain), one.state) << one.ask;
    EXPECT_EQ(in_step(), one.in_step) << one.ask;
    EXPECT_NE(done.all().find(one.says), std::string::npos) << one.ask << "\n" << done.all();
  }
}

// Saved as declared is no drift; its disk is nobody else's; declared away, it counts as a destroy.
TEST_F(Power, ADeclarationMaySayThatItIsSaved) {
  begin();
  folder_.write("a.vm", machines("64MiB", "    state = \"saved\"\n"));
  const Finished saved = folder_.hv({"apply", "--yes"});
  ASSERT_EQ(saved.code, 0) << saved.all();
  EXPECT_NE(saved.err.find("domain.save domain.up"), std::string::npos) << saved.all();
  EXPECT_EQ(state("up"), "saved");
  EXPECT_TRUE(in_step());
  EXPECT_EQ(folder_.hv({"status", "--detailed-exitcode"}).code, 0);
  const std::string status = folder_.hv({"status", "--format", "json"}).out;
  EXPECT_NE(status.find("\"state\": \"saved\""), std::string::npos) << status;
  const std::string thief =
      "\ndomain thief:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n"
      "    disk = [\"phy:/dev/a,xvda,w\"]\n";
  folder_.write("b.vm", thief);
  const Finished refused = folder_.hv({"apply", "b.vm", "--yes"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.all().find("domain.thief and domain.up"), std::string::npos) << refused.all();
  // By hand it goes on, and is drift then.
  ASSERT_EQ(ask("restore", "up").code, 0);
  EXPECT_EQ(folder_.hv({"status", "--detailed-exitcode"}).code, 2);
  ASSERT_EQ(folder_.hv({"apply", "--yes"}).code, 0);
  EXPECT_EQ(state("up"), "saved");
  const Finished kept = folder_.hv({"plan", "--max-destroy", "0", "--destroy"});
  EXPECT_NE(kept.all().find("what was saved of it is discarded"), std::string::npos) << kept.all();
  folder_.write("a.vm", machines("64MiB"));
  const std::string plan = folder_.hv({"plan", "--format", "json"}).out;
  EXPECT_NE(plan.find("\"op\": \"domain.restore\""), std::string::npos) << plan;
  ASSERT_EQ(folder_.hv({"apply", "--yes"}).code, 0);
  EXPECT_EQ(state("up"), "running");
  EXPECT_TRUE(in_step());
}

TEST_F(Power, WhereDriftIsOnlyReportedItStays) {
  begin("report");
  ASSERT_EQ(ask("stop", "up").code, 0);
  ASSERT_EQ(ask("unpause", "still").code, 0);
  const Finished after = folder_.hv({"apply", "--yes"});
  EXPECT_EQ(after.code, 0) << after.all();
  EXPECT_EQ(state("up"), "missing") << after.all();
  EXPECT_EQ(state("still"), "running");
  EXPECT_EQ(ask("start", "up").code, 0);
  EXPECT_EQ(state("up"), "running");
  EXPECT_EQ(folder_.hv({"status", "--detailed-exitcode"}).code, 2) << "`still` is drift";
  EXPECT_EQ(ask("pause", "still").code, 0);
  EXPECT_EQ(folder_.hv({"status", "--detailed-exitcode"}).code, 0);
}

TEST_F(Power, ChangesNothingElse) {
  begin();
  folder_.write("a.vm", machines("96MiB"));
  ASSERT_EQ(ask("pause", "up").code, 0);
  const std::string status = folder_.hv({"status"}).out;
  EXPECT_EQ(status.find("96 MiB"), std::string::npos) << status;
  // A start is a start of what is declared now.
  ASSERT_EQ(ask("stop", "up").code, 0);
  ASSERT_EQ(ask("start", "up").code, 0);
  const std::string plan = folder_.hv({"plan"}).out;
  EXPECT_EQ(plan.find("domain.up"), std::string::npos) << plan;
  EXPECT_NE(plan.find("domain.still"), std::string::npos) << plan;
}

TEST_F(Power, IsRefusedWithReasonAndAsksFirst) {
  begin();
  const Finished unknown = ask("stop", "nobody");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.err.find("error[HV0601]"), std::string::npos) << unknown.all();
  const Finished slip = folder_.hv({"stop", "up", "--yes"});
  EXPECT_EQ(slip.code, 64);
  EXPECT_NE(slip.err.find("takes domains, such as domain.web0, not `up`"), std::string::npos);
  EXPECT_NE(slip.err.find("write `domain.up`"), std::string::npos) << slip.err;
  EXPECT_EQ(folder_.hv({"stop", "--yes"}).code, 64);
  const Finished unasked = folder_.hv({"stop", "domain.up"});
  EXPECT_EQ(unasked.code, 64) << unasked.all();
  EXPECT_EQ(state("up"), "running");
  // One that is no longer declared is not hv's to start; one that was never applied is not there.
  folder_.write("a.vm", machines("64MiB") +
                            "\ndomain fresh:\n    memory = 64MiB\n"
                            "    kernel = \"/boot/vmlinuz\"\n");
  const Finished fresh = ask("start", "fresh");
  EXPECT_EQ(fresh.code, 1);
  EXPECT_NE(fresh.out.find("it was never applied"), std::string::npos) << fresh.all();
  folder_.write("a.vm", "domain other:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n");
  const Finished gone = ask("stop", "up");
  EXPECT_EQ(gone.code, 1);
  EXPECT_NE(gone.err.find("takes domains that are declared"), std::string::npos) << gone.all();
}

// A guest that is paused lets no device go: it goes on first.
TEST_F(Power, APausedMachineGoesOnBeforeItsDisksChange) {
  begin();
  ASSERT_EQ(ask("pause", "up").code, 0);
  std::string without = machines("64MiB");
  without.replace(without.find("phy:/dev/a,"), 11, "phy:/dev/x,");
  folder_.write("a.vm", without);
  const std::string plan = folder_.hv({"plan", "--format", "json"}).out;
  const auto after = [&](const std::string& op) {
    const std::size_t at = plan.find("\"after\"", plan.find("\"op\": \"" + op + "\""));
    return at == std::string::npos ? "" : plan.substr(at, plan.find(']', at) - at);
  };
  EXPECT_NE(plan.find("\"op\": \"domain.unpause\""), std::string::npos) << plan;
  EXPECT_EQ(after("domain.unpause").find_first_of("0123456789"), std::string::npos) << plan;
  EXPECT_NE(after("vbd.detach").find_first_of("0123456789"), std::string::npos) << plan;
  EXPECT_EQ(folder_.hv({"apply", "--yes", "-q"}).code, 0);
  EXPECT_TRUE(in_step());
}

// Whoever starts it by hand is held to the same sharing as a plan.
TEST_F(Power, StartsNothingBesideAnotherWriter) {
  begin();
  ASSERT_EQ(ask("start", "off").code, 0);
  ASSERT_EQ(ask("stop", "off").code, 0);
  folder_.write("a.vm", machines("64MiB") +
                            "\ndomain thief:\n    memory = 64MiB\n"
                            "    kernel = \"/boot/vmlinuz\"\n"
                            "    disk = [\"phy:/dev/b,xvda,w\"]\n");
  ASSERT_EQ(folder_.hv({"apply", "--yes"}).code, 0);
  const Finished refused = ask("start", "off");
  EXPECT_EQ(refused.code, 1) << refused.all();
  EXPECT_EQ(state("off"), "halted");
}

// Two hosts that see one disk: it goes there and back, by hand and as declared, and never stops.
TEST_F(Power, MigratesBetweenTwoHosts) {
  folder_.write("hv.toml",
                "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7a03\"\nname = \"two\"\n"
                "sources = [\"a.vm\"]\n[hosts.lab]\ndriver = \"sim\"\n[hosts.far]\n"
                "driver = \"sim\"\n[stores.\"/dev/san\"]\nhosts = [\"lab\", \"far\"]\n");
  const auto on = [](const std::string& host) {
    return "domain up on " + host +
           ":\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n"
           "    disk = [\"phy:/dev/san,xvda,w\"]\n\ndomain own on lab:\n    memory = 64MiB\n"
           "    kernel = \"/boot/vmlinuz\"\n    disk = [\"phy:/dev/own,xvda,w\"]\n";
  };
  folder_.write("a.vm", on("lab"));
  ASSERT_EQ(folder_.hv({"apply", "--yes", "-q"}).code, 0);
  const auto host = [&] {
    const std::string text = folder_.hv({"status"}).out;
    const std::size_t at = text.rfind('\n', text.find("  up ")) + 1;
    return text.substr(at, text.find(' ', at) - at);
  };
  EXPECT_EQ(host(), "lab");
  const Finished went = folder_.hv({"migrate", "domain.up", "--to", "far", "--yes"});
  ASSERT_EQ(went.code, 0) << went.all();
  EXPECT_NE(went.err.find("domain.migrate domain.up"), std::string::npos) << went.all();
  EXPECT_EQ(host(), "far");
  EXPECT_EQ(folder_.hv({"status", "--detailed-exitcode"}).code, 2) << "its file says lab";
  EXPECT_EQ(folder_.hv({"state", "verify"}).code, 0);
  const Finished back = folder_.hv({"apply", "--yes"});
  EXPECT_EQ(back.code, 0) << back.all();
  EXPECT_EQ(back.err.find("domain.create"), std::string::npos) << back.all();
  EXPECT_EQ(host(), "lab");
  EXPECT_TRUE(in_step());
  folder_.write("a.vm", on("far"));
  const std::string plan = folder_.hv({"plan", "--format", "json"}).out;
  EXPECT_NE(plan.find("\"op\": \"domain.migrate\""), std::string::npos) << plan;
  ASSERT_EQ(folder_.hv({"apply", "--yes"}).code, 0);
  EXPECT_EQ(host(), "far");
  EXPECT_TRUE(in_step());
  const Finished there = folder_.hv({"migrate", "domain.up", "--to", "far", "--yes"});
  EXPECT_EQ(there.code, 0);
  EXPECT_NE(there.out.find("is on far already"), std::string::npos) << there.all();
  const Finished own = folder_.hv({"migrate", "domain.own", "--to", "far", "--yes"});
  EXPECT_EQ(own.code, 1);
  EXPECT_NE(own.out.find("nothing says that its disk xvda is the same"), std::string::npos)
      << own.all();
  EXPECT_EQ(folder_.hv({"migrate", "domain.up", "--to", "moon", "--yes"}).code, 1);
  EXPECT_EQ(folder_.hv({"migrate", "domain.up", "--yes"}).code, 64);
}

}  // namespace
}  // namespace hv::testing
