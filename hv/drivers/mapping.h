// Which pool and which virtual disks an operation is about, by identity: their names may have
// passed to others since a host heard of them. Kept in the operation's settings; the planner tells,
// drivers read.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "hv/model/plan.h"

namespace hv {

// The pool of a vdisk_create or vdisk_enlarge.
void tell_pool(Operation& operation, const Uuid& pool);
std::optional<Uuid> told_pool(const Operation& operation);

// The virtual disk that a domain_create or vbd_attach gives to the domain as `device`.
void tell_vdisk(Operation& operation, const std::string& device, const Uuid& vdisk);
std::optional<Uuid> told_vdisk(const Operation& operation, const std::string& device);

}  // namespace hv
