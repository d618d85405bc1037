// Domain source: a machine that runs, written as a `.vm` declaration from what its host tells of
// it.
//
// Pure. What no host tells (a boot order, a device model's settings) cannot be in it.
#pragma once

#include <string>

#include "hv/model/observation.h"
#include "hv/schema/schema.h"

namespace hv::cli {

// `host` is written where it is not empty.
std::string domain_source(const ObservedDomain& domain, const HostName& host, const Schema& schema);

}  // namespace hv::cli
