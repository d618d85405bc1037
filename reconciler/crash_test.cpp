// hv dies before and after every call to the store and to the hosts; what survives is recovered,
// planned afresh and applied, and must come out as declared. Then the same with random faults.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "reconciler/test_world.h"

namespace hv::testing {
namespace {

struct Scenario {
  const char* name;
  std::function<std::vector<Resource>()> before;
  std::function<std::vector<Resource>()> after;
  std::vector<std::string> hosts = {"lab"};
  // What stood before that, where `before` is reached only from there.
  std::function<std::vector<Resource>()> first = {};
  bool creates = true;  // false: no machine may be made anew, whatever dies
};

void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

DomainSpec with_kernel(DomainSpec domain, const char* kernel) {
  domain.attributes.set("kernel", kernel);
  return domain;
}

PoolSpec pool() {
  PoolSpec pool;
  pool.address = {Kind::pool, "fast"};
  pool.host = HostName{"lab"};
  pool.devices = {"phy:/dev/sda10"};
  pool.root = "world.vm";
  return pool;
}

VdiskSpec vdisk(const char* name, Bytes size) {
  VdiskSpec vdisk;
  vdisk.address = {Kind::vdisk, name};
  vdisk.pool = {Kind::pool, "fast"};
  vdisk.size = size;
  vdisk.root = "world.vm";
  return vdisk;
}

using Resources = std::vector<Resource>;

Resources nothing() {
  return {};
}
Resources three_sharing() {
  return {machine("web0", mib(256), {"xvda vg/web0 w", "xvdc vg/data r"}),
          machine("web1", mib(256), {"xvda vg/web1 w", "xvdc vg/data r"}),
          machine("web2", mib(256), {"xvda vg/web2 w", "xvdc vg/data r"})};
}
Resources two_writers() {
  return {machine("web0", mib(256), {"xvda vg/web0 w", "xvdb vg/left w"}),
          machine("web1", mib(256), {"xvda vg/web1 w", "xvdb vg/right w"})};
}
Resources two_swapped() {
  return {machine("web0", mib(256), {"xvda vg/web0 w", "xvdb vg/right w"}),
          machine("web1", mib(256), {"xvda vg/web1 w", "xvdb vg/left w"})};
}
Resources one_small() {
  return {machine("web0", mib(256), {"xvda vg/web0 w", "xvdd vg/old r"})};
}
Resources one_large() {
  return {machine("web0", gib(1), {"xvda vg/web0 w", "xvdd vg/old r"})};
}
Resources one_other_disks() {
  return {machine("web0", mib(256), {"xvda vg/web0 w", "xvdf vg/logs w"})};
}
Resources one_other_kernel() {
  return {with_kernel(std::get<DomainSpec>(one_small()[0]), "/boot/vmlinuz-6.12")};
}
Resources with_vdisks() {
  return {pool(), vdisk("root0", gib(1)), vdisk("root1", gib(1)),
          machine("web0", mib(256), {"xvda vd:root0 w"}),
          machine("web1", mib(256), {"xvda vd:root1 w"})};
}
Resources with_fewer_vdisks() {
  return {pool(), vdisk("root0", gib(2)), machine("web0", mib(512), {"xvda vd:root0 w"})};
}

// A writer beside readers, on the word of all of them.
Resources sharing_one(std::initializer_list<const char*> names) {
  Resources resources;
  for (const char* name : names) {
    const bool first = resources.empty();
    DomainSpec domain = machine(name, mib(256), {first ? "xvdb vg/mail w" : "xvdb vg/mail r"});
    domain.sharing = 1;
    resources.push_back(std::move(domain));
  }
  return resources;
}
Resources on_two_hosts() {
  return {machine("web0", mib(256), {"xvda vg/web0 w"}),
          machine("far0", mib(256), {"xvda vg/far0 w"}, "far")};
}
Resources on_two_hosts_later() {
  return {machine("web0", mib(512), {"xvda vg/web0 w", "xvdb vg/more w"}),
          machine("far1", mib(256), {"xvda vg/far1 w"}, "far")};
}

Resources in_state(Resources resources, PowerState state) {
  for (Resource& resource : resources)
    if (auto* domain = std::get_if<DomainSpec>(&resource)) domain->state = state;
  return resources;
}
// Both hosts see the stores of these.
Resources on_either_host(const char* web0, const char* web1) {
  return {machine("web0", mib(256), {"xvda san/web0 w", "xvdb san/data r"}, web0),
          machine("web1", mib(256), {"xvda san/web1 w", "xvdb san/data r"}, web1)};
}
Resources first_saved() {
  Resources resources = two_writers();
  std::get<DomainSpec>(resources[0]).state = PowerState::saved;
  return resources;
}

const Scenario kScenarios[] = {
    {"create three that share a disk read-only", nothing, three_sharing},
    {"more memory, live", one_small, one_large},
    {"attach one disk, detach another", one_small, one_other_disks},
    {"destroy two of three", three_sharing,
     [] {
       Resources left = three_sharing();
       left.resize(1);
       return left;
     }},
    {"restart for another kernel", one_small, one_other_kernel},
    {"two exchange their disks", two_writers, two_swapped},
    {"create on virtual disks", nothing, with_vdisks},
    {"enlarge and expire virtual disks", with_vdisks, with_fewer_vdisks},
    {"another machine becomes the writer",
     [] {
       return sharing_one({"web0", "web1"});
     },
     [] {
       return sharing_one({"web1", "web0", "web2"});
     }},
    {"change machines on two hosts", on_two_hosts, on_two_hosts_later, {"lab", "far"}},
    {"save two",
     two_writers,
     [] { return in_state(two_writers(), PowerState::saved); },
     {"lab"},
     {},
     false},
    {"save a paused one, with a disk less",
     [] { return in_state(one_small(), PowerState::paused); },
     [] { return in_state({machine("web0", mib(256), {"xvda vg/web0 w"})}, PowerState::saved); },
     {"lab"},
     {},
     false},
    {"restore one, save the other",
     first_saved,
     [] {
       Resources resources = two_writers();
       std::get<DomainSpec>(resources[1]).state = PowerState::saved;
       return resources;
     },
     {"lab"},
     two_writers,
     false},
    {"restore paused",
     first_saved,
     [] {
       Resources resources = two_writers();
       std::get<DomainSpec>(resources[0]).state = PowerState::paused;
       return resources;
     },
     {"lab"},
     two_writers,
     false},
    {"migrate one",
     [] { return on_either_host("lab", "lab"); },
     [] { return on_either_host("far", "lab"); },
     {"lab", "far"},
     {},
     false},
    {"migrate one, and change it",
     [] { return on_either_host("lab", "lab"); },
     [] {
       Resources resources = on_either_host("far", "lab");
       auto& moved = std::get<DomainSpec>(resources[0]);
       moved.attributes.set("memory", mib(384));
       moved.vbds.pop_back();
       moved.vbds.push_back(machine("x", mib(1), {"xvdc san/data r"}).vbds.front());
       return resources;
     },
     {"lab", "far"},
     {},
     false},
    {"migrate one, and restart it there",
     [] { return on_either_host("lab", "lab"); },
     [] {
       Resources resources = on_either_host("far", "lab");
       std::get<DomainSpec>(resources[0]).attributes.set("kernel", "/boot/vmlinuz-6.12");
       return resources;
     },
     {"lab", "far"},
     {},
     true},
    {"two change places",
     [] { return on_either_host("lab", "far"); },
     [] { return on_either_host("far", "lab"); },
     {"lab", "far"},
     {},
     false},
    {"discard what was saved, and another takes its disk",
     first_saved,
     [] {
       return Resources{machine("web1", mib(256), {"xvda vg/web1 w", "xvdb vg/left w"})};
     },
     {"lab"},
     two_writers},
};

// The world as it is before the plan under test: what stands, what is declared, somebody else's
// machine beside it.
void set_up(World& world, const Scenario& scenario) {
  for (const char* store : {"san/web0", "san/web1", "san/data"})
    for (const std::string& host : scenario.hosts)
      world.project.stores[StoreId{store}].hosts.push_back(HostName{host});
  DomainSpec alien = machine("alien", mib(512), {"xvda vg/alien w"});
  ASSERT_TRUE(world.sim().outside_create(alien, uuid_v4(world.random)).ok());
  world.alien = {alien};
  world.advance(seconds(60));
  for (const auto& stage : {scenario.first, scenario.before}) {
    if (!stage) continue;
    world.declare(stage());
    ASSERT_EQ(world.change(), "");
    ASSERT_EQ(world.difference(), "");
  }
  world.declare(scenario.after());
}

// A machine that was saved keeps its memory: none is made anew.
void expect_none_made(World& world, std::size_t plans_before) {
  const auto history = world.store().history();
  ASSERT_TRUE(history.ok());
  for (std::size_t i = 0; i + plans_before < history->size(); ++i) {
    const auto journal = world.store().journal((*history)[i].id);
    ASSERT_TRUE(journal.ok());
    for (const JournalEntry& entry : *journal)
      EXPECT_NE(entry.intent.operation.op, Op::domain_create);
  }
}

void expect_converged(World& world) {
  EXPECT_EQ(world.change(), "");
  EXPECT_EQ(world.difference(), "");
  auto again = world.plan();
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->nothing_to_do()) << again->steps.size() << " steps left, the first is "
                                      << to_string(again->steps.front().operation.op) << " "
                                      << to_string(again->steps.front().operation.address);
  auto open = world.store().open_intents();
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->empty());
}

struct Death {
  int at = 0;           // moment of the apply
  int in_recovery = 0;  // moment of the recovery after it; 0: it lives through
  bool power = false;   // the machine under hv loses power too: unsynced commits are gone
};

struct Survived {
  int moments = 0;        // of the apply, or of the recovery after a death
  bool unsynced = false;  // the store had commits that a loss of power would take
};

Survived run_death(const Scenario& scenario, const Death& death) {
  World world(7, scenario.hosts);
  std::string broken;
  set_up(world, scenario);
  if (::testing::Test::HasFatalFailure()) return {};
  const std::size_t plans_before = world.store().history()->size();
  auto plan = world.plan();
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  if (!plan.ok()) return {};
  EXPECT_TRUE(plan->applicable);
  world.moments.look = [&] {
    if (broken.empty()) broken = world.broken_invariant();
  };
  world.moments.arm(death.at);
  Survived survived;
  try {
    auto report = world.apply(*plan);
    EXPECT_TRUE(report.ok()) << report.error().message;
    if (report.ok())
      for (const StepFailure& failure : report->failures)
        ADD_FAILURE() << failure.what << ": " << failure.why;
    EXPECT_EQ(death.at, 0) << "it should have died";
    survived.moments = world.moments.count();
  } catch (const Crash&) {
    world.die();
    survived.unsynced = world.crashing_store().unsynced();
    if (death.power) world.crashing_store().lose_power();
    world.moments.arm(death.in_recovery);
    try {
      auto settled = world.recover();
      EXPECT_TRUE(settled.ok()) << settled.error().message;
      survived.moments = world.moments.count();
    } catch (const Crash&) {
      world.die();
      if (death.power) world.crashing_store().lose_power();
    }
  }
  world.moments.disarm();
  expect_converged(world);
  EXPECT_EQ(broken, "");
  if (!scenario.creates) expect_none_made(world, plans_before);
  return survived;
}

class EveryMoment : public ::testing::TestWithParam<Scenario> {};

TEST_P(EveryMoment, IsSurvived) {
  const Scenario& scenario = GetParam();
  const int moments = run_death(scenario, {}).moments;
  ASSERT_GT(moments, 0);
  int deaths = 0, powerless = 0, twice = 0;
  for (int at = 1; at <= moments && !HasFailure(); ++at) {
    SCOPED_TRACE("dies at moment " + std::to_string(at));
    Survived first = run_death(scenario, {at, 0, false});
    ++deaths;
    if (first.unsynced && !HasFailure()) {
      SCOPED_TRACE("with a loss of power");
      run_death(scenario, {at, 0, true});
      ++powerless;
    }
    // A second death, inside recovery, at moments spread over all of them.
    if (HasFailure() || first.moments == 0) continue;
    const int second = 1 + at % first.moments;
    SCOPED_TRACE("and again at moment " + std::to_string(second) + " of recovery");
    run_death(scenario, {at, second, false});
    ++twice;
  }
  EXPECT_GT(powerless, 0);
  std::printf("%-42s %4d crash points, %4d with power lost, %4d again in recovery\n", scenario.name,
              deaths, powerless, twice);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, EveryMoment, ::testing::ValuesIn(kScenarios));

// The same plan file, applied again after a crash at each moment, goes on where it stopped.
void resume(const Scenario& scenario) {
  for (int at = 1;; at += 3) {
    SCOPED_TRACE("dies at moment " + std::to_string(at));
    World world(7, scenario.hosts);
    set_up(world, scenario);
    auto plan = world.plan();
    ASSERT_TRUE(plan.ok());
    world.moments.arm(at);
    try {
      auto report = world.apply(*plan);
      ASSERT_TRUE(report.ok());
      break;  // past the last moment
    } catch (const Crash&) {
      world.die();
    }
    world.moments.disarm();
    ASSERT_TRUE(world.recover().ok());
    auto record = world.store().plan_record(plan->id);
    ASSERT_TRUE(record.ok());
    if (!record->has_value()) continue;  // not spent: nothing was begun
    auto report = world.apply(*plan);
    ASSERT_TRUE(report.ok()) << report.error().message;
    for (const StepFailure& failure : report->failures)
      ADD_FAILURE() << failure.what << ": " << failure.why;
    EXPECT_EQ(report->succeeded, plan->steps.size());
    EXPECT_EQ(world.difference(), "");
    expect_converged(world);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Resume, SamePlanGoesOn) {
  for (const char* name :
       {"create three that share a disk read-only", "migrate one, and change it"}) {
    SCOPED_TRACE(name);
    const auto* scenario =
        std::find_if(std::begin(kScenarios), std::end(kScenarios),
                     [&](const Scenario& one) { return one.name == std::string_view(name); });
    ASSERT_NE(scenario, std::end(kScenarios));
    resume(*scenario);
  }
}

// Random edits, random faults, random deaths; when the faults stop, it converges.
class Chaos {
 public:
  explicit Chaos(uint64_t seed) : world_(seed, hosts_of(seed)), chance_(seed * 977 + 1) {
    if (world_.project.hosts.size() == 1) return;
    for (const char* name : {"web0", "web1", "web2", "web3", "data", "left", "right"})
      world_.project.stores[StoreId{std::string("vg/") + name}].hosts = {HostName{"lab"},
                                                                         HostName{"far"}};
  }

  void run() {
    DomainSpec alien = machine("alien", mib(512), {"xvda vg/alien w"});
    ASSERT_TRUE(world_.sim().outside_create(alien, uuid_v4(world_.random)).ok());
    world_.advance(seconds(60));
    world_.alien = {alien};
    world_.options.poll_every = seconds(2);
    for (int round = 0; round < 4; ++round) {
      world_.declare(random_fleet());
      // What is declared changed: from here on this fleet's permissions hold.
      world_.moments.look = [&] {
        if (broken_.empty()) broken_ = world_.broken_invariant();
      };
      arm_faults();
      if (chance_.below(2) == 0) world_.moments.arm(1 + static_cast<int>(chance_.below(150)));
      try {
        say(round, world_.change());
        if (chance_.below(2) == 0) say(round, by_hand());
      } catch (const Crash&) {
        say(round, "hv died");
        world_.die();
        if (chance_.below(3) == 0) world_.crashing_store().lose_power();
      }
      world_.moments.disarm();
      faults_off();
      outside();
      EXPECT_EQ(broken_, "") << "in round " << round;
      if (::testing::Test::HasFailure()) return;
    }
    world_.advance(seconds(600));
    std::string words;
    for (int turn = 0; turn < 4; ++turn) {
      words = world_.change();
      say(turn, words);
      auto plan = world_.plan();
      ASSERT_TRUE(plan.ok());
      if (words.empty() && plan->nothing_to_do()) break;
    }
    EXPECT_EQ(words, "");
    EXPECT_EQ(broken_, "");
    EXPECT_EQ(world_.difference(), "");
  }

 private:
  static void say(int round, const std::string& words) {
    if (std::getenv("HV_SEED") != nullptr) std::printf("round %d: %s\n", round, words.c_str());
  }

  // Somebody saves a machine, restores or pauses one, through hv.
  std::string by_hand() {
    static const PowerAsk asks[] = {PowerAsk::save,  PowerAsk::save,    PowerAsk::restore,
                                    PowerAsk::pause, PowerAsk::migrate, PowerAsk::migrate};
    const auto applied = world_.store().applied();
    if (!applied.ok() || applied->domains.empty()) return "nobody is there";
    auto one = applied->domains.begin();
    std::advance(one, static_cast<std::ptrdiff_t>(chance_.below(applied->domains.size())));
    Scope scope;
    scope.power[one->first] = asks[chance_.below(std::size(asks))];
    scope.targets = {one->first};
    scope.migrate_to =
        HostName{world_.project.hosts.size() > 1 && chance_.below(2) == 0 ? "far" : "lab"};
    auto settled = world_.recover();
    if (!settled.ok()) return settled.error().message;
    auto plan = world_.plan(scope);
    if (!plan.ok()) return plan.error().message;
    if (!plan->applicable) return "refused: " + plan->refusals[0].message;
    auto report = world_.apply(*plan);
    return std::string(to_string(scope.power.begin()->second)) + " by hand" +
           (report.ok() && report->ok() ? "" : " failed");
  }

  // Machines with a disk of their own, one shared for reading, and a few that wander.
  std::vector<Resource> random_fleet() {
    std::vector<DomainSpec> fleet;
    for (const char* name : {"web0", "web1", "web2", "web3"}) {
      if (chance_.below(4) == 0 && !fleet.empty()) continue;
      std::string own = std::string("xvda vg/") + name + " w";
      std::vector<std::string> disks = {own};
      if (chance_.below(2) == 0) disks.emplace_back("xvdc vg/data r");
      const bool far = world_.project.hosts.size() > 1 &&
                       (name == std::string_view("web3") || chance_.below(4) == 0);
      fleet.push_back(machine(name, mib(256) * static_cast<int64_t>(1 + chance_.below(4)), disks,
                              far ? "far" : "lab"));
      if (chance_.below(6) == 0) fleet.back().attributes.set("kernel", "/boot/vmlinuz-6.12");
    }
    Resources declared;
    if (chance_.below(3) == 0) {
      declared = {pool(), vdisk("wide", wide_ += gib(static_cast<int64_t>(chance_.below(2))))};
      if (chance_.below(2) == 0) {
        declared.push_back(vdisk("deep", gib(1)));
        fleet.push_back(machine("deep0", mib(256), {"xvda vd:deep w"}));
      }
      Vbd wide = machine("x", mib(1), {"xvdw vd:wide w"}).vbds.front();
      if (fleet.front().host.text == "lab") fleet.front().vbds.push_back(wide);
    }
    for (const char* source : {"vg/left", "vg/right"}) {
      DomainSpec& owner = fleet[chance_.below(fleet.size())];
      Vbd vbd;
      vbd.device = owner.vbds.back().device == "xvdf" ? "xvdg" : "xvdf";
      vbd.source = source;
      vbd.backend = "phy";
      vbd.mode = AccessMode::write;
      owner.vbds.push_back(vbd);
    }
    declared.insert(declared.end(), fleet.begin(), fleet.end());
    return declared;
  }

  static std::vector<std::string> hosts_of(uint64_t seed) {
    return seed % 3 == 0 ? std::vector<std::string>{"lab", "far"} : std::vector<std::string>{"lab"};
  }

  void faults_off() {
    for (const auto& [host, config] : world_.project.hosts) world_.sim(host.text).set_faults({});
  }

  void arm_faults() {
    using Kind = SimFault::Kind;
    static const Kind kinds[] = {Kind::fail_before,    Kind::effect_error, Kind::no_effect_ok,
                                 Kind::half_attach,    Kind::stall,        Kind::unreachable,
                                 Kind::ignore_shutdown};
    auto faults = [this](const OperationId&, const Operation&) {
      SimFault fault;
      if (chance_.below(5) != 0) return fault;
      fault.kind = kinds[chance_.below(std::size(kinds))];
      fault.delay = seconds(static_cast<int64_t>(1 + chance_.below(200)));
      fault.message = "a fault of the test";
      return fault;
    };
    for (const auto& [host, config] : world_.project.hosts)
      world_.sim(host.text).set_faults(faults);
  }

  void outside() {
    HostObservation host = world_.sim().observe();
    for (const ObservedDomain& domain : host.domains) {
      if (domain.name == "alien") continue;
      if (chance_.below(12) == 0) (void)world_.sim().guest_reboot(domain.uuid).ok();
      if (chance_.below(12) == 0) (void)world_.sim().outside_destroy(domain.uuid).ok();
      if (chance_.below(12) == 0) (void)world_.sim().outside_memory(domain.uuid, mib(300)).ok();
    }
    if (chance_.below(10) == 0) {
      (void)world_.sim().power_cycle().ok();
      world_.alien.clear();  // other people's machines are gone as well, and stay so
    }
    if (chance_.below(3) == 0) world_.advance(seconds(static_cast<int64_t>(chance_.below(300))));
  }

  World world_;
  SeededRandom chance_;
  std::string broken_;
  Bytes wide_ = gib(1);  // never less: shrinking is refused
};

TEST(RandomFaults, ConvergeWhenTheyStop) {
  uint64_t first = 1, last = 300;
  if (const char* more = std::getenv("HV_SEEDS")) last = std::strtoull(more, nullptr, 10);
  if (const char* only = std::getenv("HV_SEED")) first = last = std::strtoull(only, nullptr, 10);
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("again alone, with its story: HV_SEED=" + std::to_string(seed));
    Chaos(seed).run();
    if (HasFailure()) return;
  }
  std::printf("%d seeds converged\n", static_cast<int>(last - first + 1));
}

}  // namespace
}  // namespace hv::testing
