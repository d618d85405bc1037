// A unified diff of two texts by lines, as `hv fmt --diff` prints it.
//
// Pure function.
#pragma once

#include <string>
#include <string_view>

namespace hv::cli {

// With three lines of context; empty where the texts are equal.
std::string unified_diff(std::string_view before, std::string_view after, const std::string& name);

}  // namespace hv::cli
