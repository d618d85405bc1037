// Migration in plans: who may go, what is held on both hosts, what is refused, and what a hand did.
#include <utility>

#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

DomainSpec mail(const std::string& host = "lab") {
  return machine("mail", mib(256), {"xvda san/mail w"}, host);
}

class Migrate : public Planning {
 protected:
  void SetUp() override {
    world_.project.stores[StoreId{"san/mail"}].hosts = {HostName{"lab"}, HostName{"far"}};
    stand(world_, {mail(), web(0)});
    uuid_ = applied().uuid;
  }
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
  Scope by_hand(const std::string& to) {
    Scope scope;
    scope.power[domain("mail")] = PowerAsk::migrate;
    scope.migrate_to = HostName{to};
    scope.targets = {domain("mail")};
    return scope;
  }
  World world_{80, {"lab", "far"}};
  Uuid uuid_;
};

TEST_F(Migrate, ADeclaredHostIsReachedWithoutAStop) {
  world_.declare({mail("far"), web(0)});
  const Plan made = plan(world_);
  EXPECT_EQ(changes(made), "update domain.mail");
  EXPECT_EQ(made.changes[0].downtime, Downtime::none);
  EXPECT_EQ(made.steps.size(), 3u);
  const Step* go = step_of(made, Op::domain_migrate, "mail");
  const Step* claim = step_of(made, Op::claim_put, "mail");
  ASSERT_TRUE(go && claim);
  EXPECT_EQ(claim->operation.host.text, "far");
  EXPECT_TRUE(reaches(made, claim->id, go->id));
  std::size_t ends = 0;
  for (const Hold& hold : made.holds)
    if (hold.access.party.text == "domain.mail")
      ends += hold.access.host.text == "lab" ? hold.release == go->id : hold.acquire == go->id;
  EXPECT_EQ(ends, 2u) << "both hosts are held in the middle";
  settle(world_);
  EXPECT_EQ(where(), "far:mail:running ");
  EXPECT_EQ(applied().uuid, uuid_);
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Migrate, NobodyElseComesToItsDiskOnEitherHost) {
  for (const char* where : {"lab", "far"}) {
    world_.declare({mail("far"), web(0), machine("thief", mib(64), {"xvda san/mail r"}, where)});
    EXPECT_EQ(codes(plan(world_)), "HV0607") << where;
  }
}

TEST_F(Migrate, WithoutOneStoreItIsMadeAnew) {
  struct Case {
    const char* why;
    std::function<void(World&, DomainSpec&)> edit;
  };
  const Case cases[] = {
      {"nothing says that its disk xvda is the same on both hosts",
       [](World& world, DomainSpec&) { world.project.stores.clear(); }},
      {"nothing says that its disk xvda is the same on both hosts",
       [](World& world, DomainSpec&) {
         world.project.stores[StoreId{"san/mail"}].hosts = {HostName{"lab"}};
       }},
      {"nothing says that its disk xvda is the same on both hosts",
       [](World& world, DomainSpec&) {
         StoreStatement& said = world.project.stores[StoreId{"san/mail"}];
         said.hosts = {HostName{"lab"}, HostName{"far"}};
         said.local = true;
       }},
  };
  for (const Case& one : cases) {
    DomainSpec there = mail("far");
    one.edit(world_, there);
    world_.declare({there, web(0)});
    const Plan made = plan(world_);
    EXPECT_EQ(changes(made), "replace domain.mail");
    ASSERT_FALSE(made.notes.empty());
    EXPECT_NE(made.notes.back().find(one.why), std::string::npos) << made.notes.back();
    // Asked for by hand, it is refused.
    EXPECT_EQ(codes(plan(world_, by_hand("far"))), "HV0601");
  }
}

TEST_F(Migrate, WhoMustNotDoesNot) {
  DomainSpec stays = mail();
  stays.attributes.set("nomigrate", true);
  world_.declare({stays, web(0)});
  settle(world_);
  EXPECT_EQ(codes(plan(world_, by_hand("far"))), "HV0601");
  Scope save;
  save.power[domain("mail")] = PowerAsk::save;
  EXPECT_EQ(codes(plan(world_, save)), "HV0601");
  stays.host = HostName{"far"};
  world_.declare({stays, web(0)});
  EXPECT_EQ(changes(plan(world_)), "replace domain.mail");
}

TEST_F(Migrate, WhatAHandMovedIsDriftAndGoesBack) {
  for (const bool heal : {false, true}) {
    world_.project.drift = heal ? DriftPolicy::heal : DriftPolicy::report;
    if (where() == "lab:mail:running ") {
      auto report = world_.apply(plan(world_, by_hand("far")));
      ASSERT_TRUE(report.ok() && report->ok());
    }
    EXPECT_EQ(where(), "far:mail:running ");
    const Plan made = plan(world_);
    ASSERT_EQ(made.drift.size(), 1u);
    EXPECT_EQ(made.drift[0].path, "host");
    EXPECT_EQ(count(made, Op::domain_migrate), heal ? 1u : 0u);
    EXPECT_EQ(made.steps.empty(), !heal);
  }
  // What cannot go back stays where it is: it is not made anew for that.
  const auto stores = std::exchange(world_.project.stores, {});
  const Plan stays = plan(world_);
  EXPECT_TRUE(stays.steps.empty());
  ASSERT_FALSE(stays.notes.empty());
  EXPECT_NE(stays.notes[0].find("stays on far"), std::string::npos) << stays.notes[0];
  world_.project.stores = stores;
  settle(world_);
  EXPECT_EQ(where(), "lab:mail:running ");
  EXPECT_FALSE(applied().home);
  // Already there, and nowhere.
  const Plan there = plan(world_, by_hand("lab"));
  EXPECT_TRUE(there.steps.empty());
  EXPECT_TRUE(there.applicable);
  EXPECT_FALSE(world_.plan(by_hand("moon")).ok());
}

// A file that follows the hand makes it the declared place, and going back is a change then.
TEST_F(Migrate, AFileThatFollowsTheHandIsBelieved) {
  world_.project.drift = DriftPolicy::report;
  auto report = world_.apply(plan(world_, by_hand("far")));
  ASSERT_TRUE(report.ok() && report->ok());
  EXPECT_EQ(applied().home, HostName{"lab"});
  world_.declare({mail("far"), web(0)});
  settle(world_);
  EXPECT_FALSE(applied().home);
  world_.declare({mail("lab"), web(0)});
  settle(world_);
  EXPECT_EQ(where(), "lab:mail:running ");
}

// What else is declared of it is made in the same plan, on the other host.
TEST_F(Migrate, WhatElseIsDeclaredIsMadeThere) {
  world_.project.stores[StoreId{"san/news"}].hosts = {HostName{"lab"}, HostName{"far"}};
  DomainSpec there = machine("mail", mib(384), {"xvda san/mail w", "xvdb san/news w"}, "far");
  there.attributes.set("cpu_weight", int64_t{512});
  world_.declare({there, web(0)});
  Plan made = plan(world_);
  EXPECT_EQ(changes(made), "update domain.mail");
  const Step* go = step_of(made, Op::domain_migrate, "mail");
  ASSERT_TRUE(go);
  for (const Op op : {Op::domain_memory, Op::domain_schedule, Op::vbd_attach}) {
    const Step* step = step_of(made, op, "mail");
    ASSERT_TRUE(step) << to_string(op);
    EXPECT_EQ(step->operation.host.text, "far");
    EXPECT_TRUE(reaches(made, go->id, step->id)) << to_string(op);
  }
  settle(world_);
  EXPECT_EQ(where(), "far:mail:running ");
  EXPECT_EQ(applied().uuid, uuid_);
  EXPECT_EQ(world_.difference(), "");
  // With a restart, paused, and saved in the end.
  there = mail("lab");
  there.attributes.set("kernel", "/boot/vmlinuz-6.12");
  world_.declare({there, web(0)});
  made = plan(world_);
  EXPECT_EQ(changes(made), "restart domain.mail");
  EXPECT_EQ(count(made, Op::domain_migrate), 1u);
  settle(world_);
  EXPECT_EQ(applied().uuid, uuid_);
  there.host = HostName{"far"};
  there.state = PowerState::saved;
  world_.declare({there, web(0)});
  settle(world_);
  EXPECT_EQ(where(), "far:mail:saved ");
}

// A real host does not migrate: it is told before anything is done.
TEST_F(Migrate, ARealHostDoesNot) {
  world_.ask = [](PlanRequest& request) {
    request.capabilities[HostName{"far"}].operations.erase(Op::domain_migrate);
    request.capabilities[HostName{"far"}].simulated = false;
  };
  const Plan made = plan(world_, by_hand("far"));
  EXPECT_EQ(codes(made), "HV0601");
  EXPECT_NE(made.refusals[0].message.find("between real hosts hv cannot migrate"),
            std::string::npos)
      << made.refusals[0].message;
  EXPECT_TRUE(made.steps.empty());
}

// Everything that can go wrong on the way: it runs where it was, nothing is left of it elsewhere.
TEST_F(Migrate, WhatFailsLeavesItWhereItWas) {
  using Kind = SimFault::Kind;
  for (const Kind kind : {Kind::fail_before, Kind::no_effect_ok}) {
    world_.declare({mail("far"), web(0)});
    world_.sim().set_faults([kind](const OperationId&, const Operation& operation) {
      SimFault fault;
      if (operation.op == Op::domain_migrate) fault.kind = kind;
      return fault;
    });
    EXPECT_NE(world_.change(), "");
    EXPECT_EQ(where(), "lab:mail:running ");
    for (const Claim& claim : world_.sim("far").observe().claims) EXPECT_NE(claim.uuid, uuid_);
    world_.sim().set_faults({});
  }
  // No room there: the plan knows.
  DomainSpec large = machine("large", gib(7) - mib(100), {}, "far");
  large.attributes.set("maxmem", gib(7));
  world_.declare({mail(), web(0), large});
  settle(world_);
  world_.declare({mail("far"), web(0), large});
  EXPECT_FALSE(plan(world_).applicable);
  world_.declare({mail("far"), web(0)});
  EXPECT_EQ(world_.change(), "") << "nor does it wait for ever";
  EXPECT_EQ(where(), "far:mail:running ");
}

TEST_F(Migrate, AnAnswerThatIsLostIsReadFromBothHosts) {
  world_.declare({mail("far"), web(0)});
  world_.sim().set_faults([](const OperationId&, const Operation& operation) {
    SimFault fault;
    if (operation.op == Op::domain_migrate) fault.kind = SimFault::Kind::effect_error;
    return fault;
  });
  EXPECT_EQ(world_.change(), "");
  EXPECT_EQ(where(), "far:mail:running ");
}

// A host loses power in the middle: never two, never a wrong guess, and it comes right.
TEST_F(Migrate, AHostThatLosesPowerInTheMiddle) {
  for (const char* dies : {"lab", "far"})
    for (int at = 1; at < 40; at += 3) {
      SCOPED_TRACE(std::string(dies) + " at moment " + std::to_string(at));
      World world(81, {"lab", "far"});
      world.project.stores[StoreId{"san/mail"}].hosts = {HostName{"lab"}, HostName{"far"}};
      world.options.poll_every = milliseconds(100);
      stand(world, {mail()});
      world.declare({mail("far")});
      const Plan made = plan(world);
      int moment = 0;
      std::string broken;
      world.moments.look = [&] {
        if (++moment == at) {
          world.advance(milliseconds(at * 20));
          ASSERT_TRUE(world.sim(dies).power_cycle().ok());
        }
        if (broken.empty()) broken = world.broken_invariant();
      };
      world.options.interrupted = [] { return false; };
      (void)world.apply(made).ok();
      world.advance(seconds(1200));
      // Whoever waits for a word gets it: its copy goes.
      for (int turn = 0; turn < 3; ++turn) {
        for (const ObservedDomain& seen : world.sim("far").observe().domains)
          if (seen.never_ran) {
            EXPECT_TRUE(world.sim("far").outside_destroy(seen.uuid).ok());
          }
        (void)world.change();
      }
      EXPECT_EQ(broken, "");
      EXPECT_EQ(world.difference(), "");
      EXPECT_EQ(changes(plan(world)), "");
      if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace hv::testing
