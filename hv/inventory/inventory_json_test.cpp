#include "hv/inventory/inventory_json.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/clock.h"

namespace hv {
namespace {

Inventory everything() {
  Inventory all;
  all.host = HostName{"xen1"};
  all.taken = Time{{1'793'714'529'000}};
  all.machine = "4c4c4544-0051";
  all.notes = {{"lvs", "is not installed"}};
  BlockDevice sda;
  sda.name = "sda";
  sda.number = "8:0";
  sda.size = sectors(1 << 20);
  sda.wwn = "0x5000c500a1b2c3d4";
  sda.serial = "Z1";
  sda.model = "DISK";
  sda.transport = "sas";
  sda.ids = {"iscsi:iqn.2004-06.org:lun1"};
  sda.marks = {"gpt:11111111-2222-3333-4444-555555555555"};
  BlockDevice sda2;
  sda2.name = "sda2";
  sda2.number = "8:2";
  sda2.kind = DeviceKind::partition;
  sda2.size = sectors(1000);
  sda2.read_only = true;
  sda2.layers = {{sectors(0), sectors(1000), LayerKind::linear, {{"sda", sectors(2048)}}, {}, {}}};
  sda2.writes = {{"sda", sectors(5), sectors(6), "md superblock"}};
  BlockDevice dm;
  dm.name = "dm-10";
  dm.kind = DeviceKind::mapper;
  dm.mapper = "vg0-web";
  dm.size = sectors(300);
  dm.layers = {{sectors(0),
                sectors(100),
                LayerKind::striped,
                {{"sda2", sectors(0)}, {"/x", sectors(1)}},
                sectors(8),
                {}},
               {sectors(100), sectors(100), LayerKind::thin, {{"sda2", sectors(0)}}, {}, "7"},
               {sectors(200), sectors(100), LayerKind::empty, {}, {}, {}}};
  all.devices = {dm, sda2, sda};
  VolumeGroup group;
  group.name = "vg0";
  group.uuid = "abc";
  group.shared = true;
  group.devices = {{"sda2", "pv", sectors(2048)}};
  group.volumes = {{"web", "lv", "dm-10", {}}, {"spare", "lv2", "", dm.layers}};
  all.groups = {group};
  all.mounts = {{"/", "/", "8:2", "ext4", "/dev/sda2", false, false, {}, {}},
                {"/srv", "/data", "8:2", "ext4", "/dev/sda2", true, true, {"noload"}, "f00"}};
  all.swaps = {{"/dev/sda3"}};
  all.uses = {{"/dev/sdb", "open in qemu-nbd", AccessMode::write},
              {"/dev/sdc", "open in dd", AccessMode::read}};
  ImageFile image;
  image.path = "/srv/a.qcow2";
  image.inode = 12;
  image.links = 2;
  image.size = bytes(4096);
  image.allocated = bytes(512);
  image.format = "qcow2";
  image.shows = gib(1);
  image.backing = "base.img";
  image.backing_format = "raw";
  image.parts = {"a.raw"};
  ImageFile node;
  node.path = "/jail/disk";
  node.device = "8:0";
  all.files = {image, node};
  all.links = {{"/dev/disk/by-id/x", "../../sda"}, {"/dev/vg0/web", "../dm-10"}};
  LiveDomain domain;
  domain.name = "alien";
  domain.uuid = *parse_uuid("3f0c0000-0000-4000-8000-000000000001");
  ObservedVbd vbd;
  vbd.vbd.device = "xvda";
  vbd.vbd.source = "/dev/vg0/web";
  vbd.vbd.backend = "phy";
  vbd.vbd.format = "raw";
  vbd.vbd.script = "block";
  vbd.vbd.mode = AccessMode::write_shared;
  vbd.vbd.cdrom = true;
  vbd.physical = "fe:a";
  domain.vbds = {vbd};
  all.domains = {domain};
  return all;
}

TEST(InventoryJson, SaysEverythingAndReadsItBack) {
  const std::string text = inventory_json(everything());
  Result<Inventory> read = read_inventory(text);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(inventory_json(*read), text);
  Inventory sorted = everything();
  sort_inventory(sorted);
  EXPECT_EQ(read->devices, sorted.devices);
  EXPECT_EQ(read->groups, sorted.groups);
  EXPECT_EQ(read->mounts, sorted.mounts);
  EXPECT_EQ(read->swaps, sorted.swaps);
  EXPECT_EQ(read->uses, sorted.uses);
  EXPECT_EQ(read->files, sorted.files);
  EXPECT_EQ(read->links, sorted.links);
  EXPECT_EQ(read->notes, sorted.notes);
  EXPECT_EQ(read->machine, sorted.machine);
  EXPECT_EQ(read->taken, sorted.taken);
  ASSERT_EQ(read->domains.size(), 1u);
  EXPECT_TRUE(same_settings(read->domains[0].vbds[0].vbd, sorted.domains[0].vbds[0].vbd));
  EXPECT_EQ(read->domains[0].vbds[0].physical, "fe:a");
}

TEST(InventoryJson, OrderDoesNotDependOnHowItWasGathered) {
  Inventory other = everything();
  std::reverse(other.devices.begin(), other.devices.end());
  std::reverse(other.files.begin(), other.files.end());
  std::reverse(other.groups[0].volumes.begin(), other.groups[0].volumes.end());
  EXPECT_EQ(inventory_json(other), inventory_json(everything()));
  // dm-10 comes after dm-9, as people count.
  BlockDevice nine = other.devices[0];
  nine.name = "dm-9";
  other.devices.push_back(nine);
  const std::string text = inventory_json(other);
  EXPECT_LT(text.find("\"dm-9\""), text.find("\"dm-10\""));
}

TEST(InventoryJson, EveryTimeIsWrittenExactly) {
  SeededRandom random(3);
  for (int i = 0; i < 2000; ++i) {
    Inventory one;
    one.host = HostName{"h"};
    one.taken = Time{{static_cast<int64_t>(random.below(8'000'000'000)) * 1000}};
    Result<Inventory> read = read_inventory(inventory_json(one));
    ASSERT_TRUE(read.ok()) << read.error().message;
    ASSERT_EQ(read->taken, one.taken);
  }
}

TEST(InventoryJson, RefusesWhatANewerHvWrote) {
  Result<Inventory> read = read_inventory(R"({"format": "hv.inventory/2", "host": "x"})");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Code::inventory_newer);
}

TEST(InventoryJson, SaysWhereItIsWrong) {
  const std::string head =
      R"({"format":"hv.inventory/1","host":"h","taken":"2026-11-03T14:02:09Z",)";
  const std::pair<std::string, std::string> cases[] = {
      {"", "not JSON"},
      {"[]", "no `format`"},
      {R"({"format": 3})", "no `format`"},
      {R"({"format": "hv.plan/1"})", "hv.plan/1"},
      {R"({"format":"hv.inventory/1"})", "has no `host`"},
      {R"({"format":"hv.inventory/1","host":"h","taken":"yesterday","devices":[]})", "`taken`"},
      {head + R"("devices":{}})", "`devices` is no list"},
      {head + R"("devices":[{"kind":"disk","sectors":1}]})", "`devices[0]` has no `name`"},
      {head + R"("devices":[{"name":"a","kind":"disc","sectors":1}]})", "`devices[0].kind`"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":-1}]})", "`devices[0].sectors`"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":18446744073709551615}]})",
       "`devices[0].sectors`"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":1,"wnw":"x"}]})",
       "unknown key `wnw`"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":1},)" +
           R"({"name":"a","kind":"disk","sectors":1}]})",
       "`a` twice"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":1,"layers":[)" +
           R"({"start":0,"sectors":1,"kind":"linear"}]}]})",
       "`devices[0].layers[0]` must lie on something"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":1,"layers":[)" +
           R"({"start":0,"sectors":1,"kind":"striped","on":[{"device":"b","start":0}]}]}]})",
       "must have a chunk"},
      {head + R"("devices":[{"name":"a","kind":"disk","sectors":1,"layers":[)" +
           R"({"start":0,"sectors":9,"kind":"empty"},{"start":8,"sectors":1,"kind":"empty"}]}]})",
       "overlap"},
      {head + R"("devices":[],"mounts":[{"point":"srv","type":"ext4"}]})", "`mounts[0].point`"},
      {head + R"("devices":[],"links":{"a":"b"}})", "`links`"},
      {head + R"("devices":[],"domains":[{"name":"a","uuid":"7","vbds":[]}]})",
       "`domains[0].uuid`"},
  };
  for (const auto& [text, expected] : cases) {
    Result<Inventory> read = read_inventory(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, Code::inventory_unreadable);
    EXPECT_NE(read.error().message.find(expected), std::string::npos) << text << "\n"
                                                                      << read.error().message;
  }
}

TEST(InventoryJson, NoDamageCrashesTheReader) {
  const std::string good = inventory_json(everything());
  SeededRandom random(11);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (uint64_t k = 1 + random.below(3); k > 0; --k) {
      const std::size_t at = random.below(bad.size());
      if (random.below(3) == 0)
        bad.erase(at, 1 + random.below(40));
      else
        bad[at] =
            static_cast<char>(random.below(2) == 0 ? random.below(256) : '0' + random.below(10));
      if (bad.empty()) bad = "x";
    }
    Result<Inventory> read = read_inventory(bad);
    if (read.ok()) {
      EXPECT_TRUE(read_inventory(inventory_json(*read)).ok());
    }
  }
}

}  // namespace
}  // namespace hv
