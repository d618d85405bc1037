// Saved machines in plans: what they hold, how they come back, and what is never done to them.
#include "reconciler/effects.h"
#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

DomainSpec in_state(DomainSpec domain, PowerState state) {
  domain.state = state;
  return domain;
}

class Saved : public Planning {
 protected:
  void SetUp() override {
    stand(world_, {web(0), web(1)});
    world_.declare({in_state(web(0), PowerState::saved), web(1)});
    const Plan made = plan(world_);
    EXPECT_EQ(changes(made), "update domain.web0");
    EXPECT_EQ(made.changes[0].downtime, Downtime::gone);
    EXPECT_EQ(count(made, Op::domain_save), 1u);
    settle(world_);
    ASSERT_EQ(state("web0"), PowerState::saved);
    uuid_ = world_.store().applied()->domains.at(domain("web0")).uuid;
  }
  PowerState state(const std::string& name) {
    for (const ObservedDomain& seen : world_.sim().observe().domains)
      if (seen.name == name) return seen.state;
    return PowerState::missing;
  }
  std::size_t claims() {
    std::size_t n = 0;
    for (const Claim& claim : world_.sim().observe().claims) n += claim.uuid == uuid_;
    return n;
  }
  // As an hv that dies right after it would: its host does it and nobody hears of it.
  void behind_its_back(Op op) {
    Operation operation;
    operation.op = op;
    operation.uuid = uuid_;
    const StoreHead head = world_.store().head();
    const Caller caller{*world_.project.id, head.lineage, head.epoch, head.serial};
    ASSERT_TRUE(world_.sim().begin(OperationId{"behind"}, caller, operation).ok());
    world_.advance(seconds(60));
  }
  World world_{70, {"lab", "far"}};
  Uuid uuid_;
};

TEST_F(Saved, KeepsItsDisksFromEverybody) {
  EXPECT_EQ(claims(), 1u);
  for (const char* where : {"lab", "far"}) {
    world_.declare({in_state(web(0), PowerState::saved), web(1),
                    machine("thief", mib(64), {"xvda vg/web0 w"}, where)});
    EXPECT_EQ(codes(plan(world_)), "HV0607") << where;
  }
  // What is saved takes none of its host's memory.
  DomainSpec large = web(1);
  large.attributes.set("memory", gib(7) - mib(200));
  large.attributes.set("maxmem", gib(7));
  world_.declare({in_state(web(0), PowerState::saved), large});
  EXPECT_EQ(world_.change(), "");
  world_.declare({web(0), large});
  const Plan made = plan(world_);
  EXPECT_FALSE(made.applicable) << "and takes it again when it is restored";
}

TEST_F(Saved, GoesOnThroughEveryCheckOfAStart) {
  world_.declare({web(0), web(1)});
  const Plan made = plan(world_);
  EXPECT_EQ(changes(made), "update domain.web0");
  EXPECT_EQ(count(made, Op::domain_create), 0u);
  const Step* claim = step_of(made, Op::claim_put, "web0");
  const Step* restore = step_of(made, Op::domain_restore, "web0");
  const Step* verify = step_of(made, Op::domain_verify, "web0");
  const Step* unpause = step_of(made, Op::domain_unpause, "web0");
  ASSERT_TRUE(claim && restore && verify && unpause);
  EXPECT_TRUE(reaches(made, claim->id, restore->id));
  EXPECT_TRUE(reaches(made, restore->id, verify->id));
  EXPECT_TRUE(reaches(made, verify->id, unpause->id));
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
  EXPECT_EQ(world_.store().applied()->domains.at(domain("web0")).uuid, uuid_);
}

TEST_F(Saved, IsNotRestoredBesideAStranger) {
  const DomainSpec thief = machine("thief", mib(64), {"xvda vg/web0 w"});
  const Uuid other = uuid_v4(world_.random);
  world_.declare({web(0), web(1)});
  const Plan made = plan(world_);
  ASSERT_TRUE(made.applicable);
  ASSERT_TRUE(world_.sim().outside_create(thief, other).ok());
  // Seen before the plan, it is refused; come after it, it is met before anything runs.
  EXPECT_EQ(codes(plan(world_)), "HV0607");
  const auto report = world_.apply(made);
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->ok());
  EXPECT_EQ(state("web0"), PowerState::saved);
  EXPECT_EQ(claims(), 1u);
  EXPECT_FALSE(world_.store().applied()->domains.at(domain("web0")).incomplete);
  ASSERT_TRUE(world_.sim().outside_destroy(other).ok());
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

// The hypervisor lets a stranger in between the restore and the look before it runs.
TEST_F(Saved, WhatIsMetLateIsWithdrawnAndStaysSaved) {
  world_.declare({web(0), web(1)});
  const Plan made = plan(world_);
  const DomainSpec reader = machine("reader", mib(64), {"xvda vg/web0 r"}, "far");
  bool come = false;
  world_.moments.look = [&] {
    if (come || state("web0") != PowerState::paused) return;
    come = true;
    EXPECT_TRUE(world_.sim("far").outside_create(reader, uuid_v4(world_.random)).ok());
  };
  const auto report = world_.apply(made);
  ASSERT_TRUE(come);
  ASSERT_TRUE(report.ok());
  ASSERT_FALSE(report->failures.empty());
  EXPECT_EQ(report->failures[0].code, Code::unsafe_read_sharing) << report->failures[0].why;
  EXPECT_EQ(state("web0"), PowerState::saved);
  EXPECT_EQ(claims(), 1u);
  const AppliedDomain record = world_.store().applied()->domains.at(domain("web0"));
  EXPECT_FALSE(record.incomplete);
  EXPECT_EQ(record.spec.state, PowerState::saved);
}

TEST_F(Saved, ToDiscardItCounts) {
  for (const bool halted : {true, false}) {
    std::vector<Resource> declared = {web(1)};
    if (halted) declared.push_back(in_state(web(0), PowerState::halted));
    world_.declare(std::move(declared));
    Scope scope;
    scope.max_destroy = DestroyBudget{0, false};
    EXPECT_EQ(codes(plan(world_, scope)), "HV0603") << halted;
    EXPECT_EQ(count(plan(world_), Op::domain_destroy), 1u);
  }
  settle(world_);
  EXPECT_EQ(state("web0"), PowerState::missing);
  EXPECT_EQ(claims(), 0u);
}

TEST_F(Saved, WhatIsChangedMeanwhileWaitsForIt) {
  DomainSpec larger = web(0);
  larger.attributes.set("memory", mib(512));
  larger.vbds.push_back(machine("x", mib(1), {"xvdb vg/more w"}).vbds[0]);
  larger.lifecycle.protect = true;
  world_.declare({in_state(larger, PowerState::saved), web(1)});
  const Plan made = plan(world_);
  EXPECT_EQ(changes(made), "deferred update domain.web0; update domain.web0");
  EXPECT_EQ(made.steps.size(), 1u) << "what only the state has to know";
  EXPECT_EQ(world_.change(), "");
  EXPECT_TRUE(plan(world_).steps.empty());
  world_.declare({larger, web(1)});
  const Plan back = plan(world_);
  EXPECT_EQ(changes(back), "update domain.web0");
  const Step* unpause = step_of(back, Op::domain_unpause, "web0");
  const Step* attach = step_of(back, Op::vbd_attach, "web0");
  ASSERT_TRUE(unpause && attach);
  EXPECT_TRUE(reaches(back, unpause->id, attach->id));
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Saved, WhatNeedsARestartIsMadeAfterItsGuestHasGoneOn) {
  DomainSpec other = web(0);
  other.attributes.set("kernel", "/boot/vmlinuz-6.12");
  world_.declare({other, web(1)});
  const Plan made = plan(world_);
  EXPECT_EQ(changes(made), "restart domain.web0");
  const Step* unpause = step_of(made, Op::domain_unpause, "web0");
  const Step* shutdown = step_of(made, Op::domain_shutdown, "web0");
  ASSERT_TRUE(unpause && shutdown);
  EXPECT_TRUE(reaches(made, unpause->id, shutdown->id));
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

// What it was saved with goes to another, whose own goes to it.
TEST_F(Saved, ItsDisksMayChangeHandsOnceItIsBack) {
  const auto with = [](int number, const char* source) {
    DomainSpec domain = web(number);
    domain.vbds.push_back(machine("x", mib(1), {std::string("xvdf ") + source + " w"}).vbds[0]);
    return domain;
  };
  world_.declare({with(0, "vg/left"), with(1, "vg/right")});
  settle(world_);
  world_.declare({in_state(with(0, "vg/left"), PowerState::saved), with(1, "vg/right")});
  settle(world_);
  world_.declare({with(0, "vg/right"), with(1, "vg/left")});
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Saved, AnImageThatWasUsedIsNeverUsedAgain) {
  behind_its_back(Op::domain_restore);
  ASSERT_EQ(state("web0"), PowerState::paused);
  ASSERT_TRUE(world_.sim().power_cycle().ok());
  const Plan saved = plan(world_);
  EXPECT_EQ(count(saved, Op::domain_restore), 0u);
  world_.declare({web(0), web(1)});
  const Plan made = plan(world_);
  EXPECT_EQ(changes(made), "restart domain.web0; create domain.web1");
  EXPECT_EQ(count(made, Op::domain_restore), 0u);
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
  EXPECT_EQ(world_.store().applied()->domains.at(domain("web0")).uuid, uuid_);
}

// Somebody's hand took the image away, and nothing is left to bring back.
TEST_F(Saved, ThatIsLostIsDriftAndMadeAgainWhereItIsToRun) {
  ASSERT_TRUE(world_.sim().outside_destroy(uuid_).ok());
  const Plan still = plan(world_);
  EXPECT_TRUE(still.applicable);
  EXPECT_TRUE(still.steps.empty());
  ASSERT_EQ(still.drift.size(), 1u);
  EXPECT_EQ(still.drift[0].path, "state");
  world_.declare({web(0), web(1)});
  EXPECT_EQ(changes(plan(world_)), "create domain.web0");
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Saved, WhereNothingIsThereNothingIsSaved) {
  world_.declare(
      {in_state(web(0), PowerState::saved), web(1), in_state(web(2), PowerState::saved)});
  EXPECT_EQ(codes(plan(world_)), "HV0601");
  world_.declare({in_state(web(0), PowerState::saved), in_state(web(1), PowerState::halted)});
  settle(world_);
  world_.declare({in_state(web(0), PowerState::saved), in_state(web(1), PowerState::saved)});
  EXPECT_EQ(codes(plan(world_)), "HV0601");
}

TEST_F(Saved, WhereDriftIsOnlyReportedItStaysSaved) {
  world_.declare({web(0), web(1)});
  settle(world_);
  Scope by_hand;
  by_hand.power[domain("web0")] = PowerAsk::save;
  ASSERT_TRUE(world_.apply(plan(world_, by_hand)).ok());
  ASSERT_EQ(state("web0"), PowerState::saved);
  world_.project.drift = DriftPolicy::report;
  const Plan made = plan(world_);
  EXPECT_TRUE(made.steps.empty());
  EXPECT_EQ(made.drift.size(), 1u);
  world_.project.drift = DriftPolicy::heal;
  EXPECT_EQ(count(plan(world_), Op::domain_restore), 1u);
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

}  // namespace
}  // namespace hv::testing
