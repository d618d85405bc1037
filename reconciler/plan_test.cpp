// What a plan does with each declaration: what it removes, counts, protects, replaces and takes
// over.
#include <functional>

#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

// ---- what is removed, by whom

TEST_F(Planning, TheWholeProjectRemovesWhatIsNoLongerDeclared) {
  World world(1);
  stand(world, {pool(), vdisk("a", gib(1)), network("xenbr0"), web(0), web(1)});
  world.declare({web(0)});
  EXPECT_EQ(changes(plan(world)),
            "destroy domain.web1; destroy vdisk.a; forget network.lan; forget pool.fast");
  settle(world);
}

TEST_F(Planning, PathsRemoveNothingButWithPrune) {
  World world(2);
  stand(world, {web(0), web(1)});
  world.declare({web(0)});
  Scope paths;
  paths.whole_project = false;
  const Plan kept = plan(world, paths);
  EXPECT_EQ(changes(kept), "");
  EXPECT_EQ(kept.leftovers,
            std::vector<std::string>{"no longer declared by world.vm: domain.web1"});
  paths.prune = true;
  EXPECT_EQ(changes(plan(world, paths)), "destroy domain.web1");
  // Another file's resources are not this one's leftovers.
  world.desired.roots = {"other.vm"};
  const Plan other = plan(world, paths);
  EXPECT_EQ(changes(other), "");
  EXPECT_TRUE(other.leftovers.empty());
}

TEST_F(Planning, WhatWasAppliedFromOutsideStays) {
  World world(3);
  DomainSpec guest = web(1);
  guest.root = "path:guest.cfg";
  stand(world, {web(0), guest});
  world.declare({web(0)});
  EXPECT_EQ(changes(plan(world)), "");
}

TEST_F(Planning, AFileTakesOverOnlyIfTold) {
  World world(4);
  stand(world, {web(0)});
  DomainSpec other = web(0);
  other.root = "other.vm";
  world.declare({other});
  world.desired.roots = {"other.vm"};
  Scope paths;
  paths.whole_project = false;
  EXPECT_EQ(codes(plan(world, paths)), "HV0601");
  paths.take_over = true;
  const Plan taken = plan(world, paths);
  EXPECT_EQ(codes(taken), "");
  EXPECT_EQ(count(taken, Op::record_state), 1u);
  EXPECT_EQ(taken.steps.size(), 1u);
}

TEST_F(Planning, SourcesThatSayNothingAreNoPlan) {
  World world(5);
  stand(world, {web(0)});
  world.declare({});
  auto nothing = world.plan();
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, Code::plan_refused);
  Scope destroy;
  destroy.destroy_all = destroy.no_budget = true;
  EXPECT_EQ(changes(plan(world, destroy)), "destroy domain.web0");
}

TEST_F(Planning, AUsedPoolStays) {
  World world(6);
  stand(world, {pool(), vdisk("a", gib(1)), web(0)});
  Scope target;
  target.targets = {{Kind::pool, "fast"}};
  world.declare({web(0)});
  const Plan kept = plan(world, target);
  EXPECT_EQ(changes(kept), "");
  EXPECT_EQ(kept.notes, std::vector<std::string>{"pool.fast stays: vdisk.a is in it"});
}

// ---- targets

TEST_F(Planning, ATargetTakesAlongWhatItStandsOn) {
  World world(10);
  DomainSpec standing = machine("web0", mib(256), {"xvda vd:a w"});
  world.declare({pool(), vdisk("a", gib(1)), vdisk("b", gib(1)), standing, web(1)});
  Scope scope;
  scope.targets = {domain("web0")};
  EXPECT_EQ(changes(plan(world, scope)), "create pool.fast; create vdisk.a; create domain.web0");
  scope.targets = {domain("nobody")};
  auto unknown = world.plan(scope);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, Code::plan_refused);
}

TEST_F(Planning, ATargetDoesNotMakeRoomElsewhere) {
  World world(11);
  stand(world, {machine("web0", mib(256), {"xvda vg/a w"}), machine("web1", mib(256), {})});
  world.declare({machine("web0", mib(256), {}), machine("web1", mib(256), {"xvda vg/a w"})});
  EXPECT_EQ(codes(plan(world)), "");
  Scope scope;
  scope.targets = {domain("web1")};
  const Plan alone = plan(world, scope);
  EXPECT_EQ(codes(alone), "HV0607");
  EXPECT_FALSE(alone.applicable);
}

// ---- the budget

TEST_F(Planning, TheBudgetCountsWhatIsTakenAway) {
  struct Case {
    const char* name;
    std::vector<Resource> before, after;
    std::size_t spent;
  };
  const DomainSpec two_disks = machine("web0", mib(256), {"xvda vg/web0 w", "xvdb vg/b w"});
  DomainSpec read_only = web(0);
  read_only.vbds[0].mode = AccessMode::read;
  DomainSpec reader = machine("web0", mib(256), {"xvda vg/web0 w", "xvdb vg/b r"});
  const std::vector<Resource> with_disk = {pool(), vdisk("a", gib(1)), web(1),
                                           machine("web0", mib(256), {"xvda vd:a w"})};
  const Case cases[] = {
      {"two machines", {web(0), web(1), web(2)}, {web(0)}, 2},
      {"a writable disk detached", {two_disks}, {web(0)}, 1},
      {"a writable disk exchanged",
       {two_disks},
       {machine("web0", mib(256), {"xvda vg/web0 w", "xvdb vg/c w"})},
       1},
      {"a disk made read-only", {web(0)}, {read_only}, 0},
      {"a read-only disk detached", {reader}, {web(0)}, 0},
      {"a machine with its virtual disk", with_disk, {pool(), web(1)}, 1},
      {"an unused virtual disk", {pool(), vdisk("a", gib(1)), web(0)}, {pool(), web(0)}, 1},
      {"a machine declared halted",
       {web(0)},
       [] {
         DomainSpec off = web(0);
         off.state = PowerState::halted;
         return std::vector<Resource>{off};
       }(),
       0},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    World world(12);
    stand(world, one.before);
    world.declare(one.after);
    for (const std::size_t budget : {one.spent, one.spent - 1}) {
      if (one.spent == 0 && budget != 0) continue;
      Scope scope;
      scope.max_destroy = DestroyBudget{static_cast<int64_t>(budget), false};
      const Plan made = plan(world, scope);
      EXPECT_EQ(codes(made), budget == one.spent ? "" : "HV0603");
    }
    Scope none;
    none.max_destroy = DestroyBudget{0, false};
    none.no_budget = true;
    EXPECT_EQ(codes(plan(world, none)), "");
  }
}

TEST_F(Planning, APercentageIsOfTheScopeRoundedDownAndAtLeastOne) {
  World world(13);
  std::vector<Resource> twenty;
  for (int i = 0; i < 20; ++i) twenty.push_back(web(i));
  stand(world, twenty);
  world.project.max_destroy = {10, true};
  for (const std::size_t left : {19u, 18u, 17u}) {
    world.declare({twenty.begin(), twenty.begin() + static_cast<std::ptrdiff_t>(left)});
    EXPECT_EQ(codes(plan(world)), left >= 18 ? "" : "HV0603") << left;
  }
  Scope one;
  one.targets = {domain("web17"), domain("web18"), domain("web19")};
  world.declare({twenty.begin(), twenty.begin() + 17});
  EXPECT_EQ(codes(plan(world, one)), "HV0603") << "one at least, and only one";
}

// ---- protection

TEST_F(Planning, WhatIsProtectedIsNeitherDestroyedNorReplaced) {
  World world(20);
  DomainSpec safe = web(0);
  safe.lifecycle.protect = true;
  stand(world, {safe, web(1)});
  world.declare({web(1)});
  EXPECT_EQ(codes(plan(world)), "HV0602") << "removing the block does not unprotect";
  Scope replace;
  replace.replace = {domain("web0")};
  world.declare({safe, web(1)});
  EXPECT_EQ(codes(plan(world, replace)), "HV0602");
  Scope destroy;
  destroy.destroy_all = destroy.no_budget = true;
  EXPECT_EQ(codes(plan(world, destroy)), "HV0602");
  // Unprotected first, then removed.
  world.declare({web(0), web(1)});
  EXPECT_EQ(world.change(), "");
  world.declare({web(1)});
  EXPECT_EQ(codes(plan(world)), "");
}

// ---- identity: replace, move, adopt

TEST_F(Planning, AReplacedMachineIsAnotherOne) {
  World world(30);
  DomainSpec before = web(0);
  before.sets_vif = true;
  before.vifs.resize(1);
  stand(world, {before});
  const AppliedDomain old = world.store().applied()->domains.at(domain("web0"));
  Scope scope;
  scope.replace = {domain("web0")};
  const Plan made = plan(world, scope);
  EXPECT_EQ(changes(made), "replace domain.web0");
  const Step* create = step_of(made, Op::domain_create, "web0");
  const Step* stop = step_of(made, Op::domain_shutdown, "web0");
  ASSERT_TRUE(create && stop);
  EXPECT_TRUE(reaches(made, stop->id, create->id));
  EXPECT_NE(create->operation.uuid, old.uuid);
  EXPECT_EQ(create->operation.generation, 1u);
  EXPECT_NE(create->operation.domain->vifs[0].settings.at("mac"),
            old.spec.vifs[0].settings.at("mac"));
  auto report = world.apply(made);
  ASSERT_TRUE(report.ok() && report->ok());
  EXPECT_EQ(world.difference(), "");
  EXPECT_EQ(changes(plan(world)), "");
  scope.replace = {domain("nobody")};
  EXPECT_FALSE(world.plan(scope).ok());
}

TEST_F(Planning, AReplacedMachineThatIsDeclaredHaltedKeepsItsPlace) {
  World world(31);
  stand(world, {web(0)});
  DomainSpec off = web(0);
  off.state = PowerState::halted;
  world.declare({off});
  Scope scope;
  scope.replace = {domain("web0")};
  auto report = world.apply(plan(world, scope));
  ASSERT_TRUE(report.ok() && report->ok());
  EXPECT_EQ(world.store().applied()->domains.at(domain("web0")).generation, 1u);
  EXPECT_EQ(changes(plan(world)), "");
}

TEST_F(Planning, AMoveToAnotherHostStopsBeforeItStarts) {
  World world(32, {"lab", "far"});
  world.project.stores[StoreId{"vg/web0"}] = {
      StoreId{"vg/web0"}, {HostName{"lab"}, HostName{"far"}}, false, {}};
  stand(world, {web(0), web(1, "far")});
  DomainSpec stays = web(0, "far");
  stays.attributes.set("nomigrate", true);
  world.declare({stays, web(1, "far")});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made), "replace domain.web0");
  EXPECT_EQ(codes(made), "");
  const Step* create = step_of(made, Op::domain_create, "web0");
  const Step* stop = step_of(made, Op::domain_shutdown, "web0");
  ASSERT_TRUE(create && stop);
  EXPECT_EQ(create->operation.host.text, "far");
  EXPECT_TRUE(reaches(made, stop->id, create->id));
  settle(world);
}

TEST_F(Planning, ARenamedAddressKeepsItsMachine) {
  World world(33);
  stand(world, {pool(), vdisk("a", gib(1)), web(0)});
  const Uuid uuid = world.store().applied()->domains.at(domain("web0")).uuid;
  DomainSpec renamed = web(0);
  renamed.address = domain("www");
  VdiskSpec disk = vdisk("b", gib(1));
  world.declare({pool(), disk, renamed});
  world.desired.moved = {{domain("web1"), domain("www"), {}},  // a chain, written backwards
                         {domain("web0"), domain("web1"), {}},
                         {{Kind::vdisk, "a"}, {Kind::vdisk, "b"}, {}}};
  const Plan made = plan(world);
  EXPECT_EQ(changes(made), "move domain.web1; move domain.www; move vdisk.b");
  EXPECT_EQ(count(made, Op::record_state), made.steps.size());
  EXPECT_EQ(world.change(), "");
  EXPECT_EQ(world.store().applied()->domains.at(domain("www")).uuid, uuid);
  EXPECT_EQ(changes(plan(world)), "");
}

TEST_F(Planning, WhatRunsAlreadyIsTakenOver) {
  World world(34);
  const Uuid uuid = uuid_v4(world.random);
  DomainSpec by_hand = machine("web0", mib(128), {"xvda vg/web0 w", "xvdb vg/extra r"});
  ASSERT_TRUE(world.sim().outside_create(by_hand, uuid).ok());
  world.advance(seconds(60));
  world.declare({web(0)});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made), "adopt domain.web0");
  EXPECT_EQ(count(made, Op::claim_put) + count(made, Op::record_state), made.steps.size());
  ASSERT_EQ(made.drift.size(), 2u);
  EXPECT_EQ(made.drift[0].path, "memory");
  EXPECT_EQ(made.drift[1].path, "disk[xvdb]");
  ASSERT_TRUE(world.apply(made).ok());
  const Plan next = plan(world);
  EXPECT_EQ(changes(next), "update domain.web0") << "the differences are made by the next plan";
  settle(world);
  EXPECT_EQ(world.store().applied()->domains.at(domain("web0")).uuid, uuid);
}

// An interface that is as declared is not taken out for the words that its host has for it.
TEST_F(Planning, AnInterfaceIsTakenOverAsItIs) {
  World world(35);
  const auto with = [](std::map<std::string, std::string> settings) {
    DomainSpec domain = web(0);
    domain.sets_vif = true;
    domain.vifs.resize(1);
    domain.vifs[0].settings = std::move(settings);
    return domain;
  };
  const DomainSpec runs = with({{"mac", "00:16:3e:00:00:07"},
                                {"bridge", "xenbr0"},
                                {"rate", "8Mb/s"},
                                {"script", "vif-bridge"}});
  ASSERT_TRUE(world.sim().outside_create(runs, uuid_v4(world.random)).ok());
  world.advance(seconds(60));
  world.declare({with({{"mac", "00:16:3e:00:00:07"}, {"bridge", "xenbr0"}, {"rate", "1MB/s"}})});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made), "adopt domain.web0");
  EXPECT_TRUE(made.drift.empty());
  ASSERT_TRUE(world.apply(made).ok());
  EXPECT_EQ(changes(plan(world)), "");
}

TEST_F(Planning, WhatIsUnclearIsNotTakenOver) {
  struct Case {
    const char* name;
    std::function<void(World&, const Uuid&)> edit;
    const char* codes;
  };
  const Case cases[] = {
      {"another uuid in the file",
       [](World& world, const Uuid&) {
         DomainSpec declared = web(0);
         declared.uuid = *parse_uuid("00000000-0000-4000-8000-000000000001");
         world.declare({declared});
       },
       "HV0604"},
      {"another project's claim",
       [](World& world, const Uuid& uuid) {
         Claim claim;
         claim.project = *parse_uuid("00000000-0000-4000-8000-000000000009");
         claim.lineage = claim.project;
         claim.uuid = uuid;
         claim.address = {Kind::domain, "theirs"};
         const Caller caller{claim.project, claim.lineage, Epoch{1}, Serial{1}};
         ASSERT_TRUE(world.sim().enter(caller, false).ok());
         ASSERT_TRUE(world.sim().put_claims(caller, {claim}).ok());
         world.declare({web(0)});
       },
       "HV0604"},
      {"clear", [](World& world, const Uuid&) { world.declare({web(0)}); }, ""},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    World world(35);
    const Uuid uuid = uuid_v4(world.random);
    ASSERT_TRUE(world.sim().outside_create(web(0), uuid).ok());
    world.advance(seconds(60));
    one.edit(world, uuid);
    EXPECT_EQ(codes(plan(world)), one.codes);
  }
}

TEST_F(Planning, OneUuidLiveTwiceIsAnAlarmAndTheRestGoesOn) {
  World world(36, {"lab", "far"});
  stand(world, {web(0), web(1)});
  const Uuid uuid = world.store().applied()->domains.at(domain("web0")).uuid;
  ASSERT_TRUE(world.sim("far").outside_create(web(0, "far"), uuid).ok());
  world.advance(seconds(60));
  DomainSpec larger = web(0);
  larger.attributes.set("memory", gib(1));
  world.declare({larger, web(1), web(2)});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made), "create domain.web2");
  EXPECT_TRUE(made.applicable);
  EXPECT_TRUE(leaves_undone(made));
  ASSERT_EQ(made.findings.size(), 1u);
  EXPECT_EQ(made.findings[0].code, Code::machine_twice);
  EXPECT_EQ(made.findings[0].accesses.size(), 2u);
  world.declare({web(1)});
  EXPECT_EQ(changes(plan(world)), "") << "nor is either destroyed";
}

// Before the machine is down that it would have been made in place of.
TEST_F(Planning, WhatADriverCannotBeToldIsRefused) {
  World world(72);
  stand(world, {web(0), web(1)});
  world.ask = [](PlanRequest& request) {
    request.check = [](const Operation& operation) -> Status {
      if (operation.op != Op::domain_create || operation.address.name != "web0") return {};
      return Error{Code::operation_failed, "its kernel has no words", "give it some"};
    };
  };
  EXPECT_EQ(codes(plan(world)), "");
  DomainSpec one = web(0), other = web(1);
  for (DomainSpec* each : {&one, &other})
    each->attributes.set("kernel", std::string("/boot/other"));
  world.declare({web(0), other});
  EXPECT_EQ(codes(plan(world)), "");
  world.declare({one, other});
  const Plan made = plan(world);
  ASSERT_EQ(codes(made), "HV0609");
  EXPECT_FALSE(made.applicable);
  EXPECT_EQ(made.refusals[0].message,
            "`lab` cannot be told to do domain.create of domain.web0: its kernel has no words");
  EXPECT_EQ(made.refusals[0].help, "give it some");
}

}  // namespace
}  // namespace hv::testing
