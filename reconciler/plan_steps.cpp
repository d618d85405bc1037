// Steps: how a machine is stopped, started and changed while it runs.
#include <algorithm>

#include "hv/drivers/mapping.h"
#include "reconciler/effects.h"
#include "reconciler/planner.h"

namespace hv {
namespace {

constexpr Duration kCreate = milliseconds(2000), kShutdown = milliseconds(5000),
                   kDestroy = milliseconds(1000), kAttach = milliseconds(1000);

std::string mode_text(const Vbd& vbd) {
  return vbd.device + " " + (vbd.source.empty() ? "(empty)" : vbd.source) + " (" +
         std::string(to_string(vbd.mode)) + ")";
}

int64_t total_sectors(const std::vector<Extent>& extents) {
  int64_t total = 0;
  for (const Extent& extent : extents) total += extent.count.count;
  return total;
}

}  // namespace

Operation Planner::operation_for(Op op, const DomainSpec& spec, const Uuid& uuid) const {
  Operation operation;
  operation.op = op;
  operation.address = spec.address;
  operation.host = spec.host;
  operation.uuid = uuid;
  return operation;
}

bool Planner::has_claims(const HostName& where, const Uuid& uuid) const {
  return reachable(where) && claims_.contains({where, uuid});
}

Draft Planner::record(const DomainSpec& spec, const Uuid& uuid, uint32_t generation,
                      std::set<Draft> after) {
  Operation operation = operation_for(Op::record_state, spec, uuid);
  operation.record = RecordKind::update;
  operation.generation = generation;
  operation.domain = spec;
  operation.params = in_.desired->params;
  if (auto applied = applied_.domains.find(spec.address); applied != applied_.domains.end() &&
                                                          is_away(applied->second) &&
                                                          spec.host == applied->second.spec.host)
    operation.home = applied->second.home;
  return add(operation, "", kNoteTime, std::move(after));
}

// Stops the machine; its holds end there. The answer is the last step: its claims are gone, or for
// a machine that is made again, the stop itself.
Draft Planner::stop(const AppliedDomain& applied, const ObservedDomain& observed,
                    Afterwards afterwards, const DomainSpec& becomes) {
  const Lifecycle& lifecycle = applied.spec.lifecycle;
  const bool politely = lifecycle.stop == StopBy::shutdown && !observed.never_ran &&
                        observed.state == PowerState::running && !observed.dying;
  Operation halt = operation_for(politely ? Op::domain_shutdown : Op::domain_destroy, applied.spec,
                                 applied.uuid);
  halt.timeout = lifecycle.stop_timeout;
  if (afterwards != Afterwards::gone) {
    halt.record = RecordKind::update;
    halt.domain = becomes;
  }
  const Draft stopped =
      add(halt, "", politely ? kShutdown : kDestroy, after_move(applied.spec.address));
  stopped_[applied.uuid] = stopped;
  Draft last = stopped;
  if (afterwards != Afterwards::again)
    last =
        add(operation_for(Op::claim_drop, applied.spec, applied.uuid), "", kClaimTime, {stopped});
  for (Access& access : current_accesses(applied, applied.spec.host, &observed)) {
    // One that is made again announces itself anew.
    if (afterwards != Afterwards::again) access = as_told(std::move(access), applied);
    hold(std::move(access), {}, stopped, {}, last);
  }
  charge(applied.spec.host, applied.spec.address, memory_taken(observed).count, {}, stopped);
  return last;
}

// claim → create paused → verify → unpause. The answer is the claim.
Draft Planner::start(const DomainSpec& spec, const Uuid& uuid, uint32_t generation,
                     std::set<Draft> after) {
  for (const Vbd& vbd : spec.vbds)
    if (vbd.backend == "vd")
      if (auto ready = vdisk_ready_.find({Kind::vdisk, vbd.source}); ready != vdisk_ready_.end())
        after.insert(ready->second);
  started_.insert(uuid);
  Operation claim = operation_for(Op::claim_put, spec, uuid);
  claim.claims = claims_of(spec, uuid, nullptr);
  const Draft claimed =
      add(claim, std::to_string(claim.claims.size()) + " disks", kClaimTime, std::move(after));
  Operation make = operation_for(Op::domain_create, spec, uuid);
  make.domain = spec;
  make.extents = extents_of(spec);
  make.generation = generation;
  make.params = in_.desired->params;
  make.claims = std::move(claim.claims);
  for (const Vbd& vbd : spec.vbds)
    if (vbd.backend == "vd")
      if (const auto vdisk = vdisk_uuid(vbd.source)) tell_vdisk(make, vbd.device, *vdisk);
  make.timeout = seconds(120);
  const Draft created = add(make, "", kCreate, {claimed});
  make.op = Op::domain_verify;
  const Draft verified = add(std::move(make), "", kQuick, {created});
  if (spec.state == PowerState::running)
    add(operation_for(Op::domain_unpause, spec, uuid), "", kQuick, {verified});
  for (Access& access : all_accesses_of_spec(spec, AccessOrigin::plan))
    hold(std::move(access), created, {}, claimed, {});
  const Value memory = in_.schema->effective(Kind::domain, "memory", spec.attributes);
  if (memory.get<Bytes>() != nullptr)
    charge(spec.host, spec.address, memory.get<Bytes>()->count, created, {});
  return claimed;
}

void Planner::live_steps(const DomainSpec& desired, const AppliedDomain& applied,
                         const ObservedDomain& observed, const DomainDiff& diff) {
  Live live{desired, applied, observed, diff, after_move(desired.address)};
  const Draft first_draft = drafts_.size();
  const std::size_t first_charge = charges_.size();
  live_settings(live);
  // Only a guest that runs lets a device go: first it runs again, and last it is paused.
  if (diff.want == PowerState::running) live_power(live);
  const bool grown = live_vbds(live);
  live_vifs(live);
  if (diff.want != PowerState::running) {
    for (Draft each = first_draft; each < drafts_.size(); ++each) live.first.insert(each);
    if (const MaybeDraft saved = live_power(live)) charge_until(first_charge, *saved);
  }
  live_record(live, first_draft);
  Change now = change_of(desired, Action::update, "declared in " + desired.root);
  if (diff.want == PowerState::saved) now.downtime = Downtime::gone;
  Change later =
      change_of(desired, Action::update, "waits for a restart (on_restart_needed = \"defer\")");
  later.deferred = true;
  for (const AttributeChange& each : diff.attributes)
    (each.how == How::restart ? later : now).attributes.push_back(each);
  if (diff.want != diff.have)
    now.attributes.push_back(
        {"state", std::string(to_string(diff.have)), std::string(to_string(diff.want)), How::live});
  if (grown) now.why = "its virtual disk grows";
  if (drafts_.size() != first_draft) plan_.changes.push_back(std::move(now));
  if (!later.attributes.empty()) plan_.changes.push_back(std::move(later));
}

void Planner::live_settings(const Live& live) {
  const DomainDiff& diff = live.diff;
  const auto step = [&](Op op, auto fill, std::string detail) {
    Operation operation = operation_for(op, live.desired, live.applied.uuid);
    fill(operation);
    return add(std::move(operation), std::move(detail), kQuick, live.first);
  };
  const HostName& where = live.desired.host;
  const Address& address = live.desired.address;
  const int64_t have = live.observed.memory.count;
  if (diff.memory) {
    const Draft set = step(
        Op::domain_memory, [&](Operation& operation) { operation.memory = diff.memory; },
        to_human(live.observed.memory) + " → " + to_human(*diff.memory));
    const int64_t want = diff.memory->count;
    charge(where, address, std::min(have, want), {}, {});
    charge(where, address, want - have, set, {});
    charge(where, address, have - want, {}, set);
  } else {
    charge(where, address, have, {}, {});
  }
  if (diff.vcpus)
    step(
        Op::domain_vcpus, [&](Operation& operation) { operation.vcpus = diff.vcpus; },
        std::to_string(live.observed.vcpus) + " → " + std::to_string(*diff.vcpus));
  if (!diff.schedule.empty())
    step(
        Op::domain_schedule, [&](Operation& operation) { set_schedule(live, operation); }, "");
  if (diff.rename)
    renamed_[live.applied.uuid] = step(
        Op::domain_rename, [&](Operation& operation) { operation.name = *diff.rename; },
        *diff.rename);
}

// What starts at boot starts with the disks that it has now and keeps; the host itself learns of
// those that come and go.
void Planner::set_schedule(const Live& live, Operation& operation) const {
  operation.settings = live.diff.schedule;
  const Value* boot = operation.settings.find("autostart");
  if (boot == nullptr || !(*boot == Value(true))) return;
  operation.domain = live.desired;
  std::erase_if(operation.domain->vbds, [&](const Vbd& vbd) {
    return std::none_of(live.observed.vbds.begin(), live.observed.vbds.end(),
                        [&](const ObservedVbd& it) { return it.vbd.device == vbd.device; }) ||
           std::any_of(live.diff.vbds.begin(), live.diff.vbds.end(), [&](const VbdChange& change) {
             return (change.before ? change.before : change.after)->device == vbd.device;
           });
  });
  operation.claims = claims_of(live.desired, live.applied.uuid, nullptr);
}

MaybeDraft Planner::live_power(Live& live) {
  const PowerState want = live.diff.want, have = live.diff.have;
  if (want == have) return {};
  const Uuid& uuid = live.applied.uuid;
  // A guest that is paused answers no suspend request.
  const bool saves = want == PowerState::saved;
  if ((want == PowerState::running || saves) && have == PowerState::paused)
    live.first.insert(
        add(operation_for(Op::domain_unpause, live.desired, uuid), "", kQuick, live.first));
  if (want == PowerState::paused && have == PowerState::running)
    add(operation_for(Op::domain_pause, live.desired, uuid), "", kQuick, live.first);
  if (saves) return save(live.desired, uuid, live.first);
  return {};
}

// Claims of VBDs that stay, where the host knows others: what is permitted now, it must know before
// anybody begins on the strength of it.
MaybeDraft Planner::live_claims(const Live& live) {
  std::set<std::string> devices;
  for (const VbdChange& change : live.diff.vbds)
    devices.insert(change.before ? change.before->device : change.after->device);
  std::set<std::string> stale;
  for (const Claim& claim : claims_of(live.desired, live.applied.uuid, nullptr)) {
    if (!devices.contains(claim.device) && !is_told(claim, live.desired.host))
      stale.insert(claim.device);
  }
  // Only of what is there: a disk that is missing and left so, because drift is reported, has none.
  std::erase_if(stale, [&](const std::string& device) {
    return std::none_of(live.observed.vbds.begin(), live.observed.vbds.end(),
                        [&](const ObservedVbd& seen) { return seen.vbd.device == device; });
  });
  if (stale.empty()) return {};
  Operation claim = operation_for(Op::claim_put, live.desired, live.applied.uuid);
  claim.claims = claims_of(live.desired, live.applied.uuid, &stale);
  return add(claim, "what it permits", kClaimTime, live.first);
}

// True where a virtual disk below a VBD that stays has grown.
bool Planner::live_vbds(const Live& live) {
  // By device: the disk first, then the files behind it.
  std::map<std::string, std::vector<Access>> now;
  for (Access& access : current_accesses(live.applied, live.desired.host, &live.observed))
    now[access.device].push_back(std::move(access));
  const MaybeDraft announced = live_claims(live);
  for (const VbdChange& change : live.diff.vbds) {
    live_vbd(live, change, now);
    now.erase(change.before ? change.before->device : change.after->device);
  }
  bool grown = false;
  for (auto& [device, accesses] : now) {
    grown = live_growth(live, accesses.front()) || grown;
    for (Access& access : accesses)
      if (DraftHold* held = hold(std::move(access), {}, {}, {}, {})) held->announced = announced;
  }
  return grown;
}

void Planner::live_vbd(const Live& live, const VbdChange& change,
                       const std::map<std::string, std::vector<Access>>& now) {
  const DomainSpec& desired = live.desired;
  MaybeDraft gone;
  if (change.before) {
    const std::string& device = change.before->device;
    Operation detach = operation_for(Op::vbd_detach, desired, live.applied.uuid);
    detach.vbd = change.before;
    const Draft detached = add(detach, mode_text(*change.before), kAttach, live.first);
    Operation drop = operation_for(Op::claim_drop, desired, live.applied.uuid);
    drop.vbd = change.before;
    gone = add(drop, device, kClaimTime, {detached});
    if (auto accesses = now.find(device); accesses != now.end())
      for (const Access& access : accesses->second)
        hold(as_told(access, live.applied), {}, detached, {}, gone);
    // Another mode of the same disk takes nothing away.
    if (writes(change.before->mode) &&
        (!change.after || change.after->source != change.before->source))
      spend("a writable disk of " + to_string(desired.address) + " detached");
  }
  if (!change.after) return;
  const std::set<std::string> one = {change.after->device};
  std::set<Draft> after = live.first;
  if (gone) after.insert(*gone);
  if (change.after->backend == "vd")
    if (auto ready = vdisk_ready_.find({Kind::vdisk, change.after->source});
        ready != vdisk_ready_.end())
      after.insert(ready->second);
  Operation claim = operation_for(Op::claim_put, desired, live.applied.uuid);
  claim.claims = claims_of(desired, live.applied.uuid, &one);
  const Draft claimed = add(claim, change.after->device, kClaimTime, std::move(after));
  Operation attach = operation_for(Op::vbd_attach, desired, live.applied.uuid);
  attach.vbd = change.after;
  attach.claims = std::move(claim.claims);
  if (change.after->backend == "vd")
    if (const auto vdisk = vdisk_uuid(change.after->source))
      tell_vdisk(attach, change.after->device, *vdisk);
  std::vector<Access> accesses = accesses_of_vbd(desired, *change.after, AccessOrigin::plan);
  attach.extents[change.after->device] = accesses.front().extents;
  const Draft attached = add(attach, mode_text(*change.after), kAttach, {claimed});
  for (Access& access : accesses) hold(std::move(access), attached, {}, claimed, {});
}

// A virtual disk that has more extents than its user had when it was attached.
bool Planner::live_growth(const Live& live, const Access& access) {
  auto vbd = std::find_if(live.desired.vbds.begin(), live.desired.vbds.end(),
                          [&](const Vbd& each) { return each.device == access.device; });
  if (vbd == live.desired.vbds.end() || vbd->backend != "vd") return false;
  auto whole = context_.vdisks.find({Kind::vdisk, vbd->source});
  if (whole == context_.vdisks.end() ||
      total_sectors(whole->second) <= total_sectors(access.extents))
    return false;
  const std::set<std::string> one = {access.device};
  std::set<Draft> after = live.first;
  if (auto ready = vdisk_ready_.find(whole->first); ready != vdisk_ready_.end())
    after.insert(ready->second);
  Operation claim = operation_for(Op::claim_put, live.desired, live.applied.uuid);
  claim.claims = claims_of(live.desired, live.applied.uuid, &one);
  const Draft claimed = add(claim, access.device, kClaimTime, std::move(after));
  Operation enlarge = operation_for(Op::vbd_enlarge, live.desired, live.applied.uuid);
  enlarge.vbd = *vbd;
  enlarge.extents[access.device] = whole->second;
  enlarge.claims = std::move(claim.claims);
  const Draft enlarged = add(enlarge, mode_text(*vbd), kQuick, {claimed});
  Access more = access;
  more.origin = AccessOrigin::plan;
  more.extents = without(whole->second, access.extents);
  std::sort(more.extents.begin(), more.extents.end());
  hold(std::move(more), enlarged, {}, claimed, {});
  return true;
}

void Planner::live_vifs(const Live& live) {
  for (const VifChange& change : live.diff.vifs) {
    std::set<Draft> after = live.first;
    if (change.before) {
      Operation detach = operation_for(Op::vif_detach, live.desired, live.applied.uuid);
      detach.vif = change.before;
      after.insert(add(detach, "", kAttach, live.first));
    }
    if (!change.after) continue;
    Operation attach = operation_for(Op::vif_attach, live.desired, live.applied.uuid);
    attach.vif = change.after;
    add(attach, "", kAttach, std::move(after));
  }
}

// Absolute: the spec as declared, but for what waits for a restart.
void Planner::live_record(const Live& live, Draft first_draft) {
  if (!live.diff.bookkeeping) return;
  DomainSpec spec = live.desired;
  for (const std::string& path : live.diff.restart) {
    const Value* before = live.applied.spec.attributes.find(path);
    if (before == nullptr)
      spec.attributes.erase(path);
    else
      spec.attributes.set(path, *before);
  }
  std::set<Draft> after = live.first;
  for (Draft each = first_draft; each < drafts_.size(); ++each) after.insert(each);
  record(spec, live.applied.uuid, live.applied.generation, std::move(after));
}

}  // namespace hv
