// Storage: what a disk's name really is, who may touch it with whom, and where free extents lie.
//
// Pure functions over model values. A name resolves to extents; accesses are compared by a sweep
// over sorted extents per store, O(n log n + findings), never pair by pair.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hv/model/access.h"
#include "hv/model/applied.h"
#include "hv/model/desired.h"
#include "hv/model/observation.h"
#include "hv/model/plan.h"
#include "hv/storage/storage_map.h"

namespace hv {

// What names are resolved with; everything may be empty.
struct StorageContext {
  // Extents of virtual disks by address, as allocated (from state, or by the plan).
  std::map<Address, std::vector<Extent>> vdisks;
  // Operators' [stores] statements: the hosts that can open the store of that device name. One or
  // none: each host that says the name means a disk of its own. Several: those mean one and the
  // same disk. What is said of a partition holds for its whole disk.
  std::map<std::string, std::vector<HostName>> local_stores;
  bool unresolved_is_error = true;  // names equal on two hosts: error or warning
  // Hosts on which different names are known to be different disks (simulated ones).
  std::set<HostName> exact_names;
  // Machines of ours by what their host calls them. It gives each name once, so that whatever would
  // start a machine of that name, and says no UUID, never runs beside ours.
  std::map<std::pair<HostName, std::string>, Address> names;
  // The inventories of those hosts that have one. Nothing: all by name.
  std::shared_ptr<const StorageMap> map;
};

// The device or file name with prefixes and /dev/ dropped, `//`, `.` and `..` folded, doubled
// dashes of /dev/mapper undone: "/dev/vg/x" and "/dev/mapper/vg-x" become "vg/x".
std::string normalise_name(std::string_view source);

// Storage below the top of a disk that is accessed with it, by the same party or by the host.
struct Beneath {
  std::vector<Extent> extents;
  AccessMode mode = AccessMode::read;
  bool by_host = false;  // a thin pool, a copy-on-write space; else a chain of backing files
  std::vector<std::string> path;
  std::string source = {};  // of a backing file: what the host calls it
};
struct Resolved {
  std::vector<Extent> extents;    // none: an empty drive, or a vdisk not allocated yet
  std::vector<std::string> path;  // how the name led there
  bool resolved = true;           // false: compared by name
  std::vector<Beneath> beneath;
  std::vector<std::string> problems;  // why it could not be followed to the end
  std::vector<const Mount*> mounts;   // that files lie on, among them those behind it; of the map
};
Resolved resolve(const Vbd& vbd, const HostName& host, const StorageContext& context);
// What was recorded at an attach, together with what its name means `now`: an inventory may have
// come, gone or changed in between, and both words count until the disk is released.
std::vector<Extent> extents_now(const std::vector<Extent>& recorded, std::vector<Extent> now,
                                const HostName& host, const StorageContext& context);
// What a claim on a disk announces beside `top`, its extents: the names that the host has for it,
// since another hv may know other things of this host, or none.
std::vector<Extent> announced_extents(const Vbd& vbd, std::vector<Extent> top, const HostName& host,
                                      const StorageContext& context);
// And all that lies below: files behind an image, filesystems that files are on, pools.
std::vector<ClaimedBeneath> announced_beneath(const Vbd& vbd, const HostName& host,
                                              const StorageContext& context);
// What was announced on a host, as its inventory of now knows it.
std::vector<Extent> claimed_extents(const std::vector<Extent>& announced, const HostName& host,
                                    const StorageContext& context);
// What a claim says of the files behind its disk: accesses of `party`, on which nobody may write.
std::vector<Access> accesses_behind(const Claim& claim, const Party& party, const HostName& host,
                                    const StorageContext& context);
// A pool device: where the extents handed out of it lie.
Resolved resolve_device(const std::string& source, const HostName& host,
                        const StorageContext& context);

// The accesses of one domain's VBDs. `default_sharing` is the project's level where the domain sets
// none.
std::vector<Access> accesses_of(const DomainSpec& domain, const DesiredGraph& desired,
                                int default_sharing, const StorageContext& context,
                                AccessOrigin origin);
// What the same disks access beneath: backing files, which permit no writer at all, and what the
// host writes to run a disk that lies on it.
std::vector<Access> accesses_beneath(const DomainSpec& domain, const StorageContext& context,
                                     AccessOrigin origin);
// Of one disk only the files behind it, as accesses of the party that has it: they begin and end
// with `top`, which is the access to the disk itself.
std::vector<Access> accesses_behind(const Vbd& vbd, const Access& top,
                                    const StorageContext& context);
// How a mount accesses its device: a read-only one may still replay its journal.
AccessMode mode_of_mount(const Mount& mount, bool device_is_read_only);
// What a host itself reads and writes, by its inventory: mounts, swap space, what processes hold
// open, the tables and pools of what it runs. One access for each, all of the party dom0.HOST.
// Where a look at the host is given that tells what it has open, that counts in place of the
// inventory's word; and what claims there say the host does to run their disks.
std::vector<Access> host_accesses(const HostName& host, const StorageContext& context,
                                  const HostObservation* seen = nullptr);
// The same as at most three accesses, one a mode, that have no sector in common.
std::vector<Access> merged_host_accesses(const HostName& host, const StorageContext& context,
                                         const HostObservation* seen = nullptr);
// Where a host is known by names only, what it has open itself stands for its own disks: a name
// counts where somebody there uses it too, and says nothing about another host's.
class NamesInUse {
 public:
  void add(const Access& access);
  void keep_met(Access& of_host) const;  // drops the names that nobody there uses

 private:
  std::map<HostName, std::vector<Extent>> names_;
};
// The machines that an inventory saw running, but for those that state knows (`ours` by UUID).
std::vector<Access> inventory_accesses(const HostName& host, const std::map<Uuid, Address>& ours,
                                       const StorageContext& context);
// A warning for each disk whose layers lead nowhere, in a circle, or beyond the inventory.
std::vector<Finding> check_layers(const DesiredGraph& desired, const StorageContext& context);
// Of everything live or latent on a host that hv's state does not know as ours (`ours` by UUID):
// other people's domains and dom0, which permit 0.
std::vector<Access> foreign_accesses(const HostObservation& host,
                                     const std::map<Uuid, Address>& ours,
                                     const StorageContext& context);

// Of the machines that state knows as ours, as the host has them: what runs, what can start by
// itself, and where the host cannot be read what was last set. What they permit is the present word
// of `desired` where it declares them.
std::vector<Access> own_accesses(const HostObservation& host, const Applied& applied,
                                 const DesiredGraph& desired, int default_sharing,
                                 const StorageContext& context);

// The check. Findings are minimal and sorted (errors first, then place): unsafe pairs as errors,
// permitted sharing as one note a region and level that names all sharers, maybe-same stores by
// policy; a pair with a dormant side as a note; a host whose disks are told apart by name only as
// a warning. Where very many accesses pile up in one stretch of a store, the first pairs are
// listed and the others counted in a note of the last.
std::vector<Finding> check_sharing(const std::vector<Access>& accesses,
                                   const StorageContext& context);

// One finding about two accesses that meet in `where` above what they permit, in the words of the
// check: for who found them in another way.
Finding describe_pair(const Access& a, const Access& b, int level, int permitted,
                      const Overlap& where, const StorageContext& context);

// What a pool's label takes of each device, at its beginning and at its end.
inline constexpr Sectors kPoolLabel = sectors(kMiB / kSectorBytes);
// The label at the beginning of a pool's device, by the device's name.
std::vector<Extent> label_of_device(const std::string& device, const HostName& host,
                                    const StorageContext& context);

// A device of a pool and its size in sectors (nothing: not known, taken as 2^40).
struct PoolDevice {
  std::string source;
  std::optional<Sectors> size;
};
struct Allocation {
  std::map<Address, std::vector<Extent>> extents;  // of the vdisks asked for, in disk order
  std::map<Address, std::vector<Address>> reused;  // expired vdisks whose extents were taken
  Sectors free_after;                              // those of expired vdisks included
};
struct AllocationRequest {
  Address vdisk;
  Sectors size;              // total wanted
  std::vector<Extent> have;  // enlarge: kept in front, whatever `size` is
};
// Extents for vdisks of one pool, contiguous first; free ones before those of expired disks, the
// longest-expired first and its last extent first. The first and last MiB of each device are the
// label's. Fails with Code::pool_full, naming what is missing and free, or
// Code::pool_device_twice.
Result<Allocation> allocate(const PoolSpec& pool, const std::vector<PoolDevice>& devices,
                            const std::vector<AllocationRequest>& requests,
                            const std::map<Address, AppliedVdisk>& vdisks,
                            const StorageContext& context);

}  // namespace hv
