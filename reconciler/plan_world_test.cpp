// What a plan does with what it finds: hosts that do not answer, drift, storage, and what it
// refuses.
#include <functional>

#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

// ---- hosts that do not answer

TEST_F(Planning, WhatCannotBeReadWaitsAndHolds) {
  World world(40, {"lab", "far"});
  stand(world, {web(0), web(1, "far"), web(2, "far")});
  unreachable(world, "far");
  world.declare({web(0), web(1, "far"), web(2, "far")});
  const Plan same = plan(world);
  EXPECT_EQ(changes(same), "");
  EXPECT_FALSE(leaves_undone(same)) << "nothing was asked of it";
  DomainSpec larger = web(1, "far");
  larger.attributes.set("memory", gib(1));
  world.declare({web(0), larger, web(3, "far"), web(4)});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made),
            "deferred destroy domain.web2; deferred update domain.web1; "
            "deferred create domain.web3; create domain.web4");
  EXPECT_TRUE(made.applicable);
  EXPECT_TRUE(leaves_undone(made));
  EXPECT_EQ(finding_codes(made), "HV0801") << "once a host";
  for (const Step& step : made.steps) EXPECT_EQ(step.operation.host.text, "lab");
  // What it last held is held: its machine's disk is not given to another.
  world.project.unresolved = UnresolvedPolicy::error;
  world.declare({web(0), machine("thief", mib(256), {"xvda vg/web1 w"})});
  EXPECT_EQ(codes(plan(world)), "HV0607");
}

TEST_F(Planning, AMachineThatMayStillRunIsNotStartedElsewhere) {
  World world(41, {"lab", "far"});
  stand(world, {web(0, "far"), web(1)});
  unreachable(world, "far");
  world.declare({web(0), web(1)});
  EXPECT_EQ(changes(plan(world)), "deferred update domain.web0");
  Scope off;
  off.powered_off = {HostName{"far"}};
  const Plan made = plan(world, off);
  EXPECT_EQ(changes(made), "replace domain.web0");
  EXPECT_EQ(codes(made), "");
  for (const Step& step : made.steps) EXPECT_EQ(step.operation.host.text, "lab");
  world.declare({web(1)});
  EXPECT_EQ(changes(plan(world)), "deferred destroy domain.web0");
  EXPECT_EQ(changes(plan(world, off)), "forget domain.web0");
  world.declare({web(0, "far"), web(1), web(2, "far")});
  EXPECT_EQ(changes(plan(world, off)), "deferred create domain.web2") << "nothing starts there";
}

TEST_F(Planning, StorageOfAHostThatCannotBeReadWaits) {
  World world(42);
  stand(world, {pool(), vdisk("a", gib(1)), vdisk("b", gib(1)), web(0)});
  unreachable(world, "lab");
  world.declare(
      {pool({"phy:/dev/sda10", "phy:/dev/sda11"}), vdisk("a", gib(2)), vdisk("c", gib(1)), web(0)});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made),
            "deferred destroy vdisk.b; deferred update vdisk.a; deferred update pool.fast; "
            "deferred create vdisk.c");
  EXPECT_TRUE(made.steps.empty());
  EXPECT_TRUE(leaves_undone(made));
}

// ---- what can start without hv

// A disk "DEVICE SOURCE" that something of that name would get by itself.
LatentAccess asleep(const char* what, const std::string& name, const Uuid& uuid,
                    const std::string& device, const std::string& source) {
  LatentAccess latent;
  latent.what = what;
  latent.name = name;
  latent.uuid = uuid;
  latent.vbd.device = device;
  latent.vbd.source = source;
  return latent;
}

TEST_F(Planning, WhatCouldStartByItselfHoldsItsDisks) {
  World world(45);
  stand(world, {web(0)});
  const Uuid uuid = world.store().applied()->domains.at(domain("web0")).uuid;
  const Uuid stranger = uuid_v5({}, "stranger");
  struct Case {
    LatentAccess latent;
    const char* refused;  // where web1 is to have vg/web1
    const char* holder;
  };
  const Case cases[] = {
      {asleep("autostart", "db", stranger, "xvda", "vg/web1"), "HV0501", "lab/db"},
      {asleep("save file", "db", stranger, "xvda", "vg/web1"), "HV0501", "lab/db"},
      {asleep("autostart", "db", {}, "xvda", "vg/web1"), "HV0501", "lab/db"},
      {asleep("autostart", "db", stranger, "xvda", "vg/other"), "", ""},
      {asleep("autostart", "/etc/xen/auto/db", {}, "", ""), "", ""},
      // One machine of a name is on a host: it is ours, or would be.
      {asleep("autostart", "web1", {}, "xvda", "vg/web1"), "", ""},
      {asleep("autostart", "web1", stranger, "xvda", "vg/web1"), "HV0501", "lab/web1"},
      {asleep("autostart", "web0", {}, "xvda", "vg/web1"), "HV0501", "web0"},
      {asleep("save file", "web0", uuid, "xvdb", "vg/web1"), "HV0501", "web0"},
      {asleep("restart configuration", "web0", uuid, "xvdb", "vg/web1"), "", ""},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.latent.what + " " + one.latent.name + " " + one.latent.vbd.source);
    Observation seen;
    world.ask = [&](PlanRequest& request) {
      seen = *request.observation;
      seen.hosts.at(HostName{"lab"}).latent = {one.latent};
      request.observation = &seen;
    };
    world.declare({web(0), web(1)});
    const Plan made = plan(world);
    EXPECT_EQ(finding_codes(made), one.refused);
    EXPECT_EQ(made.applicable, std::string(one.refused).empty());
    for (const Finding& finding : made.findings) {
      if (finding.code != Code::unsafe_write_sharing) continue;
      const bool said =
          std::any_of(finding.accesses.begin(), finding.accesses.end(), [&](const Access& access) {
            return access.origin == AccessOrigin::latent &&
                   access.path.front() == one.latent.what &&
                   access.party.text.ends_with(one.holder);
          });
      EXPECT_TRUE(said) << finding.message;
    }
    // Who was there before is left alone by it.
    world.declare({web(0)});
    EXPECT_EQ(codes(plan(world)), "");
    EXPECT_EQ(changes(plan(world)), "");
  }
}

// A machine that its host would start too, by its name or by its UUID, goes as if it would not.
TEST_F(Planning, AMachineThatOthersStartAtBootGoesAndComes) {
  World world(46);
  stand(world, {web(0)});
  const Uuid uuid = world.store().applied()->domains.at(domain("web0")).uuid;
  DomainSpec off = web(0);
  off.state = PowerState::halted;
  world.declare({off});
  ASSERT_EQ(world.change(), "");
  Observation seen;
  for (const Uuid& told : {Uuid{}, uuid}) {
    world.ask = [&](PlanRequest& request) {
      seen = *request.observation;
      seen.hosts.at(HostName{"lab"}).latent = {
          asleep("autostart", "web0", told, "xvda", "vg/web0")};
      request.observation = &seen;
    };
    world.declare({web(0)});
    EXPECT_EQ(codes(plan(world)), "");
    EXPECT_EQ(changes(plan(world)), "create domain.web0");
    // Off as it is, it holds what it would get.
    world.declare({off, machine("thief", mib(256), {"xvda vg/web0 w"})});
    EXPECT_EQ(finding_codes(plan(world)), "HV0501");
  }
}

// ---- power and drift

TEST_F(Planning, PowerIsCorrectedOrReported) {
  struct Case {
    const char* name;
    bool heal;
    std::function<void(DomainSpec&)> edit;
    bool gone;
    const char* changes;
  };
  const auto same = [](DomainSpec&) {};
  const auto larger = [](DomainSpec& domain) { domain.attributes.set("memory", mib(512)); };
  const auto halted = [](DomainSpec& domain) { domain.state = PowerState::halted; };
  const auto paused = [](DomainSpec& domain) { domain.state = PowerState::paused; };
  const Case cases[] = {
      {"gone, healed", true, same, true, "create domain.web0"},
      {"gone, reported", false, same, true, ""},
      {"gone and edited, reported", false, larger, true, "update domain.web0"},
      {"gone and declared halted", false, halted, true, "update domain.web0"},
      {"there and declared halted", true, halted, false, "update domain.web0"},
      {"there and declared paused", false, paused, false, "update domain.web0"},
      {"gone and declared paused, reported", false, paused, true, "create domain.web0"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    World world(50);
    stand(world, {web(0)});
    world.project.drift = one.heal ? DriftPolicy::heal : DriftPolicy::report;
    if (one.gone) {
      const Uuid uuid = world.store().applied()->domains.at(domain("web0")).uuid;
      ASSERT_TRUE(world.sim().outside_destroy(uuid).ok());
      world.advance(seconds(60));
    }
    DomainSpec declared = web(0);
    one.edit(declared);
    world.declare({declared});
    const Plan made = plan(world);
    EXPECT_EQ(changes(made), one.changes);
    if (one.gone) {
      ASSERT_FALSE(made.drift.empty());
      EXPECT_EQ(made.drift[0].path, "state");
    }
    settle(world);
  }
}

TEST_F(Planning, AMachineMadeAgainIsTheSameOne) {
  World world(51);
  stand(world, {web(0)});
  const Uuid uuid = world.store().applied()->domains.at(domain("web0")).uuid;
  ASSERT_TRUE(world.sim().power_cycle().ok());
  settle(world);
  EXPECT_EQ(world.store().applied()->domains.at(domain("web0")).uuid, uuid);
  EXPECT_EQ(world.store().applied()->domains.at(domain("web0")).generation, 0u);
}

// Worlds in which random fleets were once planned or applied wrongly.
TEST_F(Planning, WorldsThatWentWrongOnce) {
  const auto off = [](DomainSpec domain) {
    domain.state = PowerState::halted;
    return domain;
  };
  const auto paused = [](DomainSpec domain) {
    domain.state = PowerState::paused;
    return domain;
  };
  const auto bridges = [](DomainSpec domain, std::vector<std::string> names) {
    domain.sets_vif = true;
    domain.vifs.resize(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) domain.vifs[i].settings["bridge"] = names[i];
    return domain;
  };
  const DomainSpec old_disk = machine("a", mib(256), {"xvda vg/left w"});
  const DomainSpec new_disk = machine("a", mib(256), {"xvda vg/right w"});
  const struct {
    const char* name;
    std::vector<std::vector<Resource>> rounds;
    std::vector<Moved> moved;  // with the last round
    std::string last;          // its changes
  } cases[] = {
      {"another disk is declared while it is off, and the old one goes to somebody else",
       {{old_disk},
        {off(old_disk)},
        {off(new_disk)},
        {new_disk, machine("b", mib(256), {"xvdb vg/left w"})}},
       {},
       "create domain.a; create domain.b"},
      {"interfaces attached at once come to be in any order",
       {{bridges(web(0), {})},
        {bridges(web(0), {"xenbr0", "xenbr1"})},
        {bridges(web(0), {"xenbr1", "xenbr0"})}},
       {},
       ""},
      {"the first of two interfaces goes",
       {{bridges(web(0), {"xenbr0", "xenbr1"})}, {bridges(web(0), {"xenbr1"})}},
       {},
       "update domain.web0"},
      {"one that never ran was moved, and its address is declared again",
       {{paused(web(0))},
        {paused(machine("web1", mib(256), {"xvda vg/web0 w"})),
         machine("web0", mib(256), {"xvda vg/new w"})}},
       {{domain("web0"), domain("web1"), {}}},
       "update domain.web1; move domain.web1; create domain.web0"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    World world(53);
    for (std::size_t i = 0; i < one.rounds.size(); ++i) {
      SCOPED_TRACE("round " + std::to_string(i));
      world.declare(one.rounds[i]);
      if (i + 1 == one.rounds.size()) {
        world.desired.moved = one.moved;
        EXPECT_EQ(changes(plan(world)), one.last);
      }
      settle(world);
    }
    EXPECT_EQ(world.difference(), "");
  }
}

TEST_F(Planning, ARestartIsDoneDeferredOrRefused) {
  for (const OnRestartNeeded policy :
       {OnRestartNeeded::restart, OnRestartNeeded::defer, OnRestartNeeded::fail}) {
    World world(52);
    DomainSpec domain = web(0);
    domain.lifecycle.on_restart_needed = policy;
    stand(world, {domain});
    domain.attributes.set("kernel", "/boot/other");
    domain.attributes.set("memory", mib(512));
    world.declare({domain});
    const Plan made = plan(world);
    switch (policy) {
      case OnRestartNeeded::restart:
        EXPECT_EQ(changes(made), "restart domain.web0");
        settle(world);
        break;
      case OnRestartNeeded::defer: {
        EXPECT_EQ(changes(made), "update domain.web0; deferred update domain.web0");
        EXPECT_EQ(count(made, Op::domain_memory), 1u);
        EXPECT_FALSE(leaves_undone(made));
        EXPECT_EQ(world.change(), "");
        const Plan later = plan(world);
        EXPECT_EQ(changes(later), "deferred update domain.web0");
        EXPECT_TRUE(later.nothing_to_do()) << "pending alone is nothing to do";
        break;
      }
      case OnRestartNeeded::fail:
        EXPECT_EQ(codes(made), "HV0605");
        break;
    }
  }
}

// ---- virtual disks

TEST_F(Planning, AVirtualDiskThatComesBackHasItsData) {
  World world(60);
  stand(world, {pool(), vdisk("a", gib(1)), web(0)});
  const AppliedVdisk before = world.store().applied()->vdisks.at({Kind::vdisk, "a"});
  world.declare({pool(), web(0)});
  EXPECT_EQ(world.change(), "");
  world.declare({pool(), vdisk("a", gib(2)), web(0)});
  const Plan made = plan(world);
  const Step* create = step_of(made, Op::vdisk_create, "a");
  const Step* enlarge = step_of(made, Op::vdisk_enlarge, "a");
  ASSERT_TRUE(create && enlarge);
  EXPECT_TRUE(create->operation.settings.contains("keep_data"));
  EXPECT_FALSE(enlarge->operation.settings.contains("keep_data")) << "what is new is scrubbed";
  EXPECT_TRUE(reaches(made, create->id, enlarge->id));
  EXPECT_EQ(create->operation.extents.at(""), before.extents);
  settle(world);
  EXPECT_EQ(world.store().applied()->vdisks.at({Kind::vdisk, "a"}).uuid, before.uuid);
}

TEST_F(Planning, AVirtualDiskGrowsUnderARunningMachine) {
  World world(61);
  const DomainSpec user = machine("web0", mib(256), {"xvda vd:a w"});
  stand(world, {pool(), vdisk("a", gib(1)), user});
  world.declare({pool(), vdisk("a", gib(3)), user});
  const Plan made = plan(world);
  EXPECT_EQ(changes(made), "update domain.web0; update vdisk.a");
  const Step* table = step_of(made, Op::vdisk_enlarge, "a");
  const Step* device = step_of(made, Op::vbd_enlarge, "web0");
  ASSERT_TRUE(table && device);
  EXPECT_TRUE(reaches(made, table->id, device->id));
  settle(world);
  const Applied applied = *world.store().applied();
  EXPECT_EQ(applied.domains.at(domain("web0")).extents.at("xvda"),
            applied.vdisks.at({Kind::vdisk, "a"}).extents);
}

// What the host starts at boot has the disks that the machine keeps: one that goes is not its any
// more, and one that comes is told when it has come.
TEST_F(Planning, WhatStartsAtBootHasWhatItKeeps) {
  World world(63);
  DomainSpec web = machine("web0", mib(256), {"xvda phy:/dev/a w", "xvdb phy:/dev/b w"});
  stand(world, {web});
  web = machine("web0", mib(256), {"xvda phy:/dev/a w", "xvdc phy:/dev/c w"});
  web.attributes.set("autostart", true);
  world.declare({web});
  const Plan made = plan(world);
  const Step* boot = step_of(made, Op::domain_schedule, "web0");
  ASSERT_TRUE(boot && boot->operation.domain);
  ASSERT_EQ(boot->operation.domain->vbds.size(), 1u);
  EXPECT_EQ(boot->operation.domain->vbds[0].device, "xvda");
  EXPECT_FALSE(boot->operation.claims.empty());
  settle(world);
  world.declare({machine("web0", mib(256), {"xvda phy:/dev/a w", "xvdc phy:/dev/c w"})});
  const Plan undone = plan(world);
  boot = step_of(undone, Op::domain_schedule, "web0");
  ASSERT_TRUE(boot);
  EXPECT_FALSE(boot->operation.domain);
  settle(world);
}

TEST_F(Planning, TablesLostWithARebootAreMadeAgain) {
  World world(62);
  const DomainSpec user = machine("web0", mib(256), {"xvda vd:a w"});
  stand(world, {pool(), vdisk("a", gib(1)), user});
  ASSERT_TRUE(world.sim().power_cycle().ok());
  const Plan made = plan(world);
  const Step* table = step_of(made, Op::vdisk_create, "a");
  const Step* create = step_of(made, Op::domain_create, "web0");
  ASSERT_TRUE(table && create);
  EXPECT_TRUE(table->operation.settings.contains("keep_data"));
  EXPECT_TRUE(reaches(made, table->id, create->id));
  settle(world);
}

// ---- refusals, each with its code

TEST_F(Planning, RefusalsHaveTheirCodes) {
  struct Case {
    const char* name;
    std::vector<Resource> before, after;
    const char* codes;
  };
  DomainSpec saved = web(0);
  saved.state = PowerState::saved;
  DomainSpec many = web(0);
  many.attributes.set("vcpus", int64_t{400});
  VdiskSpec elsewhere = vdisk("a", gib(1));
  elsewhere.pool = {Kind::pool, "slow"};
  PoolSpec slow = pool({"phy:/dev/sdz"});
  slow.address = {Kind::pool, "slow"};
  const Case cases[] = {
      {"declared saved", {}, {saved}, "HV0601"},
      {"a pool loses a device",
       {pool({"phy:/dev/sda", "phy:/dev/sdb"})},
       {pool({"phy:/dev/sdb"})},
       "HV0601"},
      {"a virtual disk shrinks",
       {pool(), vdisk("a", gib(2))},
       {pool(), vdisk("a", gib(1))},
       "HV0610"},
      {"a virtual disk moves",
       {pool(), slow, vdisk("a", gib(1))},
       {pool(), slow, elsewhere},
       "HV0601"},
      {"too little memory", {}, {machine("big", gib(100), {})}, "HV0612"},
      {"too many vcpus", {}, {many}, "HV0608"},
      {"a pool on a disk that is not there",
       {},
       {pool({"phy:/dev/sda", "phy:/dev/sdaa"})},
       "HV0608"},
      {"a guest on a disk that is not there",
       {},
       {machine("a", mib(256), {"xvda /dev/sdaa w"})},
       "HV0608"},
      {"two writers",
       {},
       {machine("a", mib(256), {"xvda vg/x w"}), machine("b", mib(256), {"xvda vg/x w"})},
       "HV0607"},
      {"a guest on a pool's device",
       {pool()},
       {pool(), machine("a", mib(256), {"xvda /dev/sda10 w"})},
       "HV0607"},
      {"a rename onto a stranger",
       {web(0)},
       [] {
         DomainSpec named = web(0);
         named.name = "alien";
         return std::vector<Resource>{named};
       }(),
       "HV0608"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    World world(70);
    const DomainSpec alien = machine("alien", mib(256), {"xvda vg/alien w"});
    ASSERT_TRUE(world.sim().outside_create(alien, uuid_v4(world.random)).ok());
    world.advance(seconds(60));
    world.alien = {alien};
    if (!one.before.empty()) stand(world, one.before);
    world.declare(one.after);
    const Plan made = plan(world);
    EXPECT_EQ(codes(made), one.codes);
    EXPECT_FALSE(made.applicable);
    auto applied = world.apply(made);
    EXPECT_FALSE(applied.ok()) << "a refused plan is not applied";
  }
}

// The plan is about the virtual disk only, and its user is left as it is.
TEST_F(Planning, AVirtualDiskInUseDoesNotExpire) {
  World world(72);
  stand(world, {pool(), vdisk("a", gib(1)), machine("web0", mib(256), {"xvda vd:a w"})});
  world.declare({pool(), machine("web0", mib(256), {})});
  Scope scope;
  scope.targets = {{Kind::vdisk, "a"}};
  const Plan made = plan(world, scope);
  EXPECT_EQ(codes(made), "HV0611");
  ASSERT_FALSE(made.refusals.empty());
  EXPECT_EQ(made.refusals[0].message, "`vdisk.a` would expire while domain.web0 uses it");
  settle(world);
}

TEST_F(Planning, ADriverThatCannotIsNotAsked) {
  World world(72);
  world.declare({web(0)});
  Applied applied;
  const ApplyContext context = world.context();
  Observation observation = observe_all(context.drivers, world.clock);
  PlanRequest request;
  request.desired = &world.desired;
  request.applied = &applied;
  request.observation = &observation;
  request.project = &world.project;
  request.schema = &Schema::builtin();
  request.capabilities[HostName{"lab"}] = world.sim().capabilities();
  request.capabilities[HostName{"lab"}].operations.erase(Op::domain_create);
  auto made = make_plan(request);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(codes(*made), "HV0609");
}

TEST_F(Planning, WhatOneNeedsOfTheOtherInACircleIsRefused) {
  World world(73);
  DomainSpec a = web(0), b = web(1);
  stand(world, {a, b});
  std::swap(a.name, b.name);
  world.declare({a, b});
  EXPECT_EQ(codes(plan(world)), "HV0606");
}

TEST_F(Planning, APlanThatOnlyLetsGoIsApplicable) {
  World world(74);
  DomainSpec a = machine("a", mib(256), {"xvda vg/x w", "xvdb vg/b r"});
  DomainSpec b = machine("b", mib(256), {"xvda vg/x w"});
  a.sharing = b.sharing = 2;
  stand(world, {a, b});
  a.vbds.pop_back();
  a.sharing = b.sharing = 2;
  world.declare({a});
  EXPECT_EQ(codes(plan(world)), "");
}

// ---- order

TEST_F(Planning, MemoryThatIsShortIsFreedFirst) {
  World world(80);
  stand(world, {machine("a", gib(2), {}), machine("b", gib(2), {}), machine("c", gib(2), {})});
  world.declare({machine("c", gib(2), {}), machine("d", gib(2), {}), machine("e", gib(2), {})});
  const Plan made = plan(world);
  EXPECT_EQ(codes(made), "");
  settle(world);
}

TEST_F(Planning, ParametersThatChangedAreSaid) {
  World world(82);
  world.declare({web(0)});
  world.desired.params = {{"vmid", "1"}};
  EXPECT_EQ(world.change(), "");
  world.desired.params = {{"vmid", "2"}};
  EXPECT_EQ(plan(world).notes, std::vector<std::string>{"the parameter `vmid` is 2, it was 1"});
  world.desired.params = {};
  EXPECT_EQ(plan(world).notes, std::vector<std::string>{"the parameter `vmid` is unset, it was 1"});
}

TEST_F(Planning, ASavedPlanHoldsWhileNothingItReliesOnMoves) {
  World world(83);
  stand(world, {web(0), web(1)});
  DomainSpec larger = web(0);
  larger.attributes.set("memory", mib(512));
  larger.vbds.push_back(machine("x", mib(1), {"xvdb vg/more w"}).vbds.front());
  world.declare({larger, web(1)});
  const Plan saved = plan(world);
  const Applied applied = *world.store().applied();
  const auto again = [&](std::function<void(Observation&)> edit) -> std::string {
    Observation observation = saved.observation;
    edit(observation);
    PlanRequest request;
    request.desired = &world.desired;
    request.applied = &applied;
    request.observation = &observation;
    request.project = &world.project;
    request.schema = &Schema::builtin();
    request.head = world.store().head();
    request.version = "test";
    auto made = make_again(saved, request);
    return made.ok() ? "" : made.error().message;
  };
  const auto of = [&](Observation& observation, const std::string& name) -> ObservedDomain& {
    auto& domains = observation.hosts.at(HostName{"lab"}).domains;
    return *std::find_if(domains.begin(), domains.end(),
                         [&](const ObservedDomain& it) { return it.name == name; });
  };
  EXPECT_EQ(again([](Observation&) {}), "");
  EXPECT_EQ(again([&](Observation& seen) { of(seen, "web1").memory = mib(128); }), "")
      << "a machine that it does not touch";
  EXPECT_NE(again([&](Observation& seen) {
              of(seen, "web0").memory = mib(128);
            }).find("the machine web0 on lab"),
            std::string::npos);
  EXPECT_NE(again([&](Observation& seen) {
              of(seen, "web1").memory = gib(7);
            }).find("more memory than they did"),
            std::string::npos);
  EXPECT_NE(again([&](Observation& seen) {
              ObservedVbd vbd;
              vbd.vbd = larger.vbds.back();
              of(seen, "web1").vbds.push_back(vbd);
            }).find("an access of unmanaged.lab/web1"),
            std::string::npos)
      << "who took the disk that it attaches";
  EXPECT_NE(again([&](Observation& seen) {
              seen.hosts.at(HostName{"lab"}).boot_id = "x";
            }).find("was rebooted"),
            std::string::npos);
}

}  // namespace
}  // namespace hv::testing
