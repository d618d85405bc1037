// Apply: the way from a project to its hosts that hv apply, destroy, adopt and hv stop and its like
// share — settle what is open, plan, show, ask, act.
#pragma once

#include <map>
#include <vector>

#include "base/ids.h"
#include "cli/options.h"
#include "reconciler/plan.h"

namespace hv::cli {

// What is asked for beside the options.
struct Ask {
  bool destroy_all = false;
  std::map<Address, PowerAsk> power;
  std::vector<Address> only;  // as --target
  bool may_be_plan_file = false;
};

int apply(const Options& options, const Ask& ask);

}  // namespace hv::cli
