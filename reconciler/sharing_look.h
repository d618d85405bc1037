// The second look: does a newcomer's access meet somebody else's, as the hosts are now?
//
// Pure functions over one observation. The verifier has proved the plan; this finds what changed
// since, and what no plan of ours knows: other people's machines, other projects' claims.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hv/drivers/driver.h"
#include "hv/model/access.h"
#include "hv/model/applied.h"
#include "hv/model/observation.h"
#include "hv/schema/project.h"
#include "hv/storage/storage.h"

namespace hv {

// What a plan says that each party permits, and grants, on each of its devices.
class Permits {
 public:
  explicit Permits(std::span<const Hold> holds);  // which outlive it
  void apply(Access& access) const;

 private:
  std::map<std::pair<std::string_view, std::string_view>, std::vector<const Access*>> by_device_;
};

// How the names of disks are read in one look; made once for it, since it has every virtual disk.
StorageContext look_context(const Applied& applied, const Project& project,
                            std::shared_ptr<const StorageMap> inventories);

struct LookInput {
  const Observation& observation;  // of every host
  const Applied& applied;
  const std::map<Uuid, Address>& ours;  // applied, and what the plan is making
  const Project& project;
  const Permits& permits;
  const Caller& caller;
  const StorageContext& storage;
};

// The accesses that claims announce.
std::vector<Access> accesses_claimed(const std::vector<Claim>& claims, const HostName& host,
                                     const LookInput& input);
// Those of an applied domain's VBDs, or of one of them.
std::vector<Access> accesses_applied(const AppliedDomain& domain,
                                     const std::optional<std::string>& device,
                                     const LookInput& input);

// Who is looked at.
enum class Others : uint8_t {
  foreign,   // other people's machines and dom0, other projects' claims
  everyone,  // ours too, where they are live
};

// Everything that is accessed at one moment, by store. Made once for many newcomers; `input` and
// what it refers to outlive it.
class LiveAccesses {
 public:
  explicit LiveAccesses(const LookInput& input);

  // The first conflict of `mine` with somebody but the machine `uuid`, as an Error that names the
  // holder; also where a host that may open the same storage cannot be read.
  Status meet(const Uuid& uuid, const std::vector<Access>& mine, Others others) const;

 private:
  struct Entry {
    Access access;
    Uuid ours;  // nil: foreign
  };
  struct Piece {
    Extent extent;
    std::size_t entry;
  };
  void add(Access access, const Uuid& ours);
  void add_host(const HostObservation& host);

  LookInput input_;
  std::vector<Entry> entries_;
  std::map<StoreId, std::vector<Piece>> pieces_;
};

// Hosts that have a machine of this UUID.
std::vector<HostName> hosts_with(const Uuid& uuid, const Observation& observation);

}  // namespace hv
