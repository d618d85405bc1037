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

// A migration is on two hosts.
enum class Migrated : uint8_t {
  done,
  still_here,    // it runs at the source, and nothing of it is at the target
  half,          // it runs at the source; its copy is paused
  going,         // neither here nor there yet
  lost,          // on neither host
  runs_nowhere,  // gone at the source; its copy is paused
  runs_twice,
  unread,
};
std::string_view to_string(Migrated state);
Migrated read_migration(const Operation& operation, const HostObservation& source,
                        const HostObservation& target);

}  // namespace hv
