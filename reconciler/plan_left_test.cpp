// A migration of which only a copy is left: who may say what becomes of it, that neither word is
// taken while its source may have it, and that it never runs twice.
#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

DomainSpec mail(const std::string& host = "lab") {
  return machine("mail", mib(256), {"xvda san/mail w"}, host);
}

class Left : public Planning {
 protected:
  // `lab` loses its power when the copy is on `far` and does not run yet.
  void SetUp() override {
    world_.project.stores[StoreId{"san/mail"}].hosts = {HostName{"lab"}, HostName{"far"}};
    world_.options.poll_every = milliseconds(50);
    stand(world_, {mail(), web(0)});
    uuid_ = applied().uuid;
    world_.declare({mail("far"), web(0)});
    const Plan made = plan(world_);
    bool cut = false;
    world_.moments.look = [&] {
      if (cut || where() != "lab:mail:running far:mail--incoming:copy ") return;
      cut = true;
      ASSERT_TRUE(world_.sim("lab").power_cycle().ok());
    };
    auto report = world_.apply(made);
    ASSERT_TRUE(cut);
    ASSERT_TRUE(report.ok());
    EXPECT_FALSE(report->ok());
    world_.moments.look = [&] {
      if (broken_.empty()) broken_ = world_.broken_invariant();
    };
    ASSERT_EQ(where(), kLeft);
    ASSERT_EQ(settled(), kWords);
  }
  void TearDown() override { EXPECT_EQ(broken_, ""); }
  AppliedDomain applied() { return world_.store().applied()->domains.at(domain("mail")); }
  std::string where() {
    std::string found;
    for (const char* host : {"lab", "far"})
      for (const ObservedDomain& seen : world_.sim(host).observe().domains)
        if (seen.uuid == uuid_)
          found += std::string(host) + ":" + seen.name + ":" +
                   std::string(seen.never_ran ? "copy" : to_string(seen.state)) + " ";
    return found;
  }
  // What settling says of the migration; nothing where none is open.
  std::string settled() {
    auto all = world_.recover();
    if (!all.ok()) return all.error().message;
    std::string text;
    for (const Settled& each : *all)
      if (each.what.starts_with("domain.migrate"))
        text += (each.result == Settled::Result::done      ? "done: "
                 : each.result == Settled::Result::unknown ? "unknown: "
                                                           : "undone: ") +
                each.why;
    return text;
  }
  Scope by_hand(PowerAsk ask) {
    Scope scope;
    scope.power[domain("mail")] = ask;
    scope.targets = {domain("mail")};
    return scope;
  }
  std::string failures(const Result<ApplyReport>& report) {
    if (!report.ok()) return report.error().message;
    std::string text;
    for (const StepFailure& each : report->failures) text += each.what + ": " + each.why + "; ";
    return text;
  }
  void fence(const std::string& host) {
    Transition said;
    OperatorWord word;
    word.kind = WordKind::fenced;
    word.host = HostName{host};
    word.who = "operator";
    said.words = {word};
    ASSERT_TRUE(world_.store().commit(said).ok());
  }

  static constexpr const char* kLeft = "far:mail--incoming:copy ";
  static constexpr const char* kWords =
      "unknown: it is gone where it was, and its copy on the other host was never let run: "
      "`hv unpause` lets it go on there, `hv stop` gives it up";
  World world_{90, {"lab", "far"}};
  Uuid uuid_;
  std::string broken_;
};

TEST_F(Left, WithoutAWordNothingIsDoneToIt) {
  for (const char* host : {"lab", "far"}) {
    world_.declare({mail(host), web(0), web(1)});
    EXPECT_EQ(world_.change(), "");
    EXPECT_EQ(where(), kLeft);
    const Plan made = plan(world_);
    EXPECT_EQ(finding_codes(made), "HV0853");
    ASSERT_FALSE(made.findings.empty());
    EXPECT_NE(made.findings[0].ways_out.at(0).find("`hv unpause domain.mail`"), std::string::npos);
    EXPECT_NE(made.findings[0].ways_out.at(1).find("`hv stop domain.mail`"), std::string::npos);
  }
  for (const PowerAsk ask :
       {PowerAsk::start, PowerAsk::restart, PowerAsk::save, PowerAsk::restore, PowerAsk::pause}) {
    const Plan made = plan(world_, by_hand(ask));
    EXPECT_EQ(codes(made), "HV0601") << to_string(ask);
    EXPECT_TRUE(made.steps.empty());
    EXPECT_NE(made.refusals[0].help.find("`hv unpause domain.mail` lets it go on there"),
              std::string::npos);
  }
  EXPECT_EQ(settled(), kWords);
}

TEST_F(Left, ItGoesOnWhereItsCopyIs) {
  const Plan made = plan(world_, by_hand(PowerAsk::unpause));
  EXPECT_EQ(changes(made), "update domain.mail");
  ASSERT_EQ(made.steps.size(), 3u);
  for (const Step& step : made.steps) EXPECT_EQ(step.operation.host.text, "far");
  ASSERT_EQ(made.notes.size(), 1u);
  EXPECT_NE(made.notes[0].find("only where it had stopped on lab"), std::string::npos);
  EXPECT_EQ(failures(world_.apply(made)), "");
  EXPECT_EQ(where(), "far:mail:running ");
  EXPECT_EQ(settled(), "done: it runs on the other host");
  EXPECT_EQ(applied().spec.host.text, "far");
  EXPECT_EQ(applied().uuid, uuid_);
  EXPECT_EQ(world_.change(), "");
  EXPECT_EQ(changes(plan(world_)), "");
  EXPECT_EQ(world_.difference(), "");
}

// hv dies before it has written what came of it: the next one reads it.
TEST_F(Left, ADeathAfterItGoesOnChangesNothing) {
  const Plan made = plan(world_, by_hand(PowerAsk::unpause));
  EXPECT_EQ(failures(world_.apply(made)), "");
  world_.die();
  EXPECT_EQ(world_.change(), "");
  EXPECT_EQ(where(), "far:mail:running ");
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Left, GivenUpItIsMadeAgain) {
  const Plan made = plan(world_, by_hand(PowerAsk::stop));
  EXPECT_EQ(changes(made), "update domain.mail");
  EXPECT_EQ(made.changes[0].downtime, Downtime::gone);
  EXPECT_EQ(failures(world_.apply(made)), "");
  world_.advance(seconds(60));
  EXPECT_EQ(where(), "");
  EXPECT_EQ(settled(), "undone: it is on neither host");
  EXPECT_EQ(applied().uuid, uuid_) << "it stays ours";
  for (const Claim& claim : world_.sim("far").observe().claims) EXPECT_NE(claim.uuid, uuid_);
  world_.declare({mail(), web(0)});
  EXPECT_EQ(world_.change(), "");
  EXPECT_EQ(where(), "lab:mail:running ");
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Left, WhileItsSourceCannotBeReadNeitherIsDone) {
  unreachable(world_, "lab");
  EXPECT_EQ(settled(), "unknown: host `lab` cannot be read: the host `lab` does not answer");
  for (const PowerAsk ask : {PowerAsk::unpause, PowerAsk::stop}) {
    const Plan made = plan(world_, by_hand(ask));
    EXPECT_TRUE(made.steps.empty());
    EXPECT_TRUE(leaves_undone(made)) << "the command fails";
  }
  EXPECT_EQ(where(), kLeft);
}

TEST_F(Left, OnAWordThatItsSourceIsOffItGoesOn) {
  unreachable(world_, "lab");
  fence("lab");
  EXPECT_EQ(settled(), kWords);
  Scope scope = by_hand(PowerAsk::unpause);
  scope.powered_off = {HostName{"lab"}};
  Plan made = plan(world_, scope);
  made.scope.powered_off = {HostName{"lab"}};
  EXPECT_EQ(failures(world_.apply(made)), "");
  EXPECT_EQ(where(), "far:mail:running ");
  EXPECT_EQ(settled(), "done: it runs on the other host");
  EXPECT_EQ(applied().spec.host.text, "far");
}

// What was gone when the plan was made is back when it is carried out: the last look sees it.
TEST_F(Left, WhereItsSourceHasItAgainItDoesNotGoOn) {
  const Plan made = plan(world_, by_hand(PowerAsk::unpause));
  ASSERT_EQ(made.steps.size(), 3u);
  world_.moments.look = {};  // two of one UUID, by another hand
  ASSERT_TRUE(world_.sim("lab").outside_create(mail(), uuid_).ok());
  world_.advance(seconds(60));
  const std::string failed = failures(world_.apply(made));
  EXPECT_NE(failed.find("is live more than once"), std::string::npos) << failed;
  EXPECT_EQ(where(), "lab:mail:running far:mail--incoming:copy ");
  for (const PowerAsk ask : {PowerAsk::unpause, PowerAsk::stop})
    EXPECT_TRUE(plan(world_, by_hand(ask)).steps.empty());
  // It runs where it was: the copy goes.
  EXPECT_EQ(settled(), "undone: its copy never ran and was destroyed");
  world_.advance(seconds(60));
  EXPECT_EQ(where(), "lab:mail:running ");
}

TEST_F(Left, WhereItsSourceFallsSilentItDoesNotGoOn) {
  const Plan made = plan(world_, by_hand(PowerAsk::unpause));
  unreachable(world_, "lab");
  const std::string failed = failures(world_.apply(made));
  EXPECT_NE(failed.find("cannot be read"), std::string::npos) << failed;
  EXPECT_EQ(where(), kLeft) << "nor is it taken away";
}

}  // namespace
}  // namespace hv::testing
