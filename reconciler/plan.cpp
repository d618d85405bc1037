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
  context_.map = request.storage;
  context_.unresolved_is_error = request.project->unresolved == UnresolvedPolicy::error;
  for (const auto& [store, statement] : request.project->stores)
    context_.local_stores[normalise_name(store.text)] = statement.hosts;
  // In the order of their addresses: that of declaration means nothing.
  for (const Resource& resource : request.desired->resources())
    declared_[address_of(resource)] = &resource;
  for (const auto& [name, host] : request.observation->hosts) {
    if (host.simulated) context_.exact_names.insert(name);
    for (const Claim& claim : host.claims) claims_[{name, claim.uuid}].push_back(&claim);
    for (const ObservedDomain& domain : host.domains) {
      machines_[domain.uuid].push_back({name, &domain});
      named_[{name, domain.name}].push_back(&domain);
    }
  }
}

void Planner::refuse(Code code, std::string message, std::string help) {
  plan_.applicable = false;
  plan_.refusals.push_back(Error{code, std::move(message), std::move(help)});
}

// Nothing is done about this one machine; the rest of the plan stands.
void Planner::alarm(const Address& address, const std::vector<Seen>& live,
                    const std::string& message) {
  Finding finding;
  finding.code = Code::machine_twice;
  finding.message = message;
  for (const Seen& seen : live) {
    Access where;
    where.party = party_of(address);
    where.host = seen.host;
    where.origin = AccessOrigin::live;
    finding.accesses.push_back(std::move(where));
  }
  finding.ways_out = {"stop all but the one that is meant, or give the domain another uuid",
                      "hv acts on none of them until then"};
  plan_.findings.push_back(std::move(finding));
}

// Shown, not done: `unread` cannot be read. Without a host the change says itself why it waits.
void Planner::defer(Change change, const std::optional<HostName>& unread) {
  change.deferred = true;
  if (unread) {
    const HostObservation* where = host(*unread);
    const bool off = powered_off(*unread);
    const std::string state = off ? "is off, on an operator's word" : "cannot be read";
    const std::string reason =
        where == nullptr || where->reason.empty() ? "" : ": " + where->reason;
    change.why += (change.why.empty() ? "" : "; ") + ("waits until " + unread->text + " answers");
    if (told_unread_.insert(*unread).second) {
      Finding finding;
      finding.code = Code::host_unreachable;
      finding.message = "the host `" + unread->text + "` " + state + reason;
      finding.notes = {"what is declared there waits; what may still run there holds all it had"};
      if (off) finding.notes = {"what is declared there waits"};
      plan_.findings.push_back(std::move(finding));
    }
  }
  plan_.changes.push_back(std::move(change));
}

const HostObservation* Planner::host(const HostName& name) const {
  return in_.observation->find(name);
}

bool Planner::reachable(const HostName& name) const {
  const HostObservation* observation = host(name);
  return observation != nullptr && observation->reachable;
}

// An operator's word that a host which does not answer holds nothing any more.
bool Planner::powered_off(const HostName& name) const {
  return !reachable(name) && in_.scope.powered_off.contains(name);
}

const ObservedDomain* Planner::machine(const HostName& where, const Uuid& uuid) const {
  auto seen = machines_.find(uuid);
  if (seen == machines_.end()) return nullptr;
  const ObservedDomain* dying = nullptr;
  for (const Seen& each : seen->second) {
    if (each.host != where) continue;
    if (!each.domain->dying) return each.domain;
    dying = each.domain;
  }
  return dying;
}

int64_t Planner::cpus_of(const HostName& host) const {
  const HostObservation* seen = in_.observation->find(host);
  return seen == nullptr ? 0 : seen->cpus;
}

std::vector<Planner::Seen> Planner::live_machines(const Uuid& uuid) const {
  std::vector<Seen> live;
  auto seen = machines_.find(uuid);
  if (seen == machines_.end()) return live;
  for (const Seen& each : seen->second) {
    const PowerState state = each.domain->state;
    const bool up = state == PowerState::running || state == PowerState::paused;
    if (up || each.domain->dying || each.domain->domid.value != 0) live.push_back(each);
  }
  return live;
}

Draft Planner::add(Operation operation, std::string detail, Duration estimate,
                   std::set<Draft> after) {
  drafts_.push_back({std::move(operation), std::move(after), std::move(detail), estimate});
  return drafts_.size() - 1;
}

void Planner::edge(Draft before, Draft after) {
  if (before != after) drafts_[after].after.insert(before);
}

Result<Plan> Planner::run() {
  TRY(check_sources());
  TRY(check_scope());
  TRY(check_power());
  close_targets();
  make_moves();
  for (const auto& [address, domain] : applied_.domains) {
    ours_[domain.uuid] = address;
    context_.names[{domain.spec.host, domain.spec.name}] = address;
  }
  for (const auto& [address, pool] : applied_.pools) ours_[pool.uuid] = address;
  for (const Resource& resource : in_.desired->resources())
    if (const auto* pool = std::get_if<PoolSpec>(&resource))
      ours_.emplace(pool_uuid(pool->address), pool->address);
  for (const Resource& resource : in_.desired->resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource))
      context_.names.emplace(std::pair(domain->host, domain->name), domain->address);
  for (const auto& [address, vdisk] : applied_.vdisks)
    if (!vdisk.expired) context_.vdisks[address] = vdisk.extents;
  note_parameters();
  if (in_.scope.power.empty()) {
    plan_pools();
    plan_networks();
    plan_vdisks();
    plan_domains();
    expire_vdisks();
    forget_pools_and_networks();
  } else {
    plan_power();
  }
  hold_everything_else();
  finish_expiry();
  check_host_facts();
  check_save_files();
  check_budget();
  order_conflicts();
  order_memory();
  order_names();
  if (number_steps()) {
    check_capabilities();
    prove();
  }
  check_declared_sharing();
  sort_changes();
  plan_.digest = plan_digest(plan_, in_);
  return std::move(plan_);
}

bool leaves_undone(const Plan& plan) {
  return std::any_of(plan.findings.begin(), plan.findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::error; });
}

Result<Plan> make_plan(const PlanRequest& request) {
  return Planner(request).run();
}

}  // namespace hv
