// The tables of device-mapper, LVM and md as their tools print them, recorded: this suite may run
// where the kernel has none of them.
#include "hv/inventory/tables.h"

#include <gtest/gtest.h>

#include "hv/inventory/test_folder.h"

namespace hv {
namespace {

using testing::Folder;

std::string in_words(const Layer& layer) {
  std::string text = std::to_string(layer.start.count) + "+" + std::to_string(layer.count.count) +
                     " " + std::string(to_string(layer.kind));
  if (layer.chunk.count != 0) text += " by " + std::to_string(layer.chunk.count);
  if (!layer.id.empty()) text += " " + layer.id;
  for (const Leg& leg : layer.legs)
    text += " " + leg.device + "@" + std::to_string(leg.start.count);
  return text;
}

std::string in_words(const std::vector<Layer>& layers) {
  std::string text;
  for (const Layer& layer : layers) text += (text.empty() ? "" : "; ") + in_words(layer);
  return text;
}

struct DmCase {
  const char* table;
  const char* layers;
};

// Numbers 8:0, 8:16, 8:32 are sda, sdb, sdc; 253:1 and 253:2 are dm-1 and dm-2; 9:9 is unknown.
const DmCase kTables[] = {
    {"x: 0 100 linear 8:0 2048", "0+100 linear sda@2048"},
    {"x: 0 100 linear 8:0 2048\nx: 100 50 linear 8:16 0",
     "0+100 linear sda@2048; 100+50 linear sdb@0"},
    {"x: 100 50 linear 8:16 0\nx: 0 100 linear 8:0 2048",
     "0+100 linear sda@2048; 100+50 linear sdb@0"},
    {"x: 0 100 linear 9:9 7", "0+100 linear 9:9@7"},
    {"x: 0 100 crypt aes-xts-plain64 :64:logon:k 0 8:0 32768 1 allow_discards",
     "0+100 linear sda@32768"},
    {"x: 0 600 striped 2 128 8:0 64 8:16 0", "0+600 striped by 128 sda@64 sdb@0"},
    {"x: 0 600 striped 2 0 8:0 64 8:16 0", "0+600 own sda@0 sdb@0"},
    {"x: 0 100 multipath 1 queue_if_no_path 1 alua 2 1 service-time 0 1 2 8:0 1 1 service-time 0 1 "
     "2 8:16 1 1",
     "0+100 multipath sda@0 sdb@0"},
    {"x: 0 100 snapshot-origin 253:1", "0+100 linear dm-1@0"},
    {"x: 0 100 snapshot 253:1 253:2 P 8", "0+100 snapshot dm-2@0"},
    {"x: 0 100 mirror core 2 1024 nosync 2 8:0 10 8:16 20 1 handle_errors",
     "0+100 mirror sda@10 sdb@20"},
    {"x: 0 100 mirror disk 3 8:32 1024 nosync 2 8:0 10 8:16 20", "0+100 mirror sda@10 sdb@20"},
    {"x: 0 100 raid raid1 3 0 region_size 1024 2 253:1 8:0 253:2 8:16", "0+100 mirror sda@0 sdb@0"},
    {"x: 0 100 raid raid1 1 0 2 - 8:0 - -", "0+100 mirror sda@0"},
    {"x: 0 100 raid raid5_ls 3 128 region_size 1024 3 - 8:0 - 8:16 - 8:32",
     "0+100 own sda@0 sdb@0 sdc@0"},
    {"x: 0 100 cache 253:1 253:2 8:0 512 0 default 0", "0+100 own dm-1@0 dm-2@0 sda@0"},
    {"x: 0 100 writecache s 8:0 8:16 4096 0", "0+100 own sda@0 sdb@0"},
    {"x: 0 100 integrity 8:0 0 32 J 0", "0+100 own sda@0"},
    {"x: 0 100 zero", "0+100 empty"},
    {"x: 0 100 error", "0+100 empty"},
    {"p: 0 400 thin-pool 253:1 253:2 128 0 0\nx: 0 1000 thin 253:3 12",
     "0+1000 thin 12 dm-2@0 dm-1@0"},
    {"x: 0 1000 thin 9:9 12", "0+1000 thin 12 9:9@0"},
    {"x: 0 99999999999999999999 linear 8:0 0", "0+0 linear sda@0"},
    {"x: nonsense", ""},
    {"No devices found", ""},
    {"", ""},
};

TEST(Tables, OfDeviceMapper) {
  const std::map<std::string, std::string> names = {
      {"8:0", "sda"},    {"8:16", "sdb"},   {"8:32", "sdc"},      {"253:1", "dm-1"},
      {"253:2", "dm-2"}, {"253:3", "dm-3"}, {"mapper:p", "dm-3"}, {"mapper:x", "dm-9"}};
  for (const DmCase& each : kTables) {
    const auto tables = read_dm_tables(each.table, names);
    const auto found = tables.find("x");
    EXPECT_EQ(found == tables.end() ? "" : in_words(found->second), each.layers) << each.table;
  }
}

std::string report(const std::string& kind, const std::vector<std::string>& rows) {
  std::string text;
  for (const std::string& row : rows) text += (text.empty() ? "{" : ",{") + row + "}";
  return R"({"report":[{")" + kind + "\":[" + text + "]}]}";
}

// A row of lvs: NAME ATTRIBUTES SEGTYPE START SIZE DEVICES, and whatever else.
std::string lv(const std::string& name, const std::string& attributes, const std::string& type,
               int start, int size, const std::string& devices, const std::string& more = {}) {
  return R"("vg_name":"vg0","lv_name":")" + name + R"(","lv_attr":")" + attributes +
         R"(","segtype":")" + type + R"(","seg_start":")" + std::to_string(start) +
         R"(","seg_size":")" + std::to_string(size) + R"(","devices":")" + devices + "\"" + more;
}

TEST(Tables, OfLvm) {
  const std::string vgs = report("vg", {R"("vg_name":"vg0","vg_uuid":"u","vg_attr":"wz--ns",)"
                                        R"("vg_extent_size":"8192")"});
  const std::string pvs =
      report("pv", {R"("pv_name":"/dev/sda3","pv_uuid":"p","vg_name":"vg0","pe_start":"2048")",
                    R"("pv_name":"/dev/sdb","pv_uuid":"q","vg_name":"vg0","pe_start":"4096")",
                    R"("pv_name":"/dev/sdz","pv_uuid":"r","vg_name":"","pe_start":"0")"});
  const std::string lvs = report(
      "lv", {lv("web", "-wi-a-----", "linear", 8192, 8192, "/dev/sdb(0)"),
             lv("web", "-wi-a-----", "linear", 0, 8192, "/dev/sda3(2)"),
             lv("wide", "-wi-------", "striped", 0, 16384, "/dev/sda3(5),/dev/sdb(1)",
                R"(,"stripe_size":"128")"),
             lv("both", "rwi-------", "raid1", 0, 8192, "both_rimage_0(0),both_rimage_1(0)"),
             lv("[both_rimage_0]", "iwi-------", "linear", 0, 8192, "/dev/sda3(9)"),
             lv("[both_rimage_1]", "iwi-------", "linear", 0, 8192, "/dev/sdb(9)"),
             lv("five", "rwi-------", "raid5", 0, 8192, "five_rimage_0(0),five_rimage_1(0)"),
             lv("before", "swi-------", "linear", 0, 8192, "/dev/sdb(20)", R"(,"origin":"web")"),
             lv("pool", "twi-------", "thin-pool", 0, 8192, "pool_tdata(0)",
                R"(,"data_lv":"[pool_tdata]","metadata_lv":"[pool_tmeta]")"),
             lv("thin1", "Vwi-------", "thin", 0, 99999, "", R"(,"thin_id":"3","pool_lv":"pool")"),
             lv("lost", "-wi-------", "linear", 0, 8192, "")});
  const Result<std::vector<VolumeGroup>> groups =
      read_lvm(lvs, vgs, pvs, {{"/dev/sda3", "sda3"}, {"/dev/sdb", "sdb"}});
  ASSERT_TRUE(groups.ok()) << groups.error().message;
  ASSERT_EQ(groups->size(), 1u);
  const VolumeGroup& group = groups->front();
  EXPECT_TRUE(group.shared);
  EXPECT_EQ(group.devices.size(), 2u);
  std::map<std::string, std::string> layers;
  for (const LogicalVolume& volume : group.volumes) layers[volume.name] = in_words(volume.layers);
  EXPECT_EQ(layers, (std::map<std::string, std::string>{
                        {"web", "0+8192 linear sda3@18432; 8192+8192 linear sdb@4096"},
                        {"wide", "0+16384 striped by 128 sda3@43008 sdb@12288"},
                        {"both", "0+8192 mirror vg0/both_rimage_0@0 vg0/both_rimage_1@0"},
                        {"both_rimage_0", "0+8192 linear sda3@75776"},
                        {"both_rimage_1", "0+8192 linear sdb@77824"},
                        {"five", "0+8192 own vg0/five_rimage_0@0 vg0/five_rimage_1@0"},
                        {"before", "0+8192 snapshot sdb@167936"},
                        {"pool", "0+8192 own vg0/pool_tdata@0"},
                        {"thin1", "0+99999 thin 3 vg0/pool_tdata@0 vg0/pool_tmeta@0"},
                        {"lost", ""}}));
  for (const std::string bad : {"", "{", "[]", R"({"report":1})", "lvs: command failed"})
    EXPECT_FALSE(read_lvm(bad, vgs, pvs, {}).ok()) << bad;
  EXPECT_TRUE(read_lvm(R"({"report":[7,{"lv":7},{"lv":[7,{"lv_name":7}]}]})", vgs, pvs, {}).ok());
}

TEST(Tables, OfMd) {
  struct Case {
    const char* level;
    int chunk;  // bytes
    const char* layers;
  };
  const Case cases[] = {
      {"raid1", 0, "0+1000 mirror sda@264 sdb@264"},
      {"raid5", 65536, "0+1000 own sda@264 sdb@264"},
      {"linear", 0, "0+512 linear sda@264; 512+1024 linear sdb@264"},
      // Two of each at first, and what is left of the larger one alone.
      {"raid0", 65536, "0+1024 striped by 128 sda@264 sdb@264; 1024+512 striped by 128 sdb@776"},
  };
  for (const Case& each : cases) {
    const Folder tree;
    const std::string at = "/sys/class/block/md0/md/";
    tree.write(at + "level", each.level);
    tree.write(at + "chunk_size", std::to_string(each.chunk));
    for (const auto& [name, slot, kib] :
         {std::tuple("sdb", "1", "512"), std::tuple("sda", "0", "256"),
          std::tuple("sdc", "none", "512")}) {
      tree.write(at + "dev-" + name + "/slot", slot);
      tree.write(at + "dev-" + name + "/offset", "264");
      tree.write(at + "dev-" + name + "/size", kib);
    }
    BlockDevice device;
    device.name = "md0";
    device.size = sectors(1000);
    read_md(*this_machine(tree.path()), device, {{"sda", sectors(800)}, {"sdb", sectors(2000)}});
    EXPECT_EQ(in_words(device.layers), each.layers) << each.level;
    ASSERT_EQ(device.writes.size(), 4u) << "before and behind the data of each member";
    EXPECT_EQ(device.writes[1].start, sectors(264 + 512));
    EXPECT_EQ(device.writes[1].count, sectors(800 - 264 - 512));
  }
}

}  // namespace
}  // namespace hv
