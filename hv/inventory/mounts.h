// What a host has mounted and swaps on, as its kernel tells. Private to hv/inventory.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hv/inventory/machine.h"
#include "hv/storage/inventory.h"

namespace hv {

// Of what could not be gathered: its source, and why.
using NoteOf = std::function<void(const std::string&, const std::string&)>;

// Mounts of storage, in their order; those of the kernel's own filesystems are left out.
std::vector<Mount> read_mounts(const Machine& machine, const NoteOf& note);

std::vector<Swap> read_swaps(const Machine& machine, const NoteOf& note);

// A filesystem on several devices, of which a mount names one: the host writes them all.
void add_filesystem_members(const Machine& machine, std::vector<BlockDevice>& devices);

}  // namespace hv
