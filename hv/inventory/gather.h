// Gathering: the storage facts of a host, from its kernel, its tools and the headers of its disks.
//
// Reads only. What is missing — a tool, a right — becomes a note in the inventory, never a silence.
#pragma once

#include <string>
#include <vector>

#include "hv/inventory/machine.h"
#include "hv/storage/inventory.h"

namespace hv {

struct GatherRequest {
  HostName host;
  Time now;
  std::vector<std::string> sources;  // disk strings to look at closely, besides those found
  std::vector<LiveDomain> domains;   // what runs, as the driver tells
};
Inventory gather(const GatherRequest& request, const Machine& machine);

}  // namespace hv
