// Random worlds: whatever is declared, applied and live, the plan is safe in every state, comes out
// as declared when it is applied, and depends on the order of declaration in nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "reconciler/plan_fixture.h"
#include "reconciler/verify/verify.h"

namespace hv::testing {
namespace {

using Resources = std::vector<Resource>;

// For every two holds that must not meet: one is given up, verified, before the other is begun. By
// looking at all pairs and walking all paths, which is what neither planner nor verifier does.
class Brute {
 public:
  explicit Brute(const Plan& plan) : plan_(plan), before_(plan.steps.size() + 1) {
    for (const Step& step : plan.steps) {
      auto& before = before_[step.id.value];
      before.assign(plan.steps.size() + 1, false);
      for (const StepId id : step.after) {
        before[id.value] = true;
        for (std::size_t i = 1; i <= plan.steps.size(); ++i)
          if (before_[id.value][i]) before[i] = true;
      }
    }
  }

  std::string first_unordered() const {
    for (std::size_t i = 0; i < plan_.holds.size(); ++i)
      for (std::size_t j = i + 1; j < plan_.holds.size(); ++j) {
        const Hold& a = plan_.holds[i];
        const Hold& b = plan_.holds[j];
        if ((!a.acquire && !b.acquire) || !meet(a.access, b.access)) continue;
        if (a.access.party == b.access.party && a.access.device == b.access.device &&
            a.access.host != b.access.host &&
            ((a.release && a.release == b.acquire) || (b.release && b.release == a.acquire)))
          continue;  // the two of one migration
        if (level_between(a.access, b.access) <= permitted_between(a.access, b.access)) continue;
        if (ends_before(a, b) || ends_before(b, a)) continue;
        return a.access.party.text + " " + a.access.device + " and " + b.access.party.text + " " +
               b.access.device;
      }
    return "";
  }

 private:
  static bool meet(const Access& a, const Access& b) {
    for (const Extent& x : a.extents)
      for (const Extent& y : b.extents)
        if (overlap(x, y)) return true;
    return false;
  }
  bool ends_before(const Hold& a, const Hold& b) const {
    return a.release && b.acquire && before_[b.acquire->value][a.release->value];
  }

  const Plan& plan_;
  std::vector<std::vector<bool>> before_;  // [step][another]: the other comes before it
};

std::string told(const Plan& plan) {
  std::string text = changes(plan);
  for (const Error& refusal : plan.refusals) text += "\n  refused: " + refusal.message;
  for (const Step& step : plan.steps)
    text += "\n  " + std::to_string(step.id.value) + " " +
            std::string(to_string(step.operation.op)) + " " + to_string(step.operation.address) +
            " " + step.detail;
  for (const Hold& hold : plan.holds) {
    text += "\n  hold " + hold.access.party.text + " " + hold.access.device + " " +
            std::string(to_string(hold.access.mode)) + " permits " +
            std::to_string(hold.access.permitted) + " on " + hold.access.host.text;
    if (hold.acquire) text += " from " + std::to_string(hold.acquire->value);
    if (hold.release) text += " to " + std::to_string(hold.release->value);
    for (const Extent& extent : hold.access.extents)
      text += " " + extent.store.text + "+" + std::to_string(extent.start.count);
  }
  return text;
}

struct WorldsTally {
  std::size_t plans = 0, steps = 0, migrations = 0, with_more = 0;
};

class RandomWorld {
 public:
  RandomWorld(uint64_t seed, WorldsTally& tally)
      : tally_(tally),
        world_(seed, {"lab", "far"}, seed % 4 == 0 ? 100 : 0),
        chance_(seed * 7919 + 3) {
    world_.options.poll_every = milliseconds(200);
    for (const char* name : {"left", "right", "mail", "data", "web0", "web1", "web2"})
      world_.project.stores[StoreId{std::string("vg/") + name}] = {
          StoreId{std::string("vg/") + name}, {HostName{"lab"}, HostName{"far"}}, false, {}};
    world_.project.drift = DriftPolicy::heal;
  }

  void run() {
    for (int round = 0; round < 4 && !::testing::Test::HasFailure(); ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      Resources fleet = random_fleet();
      std::vector<Moved> moved = random_moves(fleet);
      declare(fleet, moved);
      outside();
      check(fleet, moved);
    }
  }

 private:
  bool one_in(uint64_t n) { return chance_.below(n) == 0; }

  void declare(const Resources& fleet, const std::vector<Moved>& moved) {
    world_.declare(fleet);
    world_.desired.moved = moved;
  }

  void check(Resources fleet, const std::vector<Moved>& moved) {
    auto plan = world_.plan();
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_TRUE(plan->applicable) << told(*plan);
    VerifyInput input;
    for (const Step& step : plan->steps) input.steps.push_back({step.id, step.after});
    input.holds = plan->holds;
    input.charges = plan->charges;
    input.limits = plan->limits;
    const Verdict verdict = verify(input);
    EXPECT_TRUE(verdict.safe()) << told(*plan);
    EXPECT_EQ(Brute(*plan).first_unordered(), "") << told(*plan);
    for (std::size_t i = fleet.size(); i > 1; --i) std::swap(fleet[i - 1], fleet[chance_.below(i)]);
    declare(fleet, moved);
    auto shuffled = world_.plan();
    ASSERT_TRUE(shuffled.ok());
    EXPECT_EQ(shuffled->digest, plan->digest) << told(*plan) << "\nand\n" << told(*shuffled);
    if (::testing::Test::HasFailure()) return;
    // Where the files take back a permission that is in use, it ends with this plan, not before.
    const bool sound = world_.broken_invariant().empty();
    world_.moments.look = [&] {
      if (sound && broken_.empty()) broken_ = world_.broken_invariant();
    };
    EXPECT_EQ(world_.change(), "") << told(*plan);
    world_.moments.look = nullptr;
    EXPECT_EQ(broken_ + world_.broken_invariant(), "") << told(*plan);
    EXPECT_EQ(world_.difference(), "") << told(*plan);
    auto next = world_.plan();
    ASSERT_TRUE(next.ok());
    EXPECT_TRUE(next->nothing_to_do()) << "left: " << told(*next) << "\nafter: " << told(*plan);
    tally_.plans += 1;
    tally_.steps += plan->steps.size();
    const std::size_t migrations = count(*plan, Op::domain_migrate);
    tally_.migrations += migrations;
    for (const Step& step : plan->steps)
      if (step.operation.op == Op::domain_migrate && more_than_moved(*plan, step.operation.address))
        ++tally_.with_more;
  }

  // Something else of it changes in the same plan.
  static bool more_than_moved(const Plan& plan, const Address& address) {
    return std::any_of(plan.changes.begin(), plan.changes.end(), [&](const Change& change) {
      return change.address == address && change.attributes.size() > 1;
    });
  }

  // Machines with a disk of their own; some with one that wanders, some sharing by permission,
  // some on virtual disks that grow, expire and come back.
  Resources random_fleet() {
    std::vector<DomainSpec> fleet;
    for (const char* name : {"web0", "web1", "web2", "web3", "web4"}) {
      if (one_in(4) && !(fleet.empty() && name == std::string("web4"))) continue;
      fleet.push_back(random_machine(name));
    }
    Resources declared;
    if (!one_in(3)) storage(fleet, declared);
    for (const char* name : {"left", "right"}) {
      if (one_in(4)) continue;
      add(fleet[chance_.below(fleet.size())], name, AccessMode::write);
    }
    if (one_in(2)) {
      const std::size_t writer = chance_.below(fleet.size());
      for (std::size_t i = 0; i < fleet.size(); ++i) {
        fleet[i].sharing = 1;
        if (i == writer || one_in(2))
          add(fleet[i], "mail", i == writer ? AccessMode::write : AccessMode::read);
      }
    }
    declared.insert(declared.end(), fleet.begin(), fleet.end());
    return declared;
  }

  DomainSpec random_machine(const std::string& name) {
    DomainSpec domain = machine(name, mib(128) * static_cast<int64_t>(1 + chance_.below(6)),
                                {"xvda vg/" + name + " w"}, one_in(5) ? "far" : "lab");
    // Some stand on storage that both hosts see, and go from one to the other; some do not.
    if (name < "web3" && one_in(2)) domain.host = HostName{"far"};
    if (name >= "web3") domain.vbds[0].source += domain.host.text;
    if (one_in(8)) domain.attributes.set("nomigrate", true);
    if (one_in(2)) add(domain, "data", AccessMode::read);
    if (one_in(6)) domain.attributes.set("kernel", "/boot/vmlinuz-6.12");
    if (one_in(3)) domain.attributes.set("vcpus", int64_t{1 + (one_in(2) ? 1 : 0)});
    if (one_in(4)) domain.attributes.set("cpu_weight", int64_t{512});
    if (one_in(8)) domain.attributes.set("maxmem", gib(3));
    if (one_in(6)) domain.state = PowerState::halted;
    if (one_in(6)) domain.state = PowerState::paused;
    domain.sets_vif = true;
    domain.vifs.resize(chance_.below(3));
    for (Vif& vif : domain.vifs) vif.settings["bridge"] = one_in(3) ? "xenbr1" : "xenbr0";
    return domain;
  }

  void add(DomainSpec& domain, const std::string& volume, AccessMode mode) {
    Vbd vbd;
    vbd.device = "xvd" + std::string(1, static_cast<char>('b' + domain.vbds.size()));
    if (one_in(3)) vbd.device = "xvd" + std::string(1, static_cast<char>('k' + domain.vbds.size()));
    vbd.source = "vg/" + volume;
    vbd.backend = "phy";
    vbd.mode = mode;
    domain.vbds.push_back(std::move(vbd));
  }

  void storage(std::vector<DomainSpec>& fleet, Resources& declared) {
    declared.push_back(pool());
    for (const char* name : {"a", "b", "c"}) {
      if (one_in(3)) continue;
      size_[name] += gib(one_in(3) ? 1 : 0);
      declared.push_back(vdisk(name, gib(1) + size_[name]));
      DomainSpec& user = fleet[chance_.below(fleet.size())];
      if (user.host.text != "lab" || one_in(4)) continue;
      add(user, name, AccessMode::write);
      user.vbds.back().backend = "vd";
      user.vbds.back().source = name;
    }
  }

  // A machine that is no longer declared goes on under a new address.
  std::vector<Moved> random_moves(Resources& fleet) {
    const Applied applied = *world_.store().applied();
    if (!one_in(3)) return {};
    for (const auto& [address, record] : applied.domains) {
      const auto same = [&](const Resource& resource) { return address_of(resource) == address; };
      if (std::any_of(fleet.begin(), fleet.end(), same)) continue;
      for (Resource& resource : fleet) {
        auto* domain = std::get_if<DomainSpec>(&resource);
        if (domain == nullptr || applied.domains.contains(domain->address)) continue;
        return {{address, domain->address, {}}};
      }
    }
    return {};
  }

  // What other hands do between two plans.
  void outside() {
    for (const char* name : {"lab", "far"}) {
      SimDriver& host = world_.sim(name);
      for (const ObservedDomain& domain : host.observe().domains) {
        if (one_in(12)) (void)host.outside_destroy(domain.uuid).ok();
        if (one_in(12)) (void)host.guest_reboot(domain.uuid).ok();
        if (one_in(12)) (void)host.outside_memory(domain.uuid, mib(200)).ok();
        if (one_in(12) && !domain.vbds.empty())
          (void)host.outside_vbd_detach(domain.uuid, domain.vbds.back().vbd.device).ok();
        Vbd vbd = machine("x", mib(1), {"xvdz vg/found-" + domain.name + " w"}).vbds.front();
        if (one_in(12)) (void)host.outside_vbd_attach(domain.uuid, vbd).ok();
      }
      if (one_in(12)) (void)host.power_cycle().ok();
    }
    world_.advance(seconds(120));
  }

  WorldsTally& tally_;
  World world_;
  SeededRandom chance_;
  std::string broken_;
  std::map<std::string, Bytes> size_;  // of virtual disks: they never shrink
};

TEST(RandomWorlds, ArePlannedSafelyAndCompletely) {
  uint64_t first = 1, last = 80;
  if (const char* more = std::getenv("HV_SEEDS")) last = std::strtoull(more, nullptr, 10);
  if (const char* only = std::getenv("HV_SEED")) first = last = std::strtoull(only, nullptr, 10);
  WorldsTally tally;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("again alone: HV_SEED=" + std::to_string(seed));
    RandomWorld(seed, tally).run();
    if (HasFailure()) return;
  }
  std::printf("%zu plans, %zu steps, %zu migrations, %zu of them with other changes\n", tally.plans,
              tally.steps, tally.migrations, tally.with_more);
  if (first == last) return;
  EXPECT_GT(tally.migrations, 20u);
  EXPECT_GT(tally.with_more, 10u);
}

// Many machines on one host, all restarted, all reading one disk, each with a virtual disk: nothing
// in the planner may look at pairs. HV_DOMAINS=10000 says how long it takes.
TEST(ManyDomains, ArePlannedAtOnce) {
  std::size_t number = 1000;
  if (const char* more = std::getenv("HV_DOMAINS")) number = std::strtoull(more, nullptr, 10);
  DesiredGraph desired;
  Applied applied;
  Observation observation;
  HostObservation& host = observation.hosts[HostName{"lab"}];
  host.host = HostName{"lab"};
  host.reachable = host.simulated = true;
  host.memory_total = mib(300) * static_cast<int64_t>(number);
  Project project;
  project.id = *parse_uuid("00000000-0000-4000-8000-000000000001");
  project.hosts[HostName{"lab"}] = {};
  DomainSpec spec = machine("x", mib(256), {"xvda vg/own w", "xvdb vg/all r"});
  for (std::size_t i = 0; i < number; ++i) {
    AppliedDomain one;
    one.spec = spec;
    one.spec.name = "web" + std::to_string(i);
    one.spec.address.name = one.spec.name;
    one.spec.vbds[0].source = "vg/" + one.spec.name;
    one.uuid = uuid_v5(*project.id, one.spec.name);
    ObservedDomain seen;
    seen.uuid = one.uuid;
    seen.name = one.spec.name;
    seen.domid = DomId{i + 1};
    seen.memory = mib(256);
    seen.memory_max = gib(2);
    seen.vcpus = seen.vcpus_max = 1;
    for (const Vbd& vbd : one.spec.vbds) seen.vbds.push_back({vbd, "", true});
    applied.domains[one.spec.address] = one;
    host.domains.push_back(std::move(seen));
    one.spec.attributes.set("kernel", "/boot/other");
    desired.add(one.spec);
  }
  desired.roots = {"world.vm"};
  PlanRequest request;
  request.desired = &desired;
  request.applied = &applied;
  request.observation = &observation;
  request.project = &project;
  request.schema = &Schema::builtin();
  for (const Op op : all_ops()) request.capabilities[HostName{"lab"}].operations.insert(op);
  const auto begun = std::chrono::steady_clock::now();
  auto plan = make_plan(request);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(codes(*plan), "");
  EXPECT_EQ(plan->steps.size(), 5 * number);
  std::printf("%zu machines, %zu steps: planned in %.2f s\n", number, plan->steps.size(),
              took.count());
}

}  // namespace
}  // namespace hv::testing
