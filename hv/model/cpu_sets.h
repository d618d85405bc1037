// CPU sets: which physical CPUs each virtual one may run on, as `cpus` and `cpus_soft` say it and
// as a host tells it.
//
// Pure functions over values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "hv/model/value.h"

namespace hv {

using CpuSet = std::set<int64_t>;

// One text for all virtual CPUs, or a list with one for each; unset is all. A set for each of
// `vcpus`, of the `cpus` that the host has. Nothing where that cannot be told from here (nodes).
std::optional<std::vector<CpuSet>> cpu_sets(const Value& value, int64_t vcpus, int64_t cpus);

// The same, however they are written. What cannot be told is the same only where it is written so.
bool same_cpu_sets(const Value& a, const Value& b, int64_t vcpus, int64_t cpus);

}  // namespace hv
