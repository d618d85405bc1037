// What is kept of a machine of ours by others than hv: a save file of xendomains' or somebody's,
// and a guest that crashed and is to be looked at.
#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

const char* const kFile = "/var/lib/xen/save/web0";

class Kept : public Planning {
 protected:
  Uuid uuid() { return world_.store().applied()->domains.at(domain("web0")).uuid; }
  // From now on such a file of web0 lies on the host.
  void lie_saved(const std::string& host = "lab", const Vbd& vbd = {}) {
    LatentAccess file{"save file", uuid(), "web0", vbd, kFile};
    world_.ask = [this, file, host](PlanRequest& request) {
      seen_ = *request.observation;
      seen_.hosts.at(HostName{host}).latent.push_back(file);
      request.observation = &seen_;
    };
  }
  Plan by_hand(PowerAsk ask) {
    Scope scope;
    scope.power = {{domain("web0"), ask}};
    return plan(world_, scope);
  }
  std::string notes(const Plan& made) {
    std::string text;
    for (const std::string& note : made.notes) text += note + "\n";
    return text;
  }
  void gone() {
    ASSERT_TRUE(world_.sim().outside_destroy(uuid()).ok());
    world_.advance(seconds(60));
  }
  void expect_refused(const Plan& made) {
    EXPECT_FALSE(made.applicable);
    ASSERT_EQ(codes(made), "HV0601");
    const Error& why = made.refusals.front();
    EXPECT_EQ(why.message,
              "`domain.web0` would start while its memory lies saved on lab in "
              "`/var/lib/xen/save/web0`, not by hv");
    EXPECT_NE(why.help.find("`xl restore /var/lib/xen/save/web0`"), std::string::npos) << why.help;
    EXPECT_NE(why.help.find("remove the file"), std::string::npos) << why.help;
  }

  World world_{80, {"lab", "far"}};
  Observation seen_;
};

TEST_F(Kept, AMachineThatLiesSavedElsewhereIsNotMadeAfresh) {
  stand(world_, {web(0), web(1)});
  gone();
  Vbd vbd;
  vbd.device = "xvda";
  vbd.source = "vg/web0";
  vbd.mode = AccessMode::write;
  for (const Vbd& disk : {vbd, Vbd{}}) {
    lie_saved("lab", disk);
    expect_refused(plan(world_));
    expect_refused(by_hand(PowerAsk::start));
  }
  // Where it is left as it is, it is told.
  world_.project.drift = DriftPolicy::report;
  Plan made = plan(world_);
  EXPECT_EQ(codes(made), "");
  EXPECT_EQ(notes(made),
            "domain.web0 lies saved in `/var/lib/xen/save/web0` on lab, not by hv: `xl restore "
            "/var/lib/xen/save/web0` there lets it go on\n");
  // One that nobody starts hinders nobody.
  world_.project.drift = DriftPolicy::heal;
  Scope only;
  only.targets = {domain("web1")};
  EXPECT_EQ(codes(plan(world_, only)), "");
  world_.ask = {};
  settle(world_);
}

TEST_F(Kept, AMachineThatRunsIsNotStartedOverIt) {
  stand(world_, {web(0)});
  lie_saved();
  Plan made = plan(world_);
  EXPECT_EQ(codes(made), "");
  EXPECT_EQ(changes(made), "");
  EXPECT_NE(notes(made).find("`/var/lib/xen/save/web0` on lab keeps an earlier memory of "
                             "domain.web0"),
            std::string::npos)
      << notes(made);
  expect_refused(by_hand(PowerAsk::restart));
  DomainSpec edited = web(0);
  edited.attributes.set("kernel", std::string("/boot/other"));
  world_.declare({edited});
  expect_refused(plan(world_));
  edited = web(0);
  edited.attributes.set("memory", mib(128));
  world_.declare({edited});
  EXPECT_EQ(codes(plan(world_)), "") << "live";
  // Nor does it go on after a pause, come back from hv's own image, or come from another host.
  ASSERT_EQ(world_.change(), "");
  DomainSpec paused = edited;
  paused.state = PowerState::paused;
  world_.declare({paused});
  ASSERT_EQ(world_.change(), "");
  world_.declare({edited});
  expect_refused(plan(world_));
  DomainSpec saved = edited;
  saved.state = PowerState::saved;
  world_.ask = {};
  world_.declare({saved});
  ASSERT_EQ(world_.change(), "");
  lie_saved();
  EXPECT_EQ(codes(plan(world_)), "");
  world_.declare({edited});
  expect_refused(plan(world_));
  // Stopped for good it may be.
  world_.declare({web(1)});
  made = plan(world_);
  EXPECT_EQ(codes(made), "");
  EXPECT_EQ(changes(made), "destroy domain.web0; create domain.web1");
}

TEST_F(Kept, AMachineDoesNotMigrateToWhereItLiesSaved) {
  world_.project.stores[StoreId{"vg/web0"}].hosts = {HostName{"lab"}, HostName{"far"}};
  stand(world_, {web(0)});
  world_.declare({web(0, "far")});
  ASSERT_EQ(count(plan(world_), Op::domain_migrate), 1u);
  lie_saved("far");
  Plan made = plan(world_);
  ASSERT_EQ(codes(made), "HV0601");
  EXPECT_NE(made.refusals.front().message.find("on far in"), std::string::npos);
}

// A saved plan relies on there being none.
TEST_F(Kept, APlanFromBeforeItLayThereIsStale) {
  stand(world_, {web(0)});
  gone();
  const Plan before = plan(world_);
  ASSERT_EQ(changes(before), "create domain.web0");
  lie_saved();
  std::optional<Result<Plan>> again;
  const auto lie = world_.ask;
  world_.ask = [&](PlanRequest& request) {
    lie(request);
    request.id = before.id;
    again = make_again(before, request);
  };
  plan(world_);
  ASSERT_TRUE(again.has_value());
  ASSERT_FALSE(again->ok());
  EXPECT_EQ(again->error().code, Code::plan_stale);
  EXPECT_NE(again->error().message.find("the save file of web0 on lab"), std::string::npos)
      << again->error().message;
}

// ---- another name

class Renamed : public Kept {
 protected:
  void rename(const Uuid& machine, const std::string& name) {
    Operation operation;
    operation.op = Op::domain_rename;
    operation.uuid = machine;
    operation.name = name;
    const StoreHead head = world_.store().head();
    const Caller caller{*world_.project.id, head.lineage, head.epoch, head.serial};
    ASSERT_TRUE(world_.sim().begin(OperationId{"renamed-" + name}, caller, operation).ok());
    world_.advance(seconds(10));
  }
  std::string called(const Uuid& machine) {
    const HostObservation host = world_.sim().observe();
    const ObservedDomain* seen = find_domain(host, machine);
    return seen == nullptr ? "" : seen->name;
  }
};

TEST_F(Renamed, IsDriftThatIsHealedOrReported) {
  stand(world_, {web(0), web(1)});
  rename(uuid(), "other");
  ASSERT_EQ(called(uuid()), "other");
  world_.project.drift = DriftPolicy::report;
  Plan made = plan(world_);
  EXPECT_EQ(changes(made), "");
  ASSERT_EQ(made.drift.size(), 1u);
  EXPECT_EQ(made.drift[0].path, "name");
  world_.project.drift = DriftPolicy::heal;
  EXPECT_EQ(changes(plan(world_)), "update domain.web0");
  settle(world_);
  EXPECT_EQ(called(uuid()), "web0");
  // A machine that is made again has its name by that.
  rename(uuid(), "other");
  DomainSpec edited = web(0);
  edited.attributes.set("kernel", std::string("/boot/other"));
  world_.declare({edited, web(1)});
  settle(world_);
  EXPECT_EQ(called(uuid()), "web0");
  // Two that changed their names.
  const Uuid second = world_.store().applied()->domains.at(domain("web1")).uuid;
  rename(uuid(), "for a moment");
  rename(second, "web0");
  rename(uuid(), "web1");
  EXPECT_NE(codes(plan(world_)), "") << "no order of two renames ends this";
  rename(uuid(), "free");
  settle(world_);
  EXPECT_EQ(called(uuid()), "web0");
  EXPECT_EQ(called(second), "web1");
}

TEST_F(Renamed, IsLeftWhereItsNameIsAStrangers) {
  stand(world_, {web(0)});
  rename(uuid(), "other");
  world_.alien = {machine("web0", mib(64), {})};
  ASSERT_TRUE(world_.sim().outside_create(world_.alien[0], uuid_v5({}, "stranger")).ok());
  world_.advance(seconds(10));
  const Plan made = plan(world_);
  EXPECT_EQ(codes(made), "");
  EXPECT_EQ(changes(made), "");
  EXPECT_EQ(notes(made),
            "domain.web0 keeps the name that somebody gave it: `web0` on lab is a stranger\n");
}

// ---- a guest that crashed

class Crashed : public Kept {
 protected:
  static DomainSpec watched(const char* follows) {
    DomainSpec domain = web(0);
    domain.attributes.set("on_crash", std::string(follows));
    return domain;
  }
  void crash(const char* follows) {
    stand(world_, {watched(follows), web(1)});
    ASSERT_TRUE(world_.sim().guest_crash(uuid()).ok());
  }
  const ObservedDomain* seen() {
    last_ = world_.sim().observe();
    return find_domain(last_, uuid());
  }
  HostObservation last_;
};

TEST_F(Crashed, IsKeptUntilSomebodyHasSeenEnoughOfIt) {
  crash("preserve");
  for (const DriftPolicy policy : {DriftPolicy::heal, DriftPolicy::report}) {
    SCOPED_TRACE(policy == DriftPolicy::heal ? "heal" : "report");
    world_.project.drift = policy;
    const Plan made = plan(world_);
    EXPECT_TRUE(made.steps.empty());
    ASSERT_EQ(made.drift.size(), 1u);
    EXPECT_EQ(made.drift[0].path, "state");
    EXPECT_EQ(made.drift[0].observed, Value(std::string("crashed")));
  }
  world_.project.drift = DriftPolicy::heal;
  Plan made = plan(world_);
  EXPECT_EQ(changes(made), "deferred update domain.web0");
  EXPECT_EQ(notes(made),
            "domain.web0 crashed, and is kept to be looked at (on_crash = \"preserve\"): `hv "
            "restart domain.web0` makes it again\n");
  // What else is changed is; what is changed of it waits, and its disks stay its own.
  DomainSpec edited = watched("preserve");
  edited.attributes.set("memory", mib(128));
  world_.declare({edited, web(1), web(2)});
  EXPECT_EQ(world_.change(), "");
  ASSERT_NE(seen(), nullptr);
  EXPECT_TRUE(seen()->crashed);
  world_.declare({edited, web(1), web(2), machine("thief", mib(64), {"xvda vg/web0 w"})});
  EXPECT_EQ(codes(plan(world_)), "HV0607");
  world_.declare({edited, web(1), web(2)});
  for (const PowerAsk ask : {PowerAsk::save, PowerAsk::pause, PowerAsk::unpause})
    EXPECT_EQ(codes(by_hand(ask)), "HV0601");
  made = by_hand(PowerAsk::restart);
  EXPECT_EQ(changes(made), "restart domain.web0");
  auto report = world_.apply(made);
  ASSERT_TRUE(report.ok() && report->ok());
  EXPECT_EQ(seen()->state, PowerState::running);
  settle(world_);
  EXPECT_EQ(world_.difference(), "");
}

TEST_F(Crashed, GoesWhereItIsStoppedOrNoLongerDeclared) {
  for (const char* how : {"stop", "halted", "gone"}) {
    SCOPED_TRACE(how);
    crash("preserve");
    Plan made;
    DomainSpec off = watched("preserve");
    off.state = PowerState::halted;
    if (how == std::string("stop")) made = by_hand(PowerAsk::stop);
    world_.declare({off, web(1)});
    if (how == std::string("gone")) world_.declare({web(1)});
    if (how != std::string("stop")) made = plan(world_);
    const Uuid crashed = uuid();
    auto report = world_.apply(made);
    ASSERT_TRUE(report.ok() && report->ok());
    last_ = world_.sim().observe();
    EXPECT_EQ(find_domain(last_, crashed), nullptr);
    settle(world_);
  }
}

TEST_F(Crashed, IsMadeAgainWhereNobodyAskedToKeepIt) {
  crash("rename-restart");
  const Plan made = plan(world_);
  EXPECT_EQ(changes(made), "restart domain.web0");
  EXPECT_EQ(made.changes[0].why, "it crashed; made again");
  settle(world_);
  EXPECT_FALSE(seen()->crashed);
}

}  // namespace
}  // namespace hv::testing
