// Resources: what a source declares — domains with their VBDs and VIFs, pools, vdisks, networks.
//
// Plain values, made by the compiler, kept in state and in plans. Only what a file set is here: the
// defaults of what it left out are in hv/schema. `place` says where it was declared, for reports.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/source.h"
#include "base/units.h"
#include "hv/model/value.h"

namespace hv {

// Xen's modes. `write_shared` is xm's "w!": the user's word that other writers are meant to be.
enum class AccessMode : uint8_t { read, write, write_shared };
std::string_view to_string(AccessMode mode);  // "r", "w", "w!"
std::optional<AccessMode> access_mode_from(std::string_view text);
inline bool writes(AccessMode mode) {
  return mode != AccessMode::read;
}

// A virtual block device of one domain. Keyed by `device` within the domain.
struct Vbd {
  std::string device;   // in the guest: "xvda", "hda1", "sda"
  std::string source;   // the name without prefixes (libxl's pdev_path); empty: an empty drive;
                        // the vdisk's name where backend is "vd"
  std::string backend;  // "phy", "file", "tap", "qdisk", "vd", …; empty: the hypervisor chooses
  std::string format;   // "raw", "qcow2", "vhd", …; empty: unset
  std::string script;   // hotplug script; empty: none
  AccessMode mode = AccessMode::write;
  bool cdrom = false;
  bool removable = false;
  std::map<std::string, std::string> options;  // further keys of the disk string ("discard", …)
  std::string written;                         // as the file has it, for reports; not compared
  Place place;                                 // not compared
};
bool same_settings(const Vbd& a, const Vbd& b);  // all but `written` and `place`

// A virtual network interface. Keyed by MAC where one is set, else by its index.
struct Vif {
  std::map<std::string, std::string> settings;  // keys of xl's vif string: "mac", "bridge", …
  std::optional<Address> network;               // vif(network=…): bridge, mtu, vlan came from it
  Place place;                                  // not compared
};
bool same_settings(const Vif& a, const Vif& b);

enum class OnRestartNeeded : uint8_t { restart, defer, fail };
enum class StopBy : uint8_t { shutdown, destroy };
std::string_view to_string(OnRestartNeeded policy);
std::string_view to_string(StopBy policy);
std::optional<OnRestartNeeded> on_restart_needed_from(std::string_view text);
std::optional<StopBy> stop_by_from(std::string_view text);

struct Lifecycle {
  bool protect = false;  // no plan may destroy it
  OnRestartNeeded on_restart_needed = OnRestartNeeded::restart;
  StopBy stop = StopBy::shutdown;
  Duration stop_timeout = seconds(60);
  std::vector<std::string> ignore;  // attributes whose drift is left alone
  bool operator==(const Lifecycle&) const = default;
};

enum class PowerState : uint8_t { running, paused, halted, saved, missing };
std::string_view to_string(PowerState state);
std::optional<PowerState> power_state_from(std::string_view text);

struct DomainSpec {
  Address address;
  std::string name;  // what the hypervisor calls it
  HostName host;
  std::optional<Uuid> uuid;  // only where the file sets it
  // All but name, uuid, host, state, disk, vif, sharing/vbd_expert and lifecycle. Names and types
  // are those of schemas/domain.toml ("memory": Bytes, "vcpus": int64_t, "kernel": string, …).
  Attributes attributes;
  PowerState state = PowerState::running;  // declared: running, paused, halted or saved
  bool sets_disk = false;  // a `disk` that was once set is ours whole; unset is not compared
  bool sets_vif = false;
  std::vector<Vbd> vbds;
  std::vector<Vif> vifs;
  std::optional<int> sharing;  // vbd_expert / sharing: the highest level permitted, 0..2
  Lifecycle lifecycle;
  Place place;
  std::string root;  // the root file it was declared from, relative to hv.toml; "-" for stdin
};

enum class Scrub : uint8_t { on_allocate, on_release, never };
std::string_view to_string(Scrub scrub);
std::optional<Scrub> scrub_from(std::string_view text);

// Devices whose extents hv hands out to vdisks.
struct PoolSpec {
  Address address;
  HostName host;
  std::vector<std::string> devices;  // as written: "phy:/dev/sda10"
  Bytes extent = mib(64);            // a whole number of sectors
  Scrub scrub = Scrub::on_allocate;
  Place place;
  std::string root;
};

struct VdiskSpec {
  Address address;
  Address pool;
  Bytes size;
  std::optional<Duration> expiry;  // nothing: never
  Place place;
  std::string root;
};

// A bridge that must exist on its host.
struct NetworkSpec {
  Address address;
  HostName host;
  std::string bridge;
  std::optional<int64_t> mtu;
  std::optional<int64_t> vlan;
  Place place;
  std::string root;
};

using Resource = std::variant<DomainSpec, VdiskSpec, PoolSpec, NetworkSpec>;
const Address& address_of(const Resource& resource);
const Place& place_of(const Resource& resource);
const std::string& root_of(const Resource& resource);

// Several domains may write one storage object on the user's word (a cluster filesystem).
struct ShareGrant {
  std::string source;            // a disk's source as written ("phy:/dev/sdc"), empty for a vdisk
  std::optional<Address> vdisk;  // the vdisk, where it is one
  std::string filesystem;        // "ocfs2", "gfs2", "raw-app"
  std::vector<Address> domains;
  Place place;
};

struct Moved {
  Address from;
  Address to;
  Place place;
};

}  // namespace hv
