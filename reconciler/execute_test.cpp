#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "reconciler/test_world.h"

namespace hv::testing {
namespace {

std::vector<Resource> three() {
  return {machine("web0", mib(256), {"xvda vg/web0 w", "xvdc vg/data r"}),
          machine("web1", mib(256), {"xvda vg/web1 w", "xvdc vg/data r"}),
          machine("web2", mib(256), {"xvda vg/web2 w", "xvdc vg/data r"})};
}

SimFault fault(SimFault::Kind kind, Duration delay = {}) {
  SimFault one;
  one.kind = kind;
  one.delay = delay;
  one.message = "the toolstack says no";
  return one;
}

// Faults of one kind for one operation of one domain.
SimFaults only(Op op, const std::string& name, SimFault one) {
  return [=](const OperationId&, const Operation& operation) {
    return operation.op == op && operation.address.name == name ? one : SimFault();
  };
}

Plan planned(World& world) {
  auto settled = world.recover();
  EXPECT_TRUE(settled.ok());
  auto plan = world.plan();
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  if (!plan.ok()) return {};
  EXPECT_TRUE(plan->applicable);
  EXPECT_FALSE(plan->steps.empty());
  return std::move(plan).value();
}

ApplyReport applied(World& world, const Plan& plan) {
  auto report = world.apply(plan);
  EXPECT_TRUE(report.ok()) << report.error().message;
  return report.ok() ? std::move(report).value() : ApplyReport();
}

void expect_mended(World& world) {
  world.sim().set_faults({});
  EXPECT_EQ(world.change(), "");
  EXPECT_EQ(world.difference(), "");
}

TEST(Execute, EveryStepTakesTheWayOfThePicture) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  std::map<StepId, StepState> now;
  const std::set<std::pair<StepState, StepState>> ways = {
      {StepState::waiting, StepState::ready},       {StepState::ready, StepState::running},
      {StepState::running, StepState::verifying},   {StepState::running, StepState::ready},
      {StepState::verifying, StepState::succeeded}, {StepState::verifying, StepState::failed},
      {StepState::waiting, StepState::skipped},
  };
  world.options.progress = [&](const StepEvent& event) {
    StepState before = now.contains(event.step->id) ? now[event.step->id] : StepState::waiting;
    EXPECT_TRUE(ways.contains({before, event.state}))
        << to_string(before) << " to " << to_string(event.state);
    now[event.step->id] = event.state;
    // Whatever comes before has succeeded by the time a step runs.
    if (event.state == StepState::running) {
      for (StepId earlier : event.step->after) EXPECT_EQ(now[earlier], StepState::succeeded);
    }
  };
  ApplyReport report = applied(world, plan);
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.succeeded, plan.steps.size());
  for (const Step& step : plan.steps) EXPECT_EQ(now[step.id], StepState::succeeded);
  EXPECT_EQ(world.difference(), "");
  auto history = world.store().history();
  ASSERT_TRUE(history.ok());
  ASSERT_EQ(history->size(), 1u);
  EXPECT_TRUE(history->front().ended);
  EXPECT_EQ(history->front().steps_done, plan.steps.size());
  EXPECT_EQ(history->front().who, "tester@world");
}

TEST(Execute, RunsNoMoreThanAllowed) {
  for (int limit : {1, 2, 16}) {
    World world(1);
    world.declare(three());
    Plan plan = planned(world);
    world.options.parallel[HostName{"lab"}] = limit;
    std::set<StepId> running;
    std::size_t most = 0;
    world.options.progress = [&](const StepEvent& event) {
      if (event.state == StepState::running) running.insert(event.step->id);
      if (event.state == StepState::succeeded) running.erase(event.step->id);
      most = std::max(most, running.size());
    };
    EXPECT_TRUE(applied(world, plan).ok());
    EXPECT_LE(most, static_cast<std::size_t>(limit));
    if (limit > 2) {
      EXPECT_GE(most, 3u) << "independent steps should run side by side";
    }
  }
}

TEST(Execute, AFailureStopsWhatDependsOnItAndNothingElse) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  world.sim().set_faults(only(Op::domain_create, "web1", fault(SimFault::Kind::fail_before)));
  ApplyReport report = applied(world, plan);
  EXPECT_FALSE(report.ok());
  ASSERT_EQ(report.failed, 1u);
  EXPECT_EQ(report.failures[0].what, "domain.create domain.web1");
  EXPECT_NE(report.failures[0].why.find("the toolstack says no"), std::string::npos);
  EXPECT_GT(report.skipped, 0u);
  for (const Step& step : plan.steps) {
    const auto& left = report.not_done;
    if (std::find(left.begin(), left.end(), step.id) != left.end()) {
      EXPECT_EQ(step.operation.address.name, "web1");
    }
  }
  EXPECT_EQ(world.sim().observe().domains.size(), 2u);
  expect_mended(world);
}

TEST(Execute, BelievesTheHostAndNotItsAnswer) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  // An error after the effect is a success.
  world.sim().set_faults(only(Op::domain_create, "web0", fault(SimFault::Kind::effect_error)));
  EXPECT_TRUE(applied(world, plan).ok());
  EXPECT_EQ(world.difference(), "");

  // A success without the effect is none.
  auto fleet = three();
  std::get<DomainSpec>(fleet[0]).attributes.set("memory", mib(512));
  world.declare(std::move(fleet));
  plan = planned(world);
  world.sim().set_faults(only(Op::domain_memory, "web0", fault(SimFault::Kind::no_effect_ok)));
  ApplyReport report = applied(world, plan);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].code, Code::effect_missing);
  EXPECT_NE(report.failures[0].why.find("the host reported success, but"), std::string::npos);
  expect_mended(world);
}

TEST(Execute, ANewcomerThatIsHalfThereWithdraws) {
  World world(1);
  world.declare(three());
  ASSERT_EQ(world.change(), "");
  auto fleet = three();
  std::get<DomainSpec>(fleet[0]).vbds.push_back(
      machine("x", mib(1), {"xvdf vg/logs w"}).vbds.front());
  world.declare(std::move(fleet));
  Plan plan = planned(world);
  world.sim().set_faults(only(Op::vbd_attach, "web0", fault(SimFault::Kind::half_attach)));
  ApplyReport report = applied(world, plan);
  EXPECT_EQ(report.failed, 1u);
  HostObservation host = world.sim().observe();
  for (const ObservedDomain& domain : host.domains) EXPECT_EQ(domain.vbds.size(), 2u);
  for (const Claim& claim : host.claims) EXPECT_NE(claim.device, "xvdf");
  auto open = world.store().open_intents();
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->empty());
  expect_mended(world);
}

TEST(Execute, WhatDoesNotEndStaysHeldUntilItIsSettled) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  world.sim().set_faults(
      only(Op::domain_create, "web2", fault(SimFault::Kind::stall, seconds(1000))));
  ApplyReport report = applied(world, plan);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].code, Code::operation_timed_out);
  auto open = world.store().open_intents();
  ASSERT_TRUE(open.ok());
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->front().intent.operation.op, Op::domain_create);
  world.sim().set_faults({});
  world.advance(seconds(1000));
  auto settled = world.recover();
  ASSERT_TRUE(settled.ok()) << settled.error().message;
  ASSERT_EQ(settled->size(), 1u);
  EXPECT_EQ(settled->front().result, Settled::Result::redo);  // there, paused: destroyed again
  EXPECT_EQ(world.sim().observe().domains.size(), 2u);
  expect_mended(world);
}

TEST(Execute, AnIntentThatCannotBeWrittenStopsItsStepBeforeItActs) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  world.crashing_store().fill_disk(true);
  ApplyReport report = applied(world, plan);
  EXPECT_FALSE(report.ok());
  ASSERT_FALSE(report.failures.empty());
  EXPECT_EQ(report.failures[0].code, Code::state_no_space);
  EXPECT_TRUE(world.sim().observe().domains.empty());
  EXPECT_TRUE(world.sim().observe().claims.empty());
  world.crashing_store().fill_disk(false);

  // Full half way: nothing is begun any more, and what was done is known again afterwards.
  plan = planned(world);
  world.options.progress = [&](const StepEvent& event) {
    if (event.step->operation.op == Op::domain_create && event.state == StepState::running)
      world.crashing_store().fill_disk(true);
  };
  report = applied(world, plan);
  EXPECT_FALSE(report.ok());
  world.options.progress = {};
  world.crashing_store().fill_disk(false);
  expect_mended(world);
}

// Found at the moment of writing, before a step or after it: the state's own words, not the host's.
TEST(Execute, AStateThatBreaksInTheMiddleIsToldAsSuch) {
  for (const StepState moment : {StepState::ready, StepState::verifying}) {
    World world(1);
    world.declare(three());
    const Plan plan = planned(world);
    world.options.progress = [&](const StepEvent& event) {
      if (event.step->operation.op == Op::domain_create && event.state == moment)
        world.crashing_store().refuse(
            Error{Code::state_corrupt, "the state is damaged", "hv state verify"});
    };
    const ApplyReport report = applied(world, plan);
    ASSERT_FALSE(report.failures.empty());
    for (const StepFailure& failure : report.failures) {
      EXPECT_EQ(failure.code, Code::state_corrupt) << failure.what << ": " << failure.why;
      EXPECT_EQ(failure.help, "hv state verify");
    }
    world.options.progress = {};
    world.crashing_store().refuse(std::nullopt);
    expect_mended(world);
  }
}

// A plan that is resumed while the host that had its step cannot be read: held, and not begun
// again.
TEST(Execute, WhatWasBegunInAnEarlierRunIsNotGuessed) {
  World world(1, {"lab", "far"});
  world.project.unresolved = UnresolvedPolicy::warn;
  world.declare({machine("web0", mib(256), {"xvda vg/web0 w"}),
                 machine("web1", mib(256), {"xvda vg/web1 w"}, "far")});
  const Plan plan = planned(world);
  world.sim().set_faults(
      only(Op::domain_create, "web0", fault(SimFault::Kind::unreachable, seconds(5000))));
  EXPECT_FALSE(applied(world, plan).ok());
  world.sim().set_faults({});
  ASSERT_FALSE(world.sim().observe().reachable);

  ApplyReport report = applied(world, plan);
  std::string told;
  for (const StepFailure& failure : report.failures)
    told += failure.what + " " + std::string(info(failure.code).id) + "; ";
  EXPECT_EQ(told, "claim.put domain.web0 HV0801; domain.create domain.web0 HV0853; ");
  EXPECT_EQ(report.skipped, 2u) << "verify and unpause";

  world.advance(seconds(5000));
  ASSERT_TRUE(world.recover().ok());
  report = applied(world, plan);
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(world.difference(), "");
}

TEST(Execute, AskedToStopItFinishesWhatRuns) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  bool asked = false;
  std::set<StepId> running, late;
  world.options.interrupted = [&] { return asked; };
  world.options.progress = [&](const StepEvent& event) {
    if (event.state == StepState::running) {
      if (asked) late.insert(event.step->id);
      running.insert(event.step->id);
    }
    if (event.state == StepState::succeeded) running.erase(event.step->id);
    if (event.step->operation.op == Op::domain_create && event.state == StepState::verifying)
      asked = true;
  };
  ApplyReport report = applied(world, plan);
  EXPECT_TRUE(report.interrupted);
  EXPECT_TRUE(running.empty());
  EXPECT_TRUE(late.empty());
  EXPECT_EQ(report.failed, 0u);
  EXPECT_EQ(report.not_done.size(), report.skipped);
  EXPECT_EQ(report.succeeded + report.skipped, plan.steps.size());
  EXPECT_GT(report.skipped, 0u);
  auto open = world.store().open_intents();
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->empty());
  world.options.interrupted = {};
  world.options.progress = {};
  expect_mended(world);
}

TEST(Execute, AHostThatComesBackSoonIsAskedAgain) {
  World world(1);
  world.declare({machine("web0", mib(256), {"xvda vg/web0 w"})});
  Plan plan = planned(world);
  world.sim().set_faults(
      only(Op::domain_create, "web0", fault(SimFault::Kind::unreachable, seconds(4))));
  ApplyReport report = applied(world, plan);
  EXPECT_TRUE(report.ok()) << report.failures[0].why;
  EXPECT_EQ(world.difference(), "");
}

TEST(Execute, StepsThatBeginTogetherAreAnnouncedInOneTransition) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  const uint64_t before = world.store().head().batch;
  EXPECT_TRUE(applied(world, plan).ok());
  // Each step alone would need two.
  EXPECT_LT(world.store().head().batch - before, plan.steps.size() * 2);
}

Caller stranger(World& world) {
  return {uuid_v4(world.random), uuid_v4(world.random), Epoch{1}, Serial{}};
}

TEST(Claims, AnotherProjectsClaimIsRespectedAndNamed) {
  World world(1);
  world.declare({machine("web0", mib(256), {"xvda vg/web0 w"})});
  Plan plan = planned(world);
  Claim claim;
  for (const Step& step : plan.steps)
    if (step.operation.op == Op::claim_put) claim = step.operation.claims.at(0);
  ASSERT_FALSE(claim.extents.empty());
  Caller other = stranger(world);
  claim.project = other.project;
  claim.lineage = other.lineage;
  claim.epoch = other.epoch;
  claim.uuid = uuid_v4(world.random);
  ASSERT_TRUE(world.sim().enter(other, false).ok());
  ASSERT_TRUE(world.sim().put_claims(other, {claim}).ok());

  ApplyReport report = applied(world, plan);
  ASSERT_EQ(report.failed, 1u);
  EXPECT_EQ(report.failures[0].code, Code::unsafe_write_sharing);
  EXPECT_NE(report.failures[0].why.find(to_string(other.project)), std::string::npos);
  EXPECT_TRUE(world.sim().observe().domains.empty());
  // Ours is withdrawn, theirs is not touched.
  ASSERT_EQ(world.sim().observe().claims.size(), 1u);
  EXPECT_EQ(world.sim().observe().claims[0].project, other.project);

  ASSERT_TRUE(world.sim().drop_claims(other, claim.uuid, std::nullopt).ok());
  expect_mended(world);
}

TEST(Claims, AHostThatCannotBeReadMayHoldTheStorage) {
  World world(1, {"lab", "far"});
  world.declare({machine("web0", mib(256), {"xvda vg/web0 w"})});
  Plan plan = planned(world);
  world.sim("far").set_faults([](const OperationId&, const Operation&) {
    return fault(SimFault::Kind::unreachable, seconds(3600));
  });
  Operation poke;
  poke.op = Op::domain_pause;
  poke.host = HostName{"far"};
  Caller other = stranger(world);
  ASSERT_TRUE(world.sim("far").enter(other, false).ok());
  ASSERT_TRUE(world.sim("far").begin(OperationId{"poke"}, other, poke).ok());
  ASSERT_FALSE(world.sim("far").observe().reachable);
  ApplyReport report = applied(world, plan);
  ASSERT_EQ(report.failed, 1u);
  EXPECT_EQ(report.failures[0].code, Code::host_unreachable);
  EXPECT_TRUE(world.sim().observe().claims.empty());
  EXPECT_TRUE(world.sim().observe().domains.empty());

  // The operator's word that the other host cannot open it is enough.
  StoreStatement statement;
  statement.store = StoreId{"vg/web0"};
  statement.hosts = {HostName{"lab"}};
  statement.local = true;
  world.project.stores[statement.store] = statement;
  ASSERT_TRUE(world.recover().ok());
  auto again = world.plan();
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(again->applicable);
  report = applied(world, *again);
  EXPECT_TRUE(report.ok()) << report.failures[0].why;
}

TEST(Apply, RefusesAPlanOfAnotherState) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  Plan other = plan;
  other.lineage = uuid_v4(world.random);
  auto refused = world.apply(other);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::plan_stale);
  ASSERT_EQ(world.change(), "");  // the state moves on
  refused = world.apply(plan);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::plan_stale);
  plan.applicable = false;
  refused = world.apply(plan);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::plan_refused);
}

TEST(Recover, RaisesTheEpochAndFencesTheOlder) {
  World world(1);
  world.declare(three());
  Plan plan = planned(world);
  const Epoch before = world.store().head().epoch;
  Caller old{*world.project.id, world.store().head().lineage, before, Serial{}};
  ASSERT_TRUE(world.recover().ok());
  EXPECT_GT(world.store().head().epoch, before);
  Operation operation = plan.steps.front().operation;
  for (const Step& step : plan.steps)
    if (step.operation.op == Op::domain_create) operation = step.operation;
  Status fenced = world.sim().begin(OperationId{"old-1-1"}, old, operation);
  ASSERT_FALSE(fenced.ok());
  EXPECT_EQ(fenced.error().code, Code::host_fenced);
}

TEST(Recover, AClaimThatNobodyStandsBehindGoes) {
  World world(1);
  world.declare({machine("web0", mib(256), {"xvda vg/web0 w"})});
  ASSERT_EQ(world.change(), "");
  HostObservation host = world.sim().observe();
  ASSERT_FALSE(host.claims.empty());
  StoreHead head = world.store().head();
  Caller ours{*world.project.id, head.lineage, head.epoch, head.serial};
  Claim stale = host.claims.front();
  stale.uuid = uuid_v4(world.random);
  stale.address.name = "gone";
  ASSERT_TRUE(world.sim().put_claims(ours, {stale}).ok());
  const std::size_t before = world.sim().observe().claims.size();
  ASSERT_TRUE(world.recover().ok());
  EXPECT_EQ(world.sim().observe().claims.size(), before - 1);
}

// A host keeps operations, whosever they are: what another project's recovery did there at the same
// epoch, or an earlier one of the same store, is no answer to this one's.
TEST(Recover, TakesNobodyElsesOperationForItsOwn) {
  std::set<std::string> known;
  for (const uint64_t seed : {1u, 2u, 2u}) {
    World world(seed);
    world.advance(seconds(static_cast<int64_t>(known.size())));
    world.declare({machine("web0", mib(256), {"xvda vg/web0 w"})});
    Plan plan = planned(world);
    world.sim().set_faults(
        only(Op::domain_create, "web0", fault(SimFault::Kind::stall, seconds(1000))));
    EXPECT_FALSE(applied(world, plan).ok());
    world.sim().set_faults({});
    world.advance(seconds(1000));
    ASSERT_EQ(world.sim().observe().domains.size(), 1u);
    // All that the others' recoveries called operations on their hosts has been done on this one.
    Caller other = stranger(world);
    ASSERT_TRUE(world.sim().enter(other, false).ok());
    Operation poke;
    poke.op = Op::domain_pause;
    poke.uuid = uuid_v4(world.random);
    for (const std::string& id : known)
      ASSERT_TRUE(world.sim().begin(OperationId{id}, other, poke).ok());
    world.advance(seconds(10));
    const std::size_t before = known.size();
    world.sim().set_faults([&](const OperationId& id, const Operation&) {
      EXPECT_EQ(id.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
                std::string::npos)
          << id.text;
      known.insert(id.text);
      return SimFault();
    });
    ASSERT_TRUE(world.recover().ok());
    EXPECT_EQ(known.size(), before + 1);
    EXPECT_TRUE(world.sim().observe().domains.empty()) << "what was not finished is taken away";
    expect_mended(world);
  }
}

TEST(Recover, TwiceIsOnce) {
  World world(1);
  world.declare(three());
  ASSERT_EQ(world.change(), "");
  auto first = world.recover();
  auto second = world.recover();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(first->empty());
  EXPECT_TRUE(second->empty());
  EXPECT_EQ(world.difference(), "");
}

}  // namespace
}  // namespace hv::testing
