// Observation: what one look at the hosts showed. Read into memory, stored in plans, never guessed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hv/model/access.h"
#include "hv/model/resources.h"

namespace hv {

// A VBD as the host has it.
struct ObservedVbd {
  Vbd vbd;                 // device, source, mode, … as the host tells them
  std::string physical;    // the backend's real device or store; empty if the host does not tell
  bool connected = false;  // both ends agree; a half-attached or half-detached device is not
};

struct ObservedDomain {
  Uuid uuid;
  std::string name;
  DomId domid;  // 0 for a domain that is not on the hypervisor now (halted, saved)
  PowerState state = PowerState::running;
  bool dying = false;      // shut down or destroyed but still there: holds what it has; a saved one
                           // whose image was begun to be restored, and is never used again
  bool crashed = false;    // and is `dying`: its guest crashed, and it may be kept to be looked at
  bool never_ran = false;  // created or restored, paused, and not unpaused yet
  Bytes memory;            // now; of a saved one what it takes when it is restored
  Bytes memory_max;        // the most it can balloon to without a restart
  int64_t vcpus = 0;
  int64_t vcpus_max = 0;
  Attributes attributes;  // whatever else the host tells, by our attribute names
  std::vector<ObservedVbd> vbds;
  std::vector<Vif> vifs;
};

// Storage below a claimed disk, announced with it: who has no inventory of this host sees it too.
struct ClaimedBeneath {
  std::vector<Extent> extents;  // sorted
  AccessMode mode = AccessMode::read;
  bool by_host = false;  // the host has it to run the disk: a mount, a thin pool; else the files
                         // that an image stands on, where no writer is permitted
};

// hv's announcement on a host, before the first access of a domain (or vdisk, pool).
struct Claim {
  Uuid project;
  Uuid lineage;
  Epoch epoch;
  Uuid uuid;        // of the domain
  Address address;  // of the domain in its project
  std::string device;
  std::vector<Extent> extents;
  AccessMode mode = AccessMode::read;
  int permitted = 0;
  std::vector<Address> sharers;  // domains that a `shareable` of the project names beside this one
  std::vector<ClaimedBeneath> beneath;  // none in a claim of before they were announced
};

// What dom0 itself has open: a mount, swap space, a device that a process holds.
struct HostUse {
  std::string source;  // the device's or file's path
  std::string what;    // "ext4 mounted on /srv", "open in qemu-nbd"
  AccessMode mode = AccessMode::write;
  auto operator<=>(const HostUse&) const = default;
};

// What `xl config-update` stored: the next life of that machine is made by it (xl(1)). One without
// a disk says that it is there.
inline constexpr std::string_view kPendingUpdate = "pending config-update";

// Something that can start an access without hv: autostart, stored restart configuration, save
// file.
struct LatentAccess {
  std::string what;  // "autostart", "restart configuration", "save file", kPendingUpdate
  Uuid uuid;
  std::string name;
  Vbd vbd;                // empty of a machine without disks, or where the file cannot be read
  std::string file = {};  // where that is known
};

// What a host remembers of one project (reconciler: "Two stores").
struct ProjectMemory {
  Uuid project;
  Uuid lineage;
  Epoch epoch;
  Serial serial;
};

// A mapped virtual disk (a dm table, or the simulator's).
struct ObservedVdisk {
  Uuid uuid;
  std::string name;
  std::vector<Extent> extents;
  bool scrubbed = false;
};

// A pool whose devices carry its label.
struct ObservedPool {
  Uuid uuid;
  std::string name;
  std::vector<std::string> devices;  // as written in the pool
};

struct HostObservation {
  HostName host;
  bool reachable = false;
  std::string reason;  // why not, in the host's words
  Time at;
  bool simulated = false;
  std::string host_id;  // of the machine, stable
  std::string boot_id;  // of this boot of dom0
  Bytes memory_total;   // for all guests together: without what dom0 and the hypervisor use
  Bytes memory_free;
  int64_t cpus = 0;
  std::optional<std::vector<std::string>> bridges;  // nothing: whatever is asked for exists
  std::optional<std::vector<std::string>> files;
  std::optional<std::map<std::string, Bytes>> disks;  // by name below /dev, with size
  std::vector<ObservedDomain> domains;
  std::vector<LatentAccess> latent;
  std::vector<Claim> claims;
  std::vector<ProjectMemory> projects;
  std::vector<ObservedVdisk> vdisks;
  std::vector<ObservedPool> pools;
  std::optional<std::vector<HostUse>> uses;  // nothing: the host does not tell
};

struct Observation {
  Time at;
  std::map<HostName, HostObservation> hosts;
  const HostObservation* find(const HostName& host) const;
};

// What it takes of its host's memory: nothing while it is saved.
inline Bytes memory_taken(const ObservedDomain& domain) {
  return domain.state == PowerState::saved ? Bytes{} : domain.memory;
}

const ObservedDomain* find_domain(const HostObservation& host, const Uuid& uuid);

}  // namespace hv
