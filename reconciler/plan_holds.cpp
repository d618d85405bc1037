// Holds and charges: who accesses what from which step to which, and what memory each takes.
#include <algorithm>

#include "reconciler/effects.h"
#include "reconciler/planner.h"

namespace hv {

std::vector<Access> Planner::accesses_of_spec(const DomainSpec& spec, AccessOrigin origin) const {
  return accesses_of(spec, *in_.desired, in_.project->sharing, context_, origin);
}

// Those of its disks in their order, then those of the files behind them.
std::vector<Access> Planner::all_accesses_of_spec(const DomainSpec& spec,
                                                  AccessOrigin origin) const {
  std::vector<Access> accesses = accesses_of_spec(spec, origin);
  add_behind(spec, accesses);
  return accesses;
}

void Planner::add_behind(const DomainSpec& spec, std::vector<Access>& accesses) const {
  for (std::size_t i = 0; i < spec.vbds.size(); ++i)
    for (Access& behind : accesses_behind(spec.vbds[i], accesses[i], context_))
      accesses.push_back(std::move(behind));
}

// Of one VBD: first the disk itself.
std::vector<Access> Planner::accesses_of_vbd(const DomainSpec& spec, const Vbd& vbd,
                                             AccessOrigin origin) const {
  DomainSpec one;
  one.address = spec.address;
  one.host = spec.host;
  one.state = spec.state;
  one.sharing = spec.sharing;
  one.place = spec.place;
  one.vbds = {vbd};
  return all_accesses_of_spec(one, origin);
}

// What is on the host counts; where no host says anything, what was last set.
std::vector<Access> Planner::current_accesses(const AppliedDomain& applied, const HostName& where,
                                              const ObservedDomain* observed) const {
  DomainSpec spec = applied.spec;
  spec.host = where;
  std::map<std::string, const Vbd*> known;
  for (const Vbd& vbd : applied.spec.vbds) known[vbd.device] = &vbd;
  if (observed != nullptr) {
    spec.state = PowerState::running;  // whatever it is called: it is there, and holds them
    spec.vbds.clear();
    for (const ObservedVbd& seen : observed->vbds) {
      auto ours = known.find(seen.vbd.device);
      const bool same = ours != known.end() && ours->second->source == seen.vbd.source;
      Vbd vbd = same ? *ours->second : seen.vbd;
      vbd.mode = seen.vbd.mode;
      spec.vbds.push_back(std::move(vbd));
    }
  } else if (applied.spec.state == PowerState::halted) {
    spec.vbds.clear();
  }
  // Where the file still declares it, its present word on sharing and its place count; where it
  // stood in another text says nothing.
  spec.place = {};
  for (Vbd& vbd : spec.vbds) vbd.place = {};
  if (const auto* declared = in_.desired->get<DomainSpec>(applied.spec.address)) {
    spec.sharing = declared->sharing;
    spec.place = declared->place;
    for (Vbd& vbd : spec.vbds)
      for (const Vbd& now : declared->vbds)
        if (now.device == vbd.device) vbd.place = now.place;
  }
  std::vector<Access> accesses =
      accesses_of_spec(spec, observed != nullptr ? AccessOrigin::live : AccessOrigin::desired);
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    const auto* recorded = recorded_extents(applied, spec.vbds[i]);
    if (recorded == nullptr) continue;
    Access& access = accesses[i];
    // Of a virtual disk `context_` knows already what it will be.
    if (spec.vbds[i].backend == "vd") access.extents.clear();
    access.extents = extents_now(*recorded, std::move(access.extents), where, context_);
  }
  add_behind(spec, accesses);
  return accesses;
}

// Of a machine whose host is told nothing new: what it permits there is what was told, however much
// more is declared now.
Access Planner::as_told(Access access, const AppliedDomain& domain) const {
  if (!reachable(access.host) || arrival(domain.spec.address, access.host) != nullptr)
    return access;
  const Claim* told = nullptr;
  if (auto claims = claims_.find({access.host, domain.uuid}); claims != claims_.end())
    for (const Claim* claim : claims->second)
      if (claim->device == access.device) told = claim;
  access.permitted = std::min(access.permitted, told == nullptr ? 0 : told->permitted);
  std::erase_if(access.grants, [&](uint32_t grant) {
    const std::vector<Address> sharers = sharers_of({grant}, domain.spec.address);
    return told == nullptr || !std::includes(told->sharers.begin(), told->sharers.end(),
                                             sharers.begin(), sharers.end());
  });
  return access;
}

Planner::DraftHold* Planner::hold(Access access, MaybeDraft acquire, MaybeDraft release,
                                  MaybeDraft gate, MaybeDraft after) {
  if (access.extents.empty() || access.dormant) return nullptr;
  if (!acquire && access.origin == AccessOrigin::live)
    for (const auto& [address, arrival] : arrivals_)
      if (access.party == party_of(address) && access.host == arrival.host) {
        acquire = arrival.there;
        gate = arrival.claimed;
      }
  holds_.push_back({std::move(access), acquire, release, gate, after, {}});
  return &holds_.back();
}

void Planner::charge(const HostName& where, const Address& address, int64_t amount,
                     MaybeDraft acquire, MaybeDraft release) {
  if (amount <= 0) return;
  if (const Arrival* one = arrival(address, where); one != nullptr && !acquire)
    acquire = one->there;
  Charge charge;
  charge.host = where;
  charge.resource = "memory";
  charge.amount = amount;
  charge.address = address;
  charges_.push_back({std::move(charge), acquire, release});
}

std::map<std::string, std::vector<Extent>> Planner::extents_of(const DomainSpec& spec) const {
  std::map<std::string, std::vector<Extent>> extents;
  for (Access& access : accesses_of_spec(spec, AccessOrigin::plan))
    extents[access.device] = std::move(access.extents);
  return extents;
}

// Whom the project's word lets access the same storage at any level.
std::vector<Address> Planner::sharers_of(const std::vector<uint32_t>& grants,
                                         const Address& self) const {
  std::set<Address> sharers;
  for (const uint32_t grant : grants)
    for (const Address& domain : in_.desired->grants[grant].domains)
      if (domain != self) sharers.insert(domain);
  return {sharers.begin(), sharers.end()};
}

namespace {

// One of before these were announced says nothing of what it should.
bool tells_of_all_beneath(const Claim& told, const Claim& claim) {
  return !told.beneath.empty() || claim.beneath.empty();
}

}  // namespace

// Whether the host knows this claim as it is.
bool Planner::is_told(const Claim& claim, const HostName& where) const {
  // What this plan brings there says what it permits now.
  if (arrival(claim.address, where) != nullptr) return true;
  auto known = claims_.find({where, claim.uuid});
  if (known == claims_.end()) return false;
  return std::any_of(known->second.begin(), known->second.end(), [&](const Claim* told) {
    return told->device == claim.device && told->permitted == claim.permitted &&
           told->mode == claim.mode && told->sharers == claim.sharers &&
           tells_of_all_beneath(*told, claim);
  });
}

std::vector<Claim> Planner::claims_of(const DomainSpec& spec, const Uuid& uuid,
                                      const std::set<std::string>* devices) const {
  std::vector<Claim> claims;
  std::vector<Access> accesses = accesses_of_spec(spec, AccessOrigin::plan);
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    Access& access = accesses[i];
    if (devices != nullptr && !devices->contains(access.device)) continue;
    Claim claim;
    claim.project = plan_.project_id;
    claim.lineage = plan_.lineage;
    claim.epoch = in_.head.epoch;
    claim.uuid = uuid;
    claim.address = spec.address;
    claim.device = access.device;
    claim.sharers = sharers_of(access.grants, spec.address);
    claim.extents = announced_extents(spec.vbds[i], std::move(access.extents), spec.host, context_);
    claim.beneath = announced_beneath(spec.vbds[i], spec.host, context_);
    claim.mode = access.mode;
    claim.permitted = access.permitted;
    claims.push_back(std::move(claim));
  }
  return claims;
}

// A domain that this plan leaves as it is: it holds what it has, or may have.
void Planner::keep(const AppliedDomain& applied) {
  planned_domains_.insert(applied.spec.address);
  const HostName& home = applied.spec.host;
  if (powered_off(home)) return;
  if (!reachable(home)) {
    for (Access& access : current_accesses(applied, home, nullptr))
      hold(std::move(access), {}, {}, {}, {});
    return;
  }
  const ObservedDomain* observed = machine(home, applied.uuid);
  if (observed == nullptr) return;  // verified gone
  for (Access& access : current_accesses(applied, home, observed))
    hold(as_told(std::move(access), applied), {}, {}, {}, {});
  charge(home, applied.spec.address, memory_taken(*observed).count, {}, {});
}

// Holds of all that this plan does not change: on every host, in scope or not, ours or not.
void Planner::hold_everything_else() {
  for (const auto& [address, applied] : applied_.domains) {
    if (!planned_domains_.contains(address)) keep(applied);
    hold_strays(applied);
  }
  for (const auto& [name, observation] : in_.observation->hosts) {
    if (powered_off(name)) continue;
    for (Access& access : foreign_accesses(observation, ours_, context_))
      hold(std::move(access), {}, {}, {}, {});
    for (const ObservedDomain& domain : observation.domains)
      if (!ours_.contains(domain.uuid))
        charge(name, Address{Kind::domain, domain.name}, memory_taken(domain).count, {}, {});
    hold_claims(observation);
    hold_own_latent(observation);
  }
  hold_intents();
  hold_hosts();
}

// What hosts themselves do with their disks; nobody ends that but their administrators.
void Planner::hold_hosts() {
  NamesInUse names;
  for (const DraftHold& each : holds_) names.add(each.access);
  for (const auto& [name, observation] : in_.observation->hosts) {
    if (powered_off(name)) continue;
    for (Access& access : merged_host_accesses(name, context_, &observation)) {
      names.keep_met(access);
      hold(std::move(access), {}, {}, {}, {});
    }
  }
}

// A machine of ours on another host than its own, or a second one: an alarm, and it holds.
void Planner::hold_strays(const AppliedDomain& applied) {
  auto seen = machines_.find(applied.uuid);
  if (seen == machines_.end()) return;
  const ObservedDomain* known = machine(applied.spec.host, applied.uuid);
  for (const Seen& each : seen->second) {
    if (each.domain == known) continue;
    for (Access& access : current_accesses(applied, each.host, each.domain))
      hold(as_told(std::move(access), applied), {}, {}, {}, {});
    charge(each.host, applied.spec.address, memory_taken(*each.domain).count, {}, {});
  }
}

// Other projects' claims. The claimant's machine may be live too: one party, told once.
void Planner::hold_claims(const HostObservation& observation) {
  for (const Claim& claim : observation.claims) {
    if (claim.project == plan_.project_id) continue;
    const Party party = party_unmanaged(observation.host, to_string(claim.address));
    for (Access& behind : accesses_behind(claim, party, observation.host, context_))
      hold(std::move(behind), {}, {}, {}, {});
    if (machine(observation.host, claim.uuid) != nullptr) continue;
    Access access;
    access.party = party;
    access.host = observation.host;
    access.device = claim.device;
    access.extents = claimed_extents(claim.extents, observation.host, context_);
    access.mode = claim.mode;
    access.permitted = claim.permitted;
    access.origin = AccessOrigin::claim;
    hold(std::move(access), {}, {}, {}, {});
  }
}

// What can start a machine of ours without hv. Its restart configuration goes when it does; what
// else would give it a disk that it does not have stays.
void Planner::hold_own_latent(const HostObservation& observation) {
  for (const LatentAccess& latent : observation.latent) {
    const Address* ours = owner_of(latent, observation.host);
    if (ours == nullptr || latent.vbd.source.empty()) continue;
    if (latent.what == "restart configuration" && machine(observation.host, latent.uuid) != nullptr)
      continue;
    if (latent_is_planned(latent, *ours)) continue;
    DomainSpec spec;
    if (auto applied = applied_.domains.find(*ours); applied != applied_.domains.end())
      spec.sharing = applied->second.spec.sharing;
    spec.address = *ours;
    spec.host = observation.host;
    spec.vbds = {latent.vbd};
    for (Access& access : all_accesses_of_spec(spec, AccessOrigin::latent)) {
      access.path.insert(access.path.begin(), latent.what);
      hold(std::move(access), {}, {}, {}, {});
    }
  }
}

const Address* Planner::owner_of(const LatentAccess& latent, const HostName& host) const {
  if (latent.uuid.is_nil()) {
    auto named = context_.names.find({host, latent.name});
    return named == context_.names.end() ? nullptr : &named->second;
  }
  auto ours = ours_.find(latent.uuid);
  return ours == ours_.end() ? nullptr : &ours->second;
}

// Whether this plan gives its machine that disk, and so holds it anyway.
bool Planner::latent_is_planned(const LatentAccess& latent, const Address& ours) const {
  const auto* declared = in_.desired->get<DomainSpec>(ours);
  const bool starts = std::any_of(started_.begin(), started_.end(), [&](const Uuid& uuid) {
    auto owner = ours_.find(uuid);
    return owner != ours_.end() && owner->second == ours;
  });
  if (!starts) return false;
  const auto applied = applied_.domains.find(ours);
  const auto in = [&](const std::vector<Vbd>& vbds) {
    return std::any_of(vbds.begin(), vbds.end(), [&](const Vbd& vbd) {
      return vbd.device == latent.vbd.device && vbd.source == latent.vbd.source &&
             (writes(vbd.mode) || !writes(latent.vbd.mode));
    });
  };
  return (declared != nullptr && in(declared->vbds)) ||
         (applied != applied_.domains.end() && in(applied->second.spec.vbds));
}

// What unsettled operations may have begun. What the same party holds of it anyway is no second
// holder.
void Planner::hold_intents() {
  std::map<std::pair<Party, std::string>, std::vector<std::size_t>> held;
  for (std::size_t i = 0; i < holds_.size(); ++i)
    held[{holds_[i].access.party, holds_[i].access.device}].push_back(i);
  for (const JournalEntry& entry : in_.open_intents)
    for (Access access : entry.intent.accesses) {
      if (powered_off(access.host)) continue;
      const std::vector<std::size_t>& same = held[{access.party, access.device}];
      const bool known = std::any_of(same.begin(), same.end(), [&](std::size_t i) {
        const Access& other = holds_[i].access;
        return other.extents == access.extents && other.mode == access.mode;
      });
      if (known) continue;
      access.origin = AccessOrigin::intent;
      hold(std::move(access), {}, {}, {}, {});
    }
}

}  // namespace hv
