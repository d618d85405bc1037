// What plans permit and refuse where storage is shared, in what words, and told to whom first.
#include "reconciler/plan_fixture.h"
#include "reconciler/sharing_look.h"

namespace hv::testing {
namespace {

TEST_F(Planning, AnUnsafeDeclarationIsToldOnce) {
  World world(71);
  world.declare({machine("a", mib(256), {"xvda vg/x w"}), machine("b", mib(256), {"xvda vg/x w"})});
  const Plan made = plan(world);
  EXPECT_EQ(finding_codes(made), "HV0501");
}

TEST_F(Planning, OnePartyIsNamedOnce) {
  World world(73);
  world.declare({machine("a", mib(256), {"xvda vg/x w", "xvdb vg/x w"})});
  Plan made = plan(world);
  ASSERT_EQ(codes(made), "HV0607");
  EXPECT_EQ(made.refusals[0].message, "domain.a would attach the same sectors twice");
  EXPECT_EQ(finding_codes(made), "HV0503");

  // The sweep looks at what is declared; what stays attached is the verifier's to tell.
  stand(world, {machine("a", mib(256), {"xvda vg/x w"})});
  const Uuid uuid = world.store().applied()->domains.at(domain("a")).uuid;
  world.project.drift = DriftPolicy::report;
  const Vbd copy = machine("x", mib(1), {"xvdb vg/x w"}).vbds[0];
  ASSERT_TRUE(world.sim().outside_vbd_attach(uuid, copy).ok());
  world.advance(seconds(60));
  made = plan(world);
  EXPECT_EQ(codes(made), "");
  ASSERT_FALSE(made.findings.empty());
  EXPECT_EQ(made.findings[0].code, Code::same_sectors_twice);
  EXPECT_EQ(made.findings[0].message,
            "domain.a has the same sectors twice, as `xvda` and as `xvdb` (level 2, permitted 0)");
}

// A caret under what another text had there would be a lie.
TEST_F(Planning, WhatNoFileSaysHasNoPlace) {
  World world(74);
  DomainSpec a = machine("a", mib(256), {"xvda vg/a w"}),
             b = machine("b", mib(256), {"xvda vg/x w"});
  a.place = {"world.vm", 1, 1};
  a.vbds[0].place = {"world.vm", 2, 9};
  b.place = {"world.vm", 5, 1};
  b.vbds[0].place = {"world.vm", 6, 9};
  stand(world, {a, b});
  a = machine("a", mib(256), {"xvdb vg/x w"});
  a.place = {"world.vm", 11, 1};
  a.vbds[0].place = {"world.vm", 12, 9};
  // Still there: b is outside the scope.
  world.declare({a});
  Scope scope;
  scope.targets = {domain("a")};
  const Plan made = plan(world, scope);
  ASSERT_EQ(finding_codes(made), "HV0501");
  for (const Access& access : made.findings[0].accesses) {
    const bool declared = access.party == party_of(domain("a"));
    EXPECT_EQ(access.place, (declared ? Place{"world.vm", 12, 9} : Place{})) << access.party.text;
  }
}

// What the verifier finds reads like what the sweep finds: who, where, how, and the ways out.
TEST_F(Planning, WhatTheVerifierRefusesTellsTheWaysOut) {
  struct Case {
    const char* mode;
    bool alien;
    std::vector<std::string> ways;
  };
  const Case cases[] = {
      {"w", true, {"stop b on lab, or declare and adopt it"}},
      {"r", true, {"stop b on lab, or declare and adopt it"}},
      {"w",
       false,
       {"make one side `r`, and permit level 1 on both", "give b a snapshot",
        "`shareable` if a cluster filesystem is on it"}},
      {"r", false, {"permit level 1 on both (`sharing = 1`)", "give a a snapshot"}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.mode) + (one.alien ? " beside an alien" : " beside ours"));
    World world(75);
    const DomainSpec b = machine("b", mib(256), {"xvda vg/x w"});
    if (one.alien) {
      ASSERT_TRUE(world.sim().outside_create(b, uuid_v4(world.random)).ok());
      world.advance(seconds(60));
    } else {
      stand(world, {b});
    }
    DomainSpec a = machine("a", mib(256), {std::string("xvda vg/x ") + one.mode});
    a.vbds[0].place = {"world.vm", 2, 9};
    world.declare({a});
    Scope scope;
    scope.targets = {domain("a")};
    const Plan made = plan(world, scope);
    ASSERT_EQ(made.findings.size(), 1u);
    const Finding& finding = made.findings[0];
    EXPECT_EQ(finding.severity, Severity::error);
    EXPECT_EQ(finding.ways_out, one.ways);
    ASSERT_EQ(finding.accesses.size(), 2u);
    EXPECT_EQ(finding.accesses[0].place, (Place{"world.vm", 2, 9}));
    for (const Access& access : finding.accesses) EXPECT_FALSE(access.path.empty());
    EXPECT_TRUE(finding.overlap.has_value());
    ASSERT_FALSE(finding.notes.empty());
    EXPECT_EQ(finding.notes[0], "reached by starting domain.create domain.a");
  }
}

TEST_F(Planning, WhatIsPermittedIsAnnouncedFirst) {
  World world(81);
  DomainSpec writer = machine("a", mib(256), {"xvda vg/x w"});
  stand(world, {writer});
  writer.sharing = 1;
  DomainSpec reader = machine("b", mib(256), {"xvda vg/x r"});
  reader.sharing = 1;
  world.declare({writer, reader});
  const Plan made = plan(world);
  const Step* told = step_of(made, Op::claim_put, "a");
  const Step* create = step_of(made, Op::domain_create, "b");
  ASSERT_TRUE(told && create);
  EXPECT_TRUE(reaches(made, told->id, create->id));
  EXPECT_EQ(made.proof.highest_level, 1);
  settle(world);
}

// A grant that comes, that names one more, that goes while its sharers stay or restart.
TEST_F(Planning, WhatAGrantPermitsIsAnnouncedFirst) {
  const auto writer = [](const std::string& name, const char* kernel = "/boot/vmlinuz") {
    DomainSpec domain = machine(name, mib(256), {"xvda vg/x w"});
    domain.attributes.set("kernel", std::string(kernel));
    return domain;
  };
  const auto granted = [](const std::vector<std::string>& names) {
    ShareGrant grant;
    grant.source = "vg/x";
    grant.filesystem = "ocfs2";
    for (const std::string& name : names) grant.domains.push_back({Kind::domain, name});
    return std::vector<ShareGrant>{grant};
  };
  World world(83);
  stand(world, {writer("a")});

  world.declare({writer("a"), writer("b")});
  EXPECT_FALSE(plan(world).applicable);
  world.desired.grants = granted({"a", "b"});
  Plan made = plan(world);
  const Step* told = step_of(made, Op::claim_put, "a");
  const Step* create = step_of(made, Op::domain_create, "b");
  ASSERT_TRUE(told && create) << changes(made);
  EXPECT_TRUE(reaches(made, told->id, create->id));
  EXPECT_EQ(told->operation.claims.at(0).sharers, std::vector<Address>{domain("b")});
  EXPECT_EQ(made.proof.highest_level, 2);
  settle(world);

  world.declare({writer("a", "/boot/other"), writer("b", "/boot/other"), writer("c")});
  world.desired.grants = granted({"a", "b", "c"});
  made = plan(world);
  EXPECT_EQ(codes(made), "") << "two that restart, and each learns of the third";
  EXPECT_EQ(changes(made), "restart domain.a; restart domain.b; create domain.c");
  settle(world);

  // What makes room and was told nothing goes first.
  world.declare({writer("a", "/boot/other"), writer("b", "/boot/other"), writer("c"), writer("d")});
  world.desired.grants = granted({"a", "b", "c", "d"});
  Scope scope;
  scope.replace = {domain("a")};
  made = plan(world, scope);
  EXPECT_EQ(codes(made), "");
  const Step* stopped = step_of(made, Op::domain_shutdown, "a");
  create = step_of(made, Op::domain_create, "d");
  ASSERT_TRUE(stopped && create) << changes(made);
  EXPECT_TRUE(reaches(made, stopped->id, create->id));
  ASSERT_TRUE(world.apply(made)->ok());
  scope = {};
  scope.targets = {domain("e")};
  world.declare({writer("a", "/boot/other"), writer("b", "/boot/other"), writer("c"), writer("d"),
                 writer("e")});
  world.desired.grants = granted({"a", "b", "c", "d", "e"});
  EXPECT_EQ(codes(plan(world, scope)).substr(0, 6), "HV0607") << "the others are not told";

  world.declare({writer("a", "/boot/other")});
  settle(world);
  for (const Claim& claim : world.sim().observe().claims) EXPECT_TRUE(claim.sharers.empty());
  EXPECT_EQ(world.difference(), "");
}

// A host whose images stand on one another: top and other on mid, mid on base.
std::shared_ptr<const StorageMap> images() {
  Inventory inventory;
  inventory.host = HostName{"lab"};
  BlockDevice disk;
  disk.name = "sda";
  disk.number = "8:0";
  disk.size = sectors(1 << 20);
  disk.wwn = "0x5001";
  inventory.devices = {disk};
  Mount root;
  root.point = "/";
  root.number = "8:0";
  root.type = "ext4";
  root.source = "/dev/sda";
  inventory.mounts = {root};
  int64_t inode = 10;
  for (const auto& [name, below] :
       {std::pair("top", "mid"), std::pair("other", "mid"), std::pair("mid", "base"),
        std::pair("base", ""), std::pair("own", "")}) {
    ImageFile file;
    file.path = std::string("/img/") + name;
    file.inode = ++inode;
    file.size = mib(64);
    file.format = "qcow2";
    file.backing = below;
    inventory.files.push_back(file);
  }
  return std::make_shared<StorageMap>(std::vector<Inventory>{inventory},
                                      std::map<std::string, std::vector<HostName>>{},
                                      std::set<HostName>{});
}

// Whoever runs on an image holds what is behind it as well: the whole time, declared or not.
TEST_F(Planning, WhatAnImageStandsOnIsHeldToo) {
  World world(91);
  world.storage = images();
  stand(world, {machine("a", mib(256), {"xvda /img/top w"}),
                machine("c", mib(256), {"xvda /img/other w"})});
  // Behind both, and only they are running: no file that is looked at tells of them.
  for (const char* below : {"/img/mid", "/img/base"}) {
    world.declare({machine("b", mib(256), {std::string("xvda ") + below + " w"})});
    Scope scope;
    scope.targets = {domain("b")};
    Plan made = plan(world, scope);
    EXPECT_EQ(codes(made), "HV0607 HV0607") << below << ": with each of the two";
    EXPECT_EQ(finding_codes(made), "HV0502 HV0502") << below;
    world.declare({machine("b", mib(256), {std::string("xvda ") + below + " r"})});
    made = plan(world, scope);
    EXPECT_EQ(codes(made), "") << "readers beside readers: " << below;
  }
  // What is verified at the attach sees it as well, whatever the plan knew.
  const Result<Applied> applied = world.store().applied();
  ASSERT_TRUE(applied.ok());
  const Observation look = observe_all({{HostName{"lab"}, &world.sim()}}, world.clock);
  const std::map<Uuid, Address> ours = {{applied->domains.at(domain("a")).uuid, domain("a")},
                                        {applied->domains.at(domain("c")).uuid, domain("c")}};
  const Caller nobody;
  const StorageContext storage = look_context(*applied, world.project, world.storage);
  const Permits none({});
  const LookInput input{look, *applied, ours, world.project, none, nobody, storage};
  AppliedDomain newcomer;
  newcomer.spec = machine("b", mib(256), {"xvda /img/base w"});
  newcomer.uuid = uuid_v5({}, "newcomer");
  const std::vector<Access> mine = accesses_applied(newcomer, std::nullopt, input);
  const Status met = LiveAccesses(input).meet(newcomer.uuid, mine, Others::everyone);
  ASSERT_FALSE(met.ok());
  EXPECT_EQ(met.error().code, Code::unsafe_read_sharing);
}

TEST_F(Planning, WhatTheHostDoesThereIsNamed) {
  World world(93);
  world.storage = images();
  world.declare({machine("b", mib(256), {"xvda sda w"})});
  const Plan made = plan(world);
  ASSERT_EQ(finding_codes(made), "HV0501");
  bool named = false;
  for (const Access& access : made.findings[0].accesses)
    named = named || access.path.front() == "ext4 mounted on /";
  EXPECT_TRUE(named);
}

TEST_F(Planning, ASavedMachineOnAnImageComesBackToTheDiskItself) {
  World world(93);
  world.storage = images();
  DomainSpec on_top = machine("a", mib(256), {"xvda /img/top w"});
  stand(world, {on_top});
  const auto extents = [&] {
    return world.store().applied()->domains.at(domain("a")).extents.at("xvda");
  };
  const std::vector<Extent> top = extents();
  on_top.state = PowerState::saved;
  world.declare({on_top});
  settle(world);
  on_top.state = PowerState::running;
  world.declare({on_top});
  const Plan made = plan(world);
  const Step* restore = step_of(made, Op::domain_restore, "a");
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->operation.extents.at("xvda"), top) << "not what it stands on";
  settle(world);
  EXPECT_EQ(extents(), top);
}

TEST_F(Planning, AnImageIsLeftBeforeItsBaseIsWritten) {
  World world(92);
  world.storage = images();
  stand(world, {machine("a", mib(256), {"xvdb /img/top w"})});
  world.declare(
      {machine("a", mib(256), {"xvdb /img/own w"}), machine("b", mib(256), {"xvda /img/base w"})});
  Plan made = plan(world);
  EXPECT_EQ(codes(made), "");
  const Step* detach = step_of(made, Op::vbd_detach, "a");
  const Step* create = step_of(made, Op::domain_create, "b");
  ASSERT_TRUE(detach && create);
  EXPECT_TRUE(reaches(made, detach->id, create->id));
  settle(world);
  // And back: the writer is gone before anybody stands on it again.
  world.declare({machine("a", mib(256), {"xvdb /img/top w"})});
  made = plan(world);
  EXPECT_EQ(codes(made), "");
  const Step* stop = step_of(made, Op::domain_shutdown, "b");
  const Step* attach = step_of(made, Op::vbd_attach, "a");
  ASSERT_TRUE(stop && attach);
  EXPECT_TRUE(reaches(made, stop->id, attach->id));
  settle(world);
}

}  // namespace
}  // namespace hv::testing
