// Scope: what a plan may change and take away, under which addresses, and how much of it.
#include <algorithm>

#include "reconciler/planner.h"

namespace hv {
namespace {

// The compiler marks the roots that were named by PATH and are no source of the project.
bool is_outside(const std::string& root) {
  return root.starts_with("path:") || root == "-";
}

}  // namespace

// Sources that say nothing are a mistake more often than a wish.
Status Planner::check_sources() const {
  if (!in_.desired->resources().empty() || in_.scope.destroy_all) return {};
  const auto ours = [&](const std::string& root) {
    return in_.scope.whole_project ? !is_outside(root) : was_declared_here(root);
  };
  bool any = false;
  for (const auto& [address, domain] : applied_.domains) any = any || ours(domain.spec.root);
  for (const auto& [address, vdisk] : applied_.vdisks)
    any = any || (!vdisk.expired && ours(vdisk.spec.root));
  for (const auto& [address, pool] : applied_.pools) any = any || ours(pool.spec.root);
  for (const auto& [address, network] : applied_.networks) any = any || ours(network.root);
  if (!any) return {};
  return Error{Code::plan_refused,
               "the sources declare nothing, but the state has resources of theirs",
               "to remove them all: `hv destroy`"};
}

// An address that nobody knows is a slip of the pen, and a plan without it is not what was asked.
Status Planner::check_scope() const {
  const auto known = [&](const Address& address) {
    return in_.desired->find(address) != nullptr || applied_.domains.contains(address) ||
           applied_.vdisks.contains(address) || applied_.pools.contains(address) ||
           applied_.networks.contains(address);
  };
  for (const Address& address : in_.scope.targets)
    if (!known(address))
      return Error{Code::plan_refused,
                   "the target `" + to_string(address) + "` is neither declared nor in the state",
                   "`hv state list` and `hv show` list what there is"};
  for (const Address& address : in_.scope.replace)
    if (in_.desired->get<DomainSpec>(address) == nullptr)
      return Error{Code::plan_refused,
                   "`" + to_string(address) + "` cannot be replaced: no such domain is declared",
                   "`hv show` lists what is declared"};
  return {};
}

// A target takes along what it stands on: a machine without its disks would be none.
void Planner::close_targets() {
  std::vector<Address> open = in_.scope.targets;
  while (!open.empty()) {
    const Address address = open.back();
    open.pop_back();
    if (!targets_.insert(address).second || in_.scope.destroy_all) continue;
    if (const auto* domain = in_.desired->get<DomainSpec>(address)) {
      for (const Vbd& vbd : domain->vbds)
        if (vbd.backend == "vd") open.push_back({Kind::vdisk, vbd.source});
      for (const Vif& vif : domain->vifs)
        if (vif.network) open.push_back(*vif.network);
    }
    if (const auto* vdisk = in_.desired->get<VdiskSpec>(address)) open.push_back(vdisk->pool);
    for (const Moved& move : in_.desired->moved)
      if (move.to == address) open.push_back(move.from);
  }
}

bool Planner::in_scope(const Address& address) const {
  return targets_.empty() || targets_.contains(address);
}

bool Planner::was_declared_here(const std::string& root) const {
  const auto& roots = in_.desired->roots;
  return std::find(roots.begin(), roots.end(), root) != roots.end();
}

bool Planner::is_declared(const Address& address) const {
  return !in_.scope.destroy_all && in_.desired->find(address) != nullptr;
}

// Whether this plan takes away a resource of the state, and why. What it leaves although its files
// no longer declare it is listed.
bool Planner::removes(const Address& address, const std::string& root, std::string* why) {
  if (is_declared(address) || !in_scope(address)) return false;
  if (in_.scope.whole_project) {
    // What was applied from a PATH outside the sources is outside the project's plan.
    if (is_outside(root) && in_.desired->find(address) == nullptr) return false;
    *why = in_.scope.destroy_all ? "`hv destroy`" : "no longer declared";
    return true;
  }
  if (!was_declared_here(root)) return false;
  const std::string no_longer = "no longer declared by " + root;
  if (in_.scope.destroy_all) {
    *why = "`hv destroy`";
    return true;
  }
  if (in_.scope.prune) {
    *why = no_longer;
    return true;
  }
  plan_.leftovers.push_back(no_longer + ": " + to_string(address));
  return false;
}

// A file named by PATH does not take another file's resource without being told to.
bool Planner::may_take_over(const Address& address, const std::string& before,
                            const std::string& now) {
  if (in_.scope.whole_project || in_.scope.take_over || before == now || before.empty() ||
      was_declared_here(before))
    return true;
  refuse(Code::plan_refused,
         "`" + to_string(address) + "` was applied from " + before + ", not from " + now,
         "--take-over makes " + now + " its source");
  return false;
}

// Renames keep the running machine: the record gets its new address before anything else happens
// to it.
template <typename Map, typename Fill>
bool Planner::move_record(Map& map, const Moved& move, Fill fill) {
  auto from = map.find(move.from);
  if (from == map.end() || map.contains(move.to)) return false;
  auto record = std::move(from->second);
  map.erase(from);
  Operation operation;
  operation.op = Op::record_state;
  operation.record = RecordKind::move;
  operation.address = move.to;
  operation.moved_from = move.from;
  fill(record, operation);
  Change change;
  change.address = move.to;
  change.action = Action::move;
  change.host = operation.host;
  change.why = "from " + to_string(move.from);
  change.place = move.place;
  plan_.changes.push_back(std::move(change));
  moved_[move.to] =
      add(operation, "from " + to_string(move.from), milliseconds(10), after_move(move.from));
  map.emplace(move.to, std::move(record));
  return true;
}

void Planner::make_moves() {
  for (bool again = true; again;) {  // a chain of moves, in whatever order it was written
    again = false;
    for (const Moved& move : in_.desired->moved) {
      if (in_.scope.destroy_all || !in_scope(move.to)) continue;
      const bool moved =
          move_record(applied_.domains, move,
                      [&](AppliedDomain& record, Operation& operation) {
                        record.spec.address = move.to;
                        operation.host = record.spec.host;
                        operation.uuid = record.uuid;
                      }) ||
          move_record(applied_.vdisks, move,
                      [&](AppliedVdisk& record, Operation& operation) {
                        // A host that keeps its name would tell the old one for ever.
                        const HostObservation* where = host(record.host);
                        if (!record.expired && (where == nullptr || !where->simulated))
                          refuse(Code::plan_refused,
                                 "`" + to_string(move.from) + "` cannot get another name: " +
                                     record.host.text + " knows it by this one",
                                 "keep its name, or wait until it has expired");
                        record.spec.address = move.to;
                        operation.host = record.host;
                        operation.uuid = record.uuid;
                      }) ||
          move_record(applied_.pools, move,
                      [&](AppliedPool& record, Operation& operation) {
                        record.spec.address = move.to;
                        operation.host = record.spec.host;
                        operation.uuid = record.uuid;
                      }) ||
          move_record(applied_.networks, move, [&](NetworkSpec& record, Operation& operation) {
            record.address = move.to;
            operation.host = record.host;
          });
      again = again || moved;
    }
  }
}

// What comes before anything else that is done to it.
std::set<Draft> Planner::after_move(const Address& address) const {
  std::set<Draft> after;
  if (auto moved = moved_.find(address); moved != moved_.end()) after.insert(moved->second);
  if (auto arrival = arrivals_.find(address); arrival != arrivals_.end())
    after.insert(arrival->second.last);
  return after;
}

// -p values are remembered: a change of them explains much of what follows.
void Planner::note_parameters() {
  std::set<std::string> notes;
  for (const auto& [address, domain] : applied_.domains) {
    if (in_.desired->find(address) == nullptr) continue;
    const auto shown = [](const std::map<std::string, std::string>& params,
                          const std::string& name) {
      auto value = params.find(name);
      return value == params.end() ? std::string("unset") : value->second;
    };
    std::set<std::string> names;
    for (const auto& [name, value] : domain.params) names.insert(name);
    for (const auto& [name, value] : in_.desired->params) names.insert(name);
    for (const std::string& name : names) {
      const std::string before = shown(domain.params, name), now = shown(in_.desired->params, name);
      if (before != now)
        notes.insert("the parameter `" + name + "` is " + now + ", it was " + before);
    }
  }
  plan_.notes.insert(plan_.notes.begin(), notes.begin(), notes.end());
}

void Planner::spend(std::string what) {
  spent_.push_back(std::move(what));
}

void Planner::check_budget() {
  if (in_.scope.no_budget || spent_.empty()) return;
  const DestroyBudget budget = in_.scope.max_destroy.value_or(in_.project->max_destroy);
  int64_t domains = 0;
  for (const auto& [address, domain] : in_.applied->domains) {
    const bool here = in_.scope.whole_project ? !is_outside(domain.spec.root)
                                              : was_declared_here(domain.spec.root);
    if (in_scope(address) && (here || in_.desired->find(address) != nullptr)) ++domains;
  }
  const int64_t limit =
      budget.percent ? std::max<int64_t>(1, domains * budget.amount / 100) : budget.amount;
  const auto used = static_cast<int64_t>(spent_.size());
  if (used <= limit) return;
  constexpr std::size_t kShown = 4;
  std::string what;
  for (std::size_t i = 0; i < spent_.size() && i < kShown; ++i)
    what += (what.empty() ? "" : ", ") + spent_[i];
  if (spent_.size() > kShown) what += ", …";
  refuse(Code::destroys_too_much,
         "the plan takes away " + std::to_string(used) + " (" + what + "), and its budget is " +
             std::to_string(limit) + (budget.percent ? " (" + to_string(budget) + ")" : ""),
         "if that is meant: --max-destroy " + std::to_string(used));
}

}  // namespace hv
