// Sharing, exactly: which holds can be active together above what they permit.
//
// Private to the verifier. Its levels and its sweep are its own, not those of hv/model and
// hv/storage: a mistake there must not hide itself here.
#pragma once

#include "reconciler/verify/step_graph.h"
#include "reconciler/verify/verify.h"

namespace hv {

// Fills `sharing` and `highest_level`. Steps of holds are known to exist.
void verify_sharing(const std::vector<Hold>& holds, const StepGraph& graph, Verdict& verdict);

}  // namespace hv
