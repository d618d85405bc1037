#include <algorithm>
#include <utility>

#include "hv/storage/follow.h"
#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

// Level 2 is never a default, whatever the project says.
constexpr int kHighestDefault = 1;
constexpr int kHighestLevel = 2;

struct Grant {
  uint32_t index = 0;
  std::string name;  // normalised; of the vdisk where `is_vdisk`
  bool is_vdisk = false;
};

std::vector<Grant> grants_to(const Address& domain, const DesiredGraph& desired) {
  std::vector<Grant> grants;
  for (std::size_t i = 0; i < desired.grants.size(); ++i) {
    const ShareGrant& grant = desired.grants[i];
    if (std::find(grant.domains.begin(), grant.domains.end(), domain) == grant.domains.end())
      continue;
    const bool is_vdisk = grant.vdisk.has_value();
    grants.push_back({static_cast<uint32_t>(i),
                      is_vdisk ? grant.vdisk->name : normalise_name(grant.source), is_vdisk});
  }
  return grants;
}

// A grant is about exactly the storage it names: not about the disk around a partition.
bool covers(const Grant& grant, const Vbd& vbd) {
  if (vbd.source.empty() || grant.is_vdisk != (vbd.backend == "vd")) return false;
  return grant.name == (grant.is_vdisk ? vbd.source : normalise_name(vbd.source));
}

Access access_of(const Vbd& vbd, Resolved resolved, Party party, const HostName& host,
                 AccessOrigin origin) {
  Access access;
  access.party = std::move(party);
  access.host = host;
  access.device = vbd.device;
  access.extents = std::move(resolved.extents);
  std::sort(access.extents.begin(), access.extents.end());
  access.mode = vbd.mode;
  access.origin = origin;
  access.path = std::move(resolved.path);
  access.place = vbd.place;
  return access;
}

Party party_of_foreign(const HostName& host, const std::string& name) {
  return name == "Domain-0" ? party_dom0(host) : party_unmanaged(host, name);
}

// Storage under a disk. Under the top of a chain of backing files nobody may write, whatever is
// permitted above.
Access beneath_of(Beneath one, const Access& top, const std::string& written) {
  Access access = top;
  access.grants.clear();
  access.permitted = 0;
  access.mode = one.mode;
  access.extents = std::move(one.extents);
  access.path = std::move(one.path);
  access.path.insert(access.path.begin(), written);
  if (one.by_host) {
    access.party = party_dom0(top.host);
    access.device.clear();
  }
  return access;
}

// The backend's own device, where the host tells another name than the one asked for: the access
// is to both.
void add_physical(const ObservedVbd& observed, const HostName& host, const StorageContext& context,
                  Access& access) {
  if (!observed.physical.starts_with('/')) return;
  const std::string name = normalise_name(observed.physical);
  if (name == normalise_name(observed.vbd.source)) return;
  const HostMap* known = context.map == nullptr ? nullptr : context.map->find(host);
  if (known != nullptr) {
    Followed followed = follow_source(observed.physical, "raw", *known, context);
    for (Extent& extent : followed.extents)
      if (std::find(access.extents.begin(), access.extents.end(), extent) == access.extents.end())
        access.extents.push_back(std::move(extent));
  } else {
    access.extents.push_back(extent_of_name(name, host, context));
  }
  std::sort(access.extents.begin(), access.extents.end());
  access.path.push_back(name);
}

}  // namespace

std::vector<Access> accesses_of(const DomainSpec& domain, const DesiredGraph& desired,
                                int default_sharing, const StorageContext& context,
                                AccessOrigin origin) {
  const std::vector<Grant> grants = grants_to(domain.address, desired);
  const int permitted = std::clamp(
      domain.sharing.value_or(std::min(default_sharing, kHighestDefault)), 0, kHighestLevel);
  std::vector<Access> accesses;
  accesses.reserve(domain.vbds.size());
  for (const Vbd& vbd : domain.vbds) {
    Access access = access_of(vbd, resolve(vbd, domain.host, context), party_of(domain.address),
                              domain.host, origin);
    access.permitted = permitted;
    access.dormant = domain.state == PowerState::halted;
    for (const Grant& grant : grants)
      if (covers(grant, vbd)) access.grants.push_back(grant.index);
    if (!access.place.valid()) access.place = domain.place;
    accesses.push_back(std::move(access));
  }
  return accesses;
}

std::vector<Access> accesses_beneath(const DomainSpec& domain, const StorageContext& context,
                                     AccessOrigin origin) {
  std::vector<Access> accesses;
  if (context.map == nullptr) return accesses;
  for (const Vbd& vbd : domain.vbds) {
    Resolved resolved = resolve(vbd, domain.host, context);
    Access top = access_of(vbd, {}, party_of(domain.address), domain.host, origin);
    top.dormant = domain.state == PowerState::halted;
    if (!top.place.valid()) top.place = domain.place;
    for (Beneath& one : resolved.beneath)
      accesses.push_back(beneath_of(std::move(one), top, resolved.path.front()));
  }
  return accesses;
}

std::vector<Access> accesses_behind(const Vbd& vbd, const Access& top,
                                    const StorageContext& context) {
  std::vector<Access> accesses;
  if (context.map == nullptr) return accesses;
  Resolved resolved = resolve(vbd, top.host, context);
  for (Beneath& one : resolved.beneath)
    if (!one.by_host) accesses.push_back(beneath_of(std::move(one), top, resolved.path.front()));
  return accesses;
}

namespace {

// The accesses of somebody else's VBD: its top, and the files behind it. What the host writes to
// run it is among the host's own.
void add_foreign(const ObservedVbd& observed, const Party& party, const HostName& host,
                 AccessOrigin origin, const StorageContext& context,
                 std::vector<Access>& accesses) {
  Resolved resolved = resolve(observed.vbd, host, context);
  std::vector<Beneath> beneath = std::move(resolved.beneath);
  const std::string written = resolved.path.empty() ? "" : resolved.path.front();
  Access top = access_of(observed.vbd, std::move(resolved), party, host, origin);
  add_physical(observed, host, context, top);
  top.place = {};
  accesses.push_back(top);
  for (Beneath& one : beneath)
    if (!one.by_host) accesses.push_back(beneath_of(std::move(one), top, written));
}

}  // namespace

std::vector<Access> foreign_accesses(const HostObservation& host,
                                     const std::map<Uuid, Address>& ours,
                                     const StorageContext& context) {
  std::vector<Access> accesses;
  // A pool of another project that nobody uses at this moment: its label stands for it, because
  // what lies behind is its machines'.
  for (const ObservedPool& pool : host.pools) {
    if (ours.contains(pool.uuid)) continue;
    for (const std::string& device : pool.devices) {
      Access access;
      access.party = party_of_foreign(host.host, "pool " + pool.name);
      access.host = host.host;
      access.extents =
          extents_now(label_of_device(device, host.host, context), {}, host.host, context);
      access.mode = AccessMode::write;
      access.origin = AccessOrigin::live;
      access.path = {"label of pool " + pool.name, device};
      accesses.push_back(std::move(access));
    }
  }
  for (const ObservedDomain& domain : host.domains) {
    if (!domain.uuid.is_nil() && ours.contains(domain.uuid)) continue;
    const std::size_t before = accesses.size();
    for (const ObservedVbd& observed : domain.vbds)
      add_foreign(observed, party_of_foreign(host.host, domain.name), host.host, AccessOrigin::live,
                  context, accesses);
    for (std::size_t i = before; i < accesses.size(); ++i)
      accesses[i].dormant = domain.state == PowerState::halted && !domain.dying;
  }
  for (const LatentAccess& latent : host.latent) {
    if (latent.uuid.is_nil() ? context.names.contains({host.host, latent.name})
                             : ours.contains(latent.uuid))
      continue;
    const std::size_t before = accesses.size();
    ObservedVbd asleep;
    asleep.vbd = latent.vbd;
    add_foreign(asleep, party_of_foreign(host.host, latent.name), host.host, AccessOrigin::latent,
                context, accesses);
    for (std::size_t i = before; i < accesses.size(); ++i)
      accesses[i].path.insert(accesses[i].path.begin(), latent.what);
  }
  return accesses;
}

std::vector<Access> inventory_accesses(const HostName& host, const std::map<Uuid, Address>& ours,
                                       const StorageContext& context) {
  std::vector<Access> accesses;
  const HostMap* known = context.map == nullptr ? nullptr : context.map->find(host);
  if (known == nullptr) return accesses;
  for (const LiveDomain& domain : known->inventory().domains) {
    if (!domain.uuid.is_nil() && ours.contains(domain.uuid)) continue;
    for (const ObservedVbd& observed : domain.vbds)
      add_foreign(observed, party_of_foreign(host, domain.name), host, AccessOrigin::live, context,
                  accesses);
  }
  return accesses;
}

namespace {

class OwnAccesses {
 public:
  OwnAccesses(const HostObservation& host, const DesiredGraph& desired, int default_sharing,
              const StorageContext& context)
      : host_(host), desired_(desired), default_sharing_(default_sharing), context_(context) {}

  void add(const AppliedDomain& applied) {
    for (const ObservedDomain& seen : host_.domains) {
      if (seen.uuid != applied.uuid || (seen.state == PowerState::halted && !seen.dying)) continue;
      for (const ObservedVbd& one : seen.vbds) add(applied, one.vbd, AccessOrigin::live, {});
    }
    if (!host_.reachable && applied.spec.host == host_.host &&
        applied.spec.state != PowerState::halted)
      for (const Vbd& vbd : applied.spec.vbds) add(applied, vbd, AccessOrigin::live, {});
    for (const LatentAccess& latent : host_.latent)
      if (latent.uuid == applied.uuid ||
          (latent.uuid.is_nil() && latent.name == applied.spec.name &&
           applied.spec.host == host_.host))
        add(applied, latent.vbd, AccessOrigin::latent, latent.what);
  }

  std::vector<Access> accesses;

 private:
  void add(const AppliedDomain& applied, const Vbd& seen, AccessOrigin origin,
           const std::string& what) {
    DomainSpec one;
    one.address = applied.spec.address;
    one.host = host_.host;
    one.sharing = applied.spec.sharing;
    Vbd vbd = seen;
    vbd.place = {};
    std::vector<Extent> recorded;
    // A host may not tell how the disk was asked for; what was recorded does.
    for (const Vbd& known : applied.spec.vbds)
      if (known.device == seen.device && known.source == seen.source) {
        vbd.backend = known.backend;
        vbd.format = known.format;
        vbd.script = known.script;
        if (const auto at = applied.extents.find(seen.device); at != applied.extents.end())
          recorded = at->second;
      }
    if (const auto* declared = desired_.get<DomainSpec>(one.address)) {
      one.sharing = declared->sharing;
      one.place = declared->place;
      for (const Vbd& now : declared->vbds)
        if (now.device == vbd.device) vbd.place = now.place;
    }
    one.vbds = {vbd};
    std::vector<Access> found = accesses_of(one, desired_, default_sharing_, context_, origin);
    if (!recorded.empty()) {
      if (vbd.backend == "vd") found.front().extents.clear();
      found.front().extents =
          extents_now(recorded, std::move(found.front().extents), host_.host, context_);
    }
    for (Access& behind : accesses_behind(vbd, found.front(), context_))
      found.push_back(std::move(behind));
    for (Access& access : found) {
      if (!what.empty()) access.path.insert(access.path.begin(), what);
      accesses.push_back(std::move(access));
    }
  }

  const HostObservation& host_;
  const DesiredGraph& desired_;
  int default_sharing_;
  const StorageContext& context_;
};

}  // namespace

std::vector<Access> own_accesses(const HostObservation& host, const Applied& applied,
                                 const DesiredGraph& desired, int default_sharing,
                                 const StorageContext& context) {
  OwnAccesses own(host, desired, default_sharing, context);
  for (const auto& [address, domain] : applied.domains) own.add(domain);
  return std::move(own.accesses);
}

}  // namespace hv
