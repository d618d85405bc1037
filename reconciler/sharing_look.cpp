#include "reconciler/sharing_look.h"

#include <algorithm>
#include <utility>

#include "reconciler/effects.h"

namespace hv {
namespace {

Access access_of(const Vbd& vbd, const AppliedDomain& domain, const HostName& host,
                 const LookInput& input) {
  const StorageContext& context = input.storage;
  Access access;
  access.party = party_of(domain.spec.address);
  access.host = host;
  access.device = vbd.device;
  access.mode = vbd.mode;
  access.permitted = domain.spec.sharing.value_or(input.project.sharing);
  access.origin = AccessOrigin::live;
  const std::vector<Extent>* recorded = recorded_extents(domain, vbd);
  // A virtual disk is what it was at the attach, until that is recorded anew.
  if (recorded == nullptr || vbd.backend != "vd")
    access.extents = resolve(vbd, host, context).extents;
  if (recorded != nullptr)
    access.extents = extents_now(*recorded, std::move(access.extents), host, context);
  input.permits.apply(access);
  return access;
}

Access access_of(const Claim& claim, const HostName& host, const StorageContext& context,
                 Party party) {
  Access access;
  access.party = std::move(party);
  access.host = host;
  access.device = claim.device;
  access.extents = claimed_extents(claim.extents, host, context);
  access.mode = claim.mode;
  access.permitted = claim.permitted;
  access.origin = AccessOrigin::claim;
  return access;
}

// What the host does to run a claimed disk.
Access access_of_host(const ClaimedBeneath& beneath, const HostName& host,
                      const StorageContext& context) {
  Access access;
  access.party = party_dom0(host);
  access.host = host;
  access.extents = claimed_extents(beneath.extents, host, context);
  access.mode = beneath.mode;
  access.origin = AccessOrigin::claim;
  return access;
}

// Whether the store of `extent`, as `owner` sees it, may be open on `host` as well.
bool may_open(const HostName& host, const Extent& extent, const HostName& owner,
              const StorageContext& context) {
  for (const auto& [name, hosts] : context.local_stores) {
    auto store_on = [&, &name = name](const HostName& where) {
      return resolve_device(name, where, context).extents.front().store;
    };
    if (store_on(owner) == extent.store) return store_on(host) == extent.store;
  }
  // A name alone says nothing about other hosts: the project's own policy decides.
  return extent.resolved || context.unresolved_is_error;
}

// Equal names on two hosts are a maybe.
bool counts(const Extent& mine, const Access& my_access, const Extent& other,
            const Access& other_access, const StorageContext& context) {
  if (mine.resolved || other.resolved || my_access.host == other_access.host) return true;
  // What a host itself has open by name is its own disk.
  const bool of_host = my_access.party == party_dom0(my_access.host) ||
                       other_access.party == party_dom0(other_access.host);
  return context.unresolved_is_error && !of_host;
}

Error conflict_error(const Access& mine, const Access& other) {
  const char* does = writes(other.mode) ? "writes" : "reads";
  int level = level_between(mine, other);
  std::string device = other.device.empty() ? "" : " (" + other.device + ")";
  return {level == 2 ? Code::unsafe_write_sharing : Code::unsafe_read_sharing,
          "`" + other.party.text + "`" + device + " on " + other.host.text + " " + does +
              " the same sectors as " + mine.party.text + " " + mine.device + ": level " +
              std::to_string(level) + ", permitted " +
              std::to_string(permitted_between(mine, other)),
          "release it there, or permit this level on both sides"};
}

}  // namespace

Permits::Permits(std::span<const Hold> holds) {
  for (const Hold& hold : holds)
    by_device_[{hold.access.party.text, hold.access.device}].push_back(&hold.access);
}

void Permits::apply(Access& access) const {
  const auto planned = by_device_.find({access.party.text, access.device});
  if (planned == by_device_.end()) return;
  for (const Access* each : planned->second) {
    access.permitted = std::max(access.permitted, each->permitted);
    for (uint32_t grant : each->grants)
      if (std::find(access.grants.begin(), access.grants.end(), grant) == access.grants.end())
        access.grants.push_back(grant);
  }
}

StorageContext look_context(const Applied& applied, const Project& project,
                            std::shared_ptr<const StorageMap> inventories) {
  StorageContext context;
  for (const auto& [address, vdisk] : applied.vdisks)
    if (!vdisk.expired) context.vdisks[address] = vdisk.extents;
  for (const auto& [address, domain] : applied.domains)
    context.names[{domain.spec.host, domain.spec.name}] = address;
  for (const auto& [store, statement] : project.stores)
    context.local_stores[store.text] = statement.hosts;
  context.unresolved_is_error = project.unresolved == UnresolvedPolicy::error;
  context.map = std::move(inventories);
  return context;
}

std::vector<Access> accesses_claimed(const std::vector<Claim>& claims, const HostName& host,
                                     const LookInput& input) {
  std::vector<Access> accesses;
  for (const Claim& claim : claims) {
    accesses.push_back(access_of(claim, host, input.storage, party_of(claim.address)));
    input.permits.apply(accesses.back());
    for (Access& behind : accesses_behind(claim, party_of(claim.address), host, input.storage))
      accesses.push_back(std::move(behind));
    for (const ClaimedBeneath& one : claim.beneath)
      if (one.by_host) accesses.push_back(access_of_host(one, host, input.storage));
  }
  return accesses;
}

std::vector<Access> accesses_applied(const AppliedDomain& domain,
                                     const std::optional<std::string>& device,
                                     const LookInput& input) {
  std::vector<Access> accesses;
  for (const Vbd& vbd : domain.spec.vbds)
    if (!device || vbd.device == *device) {
      accesses.push_back(access_of(vbd, domain, domain.spec.host, input));
      const Access top = accesses.back();
      for (Access& behind : accesses_behind(vbd, top, input.storage))
        accesses.push_back(std::move(behind));
    }
  return accesses;
}

LiveAccesses::LiveAccesses(const LookInput& input) : input_(input) {
  for (const auto& [name, host] : input_.observation.hosts)
    if (host.reachable) add_host(host);
}

void LiveAccesses::add(Access access, const Uuid& ours) {
  if (access.dormant) return;
  for (const Extent& extent : access.extents)
    pieces_[extent.store].push_back({extent, entries_.size()});
  entries_.push_back({std::move(access), ours});
}

void LiveAccesses::add_host(const HostObservation& host) {
  const StorageContext& context = input_.storage;
  for (Access& access : foreign_accesses(host, input_.ours, context)) add(std::move(access), {});
  for (const Claim& claim : host.claims) {
    if (claim.project == input_.caller.project && claim.lineage == input_.caller.lineage) continue;
    Party party{"claim of project " + to_string(claim.project) + " for " +
                to_string(claim.address)};
    for (Access& behind : accesses_behind(claim, party, host.host, context))
      add(std::move(behind), {});
    add(access_of(claim, host.host, context, std::move(party)), {});
  }
  for (Access& access : merged_host_accesses(host.host, context, &host)) add(std::move(access), {});
  for (const ObservedDomain& domain : host.domains) {
    auto ours = input_.ours.find(domain.uuid);
    if (ours == input_.ours.end()) continue;
    auto applied = input_.applied.domains.find(ours->second);
    if (applied == input_.applied.domains.end()) continue;  // being made: its own step verifies it
    for (const ObservedVbd& vbd : domain.vbds) {
      const Access top = access_of(vbd.vbd, applied->second, host.host, input_);
      for (Access& behind : accesses_behind(vbd.vbd, top, input_.storage))
        add(std::move(behind), domain.uuid);
      add(top, domain.uuid);
    }
  }
}

Status LiveAccesses::meet(const Uuid& uuid, const std::vector<Access>& mine, Others others) const {
  const StorageContext& context = input_.storage;
  for (const auto& [name, host] : input_.observation.hosts) {
    if (host.reachable) continue;
    for (const Access& access : mine)
      for (const Extent& extent : access.extents)
        if (may_open(name, extent, access.host, context))
          return Error{Code::host_unreachable,
                       "host `" + name.text + "` cannot be read and may hold the storage of " +
                           access.party.text + " " + access.device + ": " + host.reason,
                       "bring it back, fence it, or say under [stores] which hosts can open it"};
  }
  for (const Access& access : mine)
    for (const Extent& extent : access.extents) {
      auto store = pieces_.find(extent.store);
      if (store == pieces_.end()) continue;
      for (const Piece& piece : store->second) {
        const Entry& other = entries_[piece.entry];
        const bool ours = !other.ours.is_nil();
        if (ours && (others == Others::foreign || other.ours == uuid)) continue;
        if (access.party == other.access.party && access.party == party_dom0(access.host)) continue;
        if (overlap(extent, piece.extent) &&
            counts(extent, access, piece.extent, other.access, context) &&
            level_between(access, other.access) > permitted_between(access, other.access))
          return conflict_error(access, other.access);
      }
    }
  return {};
}

std::vector<HostName> hosts_with(const Uuid& uuid, const Observation& observation) {
  std::vector<HostName> hosts;
  for (const auto& [name, host] : observation.hosts)
    for (const ObservedDomain& domain : host.domains)
      if (domain.uuid == uuid && domain.domid.value != 0) hosts.push_back(name);
  return hosts;
}

}  // namespace hv
