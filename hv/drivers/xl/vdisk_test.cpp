#include "hv/drivers/xl/vdisk.h"

#include <gtest/gtest.h>

#include "hv/drivers/mapping.h"
#include "hv/drivers/xl/look.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

Uuid uuid_of(const std::string& name) {
  return uuid_v5(*parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), name);
}

Extent extent(const std::string& device, int64_t start, int64_t count) {
  Extent whole = resolve_device(device, HostName{"xen1"}, {}).extents.front();
  whole.start += sectors(start);
  whole.count = sectors(count);
  return whole;
}

Operation create(const std::vector<std::string>& devices, std::vector<Extent> extents) {
  Operation operation;
  operation.op = Op::vdisk_create;
  operation.address = {Kind::vdisk, "logs"};
  operation.uuid = uuid_of("logs");
  operation.pool = PoolSpec{};
  operation.pool->address = {Kind::pool, "fast"};
  operation.pool->devices = devices;
  operation.extents[""] = std::move(extents);
  tell_pool(operation, uuid_of("fast"));
  return operation;
}

TEST(XlVdisk, SectorsAreOfTheDeviceThatIsNamed) {
  const std::vector<std::string> devices = {"phy:/dev/sda10", "phy:sdb", "/dev/mapper/vg0-a"};
  const auto input = vdisk_input(
      create(devices, {extent("phy:/dev/vg0/a", 4096, 8), extent("/dev/sda10", 2048, 16),
                       extent("phy:/dev/sdb", 131072, 32)}));
  ASSERT_TRUE(input.ok()) << input.error().message;
  EXPECT_TRUE(input->starts_with("pool " + to_string(uuid_of("fast")) +
                                 " fast\ndevice 0 /dev/sda10\ndevice 1 /dev/sdb\n"
                                 "device 2 /dev/mapper/vg0-a\nname logs\nextent "))
      << *input;
  EXPECT_TRUE(input->ends_with("\nmap 2 4096 8\nmap 0 2048 16\nmap 1 131072 32\n")) << *input;
}

TEST(XlVdisk, WhatLiesOnNoDeviceOfThePoolIsRefused) {
  // The same sector numbers of another partition, of its whole disk, of another disk.
  for (const char* device : {"/dev/sda11", "/dev/sda", "/dev/sdc"})
    EXPECT_FALSE(vdisk_input(create({"phy:/dev/sda10"}, {extent(device, 2048, 16)})).ok())
        << device;
  Extent resolved = extent("/dev/sda10", 2048, 16);
  resolved.resolved = true;
  EXPECT_FALSE(vdisk_input(create({"phy:/dev/sda10"}, {resolved})).ok());
  for (const char* device : {"file:/srv/pool.img", "/dev/x\nmap 0 0 1"})
    EXPECT_FALSE(vdisk_input(create({device}, {extent(device, 2048, 16)})).ok()) << device;
  Operation untold = create({"phy:/dev/sda10"}, {extent("/dev/sda10", 2048, 16)});
  untold.settings = Attributes();
  EXPECT_FALSE(vdisk_input(untold).ok()) << "which pool's label the device is to carry";
}

std::string record(const std::string& name, const std::string& boot = "b1",
                   const std::string& table = "0 16 linear 7:0 2048") {
  const auto input = vdisk_input(create({"phy:/dev/sda"}, {extent("/dev/sda", 2048, 16)}));
  std::string text = *input + "project " + to_string(uuid_of("project")) + "\nboot " + boot +
                     "\ntable " + table + "\n";
  text.replace(text.find("name logs"), 9, "name " + name);
  return text;
}

TEST(XlVdisk, ItsRecordIsReadBack) {
  const auto read = mapping_record(record("logs"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "logs");
  EXPECT_EQ(read->project, uuid_of("project"));
  EXPECT_EQ(read->extents, std::vector<Extent>{extent("/dev/sda", 2048, 16)});
  EXPECT_EQ(read->boot_id, "b1");
  EXPECT_EQ(read->table, std::vector<std::string>{"0 16 linear 7:0 2048"});
  Operation pool = create({"phy:/dev/sda", "phy:/dev/sdb"}, {});
  pool.uuid = uuid_of("fast");
  const auto of_pool = mapping_record(*pool_input(pool));
  ASSERT_TRUE(of_pool);
  EXPECT_EQ(of_pool->name, "fast");
  EXPECT_EQ(of_pool->pool, (std::vector<std::string>{"/dev/sda", "/dev/sdb"}));
  for (const char* broken :
       {"", "name logs\n", "pool x\nname \n", "pool x y\nextent 1 2\n",
        "pool x y\nextent a 2 named s", "pool x y\nextent 0 0 named s", "pool x y\nproject me\n"})
    EXPECT_FALSE(mapping_record(broken)) << broken;
}

// A look at a host with one machine, whose xvda is what xenstore calls `params`.
HostObservation look(const std::string& params, const std::string& vdisk_record,
                     const std::string& tables, const std::string& physical = "fd:3") {
  const std::string path = "/local/domain/0/backend/vbd/1/51712/";
  std::string text =
      "\036boot\nb1\n\036machine\nm\n\036info\nnr_cpus : 2\n\036list\n"
      "Name ID Mem VCPUs State Time(s) UUID\nweb 1 64 1 r----- 1.0 " +
      to_string(uuid_of("web")) + " - -\n\036long\n[]\n\036store\n";
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"params", params},
                                          {"mode", "w"},
                                          {"dev", "xvda"},
                                          {"state", "4"},
                                          {"online", "1"},
                                          {"hotplug-status", "connected"},
                                          {"physical-device", physical}})
    text += path + key + " = \"" + value + "\"\n";
  text += "\036tables\n" + tables + "\036file vdisk/" + to_string(uuid_of("logs")) + "\n" +
          vdisk_record + "\036sizes\nsda 4096 8:0\nmapper/hv-vd-" + to_string(uuid_of("logs")) +
          " 16 253:3\n\036fresh\n\036end\n";
  return read_look(text, HostName{"xen1"}, Time{}, uuid_of("project"));
}

TEST(XlVdisk, ALookTellsItByItsName) {
  const std::string path = vdisk_path(uuid_of("logs"));
  const std::string table = "hv-vd-" + to_string(uuid_of("logs")) + ": 0 16 linear 7:0 2048\n";
  HostObservation seen = look(path, record("logs"), table);
  ASSERT_TRUE(seen.reachable) << seen.reason;
  ASSERT_EQ(seen.vdisks.size(), 1u);
  EXPECT_EQ(seen.vdisks[0].uuid, uuid_of("logs"));
  EXPECT_EQ(seen.vdisks[0].extents, std::vector<Extent>{extent("/dev/sda", 2048, 16)});
  EXPECT_EQ(seen.domains[0].vbds[0].vbd.backend, "vd");
  EXPECT_EQ(seen.domains[0].vbds[0].vbd.source, "logs");
  EXPECT_TRUE(seen.domains[0].vbds[0].connected);
  EXPECT_EQ(seen.disks->at("sda"), kib(2048));

  seen = look(path, record("logs"), table, "7:1");
  EXPECT_EQ(seen.domains[0].vbds[0].vbd.source, "logs");
  EXPECT_FALSE(seen.domains[0].vbds[0].connected) << "the backend has another device open";

  EXPECT_TRUE(look(path, record("logs"), "").vdisks.empty()) << "its table is gone";
  EXPECT_TRUE(look(path, record("logs", "b0"), table).vdisks.empty()) << "of an earlier life";
  seen =
      look(path, record("logs"), "hv-vd-" + to_string(uuid_of("logs")) + ": 0 16 linear 7:0 9\n");
  EXPECT_FALSE(seen.reachable);
  EXPECT_NE(seen.reason.find("`logs` is mapped there otherwise than hv did"), std::string::npos)
      << seen.reason;
  EXPECT_FALSE(look(path, "nonsense\n", table).reachable);

  // Another project may have one of the same name.
  std::string other = record("logs");
  other.replace(other.find(to_string(uuid_of("project"))), 36, to_string(uuid_of("theirs")));
  seen = look(path, other, table);
  EXPECT_EQ(seen.domains[0].vbds[0].vbd.source, path);
  EXPECT_EQ(seen.domains[0].vbds[0].vbd.backend, "");
}

}  // namespace
}  // namespace hv
