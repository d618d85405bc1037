// The written form of an inventory: hv.inventory/1, in a stable order, for git.
//
// Pure functions. Two inventories of a host differ in their text only where they differ.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "hv/storage/inventory.h"

namespace hv {

std::string inventory_json(Inventory inventory);

// Code::inventory_newer for what a later hv wrote, Code::inventory_unreadable for what is none or
// cannot be true; the message says where.
Result<Inventory> read_inventory(std::string_view text);

}  // namespace hv
