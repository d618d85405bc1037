// The verifier: is every state a plan can pass through safe, whatever fails and whenever it stops?
//
// It knows nothing of how plans are made and shares no code with the planner: steps, holds and
// charges in, a proof or a minimal counter-example out. Exact for sharing (pairs of holds and paths
// of the step graph) and for sums (maximum-weight closed sets by min cut).
#pragma once

#include <string>
#include <vector>

#include "hv/model/access.h"
#include "hv/model/plan.h"

namespace hv {

struct VerifyInput {
  struct Node {
    StepId id;
    std::vector<StepId> after;
  };
  std::vector<Node> steps;
  std::vector<Hold> holds;
  std::vector<Charge> charges;
  std::vector<Limit> limits;
};

// Both accesses can be active at once: finish `done`, then start `started`.
struct SharingConflict {
  std::size_t first = 0, second = 0;  // indices into holds
  int level = 0, permitted = 0;
  Overlap overlap;
  bool already = false;  // both held before the plan: reported, blocks no plan
  std::vector<StepId> done;
  std::vector<StepId> started;
};

struct SumConflict {
  Limit limit;
  int64_t peak = 0;
  std::vector<StepId> started;  // a reachable state in which the sum is `peak`
};

struct Verdict {
  std::vector<std::string> malformed;  // a cycle, a release before its acquire, …: a bug of ours
  std::vector<SharingConflict> sharing;  // sorted; at most a thousand new ones and old ones each
  std::vector<SumConflict> sums;         // only where the plan itself adds to the sum
  std::vector<Proof::Peak> peaks;        // one a limit; a bound within it for very large plans
  int highest_level = 0;                 // of permitted sharing that some state reaches
  bool safe() const;  // nothing malformed, no new sharing conflict, no sum over its limit
};

Verdict verify(const VerifyInput& input);

}  // namespace hv
