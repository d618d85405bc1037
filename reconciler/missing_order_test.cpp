// Plans with an order taken out: whatever the planner might forget, the verifier sees. Every edge
// of a plan is removed alone, and every kind of edge altogether, as if the planner had no such
// rule; what the verifier then says is what a walk through every state says.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "reconciler/plan_fixture.h"
#include "reconciler/verify/every_state.h"
#include "reconciler/verify/verify.h"

namespace hv::testing {
namespace {

VerifyInput input_of(const Plan& plan) {
  VerifyInput input;
  for (const Step& step : plan.steps) input.steps.push_back({step.id, step.after});
  input.holds = plan.holds;
  input.charges = plan.charges;
  input.limits = plan.limits;
  return input;
}

bool comes_after(const VerifyInput& input, StepId later, StepId earlier) {
  if (later == earlier) return true;
  for (const StepId id : input.steps[later.value - 1].after)
    if (comes_after(input, id, earlier)) return true;
  return false;
}

// Whatever is begun in the plan and given up in it, is given up later.
bool well_formed(const VerifyInput& input) {
  const auto fits = [&](const auto& one) {
    return !one.acquire || !one.release || comes_after(input, *one.release, *one.acquire);
  };
  return std::all_of(input.holds.begin(), input.holds.end(), fits) &&
         std::all_of(input.charges.begin(), input.charges.end(), fits);
}

struct Tally {
  int edges = 0, kinds = 0, needed = 0;
  std::set<std::string> caught;  // kinds of edges without which some state is unsafe
};

// True if the verifier refuses it, as it must.
bool is_caught(const VerifyInput& input, const std::string& what) {
  const Verdict verdict = verify(input);
  if (!well_formed(input)) {
    EXPECT_FALSE(verdict.malformed.empty()) << what;
    return true;
  }
  const Enumerated all = enumerate(input);
  const bool unsafe = all.adds_conflict() || all.sums_over(input.limits) > 0;
  EXPECT_EQ(verdict.safe(), !unsafe) << what;
  return unsafe;
}

std::string kind_of(const Step& before, const Step& after) {
  const bool one = before.operation.address == after.operation.address;
  return std::string(to_string(before.operation.op)) + " → " +
         std::string(to_string(after.operation.op)) + (one ? "" : " of another");
}

void take_out(const Plan& plan, const std::string& name, Tally& tally) {
  const VerifyInput whole = input_of(plan);
  EXPECT_FALSE(is_caught(whole, name + ": as planned"));
  std::map<std::string, VerifyInput> without;
  for (const Step& step : plan.steps)
    for (const StepId before : step.after) {
      const std::string kind = kind_of(plan.steps[before.value - 1], step);
      VerifyInput one = whole;
      std::erase(one.steps[step.id.value - 1].after, before);
      ++tally.edges;
      if (is_caught(one, name + ": without one " + kind)) {
        ++tally.needed;
        tally.caught.insert(kind);
      }
      VerifyInput& all = without.try_emplace(kind, whole).first->second;
      std::erase(all.steps[step.id.value - 1].after, before);
    }
  for (const auto& [kind, input] : without) {
    ++tally.kinds;
    if (is_caught(input, name + ": without any " + kind)) tally.caught.insert(kind);
  }
}

struct Scene {
  std::string name;
  std::vector<Resource> before, after;
  std::set<std::string> needed;  // among the kinds of edges that may not be missing
};

DomainSpec with_sharing(DomainSpec domain, int level) {
  domain.sharing = level;
  return domain;
}
DomainSpec with_kernel(DomainSpec domain, const std::string& kernel) {
  domain.attributes.set("kernel", kernel);
  return domain;
}

DomainSpec that_stays(DomainSpec domain) {
  domain.attributes.set("nomigrate", true);
  return domain;
}
DomainSpec large(const std::string& name, Bytes memory, const std::string& host) {
  DomainSpec domain = machine(name, memory, {}, host);
  domain.attributes.set("maxmem", memory);
  return domain;
}

DomainSpec on_vdisk(const std::string& name, const std::string& vdisk) {
  DomainSpec domain = machine(name, mib(256), {"xvda " + vdisk + " w"});
  domain.vbds.front().backend = "vd";
  return domain;
}

class MissingOrder : public Planning {};

TEST_F(MissingOrder, IsSeenByTheVerifier) {
  const auto p = [&](const std::string& name, const std::vector<std::string>& disks,
                     const std::string& host = "lab") {
    return machine(name, mib(256), disks, host);
  };
  const std::vector<Scene> scenes = {
      {"two running machines swap their disks",
       {p("a", {"xvdb vg/x w"}), p("b", {"xvdb vg/y w"})},
       {p("a", {"xvdb vg/y w"}), p("b", {"xvdb vg/x w"})},
       {"vbd.detach → claim.drop", "claim.drop → claim.put of another", "claim.put → vbd.attach"}},
      {"a disk goes from one to the next in a ring of three",
       {p("a", {"xvdb vg/x w"}), p("b", {"xvdb vg/y w"}), p("c", {"xvdb vg/z w"})},
       {p("a", {"xvdb vg/y w"}), p("b", {"xvdb vg/z w"}), p("c", {"xvdb vg/x w"})},
       {"vbd.detach → claim.drop", "claim.drop → claim.put of another", "claim.put → vbd.attach"}},
      {"a new machine takes the disk of one that goes",
       {p("a", {"xvda vg/x w"})},
       {p("b", {"xvda vg/x w"})},
       {"domain.shutdown → claim.drop", "claim.drop → claim.put of another",
        "claim.put → domain.create"}},
      {"a machine is made again on its own disk",
       {p("a", {"xvda vg/x w"})},
       {with_kernel(p("a", {"xvda vg/x w"}), "/boot/vmlinuz-6.12")},
       {"domain.shutdown → claim.put", "claim.put → domain.create"}},
      {"a partition goes, and the whole disk comes",
       {p("a", {"xvdb sdb1 w"}), p("b", {})},
       {p("a", {}), p("b", {"xvdb sdb w"})},
       {"vbd.detach → claim.drop", "claim.drop → claim.put of another", "claim.put → vbd.attach"}},
      {"a writer becomes a reader, and another begins to write",
       {with_sharing(p("a", {"xvdb vg/x w"}), 1), with_sharing(p("b", {}), 1)},
       {with_sharing(p("a", {"xvdb vg/x r"}), 1), with_sharing(p("b", {"xvdb vg/x w"}), 1)},
       {"vbd.detach → claim.drop", "claim.drop → claim.put of another", "claim.put → vbd.attach"}},
      {"a machine is made anew on another host with its disk",
       {that_stays(p("a", {"xvda san/x w"}))},
       {that_stays(p("a", {"xvda san/x w"}, "far"))},
       {"domain.shutdown → claim.drop", "claim.drop → claim.put", "claim.put → domain.create"}},
      {"a machine migrates to where another makes room",
       {machine("a", gib(2), {"xvda san/x w"}), large("c", gib(5) + mib(512), "far")},
       {machine("a", gib(2), {"xvda san/x w"}, "far")},
       {"domain.shutdown → domain.migrate of another"}},
      {"a machine migrates and loses a disk, which another takes where it was",
       {p("a", {"xvda san/x w", "xvdb san/y w"}), p("b", {})},
       {p("a", {"xvda san/x w"}, "far"), p("b", {"xvdb san/y w"})},
       {"domain.migrate → vbd.detach", "vbd.detach → claim.drop",
        "claim.drop → claim.put of another", "claim.put → vbd.attach"}},
      {"a machine migrates, and takes there the disk that another gives up",
       {p("a", {"xvda san/x w"}), p("b", {"xvdb san/y w"})},
       {p("a", {"xvda san/x w", "xvdb san/y w"}, "far"), p("b", {})},
       {"vbd.detach → claim.drop", "claim.drop → claim.put of another", "claim.put → vbd.attach"}},
      {"one gives up the memory that another is to have",
       {machine("a", gib(2), {}), machine("b", mib(512), {}), machine("c", gib(2), {}),
        machine("d", gib(2), {})},
       {machine("a", mib(512), {}), machine("b", gib(2), {}), machine("c", gib(2), {}),
        machine("d", gib(2), {})},
       {"domain.memory → domain.memory of another"}},
      {"one virtual disk goes, another is made and used",
       {pool(), vdisk("old", gib(60)), on_vdisk("a", "old")},
       {pool(), vdisk("new", gib(60)), on_vdisk("b", "new")},
       {"vdisk.create → claim.put of another", "claim.put → domain.create"}},
      {"the memory of one that goes is needed by the next",
       {machine("a", gib(3), {}), machine("b", gib(2), {})},
       {machine("c", gib(3), {}), machine("b", gib(2), {})},
       {"domain.shutdown → domain.create of another"}},
  };
  uint64_t seed = 100;
  for (const Scene& scene : scenes) {
    SCOPED_TRACE(scene.name);
    World world(++seed, {"lab", "far"});
    for (const char* store : {"san/x", "san/y"})
      world.project.stores[StoreId{store}] = {
          StoreId{store}, {HostName{"lab"}, HostName{"far"}}, false, {}};
    stand(world, scene.before);
    world.declare(scene.after);
    const Plan made = plan(world);
    EXPECT_EQ(codes(made), "");
    Tally one;
    take_out(made, scene.name, one);
    EXPECT_GT(one.needed, 0) << "an order that nothing needs proves nothing";
    for (const std::string& kind : scene.needed) EXPECT_TRUE(one.caught.contains(kind)) << kind;
  }
}

// Machines with up to two of three disks, who write or read them and permit this or that.
std::vector<Resource> random_fleet(SeededRandom& random) {
  std::vector<Resource> fleet;
  for (const char* name : {"a", "b", "c"}) {
    if (random.below(4) == 0) continue;
    std::vector<std::string> disks;
    for (const char* device : {"xvdb", "xvdc"})
      if (random.below(2) == 0)
        disks.push_back(std::string(device) + " vg/" + static_cast<char>('x' + random.below(3)) +
                        (random.below(3) == 0 ? " r" : " w"));
    const int64_t memory = 1 + static_cast<int64_t>(random.below(2));
    fleet.push_back(
        with_sharing(machine(name, gib(memory), disks), static_cast<int>(random.below(3))));
  }
  return fleet;
}

TEST_F(MissingOrder, IsSeenInRandomPlans) {
  SeededRandom random(20041001);
  Tally all;
  int plans = 0;
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.declare(random_fleet(random));
    auto first = world.plan();
    ASSERT_TRUE(first.ok());
    if (!first->applicable) continue;  // not safe as it is declared
    ASSERT_EQ(world.change(), "");
    world.declare(random_fleet(random));
    auto second = world.plan();
    if (!second.ok() || !second->applicable || second->steps.size() > 10) continue;
    ++plans;
    take_out(*second, "seed " + std::to_string(seed), all);
    if (HasFailure()) return;
  }
  std::printf("%d plans: %d edges and %d kinds of edges taken out, %d of the edges needed\n", plans,
              all.edges, all.kinds, all.needed);
  EXPECT_GT(plans, 40);
  EXPECT_GT(all.needed, 40);
}

}  // namespace
}  // namespace hv::testing
