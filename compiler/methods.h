// The methods of values, and what their functions share.
//
// Each answers failed() after raising. One thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/value.h"

namespace hv::compiler {

struct MethodRow {
  std::string_view name;
  MethodFunction function;
};

// Raises a TypeError that shows how it is written.
V wrong(Call& call, std::string usage);
// The text of argument `i`, or nothing after raising.
std::optional<std::string> text_argument(Call& call, std::size_t i, const char* usage);

std::span<const MethodRow> string_methods();

// The names of the value's methods; none where it has none.
std::vector<std::string_view> method_names(const V& self);

}  // namespace hv::compiler
