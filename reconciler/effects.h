// Effects: what a succeeded operation changes in the applied state.
//
// Pure functions. The executor and recovery commit an effect in the same transition as the outcome
// that earned it; fold() is the same change made in memory.
#pragma once

#include "base/result.h"
#include "hv/model/applied.h"
#include "hv/model/plan.h"
#include "state/store.h"

namespace hv {

// The part of a Transition that records `operation`, now that it has succeeded. `applied` is what
// the state holds before; `now` is when, for what expires.
Transition effects_of(const Operation& operation, const Applied& applied, Time now);

// What has to be in the state before the operation begins: the identity it uses up.
Transition reservation_of(const Operation& operation, const Applied& applied);

// A machine that was never made, or never ran, gives its identity back.
Transition release_of(const Operation& operation, const Applied& applied);

// Makes the transition's change in memory.
void fold(const Transition& transition, Applied& applied);

// Adds `part` to `whole`: of two records of one address the later one stays.
void merge(Transition part, Transition& whole);

// It was restored and does not run yet: if it is not to, its image is as it was before.
bool is_being_restored(const AppliedDomain& domain);

// What this disk, under its device, resolved to when it was attached; null where another one was,
// or none. Lives as long as `domain`.
const std::vector<Extent>* recorded_extents(const AppliedDomain& domain, const Vbd& vbd);

// What is left of `from` without the sectors of `taken`.
std::vector<Extent> without(const std::vector<Extent>& from, const std::vector<Extent>& taken);

}  // namespace hv
