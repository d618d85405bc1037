#include <algorithm>
#include <utility>

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

Access access_of(const Vbd& vbd, Party party, const HostName& host, AccessOrigin origin,
                 const StorageContext& context) {
  Resolved resolved = resolve(vbd, host, context);
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

// The backend's own device, where the host tells another name than the one asked for: the access
// is to both.
void add_physical(const ObservedVbd& observed, const HostName& host, const StorageContext& context,
                  Access& access) {
  if (!observed.physical.starts_with("/dev/")) return;
  const std::string name = normalise_name(observed.physical);
  if (name == normalise_name(observed.vbd.source)) return;
  access.extents.push_back(extent_of_name(name, host, context));
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
    Access access = access_of(vbd, party_of(domain.address), domain.host, origin, context);
    access.permitted = permitted;
    access.dormant = domain.state == PowerState::halted;
    for (const Grant& grant : grants)
      if (covers(grant, vbd)) access.grants.push_back(grant.index);
    if (!access.place.valid()) access.place = domain.place;
    accesses.push_back(std::move(access));
  }
  return accesses;
}

std::vector<Access> foreign_accesses(const HostObservation& host,
                                     const std::map<Uuid, Address>& ours,
                                     const StorageContext& context) {
  std::vector<Access> accesses;
  for (const ObservedDomain& domain : host.domains) {
    if (!domain.uuid.is_nil() && ours.contains(domain.uuid)) continue;
    for (const ObservedVbd& observed : domain.vbds) {
      Access access = access_of(observed.vbd, party_of_foreign(host.host, domain.name), host.host,
                                AccessOrigin::live, context);
      add_physical(observed, host.host, context, access);
      access.dormant = domain.state == PowerState::halted && !domain.dying;
      access.place = {};
      accesses.push_back(std::move(access));
    }
  }
  for (const LatentAccess& latent : host.latent) {
    if (!latent.uuid.is_nil() && ours.contains(latent.uuid)) continue;
    Access access = access_of(latent.vbd, party_of_foreign(host.host, latent.name), host.host,
                              AccessOrigin::latent, context);
    access.path.insert(access.path.begin(), latent.what);
    access.place = {};
    accesses.push_back(std::move(access));
  }
  return accesses;
}

}  // namespace hv
