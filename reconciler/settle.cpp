#include "reconciler/settle.h"

#include "reconciler/execution.h"

namespace hv {
namespace {

using Answer = Settled::Result;
using First = Settlement::First;

Settlement by_effect(const Intent& intent, const HostObservation& host) {
  Effect effect = effect_seen(intent.operation, host);
  if (effect.state == EffectState::present) return {Answer::done, effect.words};
  return {Answer::undone, effect.words};
}

Settlement creation(const Intent& intent, const HostObservation& host) {
  const ObservedDomain* domain = find_domain(host, intent.operation.uuid);
  if (domain == nullptr) return {Answer::undone, "no such machine is there"};
  if (!domain->never_ran) return {Answer::done, "the machine is there and has run"};
  return {Answer::redo, "it never ran and was destroyed", First::destroy};
}

// A restored machine that never ran changed nothing: its image may be used again.
Settlement restoration(const Intent& intent, const HostObservation& host) {
  const ObservedDomain* domain = find_domain(host, intent.operation.uuid);
  if (domain == nullptr) return {Answer::undone, "neither the machine nor its image is there"};
  if (domain->state == PowerState::saved)
    return {Answer::undone, domain->dying ? "its image was used" : "it is still saved"};
  if (!domain->never_ran) return {Answer::done, "the machine is there and has run"};
  return {Answer::redo, "it never ran and is saved as before", First::unrestore};
}

Settlement migration(const Intent& intent, const HostObservation& source,
                     const HostObservation& target) {
  const Migrated state = read_migration(intent.operation, source, target);
  const std::string words(to_string(state));
  switch (state) {
    case Migrated::done:
      return {Answer::done, words};
    case Migrated::still_here:
    case Migrated::lost:
      return {Answer::undone, words};
    case Migrated::half:
      return {Answer::redo, "its copy never ran and was destroyed", First::destroy_copy};
    case Migrated::going:
    case Migrated::runs_nowhere:
    case Migrated::runs_twice:
    case Migrated::unread:
      return {Answer::unknown, words};
  }
  return {};
}

const ObservedVbd* find_vbd(const Operation& operation, const HostObservation& host) {
  const ObservedDomain* domain = find_domain(host, operation.uuid);
  if (domain == nullptr || !operation.vbd) return nullptr;
  for (const ObservedVbd& vbd : domain->vbds)
    if (vbd.vbd.device == operation.vbd->device) return &vbd;
  return nullptr;
}

Settlement attachment(const Intent& intent, const HostObservation& host) {
  Settlement settlement = by_effect(intent, host);
  if (settlement.result == Answer::done) return settlement;
  // Half attached: ours to withdraw. Something else under that name: not ours to touch, and seen.
  const ObservedVbd* vbd = find_vbd(intent.operation, host);
  if (vbd != nullptr && !vbd->connected && vbd->vbd.source == intent.operation.vbd->source)
    return {Answer::redo, "half attached, and detached again", First::detach};
  return settlement;
}

Settlement detachment(const Intent& intent, const HostObservation& host) {
  Settlement settlement = by_effect(intent, host);
  if (settlement.result == Answer::done) return settlement;
  const ObservedVbd* vbd = find_vbd(intent.operation, host);
  if (vbd != nullptr && !vbd->connected)
    return {Answer::done, "half detached, and detached again", First::detach};
  return settlement;
}

}  // namespace

SettleRule settle_rule(Op op) {
  switch (op) {
    case Op::claim_put:
    case Op::claim_drop:
      return SettleRule::announcement;
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::vdisk_expire:
      return SettleRule::storage;
    case Op::domain_create:
      return SettleRule::creation;
    case Op::domain_restore:
      return SettleRule::restoration;
    case Op::domain_migrate:
      return SettleRule::migration;
    case Op::domain_verify:
      return SettleRule::look;
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_save:
    case Op::domain_unrestore:
    case Op::domain_memory:
    case Op::domain_vcpus:
    case Op::domain_schedule:
    case Op::domain_rename:
    case Op::vbd_enlarge:
      return SettleRule::absolute;
    case Op::domain_shutdown:
    case Op::domain_destroy:
      return SettleRule::removal;
    case Op::vbd_attach:
    case Op::vif_attach:
      return SettleRule::attachment;
    case Op::vbd_detach:
    case Op::vif_detach:
      return SettleRule::detachment;
    case Op::record_state:
      return SettleRule::note;
  }
  return SettleRule::note;
}

Settlement settle(const Intent& intent, const HostObservation& host, const HostObservation* peer) {
  const SettleRule rule = settle_rule(intent.operation.op);
  if (!host.reachable && rule != SettleRule::look && rule != SettleRule::note)
    return {Answer::unknown,
            "host `" + intent.operation.host.text + "` cannot be read: " + host.reason};
  switch (rule) {
    case SettleRule::announcement:
    case SettleRule::storage:
    case SettleRule::absolute:
    case SettleRule::removal:
      return by_effect(intent, host);
    case SettleRule::creation:
      return creation(intent, host);
    case SettleRule::restoration:
      return restoration(intent, host);
    case SettleRule::migration: {
      static const HostObservation unread;
      return migration(intent, host, peer == nullptr ? unread : *peer);
    }
    case SettleRule::look:
      return {Answer::undone, "it was only a look"};
    case SettleRule::attachment:
      return attachment(intent, host);
    case SettleRule::detachment:
      return detachment(intent, host);
    case SettleRule::note:
      return {Answer::undone, "nothing was written"};
  }
  return {};
}

}  // namespace hv
