// Real block layers, where this machine lets us make them: loop devices, partition tables by
// sfdisk, hard links, bind mounts, filesystems and images by their own tools. What is made is taken
// away again whatever happens; what is not allowed or not installed is skipped with a word.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "hv/inventory/gather.h"
#include "hv/inventory/inventory_json.h"
#include "hv/inventory/remote.h"
#include "hv/inventory/test_folder.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

namespace fs = std::filesystem;
using testing::Folder;
using testing::way;

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

// A disk that a process has open is the host's, as one that is mounted.
TEST_F(OnLoop, ADiskThatAProcessHasOpen) {
  const std::string image = folder_.path() + "/open.img";
  std::ofstream(image).put('\0');
  fs::resize_file(image, 1 << 20);
  const std::string disk = loop("", image);
  if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
  GatherRequest request;
  request.host = HostName{"here"};
  request.sources = {image};
  const auto modes = [&] {
    std::set<AccessMode> seen;
    for (const HostUse& use : gather(request, *this_machine()).uses)
      if (use.source == disk && use.what == "open in inventory_test") seen.insert(use.mode);
    return seen;
  };
  EXPECT_EQ(modes(), std::set<AccessMode>{});
  std::fstream writer(disk);
  ASSERT_TRUE(writer.is_open());
  EXPECT_EQ(modes(), std::set<AccessMode>{AccessMode::write});
  StorageContext context;
  context.map =
      std::make_shared<StorageMap>(std::vector<Inventory>{gather(request, *this_machine())},
                                   context.local_stores, std::set<HostName>{});
  Vbd vbd;
  vbd.source = image;
  const Resolved file = resolve(vbd, HostName{"here"}, context);
  bool met = false;
  for (const Access& access : host_accesses(HostName{"here"}, context))
    for (const Extent& extent : access.extents)
      met = met || (access.path.front() == "open in inventory_test" &&
                    overlap(extent, file.extents.at(0)));
  EXPECT_TRUE(met) << "by another name of the same file";
  writer.close();
  std::ifstream reader(disk);
  EXPECT_EQ(modes(), std::set<AccessMode>{AccessMode::read});
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

StorageContext known_by(const GatherRequest& request) {
  StorageContext context;
  context.map =
      std::make_shared<StorageMap>(std::vector<Inventory>{gather(request, *this_machine())},
                                   context.local_stores, std::set<HostName>{});
  return context;
}

Resolved resolved_here(const std::string& source, const StorageContext& context) {
  Vbd vbd;
  vbd.device = "xvda";
  vbd.source = source;
  return resolve(vbd, HostName{"here"}, context);
}

// Who of several writers would meet, by the disk each has.
std::set<std::string> meetings(const std::vector<std::string>& sources,
                               const StorageContext& context) {
  std::vector<Access> accesses;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    DomainSpec spec;
    spec.address = Address{Kind::domain, std::to_string(i)};
    spec.host = HostName{"here"};
    Vbd vbd;
    vbd.device = "xvda";
    vbd.source = sources[i];
    vbd.mode = AccessMode::write;
    spec.vbds = {vbd};
    for (Access& access : accesses_of(spec, {}, 0, context, AccessOrigin::desired))
      accesses.push_back(std::move(access));
    for (Access& access : accesses_beneath(spec, context, AccessOrigin::desired))
      accesses.push_back(std::move(access));
  }
  std::set<std::string> pairs;
  for (const Finding& finding : check_sharing(accesses, context))
    if (finding.severity == Severity::error)
      pairs.insert(finding.accesses[0].party.text.substr(7) + "+" +
                   finding.accesses[1].party.text.substr(7));
  return pairs;
}

struct RealTable {
  std::string kind, script;  // of sfdisk
  struct Part {
    int number;
    int64_t start, count;
  };
  std::vector<Part> parts;
};

TEST_F(OnLoop, PartitionsOfRealTables) {
  const RealTable tables[] = {
      {"dos",
       "label: dos\nstart=2048,size=8192,type=83\nstart=12288,size=40960,type=5\n"
       "start=14336,size=8192,type=83\nstart=26624,size=8192,type=83\n",
       {{1, 2048, 8192}, {5, 14336, 8192}, {6, 26624, 8192}}},
      {"gpt",
       "label: gpt\nstart=2048,size=8192\nstart=20480,size=4096\n",
       {{1, 2048, 8192}, {2, 20480, 4096}}},
  };
  for (const RealTable& table : tables) {
    SCOPED_TRACE(table.kind);
    const std::string image = folder_.path() + "/" + table.kind + ".img";
    std::ofstream(image).put('\0');
    fs::resize_file(image, 32 << 20);
    std::ofstream(image + ".table") << table.script;
    if (!shell("sfdisk -q '" + image + "' < '" + image + ".table'"))
      GTEST_SKIP() << "sfdisk is missing";
    const std::string disk = loop("", image);
    if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
    if (!shell("partx -a " + disk)) GTEST_SKIP() << "partitions cannot be added here";
    undo_.push_back([disk] { shell("partx -d " + disk); });
    GatherRequest request;
    request.host = HostName{"here"};
    request.sources = {image};
    const StorageContext context = known_by(request);
    const Resolved whole = resolved_here(image, context);
    ASSERT_EQ(whole.extents.size(), 1u) << way(whole);
    EXPECT_EQ(way(resolved_here(disk, context)), way(whole));
    std::vector<std::string> names = {image};
    std::set<std::string> all_with_whole;
    for (const RealTable::Part& part : table.parts) {
      names.push_back(disk + "p" + std::to_string(part.number));
      all_with_whole.insert("0+" + std::to_string(names.size() - 1));
      const Resolved one = resolved_here(names.back(), context);
      ASSERT_EQ(one.extents.size(), 1u) << names.back() << ": " << way(one);
      EXPECT_EQ(one.extents[0].store, whole.extents[0].store);
      EXPECT_EQ(one.extents[0].start, sectors(part.start));
      EXPECT_EQ(one.extents[0].count, sectors(part.count));
    }
    EXPECT_EQ(meetings(names, context), all_with_whole) << "the disk meets each, none another";
  }
}

TEST_F(OnLoop, AChainOfRealQcow2Images) {
  const std::string in = "cd '" + folder_.path() + "' && ";
  if (!shell(in + "qemu-img create -q -f raw base.img 4M")) GTEST_SKIP() << "qemu-img is missing";
  ASSERT_TRUE(shell(in + "qemu-img create -q -f qcow2 -b base.img -F raw mid.qcow2"));
  ASSERT_TRUE(shell(in + "qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2"));
  ASSERT_TRUE(shell(in + "qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 other.qcow2"));
  ASSERT_TRUE(shell(in + "ln base.img hard.img && ln -s mid.qcow2 soft.qcow2"));
  const auto at = [&](const std::string& name) { return folder_.path() + "/" + name; };
  GatherRequest request;
  request.host = HostName{"here"};
  request.sources = {"tap:qcow2:" + at("top.qcow2"), at("other.qcow2"), at("hard.img"),
                     at("soft.qcow2")};
  const StorageContext context = known_by(request);
  const Resolved top = resolved_here(at("top.qcow2"), context);
  ASSERT_EQ(top.beneath.size(), 2u) << way(top);
  EXPECT_EQ(top.beneath[0].extents, resolved_here(at("soft.qcow2"), context).extents);
  EXPECT_EQ(top.beneath[1].extents, resolved_here(at("hard.img"), context).extents);
  const std::set<std::string> none;
  EXPECT_EQ(meetings({at("top.qcow2"), at("other.qcow2")}, context), none)
      << "both only read what is behind them";
  EXPECT_EQ(meetings({at("top.qcow2"), at("soft.qcow2")}, context), std::set<std::string>{"0+1"});
  EXPECT_EQ(meetings({at("top.qcow2"), at("hard.img")}, context), std::set<std::string>{"0+1"});
}

// The script on this machine, as if it were another.
Result<std::string> by_bash(const std::string& folder, const std::string& script,
                            const std::string& input) {
  std::ofstream(folder + "/script") << script;
  std::ofstream(folder + "/input") << input;
  const std::string line =
      "bash '" + folder + "/script' < '" + folder + "/input' > '" + folder + "/output'";
  if (std::system(line.c_str()) != 0) return Error{Code::host_unreachable, "bash fails", {}};
  std::ifstream output(folder + "/output", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(output), {});
}

TEST_F(OnLoop, FromAfarIsTheSame) {
  const Folder apart;
  const std::string image = folder_.path() + "/disk.img";
  std::ofstream(image, std::ios::binary) << mbr();
  fs::resize_file(image, 8 << 20);
  const std::string disk = loop("-P", image);
  shell("cd '" + folder_.path() + "' && qemu-img create -q -f qcow2 -b disk.img -F raw top.qcow2");
  fs::create_symlink("disk.img", folder_.path() + "/a link");
  GatherRequest request;
  request.host = HostName{"here"};
  request.now = Time{{1'793'714'529'000}};
  request.sources = {folder_.path() + "/a link", folder_.path() + "/top.qcow2",
                     folder_.path() + "/not there", "/dev/nor\tthis\none"};
  int calls = 0;
  std::string afar, here;
  // Again where somebody else changed this machine in between.
  for (int attempt = 0; attempt < 5 && (attempt == 0 || afar != here); ++attempt) {
    calls = 0;
    const Result<Inventory> gathered =
        gather_from_afar(request, [&](const std::string& script, const std::string& input) {
          ++calls;
          return by_bash(apart.path(), script, input);
        });
    ASSERT_TRUE(gathered.ok()) << gathered.error().message;
    afar = inventory_json(*gathered);
    here = inventory_json(gather(request, *this_machine()));
  }
  EXPECT_EQ(afar, here);
  EXPECT_LT(calls, 24) << "asked for in bulk";
  EXPECT_NE(here.find("disk.img"), std::string::npos);
}

TEST(FromAfar, WhatIsNoAnswerIsAnError) {
  GatherRequest request;
  request.host = HostName{"far"};
  const auto answering = [&](const std::string& text) {
    return gather_from_afar(
        request,
        [&](const std::string&, const std::string&) -> Result<std::string> { return text; });
  };
  for (const std::string text : {"", "Welcome to far!\n", "+?\n", "\n\n\n"})
    EXPECT_FALSE(answering(text).ok()) << text;
  const Result<Inventory> dead =
      gather_from_afar(request, [&](const std::string&, const std::string&) -> Result<std::string> {
        return Error{Code::host_unreachable, "no route", {}};
      });
  ASSERT_FALSE(dead.ok());
  EXPECT_EQ(dead.error().message, "no route");
  // A host that has nothing at all is not the script's mistake.
  const Result<Inventory> bare = gather_from_afar(
      request, [&](const std::string&, const std::string& input) -> Result<std::string> {
        std::string said;
        for (const char c : input)
          if (c == '\n') said += "-\n";
        return said;
      });
  ASSERT_TRUE(bare.ok()) << bare.error().message;
  EXPECT_FALSE(bare->notes.empty());
}

}  // namespace
}  // namespace hv
