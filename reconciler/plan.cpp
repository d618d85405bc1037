#include "reconciler/plan.h"

#include <algorithm>

#include "reconciler/planner.h"

namespace hv {

Uuid project_uuid(const Project& project, const StoreHead& head) {
  return project.id.value_or(head.lineage);
}

Planner::Planner(const PlanRequest& request) : in_(request), applied_(*request.applied) {
  plan_.id = request.id;
  plan_.project = request.project->name;
  plan_.project_id = project_uuid(*request.project, request.head);
  plan_.serial = request.head.serial;
  plan_.lineage = request.head.lineage;
  plan_.made = request.observation->at;
  plan_.inputs = request.desired->inputs;
  plan_.params = request.desired->params;
  plan_.observation = *request.observation;
  context_.unresolved_is_error = request.project->unresolved == UnresolvedPolicy::error;
  for (const auto& [store, statement] : request.project->stores)
    context_.local_stores[normalise_name(store.text)] = statement.hosts;
  for (const auto& [name, host] : request.observation->hosts)
    if (host.simulated) context_.exact_names.insert(name);
}

void Planner::refuse(Code code, std::string message, std::string help) {
  plan_.applicable = false;
  plan_.refusals.push_back(Error{code, std::move(message), std::move(help)});
}

const HostObservation* Planner::host(const HostName& name) const {
  return in_.observation->find(name);
}

bool Planner::reachable(const HostName& name) const {
  const HostObservation* observation = host(name);
  return observation != nullptr && observation->reachable;
}

bool Planner::in_scope(const Address& address) const {
  const auto& targets = in_.scope.targets;
  return targets.empty() || std::find(targets.begin(), targets.end(), address) != targets.end();
}

bool Planner::was_declared_here(const std::string& root) const {
  const auto& roots = in_.desired->roots;
  return std::find(roots.begin(), roots.end(), root) != roots.end();
}

// The compiler marks the roots that were named by PATH and are no source of the project.
bool Planner::is_outside(const std::string& root) {
  return root.starts_with("path:") || root == "-";
}

Draft Planner::add(Operation operation, std::string detail, Duration estimate,
                   std::set<Draft> after) {
  drafts_.push_back({std::move(operation), std::move(after), std::move(detail), estimate});
  return drafts_.size() - 1;
}

void Planner::edge(Draft before, Draft after) {
  if (before != after) drafts_[after].after.insert(before);
}

// Renames keep the running machine: the record gets its new address before anything else happens
// to it.
void Planner::forget_moves() {
  std::vector<Moved> moves = in_.desired->moved;
  for (bool again = true; again;) {  // a chain of moves, in whatever order it was written
    again = false;
    for (const Moved& move : moves) {
      const auto rekey = [&](auto& map, auto fill) {
        auto from = map.find(move.from);
        if (from == map.end() || map.contains(move.to)) return;
        auto record = std::move(from->second);
        map.erase(from);
        Operation operation;
        operation.op = Op::record_state;
        operation.record = RecordKind::move;
        operation.address = move.to;
        operation.moved_from = move.from;
        fill(record, operation);
        const auto before = moved_.find(move.from);
        const Draft step =
            add(operation, "from " + to_string(move.from), milliseconds(10),
                before == moved_.end() ? std::set<Draft>{} : std::set<Draft>{before->second});
        moved_[move.to] = step;
        map.emplace(move.to, std::move(record));
        Change change;
        change.address = move.to;
        change.action = Action::move;
        change.host = operation.host;
        change.why = "from " + to_string(move.from);
        change.place = move.place;
        plan_.changes.push_back(std::move(change));
        again = true;
      };
      rekey(applied_.domains, [&](AppliedDomain& record, Operation& operation) {
        record.spec.address = move.to;
        operation.host = record.spec.host;
        operation.uuid = record.uuid;
      });
      rekey(applied_.vdisks, [&](AppliedVdisk& record, Operation& operation) {
        record.spec.address = move.to;
        operation.host = record.host;
        operation.uuid = record.uuid;
      });
      rekey(applied_.pools, [&](AppliedPool& record, Operation& operation) {
        record.spec.address = move.to;
        operation.host = record.spec.host;
      });
      rekey(applied_.networks, [&](NetworkSpec& record, Operation& operation) {
        record.address = move.to;
        operation.host = record.host;
      });
    }
  }
}

void Planner::sort_changes() {
  const auto risk = [](const Change& change) {
    switch (change.action) {
      case Action::destroy:
        return 0;
      case Action::replace:
        return 1;
      case Action::restart:
        return 2;
      case Action::forget:
        return 3;
      case Action::update:
        return 4;
      case Action::move:
        return 5;
      case Action::adopt:
        return 6;
      case Action::create:
        return 7;
    }
    return 8;
  };
  // Storage comes before what uses it among the new, after it among the old.
  const auto kind = [](const Change& change) {
    const int rank = change.address.kind == Kind::pool      ? 0
                     : change.address.kind == Kind::network ? 1
                     : change.address.kind == Kind::vdisk   ? 2
                                                            : 3;
    return change.action == Action::create ? rank : 3 - rank;
  };
  std::stable_sort(plan_.changes.begin(), plan_.changes.end(),
                   [&](const Change& a, const Change& b) {
                     if (risk(a) != risk(b)) return risk(a) < risk(b);
                     if (kind(a) != kind(b)) return kind(a) < kind(b);
                     return a.address < b.address;
                   });
}

Result<Plan> Planner::run() {
  if (in_.desired->resources().empty() && !applied_.empty() && in_.scope.whole_project &&
      !in_.scope.destroy_all)
    return Error{Code::plan_refused,
                 "the sources declare nothing, but the state has resources of theirs",
                 "to remove them all: `hv destroy`"};
  forget_moves();
  for (const auto& [address, domain] : applied_.domains) ours_[domain.uuid] = address;
  for (const auto& [address, vdisk] : applied_.vdisks)
    if (!vdisk.expired) context_.vdisks[address] = vdisk.extents;
  plan_pools();
  plan_networks();
  plan_vdisks();
  plan_domains();
  expire_vdisks();
  hold_everything_else();
  finish_expiry();
  check_host_facts();
  check_budget();
  order_conflicts();
  order_memory();
  sort_changes();
  if (number_steps()) {
    check_capabilities();
    prove();
  }
  check_declared_sharing();
  plan_.digest = plan_digest(plan_, in_.head, in_.version);
  return std::move(plan_);
}

Result<Plan> make_plan(const PlanRequest& request) {
  return Planner(request).run();
}

}  // namespace hv
