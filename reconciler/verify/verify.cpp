#include "reconciler/verify/verify.h"

#include <algorithm>
#include <string>
#include <utility>

#include "reconciler/verify/sharing.h"
#include "reconciler/verify/step_graph.h"
#include "reconciler/verify/sums.h"

namespace hv {
namespace {

// From one step to another, of a hold or of a charge.
struct Interval {
  std::string what;
  std::optional<StepId> acquire;
  std::optional<StepId> release;
};

std::string describe(StepId id) {
  return "step " + std::to_string(id.value);
}

void check_intervals(const std::vector<Interval>& intervals, const StepGraph& graph,
                     std::vector<std::string>& malformed) {
  std::vector<StepGraph::Question> questions;
  std::vector<const Interval*> asked;
  for (const Interval& interval : intervals) {
    bool known = true;
    for (const std::optional<StepId>& id : {interval.acquire, interval.release}) {
      if (!id || graph.number_of(*id)) continue;
      malformed.push_back(interval.what + " names " + describe(*id) + ", which is no step");
      known = false;
    }
    if (!known || !interval.acquire || !interval.release) continue;
    if (*interval.acquire == *interval.release) continue;
    questions.push_back(
        {*graph.number_of(*interval.acquire), *graph.number_of(*interval.release), false});
    asked.push_back(&interval);
  }
  graph.answer(questions);
  for (std::size_t i = 0; i < questions.size(); ++i)
    if (!questions[i].answer)
      malformed.push_back(asked[i]->what + " is released by " + describe(*asked[i]->release) +
                          ", which does not come after " + describe(*asked[i]->acquire) +
                          " that acquires it");
}

void check_extents(const Access& access, std::vector<std::string>& malformed) {
  for (const Extent& extent : access.extents) {
    int64_t end = 0;
    if (extent.store.empty() || extent.start.count < 0 || extent.count.count <= 0 ||
        __builtin_add_overflow(extent.start.count, extent.count.count, &end)) {
      malformed.push_back("the hold of " + access.party.text + " " + access.device +
                          " has an impossible extent");
      return;
    }
  }
}

std::vector<Interval> intervals_of(const VerifyInput& input, std::vector<std::string>& malformed) {
  std::vector<Interval> intervals;
  for (const Hold& hold : input.holds) {
    check_extents(hold.access, malformed);
    intervals.push_back({"the hold of " + hold.access.party.text + " " + hold.access.device,
                         hold.acquire, hold.release});
  }
  for (const Charge& charge : input.charges) {
    const std::string what =
        "the charge of " + to_string(charge.address) + " on " + charge.resource;
    if (charge.amount <= 0) malformed.push_back(what + " is not positive");
    intervals.push_back({what, charge.acquire, charge.release});
  }
  return intervals;
}

}  // namespace

bool Verdict::safe() const {
  return malformed.empty() && sums.empty() &&
         std::all_of(sharing.begin(), sharing.end(),
                     [](const SharingConflict& conflict) { return conflict.already; });
}

Verdict verify(const VerifyInput& input) {
  Verdict verdict;
  const StepGraph graph(input.steps, verdict.malformed);
  if (!verdict.malformed.empty()) return verdict;
  check_intervals(intervals_of(input, verdict.malformed), graph, verdict.malformed);
  if (!verdict.malformed.empty()) return verdict;
  verify_sharing(input.holds, graph, verdict);
  verify_sums(input.charges, input.limits, graph, verdict);
  return verdict;
}

}  // namespace hv
