// Planning: desired, applied and observed in, a verified plan out. A pure function.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "hv/drivers/driver.h"
#include "hv/model/applied.h"
#include "hv/model/desired.h"
#include "hv/model/journal.h"
#include "hv/model/plan.h"
#include "hv/schema/project.h"
#include "hv/schema/schema.h"
#include "hv/storage/storage_map.h"
#include "state/store.h"

namespace hv {

// One operation that somebody asks for by hand (`hv stop web0`).
enum class PowerAsk : uint8_t { start, stop, restart, save, restore, migrate, pause, unpause };
std::string_view to_string(PowerAsk ask);

// What a plan may change. Holds are considered on all hosts, whatever the scope.
struct Scope {
  bool whole_project = true;     // no PATH: what is no longer declared is removed
  bool prune = false;            // with PATHs: remove what their files no longer declare
  bool destroy_all = false;      // hv destroy / --destroy: remove what is declared in scope
  std::vector<Address> targets;  // --target; empty: all
  std::vector<Address> replace;  // --replace
  bool take_over = false;
  std::optional<DestroyBudget> max_destroy;
  bool no_budget = false;          // hv destroy
  std::set<HostName> powered_off;  // --i-have-powered-off
  // Not empty: the plan does this to these domains and nothing else. What a file declares stays
  // what is applied, so that the outcome is drift wherever it is another.
  std::map<Address, PowerAsk> power;
  HostName migrate_to;  // of PowerAsk::migrate
};

struct PlanRequest {
  const DesiredGraph* desired = nullptr;
  const Applied* applied = nullptr;
  const Observation* observation = nullptr;
  const Project* project = nullptr;
  const Schema* schema = nullptr;
  std::map<HostName, Capabilities> capabilities;
  // Driver::check of an operation's host; nothing: whatever a driver has it can be told.
  std::function<Status(const Operation&)> check = {};
  std::vector<JournalEntry> open_intents;  // unsettled: held
  StoreHead head;
  Scope scope;
  std::string version;  // of hv
  PlanId id;
  std::shared_ptr<const StorageMap> storage = {};  // the hosts' inventories, or nothing
};

// A plan that must not be applied comes back with `applicable` false and its refusals; an Error is
// for what makes no plan at all.
Result<Plan> make_plan(const PlanRequest& request);

// Everything a plan is a function of, as one digest: inputs, parameters, hv's version, the applied
// state by its serial, and of the request's observation what the plan's steps rely on.
std::string plan_digest(const Plan& plan, const PlanRequest& request);

// A plan that was saved earlier, to be applied now: the same steps, with the secrets that no file
// holds. Facts that none of its steps relies on may have moved since; an Error (Code::plan_stale)
// names those that it does rely on and that moved.
Result<Plan> make_again(const Plan& saved, const PlanRequest& now);

// What is carried out of a plan, as the record of its application has it.
std::string steps_digest(const Plan& plan);

// A saved plan whose application died in the middle, to go on: what has moved since is its own
// doing, or was settled. An Error (Code::plan_stale) where it ended, or is not the plan that was
// begun, or its sources or hosts are others.
Result<Plan> resume(const Plan& saved, const PlanRecord& begun, const PlanRequest& now);

// Something declared was left out although the rest can be applied (a host that cannot be read, one
// UUID live twice): the command that applied the rest has not done all it was asked.
bool leaves_undone(const Plan& plan);

// The UUID of the project: `project.id`, else the store's lineage.
Uuid project_uuid(const Project& project, const StoreHead& head);

}  // namespace hv
