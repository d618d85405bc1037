// Applied: what hv last set, as its store keeps it. The middle one of desired, applied, observed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hv/model/access.h"
#include "hv/model/resources.h"

namespace hv {

struct AppliedDomain {
  DomainSpec spec;          // as last set; lifecycle.protect stays until replaced
  Uuid uuid;                // of the machine
  uint32_t generation = 0;  // the n of UUIDv5(project, address, n)
  bool incomplete = false;  // create was begun and not finished
  std::map<std::string, std::vector<Extent>> extents;  // by device: what it resolved to at attach
  std::map<std::string, std::string> params;           // -p of its source
  std::optional<HostName> home;  // where its file has it, while a hand has moved it elsewhere
};

struct AppliedPool {
  PoolSpec spec;
  Uuid uuid;
};

struct AppliedVdisk {
  VdiskSpec spec;
  Uuid uuid;
  HostName host;
  std::vector<Extent> extents;  // in the order of the disk's own sectors
  std::optional<Time> expired;  // since when its extents may be reused
};

struct Applied {
  std::map<Address, AppliedDomain> domains;
  std::map<Address, AppliedPool> pools;
  std::map<Address, AppliedVdisk> vdisks;  // expired ones included
  std::map<Address, NetworkSpec> networks;
  std::map<Address, uint32_t> next_generation;  // identities used so far, for ever
  bool empty() const {
    return domains.empty() && pools.empty() && vdisks.empty() && networks.empty();
  }
};

}  // namespace hv
