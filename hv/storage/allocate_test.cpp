#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

constexpr int64_t kExtent = 2048;  // sectors in an extent of 1 MiB
constexpr int64_t kLabel = 2048;

PoolSpec pool(const char* name = "fast") {
  PoolSpec spec;
  spec.address = {Kind::pool, name};
  spec.host = HostName{"xen1"};
  spec.extent = mib(1);
  return spec;
}

Address vd(const std::string& name) {
  return {Kind::vdisk, name};
}

PoolDevice device(const char* source, int64_t extents) {
  return {source, sectors(2 * kLabel + extents * kExtent)};
}

AppliedVdisk applied(const char* name, std::vector<Extent> extents,
                     std::optional<int64_t> expired = std::nullopt) {
  AppliedVdisk disk;
  disk.spec.address = vd(name);
  disk.spec.pool = {Kind::pool, "fast"};
  disk.host = HostName{"xen1"};
  disk.extents = std::move(extents);
  if (expired) disk.expired = Time{{*expired}};
  return disk;
}

// Slots [from, to) of sda10.
Extent slots(int64_t from, int64_t to) {
  const int64_t base = 10 * kNameSlotSectors + kLabel;
  return {StoreId{"name:sda"}, sectors(base + from * kExtent), sectors((to - from) * kExtent),
          false};
}

const std::vector<PoolDevice> kTen = {device("phy:/dev/sda10", 10)};

AllocationRequest want(const char* name, int64_t count, std::vector<Extent> have = {}) {
  return {vd(name), sectors(count), std::move(have)};
}

TEST(Allocate, BehindTheLabelInOnePiece) {
  auto result = allocate(pool(), kTen, {want("a", 3 * kExtent)}, {}, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), std::vector<Extent>{slots(0, 3)});
  EXPECT_EQ(result->free_after.count, 7 * kExtent);
  EXPECT_TRUE(result->reused.empty());
  // The whole device but for the two labels, and not one extent more.
  EXPECT_TRUE(allocate(pool(), kTen, {want("a", 10 * kExtent)}, {}, {}));
  EXPECT_FALSE(allocate(pool(), kTen, {want("a", 10 * kExtent + 1)}, {}, {}));
}

TEST(Allocate, TheLastExtentMayBeUsedInPart) {
  auto result = allocate(pool(), kTen, {want("a", kExtent + 8), want("b", 1)}, {}, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a"))[0].count.count, kExtent + 8);
  EXPECT_EQ(result->extents.at(vd("b"))[0].start, slots(2, 3).start);
  EXPECT_EQ(result->free_after.count, 7 * kExtent);
  // Enlarged: first the rest of its own extent, then a new one.
  const std::vector<Extent> have = result->extents.at(vd("a"));
  std::map<Address, AppliedVdisk> disks;
  disks[vd("a")] = applied("a", have);
  disks[vd("b")] = applied("b", result->extents.at(vd("b")));
  auto enlarged = allocate(pool(), kTen, {want("a", 2 * kExtent, have)}, disks, {});
  ASSERT_TRUE(enlarged);
  EXPECT_EQ(enlarged->extents.at(vd("a")), std::vector<Extent>{slots(0, 2)});
  EXPECT_EQ(enlarged->free_after.count, 7 * kExtent);
  enlarged = allocate(pool(), kTen, {want("a", 2 * kExtent + 1, have)}, disks, {});
  ASSERT_TRUE(enlarged);
  ASSERT_EQ(enlarged->extents.at(vd("a")).size(), 2u);
  EXPECT_EQ(enlarged->extents.at(vd("a"))[0], slots(0, 2));
  EXPECT_EQ(enlarged->extents.at(vd("a"))[1].start, slots(3, 4).start);
  // Smaller than it is: kept as it is.
  enlarged = allocate(pool(), kTen, {want("a", 1, have)}, disks, {});
  ASSERT_TRUE(enlarged);
  EXPECT_EQ(enlarged->extents.at(vd("a")), have);
}

TEST(Allocate, ContiguousFirstThenTheLargestPieces) {
  std::map<Address, AppliedVdisk> disks;
  disks[vd("x")] = applied("x", {slots(2, 3), slots(4, 5)});  // free: 0-1, 3, 5-9
  auto result = allocate(pool(), kTen, {want("a", 2 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), std::vector<Extent>{slots(0, 2)}) << "the tightest fit";
  result = allocate(pool(), kTen, {want("a", 6 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), (std::vector<Extent>{slots(5, 10), slots(3, 4)}));
  // Enlarging goes on where the disk ends.
  result = allocate(pool(), kTen, {want("x", 3 * kExtent, disks[vd("x")].extents)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("x")), (std::vector<Extent>{slots(2, 3), slots(4, 6)}));
}

TEST(Allocate, FreeBeforeExpiredAndTheLongestExpiredFirst) {
  std::map<Address, AppliedVdisk> disks;
  disks[vd("live")] = applied("live", {slots(0, 2)});
  disks[vd("new")] = applied("new", {slots(2, 5)}, 200);
  disks[vd("old")] = applied("old", {slots(7, 9), slots(5, 7)}, 100);
  auto result = allocate(pool(), kTen, {want("a", kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), std::vector<Extent>{slots(9, 10)});
  EXPECT_TRUE(result->reused.empty());
  EXPECT_EQ(result->free_after.count, 7 * kExtent) << "what is expired counts as free";

  // The last extent of the longest-expired goes first: slot 6, then 5, then 8.
  result = allocate(pool(), kTen, {want("a", 2 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), (std::vector<Extent>{slots(9, 10), slots(6, 7)}));
  EXPECT_EQ(result->reused.at(vd("a")), std::vector<Address>{vd("old")});
  result = allocate(pool(), kTen, {want("a", kExtent), want("b", 3 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("b")), (std::vector<Extent>{slots(5, 7), slots(8, 9)}));
  result = allocate(pool(), kTen, {want("a", 6 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->reused.at(vd("a")), (std::vector<Address>{vd("old"), vd("new")}));
  EXPECT_EQ(result->extents.at(vd("a")), (std::vector<Extent>{slots(9, 10), slots(4, 9)}));

  // Reused already by a live disk: not there any more.
  disks[vd("taker")] = applied("taker", {slots(6, 7)});
  result = allocate(pool(), kTen, {want("a", 2 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), (std::vector<Extent>{slots(9, 10), slots(5, 6)}));
}

TEST(Allocate, SaysWhatIsNeededAndWhatIsFree) {
  std::map<Address, AppliedVdisk> disks;
  disks[vd("live")] = applied("live", {slots(0, 8)});
  auto result = allocate(pool(), kTen, {want("a", 2 * kExtent), want("b", 1)}, disks, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::pool_full);
  EXPECT_EQ(result.error().message,
            "pool `fast` has 2 MiB free, 3 MiB are needed (3 extents of 1 MiB)");
  EXPECT_FALSE(result.error().help.empty());
  // A device too small for two labels and an extent has nothing.
  EXPECT_FALSE(allocate(pool(), {{"sdq", sectors(3000)}}, {want("a", 1)}, {}, {}));
  EXPECT_TRUE(allocate(pool(), {{"sdq", std::nullopt}}, {want("a", 1)}, {}, {})) << "not known";
}

TEST(Allocate, RefusesOneDeviceTwice) {
  for (const char* other : {"sda10", "sda", "/dev/mapper/../sda10"}) {
    auto result = allocate(pool(), {device("/dev/sda10", 4), device(other, 4)}, {}, {}, {});
    ASSERT_FALSE(result) << other;
    EXPECT_EQ(result.error().code, Code::pool_device_twice);
  }
  EXPECT_TRUE(allocate(pool(), {device("/dev/sda10", 4), device("sda11", 4)}, {}, {}, {}));
}

// Held by another pool's disks, even expired ones, or where nobody knows where they lie.
TEST(Allocate, KeepsClearOfOtherPools) {
  std::map<Address, AppliedVdisk> disks;
  disks[vd("x")] = applied("x", {slots(0, 4)}, 100);
  disks[vd("x")].spec.pool.name = "other";
  auto result = allocate(pool(), kTen, {want("a", 6 * kExtent)}, disks, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a")), std::vector<Extent>{slots(4, 10)});
  result = allocate(pool(), {device("sda", 10)}, {want("a", 1)}, disks, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::pool_full);
  // A [stores] statement that came later changes the name of the store, not who holds it.
  StorageContext context;
  context.local_stores = {{"sda10", {}}};
  result = allocate(pool(), kTen, {want("a", 6 * kExtent)}, disks, context);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->extents.at(vd("a"))[0].start, slots(4, 5).start);
  EXPECT_NE(result->extents.at(vd("a"))[0].store, slots(4, 5).store);
}

int64_t total(const std::vector<Extent>& extents) {
  int64_t count = 0;
  for (const Extent& extent : extents) count += extent.count.count;
  return count;
}

// A long life of a pool: disks come, grow, expire, come back; at every moment no sector has two
// live owners, sizes are exact, labels untouched, and the same question has the same answer.
TEST(Allocate, HoldsItsPromisesThroughARandomLife) {
  SeededRandom random(1204);
  std::size_t made = 0, refused = 0, reused = 0, grown = 0;
  for (int life = 0; life < 60; ++life) {
    PoolSpec spec = pool();
    const std::vector<PoolDevice> devices = {
        device("sda10", static_cast<int64_t>(3 + random.below(30))),
        device("sdb", static_cast<int64_t>(random.below(20))),
        {"file:/srv/pool.img", sectors(static_cast<int64_t>(random.below(40'000)))}};
    std::map<Address, AppliedVdisk> disks;
    for (int step = 0; step < 60; ++step) {
      if (random.below(12) == 0) spec.extent = mib(static_cast<int64_t>(1 + random.below(3)));
      const std::string name = "d" + std::to_string(random.below(14));
      auto it = disks.find(vd(name));
      if (it != disks.end() && !it->second.expired && random.below(2) == 0) {
        it->second.expired = Time{{step}};
        continue;
      }
      AllocationRequest request =
          want(name.c_str(), static_cast<int64_t>(1 + random.below(12'000)));
      if (it != disks.end() && !it->second.expired) {
        request.have = it->second.extents;
        request.size = sectors(total(request.have) + static_cast<int64_t>(random.below(5000)));
        ++grown;
      }
      auto result = allocate(spec, devices, {request}, disks, {});
      auto again = allocate(spec, devices, {request}, disks, {});
      ASSERT_EQ(result.ok(), again.ok());
      if (!result) {
        EXPECT_EQ(result.error().code, Code::pool_full);
        ++refused;
        continue;
      }
      ASSERT_EQ(result->extents, again->extents);
      ASSERT_EQ(result->reused, again->reused);
      const std::vector<Extent>& extents = result->extents.at(request.vdisk);
      ASSERT_EQ(total(extents), request.size.count);
      // What it had stays in front; only its last extent may have grown.
      ASSERT_LE(request.have.size(), extents.size());
      for (std::size_t i = 0; i < request.have.size(); ++i) {
        ASSERT_EQ(extents[i].start, request.have[i].start);
        if (i + 1 < request.have.size()) {
          ASSERT_EQ(extents[i], request.have[i]);
        }
      }
      std::set<Address> touched;
      for (std::size_t i = 0; i < extents.size(); ++i) {
        const Extent& x = extents[i];
        ASSERT_GT(x.count.count, 0);
        bool inside = false;
        for (const PoolDevice& one : devices) {
          const Extent range = resolve_device(one.source, spec.host, {}).extents.at(0);
          inside =
              inside || (range.store == x.store && x.start.count >= range.start.count + kLabel &&
                         x.end().count <= range.start.count + one.size->count - kLabel);
        }
        ASSERT_TRUE(inside) << "in a label or outside its device";
        for (std::size_t j = 0; j < i; ++j) ASSERT_FALSE(overlap(x, extents[j]));
        for (const auto& [address, disk] : disks) {
          if (address == request.vdisk && !request.have.empty()) continue;
          Extent fresh = x;
          if (i < request.have.size()) {
            fresh.start = request.have[i].end();
            fresh.count = x.end() - fresh.start;
          }
          for (const Extent& other : disk.extents) {
            if (!overlap(fresh, other)) continue;
            ASSERT_TRUE(disk.expired) << "a live disk's sectors were handed out";
            touched.insert(address);
          }
        }
      }
      const auto named = result->reused.find(request.vdisk);
      for (const Address& address : touched) {
        ASSERT_NE(named, result->reused.end());
        ASSERT_NE(std::find(named->second.begin(), named->second.end(), address),
                  named->second.end());
      }
      reused += touched.empty() ? 0 : 1;
      disks[request.vdisk] = applied(name.c_str(), extents);
      ++made;
    }
  }
  EXPECT_GT(made, 500u);
  EXPECT_GT(refused, 50u);
  EXPECT_GT(reused, 50u);
  EXPECT_GT(grown, 100u);
}

}  // namespace
}  // namespace hv
