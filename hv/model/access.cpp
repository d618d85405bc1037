#include "hv/model/access.h"

#include <algorithm>

#include "hv/model/words.h"

namespace hv {
namespace {

constexpr std::array<std::string_view, 6> kOrigins = {"desired", "live",   "latent",
                                                      "claim",   "intent", "plan"};
static_assert(covers(kOrigins, AccessOrigin::plan));

bool listed_by_one_grant(const Access& a, const Access& b) {
  return std::any_of(a.grants.begin(), a.grants.end(), [&](uint32_t grant) {
    return std::find(b.grants.begin(), b.grants.end(), grant) != b.grants.end();
  });
}

}  // namespace

Party party_of(const Address& domain) {
  return Party{to_string(domain)};
}

// A host's name has no `/`, a domain's may have dots: the slash keeps the two apart.
Party party_unmanaged(const HostName& host, const std::string& name) {
  return Party{"unmanaged." + host.text + "/" + name};
}

Party party_dom0(const HostName& host) {
  return Party{"dom0." + host.text};
}

std::string_view to_string(AccessOrigin origin) {
  return word_of(kOrigins, origin);
}

int level_between(const Access& a, const Access& b) {
  return (writes(a.mode) ? 1 : 0) + (writes(b.mode) ? 1 : 0);
}

int permitted_between(const Access& a, const Access& b) {
  if (a.mode == AccessMode::write_shared && b.mode == AccessMode::write_shared) return 2;
  if (listed_by_one_grant(a, b)) return 2;
  return std::min(a.permitted, b.permitted);
}

}  // namespace hv
