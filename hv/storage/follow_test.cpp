// What cannot be followed to its end, or only with doubts: circles, what leads nowhere, what nobody
// wrote down, and inventories made to do harm.
#include <gtest/gtest.h>

#include <memory>

#include "hv/storage/storage.h"

namespace hv {
namespace {

BlockDevice disk(const std::string& name, int64_t size, const std::string& wwn = {}) {
  BlockDevice device;
  device.name = name;
  device.number = "8:" + std::to_string(name.back());
  device.size = sectors(size);
  device.wwn = wwn;
  return device;
}

BlockDevice mapper(const std::string& name, int64_t size, LayerKind kind,
                   const std::vector<std::string>& on) {
  BlockDevice device;
  device.name = name;
  device.kind = DeviceKind::mapper;
  device.size = sectors(size);
  Layer layer{{}, sectors(size), kind, {}, {}, {}};
  for (const std::string& leg : on) layer.legs.push_back({leg, {}});
  device.layers = {layer};
  return device;
}

// A host with a filesystem on sda.
Inventory host_with(const std::string& name, std::vector<BlockDevice> devices) {
  Inventory inventory;
  inventory.host = HostName{name};
  inventory.devices = std::move(devices);
  Mount root;
  root.point = "/";
  root.type = "ext4";
  root.source = "/dev/sda";
  Mount dev;
  dev.point = "/dev";
  dev.type = "devtmpfs";
  dev.source = "devtmpfs";
  inventory.mounts = {root, dev};
  return inventory;
}

ImageFile image(const std::string& path, int64_t inode, const std::string& backing = {}) {
  ImageFile file;
  file.path = path;
  file.inode = inode;
  file.size = mib(1);
  file.format = backing.empty() ? "" : "qcow2";
  file.backing = backing;
  return file;
}

StorageContext knowing(std::vector<Inventory> inventories) {
  StorageContext context;
  context.map = std::make_shared<StorageMap>(std::move(inventories), context.local_stores,
                                             std::set<HostName>{});
  return context;
}

Resolved resolved(const std::string& source, const StorageContext& context,
                  const std::string& host = "xen1") {
  Vbd vbd;
  vbd.device = "xvda";
  vbd.source = source;
  return resolve(vbd, HostName{host}, context);
}

bool complains(const Resolved& resolved, const std::string& text) {
  for (const std::string& problem : resolved.problems)
    if (problem.find(text) != std::string::npos) return true;
  return false;
}

TEST(Follow, CirclesAndWhatLeadsNowhereAreNamed) {
  Inventory inventory = host_with(
      "xen1", {disk("sda", 4096, "0x5001"), mapper("dm-0", 64, LayerKind::linear, {"dm-1"}),
               mapper("dm-1", 64, LayerKind::linear, {"dm-0"}),
               mapper("dm-2", 64, LayerKind::linear, {"sdq"}),
               mapper("dm-3", 64, LayerKind::linear, {"/loop.img"})});
  // A loop device on a file of the filesystem that is on the loop device.
  inventory.mounts.push_back({"/inner", "/", "", "ext4", "/dev/dm-3", false, false, {}, {}});
  inventory.links = {{"/a", "b"}, {"/b", "/a"}, {"/loop.img", "/inner/file"}};
  inventory.files = {image("/x", 3, "y"), image("/y", 4, "x"), image("/z", 5, "gone"),
                     image("/j", 6, "json:{}"), image("/inner/file", 7)};
  BlockDevice gap = disk("sdb", 64);
  gap.layers = {{sectors(0), sectors(8), LayerKind::linear, {{"sda", sectors(0)}}, {}, {}}};
  inventory.devices.push_back(gap);
  const StorageContext context = knowing({inventory});
  const std::pair<const char*, const char*> cases[] = {
      {"/dev/dm-0", "the layers go in a circle: dm-0 → dm-1 → dm-0"},
      {"/dev/dm-2", "`sdq` is in no inventory of xen1"},
      {"/dev/dm-3", "the layers go in a circle: a file on `dm-3` is below it"},
      {"/dev/sdz", "`/dev/sdz` is in no inventory of xen1"},
      {"/dev/sdb", "nothing is known of sectors [8..63] of `sdb`"},
      {"/a/disk.img", "the links of `/a/disk.img` go in a circle"},
      {"/x", "the backing files of `/x` go in a circle"},
      {"/z", "the file `/gone` is in no inventory of xen1"},
      {"/j", "the backing file of `/j` is given as JSON"},
      {"/new.img", "the file `/new.img` is in no inventory of xen1"},
  };
  for (const auto& [source, problem] : cases) {
    const Resolved found = resolved(source, context);
    EXPECT_TRUE(complains(found, problem))
        << source << ": " << (found.problems.empty() ? "nothing" : found.problems.front());
    EXPECT_FALSE(found.extents.empty()) << source << ": by its name at least";
  }
  EXPECT_TRUE(resolved("/inner/../x", context).path.size() > 1);
}

// Each level lies twice on the next: as many ways down as nobody can walk.
TEST(Follow, WhatBranchesForEverIsGivenUp) {
  for (const LayerKind kind : {LayerKind::mirror, LayerKind::own}) {
    std::vector<BlockDevice> devices = {disk("sda", 4096, "0x5001")};
    for (int i = 0; i < 60; ++i) {
      const std::string next = i == 59 ? "sda" : "dm-" + std::to_string(i + 1);
      devices.push_back(mapper("dm-" + std::to_string(i), 64, kind, {next, next}));
    }
    const StorageContext context = knowing({host_with("xen1", devices)});
    const Resolved found = resolved("/dev/dm-0", context);
    EXPECT_TRUE(complains(found, "branch more than anybody's disks do"));
    EXPECT_FALSE(found.extents.empty());
  }
}

bool meet(const Resolved& a, const Resolved& b) {
  for (const Extent& x : a.extents)
    for (const Extent& y : b.extents)
      if (overlap(x, y)) return true;
  return false;
}

// Made after the inventory was gathered: it lies where no other partition does, and so on the whole
// disk that somebody else has.
TEST(Follow, APartitionThatIsNewLiesOnItsDisk) {
  BlockDevice first = disk("sdb1", 1000);
  first.kind = DeviceKind::partition;
  first.layers = {{{}, sectors(1000), LayerKind::linear, {{"sdb", sectors(2048)}}, {}, {}}};
  const auto context = knowing({host_with(
      "xen1", {disk("sda", 64, "0x1"), disk("sdb", 8192, "0x2"), first, disk("sdc", 64, "0x3")})});
  const Resolved second = resolved("/dev/sdb2", context);
  EXPECT_TRUE(complains(second, "`/dev/sdb2` is in no inventory of xen1"));
  EXPECT_TRUE(meet(second, resolved("/dev/sdb", context)));
  EXPECT_TRUE(meet(second, resolved("/dev/sdb2", context)));
  EXPECT_FALSE(meet(second, resolved("/dev/sdb1", context)));
  EXPECT_FALSE(meet(second, resolved("/dev/sdc", context)));
  EXPECT_FALSE(meet(second, resolved("/dev/sdb3", context))) << "told apart by their names";
  EXPECT_TRUE(meet(resolved("/dev/sdc7", context), resolved("/dev/sdc", context)));
  EXPECT_FALSE(meet(resolved("/dev/sdq7", context), resolved("/dev/sdc", context)));
}

TEST(Follow, AVolumeThatIsNewLiesInItsGroup) {
  Inventory inventory =
      host_with("xen1", {disk("sda", 64, "0x1"), disk("sdb", 8192, "0x2"), disk("sdc", 64, "0x3")});
  const Layer layer{{}, sectors(1000), LayerKind::linear, {{"sdb", sectors(2048)}}, {}, {}};
  inventory.groups = {{"vg", "", false, {{"sdb", "", sectors(2048)}}, {{"a", "", "", {layer}}}}};
  const StorageContext context = knowing({inventory});
  const Resolved added = resolved("/dev/vg/new", context);
  EXPECT_TRUE(complains(added, "is in no inventory of xen1"));
  EXPECT_TRUE(meet(added, resolved("/dev/sdb", context)));
  EXPECT_TRUE(meet(added, resolved("/dev/mapper/vg-new", context)));
  EXPECT_FALSE(meet(added, resolved("/dev/vg/a", context)));
  EXPECT_FALSE(meet(added, resolved("/dev/vg/newer", context))) << "told apart by their names";
  EXPECT_FALSE(meet(added, resolved("/dev/sdc", context)));
  EXPECT_FALSE(meet(resolved("/dev/other/new", context), resolved("/dev/sdb", context)));
}

TEST(Follow, ADeviceByItsNumber) {
  const auto context = knowing({host_with("xen1", {disk("sda", 64, "0x1")})});
  const std::string number = "8:" + std::to_string('a');
  EXPECT_TRUE(meet(resolved("/dev/block/" + number, context), resolved("phy:/dev/sda", context)));
}

// The same file under a second name that no layer tells of.
TEST(Follow, AFilesystemThatShowsOthersIsSaid) {
  for (const char* type : {"overlay", "fuse.mergerfs", "9p"}) {
    Inventory inventory = host_with("xen1", {disk("sda", 4096, "0x1")});
    inventory.mounts.push_back({"/union", "/", "0:40", type, "union", false, false, {}, {}});
    inventory.files = {image("/union/a.img", 5)};
    EXPECT_TRUE(complains(resolved("/union/a.img", knowing({inventory})), "shows files of other"));
  }
}

// Two ways to one target of iSCSI, where nobody has an inventory.
TEST(Follow, ATargetIsKnownByItsNameAlone) {
  const auto target = [](const std::string& rest) {
    Vbd vbd;
    vbd.device = "xvda";
    vbd.script = "block-iscsi";
    vbd.source = "iqn=iqn.2001-05.com.san:disks," + rest;
    return resolve(vbd, HostName{"xen1"}, {});
  };
  EXPECT_TRUE(meet(target("portal=10.0.0.1"), target("portal=10.0.0.2")));
}

// A WWN here and a bare serial there prove neither that two disks are one nor that they are two;
// what is written on them raises the doubt.
TEST(Follow, IdsOfOtherKindsProveNothing) {
  BlockDevice here = disk("sdb", 4096, "0x5002"), there = disk("sdc", 4096);
  there.serial = "S1";
  const auto meets = [&] {
    const StorageContext context = knowing({host_with("xen1", {disk("sda", 64, "0x1"), here}),
                                            host_with("xen2", {disk("sda", 64, "0x2"), there})});
    return meet(resolved("/dev/sdb", context), resolved("/dev/sdc", context, "xen2"));
  };
  EXPECT_FALSE(meets());
  here.marks = there.marks = {"gpt:6d1c5a80-30b7-4d0c-9a3e-2f64b1d4a7c1"};
  EXPECT_TRUE(meets());
  there.wwn = "0x5003";
  EXPECT_FALSE(meets()) << "a copy: their WWNs differ";
}

// One unit that two hosts see in two sizes, since it grew: what is written on it says so.
TEST(Follow, AMarkCountsWhateverTheSize) {
  BlockDevice here = disk("sdb", 4096), there = disk("sdc", 8192);
  const auto meets = [&] {
    const StorageContext context = knowing({host_with("xen1", {disk("sda", 64, "0x1"), here}),
                                            host_with("xen2", {disk("sda", 64, "0x2"), there})});
    return meet(resolved("/dev/sdb", context), resolved("/dev/sdc", context, "xen2"));
  };
  EXPECT_FALSE(meets());
  here.marks = there.marks = {"gpt:6d1c5a80-30b7-4d0c-9a3e-2f64b1d4a7c1"};
  EXPECT_TRUE(meets());
  there.transport = "sata";
  EXPECT_FALSE(meets()) << "a copy: no other host can open it";
}

// A journal on a disk of its own is written with its filesystem.
TEST(Follow, AJournalElsewhereIsTheHostsToo) {
  Inventory inventory = host_with("xen1", {disk("sda", 64, "0x1"), disk("sdb", 64, "0x2")});
  inventory.mounts.push_back(
      {"/data", "/", "", "xfs", "/dev/sda", false, false, {"logdev=/dev/sdb"}, {}});
  const StorageContext context = knowing({inventory});
  bool written = false;
  for (const Access& access : host_accesses(HostName{"xen1"}, context))
    for (const Extent& extent : access.extents)
      written = written || (extent.store.text == "wwn:0x2" && access.mode == AccessMode::write);
  EXPECT_TRUE(written);
}

}  // namespace
}  // namespace hv
