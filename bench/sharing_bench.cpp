// B4: the sharing check over a million extents on 64 stores, beside std::sort of the same array and
// beside comparing all with all, as the tools of 2004 did.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>

#include "base/clock.h"
#include "bench/bench.h"
#include "hv/storage/storage.h"

namespace hv::bench {
namespace {

struct Row {
  uint32_t store, access;
  int64_t start, end;
  bool writes;
};

struct Fleet {
  std::vector<Access> accesses;
  std::vector<Row> rows;
};

constexpr int64_t kExtentsEach = 8, kApart = 100'000, kLong = 4096;

// Disks of eight extents; each hundredth is read by a second machine, which both permit.
Fleet make_fleet(std::size_t extents) {
  SeededRandom random(4);
  Fleet fleet;
  fleet.accesses.resize(extents / kExtentsEach);
  for (std::size_t i = 0; i < fleet.accesses.size(); ++i) {
    Access& one = fleet.accesses[i];
    one.party = Party{"domain.d" + std::to_string(i)};
    one.host = HostName{"xen" + std::to_string(i % 16)};
    one.device = "xvda";
    one.mode = i % 4 == 0 ? AccessMode::read : AccessMode::write;
    one.permitted = 1;
    const bool second = i % 100 == 1;
    if (second) {
      one.mode = AccessMode::read;
      fleet.accesses[i - 1].mode = AccessMode::write;
    }
    const uint64_t store = second ? fleet.rows.back().store : random.below(64);
    const int64_t begin = second ? fleet.rows[fleet.rows.size() - kExtentsEach].start
                                 : static_cast<int64_t>(random.below(uint64_t{1} << 40));
    for (int64_t k = 0; k < kExtentsEach; ++k) {
      const int64_t start = begin + k * kApart;
      one.extents.push_back({StoreId{"wwn:0x5000c500a1b2c3" + std::to_string(store)},
                             sectors(start), sectors(kLong), true});
      fleet.rows.push_back({static_cast<uint32_t>(store), static_cast<uint32_t>(i), start,
                            start + kLong, one.mode != AccessMode::read});
    }
  }
  return fleet;
}

const Fleet& fleet_of(const benchmark::State& state) {
  static std::map<int64_t, Fleet> made;
  auto [it, is_new] = made.try_emplace(state.range(0));
  if (is_new) it->second = make_fleet(static_cast<std::size_t>(state.range(0)));
  return it->second;
}

void Sort(benchmark::State& state) {
  const Fleet& fleet = fleet_of(state);
  for (auto each : state) {
    state.PauseTiming();
    std::vector<Row> rows = fleet.rows;
    state.ResumeTiming();
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return a.store != b.store ? a.store < b.store : a.start < b.start;
    });
    benchmark::DoNotOptimize(rows.data());
  }
}

void Sweep(benchmark::State& state) {
  const Fleet& fleet = fleet_of(state);
  std::size_t found = 0;
  for (auto each : state) found = check_sharing(fleet.accesses, {}).size();
  state.counters["findings"] = static_cast<double>(found);
}

void AllPairs2004(benchmark::State& state) {
  const Fleet& fleet = fleet_of(state);
  std::size_t found = 0;
  for (auto each : state) {
    found = 0;
    for (std::size_t i = 0; i < fleet.rows.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const Row &fresh = fleet.rows[i], &old = fleet.rows[j];
        if (fresh.store != old.store || (!fresh.writes && !old.writes)) continue;
        const int64_t last = fresh.end - 1;
        found += (old.start <= fresh.start && fresh.start < old.end) ||
                         (old.start <= last && last < old.end)
                     ? 1
                     : 0;
      }
    benchmark::DoNotOptimize(found);
  }
}

BENCHMARK(Sort)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(Sweep)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(AllPairs2004)->Arg(10'000)->Unit(benchmark::kMillisecond);

const Ratio kToSort("sweep of 1 000 000 extents to std::sort of them", "Sweep/1000000",
                    "Sort/1000000", 3);
const Ratio kLinear("sweep of 1 000 000 extents to that of 100 000", "Sweep/1000000",
                    "Sweep/100000", 15);
const Ratio kTo2004("sweep of 10 000 extents to all pairs", "Sweep/10000", "AllPairs2004/10000", 1);

}  // namespace
}  // namespace hv::bench
