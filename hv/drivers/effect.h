// Effects: is what an operation was to bring about true in an observation?
//
// Pure, and the same for every driver. The executor reads each step back with it; recovery settles
// with it what a dead hv left open.
#pragma once

#include <string>

#include "hv/model/observation.h"
#include "hv/model/plan.h"

namespace hv {

enum class EffectState : uint8_t {
  present,
  absent,     // as if it had never been asked for
  different,  // something else is there, or only half of it
};

struct Effect {
  EffectState state = EffectState::absent;
  std::string words;  // what is there, or what is missing
};

Effect read_effect(const Operation& operation, const HostObservation& host);

}  // namespace hv
