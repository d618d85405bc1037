// Settling: by which rule an open intent is settled, once its host has been entered and read.
//
// Pure. docs/executor.md has the table; recover() carries it out.
#pragma once

#include <string>

#include "hv/model/applied.h"
#include "hv/model/journal.h"
#include "hv/model/observation.h"
#include "reconciler/apply.h"

namespace hv {

// The rows of the table.
enum class SettleRule : uint8_t {
  announcement,  // claims: as the host has them
  storage,       // pools and vdisks: as the host has them
  creation,      // a machine that never ran is destroyed
  restoration,   // a machine that never ran goes, and its image is as before
  migration,     // a copy that never ran is destroyed while the machine runs where it was
  look,          // nothing was done
  absolute,      // the value is there, or the fresh plan says it again
  removal,       // no machine has the UUID
  attachment,    // a newcomer that is half there is detached
  detachment,    // one that is half gone is detached again
  note,          // its effect is written with its outcome, or not at all
};
SettleRule settle_rule(Op op);

// What settling comes to, and what has to be done on the host before it may be written.
struct Settlement {
  Settled::Result result = Settled::Result::unknown;
  std::string why;
  enum class First : uint8_t {
    nothing,
    destroy,
    destroy_copy,
    unrestore,
    detach
  } first = First::nothing;
};
// `peer` is the other host of a migration, if it is one.
Settlement settle(const Intent& intent, const HostObservation& host,
                  const HostObservation* peer = nullptr);

}  // namespace hv
