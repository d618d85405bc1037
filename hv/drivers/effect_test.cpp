// Read-back: each operation against what a host may show before, in the middle and after.
#include "hv/drivers/effect.h"

#include <gtest/gtest.h>

#include <functional>

#include "hv/drivers/sim/test_host.h"

namespace hv {
namespace {

using testing::disk;
using testing::interface;
using testing::machine;
using testing::uuid_of;

HostObservation seen_host() {
  HostObservation host;
  host.host = HostName{"lab"};
  host.reachable = true;
  ObservedDomain web;
  web.uuid = uuid_of("web");
  web.name = "web";
  web.domid = DomId{3};
  web.memory = mib(512);
  web.memory_max = gib(1);
  web.vcpus = 2;
  web.attributes.set("cpu_weight", 256);
  web.vbds.push_back({disk("xvda phy:/dev/sda1 w"), "s", true});
  web.vifs.push_back(interface("00:16:3e:00:00:01", "xenbr0"));
  host.domains.push_back(web);
  Claim claim;
  claim.uuid = web.uuid;
  claim.device = "xvda";
  host.claims.push_back(claim);
  ObservedVdisk vdisk;
  vdisk.uuid = uuid_of("logs");
  vdisk.extents = {{StoreId{"s"}, sectors(0), sectors(8), true}};
  host.vdisks.push_back(vdisk);
  return host;
}

Operation operation(Op op, const std::string& name = "web") {
  Operation made;
  made.op = op;
  made.uuid = uuid_of(name);
  return made;
}

struct EffectCase {
  const char* what;
  Op op;
  const char* name;
  std::function<void(Operation&)> ask;
  std::function<void(HostObservation&)> world;
  EffectState state;
};

void nothing(Operation&) {}
void as_it_is(HostObservation&) {}
ObservedDomain& web(HostObservation& host) {
  return host.domains[0];
}
std::function<void(Operation&)> with_disk(const std::string& text) {
  return [text](Operation& it) { it.vbd = disk(text); };
}
std::function<void(Operation&)> with_machine(const std::vector<std::string>& disks) {
  return [disks](Operation& it) { it.domain = machine("web", mib(512), disks); };
}
std::function<void(Operation&)> with_extents(int64_t count) {
  return [count](Operation& it) {
    it.extents[""] = {{StoreId{"s"}, sectors(0), sectors(count), true}};
  };
}
std::function<void(Operation&)> with_claims(const std::vector<std::string>& devices) {
  return [devices](Operation& it) {
    for (const std::string& device : devices) {
      it.claims.emplace_back();
      it.claims.back().uuid = it.uuid;
      it.claims.back().device = device;
    }
  };
}

constexpr EffectState kPresent = EffectState::present;
constexpr EffectState kAbsent = EffectState::absent;
constexpr EffectState kDifferent = EffectState::different;

const EffectCase kCases[] = {
    {"created", Op::domain_create, "web", with_machine({"xvda phy:/dev/sda1 w"}), as_it_is,
     kPresent},
    {"not created", Op::domain_create, "new", with_machine({}), as_it_is, kAbsent},
    {"created without a disk", Op::domain_create, "web",
     with_machine({"xvda phy:/dev/sda1 w", "xvdb phy:/dev/sda2 w"}), as_it_is, kDifferent},
    {"created with another disk", Op::domain_create, "web", with_machine({"xvda phy:/dev/sdb1 w"}),
     as_it_is, kDifferent},
    {"created with another mode", Op::domain_create, "web", with_machine({"xvda phy:/dev/sda1 r"}),
     as_it_is, kDifferent},
    {"shared writing is writing", Op::domain_create, "web", with_machine({"xvda phy:/dev/sda1 w!"}),
     as_it_is, kPresent},
    {"created half", Op::domain_create, "web", with_machine({"xvda phy:/dev/sda1 w"}),
     [](HostObservation& h) { web(h).vbds[0].connected = false; }, kDifferent},
    {"verified", Op::domain_verify, "web", with_machine({"xvda phy:/dev/sda1 w"}), as_it_is,
     kPresent},
    {"runs", Op::domain_unpause, "web", nothing, as_it_is, kPresent},
    {"still paused", Op::domain_unpause, "web", nothing,
     [](HostObservation& h) { web(h).state = PowerState::paused; }, kAbsent},
    {"never ran", Op::domain_unpause, "web", nothing,
     [](HostObservation& h) { web(h).never_ran = true; }, kAbsent},
    {"not paused", Op::domain_pause, "web", nothing, as_it_is, kAbsent},
    {"paused", Op::domain_pause, "web", nothing,
     [](HostObservation& h) { web(h).state = PowerState::paused; }, kPresent},
    {"memory as asked", Op::domain_memory, "web", [](Operation& o) { o.memory = mib(512); },
     as_it_is, kPresent},
    {"memory as before", Op::domain_memory, "web", [](Operation& o) { o.memory = mib(640); },
     as_it_is, kAbsent},
    {"vcpus as asked", Op::domain_vcpus, "web", [](Operation& o) { o.vcpus = 2; }, as_it_is,
     kPresent},
    {"vcpus as before", Op::domain_vcpus, "web", [](Operation& o) { o.vcpus = 1; }, as_it_is,
     kAbsent},
    {"weight as asked", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpu_weight", 256); }, as_it_is, kPresent},
    {"weight as before", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpu_weight", 512); }, as_it_is, kAbsent},
    {"cap unset", Op::domain_schedule, "web", [](Operation& o) { o.settings.set("cap", Value()); },
     as_it_is, kPresent},
    {"weight not unset", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpu_weight", Value()); },
     [](HostObservation& h) { web(h).attributes.set("cpu_weight", 300); }, kAbsent},
    {"weight unset to its default", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpu_weight", Value()); }, as_it_is, kPresent},
    {"pinned, in other words", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpus", "0,1"); },
     [](HostObservation& h) { h.cpus = 4, web(h).attributes.set("cpus", "0-1"); }, kPresent},
    {"pinned elsewhere", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpus", "0"); },
     [](HostObservation& h) { h.cpus = 4, web(h).attributes.set("cpus", "1"); }, kAbsent},
    {"not pinned", Op::domain_schedule, "web", [](Operation& o) { o.settings.set("cpus", "0"); },
     as_it_is, kAbsent},
    {"no longer pinned", Op::domain_schedule, "web",
     [](Operation& o) { o.settings.set("cpus_soft", Value()); },
     [](HostObservation& h) { h.cpus = 4, web(h).attributes.set("cpus_soft", "all"); }, kPresent},
    {"renamed", Op::domain_rename, "web", [](Operation& o) { o.name = "web"; }, as_it_is, kPresent},
    {"not renamed", Op::domain_rename, "web", [](Operation& o) { o.name = "db"; }, as_it_is,
     kAbsent},
    {"attached", Op::vbd_attach, "web", with_disk("xvda phy:/dev/sda1 w"), as_it_is, kPresent},
    {"not attached", Op::vbd_attach, "web", with_disk("xvdb phy:/dev/sda1 w"), as_it_is, kAbsent},
    {"something else is attached", Op::vbd_attach, "web", with_disk("xvda phy:/dev/sda2 w"),
     as_it_is, kDifferent},
    {"half attached", Op::vbd_attach, "web", with_disk("xvda phy:/dev/sda1 w"),
     [](HostObservation& h) { web(h).vbds[0].connected = false; }, kDifferent},
    {"attached to nobody", Op::vbd_attach, "new", with_disk("xvda phy:/dev/sda1 w"), as_it_is,
     kAbsent},
    {"detached", Op::vbd_detach, "web", with_disk("xvdb phy:/dev/sda1 w"), as_it_is, kPresent},
    {"not detached", Op::vbd_detach, "web", with_disk("xvda phy:/dev/sda1 w"), as_it_is, kAbsent},
    {"not released", Op::vbd_detach, "web", with_disk("xvda phy:/dev/sda1 w"),
     [](HostObservation& h) { web(h).vbds[0].connected = false; }, kDifferent},
    {"detached with its machine", Op::vbd_detach, "new", with_disk("xvda phy:/dev/sda1 w"),
     as_it_is, kPresent},
    {"enlarged", Op::vbd_enlarge, "web", with_disk("xvda phy:/dev/sda1 w"), as_it_is, kPresent},
    {"nothing to enlarge", Op::vbd_enlarge, "web", with_disk("xvdb phy:/dev/sda1 w"), as_it_is,
     kAbsent},
    {"interface by MAC", Op::vif_attach, "web",
     [](Operation& o) { o.vif = interface("00:16:3e:00:00:01", "other"); }, as_it_is, kPresent},
    {"no such interface", Op::vif_attach, "web",
     [](Operation& o) { o.vif = interface("00:16:3e:00:00:02", "xenbr0"); }, as_it_is, kAbsent},
    {"interface gone", Op::vif_detach, "web",
     [](Operation& o) { o.vif = interface("00:16:3e:00:00:02", "xenbr0"); }, as_it_is, kPresent},
    {"interface still there", Op::vif_detach, "web",
     [](Operation& o) { o.vif = interface("00:16:3e:00:00:01", ""); }, as_it_is, kAbsent},
    {"interface gone with its machine", Op::vif_detach, "new",
     [](Operation& o) { o.vif = interface("00:16:3e:00:00:01", ""); }, as_it_is, kPresent},
    {"destroyed", Op::domain_destroy, "new", nothing, as_it_is, kPresent},
    {"not destroyed", Op::domain_destroy, "web", nothing, as_it_is, kAbsent},
    {"going", Op::domain_shutdown, "web", nothing, [](HostObservation& h) { web(h).dying = true; },
     kDifferent},
    {"saved", Op::domain_save, "web", nothing,
     [](HostObservation& h) { web(h).state = PowerState::saved; }, kPresent},
    {"not saved", Op::domain_save, "web", nothing, as_it_is, kAbsent},
    {"lost while it was saved", Op::domain_save, "new", nothing, as_it_is, kAbsent},
    {"an image that was used", Op::domain_save, "web", nothing,
     [](HostObservation& h) {
       web(h).state = PowerState::saved;
       web(h).dying = true;
     },
     kDifferent},
    {"restored", Op::domain_restore, "web", nothing, as_it_is, kPresent},
    {"not restored", Op::domain_restore, "web", nothing,
     [](HostObservation& h) { web(h).state = PowerState::saved; }, kAbsent},
    {"restored without its disk", Op::domain_restore, "web",
     [](Operation& o) { o.domain = machine("web", mib(512), {"xvdz phy:/dev/sdz w"}); }, as_it_is,
     kDifferent},
    {"saved again", Op::domain_unrestore, "web", nothing,
     [](HostObservation& h) { web(h).state = PowerState::saved; }, kPresent},
    {"not saved again", Op::domain_unrestore, "web", nothing, as_it_is, kAbsent},
    {"not migrated", Op::domain_migrate, "web", nothing, as_it_is, kAbsent},
    {"claimed", Op::claim_put, "web", with_claims({"xvda"}), as_it_is, kPresent},
    {"claimed in part", Op::claim_put, "web", with_claims({"xvda", "xvdb"}), as_it_is, kAbsent},
    {"nothing to claim", Op::claim_put, "new", nothing, as_it_is, kPresent},
    {"claim not dropped", Op::claim_drop, "web", with_claims({"xvda"}), as_it_is, kAbsent},
    {"no claim dropped at all", Op::claim_drop, "web", nothing, as_it_is, kAbsent},
    {"claim dropped", Op::claim_drop, "web", with_claims({"xvdb"}), as_it_is, kPresent},
    {"all claims dropped", Op::claim_drop, "new", nothing, as_it_is, kPresent},
    {"mapped", Op::vdisk_create, "logs", with_extents(8), as_it_is, kPresent},
    {"mapped elsewhere", Op::vdisk_create, "logs", with_extents(9), as_it_is, kDifferent},
    {"not mapped", Op::vdisk_create, "new", with_extents(8), as_it_is, kAbsent},
    {"not enlarged", Op::vdisk_enlarge, "logs", with_extents(9), as_it_is, kAbsent},
    {"enlarged table", Op::vdisk_enlarge, "logs", with_extents(8), as_it_is, kPresent},
    {"not unmapped", Op::vdisk_expire, "logs", nothing, as_it_is, kAbsent},
    {"unmapped", Op::vdisk_expire, "new", nothing, as_it_is, kPresent},
    {"pool in use", Op::pool_initialise, "logs", nothing, as_it_is, kPresent},
    {"pool not in use", Op::pool_initialise, "new", nothing, as_it_is, kAbsent},
    {"nothing of a host's", Op::record_state, "new", nothing, as_it_is, kPresent},
};

TEST(Effect, IsReadFromWhatTheHostShows) {
  for (const EffectCase& one : kCases) {
    HostObservation host = seen_host();
    one.world(host);
    Operation asked = operation(one.op, one.name);
    one.ask(asked);
    const Effect effect = read_effect(asked, host);
    EXPECT_EQ(effect.state, one.state) << one.what << ": " << effect.words;
    EXPECT_FALSE(effect.words.empty()) << one.what;
    host.reachable = false;
    host.reason = "it sleeps";
    EXPECT_EQ(read_effect(asked, host).state, kDifferent) << one.what;
  }
}

// Of a pool that grows, all devices must be in it: that it was in use before proves nothing.
TEST(Effect, APoolIsInUseWithAllItsDevices) {
  HostObservation host = seen_host();
  host.pools.push_back({uuid_of("logs"), "logs", {"/dev/sda", "/dev/vg/a"}});
  Operation pool = operation(Op::pool_initialise, "logs");
  pool.pool = PoolSpec();
  pool.pool->devices = {"phy:sda", "phy:/dev/mapper/vg-a"};
  EXPECT_EQ(read_effect(pool, host).state, EffectState::present);
  pool.pool->devices.push_back("phy:/dev/sdb");
  EXPECT_EQ(read_effect(pool, host).state, EffectState::absent);
}

TEST(Effect, EveryOperationHasACase) {
  for (const Op op : all_ops())
    EXPECT_TRUE(std::any_of(std::begin(kCases), std::end(kCases), [&](const EffectCase& one) {
      return one.op == op;
    })) << to_string(op);
}

// Of the two machines of a migration: 0 none, 1 running, 2 a copy that never ran, 3 going.
TEST(Effect, AMigrationIsReadFromBothHosts) {
  const auto host = [](int what) {
    HostObservation seen;
    seen.reachable = what != 4;
    if (what < 1 || what > 3) return seen;
    ObservedDomain domain;
    domain.uuid = testing::uuid_of("web");
    domain.never_ran = what == 2;
    domain.dying = what == 3;
    seen.domains = {domain};
    return seen;
  };
  Operation move = operation(Op::domain_migrate, "web");
  const std::tuple<int, int, Migrated> cases[] = {
      {1, 0, Migrated::still_here}, {1, 2, Migrated::half},   {3, 2, Migrated::going},
      {3, 1, Migrated::going},      {0, 1, Migrated::done},   {0, 2, Migrated::runs_nowhere},
      {1, 1, Migrated::runs_twice}, {0, 0, Migrated::lost},   {3, 0, Migrated::going},
      {0, 3, Migrated::going},      {4, 1, Migrated::unread}, {1, 4, Migrated::unread},
  };
  for (const auto& [here, there, what] : cases) {
    EXPECT_EQ(read_migration(move, host(here), host(there)), what) << here << there;
    EXPECT_FALSE(to_string(what).empty());
  }
}

}  // namespace
}  // namespace hv
