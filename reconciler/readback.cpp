// What the hosts show is what happened: reading back, judging, and the newcomer's withdrawal.
#include <algorithm>
#include <utility>

#include "hv/drivers/effect.h"
#include "reconciler/effects.h"
#include "reconciler/execution.h"

namespace hv {
namespace {

// After a success the effect may lag: a release far longer than anything else.
constexpr Duration kLag = seconds(10);
constexpr Duration kLongestPause = seconds(1);

bool may_lag_long(Op op) {
  switch (op) {
    case Op::claim_put:
    case Op::claim_drop:
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::domain_create:
    case Op::domain_verify:
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_restore:
    case Op::domain_schedule:
    case Op::domain_rename:
    case Op::vbd_attach:
    case Op::vbd_enlarge:
    case Op::vif_attach:
    case Op::record_state:
      return false;
    case Op::vdisk_expire:
    case Op::domain_shutdown:
    case Op::domain_destroy:
    case Op::domain_save:
    case Op::domain_unrestore:
    case Op::domain_migrate:
    case Op::domain_memory:  // a guest gives memory back at its own pace
    case Op::domain_vcpus:
    case Op::vbd_detach:
    case Op::vif_detach:
      return true;
  }
  return false;
}

const ObservedVbd* find_vbd(const ObservedDomain& domain, const std::string& device) {
  for (const ObservedVbd& vbd : domain.vbds)
    if (vbd.vbd.device == device) return &vbd;
  return nullptr;
}

Effect claims_announced(const Operation& operation, const HostObservation& host) {
  for (const Claim& claim : operation.claims) {
    auto same = std::find_if(host.claims.begin(), host.claims.end(), [&](const Claim& other) {
      return other.project == claim.project && other.uuid == claim.uuid &&
             other.device == claim.device;
    });
    if (same == host.claims.end())
      return {EffectState::absent, "the claim on " + claim.device + " is not on the host"};
    if (same->extents != claim.extents || same->mode != claim.mode ||
        same->permitted != claim.permitted || same->sharers != claim.sharers ||
        !std::equal(same->beneath.begin(), same->beneath.end(), claim.beneath.begin(),
                    claim.beneath.end(), [](const ClaimedBeneath& a, const ClaimedBeneath& b) {
                      return a.extents == b.extents && a.mode == b.mode && a.by_host == b.by_host;
                    }))
      return {EffectState::different, "the claim on " + claim.device + " is another one"};
  }
  return {EffectState::present, "the claims are on the host"};
}

Effect claims_gone(const Operation& operation, const HostObservation& host) {
  const std::vector<std::string> devices = claimed_devices(operation);
  for (const Claim& claim : host.claims) {
    const bool meant =
        devices.empty() || std::find(devices.begin(), devices.end(), claim.device) != devices.end();
    if (claim.uuid == operation.uuid && meant)
      return {EffectState::absent, "the claim on " + claim.device + " is still on the host"};
  }
  return {EffectState::present, "the claims are gone"};
}

Error not_seen(std::string message) {
  return {Code::effect_missing, std::move(message), ""};
}

}  // namespace

std::vector<std::string> claimed_devices(const Operation& operation) {
  std::vector<std::string> devices;
  for (const Claim& claim : operation.claims) devices.push_back(claim.device);
  if (devices.empty() && operation.vbd) devices.push_back(operation.vbd->device);
  return devices;
}

Effect effect_seen(const Operation& operation, const HostObservation& host) {
  if (operation.op == Op::claim_put) return claims_announced(operation, host);
  if (operation.op == Op::claim_drop) return claims_gone(operation, host);
  if (const ObservedDomain* domain = find_domain(host, operation.uuid); domain != nullptr) {
    const bool stops = operation.op == Op::domain_shutdown || operation.op == Op::domain_destroy;
    if (domain->dying && domain->state != PowerState::saved && !stops)
      return {EffectState::different, "the machine is going down, and holds what it has"};
    if (operation.op == Op::domain_create && domain->memory.count <= 0)
      return {EffectState::different, "the machine is there without memory"};
  }
  return read_effect(operation, host);
}

Observation observe_all(const Drivers& drivers, Clock& clock) {
  Observation observation;
  observation.at = clock.now();
  for (const auto& [name, driver] : drivers) {
    HostObservation host = driver->observe();
    host.host = name;
    observation.hosts[name] = std::move(host);
  }
  return observation;
}

const HostObservation& Execution::observe(const HostName& host) {
  if (seen_round_.insert(host).second) {
    HostObservation seen = driver_of(host)->observe();
    seen.host = host;
    look_.hosts[host] = std::move(seen);
    pass_over_if_off(host);
    live_.reset();
  }
  return last_look(host);
}

// One that answers after all counts as every other does.
void Execution::pass_over_if_off(const HostName& host) {
  auto seen = look_.hosts.find(host);
  if (seen != look_.hosts.end() && !seen->second.reachable && work_.powered_off.contains(host))
    look_.hosts.erase(seen);
}

const HostObservation& Execution::last_look(const HostName& host) const {
  static const HostObservation never;
  auto found = look_.hosts.find(host);
  return found == look_.hosts.end() ? never : found->second;
}

const LiveAccesses& Execution::live() {
  if (!live_) live_.emplace(look_input());
  return *live_;
}

LookInput Execution::look_input() {
  if (!names_) {
    names_ = look_context(applied_, context_.project, context_.storage);
    for (const Step& step : work_.steps)
      if (const auto& made = step.operation.domain)
        names_->names.emplace(std::pair(made->host, made->name), made->address);
  }
  return {look_, applied_, ours_, context_.project, permits_, caller_, *names_};
}

void Execution::answered(Run& run, OperationResult answer) {
  const Time now = context_.clock.now();
  run.answer = std::move(answer);
  run.look_at = now;
  run.look_every = options_.poll_every;
  run.look_deadline =
      may_lag_long(run.step->operation.op) ? run.deadline : std::min(run.deadline, now + kLag);
  set_state(run, StepState::verifying);
}

bool Execution::needs_every_host(Op op) const {
  return op == Op::claim_put || op == Op::domain_verify || op == Op::vbd_attach ||
         op == Op::domain_migrate;
}

void Execution::look_and_judge() {
  const Time now = context_.clock.now();
  std::vector<std::size_t> due;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    bool ended = std::any_of(endings_.begin(), endings_.end(),
                             [&](const Ending& ending) { return ending.run == i; });
    if (run.state == StepState::verifying && !ended && run.look_at <= now) due.push_back(i);
  }
  // All claims of this round are announced by now, so that each look sees every other one.
  for (std::size_t i : due) {
    const Operation& operation = runs_[i].step->operation;
    observe(operation.host);
    if (needs_every_host(operation.op))
      for (const auto& [name, driver] : context_.drivers) observe(name);
  }
  for (std::size_t i : due) judge(i);
}

void Execution::judge(std::size_t index) {
  Run& run = runs_[index];
  const Operation& operation = run.step->operation;
  const HostObservation& host = last_look(operation.host);
  const Time now = context_.clock.now();
  auto look_again = [&] {
    run.look_at = now + run.look_every;
    run.look_every = std::min(run.look_every * 2, kLongestPause);
  };
  const HostObservation& other = operation.peer ? last_look(*operation.peer) : host;
  if (!host.reachable || !other.reachable) {
    if (now < run.deadline) return look_again();
    return end_badly(index,
                     {Code::host_unreachable,
                      "the host cannot be read: " + (host.reachable ? other : host).reason +
                          "; what was begun there is held",
                      ""},
                     false, false);
  }
  Seen seen = this->seen(run);
  // What a host shows of a disk does not tell its size: there its own word counts.
  const bool refused =
      operation.op == Op::vbd_enlarge && run.answer.state == OperationState::failed;
  if (seen.status.ok() && !refused) return end_well(index);
  if (seen.final) return end_badly(index, seen.status.error(), true, false);
  // On its way, or worse: its intent stays open, and what it may have begun is held.
  if (operation.op == Op::domain_migrate) {
    const Migrated where = read_migration(operation, host, other);
    if (where != Migrated::still_here && where != Migrated::half && where != Migrated::lost) {
      if (now < run.deadline) return look_again();
      return end_badly(index, {Code::operation_unknown, std::string(to_string(where)), ""}, false,
                       false);
    }
  }
  if (run.answer.state == OperationState::failed)
    return end_badly(index, {Code::operation_failed, run.answer.message, ""}, true,
                     run.answer.retryable);
  if (now < run.look_deadline) return look_again();
  const char* claim = run.answer.state == OperationState::unknown
                          ? "the host does not know the operation, and "
                          : "the host reported success, but ";
  Error why = seen.status.error();
  why.message = claim + why.message;
  end_badly(index, std::move(why), true, false);
}

Execution::Seen Execution::seen(const Run& run) {
  const Operation& operation = run.step->operation;
  if (operation.op == Op::claim_put) return seen_claims_put(operation);
  if (operation.op == Op::domain_verify) return seen_verified(operation);
  if (operation.op == Op::domain_migrate) {
    const Migrated where =
        read_migration(operation, last_look(operation.host), last_look(*operation.peer));
    if (where == Migrated::done) return {};
    return {not_seen(std::string(to_string(where))), false};
  }
  return seen_effect(operation);
}

Execution::Seen Execution::seen_claims_put(const Operation& operation) {
  Effect announced = effect_seen(operation, last_look(operation.host));
  if (announced.state != EffectState::present) return {not_seen(announced.words), false};
  for (const HostName& other : hosts_with(operation.uuid, look_))
    if (other != operation.host && other != operation.peer)
      return {Error{Code::machine_twice,
                    "a machine of UUID " + to_string(operation.uuid) + " runs on host `" +
                        other.text + "`",
                    ""},
              true};
  return {
      live().meet(operation.uuid, accesses_claimed(operation.claims, operation.host, look_input()),
                  Others::foreign),
      true};
}

// Before it runs: each backend is there with the planned source and mode, it is one machine, and
// nobody else has come to its storage since the plan.
Execution::Seen Execution::seen_verified(const Operation& operation) {
  if (hosts_with(operation.uuid, look_).size() > 1)
    return {Error{Code::machine_twice,
                  "the UUID " + to_string(operation.uuid) + " is live more than once", ""},
            true};
  auto applied = applied_.domains.find(operation.address);
  if (applied == applied_.domains.end())
    return {not_seen("no step has recorded the machine that is to be verified"), true};
  // A copy that a migration left: where it came from is read too, or off on somebody's word.
  if (const HostName& home = applied->second.spec.host; home != operation.host)
    if (auto source = look_.hosts.find(home);
        source != look_.hosts.end() && !source->second.reachable)
      return {
          Error{Code::host_unreachable,
                "host `" + home.text + "` cannot be read and may run it: " + source->second.reason,
                "bring it back, or `hv host fence " + home.text + "`"},
          true};
  Operation recorded = operation;
  recorded.domain = applied->second.spec;
  Effect whole = effect_seen(recorded, last_look(operation.host));
  if (whole.state != EffectState::present) return {not_seen(whole.words), false};
  return {live().meet(operation.uuid, accesses_applied(applied->second, std::nullopt, look_input()),
                      Others::everyone),
          true};
}

Execution::Seen Execution::seen_effect(const Operation& operation) {
  Effect effect = effect_seen(operation, last_look(operation.host));
  if (effect.state != EffectState::present) return {not_seen(effect.words), false};
  if (operation.op != Op::vbd_attach) return {};
  auto applied = applied_.domains.find(operation.address);
  if (applied == applied_.domains.end()) return {};
  AppliedDomain with = applied->second;
  with.spec.vbds = {*operation.vbd};
  if (auto found = operation.extents.find(operation.vbd->device); found != operation.extents.end())
    with.extents[operation.vbd->device] = found->second;
  return {live().meet(operation.uuid, accesses_applied(with, std::nullopt, look_input()),
                      Others::everyone),
          true};
}

std::size_t Execution::add_withdrawal(const Step& because, Operation operation,
                                      std::optional<std::size_t> after) {
  Step& step = withdrawals_.emplace_back();
  step.id = because.id;
  step.operation = std::move(operation);
  step.detail = "withdrawn";
  Run run;
  run.step = &step;
  run.planned = false;
  if (after) run.after.push_back(*after);
  runs_.push_back(std::move(run));
  return runs_.size() - 1;
}

// What the failed step left behind and never ran, or never should have been there, goes again.
void Execution::withdraw(const Run& failed) {
  if (!failed.planned) return;
  const Step& step = *failed.step;
  const Operation& operation = step.operation;
  const HostObservation& host = last_look(operation.host);
  const ObservedDomain* domain = find_domain(host, operation.uuid);
  auto applied = applied_.domains.find(operation.address);
  Operation undo;
  undo.address = operation.address;
  undo.host = operation.host;
  undo.uuid = operation.uuid;
  Operation unclaim = undo;
  unclaim.op = Op::claim_drop;
  std::optional<std::size_t> undone;

  const bool restored = operation.op == Op::domain_restore ||
                        (applied != applied_.domains.end() && is_being_restored(applied->second));
  if (operation.op == Op::domain_migrate) {
    unclaim.host = undo.host = *operation.peer;
    const ObservedDomain* copy = find_domain(last_look(*operation.peer), operation.uuid);
    if (copy != nullptr && !copy->never_ran) return;
    if (copy != nullptr) {
      undo.op = Op::domain_destroy;
      undo.force = true;
      undo.record = RecordKind::update;  // the machine itself stays
      undone = add_withdrawal(step, undo, std::nullopt);
    }
    add_withdrawal(step, unclaim, undone);
    return;
  }
  if (restored && (operation.op == Op::domain_restore || operation.op == Op::domain_verify)) {
    if (failed.why.code == Code::machine_twice) return;
    if (domain == nullptr || !domain->never_ran) return;
    undo.op = Op::domain_unrestore;
    add_withdrawal(step, undo, std::nullopt);
    return;  // saved, it holds what it has, and its claims stay
  }
  // A copy that a migration left is not this plan's to take away.
  if (operation.op == Op::domain_verify && applied != applied_.domains.end() &&
      applied->second.spec.host != operation.host)
    return;
  if (operation.op == Op::domain_create || operation.op == Op::domain_verify) {
    // Two machines of one UUID are an alarm: hv touches neither.
    if (failed.why.code == Code::machine_twice) return;
    if (domain != nullptr) {
      if (!domain->never_ran) return;
      undo.op = Op::domain_destroy;
      undo.force = true;
      undone = add_withdrawal(step, undo, std::nullopt);
    }
  } else if (operation.op == Op::vbd_attach && operation.vbd) {
    const std::string& device = operation.vbd->device;
    if (applied != applied_.domains.end() && applied->second.extents.contains(device)) return;
    const ObservedVbd* vbd = domain == nullptr ? nullptr : find_vbd(*domain, device);
    if (vbd != nullptr) {
      if (vbd->vbd.source != operation.vbd->source) return;  // somebody else's
      undo.op = Op::vbd_detach;
      undo.vbd = operation.vbd;
      undone = add_withdrawal(step, undo, std::nullopt);
    }
    unclaim.vbd = operation.vbd;
  } else if (operation.op == Op::claim_put) {
    for (const Claim& claim : operation.claims)
      if (operation.peer || applied == applied_.domains.end() ||
          !applied->second.extents.contains(claim.device))
        unclaim.claims.push_back(claim);
    if (unclaim.claims.empty()) return;
  } else {
    return;
  }
  const bool claimed = std::any_of(host.claims.begin(), host.claims.end(), [&](const Claim& claim) {
    return claim.uuid == operation.uuid && claim.project == caller_.project;
  });
  if (claimed) add_withdrawal(step, unclaim, undone);
}

}  // namespace hv
