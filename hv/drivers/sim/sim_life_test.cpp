// The simulated host over time: faults, fences, what its database remembers.
#include <gtest/gtest.h>

#include "hv/drivers/sim/test_host.h"

namespace hv {
namespace {

using testing::machine;
using testing::TableStore;
using testing::TestHost;
using testing::uuid_of;

using Kind_ = SimFault::Kind;

SimFaults always(Kind_ kind, Duration delay = Duration(), const std::string& message = "") {
  return [=](const OperationId&, const Operation&) { return SimFault{kind, delay, message}; };
}

// ---- faults

struct FaultCase {
  const char* what;
  Kind_ kind;
  Duration delay;
  OperationState after_one_second;
  OperationState at_the_end;
  bool effect;  // at the end
};

const FaultCase kFaultCases[] = {
    {"none", Kind_::none, {}, OperationState::succeeded, OperationState::succeeded, true},
    {"fail before", Kind_::fail_before, {}, OperationState::failed, OperationState::failed, false},
    {"effect, then error",
     Kind_::effect_error,
     {},
     OperationState::failed,
     OperationState::failed,
     true},
    {"success without effect",
     Kind_::no_effect_ok,
     {},
     OperationState::succeeded,
     OperationState::succeeded,
     false},
    {"slow", Kind_::stall, seconds(30), OperationState::running, OperationState::succeeded, true},
    {"no answer", Kind_::unreachable, seconds(30), OperationState::running,
     OperationState::succeeded, true},
};

TEST(SimFaults, DoWhatTheirNamesSay) {
  for (const FaultCase& one : kFaultCases)
    for (const Op op : {Op::domain_create, Op::domain_memory, Op::vbd_attach, Op::vbd_detach,
                        Op::domain_destroy}) {
      const std::string what = std::string(one.what) + ", " + std::string(to_string(op));
      TestHost host;
      if (op != Op::domain_create)
        ASSERT_EQ(host.start(machine("web", mib(64), {"xvda phy:/dev/sda1 w"})), "") << what;
      Operation operation = op == Op::domain_create ? host.create(machine("web", mib(64)))
                            : op == Op::vbd_attach  ? host.attach("web", "xvdb phy:/dev/sda2 w")
                            : op == Op::vbd_detach  ? host.detach("web", "xvda")
                                                    : host.operation(op, "web");
      if (op == Op::domain_memory) operation.memory = mib(128);
      host.driver().set_faults(always(one.kind, one.delay, "bad luck"));
      const OperationId id = host.begin(operation);
      host.pass(seconds(1));
      EXPECT_EQ(host.driver().result(id).state, one.after_one_second) << what;
      EXPECT_EQ(host.look().reachable, one.kind != Kind_::unreachable) << what;
      if (one.kind == Kind_::unreachable) {
        EXPECT_FALSE(host.look().reason.empty());
        EXPECT_EQ(read_effect(operation, host.look()).state, EffectState::different);
        EXPECT_EQ(host.driver().begin(OperationId{"late"}, host.caller, operation).error().code,
                  Code::host_unreachable);
        EXPECT_EQ(host.driver().enter(host.caller, false).error().code, Code::host_unreachable);
        EXPECT_EQ(host.driver().put_claims(host.caller, {}).error().code, Code::host_unreachable);
        EXPECT_EQ(host.driver().drop_claims(host.caller, uuid_of("web"), std::nullopt).error().code,
                  Code::host_unreachable);
      }
      host.pass(seconds(60));
      EXPECT_EQ(host.driver().result(id).state, one.at_the_end) << what;
      if (one.at_the_end == OperationState::failed)
        EXPECT_EQ(host.driver().result(id).message, "bad luck") << what;
      EXPECT_EQ(read_effect(operation, host.look()).state == EffectState::present, one.effect)
          << what;
    }
}

TEST(SimFaults, ARefusalOfTheHostComesBeforeAFault) {
  TestHost host;
  host.driver().set_faults(always(Kind_::effect_error, {}, "bad luck"));
  EXPECT_EQ(host.run(host.operation(Op::domain_pause, "nobody")), "no such domain");
}

TEST(SimFaults, AHalfAttachedDiskIsThereAndNotConnected) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64))), "");
  host.driver().set_faults(always(Kind_::half_attach));
  const Operation attach = host.attach("web", "xvdb phy:/dev/sda2 w");
  EXPECT_EQ(host.run(attach), "hotplug script failed");
  EXPECT_EQ(read_effect(attach, host.look()).state, EffectState::different);
  EXPECT_EQ(host.driver().open_devices().size(), 1u) << "it holds its sectors";
  host.driver().set_faults(nullptr);
  EXPECT_EQ(host.run(attach), "device already exists in xenstore");
  ASSERT_EQ(host.run(host.detach("web", "xvdb")), "");
  EXPECT_EQ(host.run(attach), "");
}

TEST(SimFaults, AGuestThatIgnoresTheShutdownIsEndedAtItsTimeout) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64))), "");
  host.driver().set_faults(always(Kind_::ignore_shutdown));
  Operation shutdown = host.operation(Op::domain_shutdown, "web");
  shutdown.timeout = seconds(20);
  const OperationId id = host.begin(shutdown);
  host.pass(seconds(19));
  EXPECT_EQ(host.driver().result(id).state, OperationState::running);
  EXPECT_FALSE(host.find("web")->dying);
  host.pass(seconds(2));
  EXPECT_EQ(host.driver().result(id).state, OperationState::succeeded);
  EXPECT_FALSE(host.find("web"));
}

TEST(SimTime, ThingsTakeAsLongAsTheSpeedSays) {
  for (const int percent : {0, 100, 400}) {
    SimConfig config;
    config.speed_percent = percent;
    TestHost host(config);
    const OperationId id = host.begin(host.create(machine("web")));
    const OperationState at_once = host.driver().result(id).state;
    EXPECT_EQ(at_once, percent == 0 ? OperationState::succeeded : OperationState::running);
    host.pass(milliseconds(4 * percent));
    EXPECT_EQ(host.driver().result(id).state, OperationState::succeeded) << percent;
  }
}

TEST(SimTime, WhatIsDueTogetherHappensInTheOrderItWasBegun) {
  TestHost host;
  ASSERT_EQ(host.start(machine("a", mib(64))), "");
  std::vector<OperationId> ids;
  for (int i = 0; i < 12; ++i)  // test-10 sorts before test-9
    ids.push_back(
        host.begin(host.operation(i % 2 == 0 ? Op::domain_pause : Op::domain_unpause, "a")));
  host.pass(seconds(1));
  for (const OperationId& id : ids)
    EXPECT_EQ(host.driver().result(id).state, OperationState::succeeded);
  EXPECT_EQ(host.find("a")->state, PowerState::running);
}

// ---- fences

struct FenceCase {
  const char* what;
  const char* lineage;
  uint64_t epoch;
  bool take_over;
  bool enters;
};

// The host knows lineage "ours" at epoch 5.
const FenceCase kFenceCases[] = {
    {"the same again", "ours", 5, false, true},
    {"a newer epoch", "ours", 6, false, true},
    {"an older epoch", "ours", 4, false, false},
    {"an older epoch that takes over", "ours", 4, true, false},
    {"another store", "theirs", 9, false, false},
    {"another store that takes over", "theirs", 6, true, true},
    {"another store that takes over with an old epoch", "theirs", 4, true, false},
};

TEST(SimFences, AHostRemembersTheNewestStoreOfAProject) {
  for (const FenceCase& one : kFenceCases) {
    TestHost host;
    const Caller known{uuid_of("project"), uuid_of("ours"), Epoch{5}, Serial{7}};
    host.store.rows.erase("project/" + to_string(known.project));
    host.reopen();
    ASSERT_TRUE(host.driver().enter(known, false).ok());
    host.reopen();
    const Caller asks{known.project, uuid_of(one.lineage), Epoch{one.epoch}, Serial{8}};
    const Status entered = host.driver().enter(asks, one.take_over);
    EXPECT_EQ(entered.ok(), one.enters) << one.what;
    if (!entered.ok()) EXPECT_EQ(entered.error().code, Code::host_fenced) << one.what;
    const ProjectMemory memory = host.look().projects.at(0);
    EXPECT_EQ(memory.epoch, one.enters ? asks.epoch : known.epoch) << one.what;
    EXPECT_EQ(memory.lineage, one.enters ? asks.lineage : known.lineage) << one.what;
    EXPECT_EQ(memory.serial, one.enters ? asks.serial : known.serial) << one.what;
  }
}

TEST(SimFences, AnOldHvThatWakesUpIsRefused) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64))), "");
  const Caller old = host.caller;
  Caller newer = old;
  newer.epoch = Epoch{2};
  ASSERT_TRUE(host.driver().enter(newer, false).ok());
  const auto fenced = [](const Status& status) {
    return !status.ok() && status.error().code == Code::host_fenced;
  };
  const OperationId id{"old"};
  EXPECT_TRUE(fenced(host.driver().begin(id, old, host.operation(Op::domain_destroy, "web"))));
  EXPECT_EQ(host.driver().result(id).state, OperationState::unknown);
  Claim claim;
  claim.uuid = uuid_of("web");
  EXPECT_TRUE(fenced(host.driver().put_claims(old, {claim})));
  EXPECT_TRUE(fenced(host.driver().drop_claims(old, claim.uuid, std::nullopt)));
  host.pass(seconds(10));
  EXPECT_TRUE(host.find("web"));
  EXPECT_TRUE(host.look().claims.empty());
  Caller unknown = newer;
  unknown.project = uuid_of("another project");
  EXPECT_TRUE(fenced(host.driver().begin(id, unknown, host.operation(Op::domain_pause, "web"))))
      << "who never entered";
  ASSERT_TRUE(host.driver().enter(unknown, false).ok()) << "projects do not fence each other";
  EXPECT_TRUE(host.driver().begin(id, newer, host.operation(Op::domain_pause, "web")).ok());
}

TEST(SimFences, EnteringWaitsForWhatAnOlderHvBegan) {
  for (const Op op : {Op::domain_create, Op::domain_destroy}) {
    TestHost host;
    if (op == Op::domain_destroy) ASSERT_EQ(host.start(machine("web", mib(64))), "");
    host.driver().set_faults(always(Kind_::stall, seconds(25)));
    const OperationId id = host.begin(op == Op::domain_create ? host.create(machine("web", mib(64)))
                                                              : host.operation(op, "web"));
    host.reopen();
    EXPECT_EQ(host.driver().result(id).state, OperationState::running);
    const Time before = host.clock.now();
    Caller newer = host.caller;
    newer.epoch = Epoch{2};
    ASSERT_TRUE(host.driver().enter(newer, false).ok());
    EXPECT_GE(since(before, host.clock.now()).count, seconds(25).count);
    EXPECT_EQ(host.find("web").has_value(), op == Op::domain_create) << "release included";
    EXPECT_EQ(host.driver().result(id).state, OperationState::unknown)
        << "forgotten with its epoch";
    for (const auto& [key, value] : host.store.rows) EXPECT_FALSE(key.starts_with("op/"));
  }
}

TEST(SimFences, EnteringAgainWithTheSameEpochWaitsForNothing) {
  TestHost host;
  host.driver().set_faults(always(Kind_::stall, seconds(25)));
  const OperationId id = host.begin(host.create(machine("web")));
  const Time before = host.clock.now();
  ASSERT_TRUE(host.driver().enter(host.caller, false).ok());
  EXPECT_EQ(host.clock.now(), before);
  EXPECT_EQ(host.driver().result(id).state, OperationState::running);
}

// ---- death

TEST(SimDeath, AnOperationGoesOnWithoutTheHvThatBeganIt) {
  TestHost host;
  const OperationId created = host.begin(host.create(machine("web", mib(64))));
  host.driver().set_faults(always(Kind_::effect_error, {}, "timed out"));
  const OperationId failing = host.begin(host.create(machine("db", mib(64))));
  host.reopen();
  EXPECT_EQ(host.driver().result(created).state, OperationState::running);
  EXPECT_FALSE(host.find("web"));
  host.clock.sleep(seconds(1));
  host.reopen();  // nobody looked meanwhile
  EXPECT_EQ(host.driver().result(created).state, OperationState::succeeded);
  EXPECT_TRUE(host.find("web"));
  EXPECT_EQ(host.driver().result(failing).state, OperationState::failed);
  EXPECT_EQ(host.driver().result(failing).message, "timed out");
  EXPECT_TRUE(host.find("db"));
  host.reopen();
  EXPECT_EQ(host.driver().result(created).state, OperationState::succeeded);
  EXPECT_EQ(host.look().domains.size(), 2u);
}

TEST(SimDeath, TheSameIdTwiceStartsNothingNew) {
  TestHost host;
  const OperationId id = host.begin(host.create(machine("web", mib(64))));
  host.reopen();
  ASSERT_TRUE(host.driver().begin(id, host.caller, host.create(machine("other", mib(64)))).ok());
  host.pass(seconds(5));
  EXPECT_TRUE(host.find("web"));
  EXPECT_FALSE(host.find("other"));
  ASSERT_TRUE(host.driver().begin(id, host.caller, host.create(machine("web", mib(64)))).ok());
  host.pass(seconds(5));
  EXPECT_EQ(host.look().domains.size(), 1u);
  EXPECT_EQ(host.driver().result(id).state, OperationState::succeeded);
}

TEST(SimDeath, AReleaseComesAfterItToo) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64), {"xvda phy:/dev/sda1 w"})), "");
  host.begin(host.detach("web", "xvda"));
  host.clock.sleep(milliseconds(130));
  host.driver().poll();
  host.reopen();
  EXPECT_EQ(host.find("web")->vbds.size(), 1u);
  host.clock.sleep(seconds(1));
  host.reopen();
  EXPECT_TRUE(host.find("web")->vbds.empty());
}

TEST(SimDeath, AnUnknownOperationIsUnknown) {
  TestHost host;
  EXPECT_EQ(host.driver().result(OperationId{"never"}).state, OperationState::unknown);
}

// ---- claims

TEST(SimClaims, AreKeptReplacedAndDroppedByTheirProject) {
  TestHost host;
  const auto claim = [](const char* name, const char* device, int permitted) {
    Claim made;
    made.uuid = uuid_of(name);
    made.address = {Kind::domain, name};
    made.device = device;
    made.mode = AccessMode::write;
    made.permitted = permitted;
    made.extents = {{StoreId{"s"}, sectors(1), sectors(2), true}};
    return made;
  };
  const auto shown = [&] {
    std::string text;
    for (const Claim& one : host.look().claims)
      text += one.address.name + "/" + one.device + "/" + std::to_string(one.permitted) + " ";
    return text;
  };
  ASSERT_TRUE(host.driver()
                  .put_claims(host.caller, {claim("a", "xvda", 0), claim("a", "xvdb", 0),
                                            claim("a", "", 0), claim("a", "xvda/b", 2)})
                  .ok());
  ASSERT_TRUE(host.driver().put_claims(host.caller, {claim("a", "xvda", 1)}).ok());
  host.reopen();
  const Claim kept = host.look().claims.at(1);
  EXPECT_EQ(kept.project, host.caller.project) << "filled in by the host";
  EXPECT_EQ(kept.lineage, host.caller.lineage);
  EXPECT_EQ(kept.epoch, host.caller.epoch);
  EXPECT_EQ(kept.extents, claim("a", "xvda", 1).extents);
  EXPECT_EQ(shown(), "a//0 a/xvda/1 a/xvda/b/2 a/xvdb/0 ");
  Caller other = host.caller;
  other.project = uuid_of("other project");
  ASSERT_TRUE(host.driver().enter(other, false).ok());
  ASSERT_TRUE(host.driver().drop_claims(other, uuid_of("a"), std::nullopt).ok());
  EXPECT_EQ(host.look().claims.size(), 4u) << "another project's";
  ASSERT_TRUE(host.driver().drop_claims(host.caller, uuid_of("a"), "xvda").ok());
  host.reopen();
  EXPECT_EQ(shown(), "a//0 a/xvda/b/2 a/xvdb/0 ");
  ASSERT_TRUE(host.driver().drop_claims(host.caller, uuid_of("b"), std::nullopt).ok());
  EXPECT_EQ(host.look().claims.size(), 3u);
  ASSERT_TRUE(host.driver().drop_claims(host.caller, uuid_of("a"), std::nullopt).ok());
  host.reopen();
  EXPECT_EQ(shown(), "");
}

// Two projects that claim one machine's disk are both seen, by each other too.
TEST(SimClaims, AnotherProjectsClaimIsNotOverwritten) {
  TestHost host;
  Claim claim;
  claim.uuid = uuid_of("a");
  claim.device = "xvda";
  ASSERT_TRUE(host.driver().put_claims(host.caller, {claim}).ok());
  Caller other = host.caller;
  other.project = uuid_of("other project");
  ASSERT_TRUE(host.driver().enter(other, false).ok());
  ASSERT_TRUE(host.driver().put_claims(other, {claim}).ok());
  host.reopen();
  EXPECT_EQ(host.look().claims.size(), 2u);
}

// ---- the database

TEST(SimDatabase, AnEmptyOneMakesTheSameHostEachTime) {
  TestHost a, b;
  EXPECT_EQ(a.look().host_id, b.look().host_id);
  EXPECT_EQ(a.look().boot_id, b.look().boot_id);
  EXPECT_TRUE(parse_uuid(a.look().host_id));
}

struct DamageCase {
  const char* key;
  std::optional<std::string> value;  // nothing: removed
  Code code;
};

TEST(SimDatabase, OneThatCannotBeUnderstoodIsAnError) {
  const std::string web = to_string(uuid_of("web"));
  const std::string claim = "claim/" + to_string(uuid_of("project")) + "/" + web + "/xvda";
  const std::string project = "project/" + to_string(uuid_of("project"));
  const DamageCase cases[] = {
      {"format", "3", Code::host_store_newer},
      {"format", "0", Code::host_store_damaged},
      {"format", "one", Code::host_store_damaged},
      {"format", "", Code::host_store_damaged},
      {"meta", std::nullopt, Code::host_store_damaged},
      {"meta", "", Code::host_store_damaged},
      {"meta", "not-a-uuid x 1 1", Code::host_store_damaged},
      {"meta", web + " " + web + " 1", Code::host_store_damaged},
      {"meta", web + " " + web + " 1 1",
       Code::host_store_damaged},  // would give out number 1 again
      {"dom/1", "rubbish", Code::host_store_damaged},
      {"dom/1", "", Code::host_store_damaged},
      {"dom/x", "@dom/1", Code::host_store_damaged},
      {"dom/7", "@dom/1", Code::host_store_damaged},
      {claim.c_str(), "rubbish", Code::host_store_damaged},
      {"claim/elsewhere", "@claim", Code::host_store_damaged},
      {project.c_str(), "", Code::host_store_damaged},
      {project.c_str(), "x 1 1", Code::host_store_damaged},
      {"project/nobody", "@project", Code::host_store_damaged},
      {"saved/x", "rubbish", Code::host_store_damaged},
      {"saved/x", "@dom/1", Code::host_store_damaged},
      {"map/x", "rubbish", Code::host_store_damaged},
      {"op/test-1", "", Code::host_store_damaged},
      {"op/test-1", "no line end", Code::host_store_damaged},
      {"op/test-1", "x y\nz", Code::host_store_damaged},
      {"op/test-1", web + " 1 1 1 9 0 0 0\n", Code::host_store_damaged},
      {"op/test-1", web + " 1 1 1 0 99 0 0\n", Code::host_store_damaged},
      {"op/test-1", web + " 1 1 1 0 0 9 0\n", Code::host_store_damaged},
      {"op/test-1", web + " 1 1 1 0 0 0 18446744073709551615\n", Code::host_store_damaged},
      {"op/test-1", web + " 1 1 1 0 0 0 0\nrubbish", Code::host_store_damaged},
  };
  for (const DamageCase& one : cases) {
    TestHost host;
    ASSERT_EQ(host.start(machine("web", mib(64))), "");
    Claim made;
    made.uuid = uuid_of("web");
    made.device = "xvda";
    ASSERT_TRUE(host.driver().put_claims(host.caller, {made}).ok());
    host.reopen();  // sound so far
    auto& rows = host.store.rows;
    if (!one.value)
      rows.erase(one.key);
    else if (one.value->starts_with("@"))  // another row's bytes
      rows[one.key] = rows.lower_bound(one.value->substr(1))->second;
    else
      rows[one.key] = *one.value;
    auto opened = make_sim_driver(host.config, host.store, Schema::builtin(), host.clock);
    const std::string what = std::string(one.key) + " = " + one.value.value_or("(removed)");
    ASSERT_FALSE(opened.ok()) << what;
    EXPECT_EQ(opened.error().code, one.code) << what;
    EXPECT_NE(opened.error().message.find("`lab`"), std::string::npos) << what;
    EXPECT_FALSE(opened.error().help.empty()) << what;
  }
}

TEST(SimDatabase, EveryRowCutShortIsAnErrorOrHarmless) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64), {"xvda phy:/dev/sda1 w"})), "");
  host.begin(host.operation(Op::domain_pause, "web"));
  const auto sound = host.store.rows;
  for (const auto& [key, value] : sound)
    for (std::size_t length = 0; length < value.size(); ++length) {
      host.store.rows = sound;
      host.store.rows[key] = value.substr(0, length);
      auto opened = make_sim_driver(host.config, host.store, Schema::builtin(), host.clock);
      if (!opened.ok()) EXPECT_EQ(opened.error().code, Code::host_store_damaged) << key;
      if (key.starts_with("dom/") || key.starts_with("op/"))
        EXPECT_FALSE(opened.ok()) << key << " cut to " << length;
    }
}

TEST(SimDatabase, AFullDiskIsAHostThatDoesNotAnswer) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64))), "");
  host.store.full = true;
  const OperationId id{"refused"};
  const Status begun =
      host.driver().begin(id, host.caller, host.operation(Op::domain_destroy, "web"));
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code, Code::state_no_space);
  host.pass(seconds(5));
  const HostObservation seen = host.look();
  EXPECT_FALSE(seen.reachable);
  EXPECT_NE(seen.reason.find("no space"), std::string::npos);
  host.store.full = false;
  host.reopen();
  EXPECT_TRUE(host.find("web")) << "not started: no effect";
  EXPECT_EQ(host.driver().result(id).state, OperationState::unknown);
}

TEST(SimDatabase, ADiskThatFillsUpDuringAnOperationLosesNothing) {
  TestHost host;
  const OperationId id = host.begin(host.create(machine("web", mib(64))));
  host.store.full = true;
  host.pass(seconds(5));
  EXPECT_EQ(host.driver().result(id).state, OperationState::running) << "nothing can be told";
  EXPECT_FALSE(host.look().reachable);
  Caller newer = host.caller;
  newer.epoch = Epoch{2};
  EXPECT_FALSE(host.driver().enter(newer, false).ok());
  host.store.full = false;
  host.reopen();
  EXPECT_EQ(host.driver().result(id).state, OperationState::succeeded);
  EXPECT_EQ(host.look().domains.size(), 1u);
}

TEST(SimDatabase, AReaderSeesWhatWillHaveHappenedAndWritesNothing) {
  TestHost host;
  const OperationId id = host.begin(host.create(machine("web", mib(64))));
  TableStore copy = host.store;
  copy.reader = true;
  copy.writes = 0;
  auto reader = make_sim_driver(host.config, copy, Schema::builtin(), host.clock);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE((*reader)->observe().domains.empty());
  host.clock.sleep(seconds(5));
  EXPECT_EQ((*reader)->observe().domains.size(), 1u);
  EXPECT_EQ((*reader)->result(id).state, OperationState::succeeded);
  EXPECT_EQ(copy.writes, 0);
  EXPECT_EQ(copy.rows, host.store.rows);
}

// As xendomains does on real Xen: what ran, and nothing else.
TEST(SimBoot, StartsWhatIsToStart) {
  TestHost host;
  DomainSpec web = machine("web", mib(256), {"xvda phy:/dev/sda1 w"});
  web.attributes.set("autostart", true);
  ASSERT_EQ(host.start(web), "");
  ASSERT_EQ(host.start(machine("db", mib(256))), "");
  DomainSpec off = machine("off", mib(256));
  off.attributes.set("autostart", true);
  ASSERT_EQ(host.start(off), "");
  ASSERT_EQ(host.run(host.operation(Op::domain_destroy, "off")), "");
  const DomId before = host.find("web")->domid;
  ASSERT_TRUE(host.driver().power_cycle().ok());
  ASSERT_EQ(host.look().domains.size(), 1u);
  EXPECT_EQ(host.find("web")->state, PowerState::running);
  EXPECT_EQ(host.find("web")->vbds.size(), 1u);
  EXPECT_NE(host.find("web")->domid, before);
  host.reopen();
  EXPECT_EQ(host.look().domains.size(), 1u);
}

}  // namespace
}  // namespace hv
