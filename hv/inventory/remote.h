// Gathering from afar: the same gatherer over a host that is reached by running one script there.
//
// Asking for each file by itself would be thousands of round trips. Instead the gatherer runs on
// what is known already and everything it misses is asked for in one call; then again, until
// nothing new is missing: a dozen calls, as many as facts lead to facts. Reads only.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "hv/inventory/gather.h"

namespace hv {

// Runs a bash script on the host with that input; what it prints.
using RunScript =
    std::function<Result<std::string>(const std::string& script, const std::string& input)>;

// An Error where the host does not answer, or answers what the script cannot have said.
Result<Inventory> gather_from_afar(const GatherRequest& request, const RunScript& run);

}  // namespace hv
