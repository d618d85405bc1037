// What `hv inventory` and `hv apply` gather of a host: this machine, or the one at its address.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hv/inventory/gather.h"
#include "hv/model/desired.h"
#include "hv/schema/project.h"

namespace hv::cli {

// `root` is the folder of hv.toml.
Result<Inventory> gather_there(const GatherRequest& request, const HostConfig& config,
                               const std::string& root);

// What the sources declare on the host is looked at closely.
std::vector<std::string> declared_sources(const DesiredGraph& desired, const HostName& host);

}  // namespace hv::cli
