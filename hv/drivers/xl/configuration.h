// What libxl says of the configuration of machines beyond what look.cpp compares: taken where an
// attribute of ours means the same, else named, so that nobody thinks that all of it is known.
//
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "hv/model/value.h"

namespace hv {

// Among a machine's attributes, no name that a file can set: a list of what is set there and has no
// attribute of ours, as `xl list -l` spells it.
inline constexpr std::string_view kUntaken = "(untaken)";

// Of the output of `xl list -l`, by domain number. Nothing of what is no configuration.
std::map<uint64_t, Attributes> rest_of_configurations(std::string_view json);

}  // namespace hv
