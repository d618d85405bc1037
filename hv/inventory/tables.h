// The tables of device-mapper, LVM and md, as their tools and the kernel print them, made into
// layers. Private to hv/inventory; pure but for the Machine they read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hv/inventory/machine.h"
#include "hv/storage/inventory.h"

namespace hv {

// `dmsetup table`: layers by device-mapper name. `names` are the kernel's names by number.
std::map<std::string, std::vector<Layer>> read_dm_tables(
    std::string_view text, const std::map<std::string, std::string>& names);

// `lvs`, `vgs` and `pvs`, each as JSON; an Error for what is none. `kernel_name` of a device path.
Result<std::vector<VolumeGroup>> read_lvm(std::string_view lvs, std::string_view vgs,
                                          std::string_view pvs,
                                          const std::map<std::string, std::string>& kernel_names);

// An array from /sys/class/block/NAME/md: its layers and superblocks.
void read_md(const Machine& machine, BlockDevice& device,
             const std::map<std::string, Sectors>& sizes);

// "vg-a/x" as device-mapper names it: "vg--a-x".
std::string mapper_name(const std::string& group, const std::string& volume);

}  // namespace hv
