// Sums, exactly: the most that is ever taken of a host's resource, over all states of a plan.
//
// Private to the verifier; the only user of Boost.Graph here.
#pragma once

#include "reconciler/verify/step_graph.h"
#include "reconciler/verify/verify.h"

namespace hv {

// Fills `sums` and `peaks`, one peak a limit. Steps of charges are known to exist. Sums that leave
// the range of numbers are malformed.
void verify_sums(const std::vector<Charge>& charges, const std::vector<Limit>& limits,
                 const StepGraph& graph, Verdict& verdict);

}  // namespace hv
