// Virtual disks on a host that is no simulated one: what a plan takes from it, and what it refuses.
#include "hv/drivers/mapping.h"
#include "reconciler/plan_fixture.h"

namespace hv::testing {
namespace {

class RealDisks : public Planning {
 protected:
  void SetUp() override {
    stand(world_, {pool(), vdisk("a", gib(1)), user()});
    world_.ask = [this](PlanRequest& request) {
      seen_ = *request.observation;
      HostObservation& host = seen_.hosts.at(HostName{"lab"});
      host.simulated = false;
      host.disks = disks_;
      if (edit_) edit_(host);
      request.observation = &seen_;
    };
  }
  static DomainSpec user() { return machine("web", mib(256), {"xvda vd:a w"}); }
  std::string refusal(const Plan& made) const {
    return made.refusals.size() == 1 ? made.refusals[0].message : codes(made);
  }
  Applied applied() { return *world_.store().applied(); }

  World world_{77};
  std::map<std::string, Bytes> disks_ = {{"sda10", gib(100)}};
  std::function<void(HostObservation&)> edit_;
  Observation seen_;
};

TEST_F(RealDisks, AreToldByIdentity) {
  world_.declare({pool(), vdisk("a", gib(1)), vdisk("b", gib(40)),
                  machine("web", mib(256), {"xvda vd:a w", "xvdb vd:b w"}),
                  machine("mail", mib(128), {"xvda vd:a r"})});
  const Plan made = plan(world_);
  const Step* create = step_of(made, Op::vdisk_create, "b");
  ASSERT_NE(create, nullptr) << codes(made);
  EXPECT_EQ(told_pool(create->operation), applied().pools.at({Kind::pool, "fast"}).uuid);
  ASSERT_TRUE(create->operation.pool);
  EXPECT_EQ(create->operation.pool->devices, pool().devices);
  EXPECT_GT(create->operation.timeout, seconds(3600)) << "40 GiB of zeroes";
  EXPECT_GT(create->estimate, seconds(120));
  const Step* attach = step_of(made, Op::vbd_attach, "web");
  ASSERT_NE(attach, nullptr);
  EXPECT_EQ(told_vdisk(attach->operation, "xvdb"), create->operation.uuid);
  const Step* make = step_of(made, Op::domain_create, "mail");
  ASSERT_NE(make, nullptr);
  EXPECT_EQ(told_vdisk(make->operation, "xvda"), applied().vdisks.at({Kind::vdisk, "a"}).uuid);
}

TEST_F(RealDisks, WhatHasExpiredIsSaid) {
  const Uuid expired = applied().vdisks.at({Kind::vdisk, "a"}).uuid;
  world_.declare({pool()});
  world_.project.max_destroy = {9, false};
  settle(world_);
  world_.declare({pool(), vdisk("b", gib(1))});
  const Step* create = nullptr;
  const Plan made = plan(world_);
  create = step_of(made, Op::vdisk_create, "b");
  ASSERT_NE(create, nullptr) << codes(made);
  EXPECT_EQ(told_freed(create->operation), std::vector<Uuid>{expired});
}

TEST_F(RealDisks, NoSectorsAreHandedOutThatNobodyKnows) {
  disks_ = {{"sdb", gib(100)}};
  world_.declare({pool(), vdisk("a", gib(1)), vdisk("b", gib(1)), user()});
  Plan made = plan(world_);
  EXPECT_FALSE(made.applicable);
  EXPECT_NE(refusal(made).find("the size of `phy:/dev/sda10`"), std::string::npos) << refusal(made);
  disks_ = {{"sda10", gib(1)}};
  made = plan(world_);
  EXPECT_FALSE(made.applicable) << "it is full";
}

TEST_F(RealDisks, WhatTheHostKnowsByANameKeepsIt) {
  DomainSpec web = machine("web", mib(256), {"xvda vd:c w"});
  world_.declare({pool(), vdisk("c", gib(1)), web});
  world_.desired.moved.push_back({{Kind::vdisk, "a"}, {Kind::vdisk, "c"}, {}});
  const Plan made = plan(world_);
  EXPECT_FALSE(made.applicable);
  EXPECT_NE(made.refusals.at(0).message.find("`vdisk.a` cannot get another name"),
            std::string::npos);
}

TEST_F(RealDisks, ATableOverOtherSectorsIsNoneOfOurs) {
  EXPECT_EQ(changes(plan(world_)), "");
  edit_ = [](HostObservation& host) {
    for (ObservedVdisk& each : host.vdisks)
      for (Extent& extent : each.extents) extent.start += sectors(8);
  };
  Plan made = plan(world_);
  EXPECT_FALSE(made.applicable);
  EXPECT_NE(refusal(made).find("to other sectors than hv knows"), std::string::npos)
      << refusal(made);
  edit_ = [](HostObservation& host) {
    std::erase_if(host.vdisks, [](const ObservedVdisk& each) { return !each.extents.empty(); });
  };
  made = plan(world_);
  const Step* table = step_of(made, Op::vdisk_create, "a");
  ASSERT_NE(table, nullptr) << codes(made);
  EXPECT_TRUE(table->operation.settings.contains("keep_data"));
}

}  // namespace
}  // namespace hv::testing
