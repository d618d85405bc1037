// Which pool and which virtual disks an operation is about, by identity: their names may have
// passed to others since a host heard of them. Kept in the operation's settings; the planner tells,
// drivers read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "hv/model/plan.h"

namespace hv {

// The pool of a vdisk_create or vdisk_enlarge.
void tell_pool(Operation& operation, const Uuid& pool);
std::optional<Uuid> told_pool(const Operation& operation);

// The virtual disks of that pool's host that have expired: what is known of them there and is not
// mapped any more holds nothing.
void tell_freed(Operation& operation, const std::vector<Uuid>& vdisks);
std::vector<Uuid> told_freed(const Operation& operation);

// The virtual disk that a domain_create or vbd_attach gives to the domain as `device`.
void tell_vdisk(Operation& operation, const std::string& device, const Uuid& vdisk);
std::optional<Uuid> told_vdisk(const Operation& operation, const std::string& device);

}  // namespace hv
