#include "hv/inventory/gather.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "hv/inventory/inventory_json.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

namespace fs = std::filesystem;

// A folder that is gone afterwards, whatever happens.
class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "hv-inventory-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(path_ + path).parent_path());
    std::ofstream(path_ + path, std::ios::binary) << text;
  }
  void link(const std::string& path, const std::string& target) const {
    fs::create_directories(fs::path(path_ + path).parent_path());
    fs::create_symlink(target, path_ + path);
  }

 private:
  std::string path_;
};

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

std::string way(const Resolved& resolved) {
  std::string text;
  for (const Extent& extent : resolved.extents)
    text += extent.store.text + " " + std::to_string(extent.start.count) + "+" +
            std::to_string(extent.count.count) + (extent.resolved ? "; " : " by name; ");
  for (const std::string& problem : resolved.problems) text += "! " + problem;
  return text;
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

// Real block layers, where this machine lets us make them.
class OnLoop : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/sys/class/block")) GTEST_SKIP() << "sysfs is not mounted here";
    if (::geteuid() != 0) GTEST_SKIP() << "loop devices need root";
  }
  void TearDown() override {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
  }
  static bool shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  // A loop device on the file, or nothing.
  std::string loop(const std::string& options, const std::string& file) {
    const std::string out = folder_.path() + "/loop";
    if (std::system(("losetup -f --show " + options + " '" + file + "' > '" + out + "' 2>/dev/null")
                        .c_str()) != 0)
      return {};
    std::string name;
    std::ifstream(out) >> name;
    undo_.push_back([name] { shell("losetup -d " + name); });
    return name;
  }
  Folder folder_;
  std::vector<std::function<void()>> undo_;
};

std::string mbr() {
  std::string table(512, '\0');
  auto little = [&](std::size_t at, uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) table[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
  };
  table[446 + 4] = '\x83';
  little(446 + 8, 2048);
  little(446 + 12, 4096);
  little(440, 0x12345678);
  table[510] = '\x55';
  table[511] = '\xaa';
  return table;
}

TEST_F(OnLoop, RealLayersOfThisMachine) {
  const std::string image = folder_.path() + "/disk.img";
  std::ofstream(image, std::ios::binary) << mbr();
  fs::resize_file(image, 8 << 20);
  const std::string disk = loop("-P", image);
  if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
  const std::string inner = loop("-o 1048576 --sizelimit 2097152", disk);
  GatherRequest request;
  request.host = HostName{"here"};
  request.sources = {image};
  fs::create_hard_link(image, folder_.path() + "/hard.img");
  fs::create_symlink("hard.img", folder_.path() + "/soft.img");
  request.sources.push_back(folder_.path() + "/soft.img");
  const Inventory inventory = gather(request, *this_machine());
  StorageContext context;
  context.map = std::make_shared<StorageMap>(std::vector<Inventory>{inventory},
                                             context.local_stores, std::set<HostName>{});
  auto resolved = [&](const std::string& source) {
    Vbd vbd;
    vbd.source = source;
    return resolve(vbd, HostName{"here"}, context);
  };
  const Resolved file = resolved(image);
  ASSERT_EQ(file.extents.size(), 1u) << way(file);
  EXPECT_EQ(file.extents[0].count, sectors(8 << 11));
  EXPECT_EQ(way(resolved(folder_.path() + "/soft.img")), way(file)) << "a link to a hard link";
  EXPECT_EQ(way(resolved(disk)), way(file)) << "a loop device is its file";
  if (!inner.empty()) {
    const Resolved part = resolved(inner);
    ASSERT_EQ(part.extents.size(), 1u) << way(part);
    EXPECT_EQ(part.extents[0].store, file.extents[0].store);
    EXPECT_EQ(part.extents[0].start, sectors(2048));
    EXPECT_EQ(part.extents[0].count, sectors(4096));
  }
  if (fs::exists(disk + "p1")) {
    const Resolved part = resolved(disk + "p1");
    ASSERT_EQ(part.extents.size(), 1u) << way(part);
    EXPECT_EQ(part.extents[0].store, file.extents[0].store);
    EXPECT_EQ(part.extents[0].start, sectors(2048));
    EXPECT_EQ(part.extents[0].count, sectors(4096));
  }
  for (const BlockDevice& device : inventory.devices)
    if ("/dev/" + device.name == disk) {
      EXPECT_EQ(device.marks, std::vector<std::string>{"mbr:12345678"});
    }
}

// ext4 on a loop device, an image inside it, and the host that writes all of it.
TEST_F(OnLoop, AnImageOnAFilesystemOnAnImage) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const std::string outer = folder_.path() + "/outer.img", point = folder_.path() + "/mnt";
  std::ofstream(outer).put('\0');
  fs::resize_file(outer, 8 << 20);
  fs::create_directories(point);
  fs::create_directories(folder_.path() + "/bound");
  if (!shell("mkfs.ext4 -q -F '" + outer + "'")) GTEST_SKIP() << "mkfs.ext4 is missing";
  const std::string disk = loop("", outer);
  if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
  if (!shell("mount -t ext4 " + disk + " '" + point + "'"))
    GTEST_SKIP() << "mounting is not allowed";
  undo_.push_back([point] { shell("umount '" + point + "'"); });
  std::ofstream(point + "/inner.img") << std::string(4096, 'x');
  const std::string bound = folder_.path() + "/bound";
  const bool bind = shell("mount --bind '" + point + "' '" + bound + "'");
  if (bind) undo_.push_back([bound] { shell("umount '" + bound + "'"); });
  GatherRequest request;
  request.host = HostName{"here"};
  request.sources = {point + "/inner.img", outer};
  StorageContext context;
  context.map =
      std::make_shared<StorageMap>(std::vector<Inventory>{gather(request, *this_machine())},
                                   context.local_stores, std::set<HostName>{});
  auto domain = [&](const std::string& name, const std::string& source) {
    DomainSpec spec;
    spec.address = Address{Kind::domain, name};
    spec.host = HostName{"here"};
    Vbd vbd;
    vbd.device = "xvda";
    vbd.source = source;
    spec.vbds = {vbd};
    return spec;
  };
  auto unsafe = [&](const std::vector<DomainSpec>& domains) {
    std::vector<Access> accesses = host_accesses(HostName{"here"}, context);
    for (const DomainSpec& spec : domains)
      for (Access& access : accesses_of(spec, {}, 0, context, AccessOrigin::desired))
        accesses.push_back(std::move(access));
    std::set<std::string> pairs;
    for (const Finding& finding : check_sharing(accesses, context))
      if (finding.severity == Severity::error)
        pairs.insert(finding.accesses[0].party.text + "+" + finding.accesses[1].party.text);
    return pairs;
  };
  const std::set<std::string> none;
  EXPECT_EQ(unsafe({domain("inner", point + "/inner.img")}), none);
  EXPECT_EQ(unsafe({domain("outer", outer)}).size(), 1u) << "dom0 has it mounted";
  EXPECT_EQ(unsafe({domain("inner", point + "/inner.img"), domain("outer", outer)}).size(), 1u);
  if (bind) {
    EXPECT_EQ(unsafe({domain("a", point + "/inner.img"), domain("b", bound + "/inner.img")}).size(),
              1u);
  }
}

}  // namespace
}  // namespace hv
