// What a host has open without a mount: devices and images in processes, pools of ZFS, and what its
// kernel holds for something that no layer tells of. Private to hv/inventory.
#pragma once

#include <vector>

#include "hv/inventory/machine.h"
#include "hv/inventory/mounts.h"
#include "hv/storage/inventory.h"

namespace hv {

// `devices` with their layers.
std::vector<HostUse> read_uses(const Machine& machine, const std::vector<BlockDevice>& devices,
                               const NoteOf& note);

}  // namespace hv
