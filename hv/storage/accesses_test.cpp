#include <gtest/gtest.h>

#include "hv/storage/storage.h"

namespace hv {
namespace {

Vbd vbd(const char* backend, const char* source, const char* device,
        AccessMode mode = AccessMode::write) {
  Vbd one;
  one.backend = backend;
  one.source = source;
  one.device = device;
  one.mode = mode;
  one.place = {"a.vm", 3, 5};
  return one;
}

DomainSpec domain(const char* name, std::vector<Vbd> vbds) {
  DomainSpec spec;
  spec.address = {Kind::domain, name};
  spec.host = HostName{"xen1"};
  spec.vbds = std::move(vbds);
  return spec;
}

TEST(Resolve, SaysHowTheNameLedThere) {
  StorageContext context;
  const HostName host{"xen1"};
  Resolved partition = resolve(vbd("phy", "/dev/sda3", "xvda"), host, context);
  EXPECT_EQ(partition.path,
            (std::vector<std::string>{"phy:/dev/sda3", "sda3", "partition 3 of sda"}));
  EXPECT_FALSE(partition.resolved);
  EXPECT_EQ(resolve(vbd("", "sdb", "xvda"), host, context).path, std::vector<std::string>{"sdb"});
  EXPECT_TRUE(resolve(vbd("phy", "", "hdc"), host, context).extents.empty());

  Resolved unallocated = resolve(vbd("vd", "web0", "xvda"), host, context);
  EXPECT_TRUE(unallocated.extents.empty());
  EXPECT_EQ(unallocated.path, std::vector<std::string>{"vd:web0"});

  const Extent device = resolve_device("phy:/dev/sda10", host, context).extents.at(0);
  Extent piece = device;
  piece.start += sectors(2048);
  piece.count = sectors(100);
  context.vdisks[{Kind::vdisk, "web0"}] = {piece};
  Resolved vdisk = resolve(vbd("vd", "web0", "xvda"), host, context);
  EXPECT_EQ(vdisk.path, (std::vector<std::string>{"vd:web0", "partition 10 of sda [2048..2147]"}));
  ASSERT_EQ(vdisk.extents.size(), 1u);
  EXPECT_TRUE(
      overlap(vdisk.extents[0], resolve(vbd("phy", "sda10", "xvdb"), host, context).extents.at(0)));
  EXPECT_FALSE(
      overlap(vdisk.extents[0], resolve(vbd("phy", "sda1", "xvdb"), host, context).extents.at(0)));
}

// A pool on a whole disk: where its partitions lie is not known, so each may be under a vdisk.
TEST(Resolve, AVdiskOnAWholeDiskMeetsItsPartitions) {
  StorageContext context;
  const HostName host{"xen1"};
  const Extent device = resolve_device("sda", host, context).extents.at(0);
  const Extent one{device.store, sectors(2048), sectors(8), false};
  const Extent two{device.store, sectors(2056), sectors(8), false};
  EXPECT_FALSE(overlap(one, two));
  EXPECT_TRUE(overlap(one, resolve(vbd("phy", "sda3", "xvda"), host, context).extents.at(0)));
  EXPECT_TRUE(overlap(one, resolve(vbd("phy", "sda", "xvda"), host, context).extents.at(0)));
}

TEST(Accesses, ADriverDomainsNamesAreItsOwn) {
  DesiredGraph desired;
  Vbd served = vbd("phy", "/dev/sda", "xvda"), by_dom0 = vbd("phy", "/dev/sdb", "xvdb");
  served.options["backend"] = "storage";
  by_dom0.options["backend"] = "0";
  ASSERT_TRUE(desired.add(domain("a", {by_dom0, served})));
  const std::vector<Finding> findings = check_layers(desired, StorageContext{});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, Code::layer_unfollowed);
  EXPECT_EQ(findings[0].severity, Severity::warning);
  EXPECT_EQ(findings[0].accesses.at(0).device, "xvda");
  EXPECT_NE(findings[0].message.find("`storage`"), std::string::npos) << findings[0].message;
}

TEST(Accesses, CarryModePermissionAndGrants) {
  DesiredGraph desired;
  const Address a{Kind::domain, "a"}, b{Kind::domain, "b"};
  desired.grants.push_back({"phy:/dev/sdc", std::nullopt, "ocfs2", {a, b}, {}});
  desired.grants.push_back({"", Address{Kind::vdisk, "shared"}, "gfs2", {a}, {}});
  desired.grants.push_back({"phy:/dev/sdc", std::nullopt, "ocfs2", {b}, {}});
  DomainSpec spec = domain("a", {vbd("phy", "sdc", "xvda"), vbd("phy", "sdc1", "xvdb"),
                                 vbd("vd", "shared", "xvdc"), vbd("phy", "shared", "xvdd")});
  auto of = [&](int project_default) {
    return accesses_of(spec, desired, project_default, {}, AccessOrigin::desired);
  };
  const std::vector<Access> accesses = of(1);
  ASSERT_EQ(accesses.size(), 4u);
  EXPECT_EQ(accesses[0].grants, std::vector<uint32_t>{0});
  EXPECT_TRUE(accesses[1].grants.empty());  // a partition of it is not it
  EXPECT_EQ(accesses[2].grants, std::vector<uint32_t>{1});
  EXPECT_TRUE(accesses[3].grants.empty());  // a device called like the vdisk
  EXPECT_EQ(accesses[0].permitted, 1);
  EXPECT_EQ(of(0)[0].permitted, 0);
  EXPECT_EQ(of(2)[0].permitted, 1) << "level 2 is never a default";
  spec.sharing = 2;
  EXPECT_EQ(of(0)[0].permitted, 2);
  spec.sharing = 0;
  EXPECT_EQ(of(1)[0].permitted, 0);
  EXPECT_EQ(accesses[0].place.line, 3u);
  EXPECT_EQ(accesses[0].party.text, "domain.a");
  EXPECT_FALSE(accesses[0].dormant);
  spec.state = PowerState::halted;
  EXPECT_TRUE(of(0)[0].dormant);
  spec.state = PowerState::saved;
  EXPECT_FALSE(of(0)[0].dormant) << "a saved domain holds its disks in full";
}

TEST(Accesses, OfOthersPermitNothing) {
  HostObservation host;
  host.host = HostName{"xen1"};
  const Uuid ours = uuid_v5({}, "ours"), alien = uuid_v5({}, "alien");
  for (const auto& [uuid, name] : {std::pair(ours, "web0"), std::pair(alien, "alien"),
                                   std::pair(Uuid{}, "Domain-0"), std::pair(Uuid{}, "nobody")}) {
    ObservedDomain one;
    one.uuid = uuid;
    one.name = name;
    one.vbds.push_back({vbd("phy", "sda3", "xvda"), "", true});
    host.domains.push_back(one);
  }
  host.domains[1].vbds[0].physical = "/dev/sdq1";
  host.domains[3].state = PowerState::halted;
  host.latent.push_back({"autostart", alien, "alien", vbd("phy", "sdb", "xvdb")});
  host.latent.push_back({"save file", ours, "web0", vbd("phy", "sdb", "xvdb")});
  // A nil UUID is nobody's, even if state had recorded one.
  const std::map<Uuid, Address> known = {{ours, {Kind::domain, "web0"}},
                                         {Uuid{}, {Kind::domain, "odd"}}};
  const std::vector<Access> accesses = foreign_accesses(host, known, {});
  ASSERT_EQ(accesses.size(), 4u);
  EXPECT_EQ(accesses[0].party.text, "unmanaged.xen1/alien");
  EXPECT_EQ(accesses[0].extents.size(), 2u) << "the name asked for and the device behind it";
  EXPECT_EQ(accesses[1].party.text, "dom0.xen1");
  EXPECT_EQ(accesses[2].party.text, "unmanaged.xen1/nobody");
  EXPECT_TRUE(accesses[2].dormant);
  EXPECT_EQ(accesses[3].origin, AccessOrigin::latent);
  EXPECT_EQ(accesses[3].path.front(), "autostart");
  for (const Access& access : accesses) {
    EXPECT_EQ(access.permitted, 0);
    EXPECT_FALSE(access.place.valid());
  }
}

// A pool of another project holds its devices before a machine uses any of its disks.
TEST(ForeignAccesses, APoolOfAnotherProjectHoldsItsDevices) {
  HostObservation host;
  host.host = HostName{"xen1"};
  const Uuid pool = uuid_v5(Uuid{}, "pool");
  host.pools.push_back({pool, "fast", {"/dev/sdb", "/dev/sdc3"}});
  const std::vector<Access> accesses = foreign_accesses(host, {}, {});
  ASSERT_EQ(accesses.size(), 2u);
  for (const char* source : {"/dev/sdb", "/dev/sdb1", "/dev/sdc", "/dev/sdc3"}) {
    Vbd vbd;
    vbd.source = source;
    const Extent theirs = resolve(vbd, host.host, {}).extents.at(0);
    EXPECT_TRUE(std::any_of(accesses.begin(), accesses.end(), [&](const Access& access) {
      return writes(access.mode) && overlap(access.extents.at(0), theirs);
    })) << source;
  }
  EXPECT_TRUE(foreign_accesses(host, {{pool, {Kind::pool, "fast"}}}, {}).empty()) << "ours";
}

// What would start a machine by its name alone is that of ours which has the name on that host.
TEST(ForeignAccesses, ANameThatIsOursIsOurs) {
  HostObservation host;
  host.host = HostName{"xen1"};
  host.reachable = true;
  host.latent.push_back({"autostart", {}, "web0", vbd("phy", "sdb", "xvdb")});
  StorageContext context;
  context.names[{HostName{"xen2"}, "web0"}] = {Kind::domain, "web0"};
  EXPECT_EQ(foreign_accesses(host, {}, context).size(), 1u) << "on another host";
  context.names[{host.host, "web0"}] = {Kind::domain, "web0"};
  EXPECT_TRUE(foreign_accesses(host, {}, context).empty());
  Applied applied;
  AppliedDomain& web0 = applied.domains[{Kind::domain, "web0"}];
  web0.spec.address = {Kind::domain, "web0"};
  web0.spec.name = "web0";
  web0.spec.state = PowerState::halted;
  web0.uuid = uuid_v5({}, "ours");
  EXPECT_TRUE(own_accesses(host, applied, {}, 0, context).empty());
  web0.spec.host = host.host;
  const std::vector<Access> own = own_accesses(host, applied, {}, 0, context);
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0].origin, AccessOrigin::latent);
  host.latent[0].uuid = uuid_v5({}, "alien");
  EXPECT_EQ(foreign_accesses(host, {}, context).size(), 1u) << "another machine of that name";
  EXPECT_TRUE(own_accesses(host, applied, {}, 0, context).empty());
}

}  // namespace
}  // namespace hv
