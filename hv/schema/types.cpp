#include <iterator>

#include "hv/schema/schema.h"

namespace hv {

namespace {

struct TypeWords {
  AttributeType type;
  std::string_view word;
  std::string_view what;
};

constexpr TypeWords kTypes[] = {
    {AttributeType::boolean, "boolean", "yes or no"},
    {AttributeType::integer, "integer", "a whole number"},
    {AttributeType::number, "number", "a number"},
    {AttributeType::string, "string", "a string"},
    {AttributeType::size, "size", "a size"},
    {AttributeType::duration, "duration", "a duration"},
    {AttributeType::uuid, "uuid", "a UUID"},
    {AttributeType::mac, "mac", "a MAC address"},
    {AttributeType::ip, "ip", "an IP address"},
    {AttributeType::path, "path", "a path on the host"},
    {AttributeType::secret, "secret", "a secret string"},
    {AttributeType::choice, "choice", "one of a few words"},
    {AttributeType::string_list, "string_list", "a list of strings"},
    {AttributeType::cpu_list, "cpu_list", "CPUs, as \"0-3,^2\" or a list"},
    {AttributeType::vbd_list, "vbd_list", "a list of disks: strings or vbd(…)"},
    {AttributeType::vif_list, "vif_list", "a list of interfaces: strings or vif(…)"},
    {AttributeType::reference, "reference", "a reference"},
    {AttributeType::reference_list, "reference_list", "a list of references"},
    {AttributeType::raw, "raw", "strings or lists, passed on unchanged"},
};

// In the order of the enum, so that its value is the index.
constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kTypes); ++i) {
    if (kTypes[i].type != static_cast<AttributeType>(i)) return false;
  }
  return std::size(kTypes) == static_cast<std::size_t>(AttributeType::raw) + 1;
}
static_assert(in_order(), "a type of attribute has no words, or its words are out of order");

}  // namespace

std::string_view to_string(AttributeType type) {
  return kTypes[static_cast<std::size_t>(type)].word;
}

std::string_view describe(AttributeType type) {
  return kTypes[static_cast<std::size_t>(type)].what;
}

std::optional<AttributeType> attribute_type_from(std::string_view word) {
  for (const TypeWords& words : kTypes) {
    if (words.word == word) return words.type;
  }
  return std::nullopt;
}

}  // namespace hv
