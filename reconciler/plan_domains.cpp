// Domains: what becomes of each of them — made, changed, restarted, replaced, taken over, taken
// away, or left alone because it cannot be read or is not one machine.
#include <algorithm>

#include "reconciler/planner.h"

namespace hv {
namespace {

bool is_deferred(const DomainSpec& desired, const DomainDiff& diff) {
  return !diff.restart.empty() && desired.lifecycle.on_restart_needed == OnRestartNeeded::defer;
}

std::string quoted(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "`" : ", `") + path + "`";
  return text;
}

// A machine that is on the hypervisor, or still on its way out.
bool is_there(const ObservedDomain* observed) {
  return observed != nullptr &&
         (observed->state != PowerState::halted || observed->dying || observed->domid.value != 0);
}

}  // namespace

uint32_t Planner::next_generation(const Address& address) const {
  auto next = applied_.next_generation.find(address);
  return next == applied_.next_generation.end() ? 0 : next->second;
}

// UUIDv5 of (project, "address#n"): the same machine for as long as its address is declared.
Uuid Planner::uuid_for(const DomainSpec& spec, uint32_t generation) const {
  if (spec.uuid) return *spec.uuid;
  return uuid_v5(plan_.project_id, to_string(spec.address) + "#" + std::to_string(generation));
}

Change Planner::change_of(const DomainSpec& spec, Action action, std::string why) const {
  Change change;
  change.address = spec.address;
  change.host = spec.host;
  change.place = spec.place;
  change.action = action;
  change.why = std::move(why);
  return change;
}

void Planner::plan_domains() {
  if (!in_.scope.destroy_all)
    for (const auto& [address, resource] : declared_)
      if (const auto* domain = std::get_if<DomainSpec>(resource); domain && in_scope(address))
        plan_domain(*domain);
  for (const auto& [address, applied] : applied_.domains) {
    std::string why;
    if (removes(address, applied.spec.root, &why)) destroy(applied, why);
  }
}

void Planner::plan_domain(const DomainSpec& declared) {
  auto found = applied_.domains.find(declared.address);
  const AppliedDomain* applied = found == applied_.domains.end() ? nullptr : &found->second;
  if (applied && !may_take_over(declared.address, applied->spec.root, declared.root)) return;
  if (!can_be_read(declared, applied)) return;
  if (applied == nullptr) {
    if (declared.state == PowerState::saved ? adopt(declared)
                                            : make_whole(declared) || adopt(declared))
      return;
    return declared.state == PowerState::saved ? nothing_to_save(declared, nullptr)
                                               : make_new(declared);
  }
  if (!is_one_machine(declared.address, applied->uuid, applied->spec.host)) return;
  DomainSpec desired = declared;
  settle_macs(desired, &applied->spec, applied->uuid);
  if (is_away(*applied))
    plan_.drift.push_back(
        {declared.address, declared.host, "host", declared.host.text, applied->spec.host.text});
  const ObservedDomain* observed = machine(applied->spec.host, applied->uuid);
  if (is_away(*applied) && !comes_back(desired, *applied, observed))
    desired.host = applied->spec.host;
  update(desired, *applied, is_there(observed) ? observed : nullptr);
}

// Unreachable is not stopped: what is declared there waits, and so does what may still run there.
bool Planner::can_be_read(const DomainSpec& desired, const AppliedDomain* applied) {
  std::optional<HostName> unread;
  if (!reachable(desired.host)) unread = desired.host;
  if (applied && !reachable(applied->spec.host) && !powered_off(applied->spec.host))
    unread = applied->spec.host;
  std::string why;
  for (const Vbd& vbd : desired.vbds) {
    const Address vdisk{Kind::vdisk, vbd.source};
    // Its pool's host cannot be read, or it was refused: that was said there.
    if (vbd.backend == "vd" && !context_.vdisks.contains(vdisk))
      why = "waits for " + to_string(vdisk);
  }
  if (!unread && why.empty()) return true;
  Change change = change_of(desired, applied ? Action::update : Action::create, why);
  if (applied) {
    DomainSpec settled = desired;
    settle_macs(settled, &applied->spec, applied->uuid);
    change.attributes =
        diff_domain({settled, applied->spec, nullptr, *in_.schema, true}).attributes;
    if (settled.state != applied->spec.state)
      change.attributes.push_back({"state", std::string(to_string(applied->spec.state)),
                                   std::string(to_string(settled.state)), How::live});
    if (change.attributes.empty()) return false;
  }
  defer(std::move(change), unread);
  return false;
}

// One UUID live twice, or live where nobody expects it: hv acts on neither.
bool Planner::is_one_machine(const Address& address, const Uuid& uuid, const HostName& home) {
  const std::vector<Seen> live = live_machines(uuid);
  if (live.empty() || (live.size() == 1 && live.front().host == home)) return true;
  if (tell_left(address, uuid)) return false;
  std::string where;
  for (const Seen& seen : live)
    where += (where.empty() ? "" : " and ") + seen.host.text + " (" + seen.domain->name + ")";
  if (live.size() > 1)
    alarm(address, live, "the UUID of " + to_string(address) + " is live twice: on " + where);
  else
    alarm(address, live,
          "the UUID of " + to_string(address) + " is live on " + where + ", " +
              (home.empty() ? "and no machine of it was made" : "and not on " + home.text));
  return false;
}

// A machine with the identity that comes next, or with the one before it (an intent reserves it),
// is ours: its making or its unmaking is in the journal and not settled yet. False: there is none,
// or one that runs and can be taken over.
bool Planner::make_whole(DomainSpec desired) {
  if (desired.uuid) return false;
  const uint32_t next = next_generation(desired.address);
  AppliedDomain unfinished;
  const ObservedDomain* found = nullptr;
  for (uint32_t generation = next; !found && generation + 1 >= next; --generation) {
    unfinished.uuid = uuid_for(desired, generation);
    // One that was moved to another address is that one's.
    if (!ours_.contains(unfinished.uuid)) found = machine(desired.host, unfinished.uuid);
    if (generation == 0) break;
  }
  if (!is_there(found) || !(found->dying || found->never_ran)) return false;
  if (!is_one_machine(desired.address, unfinished.uuid, desired.host)) return true;
  unfinished.spec = desired;
  unfinished.incomplete = true;
  ours_[unfinished.uuid] = desired.address;
  const Draft stopped = stop(unfinished, *found, Afterwards::gone, desired);
  const Uuid uuid = uuid_for(desired, next);
  settle_macs(desired, nullptr, uuid);
  create(desired, uuid, next, change_of(desired, Action::create, "its creation was not finished"),
         {stopped});
  return true;
}

void Planner::make_new(DomainSpec desired) {
  const uint32_t generation = next_generation(desired.address);
  const Uuid uuid = uuid_for(desired, generation);
  if (!is_one_machine(desired.address, uuid, HostName{})) return;
  settle_macs(desired, nullptr, uuid);
  create(desired, uuid, generation,
         change_of(desired, Action::create, "declared in " + desired.root), {});
}

DomainSpec Planner::as_found(const DomainSpec& desired, const ObservedDomain& found) const {
  DomainSpec spec = desired;
  spec.state = found.state;
  for (const Attributes::Entry& entry : desired.attributes) {
    const Attribute* attribute = in_.schema->find(Kind::domain, entry.name);
    if (attribute == nullptr || !attribute->observed) continue;
    if (auto value = observed_value(found, entry.name)) spec.attributes.set(entry.name, *value);
  }
  // What the host cannot tell of a disk (its format, its script) is as declared.
  spec.vbds.clear();
  for (const ObservedVbd& seen : found.vbds) {
    auto same = std::find_if(desired.vbds.begin(), desired.vbds.end(), [&](const Vbd& vbd) {
      return vbd.device == seen.vbd.device && vbd.source == seen.vbd.source &&
             writes(vbd.mode) == writes(seen.vbd.mode);
    });
    spec.vbds.push_back(same == desired.vbds.end() ? seen.vbd : *same);
  }
  spec.vifs = found.vifs;
  return spec;
}

// A declared domain that runs already: only state and claim are written. Anything less clear than
// one machine of that name, which nobody else claims, is refused. False: there is no such machine.
bool Planner::adopt(const DomainSpec& desired) {
  std::vector<const ObservedDomain*> named;
  if (auto seen = named_.find({desired.host, desired.name}); seen != named_.end())
    for (const ObservedDomain* domain : seen->second)
      if (!ours_.contains(domain->uuid)) named.push_back(domain);
  if (named.empty()) return false;
  const ObservedDomain& found = *named.front();
  if (live_machines(found.uuid).size() > 1) {
    is_one_machine(desired.address, found.uuid, desired.host);
    return true;
  }
  bool claimed = false;
  if (auto claims = claims_.find({desired.host, found.uuid}); claims != claims_.end())
    for (const Claim* claim : claims->second) claimed |= claim->project != plan_.project_id;
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
  DomainSpec spec = as_found(desired, found);
  DomainSpec settled = desired;
  settle_macs(settled, &spec, found.uuid);
  // Of an interface that is as declared, the declared words are kept.
  for (Vif& seen : spec.vifs)
    for (const Vif& vif : settled.vifs)
      if (const auto mac = vif.settings.find("mac");
          mac != vif.settings.end() && seen.settings["mac"] == mac->second && satisfies(seen, vif))
        seen = vif;
  for (const AttributeChange& each :
       diff_domain({settled, spec, &found, *in_.schema, true, cpus_of(desired.host)}).attributes)
    plan_.drift.push_back({desired.address, desired.host, each.path, each.after, each.before});
  ours_[found.uuid] = desired.address;
  planned_domains_.insert(desired.address);
  Operation claim = operation_for(Op::claim_put, spec, found.uuid);
  claim.claims = claims_of(spec, found.uuid, nullptr);
  const Draft put = add(claim, "adopted", kClaimTime);
  Operation record = operation_for(Op::record_state, spec, found.uuid);
  record.record = RecordKind::adopt;
  record.domain = spec;
  record.extents = extents_of(spec);
  record.generation = next_generation(desired.address);
  if (record.generation > 0 && found.uuid == uuid_for(desired, record.generation - 1))
    --record.generation;
  record.params = in_.desired->params;
  add(record, "machine " + found.name, kNoteTime, {put});
  for (Access& access : all_accesses_of_spec(spec, AccessOrigin::live))
    hold(std::move(access), {}, {}, {}, {});
  charge(desired.host, desired.address, memory_taken(found).count, {}, {});
  plan_.changes.push_back(change_of(
      desired, Action::adopt,
      std::string(found.state == PowerState::saved ? "is saved there as " : "runs already as ") +
          found.name + ", " + to_human(found.memory)));
  return true;
}

void Planner::create(const DomainSpec& spec, const Uuid& uuid, uint32_t generation, Change change,
                     std::set<Draft> after) {
  planned_domains_.insert(spec.address);
  ours_[uuid] = spec.address;
  after.merge(after_move(spec.address));
  if (spec.state == PowerState::halted) {
    record(spec, uuid, generation, std::move(after));
    if (change.action == Action::create) change.why = "declared, and off";
  } else {
    start(spec, uuid, generation, after);
  }
  plan_.changes.push_back(std::move(change));
}

void Planner::update(const DomainSpec& desired, const AppliedDomain& applied,
                     const ObservedDomain* observed) {
  const bool heal = in_.project->drift == DriftPolicy::heal;
  DomainDiff diff =
      diff_domain({desired, applied.spec, observed, *in_.schema, heal, cpus_of(applied.spec.host)});
  plan_.drift.insert(plan_.drift.end(), diff.drift.begin(), diff.drift.end());
  leave_taken_name(desired, applied, diff);
  const auto& asked = in_.scope.replace;
  if (std::find(asked.begin(), asked.end(), desired.address) != asked.end())
    diff.replace.push_back("--replace");
  planned_domains_.insert(desired.address);
  if (applied.home && !is_away(applied)) diff.bookkeeping = true;
  if (migrate_as_declared(desired, applied, observed, diff)) return;
  if (!diff.replace.empty()) return replace(applied, observed, diff);
  if (observed != nullptr && observed->state == PowerState::saved)
    return update_saved(desired, applied, *observed, std::move(diff));
  change_machine(desired, applied, observed, std::move(diff));
}

// Its name is a stranger's now: that is for people to settle, and hinders nothing else.
void Planner::leave_taken_name(const DomainSpec& desired, const AppliedDomain& applied,
                               DomainDiff& diff) {
  if (!diff.rename || applied.spec.name != desired.name) return;
  auto named = named_.find({applied.spec.host, desired.name});
  if (named == named_.end() ||
      std::all_of(named->second.begin(), named->second.end(),
                  [&](const ObservedDomain* each) { return ours_.contains(each->uuid); }))
    return;
  diff.rename.reset();
  std::erase_if(diff.attributes, [](const AttributeChange& each) { return each.path == "name"; });
  plan_.notes.push_back(to_string(desired.address) + " keeps the name that somebody gave it: `" +
                        desired.name + "` on " + applied.spec.host.text + " is a stranger");
}

void Planner::change_machine(const DomainSpec& desired, const AppliedDomain& applied,
                             const ObservedDomain* observed, DomainDiff diff) {
  if (desired.state == PowerState::saved && (observed == nullptr || observed->dying)) {
    nothing_to_save(desired, &applied);
  } else if (observed == nullptr) {
    without_machine(desired, applied, diff);
  } else if (desired.state == PowerState::halted && diff.want == PowerState::halted) {
    halt(desired, applied, *observed, diff);
  } else if (observed->dying && diff.want == PowerState::halted) {
    keep(applied);  // it is on its way out, and drift is only reported
  } else if (is_kept_crashed(applied, *observed)) {
    leave_crashed(desired, applied, diff);
  } else if (observed->dying) {
    diff.restart.push_back("state");
    restart(desired, applied, *observed, diff,
            std::string(observed->crashed ? "it crashed" : "it is going down") + "; made again");
  } else if (diff.restart.empty() || is_deferred(desired, diff) || diff.want == PowerState::saved) {
    live_steps(desired, applied, *observed, diff);
  } else if (desired.lifecycle.on_restart_needed == OnRestartNeeded::fail) {
    refuse(Code::restart_refused,
           "`" + to_string(desired.address) + "` would have to restart for " + quoted(diff.restart),
           "its lifecycle says on_restart_needed = \"fail\"");
    keep(applied);
  } else {
    restart(desired, applied, *observed, diff,
            quoted(diff.restart) + " can change only while it is off");
  }
}

// A guest that crashed under `on_crash = "preserve"` is kept to be looked at. That is what its file
// asks for, so that only somebody's word takes it away.
bool Planner::is_kept_crashed(const AppliedDomain& applied, const ObservedDomain& observed) const {
  if (!observed.crashed) return false;
  const Value* follows = observed.attributes.find("on_crash");
  if (follows == nullptr) follows = applied.spec.attributes.find("on_crash");
  return follows != nullptr && *follows == Value(std::string("preserve"));
}

void Planner::leave_crashed(const DomainSpec& desired, const AppliedDomain& applied,
                            const DomainDiff& diff) {
  const std::string name = to_string(desired.address);
  keep(applied);
  plan_.notes.push_back(name +
                        " crashed, and is kept to be looked at (on_crash = \"preserve\"): `hv "
                        "restart " +
                        name + "` makes it again");
  Change later = change_of(desired, Action::update, "it crashed, and is kept to be looked at");
  later.deferred = true;
  later.attributes = diff.attributes;
  later.attributes.push_back({"state", "crashed", std::string(to_string(diff.want)), How::restart});
  plan_.changes.push_back(std::move(later));
}

// Its host was read and has no such machine.
void Planner::without_machine(const DomainSpec& desired, const AppliedDomain& applied,
                              const DomainDiff& diff) {
  // Where drift is only reported, a machine that somebody stopped stays so until its declaration
  // says something else than it did.
  const bool reported = in_.project->drift == DriftPolicy::report && !applied.incomplete &&
                        applied.spec.state == desired.state;
  std::set<Draft> after = after_move(desired.address);
  // Its claims stay with it: whoever stopped it may start it again.
  const bool claimed = !reported && has_claims(desired.host, applied.uuid);
  if (claimed) {
    const Operation drop = operation_for(Op::claim_drop, applied.spec, applied.uuid);
    after = {add(drop, "", kClaimTime, after)};
  }
  Change change = change_of(desired, Action::update, "declared in " + desired.root);
  change.attributes = diff.attributes;
  if (desired.state == PowerState::halted || reported) {
    const bool other_state = applied.spec.state != desired.state;
    if (other_state) {
      change.attributes.push_back({"state", std::string(to_string(applied.spec.state)),
                                   std::string(to_string(desired.state)), How::bookkeeping});
    }
    const bool changed = diff.bookkeeping || !change.attributes.empty();
    if (changed) record(desired, applied.uuid, applied.generation, std::move(after));
    if (!changed && claimed) change.why = "its machine is gone; its claims go too";
    if (changed || claimed) plan_.changes.push_back(std::move(change));
    return;
  }
  // Lost, or declared to run again: the same machine, with the same identity.
  change.action = Action::create;
  change.why = applied.incomplete                         ? "its creation was not finished"
               : applied.spec.state == PowerState::halted ? "declared to run again"
                                                          : "its machine is gone; made again";
  create(desired, applied.uuid, applied.generation, std::move(change), std::move(after));
}

void Planner::halt(const DomainSpec& desired, const AppliedDomain& applied,
                   const ObservedDomain& observed, const DomainDiff& diff) {
  stop(applied, observed, Afterwards::off, desired);
  Change change = change_of(desired, Action::update, "declared halted");
  change.attributes = diff.attributes;
  change.attributes.push_back({"state", state_of(observed), "halted", How::live});
  change.downtime = Downtime::gone;
  plan_.changes.push_back(std::move(change));
}

void Planner::restart(const DomainSpec& desired, const AppliedDomain& applied,
                      const ObservedDomain& observed, const DomainDiff& diff,
                      const std::string& why) {
  const std::size_t first_hold = holds_.size();
  const Draft stopped = stop(applied, observed, Afterwards::again, desired);
  const std::size_t next_hold = holds_.size();
  const Draft claimed = start(desired, applied.uuid, applied.generation, {stopped});
  // What it now permits its host learns with the new claim: others begin after that.
  const std::vector<Claim> claims = claims_of(desired, applied.uuid, nullptr);
  if (!std::all_of(claims.begin(), claims.end(),
                   [&](const Claim& claim) { return is_told(claim, desired.host); }))
    for (std::size_t i = first_hold; i < next_hold; ++i) holds_[i].announced = claimed;
  Change change = change_of(desired, Action::restart, why);
  change.attributes = diff.attributes;
  change.downtime = Downtime::restart;
  plan_.changes.push_back(std::move(change));
}

// Another machine takes the address: with an identity, and interfaces, of its own.
void Planner::replace(const AppliedDomain& applied, const ObservedDomain* observed,
                      const DomainDiff& diff) {
  const Address& address = applied.spec.address;
  DomainSpec desired = *in_.desired->get<DomainSpec>(address);
  if (applied.spec.lifecycle.protect || desired.lifecycle.protect)
    refuse(Code::protected_domain,
           "`" + to_string(address) + "` is protected, and `" + diff.replace.front() +
               "` would replace it",
           "set `protect = False` in its lifecycle and apply that first");
  const uint32_t generation = std::max(next_generation(address), applied.generation + 1);
  const Uuid uuid = uuid_for(desired, generation);
  // `--replace` of a machine whose UUID is set in its file makes it again under the same one.
  if (uuid != applied.uuid && !is_one_machine(address, uuid, HostName{})) {
    keep(applied);
    return;
  }
  std::set<Draft> after = after_move(address);
  if (observed != nullptr) {
    after.insert(stop(applied, *observed, Afterwards::gone, desired));
    spend(to_string(address) + " replaced");
  } else if (has_claims(applied.spec.host, applied.uuid)) {
    const Operation drop = operation_for(Op::claim_drop, applied.spec, applied.uuid);
    after = {add(drop, "", kClaimTime, after)};
  }
  settle_macs(desired, nullptr, uuid);
  Change change = change_of(desired, Action::replace,
                            "`" + diff.replace.front() + "` makes another machine of it");
  change.attributes = diff.attributes;
  if (observed != nullptr)
    change.downtime = desired.state == PowerState::halted ? Downtime::gone : Downtime::restart;
  create(desired, uuid, generation, std::move(change), std::move(after));
}

void Planner::destroy(const AppliedDomain& applied, const std::string& why) {
  const Address& address = applied.spec.address;
  Change change = change_of(applied.spec, Action::destroy, why);
  if (applied.spec.lifecycle.protect)
    refuse(Code::protected_domain,
           "`" + to_string(address) + "` is protected: no plan may destroy it",
           "set `protect = False` in its lifecycle and apply that first");
  if (!reachable(applied.spec.host) && !powered_off(applied.spec.host)) {
    change.downtime = Downtime::gone;
    defer(std::move(change), applied.spec.host);
    return;
  }
  if (!is_one_machine(address, applied.uuid, applied.spec.host)) return;
  destroyed_.insert(address);
  planned_domains_.insert(address);
  const ObservedDomain* observed = machine(applied.spec.host, applied.uuid);
  if (!is_there(observed)) {
    forget(applied, std::move(change));
    return;
  }
  stop(applied, *observed, Afterwards::gone, applied.spec);
  change.downtime = Downtime::gone;
  change.why += observed->state == PowerState::saved
                    ? "; what was saved of it is discarded"
                    : "; stops a " + std::string(to_string(observed->state)) + " machine";
  plan_.changes.push_back(std::move(change));
  spend(to_string(address) + " destroyed");
}

// No machine is there any more; its record and its claims go.
void Planner::forget(const AppliedDomain& applied, Change change) {
  std::set<Draft> after = after_move(applied.spec.address);
  const bool off = powered_off(applied.spec.host);
  if (!off && has_claims(applied.spec.host, applied.uuid)) {
    const Operation drop = operation_for(Op::claim_drop, applied.spec, applied.uuid);
    after = {add(drop, "", kClaimTime, after)};
  }
  Operation operation = operation_for(Op::record_state, applied.spec, applied.uuid);
  operation.record = RecordKind::forget;
  const Draft forgotten = add(operation, "", kNoteTime, std::move(after));
  // Until then nobody else gets its disks; of a host that is off nothing is left to hold.
  if (!off)
    for (Access& access : current_accesses(applied, applied.spec.host, nullptr))
      hold(std::move(access), {}, forgotten, {}, forgotten);
  change.action = Action::forget;
  change.why += off ? "; its host is off, on an operator's word" : "; no machine is there any more";
  plan_.changes.push_back(std::move(change));
}

}  // namespace hv
