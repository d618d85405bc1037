// Bounds: what `min` and `max` of a schema file mean, in the units that Attribute counts in.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hv/schema/schema.h"
#include "hv/schema/toml.h"

namespace hv {

bool can_be_bounded(AttributeType type);
// Integers as they are; sizes in bytes and durations in milliseconds, from a literal of the
// language in a string, or a bare int that counts `bare_unit`. Nothing for any other value.
std::optional<int64_t> bound_of(AttributeType type, int64_t bare_unit, const TomlValue& value);
// A bound as the language writes it: "8GiB", "16".
std::string bound_text(AttributeType type, int64_t bound);
// What a bound of this type looks like: "a size such as \"8GiB\"".
std::string bound_form(AttributeType type);

}  // namespace hv
