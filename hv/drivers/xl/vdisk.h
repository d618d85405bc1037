// Pools and virtual disks on a Xen host: what vdisk.sh is told to do, and what look.sh tells of
// them.
//
// A virtual disk is a device-mapper table over sectors of its pool's devices. hv calls those
// sectors by the names of the devices (hv/storage); the host is told which device, and where on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hv/model/observation.h"
#include "hv/model/plan.h"

namespace hv {

// The device of a virtual disk on its host: "/dev/mapper/hv-vd-UUID".
std::string vdisk_path(const Uuid& vdisk);
std::optional<Uuid> vdisk_of_path(std::string_view path);

// An action's input, as vdisk.sh documents it. Refused: a device that is no path below /dev,
// sectors that lie on none of the pool's devices.
Result<std::string> pool_input(const Operation& operation);
Result<std::string> vdisk_input(const Operation& operation);

// What the host wrote down of a pool or a virtual disk when it made it.
struct MappingRecord {
  std::string name;
  Uuid project;                     // of a virtual disk
  std::vector<Extent> extents;      // none of a pool
  std::vector<std::string> pool;    // the devices' paths
  std::string boot_id;              // of the life of dom0 that the table was made in
  std::vector<std::string> table;   // its lines: "0 8192 linear 253:0 2048"
  std::vector<std::string> before;  // those of the table that it took the place of, if it did
};
// Nothing: it is no such record.
std::optional<MappingRecord> mapping_record(std::string_view text);

}  // namespace hv
