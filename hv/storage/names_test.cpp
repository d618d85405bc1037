#include "hv/storage/names.h"

#include <gtest/gtest.h>

namespace hv {
namespace {

struct NameCase {
  const char* source;
  const char* normalised;
  const char* whole;
  int64_t partition;
};

const NameCase kNames[] = {
    {"sda", "sda", "sda", 0},
    {"phy:sda3", "sda3", "sda", 3},
    {"/dev/sda3", "sda3", "sda", 3},
    {"phy:/dev//./sda3", "sda3", "sda", 3},
    {"/dev/mapper/../sda3", "sda3", "sda", 3},
    {"//dev/sdaa12", "sdaa12", "sdaa", 12},
    {"hda1", "hda1", "hda", 1},
    {"xvda1", "xvda1", "xvda", 1},
    {"vdb", "vdb", "vdb", 0},
    {"sd", "sd", "sd", 0},
    {"sd3", "sd3", "sd3", 0},
    {"sda03", "sda03", "sda03", 0},
    {"sda99999999", "sda99999999", "sda99999999", 0},
    {"/dev/nvme0n1", "nvme0n1", "nvme0n1", 0},
    {"/dev/nvme0n1p2", "nvme0n1p2", "nvme0n1", 2},
    {"mmcblk0p1", "mmcblk0p1", "mmcblk0", 1},
    {"mmcblk0boot0", "mmcblk0boot0", "mmcblk0boot0", 0},
    {"loop0p1", "loop0p1", "loop0", 1},
    {"loop12", "loop12", "loop12", 0},
    {"md0p1", "md0p1", "md0", 1},
    {"/dev/md/0", "md0", "md0", 0},
    {"/dev/md/0p3", "md0p3", "md0", 3},
    {"md/home", "md/home", "md/home", 0},
    {"cciss/c0d0p2", "cciss/c0d0p2", "cciss/c0d0", 2},
    {"/dev/vg/x", "vg/x", "vg/x", 0},
    {"/dev/mapper/vg-x", "vg/x", "vg/x", 0},
    {"mapper/my--vg-my--lv", "my-vg/my-lv", "my-vg/my-lv", 0},
    {"mapper/vg-lv1", "vg/lv1", "vg/lv1", 0},
    {"mapper/mpatha", "mapper/mpatha", "mapper/mpatha", 0},
    {"mapper/mpatha-part1", "mpatha/part1", "mapper/mpatha", 1},
    {"mapper/a--b", "mapper/a--b", "mapper/a--b", 0},
    {"mapper/vg-", "mapper/vg-", "mapper/vg-", 0},
    {"vg/web2", "vg/web2", "vg/web2", 0},
    {"vg/lvp2", "vg/lvp2", "vg/lvp2", 0},
    {"vg/lv0p2", "vg/lv0p2", "vg/lv0p2", 0},
    {"disk/by-id/wwn-0x5-part3", "disk/by-id/wwn-0x5-part3", "disk/by-id/wwn-0x5", 3},
    {"disk/by-uuid/ab-part3", "disk/by-uuid/ab-part3", "disk/by-uuid/ab-part3", 0},
    {"loop0p1p2", "loop0p1p2", "loop0", 1},
    {"file:/var/lib/xen//a.img", "/var/lib/xen/a.img", "/var/lib/xen/a.img", 0},
    {"tap:aio:/srv/b/../a.img", "/srv/a.img", "/srv/a.img", 0},
    {"file:/dev/sda3", "sda3", "sda", 3},
    {"/srv/sda3", "/srv/sda3", "/srv/sda3", 0},
    {"/srv/x-part1", "/srv/x-part1", "/srv/x-part1", 0},
    {"../srv/a.img", "/srv/a.img", "/srv/a.img", 0},
    {"/../dev/sda1", "sda1", "sda", 1},
    {"nbd:host:10809", "nbd:host:10809", "nbd:host:10809", 0},
    {"iscsi://t//1", "iscsi://t//1", "iscsi://t//1", 0},
    {"", "", "", 0},
    {"/dev", "/dev", "/dev", 0},
    {"/", "/", "/", 0},
};

TEST(Names, WhatLiesOnADisk) {
  EXPECT_TRUE(lies_on("sda", "sda"));
  EXPECT_TRUE(lies_on("sda2", "sda"));
  EXPECT_TRUE(lies_on("sda2", "sda2"));
  EXPECT_TRUE(lies_on("nvme0n1p2", "nvme0n1"));
  EXPECT_FALSE(lies_on("sdaa", "sda"));
  EXPECT_FALSE(lies_on("nvme0n12", "nvme0n1"));
  EXPECT_FALSE(lies_on("sda", "sda2"));
}

TEST(Names, AreNormalisedAndTakenApart) {
  for (const NameCase& c : kNames) {
    const std::string name = normalise_name(c.source);
    EXPECT_EQ(name, c.normalised) << c.source;
    EXPECT_EQ(place_of_name(name).whole, c.whole) << c.source;
    EXPECT_EQ(place_of_name(name).partition, c.partition) << c.source;
    EXPECT_EQ(normalise_name(name), name) << c.source << ": twice is once";
  }
}

Extent extent(const char* source, const char* host = "xen1", const StorageContext& context = {}) {
  return extent_of_name(normalise_name(source), HostName{host}, context);
}

TEST(Names, ADiskContainsItsPartitionsAndNoOther) {
  const Extent disk = extent("sda"), three = extent("sda3"), four = extent("/dev/sda4");
  EXPECT_TRUE(overlap(disk, three));
  EXPECT_TRUE(overlap(disk, four));
  EXPECT_FALSE(overlap(three, four));
  EXPECT_TRUE(overlap(three, extent("phy:/dev/sda3")));
  EXPECT_FALSE(overlap(disk, extent("sdb3")));
  EXPECT_FALSE(overlap(extent("sda1"), extent("sdaa1")));
  EXPECT_TRUE(overlap(extent("nvme0n1"), extent("nvme0n1p2")));
  EXPECT_TRUE(overlap(extent("mapper/mpatha"), extent("mapper/mpatha-part2")));
  EXPECT_TRUE(overlap(extent("/dev/vg/x"), extent("/dev/mapper/vg-x")));
  EXPECT_LE(three.end().count, disk.end().count);
  EXPECT_FALSE(three.resolved);
}

TEST(Names, MeetAcrossHostsUnlessTheOperatorKeepsThemApart) {
  StorageContext context;
  EXPECT_TRUE(overlap(extent("sda3"), extent("sda", "xen2")));
  // Said of a partition, it holds for the disk: the two must still meet on one host.
  for (const char* spelling : {"sda", "/dev/sda", "sda3", "/dev/sda3"}) {
    context.local_stores = {{spelling, {HostName{"xen1"}}}};
    EXPECT_FALSE(overlap(extent("sda3", "xen1", context), extent("sda3", "xen2", context)));
    EXPECT_TRUE(overlap(extent("sda3", "xen1", context), extent("sda", "xen1", context)));
    EXPECT_TRUE(overlap(extent("sda3", "xen2", context), extent("sda", "xen2", context)));
  }
  context.local_stores = {{"/dev/mapper/vg-x", {}}};
  EXPECT_FALSE(overlap(extent("vg/x", "xen1", context), extent("vg/x", "xen2", context)));
  EXPECT_TRUE(overlap(extent("vg/y", "xen1", context), extent("vg/y", "xen2", context)));
  // Several hosts have it together, the others each their own.
  context.local_stores = {{"sda", {HostName{"xen2"}, HostName{"xen1"}}}};
  EXPECT_TRUE(overlap(extent("sda", "xen1", context), extent("sda", "xen2", context)));
  EXPECT_FALSE(overlap(extent("sda", "xen1", context), extent("sda", "xen3", context)));
  EXPECT_FALSE(is_bare_name(extent("sda", "xen1", context).store));
  EXPECT_EQ(name_in(extent("sda", "xen1", context).store), "sda");
}

TEST(Names, RecordedExtentsFollowTheOperatorsWord) {
  StorageContext before, after;
  after.local_stores = {{"sda", {HostName{"xen1"}}}};
  const Extent recorded = extent("sda3", "xen1", before);
  const Extent now = as_stated_now(recorded, HostName{"xen1"}, after);
  EXPECT_EQ(now, extent("sda3", "xen1", after));
  EXPECT_EQ(as_stated_now(now, HostName{"xen1"}, before), recorded);
  const Extent resolved{StoreId{"wwn-1"}, sectors(0), sectors(8), true};
  EXPECT_EQ(as_stated_now(resolved, HostName{"xen1"}, after), resolved);
}

}  // namespace
}  // namespace hv
