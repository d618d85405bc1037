// Domains: which steps make each of them as declared, or take it away.
#include <algorithm>

#include "reconciler/planner.h"

namespace hv {
namespace {

constexpr Duration kCreate = milliseconds(2000), kStop = milliseconds(5000),
                   kAttach = milliseconds(1000), kQuick = milliseconds(200),
                   kClaim = milliseconds(50);

const ObservedDomain* observed_of(const HostObservation* host, const Uuid& uuid) {
  return host == nullptr ? nullptr : find_domain(*host, uuid);
}

std::string mode_text(const Vbd& vbd) {
  return vbd.device + " " + (vbd.source.empty() ? "(empty)" : vbd.source) + " (" +
         std::string(to_string(vbd.mode)) + ")";
}

bool is_deferred(const DomainSpec& desired, const DomainDiff& diff) {
  return !diff.restart.empty() && diff.replace.empty() &&
         desired.lifecycle.on_restart_needed == OnRestartNeeded::defer;
}

}  // namespace

std::map<std::string, std::string> Planner::params() const {
  return in_.desired->params;
}

uint32_t Planner::next_generation(const Address& address) const {
  auto next = applied_.next_generation.find(address);
  return next == applied_.next_generation.end() ? 0 : next->second;
}

// UUIDv5 of (project, "address#n"): the same machine for as long as its address is declared.
Uuid Planner::uuid_for(const DomainSpec& spec, uint32_t generation) const {
  if (spec.uuid) return *spec.uuid;
  return uuid_v5(plan_.project_id, to_string(spec.address) + "#" + std::to_string(generation));
}

std::optional<HostName> Planner::live_elsewhere(const Uuid& uuid, const HostName& home) const {
  for (const auto& [name, host] : in_.observation->hosts)
    if (name != home && find_domain(host, uuid) != nullptr) return name;
  return std::nullopt;
}

void Planner::plan_domains() {
  for (const Resource& resource : in_.desired->resources()) {
    const auto* domain = std::get_if<DomainSpec>(&resource);
    if (domain == nullptr) continue;
    if (in_.scope.destroy_all) {
      auto applied = applied_.domains.find(domain->address);
      if (applied != applied_.domains.end() && in_scope(domain->address))
        destroy(applied->second, "hv destroy");
      continue;
    }
    if (in_scope(domain->address)) plan_domain(*domain);
  }
  for (const auto& [address, applied] : applied_.domains) {
    if (in_.desired->find(address) != nullptr || destroyed_.contains(address)) continue;
    if (in_.scope.whole_project) {
      // What was applied from a PATH outside the sources is outside the project's plan.
      if (!is_outside(applied.spec.root) && in_scope(address))
        destroy(applied, in_.scope.destroy_all ? "hv destroy" : "no longer declared");
    } else if (was_declared_here(applied.spec.root)) {
      if (in_.scope.prune && in_scope(address))
        destroy(applied, "no longer declared by " + applied.spec.root);
      else
        plan_.leftovers.push_back("no longer declared by " + applied.spec.root + ": " +
                                  to_string(address));
    }
  }
}

void Planner::plan_domain(const DomainSpec& declared) {
  DomainSpec desired = declared;
  const Address& address = desired.address;
  auto found = applied_.domains.find(address);
  if (!reachable(desired.host)) {
    const HostObservation* observation = host(desired.host);
    if (found == applied_.domains.end() || !(found->second.spec.attributes == desired.attributes))
      refuse(Code::host_unreachable,
             "the host `" + desired.host.text + "` of " + to_string(address) + " cannot be read" +
                 (observation == nullptr ? "" : ": " + observation->reason),
             "nothing on it is changed until it answers");
    return;
  }
  if (desired.state == PowerState::saved) {
    refuse(Code::plan_refused, "`" + to_string(address) + "` is declared saved",
           "a domain is saved by an operation of its own, not by a plan");
    return;
  }
  if (found == applied_.domains.end()) {
    if (adopt(desired)) return;
    const uint32_t generation = next_generation(address);
    const Uuid uuid = uuid_for(desired, generation);
    if (auto where = live_elsewhere(uuid, desired.host)) {
      refuse(Code::machine_twice,
             "a machine with the UUID of " + to_string(address) + " runs on " + where->text,
             "hv acts on neither; stop the stranger, or give the domain another uuid");
      return;
    }
    settle_macs(desired, nullptr, uuid);
    Change change;
    change.address = address;
    change.host = desired.host;
    change.action = Action::create;
    change.why = "declared in " + desired.root;
    change.place = desired.place;
    create(desired, uuid, generation, std::move(change), std::nullopt);
    return;
  }
  const AppliedDomain& applied = found->second;
  if (!in_.scope.whole_project && applied.spec.root != desired.root && !in_.scope.take_over &&
      !was_declared_here(applied.spec.root)) {
    refuse(Code::plan_refused,
           "`" + to_string(address) + "` was applied from " + applied.spec.root + ", not from " +
               desired.root,
           "--take-over makes " + desired.root + " its source");
    return;
  }
  const HostObservation* home = host(applied.spec.host);
  if (home == nullptr || !home->reachable) {
    refuse(Code::host_unreachable,
           "`" + to_string(address) + "` may still run on " + applied.spec.host.text +
               ", which cannot be read",
           "nothing conflicting starts elsewhere until it answers");
    return;
  }
  if (auto where = live_elsewhere(applied.uuid, applied.spec.host);
      where && find_domain(*home, applied.uuid) != nullptr) {
    refuse(Code::machine_twice,
           "`" + to_string(address) + "` is live twice: on " + applied.spec.host.text + " and on " +
               where->text,
           "hv acts on neither until only one is left");
    return;
  }
  settle_macs(desired, &applied.spec, applied.uuid);
  update(desired, applied, observed_of(home, applied.uuid));
}

bool Planner::adopt(const DomainSpec& desired) {
  const HostObservation* home = host(desired.host);
  std::vector<const ObservedDomain*> named;
  for (const ObservedDomain& domain : home->domains)
    if (domain.name == desired.name && !ours_.contains(domain.uuid)) named.push_back(&domain);
  if (named.empty()) return false;
  const ObservedDomain& found = *named.front();
  const bool claimed = std::any_of(home->claims.begin(), home->claims.end(), [&](const Claim& c) {
    return c.uuid == found.uuid && c.project != plan_.project_id;
  });
  if (named.size() > 1 || claimed || found.dying || (desired.uuid && *desired.uuid != found.uuid)) {
    const std::string why = named.size() > 1 ? "there are several of that name"
                            : claimed        ? "another project claims it"
                            : found.dying    ? "it is shutting down"
                                             : "its UUID is " + to_string(found.uuid);
    refuse(Code::adoption_unclear,
           "`" + to_string(desired.address) + "` cannot take over the machine `" + desired.name +
               "` that runs on " + desired.host.text + ": " + why,
           "rename one of them, or stop the stranger");
    return true;
  }
  // State and claim only; what differs is drift, made by the next plan.
  DomainSpec as_found = desired;
  as_found.vbds.clear();
  for (const ObservedVbd& vbd : found.vbds) as_found.vbds.push_back(vbd.vbd);
  as_found.vifs = found.vifs;
  as_found.state = found.state;
  if (desired.attributes.contains("memory")) as_found.attributes.set("memory", found.memory);
  if (desired.attributes.contains("vcpus")) as_found.attributes.set("vcpus", found.vcpus);
  if (desired.attributes.contains("maxmem")) as_found.attributes.set("maxmem", found.memory_max);
  Operation claim;
  claim.op = Op::claim_put;
  claim.address = desired.address;
  claim.host = desired.host;
  claim.uuid = found.uuid;
  claim.claims = claims_of(as_found, found.uuid, nullptr);
  const Draft claimed_step = add(claim, "adopted", kClaim);
  Operation record;
  record.op = Op::record_state;
  record.record = RecordKind::adopt;
  record.address = desired.address;
  record.host = desired.host;
  record.uuid = found.uuid;
  record.domain = as_found;
  record.extents = extents_of(as_found);
  record.params = params();
  add(record, "machine " + found.name, kQuick, {claimed_step});
  Change change;
  change.address = desired.address;
  change.host = desired.host;
  change.action = Action::adopt;
  change.why = "runs already as " + found.name + ", " + to_human(found.memory);
  change.place = desired.place;
  plan_.changes.push_back(std::move(change));
  planned_domains_.insert(desired.address);
  ours_[found.uuid] = desired.address;
  for (Access access : accesses_of_spec(as_found, AccessOrigin::live))
    hold(std::move(access), std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  charge(desired.host, desired.address, found.memory.count, std::nullopt, std::nullopt);
  return true;
}

// claim → create paused → verify → unpause.
void Planner::start(const DomainSpec& spec, const Uuid& uuid, uint32_t generation,
                    std::optional<Draft> after) {
  Operation claim;
  claim.op = Op::claim_put;
  claim.address = spec.address;
  claim.host = spec.host;
  claim.uuid = uuid;
  claim.claims = claims_of(spec, uuid, nullptr);
  const Draft claimed = add(claim, std::to_string(claim.claims.size()) + " disks", kClaim);
  if (after) edge(*after, claimed);
  if (auto moved = moved_.find(spec.address); moved != moved_.end()) edge(moved->second, claimed);
  Operation make;
  make.op = Op::domain_create;
  make.address = spec.address;
  make.host = spec.host;
  make.uuid = uuid;
  make.domain = spec;
  make.extents = extents_of(spec);
  make.generation = generation;
  make.params = params();
  make.claims = claim.claims;
  make.timeout = seconds(120);
  const Draft created = add(make, "", kCreate, {claimed});
  for (const Vbd& vbd : spec.vbds) {
    if (vbd.backend != "vd") continue;
    auto ready = vdisk_ready_.find(Address{Kind::vdisk, vbd.source});
    if (ready != vdisk_ready_.end()) edge(ready->second, claimed);
  }
  Operation verify = make;
  verify.op = Op::domain_verify;
  const Draft verified = add(verify, "", kQuick, {created});
  if (spec.state == PowerState::running) {
    Operation unpause;
    unpause.op = Op::domain_unpause;
    unpause.address = spec.address;
    unpause.host = spec.host;
    unpause.uuid = uuid;
    add(unpause, "", kQuick, {verified});
  }
  for (Access access : accesses_of_spec(spec, AccessOrigin::plan))
    hold(std::move(access), created, std::nullopt, claimed, std::nullopt);
  const Value memory = in_.schema->effective(Kind::domain, "memory", spec.attributes);
  if (memory.get<Bytes>() != nullptr)
    charge(spec.host, spec.address, memory.get<Bytes>()->count, created, std::nullopt);
}

void Planner::create(const DomainSpec& spec, const Uuid& uuid, uint32_t generation, Change change,
                     std::optional<Draft> first) {
  planned_domains_.insert(spec.address);
  ours_[uuid] = spec.address;
  if (spec.state == PowerState::halted) {
    Operation record;
    record.op = Op::record_state;
    record.record = RecordKind::update;
    record.address = spec.address;
    record.host = spec.host;
    record.uuid = uuid;
    record.generation = generation;
    record.domain = spec;
    record.params = params();
    add(record, "declared halted", kQuick, first ? std::set<Draft>{*first} : std::set<Draft>{});
    change.why = "declared, and off";
    plan_.changes.push_back(std::move(change));
    return;
  }
  plan_.changes.push_back(std::move(change));
  start(spec, uuid, generation, first);
}

// Stops the machine; its holds end there. The answer is the last step: its claims are gone, or for
// a machine that is made again, the stop itself.
Draft Planner::stop(const AppliedDomain& applied, const ObservedDomain& observed, bool keeps_record,
                    const DomainSpec* becomes) {
  Operation halt;
  halt.op = applied.spec.lifecycle.stop == StopBy::shutdown && !observed.never_ran &&
                    observed.state == PowerState::running && !observed.dying
                ? Op::domain_shutdown
                : Op::domain_destroy;
  halt.address = applied.spec.address;
  halt.host = applied.spec.host;
  halt.uuid = applied.uuid;
  halt.timeout = applied.spec.lifecycle.stop_timeout;
  if (keeps_record) {
    halt.record = RecordKind::update;
    halt.domain = becomes == nullptr ? applied.spec : *becomes;
  }
  const Draft stopped = add(halt, "", halt.op == Op::domain_shutdown ? kStop : milliseconds(1000));
  if (auto moved = moved_.find(applied.spec.address); moved != moved_.end())
    edge(moved->second, stopped);
  Draft last = stopped;
  if (!keeps_record || becomes == nullptr || becomes->state == PowerState::halted) {
    Operation drop;
    drop.op = Op::claim_drop;
    drop.address = applied.spec.address;
    drop.host = applied.spec.host;
    drop.uuid = applied.uuid;
    last = add(drop, "", kClaim, {stopped});
  }
  for (Access access : current_accesses(applied, &observed))
    hold(std::move(access), std::nullopt, stopped, std::nullopt, last);
  charge(applied.spec.host, applied.spec.address, observed.memory.count, std::nullopt, stopped);
  return last;
}

void Planner::destroy(const AppliedDomain& applied, const std::string& why) {
  const Address& address = applied.spec.address;
  destroyed_.insert(address);
  planned_domains_.insert(address);
  Change change;
  change.address = address;
  change.host = applied.spec.host;
  change.place = applied.spec.place;
  if (applied.spec.lifecycle.protect)
    refuse(Code::protected_domain,
           "`" + to_string(address) + "` is protected: no plan may destroy it",
           "set `protect = False` in its lifecycle and apply that first");
  if (!reachable(applied.spec.host)) {
    refuse(Code::host_unreachable,
           "`" + to_string(address) + "` cannot be destroyed: the host `" + applied.spec.host.text +
               "` cannot be read",
           "unreachable is not stopped; it holds all that it last held");
    keep(applied, nullptr);
    return;
  }
  const ObservedDomain* observed = observed_of(host(applied.spec.host), applied.uuid);
  if (observed == nullptr) {
    Operation drop;
    drop.op = Op::claim_drop;
    drop.address = address;
    drop.host = applied.spec.host;
    drop.uuid = applied.uuid;
    std::set<Draft> after;
    if (auto moved = moved_.find(address); moved != moved_.end()) after.insert(moved->second);
    const Draft dropped = add(drop, "", kClaim, after);
    Operation forget;
    forget.op = Op::record_state;
    forget.record = RecordKind::forget;
    forget.address = address;
    forget.host = applied.spec.host;
    forget.uuid = applied.uuid;
    const Draft forgotten = add(forget, "", kQuick, {dropped});
    for (Access access : current_accesses(applied, nullptr))
      hold(std::move(access), std::nullopt, forgotten, std::nullopt, forgotten);
    change.action = Action::forget;
    change.why = why + "; no machine is there any more";
    plan_.changes.push_back(std::move(change));
    return;
  }
  stop(applied, *observed, false, nullptr);
  change.action = Action::destroy;
  change.downtime = Downtime::gone;
  change.why = why + "; stops a " + std::string(to_string(observed->state)) + " machine";
  plan_.changes.push_back(std::move(change));
  ++budget_used_;
  budget_what_.push_back(to_string(address) + " destroyed");
}

void Planner::keep(const AppliedDomain& applied, const ObservedDomain* observed) {
  planned_domains_.insert(applied.spec.address);
  for (Access access : current_accesses(applied, observed))
    hold(std::move(access), std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  if (observed != nullptr)
    charge(applied.spec.host, applied.spec.address, observed->memory.count, std::nullopt,
           std::nullopt);
}

void Planner::update(const DomainSpec& desired, const AppliedDomain& applied,
                     const ObservedDomain* observed) {
  const bool heal = in_.project->drift == DriftPolicy::heal;
  DomainDiff diff = diff_domain({desired, applied.spec, observed, *in_.schema, heal});
  plan_.drift.insert(plan_.drift.end(), diff.drift.begin(), diff.drift.end());
  const bool asked = std::find(in_.scope.replace.begin(), in_.scope.replace.end(),
                               desired.address) != in_.scope.replace.end();
  if (asked) diff.replace.push_back("--replace");
  if (!diff.replace.empty()) {
    replace(desired, applied, observed, diff);
    return;
  }
  Change change;
  change.address = desired.address;
  change.host = desired.host;
  change.place = desired.place;
  change.attributes = diff.attributes;
  if (observed == nullptr) {
    planned_domains_.insert(desired.address);
    if (desired.state == PowerState::halted ||
        (!heal && applied.spec.state != PowerState::halted && diff.attributes.empty())) {
      if (diff.bookkeeping || applied.spec.state != desired.state) {
        Operation record;
        record.op = Op::record_state;
        record.record = RecordKind::update;
        record.address = desired.address;
        record.host = desired.host;
        record.uuid = applied.uuid;
        record.domain = desired;
        record.generation = applied.generation;
        record.params = params();
        add(record, "", kQuick);
        change.action = Action::update;
        change.why = "declared in " + desired.root;
        plan_.changes.push_back(std::move(change));
      }
      return;
    }
    // Lost, or declared to run again: the same machine, with the same identity.
    change.action = Action::create;
    change.why = applied.spec.state == PowerState::halted ? "declared to run again"
                                                          : "its machine is gone; made again";
    std::optional<Draft> first;
    if (auto moved = moved_.find(desired.address); moved != moved_.end()) first = moved->second;
    create(desired, applied.uuid, applied.generation, std::move(change), first);
    return;
  }
  if (desired.state == PowerState::halted && observed->state != PowerState::halted &&
      diff.want == PowerState::halted) {
    planned_domains_.insert(desired.address);
    stop(applied, *observed, true, &desired);
    change.action = Action::update;
    change.attributes.push_back(
        {"state", std::string(to_string(observed->state)), "halted", How::live});
    change.downtime = Downtime::gone;
    change.why = "declared halted";
    plan_.changes.push_back(std::move(change));
    return;
  }
  if (!diff.restart.empty() && desired.lifecycle.on_restart_needed == OnRestartNeeded::fail) {
    refuse(Code::restart_refused,
           "`" + to_string(desired.address) + "` would have to restart for `" +
               diff.restart.front() + "`",
           "its lifecycle says on_restart_needed = \"fail\"");
    keep(applied, observed);
    return;
  }
  if (!diff.restart.empty() && !is_deferred(desired, diff)) {
    restart(desired, applied, *observed, diff);
    return;
  }
  live_steps(desired, applied, *observed, diff);
}

void Planner::restart(const DomainSpec& desired, const AppliedDomain& applied,
                      const ObservedDomain& observed, const DomainDiff& diff) {
  planned_domains_.insert(desired.address);
  const Draft stopped = stop(applied, observed, true, &desired);
  start(desired, applied.uuid, applied.generation, stopped);
  Change change;
  change.address = desired.address;
  change.host = desired.host;
  change.place = desired.place;
  change.action = Action::restart;
  change.attributes = diff.attributes;
  change.downtime = Downtime::restart;
  std::string paths;
  for (const std::string& path : diff.restart) paths += (paths.empty() ? "`" : ", `") + path + "`";
  change.why = paths + " can change only while it is off";
  plan_.changes.push_back(std::move(change));
}

void Planner::replace(const DomainSpec& declared, const AppliedDomain& applied,
                      const ObservedDomain* observed, const DomainDiff& diff) {
  DomainSpec desired = declared;
  if (applied.spec.lifecycle.protect)
    refuse(Code::protected_domain,
           "`" + to_string(desired.address) + "` is protected, and `" + diff.replace.front() +
               "` would replace it",
           "set `protect = False` in its lifecycle and apply that first");
  planned_domains_.insert(desired.address);
  std::optional<Draft> stopped;
  if (observed != nullptr) {
    stopped = stop(applied, *observed, false, nullptr);
    ++budget_used_;
    budget_what_.push_back(to_string(desired.address) + " replaced");
  }
  const uint32_t generation = std::max(next_generation(desired.address), applied.generation + 1);
  const Uuid uuid = uuid_for(desired, generation);
  ours_[uuid] = desired.address;
  for (Vif& vif : desired.vifs)
    if (const auto* file = in_.desired->get<DomainSpec>(desired.address)) {
      const std::size_t i = static_cast<std::size_t>(&vif - desired.vifs.data());
      vif = file->vifs[i];
    }
  settle_macs(desired, nullptr, uuid);
  if (desired.state != PowerState::halted) start(desired, uuid, generation, stopped);
  Change change;
  change.address = desired.address;
  change.host = desired.host;
  change.place = desired.place;
  change.action = Action::replace;
  change.attributes = diff.attributes;
  change.downtime = observed == nullptr ? Downtime::none : Downtime::restart;
  change.why = "`" + diff.replace.front() + "` makes another machine of it";
  plan_.changes.push_back(std::move(change));
}

void Planner::live_steps(const DomainSpec& desired, const AppliedDomain& applied,
                         const ObservedDomain& observed, const DomainDiff& diff) {
  planned_domains_.insert(desired.address);
  const bool deferred = is_deferred(desired, diff);
  const std::size_t steps_before = drafts_.size();
  Operation base;
  base.address = desired.address;
  base.host = desired.host;
  base.uuid = applied.uuid;
  std::set<Draft> first;
  if (auto moved = moved_.find(desired.address); moved != moved_.end()) first = {moved->second};

  if (diff.memory) {
    Operation operation = base;
    operation.op = Op::domain_memory;
    operation.memory = diff.memory;
    const Draft step =
        add(operation, to_human(observed.memory) + " → " + to_human(*diff.memory), kQuick, first);
    const int64_t have = observed.memory.count, want = diff.memory->count;
    charge(desired.host, desired.address, std::min(have, want), std::nullopt, std::nullopt);
    if (want > have) charge(desired.host, desired.address, want - have, step, std::nullopt);
    if (want < have) charge(desired.host, desired.address, have - want, std::nullopt, step);
  } else {
    charge(desired.host, desired.address, observed.memory.count, std::nullopt, std::nullopt);
  }
  if (diff.vcpus) {
    Operation operation = base;
    operation.op = Op::domain_vcpus;
    operation.vcpus = diff.vcpus;
    add(operation, std::to_string(observed.vcpus) + " → " + std::to_string(*diff.vcpus), kQuick,
        first);
  }
  if (!diff.schedule.empty()) {
    Operation operation = base;
    operation.op = Op::domain_schedule;
    operation.settings = diff.schedule;
    add(operation, "", kQuick, first);
  }
  if (diff.rename) {
    Operation operation = base;
    operation.op = Op::domain_rename;
    operation.name = *diff.rename;
    add(operation, *diff.rename, kQuick, first);
  }
  if (diff.want != diff.have && !observed.dying) {
    Operation operation = base;
    if (diff.want == PowerState::running && diff.have == PowerState::paused) {
      operation.op = Op::domain_unpause;
      add(operation, "", kQuick, first);
    } else if (diff.want == PowerState::paused && diff.have == PowerState::running) {
      operation.op = Op::domain_pause;
      add(operation, "", kQuick, first);
    }
  }

  std::set<std::string> changed;
  std::map<std::string, Access> now;
  for (Access& access : current_accesses(applied, &observed)) now[access.device] = access;
  for (const VbdChange& vbd : diff.vbds) {
    const std::string& device = vbd.before ? vbd.before->device : vbd.after->device;
    changed.insert(device);
    std::optional<Draft> detached;
    if (vbd.before) {
      Operation operation = base;
      operation.op = Op::vbd_detach;
      operation.vbd = vbd.before;
      const Draft gone = add(operation, mode_text(*vbd.before), kAttach, first);
      Operation drop = base;
      drop.op = Op::claim_drop;
      drop.vbd = vbd.before;
      detached = add(drop, device, kClaim, {gone});
      if (auto access = now.find(device); access != now.end())
        hold(access->second, std::nullopt, gone, std::nullopt, detached);
      if (!vbd.after && writes(vbd.before->mode) && !vbd.is_drift) {
        ++budget_used_;
        budget_what_.push_back("a writable disk detached from " + to_string(desired.address));
      }
    }
    if (vbd.after) {
      const std::set<std::string> one = {device};
      Operation claim = base;
      claim.op = Op::claim_put;
      claim.claims = claims_of(desired, applied.uuid, &one);
      const Draft claimed = add(claim, device, kClaim, first);
      if (detached) edge(*detached, claimed);
      Operation operation = base;
      operation.op = Op::vbd_attach;
      operation.vbd = vbd.after;
      operation.claims = claim.claims;
      const Access access = access_of(desired, *vbd.after, AccessOrigin::plan);
      operation.extents[device] = access.extents;
      const Draft attached = add(operation, mode_text(*vbd.after), kAttach, {claimed});
      if (vbd.after->backend == "vd") {
        auto ready = vdisk_ready_.find(Address{Kind::vdisk, vbd.after->source});
        if (ready != vdisk_ready_.end()) edge(ready->second, claimed);
      }
      hold(access, attached, std::nullopt, claimed, std::nullopt);
    }
  }
  for (auto& [device, access] : now)
    if (!changed.contains(device))
      hold(access, std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  for (const VifChange& vif : diff.vifs) {
    std::optional<Draft> detached;
    if (vif.before) {
      Operation operation = base;
      operation.op = Op::vif_detach;
      operation.vif = vif.before;
      detached = add(operation, "", kAttach, first);
    }
    if (vif.after) {
      Operation operation = base;
      operation.op = Op::vif_attach;
      operation.vif = vif.after;
      const Draft attached = add(operation, "", kAttach, first);
      if (detached) edge(*detached, attached);
    }
  }
  if (diff.bookkeeping) {
    // Absolute: the spec as declared, but for what waits for a restart.
    Operation record = base;
    record.op = Op::record_state;
    record.record = RecordKind::update;
    DomainSpec spec = desired;
    for (const std::string& path : diff.restart) {
      const Value* before = applied.spec.attributes.find(path);
      if (before == nullptr)
        spec.attributes.erase(path);
      else
        spec.attributes.set(path, *before);
    }
    if (diff.want != desired.state) spec.state = applied.spec.state;
    record.domain = spec;
    record.params = params();
    std::set<Draft> after = first;
    for (Draft each = steps_before; each < drafts_.size(); ++each) after.insert(each);
    add(record, "", milliseconds(10), after);
  }
  const bool visible = !diff.attributes.empty() || diff.want != diff.have;
  if (!visible && drafts_.size() == steps_before) return;
  Change change;
  change.address = desired.address;
  change.host = desired.host;
  change.place = desired.place;
  change.action = Action::update;
  change.attributes = diff.attributes;
  if (diff.want != diff.have)
    change.attributes.push_back(
        {"state", std::string(to_string(diff.have)), std::string(to_string(diff.want)), How::live});
  change.deferred = deferred && drafts_.size() == steps_before;
  change.why = deferred ? "waits for a restart (on_restart_needed = \"defer\")"
                        : "declared in " + desired.root;
  plan_.changes.push_back(std::move(change));
}

}  // namespace hv
