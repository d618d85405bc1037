// read_look: what look.sh says of a Xen host, as an observation. Pure.
//
// Tolerant of what versions 4.11 to 4.20 add or leave out, never of what it does not understand
// where that could hide an access: a claim that cannot be read makes the whole look unreadable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hv/model/observation.h"

namespace hv {

// `reachable` is false, with a reason, where the text cannot be understood. Virtual disks of
// `project` are told by their names, those of others as the devices that they are.
HostObservation read_look(std::string_view text, const HostName& host, Time at,
                          const Uuid& project = {});

}  // namespace hv
