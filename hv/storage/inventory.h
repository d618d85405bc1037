// Inventory: the storage facts of one host — devices, what each lies on, mounts, images, live VBDs.
//
// Plain values, gathered by hv/inventory, kept in git as JSON (hv.inventory/1), read by the
// resolver. Devices are named by the kernel ("sda", "dm-3"); a name that begins with a slash is a
// file's path. A device without layers is a store of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "hv/model/observation.h"

namespace hv {

enum class DeviceKind : uint8_t { disk, partition, loop, mapper, md, drbd, network, memory, other };
std::string_view to_string(DeviceKind kind);
std::optional<DeviceKind> device_kind_from(std::string_view text);

// How sectors of a device lie on others. The first four translate: the user of the device is the
// user of what is below. The next three are stores of their own, and the host writes what is below.
enum class LayerKind : uint8_t {
  linear,     // on one leg, one after the other: partitions, LVM, crypt, loop
  striped,    // chunk by chunk over the legs in turn
  mirror,     // on every leg
  multipath,  // the legs are ways to one device
  thin,       // volume `id` of a pool; the legs are its data and metadata
  snapshot,   // changes go to the leg, the copy-on-write space
  own,        // RAID with parity, caches: somewhere on the legs
  empty,      // nowhere: dm's zero and error
};
std::string_view to_string(LayerKind kind);
std::optional<LayerKind> layer_kind_from(std::string_view text);

struct Leg {
  std::string device;  // or a path
  Sectors start;
  auto operator<=>(const Leg&) const = default;
};

// Sectors [start, start + count) of a device.
struct Layer {
  Sectors start;
  Sectors count;
  LayerKind kind = LayerKind::linear;
  std::vector<Leg> legs;
  Sectors chunk;   // striped only
  std::string id;  // thin only: of the volume in its pool
  auto operator<=>(const Layer&) const = default;
};

// Sectors that the host itself writes to run a layer: an md superblock.
struct HostArea {
  std::string device;
  Sectors start;
  Sectors count;
  std::string what;
  auto operator<=>(const HostArea&) const = default;
};

struct BlockDevice {
  std::string name;
  std::string number;  // "8:0"
  DeviceKind kind = DeviceKind::disk;
  Sectors size;
  bool read_only = false;
  std::string mapper;  // device-mapper's name for it: "vg0-web"
  // Evidence of what it is, good on every host.
  std::string wwn, serial, model;
  std::string transport;         // "sata", "fc", "iscsi", …; empty: not known
  std::vector<std::string> ids;  // "iscsi:IQN:lun0", "drbd:r0"
  // What a copy carries too: "gpt:UUID", "lvm:UUID" of a physical volume, "ext4:UUID".
  std::vector<std::string> marks;
  std::vector<Layer> layers;
  std::vector<HostArea> writes;
  auto operator<=>(const BlockDevice&) const = default;
};

struct PhysicalVolume {
  std::string device;
  std::string uuid;
  Sectors data_start;  // what lies before is LVM's own
  auto operator<=>(const PhysicalVolume&) const = default;
};

// A logical volume, also one that is not active now. `layers` may lie on others of the group, by
// "GROUP/NAME".
struct LogicalVolume {
  std::string name;
  std::string uuid;
  std::string device;  // of an active one: "dm-3"
  std::vector<Layer> layers;
  auto operator<=>(const LogicalVolume&) const = default;
};

struct VolumeGroup {
  std::string name;
  std::string uuid;
  bool shared = false;  // by a lock manager: several hosts may change it
  std::vector<PhysicalVolume> devices;
  std::vector<LogicalVolume> volumes;
  auto operator<=>(const VolumeGroup&) const = default;
};

struct Mount {
  std::string point;
  std::string root = "/";  // the folder of the filesystem that is mounted there
  std::string number;      // of the filesystem, as stat tells it
  std::string type;        // "ext4", "nfs4"
  std::string source;      // "/dev/sda2", "nas:/export"
  bool read_only = false;
  bool covered = false;  // by another mount: names no longer lead to it
  std::vector<std::string>
      options;       // those that change what is written: "noload", "logdev=/dev/sdb"
  std::string fsid;  // of a filesystem on a server
  auto operator<=>(const Mount&) const = default;
};

struct Swap {
  std::string source;  // a device's or a file's path
  auto operator<=>(const Swap&) const = default;
};

// A file that a disk is made of, or another name of a device.
struct ImageFile {
  std::string path;
  int64_t inode = 0;
  int64_t links = 1;
  Bytes size;
  Bytes allocated;             // less than `size` where there are holes
  std::string device;          // of a device node: its number
  std::string format;          // "qcow2", "vhd", "vmdk"; empty: raw
  std::optional<Bytes> shows;  // the size that the guest sees
  std::string backing;         // as the header has it: relative to the file's folder
  std::string backing_format;
  std::vector<std::string> parts;  // further files of the same disk that are written with it
  auto operator<=>(const ImageFile&) const = default;
};

struct LiveDomain {
  std::string name;
  Uuid uuid;
  std::vector<ObservedVbd> vbds;
};

// What could not be gathered, and why.
struct InventoryNote {
  std::string source;  // "lvs"
  std::string text;    // "is not installed"
  auto operator<=>(const InventoryNote&) const = default;
};

struct Inventory {
  HostName host;
  Time taken;
  std::string machine;  // the machine's own id
  std::vector<InventoryNote> notes;
  std::vector<BlockDevice> devices;
  std::vector<VolumeGroup> groups;
  std::vector<Mount> mounts;  // as mounted: a later one covers an earlier one at the same point
  std::vector<Swap> swaps;
  std::vector<HostUse> uses;  // what else the host has open: by processes, pools of ZFS
  std::vector<ImageFile> files;
  std::map<std::string, std::string> links;  // symbolic links, with what they say
  std::vector<LiveDomain> domains;
};

// The order of the written form: all by name, mounts as they are.
void sort_inventory(Inventory& inventory);

}  // namespace hv
