// Two projects with two stores on the same hosts: what one announces keeps the other off, whatever
// the other knows of the host itself.
#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

// One disk of a SAN, seen by both hosts: lab has a filesystem on it, with base below top.
Inventory of_lab() {
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
  inventory.links = {{"/img/link", "base"}};
  int64_t inode = 10;
  for (const auto& [name, below] : {std::pair("top", "base"), std::pair("base", "")}) {
    ImageFile file;
    file.path = std::string("/img/") + name;
    file.inode = ++inode;
    file.size = mib(64);
    file.format = "qcow2";
    file.backing = below;
    inventory.files.push_back(file);
  }
  return inventory;
}

Inventory of_far() {
  Inventory inventory;
  inventory.host = HostName{"far"};
  BlockDevice disk;
  disk.name = "sdb";
  disk.number = "8:16";
  disk.size = sectors(1 << 20);
  disk.wwn = "0x5001";
  inventory.devices = {disk};
  return inventory;
}

std::shared_ptr<const StorageMap> map_of(std::vector<Inventory> inventories,
                                         std::set<HostName> others) {
  return std::make_shared<StorageMap>(
      std::move(inventories), std::map<std::string, std::vector<HostName>>{}, std::move(others));
}

class TwoProjects : public Planning {
 protected:
  // What a project that knows lab announces of a machine on /img/top.
  TwoProjects() {
    World theirs(7);
    theirs.storage = map_of({of_lab()}, {});
    theirs.declare({machine("a", mib(256), {"xvda /img/top w"})});
    for (const Step& step : plan(theirs).steps)
      if (step.operation.op == Op::claim_put) claim_ = step.operation.claims.at(0);
    claim_.project = claim_.lineage = uuid_v5({}, "another project");
    caller_ = {claim_.project, claim_.lineage, claim_.epoch, Serial{}};
  }

  void announce(World& world, const Claim& claim) {
    ASSERT_TRUE(world.sim().enter(caller_, false).ok());
    ASSERT_TRUE(world.sim().put_claims(caller_, {claim}).ok());
  }

  Claim claim_;  // there is no machine: nothing but the claim tells of it
  Caller caller_;
};

struct Newcomer {
  const char* disk;
  const char* host;
  const char* codes;  // of the plan made with the claim there
};

const Newcomer kNewcomers[] = {
    {"xvda /img/base w", "lab", "HV0607"},  // behind their image
    {"xvda /img/base r", "lab", ""},        // readers beside readers
    {"xvda /img/top r", "lab", "HV0607"},   // the image itself
    {"xvda /img/other w", "lab", ""},
};

TEST_F(TwoProjects, WhatIsBehindAnImageIsAnnouncedWithIt) {
  ASSERT_FALSE(claim_.beneath.empty());
  for (const bool known : {true, false})
    for (const Newcomer& one : kNewcomers) {
      SCOPED_TRACE(std::string(one.disk) + (known ? " with an inventory" : " by name"));
      World ours(8, {"lab", "far"});
      if (known) ours.storage = map_of({of_lab()}, {HostName{"far"}});
      ours.declare({machine("b", mib(256), {one.disk}, one.host)});
      const Plan before = plan(ours);
      EXPECT_EQ(codes(before), "");
      announce(ours, claim_);
      EXPECT_EQ(codes(plan(ours)), one.codes);
      // Who planned before it was announced finds it when it looks.
      const auto report = ours.apply(before);
      ASSERT_TRUE(report.ok());
      EXPECT_EQ(report->ok(), std::string(one.codes).empty());
      if (!report->ok()) {
        EXPECT_NE(report->failures[0].why.find("claim of project"), std::string::npos);
      }
      EXPECT_EQ(ours.sim().observe().domains.empty(), !std::string(one.codes).empty());
    }
}

// Their file's filesystem is written by lab, whoever asks for the disk below it from where.
TEST_F(TwoProjects, WhatAFileLiesOnIsAnnouncedWithIt) {
  for (const char* mode : {"w", "r"}) {
    World ours(9, {"lab", "far"});
    ours.storage = map_of({of_far()}, {HostName{"lab"}});
    ours.declare({machine("b", mib(256), {std::string("xvda sdb ") + mode}, "far")});
    const Plan before = plan(ours);
    EXPECT_EQ(codes(before), "");
    announce(ours, claim_);
    EXPECT_EQ(codes(plan(ours)), "HV0607") << mode;
    const auto report = ours.apply(before);
    ASSERT_TRUE(report.ok());
    EXPECT_FALSE(report->ok()) << mode;
    EXPECT_TRUE(ours.sim("far").observe().domains.empty());
  }
}

// A name that the other project gave it, and what it is by what we know.
TEST_F(TwoProjects, NamesAreFollowedByWhoReadsThem) {
  World theirs(10);
  theirs.declare({machine("a", mib(256), {"xvda /img/link w"})});
  for (const Step& step : plan(theirs).steps)
    if (step.operation.op == Op::claim_put) claim_ = step.operation.claims.at(0);
  claim_.project = claim_.lineage = caller_.project;
  World ours(11);
  ours.storage = map_of({of_lab()}, {});
  ours.declare({machine("b", mib(256), {"xvda /img/base w"})});
  announce(ours, claim_);
  EXPECT_EQ(codes(plan(ours)), "HV0607");
  ours.declare({machine("b", mib(256), {"xvda /img/top w"})});
  EXPECT_EQ(codes(plan(ours)), "HV0607") << "what it stands on is written";
}

// Claims of an hv that announced the disk only still hold that.
TEST_F(TwoProjects, AnEarlierClaimHoldsWhatItSays) {
  Claim earlier = claim_;
  earlier.beneath.clear();
  std::erase_if(earlier.extents, [](const Extent& extent) { return !extent.resolved; });
  for (const Newcomer& one : kNewcomers) {
    World ours(12);
    ours.storage = map_of({of_lab()}, {});
    announce(ours, earlier);
    ours.declare({machine("b", mib(256), {one.disk})});
    const bool is_disk = std::string(one.disk).find("top") != std::string::npos;
    EXPECT_EQ(codes(plan(ours)), is_disk ? "HV0607" : "") << one.disk;
  }
}

// Who runs on with such a claim announces the rest with the next change.
TEST_F(TwoProjects, AnEarlierClaimOfOursIsToldAnew) {
  World ours(13);
  ours.storage = map_of({of_lab()}, {});
  DomainSpec a = machine("a", mib(256), {"xvda /img/top w"});
  stand(ours, {a});
  const StoreHead head = ours.store().head();
  const Caller caller{*ours.project.id, head.lineage, head.epoch, head.serial};
  Claim earlier = ours.sim().observe().claims.at(0);
  const std::vector<ClaimedBeneath> all = std::exchange(earlier.beneath, {});
  ASSERT_FALSE(all.empty());
  ASSERT_TRUE(ours.sim().put_claims(caller, {earlier}).ok());
  a.attributes.set("memory", mib(128));
  ours.declare({a});
  EXPECT_EQ(ours.change(), "");
  const std::vector<ClaimedBeneath> now = ours.sim().observe().claims.at(0).beneath;
  ASSERT_EQ(now.size(), all.size());
  for (std::size_t i = 0; i < now.size(); ++i) EXPECT_EQ(now[i].extents, all[i].extents);
}

// Dom0 comes between the plan and its steps: the newcomer withdraws, whenever that is.
TEST_F(Planning, WhatTheHostMountsMeanwhileIsSeen) {
  for (const Op op : {Op::claim_put, Op::domain_create}) {
    SCOPED_TRACE(to_string(op));
    World world(14);
    world.declare({machine("a", mib(256), {"xvda vg/x w"}), web(1)});
    const Plan made = plan(world);
    if (op == Op::claim_put) world.sim().outside_mount({"/dev/vg/x"});
    world.sim().set_faults([&](const OperationId&, const Operation& operation) {
      if (operation.op == op && operation.address == domain("a"))
        world.sim().outside_mount({"/dev/mapper/vg-x"});
      return SimFault();
    });
    const auto report = world.apply(made);
    ASSERT_TRUE(report.ok());
    ASSERT_EQ(report->failures.size(), 1u);
    EXPECT_EQ(report->failures[0].code, Code::unsafe_write_sharing);
    EXPECT_NE(report->failures[0].why.find("dom0.lab"), std::string::npos)
        << report->failures[0].why;
    const HostObservation host = world.sim().observe();
    ASSERT_EQ(host.domains.size(), 1u) << "the other one is made";
    EXPECT_EQ(host.domains[0].name, "web1");
    // Once it is unmounted there is nothing in the way.
    world.sim().set_faults({});
    world.sim().outside_mount({});
    EXPECT_EQ(world.change(), "");
    EXPECT_EQ(world.difference(), "");
  }
}

// An attach to a running machine is looked at once more afterwards.
TEST_F(Planning, WhatTheHostMountsIsSeenAtAnAttach) {
  World world(15);
  stand(world, {machine("a", mib(256), {})});
  world.declare({machine("a", mib(256), {"xvdb vg/x w"})});
  const Plan made = plan(world);
  world.sim().set_faults([&](const OperationId&, const Operation& operation) {
    if (operation.op == Op::vbd_attach) world.sim().outside_mount({"/dev/vg/x"});
    return SimFault();
  });
  const auto report = world.apply(made);
  ASSERT_TRUE(report.ok());
  ASSERT_FALSE(report->failures.empty());
  EXPECT_EQ(report->failures[0].code, Code::unsafe_write_sharing);
  const HostObservation host = world.sim().observe();
  ASSERT_EQ(host.domains.size(), 1u);
  EXPECT_TRUE(host.domains[0].vbds.empty()) << "detached again";
}

}  // namespace
}  // namespace hv::testing
