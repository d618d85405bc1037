#include "hv/inventory/gather.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "hv/inventory/inventory_json.h"
#include "hv/inventory/test_folder.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

namespace fs = std::filesystem;
using testing::Folder;
using testing::way;

std::string big(uint64_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

// A qcow2 header of version 3 with a backing file and its format.
std::string qcow2(const std::string& backing) {
  std::string head = "QFI\xfb" + big(3, 4) + big(backing.empty() ? 0 : 200, 8) +
                     big(backing.size(), 4) + big(16, 4) + big(uint64_t{1} << 30, 8);
  head.resize(100, '\0');
  head += big(104, 4);
  head += big(0xE2792ACA, 4) + big(5, 4) + std::string("qcow2\0\0\0", 8) + big(0, 8);
  head.resize(200, '\0');
  return head + backing;
}

// A dom0 as one would record it: a disk with a PV, volumes, crypt, thin, RAID 1, a loop, images.
void record(const Folder& tree) {
  const std::string block = "/sys/class/block/";
  auto device = [&](const std::string& name, const std::string& number, int64_t sectors) {
    tree.write(block + name + "/dev", number + "\n");
    tree.write(block + name + "/size", std::to_string(sectors) + "\n");
    tree.write(block + name + "/ro", "0\n");
  };
  auto mapper = [&](int n, const std::string& name, int64_t sectors) {
    device("dm-" + std::to_string(n), "254:" + std::to_string(n), sectors);
    tree.write(block + "dm-" + std::to_string(n) + "/dm/name", name + "\n");
    tree.link("/dev/mapper/" + name, "../dm-" + std::to_string(n));
  };
  device("sda", "8:0", 100000);
  tree.write(block + "sda/device/wwid", "naa.5000c500a1b2c3d4\n");
  tree.write(block + "sda/device/model", "ST4000   \n");
  tree.write(block + "sda/device/vpd_pg80", std::string("\0\x80\0\x08", 4) + "  ZC1AB  ");
  for (const auto& [name, number, start, size] :
       {std::tuple("sda1", "8:1", 2048, 10000), std::tuple("sda2", "8:2", 20480, 60000)}) {
    device(name, number, size);
    tree.write(block + name + "/start", std::to_string(start));
    tree.write(block + name + "/partition", std::string(name).substr(3));
    tree.write(block + "sda/" + name + "/partition", std::string(name).substr(3));
  }
  mapper(0, "vg0-web", 8192);
  mapper(1, "secret", 8000);
  mapper(2, "vg0-pool_tmeta", 100);
  mapper(3, "vg0-pool_tdata", 4096);
  mapper(4, "vg0-pool-tpool", 4096);
  mapper(5, "vg0-thin1", 20000);
  tree.link("/dev/vg0/web", "../dm-0");
  tree.link("/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", "../../sda");
  tree.write("/.tools/dmsetup",
             "vg0-web: 0 4096 linear 8:2 2048\nvg0-web: 4096 4096 linear 8:2 10240\n"
             "secret: 0 8000 crypt aes-xts-plain64 :32:logon:x 0 8:1 2000 1 allow_discards\n"
             "vg0-pool_tmeta: 0 100 linear 8:2 20000\nvg0-pool_tdata: 0 4096 linear 8:2 24000\n"
             "vg0-pool-tpool: 0 4096 thin-pool 254:2 254:3 128 0 0\n"
             "vg0-thin1: 0 20000 thin 254:4 7\n");
  tree.write("/.tools/bash", "");
  tree.write("/.tools/vgs",
             R"({"report":[{"vg":[{"vg_name":"vg0","vg_uuid":"u","vg_attr":"wz--n-",)"
             R"("vg_extent_size":"8192"}]}]})");
  tree.write("/.tools/pvs",
             R"({"report":[{"pv":[{"pv_name":"/dev/sda2","pv_uuid":"p","vg_name":"vg0",)"
             R"("pe_start":"2048"}]}]})");
  auto volume = [](const std::string& name, const std::string& on) {
    return R"({"vg_name":"vg0","lv_name":")" + name +
           R"(","lv_attr":"-wi---","segtype":"linear",)" +
           R"("seg_start":"0","seg_size":"8192","devices":")" + on + "\"}";
  };
  tree.write("/.tools/lvs", R"({"report":[{"lv":[)" + volume("web", "/dev/sda2(0)") + "," +
                                volume("asleep", "/dev/sda2(3)") + "]}]}");
  device("md0", "9:0", 5000);
  tree.write(block + "md0/md/level", "raid1\n");
  for (int i = 0; i < 2; ++i) {
    const std::string member = i == 0 ? "sdb" : "sdc";
    device(member, "8:" + std::to_string(16 * (i + 1)), 6000);
    const std::string at = block + "md0/md/dev-" + member;
    tree.write(at + "/slot", std::to_string(i));
    tree.write(at + "/offset", "264");
    tree.write(at + "/size", "2500");
  }
  device("loop0", "7:0", 64);
  device("loop1", "7:1", 0);
  tree.write(block + "loop0/loop/backing_file", "/srv/raw.img\n");
  tree.write(block + "loop0/loop/offset", "4096\n");
  tree.write("/proc/self/mountinfo",
             "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
             "2 1 0:5 / /proc rw - proc proc rw\n"
             "3 1 0:6 / /dev rw - devtmpfs udev rw\n"
             "4 1 9:0 / /data\\040disk ro - xfs /dev/md0 ro,norecovery\n"
             "5 1 8:1 /srv /jail rw - ext4 /dev/sda1 rw\n");
  tree.write("/proc/swaps", "Filename Type Size Used Priority\n/dev/dm-1 partition 4000 0 -2\n");
  tree.write("/srv/raw.img", std::string(100000, 'x'));
  tree.write("/srv/base.qcow2", qcow2(""));
  tree.write("/srv/top.qcow2", qcow2("base.qcow2"));
  tree.link("/srv/current", "top.qcow2");
  for (const char* name : {"sda", "sda1", "sda2", "sdb", "sdc", "md0"})
    tree.write(std::string("/dev/") + name, std::string(9000, '\0'));
  for (int n = 0; n < 6; ++n) tree.write("/dev/dm-" + std::to_string(n), std::string(9000, '\0'));
}

Inventory gathered(const Folder& tree) {
  GatherRequest request;
  request.host = HostName{"xen1"};
  request.now = Time{{1'793'714'529'000}};
  request.sources = {"tap:qcow2:/srv/current"};
  return gather(request, *this_machine(tree.path()));
}

TEST(Gather, ARecordedHostIsFollowedToItsSectors) {
  Folder tree;
  record(tree);
  const Inventory inventory = gathered(tree);
  StorageContext context;
  context.map = std::make_shared<StorageMap>(std::vector<Inventory>{inventory},
                                             context.local_stores, std::set<HostName>{});
  const std::string disk = "wwn:0x5000c500a1b2c3d4";
  const std::pair<std::string, std::string> cases[] = {
      {"/dev/sda1", disk + " 2048+10000; "},
      {"/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", disk + " 0+100000; "},
      {"phy:vg0/web", disk + " 22528+4096; " + disk + " 30720+4096; "},
      {"/dev/mapper/vg0-web", disk + " 22528+4096; " + disk + " 30720+4096; "},
      {"/dev/vg0/asleep", disk + " " + std::to_string(20480 + 2048 + 3 * 8192) + "+8192; "},
      {"/dev/mapper/secret", disk + " 4048+8000; "},
      {"/dev/mapper/vg0-thin1", "thin:" + disk + "@44480:7 0+20000; "},
      {"/dev/md0", "disk:xen1/sdb 264+5000; disk:xen1/sdc 264+5000; "},
  };
  for (const auto& [source, expected] : cases) {
    Vbd vbd;
    vbd.device = "xvda";
    vbd.source = source;
    EXPECT_EQ(way(resolve(vbd, HostName{"xen1"}, context)), expected) << source;
  }
  Vbd loop;
  loop.source = "/dev/loop0";
  const Resolved on_file = resolve(loop, HostName{"xen1"}, context);
  ASSERT_EQ(on_file.extents.size(), 1u);
  EXPECT_TRUE(on_file.extents[0].store.text.starts_with("file:" + disk + "@2048:inode "));
  EXPECT_EQ(on_file.extents[0].start, sectors(8));
  // The same file through a link and through a bind mount, with what is behind it.
  Vbd image;
  image.source = "tap:qcow2:/srv/current";
  Vbd bound;
  bound.source = "/jail/top.qcow2";
  const Resolved one = resolve(image, HostName{"xen1"}, context);
  EXPECT_EQ(way(one), way(resolve(bound, HostName{"xen1"}, context)));
  ASSERT_EQ(one.beneath.size(), 1u);
  EXPECT_EQ(one.beneath[0].mode, AccessMode::read);
  EXPECT_NE(one.beneath[0].extents, one.extents);
}

TEST(Gather, WhatTheHostItselfTouches) {
  Folder tree;
  record(tree);
  StorageContext context;
  context.map = std::make_shared<StorageMap>(std::vector<Inventory>{gathered(tree)},
                                             context.local_stores, std::set<HostName>{});
  std::map<std::string, AccessMode> seen;
  for (const Access& access : host_accesses(HostName{"xen1"}, context))
    seen[access.path.front()] = access.mode;
  EXPECT_EQ(seen.at("ext4 mounted on /"), AccessMode::write);
  EXPECT_EQ(seen.at("xfs mounted on /data disk read-only"), AccessMode::read);
  EXPECT_EQ(seen.at("swap space"), AccessMode::write);
  EXPECT_EQ(seen.at("LVM's tables of vg0"), AccessMode::write);
  EXPECT_EQ(seen.at("md superblock"), AccessMode::write);
  EXPECT_EQ(seen.at("thin pool of dm-5"), AccessMode::write);
}

// What no mount tells of: processes, the disks of a pool, and what the kernel holds for something
// that no table explains.
TEST(Gather, WhatIsOpenWithoutAMount) {
  Folder tree;
  record(tree);
  tree.write("/.tools/bash",
             "w\t/dev/sdb\tqemu-nbd\nr\t/dev/sdc\tdd\nw\t/srv/raw.img\tnbd-server\nrubbish\n");
  tree.write("/proc/spl/kstat/zfs/tank/state", "ONLINE\n");
  tree.write("/.tools/zpool",
             "  pool: tank\n state: ONLINE\nconfig:\n\n\tNAME  STATE READ WRITE CKSUM\n"
             "\ttank  ONLINE 0 0 0\n\t  mirror-0  ONLINE 0 0 0\n\t    /dev/sdb  ONLINE 0 0 0\n"
             "\t    /srv/vdev.img  ONLINE 0 0 0\nerrors: No known data errors\n");
  // sda1 is held by a device that lies on it, and by one of which nothing else is known.
  tree.write("/sys/class/block/sda1/holders/dm-1/dev", "254:1");
  tree.write("/sys/class/block/sda1/holders/dm-9/dev", "254:9");
  const Inventory inventory = gathered(tree);
  const std::vector<HostUse> expected = {
      {"/dev/sda1", "held by dm-9", AccessMode::write},
      {"/dev/sdb", "open in qemu-nbd", AccessMode::write},
      {"/dev/sdb", "the ZFS pool tank", AccessMode::write},
      {"/dev/sdc", "open in dd", AccessMode::read},
      {"/srv/raw.img", "open in nbd-server", AccessMode::write},
      {"/srv/vdev.img", "the ZFS pool tank", AccessMode::write},
  };
  EXPECT_EQ(inventory.uses, expected);
  const Result<Inventory> read = read_inventory(inventory_json(inventory));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->uses, expected);
  StorageContext context;
  context.map = std::make_shared<StorageMap>(std::vector<Inventory>{inventory},
                                             context.local_stores, std::set<HostName>{});
  std::map<std::string, std::string> stores;
  for (const Access& access : host_accesses(HostName{"xen1"}, context))
    stores[access.path.front()] = access.extents.front().store.text;
  EXPECT_EQ(stores["open in qemu-nbd"], "disk:xen1/sdb");
  EXPECT_TRUE(stores["open in nbd-server"].starts_with("file:wwn:0x5000c500a1b2c3d4@2048:inode "));
}

TEST(Gather, WhoseUsesCannotBeToldIsSaid) {
  const auto notes = [](const Folder& tree) {
    std::map<std::string, std::string> said;
    for (const InventoryNote& note : gathered(tree).notes) said[note.source] = note.text;
    return said;
  };
  Folder tree;
  record(tree);
  tree.write("/.tools/bash", "w\t/dev/sdb\tdd\ndenied\n");
  tree.write("/proc/spl/kstat/zfs/tank/state", "ONLINE\n");
  EXPECT_EQ(notes(tree)["processes"],
            "those of others cannot be looked at: what they hold open is not known");
  EXPECT_EQ(notes(tree)["zpool"], "is not recorded: which disks its pools write is not known");
  EXPECT_EQ(gathered(tree).uses.size(), 1u);
  fs::remove(tree.path() + "/.tools/bash");
  EXPECT_EQ(notes(tree)["processes"], "is not recorded: what they hold open is not known");
}

TEST(Gather, TheSameTwiceAndReadBack) {
  Folder tree;
  record(tree);
  const std::string first = inventory_json(gathered(tree));
  EXPECT_EQ(inventory_json(gathered(tree)), first);
  Result<Inventory> read = read_inventory(first);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(inventory_json(*read), first);
}

TEST(Gather, WhatIsMissingIsSaid) {
  Folder tree;
  record(tree);
  fs::remove(tree.path() + "/.tools/dmsetup");
  fs::remove(tree.path() + "/.tools/lvs");
  fs::remove(tree.path() + "/dev/sdb");
  const Inventory inventory = gathered(tree);
  std::set<std::string> said;
  for (const InventoryNote& note : inventory.notes) said.insert(note.source);
  EXPECT_EQ(said, (std::set<std::string>{"dmsetup", "headers", "lvs"}));
  Folder empty;
  GatherRequest request;
  request.host = HostName{"h"};
  said.clear();
  for (const InventoryNote& note : gather(request, *this_machine(empty.path())).notes)
    said.insert(note.source);
  EXPECT_TRUE(said.contains("/sys/class/block") && said.contains("/proc/self/mountinfo"));
}

// A host on a SAN: two FC paths under a multipath map, an iSCSI unit, a replica by DRBD, images on
// a server, a filesystem on two disks, a cache that no table tells of, and a mount over a mount.
void record_san(const Folder& tree, const std::string& server, const std::string& point) {
  const std::string block = "/sys/class/block/";
  auto device = [&](const std::string& name, const std::string& number, int64_t sectors) {
    tree.write(block + name + "/dev", number + "\n");
    tree.write(block + name + "/size", std::to_string(sectors) + "\n");
    tree.write("/dev/" + name, std::string(9000, '\0'));
  };
  auto at = [&](const std::string& name, const std::string& place) {
    // The real tree links the device's folder to its place on the bus.
    fs::create_directories(tree.path() + "/sys/devices/" + place + "/block");
    fs::rename(tree.path() + block + name,
               tree.path() + "/sys/devices/" + place + "/block/" + name);
    tree.link(block + name, "../../devices/" + place + "/block/" + name);
  };
  device("sdb", "8:16", 2000);
  device("sdc", "8:32", 2000);
  tree.write(block + "sdb/device/wwid", "naa.600a0b80001234\n");
  tree.write(block + "sdc/device/wwid", "naa.600a0b80001234\n");
  at("sdb", "pci0/host3/rport-3:0-0/target3:0:0/3:0:0:7");
  at("sdc", "pci0/host4/rport-4:0-0/target4:0:0/4:0:0:7");
  device("sdd", "8:48", 3000);
  at("sdd", "platform/host5/session3/target5:0:0/5:0:0:1");
  tree.write("/sys/class/iscsi_session/session3/targetname", "iqn.2004-10.org:disks\n");
  device("sde", "8:64", 500);
  tree.write(block + "sde/device/wwid", "naa.5000" + server + "\n");
  device("sdf", "8:80", 600);
  device("sdg", "8:96", 700);
  device("sdh", "8:112", 800);
  device("drbd0", "147:0", 490);
  tree.write(block + "drbd0/slaves/sde/size", "500");
  tree.write("/dev/drbd/by-res/r0/0", "");
  fs::remove(tree.path() + "/dev/drbd/by-res/r0/0");
  tree.link("/dev/drbd/by-res/r0/0", "../../../drbd0");
  device("bcache0", "252:0", 690);
  tree.write(block + "bcache0/slaves/sdg/size", "700");
  device("rbd2", "250:0", 900);
  tree.write("/sys/bus/rbd/devices/2/pool", "vms\n");
  tree.write("/sys/bus/rbd/devices/2/name", "web\n");
  device("dm-0", "253:0", 2000);
  device("dm-1", "253:1", 600);
  tree.write(block + "dm-0/dm/name", "mpatha\n");
  tree.write(block + "dm-1/dm/name", "wide\n");
  tree.link("/dev/mapper/mpatha", "../dm-0");
  tree.link("/dev/mapper/wide", "../dm-1");
  tree.write("/.tools/dmsetup",
             "mpatha: 0 2000 multipath 1 queue_if_no_path 1 alua 2 1 service-time 0 1 2 8:16 1 1 "
             "service-time 0 1 2 8:32 1 1\nwide: 0 600 striped 2 64 8:16 64 8:48 128\n");
  for (const char* tool : {"vgs", "pvs", "lvs"})
    tree.write(std::string("/.tools/") + tool, R"({"report":[{}]})");
  tree.write("/.tools/bash", "");
  tree.write("/sys/fs/btrfs/6b0f/devices/sdf/size", "600");
  tree.write("/sys/fs/btrfs/6b0f/devices/sdh/size", "800");
  tree.write("/proc/self/mountinfo",
             "21 30 0:6 / /dev rw - devtmpfs udev rw\n"
             "30 1 0:1 / / rw - tmpfs root rw\n"
             "31 30 0:45 / " +
                 point + " rw - nfs4 " + server +
                 ":/export rw,vers=4.2\n"
                 "32 30 0:46 / /pool rw - btrfs /dev/sdf rw\n"
                 "33 30 8:80 / /img/old rw - ext4 /dev/sdf rw\n"
                 "34 30 0:47 / /img rw - tmpfs over rw\n");
  tree.write("/proc/fs/nfsfs/volumes",
             "NV SERVER   PORT DEV          FSID                              FSC\n"
             "v4 c0a80105  801 0:45         9f3c2a71d04b4c6e:8a1177c2b0d94f55 no\n");
  tree.write("/proc/swaps", "Filename Type Size Used Priority\n");
  tree.write(point + "/a.img", std::string(8192, 'x'));
  tree.write("/img/old/x.img", std::string(4096, 'x'));
}

Inventory gathered_san(const Folder& tree, const std::string& host,
                       const std::vector<std::string>& sources) {
  GatherRequest request;
  request.host = HostName{host};
  request.sources = sources;
  return gather(request, *this_machine(tree.path()));
}

Vbd disk_of(const std::string& source) {
  Vbd vbd;
  vbd.device = "xvda";
  vbd.source = source;
  return vbd;
}

TEST(Gather, WhatASanHostHasIsOneWithTheOthers) {
  Folder one, other;
  record_san(one, "5e4", "/srv");
  record_san(other, "7f6", "/mnt/images");
  // One file of the server: what its number is there, both are told.
  fs::remove(other.path() + "/mnt/images/a.img");
  fs::create_hard_link(one.path() + "/srv/a.img", other.path() + "/mnt/images/a.img");
  StorageContext context;
  const Inventory first = gathered_san(one, "xen1", {"/srv/a.img"});
  context.map = std::make_shared<StorageMap>(
      std::vector<Inventory>{first, gathered_san(other, "xen2", {"/mnt/images/a.img"})},
      context.local_stores, std::set<HostName>{});
  const HostName xen1{"xen1"}, xen2{"xen2"};
  auto meet = [&](const std::string& here, const std::string& there) {
    const Resolved a = resolve(disk_of(here), xen1, context);
    const Resolved b = resolve(disk_of(there), xen2, context);
    for (const Extent& x : a.extents)
      for (const Extent& y : b.extents)
        if (x.resolved && y.resolved && overlap(x, y)) return true;
    return false;
  };
  EXPECT_TRUE(meet("/dev/mapper/mpatha", "/dev/sdc")) << "one unit of the array, by its WWN";
  EXPECT_TRUE(meet("/dev/sdd", "/dev/sdd")) << "one unit of the iSCSI target";
  EXPECT_TRUE(meet("/dev/mapper/wide", "/dev/sdc")) << "a stripe lies on it";
  EXPECT_FALSE(meet("/dev/mapper/mpatha", "/dev/sdd"));
  EXPECT_TRUE(meet("/dev/drbd0", "/dev/drbd0")) << "a replica, each on a disk of its own";
  EXPECT_TRUE(meet("drbd:r0", "/dev/drbd0"));
  EXPECT_FALSE(meet("/dev/sde", "/dev/sde")) << "the disks under it are two";
  EXPECT_TRUE(meet("/dev/rbd2", "rbd:vms/web:conf=/etc/ceph/ceph.conf"));
  EXPECT_FALSE(meet("/dev/rbd2", "rbd:vms/mail"));
  EXPECT_TRUE(meet("/srv/a.img", "/mnt/images/a.img"))
      << "the server's own number for the filesystem, whatever the server is called";
  for (const Mount& mount : first.mounts)
    if (mount.type == "nfs4") {
      EXPECT_EQ(mount.fsid, "nfs:9f3c2a71d04b4c6e:8a1177c2b0d94f55");
    }
}

TEST(Gather, WhatASanHostWritesItself) {
  Folder tree;
  record_san(tree, "5e4", "/srv");
  StorageContext context;
  const Inventory inventory = gathered_san(tree, "xen1", {"/img/old/x.img"});
  context.map = std::make_shared<StorageMap>(std::vector<Inventory>{inventory},
                                             context.local_stores, std::set<HostName>{});
  std::set<std::string> written;
  for (const Access& access : host_accesses(HostName{"xen1"}, context))
    for (const Extent& extent : access.extents)
      if (access.mode == AccessMode::write) written.insert(extent.store.text);
  EXPECT_TRUE(written.contains("disk:xen1/sdh")) << "the second disk of the btrfs";
  EXPECT_TRUE(written.contains("disk:xen1/sdg")) << "below a cache";
  // What is mounted below a later mount is mounted all the same, but no name leads there.
  EXPECT_TRUE(written.contains("disk:xen1/sdf"));
  std::map<std::string, bool> covered;
  for (const Mount& mount : inventory.mounts) covered[mount.point] = mount.covered;
  EXPECT_EQ(covered, (std::map<std::string, bool>{{"/", false},
                                                  {"/dev", false},
                                                  {"/srv", false},
                                                  {"/pool", false},
                                                  {"/img", false},
                                                  {"/img/old", true}}));
  const Resolved file = resolve(disk_of("/img/old/x.img"), HostName{"xen1"}, context);
  EXPECT_EQ(way(file).find("sdf"), std::string::npos) << way(file);
}

}  // namespace
}  // namespace hv
