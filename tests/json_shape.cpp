// misfit(): a JSON answer of the program against its schema in schemas/.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/process.h"

namespace hv::testing {
namespace {

using Json = nlohmann::json;

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

// The words of JSON Schema that our schemas use; one they do not use is a misfit of the schema, so
// that nothing is passed over in silence.
std::string unknown_word(const Json& rule) {
  static const std::vector<std::string> known = {
      "$schema",    "title",    "description", "type",  "const", "enum",
      "minimum",    "required", "properties",  "items", "$defs", "additionalProperties",
      "uniqueItems"};
  for (const auto& [word, value] : rule.items())
    if (std::find(known.begin(), known.end(), word) == known.end()) return word;
  return "";
}

std::string violation(const Json& value, const Json& rule, const std::string& at) {
  if (const std::string word = unknown_word(rule); !word.empty())
    return "the schema of " + at + " says `" + word + "`, which this test does not know";
  if (rule.contains("type")) {
    const Json types = rule["type"].is_array() ? rule["type"] : Json::array({rule["type"]});
    const bool fits = std::any_of(types.begin(), types.end(),
                                  [&](const Json& type) { return has_type(value, type); });
    if (!fits) return at + " has the wrong type: " + value.dump();
  }
  if (rule.contains("const") && rule["const"] != value) return at + " is " + value.dump();
  if (rule.contains("enum") &&
      std::find(rule["enum"].begin(), rule["enum"].end(), value) == rule["enum"].end())
    return at + " cannot be " + value.dump();
  if (rule.contains("minimum") && value.is_number() && value < rule["minimum"])
    return at + " is too small: " + value.dump();
  if (value.is_object()) {
    for (const Json& name : rule.value("required", Json::array()))
      if (!value.contains(name)) return at + " lacks " + name.dump();
    const Json properties = rule.value("properties", Json::object());
    for (const auto& [name, each] : value.items()) {
      const bool named = properties.contains(name);
      const Json more = rule.value("additionalProperties", Json(true));
      if (!named && more == false) return at + " has " + name;
      if (!named && !more.is_object()) continue;
      std::string why = violation(each, named ? properties[name] : more, at + "." + name);
      if (!why.empty()) return why;
    }
  }
  if (value.is_array() && rule.value("uniqueItems", false))
    for (std::size_t i = 1; i < value.size(); ++i)
      if (std::find(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i), value[i]) !=
          value.begin() + static_cast<std::ptrdiff_t>(i))
        return at + " has " + value[i].dump() + " twice";
  if (value.is_array() && rule.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::string why = violation(value[i], rule["items"], at + "[" + std::to_string(i) + "]");
      if (!why.empty()) return why;
    }
  return "";
}

}  // namespace

std::string misfit(const std::string& json, const std::string& schema) {
  const Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) return "no JSON: " + json.substr(0, 200);
  const std::string path = std::string(HV_SOURCE_DIR) + "/schemas/" + schema + ".schema.json";
  const Json rule = Json::parse(file_text(path), nullptr, false);
  if (rule.is_discarded()) return "no schema in " + path;
  return violation(document, rule, schema);
}

}  // namespace hv::testing
