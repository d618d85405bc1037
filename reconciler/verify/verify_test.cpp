#include "reconciler/verify/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <set>

#include "base/clock.h"
#include "reconciler/verify/every_state.h"

namespace hv {
namespace {

using testing::active;
using testing::enumerate;
using testing::Enumerated;
using testing::for_all_states;
using testing::Phase;
using Steps = std::vector<VerifyInput::Node>;

Steps steps(std::initializer_list<std::pair<uint64_t, std::vector<uint64_t>>> list) {
  Steps nodes;
  for (const auto& [id, after] : list) {
    VerifyInput::Node node{StepId{id}, {}};
    for (uint64_t one : after) node.after.push_back(StepId{one});
    nodes.push_back(node);
  }
  return nodes;
}

std::optional<StepId> at(uint64_t id) {
  return id == 0 ? std::nullopt : std::optional(StepId{id});
}

// 0: held from the beginning, or never released.
Hold hold(const char* party, AccessMode mode, uint64_t acquire, uint64_t release,
          int permitted = 0) {
  Hold one;
  one.access.party = Party{party};
  one.access.host = HostName{"xen1"};
  one.access.device = "xvda";
  one.access.mode = mode;
  one.access.permitted = permitted;
  one.access.extents = {{StoreId{"s"}, sectors(0), sectors(8), true}};
  one.acquire = at(acquire);
  one.release = at(release);
  return one;
}

Charge charge(int64_t amount, uint64_t acquire, uint64_t release) {
  return {HostName{"xen1"}, "memory", amount, at(acquire), at(release), {}};
}

const Limit kTen = {HostName{"xen1"}, "memory", 10};
constexpr AccessMode kRead = AccessMode::read;
constexpr AccessMode kWrite = AccessMode::write;
constexpr AccessMode kShared = AccessMode::write_shared;

TEST(Verify, ADiskThatMovesIsReleasedFirst) {
  // 1 detaches from a, 2 attaches to b.
  const std::vector<Hold> holds = {hold("domain.a", kWrite, 0, 1), hold("domain.b", kWrite, 2, 0)};
  EXPECT_TRUE(verify({steps({{1, {}}, {2, {1}}}), holds, {}, {}}).safe());
  EXPECT_TRUE(verify({steps({{2, {3}}, {1, {}}, {3, {1}}}), holds, {}, {}}).safe());
  for (const Steps& unordered : {steps({{1, {}}, {2, {}}}), steps({{1, {2}}, {2, {}}})}) {
    const Verdict verdict = verify({unordered, holds, {}, {}});
    EXPECT_FALSE(verdict.safe());
    ASSERT_EQ(verdict.sharing.size(), 1u);
    EXPECT_EQ(verdict.sharing[0].level, 2);
    EXPECT_EQ(verdict.sharing[0].permitted, 0);
    EXPECT_FALSE(verdict.sharing[0].already);
    EXPECT_EQ(verdict.sharing[0].started, std::vector<StepId>{StepId{2}});
    EXPECT_TRUE(verdict.sharing[0].done.empty());
    EXPECT_EQ(verdict.sharing[0].overlap.count.count, 8);
  }
}

// A step that has begun may be anywhere in its work: it cannot release and let acquire at once.
TEST(Verify, OneStepIsNoOrder) {
  EXPECT_FALSE(verify({steps({{1, {}}}),
                       {hold("domain.a", kWrite, 0, 1), hold("domain.b", kWrite, 1, 0)},
                       {},
                       {}})
                   .safe());
}

TEST(Verify, TheCounterExampleIsMinimal) {
  // a comes up by 1, 2; b by 3, 4; 5 has nothing to do with it.
  const Verdict verdict = verify({steps({{1, {}}, {2, {1}}, {3, {}}, {4, {3}}, {5, {1}}}),
                                  {hold("domain.a", kWrite, 2, 0), hold("domain.b", kWrite, 4, 0)},
                                  {},
                                  {}});
  ASSERT_EQ(verdict.sharing.size(), 1u);
  EXPECT_EQ(verdict.sharing[0].done, (std::vector<StepId>{StepId{1}, StepId{3}}));
  EXPECT_EQ(verdict.sharing[0].started, (std::vector<StepId>{StepId{2}, StepId{4}}));
}

TEST(Verify, WhatIsWrongAlreadyBlocksNothing) {
  std::vector<Hold> holds = {hold("domain.a", kWrite, 0, 0), hold("domain.b", kWrite, 0, 1)};
  Verdict verdict = verify({steps({{1, {}}}), holds, {}, {}});
  EXPECT_TRUE(verdict.safe());
  ASSERT_EQ(verdict.sharing.size(), 1u);
  EXPECT_TRUE(verdict.sharing[0].already);
  holds.push_back(hold("domain.c", kRead, 1, 0));
  verdict = verify({steps({{1, {}}}), holds, {}, {}});
  EXPECT_FALSE(verdict.safe());
  EXPECT_EQ(verdict.sharing.size(), 3u) << "a new pair with a, and one with b";
}

TEST(Verify, TheTwoEndsOfAMigrationAreOneParty) {
  Hold source = hold("domain.a", kWrite, 0, 1), target = hold("domain.a", kWrite, 1, 0);
  target.access.host = HostName{"xen2"};
  EXPECT_TRUE(verify({steps({{1, {}}}), {source, target}, {}, {}}).safe());
  // Each conflicts with everyone else.
  EXPECT_FALSE(
      verify({steps({{1, {}}}), {source, target, hold("domain.b", kRead, 1, 0)}, {}, {}}).safe());
  // Nor is a stop here and a start there one: in this order only.
  Hold stopped = source, started = target;
  started.acquire = at(2);
  EXPECT_TRUE(verify({steps({{1, {}}, {2, {1}}}), {stopped, started}, {}, {}}).safe());
  EXPECT_FALSE(verify({steps({{1, {}}, {2, {}}}), {stopped, started}, {}, {}}).safe());
  // Another VBD, or the same host, is no migration.
  target.access.device = "xvdb";
  EXPECT_FALSE(verify({steps({{1, {}}}), {source, target}, {}, {}}).safe());
  EXPECT_FALSE(verify({steps({{1, {}}}), {source, hold("domain.a", kWrite, 1, 0)}, {}, {}}).safe());
}

TEST(Verify, NamesMeetAcrossHostsAndPartitionsMeetTheirDisk) {
  auto named = [](const char* party, const char* host, int64_t start, int64_t count) {
    Hold one = hold(party, kWrite, 1, 0);
    one.access.host = HostName{host};
    one.access.extents = {{StoreId{"name:sda"}, sectors(start), sectors(count), false}};
    return one;
  };
  const int64_t slot = kNameSlotSectors;
  auto safe = [](const Hold& a, const Hold& b) {
    return verify({steps({{1, {}}}), {a, b}, {}, {}}).safe();
  };
  const Hold three = named("domain.a", "xen1", 3 * slot, slot);
  EXPECT_FALSE(safe(three, named("domain.b", "xen2", 3 * slot, slot)));
  EXPECT_TRUE(safe(three, named("domain.b", "xen2", 4 * slot, slot)));
  EXPECT_FALSE(safe(three, named("domain.b", "xen1", 0, slot << 20)));
  // An exact place on the whole disk: who knows where partition 3 is.
  const Verdict verdict =
      verify({steps({{1, {}}}), {three, named("domain.b", "xen1", 2048, 8)}, {}, {}});
  ASSERT_EQ(verdict.sharing.size(), 1u);
  EXPECT_FALSE(verdict.sharing[0].overlap.resolved);
  EXPECT_TRUE(safe(named("domain.a", "xen1", 2056, 8), named("domain.b", "xen1", 2048, 8)));
}

TEST(Verify, TheHighestPermittedLevelThatIsReached) {
  struct Case {
    AccessMode a, b;
    int permitted_a, permitted_b;
    std::vector<uint32_t> grants;
    bool ordered;
    int highest;
    bool safe;
  };
  for (const Case& c :
       {Case{kRead, kRead, 0, 0, {}, false, 0, true}, Case{kRead, kWrite, 1, 1, {}, false, 1, true},
        Case{kRead, kWrite, 1, 0, {}, false, 0, false},
        Case{kRead, kShared, 0, 0, {}, false, 0, false},
        Case{kWrite, kWrite, 2, 2, {}, false, 2, true},
        Case{kWrite, kWrite, 2, 1, {}, false, 0, false},
        Case{kWrite, kWrite, 0, 0, {4}, false, 2, true},
        Case{kShared, kShared, 0, 0, {}, false, 2, true},
        Case{kShared, kWrite, 0, 0, {}, false, 0, false},
        Case{kShared, kShared, 0, 0, {}, true, 0, true},
        Case{kRead, kWrite, 1, 2, {}, true, 0, true}}) {
    Hold a = hold("domain.a", c.a, 1, 2, c.permitted_a),
         b = hold("domain.b", c.b, 3, 0, c.permitted_b);
    a.access.grants = b.access.grants = c.grants;
    const Verdict verdict =
        verify({steps({{1, {}},
                       {2, {1}},
                       {3, c.ordered ? std::vector<uint64_t>{2} : std::vector<uint64_t>{}}}),
                {a, b},
                {},
                {}});
    EXPECT_EQ(verdict.highest_level, c.highest);
    EXPECT_EQ(verdict.safe(), c.safe);
  }
}

TEST(Verify, SumsOverAllStates) {
  // 4 used, 1 stops a machine of 4, 2 starts one of 7.
  std::vector<Charge> charges = {charge(4, 0, 1), charge(7, 2, 0)};
  Verdict verdict = verify({steps({{1, {}}, {2, {1}}}), {}, charges, {kTen}});
  EXPECT_TRUE(verdict.safe());
  ASSERT_EQ(verdict.peaks.size(), 1u);
  EXPECT_EQ(verdict.peaks[0].amount, 7);
  EXPECT_EQ(verdict.peaks[0].capacity, 10);
  verdict = verify({steps({{1, {}}, {2, {}}}), {}, charges, {kTen}});
  EXPECT_FALSE(verdict.safe());
  ASSERT_EQ(verdict.sums.size(), 1u);
  EXPECT_EQ(verdict.sums[0].peak, 11);
  EXPECT_EQ(verdict.sums[0].started, std::vector<StepId>{StepId{2}});
  // Another host's, another resource's: nothing to do with it.
  charges[1].host = HostName{"xen2"};
  EXPECT_TRUE(verify({steps({{1, {}}, {2, {}}}), {}, charges, {kTen}}).safe());
  charges[1].host = HostName{"xen1"};
  charges[1].resource = "loop";
  EXPECT_TRUE(verify({steps({{1, {}}, {2, {}}}), {}, charges, {kTen}}).safe());
  // Over the limit before the plan: a plan that takes nothing more is let through.
  EXPECT_TRUE(verify({steps({{1, {}}}), {}, {charge(12, 0, 1)}, {kTen}}).safe());
  EXPECT_FALSE(verify({steps({{1, {}}}), {}, {charge(12, 0, 0), charge(1, 1, 0)}, {kTen}}).safe());
}

struct Malformed {
  const char* what;
  VerifyInput input;
};

TEST(Verify, MalformedPlansAreNoPlans) {
  VerifyInput bad_extent{steps({{1, {}}}), {hold("domain.a", kWrite, 1, 0)}, {}, {}};
  bad_extent.holds[0].access.extents[0].count = sectors(0);
  VerifyInput wrapping = bad_extent;
  wrapping.holds[0].access.extents[0] = {StoreId{"s"}, sectors(INT64_MAX), sectors(1), true};
  const Malformed kCases[] = {
      {"is there twice", {steps({{1, {}}, {1, {}}}), {}, {}, {}}},
      {"which is no step", {steps({{1, {7}}}), {}, {}, {}}},
      {"waits for itself", {steps({{1, {2}}, {2, {3}}, {3, {1}}}), {}, {}, {}}},
      {"waits for itself", {steps({{1, {1}}}), {}, {}, {}}},
      {"which is no step", {steps({{1, {}}}), {hold("domain.a", kWrite, 9, 0)}, {}, {}}},
      {"which is no step", {steps({{1, {}}}), {hold("domain.a", kWrite, 1, 9)}, {}, {}}},
      {"does not come after",
       {steps({{1, {}}, {2, {}}}), {hold("domain.a", kWrite, 1, 2)}, {}, {}}},
      {"does not come after",
       {steps({{1, {2}}, {2, {}}}), {hold("domain.a", kWrite, 1, 2)}, {}, {}}},
      {"does not come after", {steps({{1, {}}, {2, {}}}), {}, {charge(1, 1, 2)}, {kTen}}},
      {"is not positive", {steps({{1, {}}}), {}, {charge(0, 1, 0)}, {kTen}}},
      {"is not positive", {steps({{1, {}}}), {}, {charge(-4, 0, 1)}, {kTen}}},
      {"beyond all numbers",
       {steps({{1, {}}}), {}, {charge(INT64_MAX, 1, 0), charge(INT64_MAX, 1, 0)}, {kTen}}},
      {"impossible extent", bad_extent},
      {"impossible extent", wrapping},
  };
  for (const Malformed& c : kCases) {
    const Verdict verdict = verify(c.input);
    ASSERT_FALSE(verdict.malformed.empty()) << c.what;
    EXPECT_NE(verdict.malformed[0].find(c.what), std::string::npos) << verdict.malformed[0];
    EXPECT_FALSE(verdict.safe());
  }
  // A step may take and give back what it needs for itself.
  EXPECT_TRUE(
      verify({steps({{1, {}}}), {hold("domain.a", kWrite, 1, 1)}, {charge(1, 1, 1)}, {kTen}})
          .malformed.empty());
  EXPECT_TRUE(verify({}).safe());
}

// Steps 1..n, each after some of the earlier ones (the order of for_all_states).
VerifyInput random_plan(SeededRandom& random) {
  VerifyInput input;
  const uint64_t count = 1 + random.below(6);
  for (uint64_t id = 1; id <= count; ++id) {
    VerifyInput::Node node{StepId{id}, {}};
    for (uint64_t earlier = 1; earlier < id; ++earlier)
      if (random.below(3) == 0) node.after.push_back(StepId{earlier});
    input.steps.push_back(node);
  }
  std::vector<std::set<uint64_t>> before(count + 1);  // itself included
  for (uint64_t id = 1; id <= count; ++id) {
    before[id] = {id};
    for (StepId earlier : input.steps[id - 1].after)
      before[id].insert(before[earlier.value].begin(), before[earlier.value].end());
  }
  auto interval = [&](std::optional<StepId>& acquire, std::optional<StepId>& release) {
    if (random.below(3) != 0) acquire = StepId{1 + random.below(count)};
    if (random.below(3) == 0) return;
    std::vector<uint64_t> after;
    for (uint64_t id = 1; id <= count; ++id)
      if (!acquire || before[id].contains(acquire->value)) after.push_back(id);
    release = StepId{after[random.below(after.size())]};
  };
  for (uint64_t n = random.below(7); n > 0; --n) {
    const char* kParties[] = {"domain.a", "domain.b", "domain.c", "domain.d"};
    Hold one = hold(kParties[random.below(4)], static_cast<AccessMode>(random.below(3)), 0, 0,
                    static_cast<int>(random.below(3)));
    if (random.below(4) == 0) one.access.host = HostName{"xen2"};
    if (random.below(4) == 0) one.access.grants = {static_cast<uint32_t>(random.below(2))};
    one.access.extents.clear();
    for (uint64_t k = 1 + random.below(2); k > 0; --k) {
      Extent extent{StoreId{random.below(2) == 0 ? "s" : "name:sda"},
                    sectors(static_cast<int64_t>(random.below(12))),
                    sectors(static_cast<int64_t>(1 + random.below(8))), true};
      extent.resolved = extent.store.text == "s";
      if (!extent.resolved && random.below(2) == 0) {
        extent.start = sectors(static_cast<int64_t>(1 + random.below(2)) * kNameSlotSectors);
        extent.count = sectors(kNameSlotSectors);
      }
      one.access.extents.push_back(extent);
    }
    interval(one.acquire, one.release);
    input.holds.push_back(one);
  }
  for (uint64_t n = random.below(6); n > 0; --n) {
    Charge one = charge(static_cast<int64_t>(1 + random.below(9)), 0, 0);
    if (random.below(4) == 0) one.host = HostName{"xen2"};
    interval(one.acquire, one.release);
    input.charges.push_back(one);
  }
  input.limits = {kTen, {HostName{"xen2"}, "memory", 5}};
  return input;
}

// Is the state of a counter-example one that the plan can reach, and are both holds active in it?
void expect_reachable(const VerifyInput& input, const SharingConflict& conflict) {
  std::vector<Phase> wanted(input.steps.size(), Phase::waiting);
  for (StepId id : conflict.started) wanted[id.value - 1] = Phase::begun;
  for (StepId id : conflict.done) wanted[id.value - 1] = Phase::done;
  bool reachable = false;
  for_all_states(input.steps, [&](const std::vector<Phase>& state) {
    reachable = reachable || state == wanted;
  });
  EXPECT_TRUE(reachable);
  for (std::size_t i : {conflict.first, conflict.second})
    EXPECT_TRUE(active(input.holds[i].acquire, input.holds[i].release, wanted));
}

void expect_sum_is_there(const VerifyInput& input, const SumConflict& conflict) {
  // The steps before a started one are done; the started ones nobody waits for may be either: the
  // sum is reached by one of these states.
  std::set<uint64_t> started;
  for (StepId id : conflict.started) started.insert(id.value);
  int64_t best = -1;
  for_all_states(input.steps, [&](const std::vector<Phase>& state) {
    int64_t sum = 0;
    for (std::size_t i = 0; i < state.size(); ++i)
      if ((state[i] != Phase::waiting) != started.contains(i + 1)) return;
    for (const Charge& one : input.charges)
      if (one.host == conflict.limit.host && active(one.acquire, one.release, state))
        sum += one.amount;
    best = std::max(best, sum);
  });
  EXPECT_EQ(best, conflict.peak);
}

TEST(Verify, AgreesWithEveryStateOfRandomPlans) {
  SeededRandom random(20040707);
  std::size_t conflicts = 0, sums = 0, safe = 0, reached = 0;
  for (int round = 0; round < 6000; ++round) {
    const VerifyInput input = random_plan(random);
    const Verdict verdict = verify(input);
    ASSERT_TRUE(verdict.malformed.empty()) << verdict.malformed[0];
    const Enumerated expected = enumerate(input);
    std::map<std::pair<std::size_t, std::size_t>, bool> found;
    for (const SharingConflict& conflict : verdict.sharing) {
      found[{conflict.first, conflict.second}] = conflict.already;
      EXPECT_GT(conflict.level, conflict.permitted);
      if (!conflict.already) expect_reachable(input, conflict);
    }
    ASSERT_EQ(found, expected.conflicts) << "round " << round;
    ASSERT_EQ(verdict.highest_level, expected.highest) << "round " << round;
    ASSERT_EQ(verdict.peaks.size(), input.limits.size());
    for (std::size_t i = 0; i < input.limits.size(); ++i) {
      auto peak = expected.peaks.find(input.limits[i].host);
      const int64_t highest = peak == expected.peaks.end() ? 0 : peak->second;
      ASSERT_EQ(verdict.peaks[i].amount, highest) << "round " << round;
    }
    const std::size_t over = expected.sums_over(input.limits);
    ASSERT_EQ(verdict.sums.size(), over) << "round " << round;
    for (const SumConflict& conflict : verdict.sums) expect_sum_is_there(input, conflict);
    ASSERT_EQ(verdict.safe(), !expected.adds_conflict() && over == 0);
    conflicts += expected.conflicts.size();
    sums += over;
    safe += verdict.safe() ? 1 : 0;
    reached += expected.highest > 0 ? 1 : 0;
  }
  EXPECT_GT(conflicts, 4000u);
  EXPECT_GT(sums, 500u);
  EXPECT_GT(safe, 500u);
  EXPECT_GT(reached, 500u);
}

// More steps than one block of the reachability holds, against a walk from every step.
TEST(Verify, LongPlansAreOrderedRightAcrossBlocks) {
  SeededRandom random(9);
  VerifyInput input;
  const uint64_t count = 9000;
  for (uint64_t id = 1; id <= count; ++id) {
    VerifyInput::Node node{StepId{id}, {}};
    const uint64_t back = 1 + random.below(2);  // two chains that touch now and then
    if (id > back && random.below(3000) != 0) node.after.push_back(StepId{id - back});
    input.steps.push_back(node);
  }
  auto comes_after = [&](uint64_t later, uint64_t earlier) {
    while (later > earlier) {
      const auto& after = input.steps[later - 1].after;
      if (after.empty()) return false;
      later = after[0].value;
    }
    return later == earlier;
  };
  std::set<std::pair<std::size_t, std::size_t>> expected, found;
  for (std::size_t i = 0; i < 1000; ++i) {
    const uint64_t release = 1 + random.below(count - 1);
    const uint64_t acquire = release + 1 + random.below(count - release);
    // Half of them on one path, however long.
    if (i % 2 == 0) {
      std::vector<uint64_t> path = {acquire};
      while (!input.steps[path.back() - 1].after.empty())
        path.push_back(input.steps[path.back() - 1].after[0].value);
      if (path.size() > 1) {
        const uint64_t earlier = path[1 + random.below(path.size() - 1)];
        input.holds.push_back(hold("domain.a", kWrite, 0, earlier));
      }
    }
    if (input.holds.size() == 2 * i) input.holds.push_back(hold("domain.a", kWrite, 0, release));
    input.holds.push_back(hold("domain.b", kWrite, acquire, 0));
    for (std::size_t h : {2 * i, 2 * i + 1})
      input.holds[h].access.extents[0].store = StoreId{"s" + std::to_string(i)};
    if (!comes_after(acquire, input.holds[2 * i].release->value))
      expected.insert({2 * i, 2 * i + 1});
  }
  EXPECT_GT(expected.size(), 100u);
  EXPECT_LT(expected.size(), 900u);
  for (const SharingConflict& conflict : verify(input).sharing)
    found.insert({conflict.first, conflict.second});
  EXPECT_EQ(found, expected);
}

// Machines that hand their data disk to the next one: each stops, detaches, attaches, starts.
TEST(Verify, TenThousandStepsInAMoment) {
  VerifyInput input;
  const uint64_t machines = 2500;
  auto on_disk = [&](const std::string& party, AccessMode mode, const std::string& store,
                     int64_t start, uint64_t acquire, uint64_t release) {
    Hold one = hold(party.c_str(), mode, acquire, release, 1);
    one.access.extents[0].store = StoreId{store};
    one.access.extents[0].start = sectors(start);
    input.holds.push_back(std::move(one));
  };
  for (uint64_t m = 0; m < machines; ++m) {
    const uint64_t stop = 4 * m + 1, detach = stop + 1, attach = stop + 2, start = stop + 3;
    const std::string party = "domain.d" + std::to_string(m);
    input.steps.push_back({StepId{stop}, {}});
    input.steps.push_back({StepId{detach}, {StepId{stop}}});
    input.steps.push_back({StepId{attach}, {StepId{detach}}});
    if (m > 0) input.steps.back().after.push_back(StepId{detach - 4});
    input.steps.push_back({StepId{start}, {StepId{attach}}});
    // A disk that all read, one that goes from machine to machine, four of its own.
    for (int64_t k = 0; k < 6; ++k) {
      const AccessMode mode = k == 0 ? kRead : kWrite;
      const std::string now = k == 0 ? "all" : "disk" + std::to_string(m);
      const std::string then = k == 1 && m > 0 ? "disk" + std::to_string(m - 1) : now;
      on_disk(party, mode, now, k * 100, 0, detach);
      // The first machine's goes on to the second, and it gets none.
      if (k != 1 || m > 0) on_disk(party, mode, then, k * 100, attach, 0);
    }
    for (const auto& [acquire, release] : {std::pair(uint64_t{0}, detach), {attach, uint64_t{0}}}) {
      Charge one = charge(1, acquire, release);
      one.host = HostName{"xen" + std::to_string(m % 20)};
      input.charges.push_back(one);
    }
  }
  for (int h = 0; h < 20; ++h)
    input.limits.push_back({HostName{"xen" + std::to_string(h)}, "memory", 125});
  const auto begin = std::chrono::steady_clock::now();
  const Verdict verdict = verify(input);
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%zu steps, %zu holds, %zu charges: %.0f ms\n", input.steps.size(),
              input.holds.size(), input.charges.size(), ms);
  EXPECT_TRUE(verdict.safe()) << verdict.sharing.size() << " " << verdict.sums.size();
  ASSERT_EQ(verdict.peaks.size(), 20u);
  EXPECT_EQ(verdict.peaks[0].amount, 125);
  EXPECT_LT(ms, 8000);
  // One order forgotten among ten thousand is found.
  input.steps[4 * 1700 + 2].after.pop_back();
  const Verdict broken = verify(input);
  ASSERT_EQ(broken.sharing.size(), 1u);
  EXPECT_EQ(input.holds[broken.sharing[0].first].access.party.text, "domain.d1699");
  EXPECT_EQ(input.holds[broken.sharing[0].second].access.party.text, "domain.d1700");
}

}  // namespace
}  // namespace hv
