// What the tests of plans share: small resources, and plans said in a few words.
//
// One thread; see test_world.h for the world it plays in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "reconciler/test_world.h"

namespace hv::testing {

inline PoolSpec pool(std::vector<std::string> devices = {"phy:/dev/sda10"}) {
  PoolSpec pool;
  pool.address = {Kind::pool, "fast"};
  pool.host = HostName{"lab"};
  pool.devices = std::move(devices);
  pool.root = "world.vm";
  return pool;
}

inline VdiskSpec vdisk(const std::string& name, Bytes size) {
  VdiskSpec vdisk;
  vdisk.address = {Kind::vdisk, name};
  vdisk.pool = {Kind::pool, "fast"};
  vdisk.size = size;
  vdisk.root = "world.vm";
  return vdisk;
}

inline NetworkSpec network(const std::string& bridge) {
  NetworkSpec network;
  network.address = {Kind::network, "lan"};
  network.host = HostName{"lab"};
  network.bridge = bridge;
  network.root = "world.vm";
  return network;
}

inline DomainSpec web(int number, const std::string& host = "lab") {
  const std::string name = "web" + std::to_string(number);
  return machine(name, mib(256), {"xvda vg/" + name + " w"}, host);
}

// "create domain.web0; deferred update domain.web1".
inline std::string changes(const Plan& plan) {
  std::string text;
  for (const Change& change : plan.changes)
    text += std::string(text.empty() ? "" : "; ") + (change.deferred ? "deferred " : "") +
            std::string(to_string(change.action)) + " " + to_string(change.address);
  return text;
}

inline std::string codes(const Plan& plan) {
  std::string text;
  for (const Error& refusal : plan.refusals)
    text += (text.empty() ? "" : " ") + std::string(info(refusal.code).id);
  return text;
}

inline std::string finding_codes(const Plan& plan) {
  std::string text;
  for (const Finding& finding : plan.findings)
    if (finding.severity == Severity::error)
      text += (text.empty() ? "" : " ") + std::string(info(finding.code).id);
  return text;
}

inline std::size_t count(const Plan& plan, Op op) {
  return static_cast<std::size_t>(
      std::count_if(plan.steps.begin(), plan.steps.end(),
                    [&](const Step& step) { return step.operation.op == op; }));
}

inline const Step* step_of(const Plan& plan, Op op, const std::string& name) {
  for (const Step& step : plan.steps)
    if (step.operation.op == op && step.operation.address.name == name) return &step;
  return nullptr;
}

inline bool reaches(const Plan& plan, StepId from, StepId to) {
  if (from == to) return true;
  for (const StepId before : plan.steps[to.value - 1].after)
    if (reaches(plan, from, before)) return true;
  return false;
}

class Planning : public ::testing::Test {
 protected:
  static Address domain(const std::string& name) { return {Kind::domain, name}; }

  void stand(World& world, std::vector<Resource> resources) {
    world.declare(std::move(resources));
    ASSERT_EQ(world.change(), "");
    ASSERT_EQ(world.difference(), "");
  }
  Plan plan(World& world, Scope scope = {}) {
    auto made = world.plan(std::move(scope));
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made.ok() ? std::move(made).value() : Plan();
  }
  // Applied as planned; then nothing is left.
  void settle(World& world) {
    EXPECT_EQ(world.change(), "");
    EXPECT_EQ(changes(plan(world)), "");
  }
  void unreachable(World& world, const std::string& host) {
    world.sim(host).set_faults([](const OperationId&, const Operation&) {
      SimFault fault;
      fault.kind = SimFault::Kind::unreachable;
      fault.delay = seconds(100000);
      return fault;
    });
    Operation any;
    any.op = Op::domain_pause;
    const Caller caller{*world.project.id, world.store().head().lineage, world.store().head().epoch,
                        world.store().head().serial};
    (void)world.sim(host).begin(OperationId{"down"}, caller, any).ok();
    ASSERT_FALSE(world.sim(host).observe().reachable);
  }
};

}  // namespace hv::testing
