#include "hv/model/observation.h"

#include <algorithm>

namespace hv {

const HostObservation* Observation::find(const HostName& host) const {
  auto found = hosts.find(host);
  return found == hosts.end() ? nullptr : &found->second;
}

const ObservedDomain* find_domain(const HostObservation& host, const Uuid& uuid) {
  auto at = std::find_if(host.domains.begin(), host.domains.end(),
                         [&](const ObservedDomain& domain) { return domain.uuid == uuid; });
  return at == host.domains.end() ? nullptr : &*at;
}

}  // namespace hv
