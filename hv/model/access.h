// Access, Hold: who reads or writes which sectors, and from which step to which.
//
// Levels (storage-safety of the project's docs): two accesses that overlap have level 0 if both
// read, 1 if one writes, 2 if both write. `permitted` is the highest level a party agrees to; both
// sides must.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/source.h"
#include "base/units.h"
#include "hv/model/resources.h"

namespace hv {

// The made-up space of an unresolved name is cut into slots of this many sectors. Partition N of a
// disk is slot N, whatever is known by its exact place on the whole disk (a vdisk of a pool on it)
// lies in slot 0, the disk itself is all slots.
inline constexpr int64_t kNameSlotSectors = int64_t{1} << 40;

// Sectors [start, start + count) of one store. Where `resolved` is false only a name is known: the
// sectors are positions in a made-up space that keeps names apart and puts partitions inside their
// disk, and no report shows them.
struct Extent {
  StoreId store;
  Sectors start;
  Sectors count;
  bool resolved = true;
  auto operator<=>(const Extent&) const = default;
  Sectors end() const { return start + count; }
};

// Where a partition lies on its disk is not known from its name, so that slot 0 of an unresolved
// store meets every other slot.
inline bool overlap(const Extent& a, const Extent& b) {
  if (a.store != b.store || a.count.count <= 0 || b.count.count <= 0) return false;
  if (a.start < b.end() && b.start < a.end()) return true;
  if (a.resolved || b.resolved) return false;
  return (a.start.count < kNameSlotSectors) != (b.start.count < kNameSlotSectors);
}

// Who accesses: "domain.web0" (ours), "unmanaged.xen1/alien", "dom0.xen1". The same party never
// conflicts with itself across two VBDs only where they are the two holds of one migration.
using Party = StringId<struct PartyTag>;
Party party_of(const Address& domain);
Party party_unmanaged(const HostName& host, const std::string& name);
Party party_dom0(const HostName& host);

// Where hv knows the access from.
enum class AccessOrigin : uint8_t { desired, live, latent, claim, intent, plan };
std::string_view to_string(AccessOrigin origin);

struct Access {
  Party party;
  HostName host;
  std::string device;           // of the guest, "xvda"; empty for dom0
  std::vector<Extent> extents;  // sorted; none where the drive is empty
  AccessMode mode = AccessMode::read;
  int permitted = 0;             // 0..2
  std::vector<uint32_t> grants;  // indices of ShareGrants that list this party for this storage
  AccessOrigin origin = AccessOrigin::desired;
  std::vector<std::string> path;  // how the name led there: "phy:vg0/a", "dm-3", "sda3"
  Place place;                    // not valid for what no file declares
  bool dormant = false;           // of a halted domain: noted, but holds nothing until a start
};

// The level of two overlapping accesses: 0 (both read), 1, 2 (both write).
int level_between(const Access& a, const Access& b);
// What both permit: the smaller `permitted`, or 2 where both say `w!` or one grant lists both.
int permitted_between(const Access& a, const Access& b);

// From the start of step `acquire` to the verified success of step `release`. No `acquire`: held
// already at the beginning. No `release`: not released by this plan.
struct Hold {
  Access access;
  std::optional<StepId> acquire;
  std::optional<StepId> release;
};

// So much of a host's resource is taken from the start of `acquire` to the success of `release`.
struct Charge {
  HostName host;
  std::string resource;  // "memory" (bytes)
  int64_t amount = 0;    // > 0
  std::optional<StepId> acquire;
  std::optional<StepId> release;
  Address address;
};

struct Limit {
  HostName host;
  std::string resource;
  int64_t amount = 0;
};

}  // namespace hv
