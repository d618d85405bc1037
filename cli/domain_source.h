// Domain source: a machine that runs, written as a `.vm` declaration from what its host tells of
// it.
//
// Pure. Secrets are never written.
#pragma once

#include <string>

#include "hv/model/observation.h"
#include "hv/schema/schema.h"

namespace hv::cli {

// What is set of the machine that no attribute of ours stands for, as its host calls it; "" where
// there is nothing.
std::string untaken_settings(const ObservedDomain& domain);

// `host` is written where it is not empty. A comment in front tells of untaken settings.
std::string domain_source(const ObservedDomain& domain, const HostName& host, const Schema& schema);

}  // namespace hv::cli
