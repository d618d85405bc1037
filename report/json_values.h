// Model values as JSON, for every report that needs them.
#pragma once

#include <nlohmann/json.hpp>

#include "hv/model/plan.h"
#include "hv/model/value.h"

namespace hv {

using Json = nlohmann::ordered_json;

// Sizes are bytes, durations seconds, secrets "(secret)", unset null.
Json to_json(const Value& value);
Json to_json(const Vbd& vbd);
Json to_json(const Place& place);  // {"file","line","column"}, or null
std::string dump(const Json& json);

}  // namespace hv
