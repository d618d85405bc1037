// Longer than other files: one table for each way in which two accesses can meet.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <set>
#include <tuple>

#include "base/clock.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

Extent on(const char* store, int64_t start, int64_t count) {
  return {StoreId{store}, sectors(start), sectors(count), true};
}

Access access(const char* party, AccessMode mode, std::vector<Extent> extents, int permitted = 0) {
  Access one;
  one.party = Party{party};
  one.host = HostName{"xen1"};
  one.device = "xvda";
  one.mode = mode;
  one.extents = std::move(extents);
  one.permitted = permitted;
  return one;
}

constexpr AccessMode kRead = AccessMode::read;
constexpr AccessMode kWrite = AccessMode::write;
constexpr AccessMode kShared = AccessMode::write_shared;

std::vector<Finding> with_code(const std::vector<Finding>& findings, Code code) {
  std::vector<Finding> some;
  for (const Finding& finding : findings)
    if (finding.code == code) some.push_back(finding);
  return some;
}

// The check of the 2004 tools: a new extent is compared with the old ones by its two ends only, and
// one level for all says what goes.
struct Old2004 {
  int64_t start, count;
  bool writeable;
};
int level_2004(const std::vector<Old2004>& fresh, const std::vector<Old2004>& old, int expert) {
  int level = 0;
  for (const Old2004& n : fresh) {
    const int64_t first = n.start, last = n.start + n.count - 1;
    for (const Old2004& o : old) {
      const int64_t from = o.start, to = o.start + o.count - 1;
      if (!((from <= first && first <= to) || (from <= last && last <= to))) continue;
      if (o.writeable && n.writeable) level = std::max(level, 2);
      if (o.writeable != n.writeable) level = std::max(level, 1);
    }
  }
  return level > expert ? -1 : level;
}

TEST(Holes2004, AnOldExtentStrictlyInsideTheNewOne) {
  int missed = 0;
  for (int a = 0; a < 8; ++a)
    for (int b = a + 1; b <= 8; ++b)
      for (int c = 0; c < 8; ++c)
        for (int d = c + 1; d <= 8; ++d) {
          const bool meet = a < d && c < b;
          const bool inside = a < c && d < b;
          const auto findings = check_sharing({access("domain.new", kWrite, {on("s", a, b - a)}),
                                               access("domain.old", kWrite, {on("s", c, d - c)})},
                                              {});
          EXPECT_EQ(findings.size(), meet ? 1u : 0u) << a << b << c << d;
          const bool refused = level_2004({{a, b - a, true}}, {{c, d - c, true}}, 0) == -1;
          EXPECT_EQ(refused, meet && !inside) << a << b << c << d;
          missed += meet && !refused ? 1 : 0;
        }
  EXPECT_GT(missed, 0) << "the old check has to fail here, or this test proves nothing";
}

TEST(Holes2004, ADomainAgainstItself) {
  // Both extents are new: nothing old to compare them with.
  EXPECT_EQ(level_2004({{0, 8, true}, {4, 8, true}}, {}, 0), 0);
  Access one = access("domain.a", kWrite, {on("s", 0, 8)});
  Access two = access("domain.a", kWrite, {on("s", 4, 8)});
  two.device = "xvdb";
  const auto findings = check_sharing({one, two}, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, Code::same_sectors_twice);
  EXPECT_EQ(findings[0].severity, Severity::error);
  EXPECT_EQ(findings[0].message,
            "domain `a` has the same sectors twice, as `xvda` and as `xvdb` "
            "(level 2, permitted 0)");
}

TEST(Holes2004, OnlyTheNewcomerWasAsked) {
  EXPECT_EQ(level_2004({{0, 8, true}}, {{0, 8, true}}, 2), 2) << "accepted for both";
  const auto findings = check_sharing({access("domain.new", kWrite, {on("s", 0, 8)}, 2),
                                       access("domain.old", kWrite, {on("s", 0, 8)})},
                                      {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::error);
}

TEST(Holes2004, OneDiskUnderTwoNames) {
  // What the old check compared were device numbers of names that it could look up: it had no
  // answer for a volume, and so no extents to compare.
  EXPECT_EQ(level_2004({}, {}, 0), 0);
  Vbd one, two;
  one.source = "/dev/vg/x";
  two.source = "/dev/mapper/vg-x";
  const HostName host{"xen1"};
  const auto findings = check_sharing({access("domain.a", kWrite, resolve(one, host, {}).extents),
                                       access("domain.b", kWrite, resolve(two, host, {}).extents)},
                                      {});
  ASSERT_EQ(with_code(findings, Code::unsafe_write_sharing).size(), 1u);
}

TEST(Holes2004, AVirtualDiskAndThePartitionUnderIt) {
  // The old extents of a virtual disk began at sector 0 of the drive, whichever partition the pool
  // was on: extent 0 of a pool on the third partition looked like the drive's first sectors.
  const int64_t partition_start = 1000;
  EXPECT_EQ(level_2004({{0, 100, true}}, {{partition_start, 500, true}}, 0), 0);
  const HostName host{"xen1"};
  StorageContext context;
  Extent piece = resolve_device("sda3", host, context).extents.at(0);
  piece.start += sectors(2048);
  piece.count = sectors(100);
  Vbd partition;
  partition.source = "sda3";
  const auto findings =
      check_sharing({access("domain.a", kWrite, {piece}),
                     access("domain.b", kWrite, resolve(partition, host, context).extents)},
                    context);
  EXPECT_EQ(with_code(findings, Code::unsafe_write_sharing).size(), 1u);
}

TEST(Holes2004, TwoHosts) {
  Vbd vbd;
  vbd.source = "sda3";
  std::vector<Access> accesses;
  for (const char* host : {"xen1", "xen2"}) {
    const std::string party = std::string("domain.on-") + host;
    accesses.push_back(access(party.c_str(), kWrite, resolve(vbd, HostName{host}, {}).extents));
    accesses.back().host = HostName{host};
  }
  StorageContext context;
  auto findings = check_sharing(accesses, context);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, Code::maybe_same_store);
  EXPECT_EQ(findings[0].severity, Severity::error);
  EXPECT_FALSE(findings[0].overlap->resolved);
  EXPECT_EQ(findings[0].message,
            "two domains would write the same sectors if `sda` is one disk on xen1 and xen2 "
            "(level 2, permitted 0)");
  context.unresolved_is_error = false;
  EXPECT_EQ(check_sharing(accesses, context).at(0).severity, Severity::warning);
  context.local_stores = {{"sda", {}}};
  for (Access& one : accesses) one.extents = resolve(vbd, one.host, context).extents;
  EXPECT_TRUE(check_sharing(accesses, context).empty());
}

TEST(Sharing, SpeaksAsPromised) {
  Access web = access("domain.web0", kWrite, {on("WDC-WX41A", 206848, 4194304)});
  Access backup = access("domain.backup", kWrite, {on("WDC-WX41A", 0, 100000000)});
  web.place = {"web.vm", 9, 17};
  backup.place = {"backup.cfg", 6, 11};
  auto findings = check_sharing({web, backup}, {});
  ASSERT_EQ(findings.size(), 1u);
  const Finding& one = findings[0];
  EXPECT_EQ(one.code, Code::unsafe_write_sharing);
  EXPECT_EQ(one.message, "two domains would write the same sectors (level 2, permitted 0)");
  EXPECT_EQ(one.level, 2);
  EXPECT_EQ(one.permitted, 0);
  ASSERT_EQ(one.accesses.size(), 2u);
  EXPECT_EQ(one.accesses[0].party.text, "domain.backup") << "in the order of the files";
  EXPECT_EQ(one.overlap->start.count, 206848);
  EXPECT_EQ(one.overlap->count.count, 4194304);
  EXPECT_EQ(one.ways_out,
            (std::vector<std::string>{"make one side `r`, and permit level 1 on both",
                                      "give web0 a snapshot",
                                      "`shareable` if a cluster filesystem is on it"}));
  backup.mode = kRead;
  findings = check_sharing({web, backup}, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, Code::unsafe_read_sharing);
  EXPECT_EQ(findings[0].message, "a domain would read what another writes (level 1, permitted 0)");
  EXPECT_EQ(findings[0].ways_out[1], "give backup a snapshot");
  Access dom0 = access("dom0.xen1", kWrite, backup.extents);
  dom0.device.clear();
  const std::pair<std::string, std::string> uses[] = {
      {"ext4 mounted on /srv", "unmount it in dom0 of xen1"},
      {"swap space", "`swapoff` it in dom0 of xen1"},
      {"LVM's tables of vg0", "end its use by dom0 of xen1: LVM's tables of vg0"},
  };
  for (const auto& [use, way] : uses) {
    dom0.path = {use, "sda"};
    findings = check_sharing({dom0, backup}, {});
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].message, "a domain would read what dom0 writes (level 1, permitted 0)");
    EXPECT_EQ(findings[0].ways_out, std::vector<std::string>{way});
  }
  backup.path = {"/srv/top.qcow2", "backing file /srv/base.img"};
  findings = check_sharing({web, backup}, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].ways_out,
            (std::vector<std::string>{"give web0 an image of its own on top of it",
                                      "give web0 a full copy"}))
      << "no permission helps below the top of a chain";
  findings = check_sharing({access("unmanaged.xen1/alien", kWrite, web.extents), web}, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message,
            "a domain and an unmanaged domain would write the same sectors (level 2, permitted 0)");
}

TEST(Sharing, PermittedIsOneNoteForEachLevelNamingAll) {
  std::vector<Access> accesses;
  for (const char* name : {"domain.a", "domain.b", "domain.c"})
    accesses.push_back(access(name, kRead, {on("s", 0, 100), on("s", 200, 50)}, 1));
  EXPECT_TRUE(check_sharing(accesses, {}).empty()) << "readers alone are nothing to note";
  accesses.push_back(access("domain.w", kWrite, accesses[0].extents, 1));
  auto findings = check_sharing(accesses, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, Code::permitted_sharing);
  EXPECT_EQ(findings[0].severity, Severity::note);
  EXPECT_EQ(findings[0].level, 1);
  EXPECT_EQ(findings[0].message, "a, b, c and w share the same sectors, as permitted (level 1)");
  EXPECT_EQ(findings[0].accesses.size(), 4u);
  EXPECT_EQ(findings[0].accesses[0].party.text, "domain.w");
  EXPECT_EQ(findings[0].overlap->count.count, 100);

  // Level 2 on three people's words.
  struct Word {
    AccessMode mode;
    int permitted;
    std::vector<uint32_t> grants;
    const char* note;
  };
  for (const Word& word : {Word{kShared, 0, {}, "by the word of `w!` on both sides"},
                           Word{kWrite, 2, {}, "by the word of `sharing = 2` on both sides"},
                           Word{kWrite, 0, {7}, "by the word of `shareable`"}}) {
    std::vector<Access> writers = {access("domain.a", word.mode, {on("s", 0, 9)}, word.permitted),
                                   access("domain.b", word.mode, {on("s", 3, 9)}, word.permitted)};
    for (Access& writer : writers) writer.grants = word.grants;
    findings = check_sharing(writers, {});
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].code, Code::permitted_sharing);
    EXPECT_EQ(findings[0].level, 2);
    EXPECT_EQ(findings[0].notes, std::vector<std::string>{word.note});
    writers[1].mode = kWrite;
    writers[1].permitted = 0;
    writers[1].grants = {8};
    findings = check_sharing(writers, {});
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].code, Code::unsafe_write_sharing) << word.note;
  }
}

TEST(Sharing, DormantIsNotedOnly) {
  Access a = access("domain.a", kWrite, {on("s", 0, 8)}),
         b = access("domain.b", kWrite, {on("s", 0, 8)});
  b.dormant = true;
  const auto findings = check_sharing({a, b}, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::note);
  EXPECT_EQ(findings[0].message,
            "two domains would write the same sectors, once b is started (level 2, permitted 0)");
}

TEST(Sharing, OneMachineSeenTwiceIsOne) {
  Access desired = access("domain.a", kWrite, {on("s", 0, 8)});
  Access live = desired;
  live.origin = AccessOrigin::live;
  EXPECT_TRUE(check_sharing({desired, live}, {}).empty());
  live.device = "xvdb";  // it changes its place
  EXPECT_TRUE(check_sharing({desired, live}, {}).empty());
  Access target = desired;
  target.host = HostName{"xen2"};
  EXPECT_TRUE(check_sharing({desired, target}, {}).empty());
  Access other = access("domain.b", kWrite, {on("s", 0, 8)});
  EXPECT_EQ(check_sharing({desired, live, other}, {}).size(), 2u);
  live.device = "xvda";
  EXPECT_EQ(check_sharing({desired, live, other}, {}).size(), 1u);
}

TEST(Sharing, NamesWarnOnceAHost) {
  auto by_name = [](const char* party, const char* source, const char* host, AccessMode mode) {
    Vbd vbd;
    vbd.source = source;
    Access one = access(party, mode, resolve(vbd, HostName{host}, {}).extents);
    one.host = HostName{host};
    return one;
  };
  std::vector<Access> accesses = {
      by_name("domain.a", "sda", "xen1", kWrite), by_name("domain.b", "sdb", "xen1", kRead),
      by_name("domain.c", "vg/x", "xen1", kRead), by_name("domain.d", "sdd", "xen2", kWrite)};
  auto findings = check_sharing(accesses, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, Code::compared_by_name);
  EXPECT_EQ(findings[0].severity, Severity::warning);
  EXPECT_FALSE(findings[0].level.has_value());
  EXPECT_EQ(findings[0].message, "the 3 disks on xen1 are told apart by their names only");
  StorageContext context;
  context.exact_names = {HostName{"xen1"}};
  EXPECT_TRUE(check_sharing(accesses, context).empty());
  accesses[0].mode = kRead;
  EXPECT_TRUE(check_sharing(accesses, {}).empty()) << "readers alone can do no harm";
}

// A random small world: few sectors, few parties, so that everything meets everything.
std::vector<Access> random_world(SeededRandom& random) {
  static const char* kParties[] = {"domain.a", "domain.b", "domain.c", "unmanaged.xen1/z"};
  static const char* kDevices[] = {"xvda", "xvdb"};
  static const char* kHosts[] = {"xen1", "xen2"};
  std::vector<Access> world(2 + random.below(7));
  for (std::size_t i = 0; i < world.size(); ++i) {
    Access& one = world[i];
    one.party = Party{kParties[random.below(4)]};
    one.device = kDevices[random.below(2)];
    one.host = HostName{kHosts[random.below(4) == 0]};
    one.mode = static_cast<AccessMode>(random.below(3));
    one.permitted = static_cast<int>(random.below(3));
    if (random.below(4) == 0) one.grants.push_back(static_cast<uint32_t>(random.below(2)));
    one.origin = random.below(3) == 0 ? AccessOrigin::live : AccessOrigin::desired;
    one.dormant = random.below(6) == 0;
    one.path = {std::to_string(i)};
    if (random.below(2) == 0) one.place = {"w.vm", static_cast<uint32_t>(1 + i), 1};
    for (uint64_t n = random.below(5); n > 0; --n) {
      if (random.below(2) == 0) {
        one.extents.push_back(on(random.below(2) == 0 ? "s" : "t",
                                 static_cast<int64_t>(random.below(24)),
                                 static_cast<int64_t>(random.below(9))));
        continue;
      }
      // By name: the disk, a partition, or an exact place on the disk.
      Extent extent = on(random.below(3) == 0 ? "name:sdb" : "name:sda", 0, int64_t{1} << 62);
      extent.resolved = false;
      if (random.below(3) != 0) {
        extent.start = sectors(kNameSlotSectors * static_cast<int64_t>(1 + random.below(3)));
        extent.count = sectors(kNameSlotSectors);
      } else if (random.below(2) == 0) {
        extent.start = sectors(static_cast<int64_t>(random.below(24)));
        extent.count = sectors(static_cast<int64_t>(random.below(9)));
      }
      one.extents.push_back(extent);
    }
  }
  return world;
}

using VbdId = std::pair<std::string, std::string>;
VbdId id_of(const Access& access) {
  return {access.party.text, access.device};
}

// What all pairs say, without any sweep: which pairs of VBDs are unsafe in which way, and how bad.
using PairKey = std::tuple<VbdId, VbdId, Code>;
struct PairValue {
  bool awake = false;
  int level = 0;
  bool operator==(const PairValue&) const = default;
};
using GroupKey = std::pair<int, std::set<VbdId>>;

struct Reference {
  std::map<PairKey, PairValue> pairs;
  std::set<GroupKey> groups;
};

struct PieceOf {
  std::size_t access;
  Extent extent;
};

Reference all_pairs(const std::vector<Access>& world) {
  std::vector<PieceOf> pieces;
  for (std::size_t i = 0; i < world.size(); ++i)
    for (const Extent& extent : world[i].extents)
      if (extent.count.count > 0) pieces.push_back({i, extent});
  Reference reference;
  for (int wanted = 1; wanted <= 2; ++wanted) {
    std::vector<std::size_t> group(pieces.size());
    for (std::size_t i = 0; i < group.size(); ++i) group[i] = i;
    for (std::size_t x = 0; x < pieces.size(); ++x)
      for (std::size_t y = x + 1; y < pieces.size(); ++y) {
        if (!overlap(pieces[x].extent, pieces[y].extent)) continue;
        const Access &a = world[pieces[x].access], &b = world[pieces[y].access];
        const int level = (a.mode != kRead ? 1 : 0) + (b.mode != kRead ? 1 : 0);
        int permitted = std::min(a.permitted, b.permitted);
        if (a.mode == kShared && b.mode == kShared) permitted = 2;
        if (!a.grants.empty() && a.grants == b.grants) permitted = 2;
        if (level != wanted) continue;
        if (level <= permitted) {
          const std::size_t from = group[x], to = group[y];
          for (std::size_t& one : group)
            if (one == from) one = to;
          continue;
        }
        if (pieces[x].access == pieces[y].access) continue;
        const bool same_time = (a.origin == AccessOrigin::live) == (b.origin == AccessOrigin::live);
        Code code = Code::unsafe_write_sharing;
        if (a.party == b.party) {
          if (a.device == b.device || !same_time) continue;
          code = Code::same_sectors_twice;
        } else if (a.host != b.host && !pieces[x].extent.resolved) {
          code = Code::maybe_same_store;
        }
        const VbdId low = std::min(id_of(a), id_of(b)), high = std::max(id_of(a), id_of(b));
        PairValue& value = reference.pairs[{low, high, code}];
        const PairValue found{!a.dormant && !b.dormant, level};
        if (std::pair(found.awake, found.level) > std::pair(value.awake, value.level))
          value = found;
      }
    std::map<std::size_t, std::set<std::size_t>> members;
    for (std::size_t i = 0; i < group.size(); ++i) members[group[i]].insert(pieces[i].access);
    std::map<std::size_t, std::size_t> sizes;
    for (std::size_t root : group) ++sizes[root];
    for (const auto& [root, accesses] : members) {
      if (sizes[root] < 2) continue;
      std::set<VbdId> vbds;
      std::set<std::string> parties;
      for (std::size_t i : accesses) {
        vbds.insert(id_of(world[i]));
        parties.insert(world[i].party.text);
      }
      if (parties.size() > 1) reference.groups.insert({wanted, vbds});
    }
  }
  return reference;
}

Reference as_reference(const std::vector<Finding>& findings) {
  Reference found;
  for (const Finding& finding : findings) {
    const auto& accesses = finding.accesses;
    switch (finding.code) {
      case Code::permitted_sharing: {
        std::set<VbdId> vbds;
        for (const Access& one : accesses) vbds.insert(id_of(one));
        found.groups.insert({*finding.level, vbds});
        break;
      }
      case Code::same_sectors_twice:
        if (finding.level <= finding.permitted) break;  // a permitted one: its own test
        [[fallthrough]];
      case Code::unsafe_write_sharing:
      case Code::unsafe_read_sharing:
      case Code::maybe_same_store: {
        const VbdId a = id_of(accesses.at(0)), b = id_of(accesses.at(1));
        const Code code =
            finding.code == Code::unsafe_read_sharing ? Code::unsafe_write_sharing : finding.code;
        const bool is_new =
            found.pairs
                .try_emplace({std::min(a, b), std::max(a, b), code},
                             PairValue{finding.severity != Severity::note, *finding.level})
                .second;
        EXPECT_TRUE(is_new) << "one pair, two findings: " << finding.message;
        EXPECT_GT(*finding.level, finding.permitted);
        if (finding.code == Code::unsafe_read_sharing) {
          EXPECT_EQ(finding.level, 1);
        }
        if (finding.code == Code::unsafe_write_sharing) {
          EXPECT_EQ(finding.level, 2);
        }
        break;
      }
      default:
        EXPECT_EQ(finding.code, Code::compared_by_name);
    }
  }
  return found;
}

// The overlap shown is one of the two accesses', and their largest.
void expect_largest_overlap(const Finding& finding) {
  if (finding.severity == Severity::warning || finding.code == Code::permitted_sharing) return;
  if (!finding.overlap->resolved || finding.level <= finding.permitted) return;
  int64_t largest = 0;
  bool exists = false;
  for (const Extent& x : finding.accesses[0].extents)
    for (const Extent& y : finding.accesses[1].extents) {
      if (x.store != y.store || !x.resolved) continue;
      const int64_t from = std::max(x.start, y.start).count;
      const int64_t count = std::min(x.end(), y.end()).count - from;
      largest = std::max(largest, count);
      exists =
          exists || (x.store == finding.overlap->store && from == finding.overlap->start.count &&
                     count == finding.overlap->count.count);
    }
  EXPECT_TRUE(exists);
  if (finding.accesses[0].extents.size() == 1) {
    EXPECT_EQ(finding.overlap->count.count, largest);
  }
}

TEST(Sharing, AgreesWithAllPairsOnRandomWorlds) {
  SeededRandom random(20040116);
  std::size_t pairs = 0, groups = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::vector<Access> world = random_world(random);
    const std::vector<Finding> findings = check_sharing(world, {});
    const Reference expected = all_pairs(world), found = as_reference(findings);
    ASSERT_EQ(found.pairs, expected.pairs) << "round " << round;
    ASSERT_EQ(found.groups, expected.groups) << "round " << round;
    for (const Finding& finding : findings) expect_largest_overlap(finding);
    for (std::size_t i = 1; i < findings.size(); ++i)
      ASSERT_LE(findings[i - 1].severity, findings[i].severity);
    pairs += expected.pairs.size();
    groups += expected.groups.size();
  }
  EXPECT_GT(pairs, 20'000u);
  EXPECT_GT(groups, 5'000u);
}

// Optimised, 10^5 writers of one region are 5·10^9 pairs: the first are listed, the rest counted.
TEST(Sharing, ManyWritersOfOneRegionStayCheap) {
#ifdef __OPTIMIZE__
  const uint64_t count = 100'000;
#else
  const uint64_t count = 10'000;
#endif
  std::vector<Access> accesses;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string party = "domain.d" + std::to_string(i);
    accesses.push_back(access(party.c_str(), kWrite, {on("s", static_cast<int64_t>(i % 7), 1000)}));
  }
  auto findings = check_sharing(accesses, {});
  EXPECT_EQ(findings.size(), 50u);
  uint64_t more = 0;
  for (const Finding& finding : findings)
    for (const std::string& note : finding.notes) more += std::stoull(note);
  EXPECT_EQ(more + findings.size(), count * (count - 1) / 2);
  for (Access& one : accesses) one.mode = kShared;
  findings = check_sharing(accesses, {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].accesses.size(), count);
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    accesses[i].mode = i % 2 == 0 ? kRead : kShared;
    accesses[i].permitted = 1;
  }
  EXPECT_EQ(check_sharing(accesses, {}).size(), 2u);
}

// Notes about dormant machines never crowd an error out.
TEST(Sharing, AnErrorIsListedBesideAnyNumberOfNotes) {
  std::vector<Access> accesses;
  for (int i = 0; i < 300; ++i) {
    const std::string party = "domain.d" + std::to_string(i);
    accesses.push_back(access(party.c_str(), kWrite, {on("s", 0, 1000)}));
    accesses.back().dormant = i < 298;
  }
  const auto findings = check_sharing(accesses, {});
  ASSERT_EQ(findings.size(), 51u);
  EXPECT_EQ(findings[0].severity, Severity::error);
  EXPECT_EQ(findings[1].severity, Severity::note);
}

// Extents over 64 stores against std::sort of the same array, in CPU time; bench/ has the figures,
// here only what is out of all proportion fails.
TEST(Sharing, SweepCostsLittleMoreThanASort) {
#ifdef __OPTIMIZE__
  const std::size_t count = 1'000'000;
#else
  const std::size_t count = 50'000;
#endif
  SeededRandom random(4);
  std::vector<Access> accesses(count / 8);
  struct Row {
    uint32_t store;
    uint32_t access;
    int64_t start, end;
  };
  std::vector<Row> rows;
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    Access& one = accesses[i];
    one.party = Party{"domain.d" + std::to_string(i)};
    one.host = HostName{"xen" + std::to_string(i % 16)};
    one.device = "xvda";
    one.mode = i % 4 == 0 ? kRead : kWrite;
    one.permitted = 1;
    const bool shares = i % 100 == 1;  // what its neighbour writes
    if (shares) {
      one.mode = kRead;
      accesses[i - 1].mode = kWrite;
    }
    const uint64_t store = shares ? rows.back().store : random.below(64);
    const int64_t slot = shares ? rows[rows.size() - 8].start
                                : static_cast<int64_t>(random.below(uint64_t{1} << 40));
    for (int64_t k = 0; k < 8; ++k) {
      one.extents.push_back({StoreId{"wwn-0x5000c500a1b2c3" + std::to_string(store)},
                             sectors(slot + k * 100'000), sectors(4096), true});
      rows.push_back({static_cast<uint32_t>(store), static_cast<uint32_t>(i), slot + k * 100'000,
                      slot + k * 100'000 + 4096});
    }
  }
  const std::clock_t begin = std::clock();
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.store != b.store ? a.store < b.store : a.start < b.start;
  });
  const std::clock_t sorted = std::clock();
  const std::size_t found = check_sharing(accesses, {}).size();
  const std::clock_t swept = std::clock();
  const double sort_ms = 1e3 * static_cast<double>(sorted - begin) / CLOCKS_PER_SEC;
  const double sweep_ms = 1e3 * static_cast<double>(swept - sorted) / CLOCKS_PER_SEC;
  std::printf("%zu extents: std::sort %.0f ms, sweep %.0f ms (%.2f times), %zu findings\n", count,
              sort_ms, sweep_ms, sweep_ms / sort_ms, found);
  EXPECT_LT(sweep_ms, 20 * sort_ms + 500);
}

}  // namespace
}  // namespace hv
