// For tests: every state that a small plan can pass through, one by one, and what is true in them.
//
// Shares no code with the verifier, which it is compared with. Steps are numbered 1..n in an order
// that respects `after`; a step has not begun, has begun (and may have failed), or is done.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "reconciler/verify/verify.h"

namespace hv::testing {

enum class Phase : uint8_t { waiting, begun, done };

inline void for_all_states(const std::vector<VerifyInput::Node>& nodes,
                           const std::function<void(const std::vector<Phase>&)>& look) {
  std::vector<Phase> state(nodes.size(), Phase::waiting);
  std::function<void(std::size_t)> go = [&](std::size_t i) {
    if (i == nodes.size()) return look(state);
    state[i] = Phase::waiting;
    go(i + 1);
    for (StepId id : nodes[i].after)
      if (state[id.value - 1] != Phase::done) return;
    for (Phase phase : {Phase::begun, Phase::done}) {
      state[i] = phase;
      go(i + 1);
    }
    state[i] = Phase::waiting;
  };
  go(0);
}

inline bool active(std::optional<StepId> acquire, std::optional<StepId> release,
                   const std::vector<Phase>& state) {
  return (!acquire || state[acquire->value - 1] != Phase::waiting) &&
         (!release || state[release->value - 1] != Phase::done);
}

struct Enumerated {
  std::map<std::pair<std::size_t, std::size_t>, bool> conflicts;  // value: already
  int highest = 0;
  std::map<HostName, int64_t> peaks, at_once;

  bool adds_conflict() const {
    return std::any_of(conflicts.begin(), conflicts.end(),
                       [](const auto& one) { return !one.second; });
  }
  // How many limits some state is beyond, and the first is not so much already.
  std::size_t sums_over(const std::vector<Limit>& limits) const {
    return static_cast<std::size_t>(
        std::count_if(limits.begin(), limits.end(), [&](const Limit& limit) {
          const auto peak = peaks.find(limit.host), first = at_once.find(limit.host);
          const int64_t highest_sum = peak == peaks.end() ? 0 : peak->second;
          const int64_t before = first == at_once.end() ? 0 : first->second;
          return highest_sum > limit.amount && highest_sum > before;
        }));
  }
};

inline Enumerated enumerate(const VerifyInput& input) {
  struct Pair {
    std::size_t a, b;
    int level, permitted;
  };
  std::vector<Pair> pairs;
  for (std::size_t a = 0; a < input.holds.size(); ++a)
    for (std::size_t b = a + 1; b < input.holds.size(); ++b) {
      const Hold &one_hold = input.holds[a], &other_hold = input.holds[b];
      const Access &x = one_hold.access, &y = other_hold.access;
      // Two ends of one migration: the step that ends the one begins the other.
      const bool one_step =
          (!one_hold.acquire && !other_hold.acquire) ||
          (one_hold.release && other_hold.acquire && *one_hold.release == *other_hold.acquire) ||
          (other_hold.release && one_hold.acquire && *other_hold.release == *one_hold.acquire);
      if (x.party == y.party && x.device == y.device && x.host != y.host && one_step) continue;
      bool meet = false;
      for (const Extent& one : x.extents)
        for (const Extent& other : y.extents) meet = meet || overlap(one, other);
      const int level = level_between(x, y);
      if (meet && level > 0) pairs.push_back({a, b, level, permitted_between(x, y)});
    }
  Enumerated all;
  for_all_states(input.steps, [&](const std::vector<Phase>& state) {
    for (const Pair& pair : pairs) {
      const Hold &a = input.holds[pair.a], &b = input.holds[pair.b];
      if (!active(a.acquire, a.release, state) || !active(b.acquire, b.release, state)) continue;
      if (pair.level > pair.permitted)
        all.conflicts[{pair.a, pair.b}] = !a.acquire && !b.acquire;
      else
        all.highest = std::max(all.highest, pair.level);
    }
    const bool initial = std::all_of(state.begin(), state.end(),
                                     [](Phase phase) { return phase == Phase::waiting; });
    std::map<HostName, int64_t> sums;
    for (const Charge& one : input.charges)
      if (active(one.acquire, one.release, state)) sums[one.host] += one.amount;
    for (const auto& [host, sum] : sums) all.peaks[host] = std::max(all.peaks[host], sum);
    if (initial) all.at_once = sums;
  });
  return all;
}

}  // namespace hv::testing
