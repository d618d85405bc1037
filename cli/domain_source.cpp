#include "cli/domain_source.h"

#include <algorithm>
#include <cctype>

#include "hv/drivers/xl/configuration.h"
#include "lang/strings.h"

namespace hv::cli {
namespace {

using lang::string_literal;

std::string literal(const Value& value) {
  if (const auto* yes = value.get<bool>()) return *yes ? "True" : "False";
  if (const auto* number = value.get<int64_t>()) return std::to_string(*number);
  if (const auto* size = value.get<Bytes>()) return to_literal(*size);
  if (const auto* duration = value.get<Duration>()) return to_literal(*duration);
  if (const auto* text = value.get<std::string>()) return string_literal(*text);
  std::string list;
  if (const auto* items = value.get<List>())
    for (const Value& item : *items) list += (list.empty() ? "" : ", ") + literal(item);
  return "[" + list + "]";
}

bool is_identifier(const std::string& name) {
  return !name.empty() && (std::isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_') &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

// With the keys where a comma in a name would end it; the target is last, because it takes the
// rest.
std::string disk_text(const Vbd& vbd) {
  std::string text = "vdev=" + vbd.device;
  text +=
      vbd.source.empty() ? ",format=empty" : ",format=" + (vbd.format.empty() ? "raw" : vbd.format);
  text += writes(vbd.mode) ? ",access=rw" : ",access=ro";
  if (vbd.cdrom) text += ",devtype=cdrom";
  if (!vbd.script.empty()) text += ",script=" + vbd.script;
  if (!vbd.source.empty()) text += ",target=" + vbd.source;
  return text;
}

std::string vif_text(const Vif& vif) {
  std::string text;
  for (const auto& [key, value] : vif.settings)
    text += (text.empty() ? "" : ",") + key + "=" + value;
  return text;
}

}  // namespace

std::string untaken_settings(const ObservedDomain& domain) {
  std::string names;
  if (const auto* list = domain.attributes.get<List>(kUntaken))
    for (const Value& name : *list)
      if (const auto* text = name.get<std::string>()) names += (names.empty() ? "" : ", ") + *text;
  // A host's words, in a comment that ends with its line.
  std::replace_if(
      names.begin(), names.end(), [](unsigned char c) { return c < ' '; }, '?');
  return names;
}

std::string domain_source(const ObservedDomain& domain, const HostName& host,
                          const Schema& schema) {
  const std::string untaken = untaken_settings(domain);
  std::string out = untaken.empty() ? "" : "# Set there, and not written here: " + untaken + "\n";
  out +=
      "domain " + (is_identifier(domain.name) ? domain.name : string_literal(domain.name)) + ":\n";
  const auto line = [&](std::string_view name, const std::string& text) {
    out += "    " + std::string(name) + " = " + text + "\n";
  };
  if (!host.empty()) line("host", string_literal(host.text));
  line("uuid", string_literal(to_string(domain.uuid)));
  if (domain.state == PowerState::paused || domain.state == PowerState::saved)
    line("state", "\"" + std::string(to_string(domain.state)) + "\"");
  line("memory", to_literal(domain.memory));
  if (domain.memory_max != domain.memory) line("maxmem", to_literal(domain.memory_max));
  line("vcpus", std::to_string(domain.vcpus));
  if (domain.vcpus_max != domain.vcpus) line("maxvcpus", std::to_string(domain.vcpus_max));
  // What is as it would be anyway is left out; what is not of this table nobody could set.
  for (const Attributes::Entry& entry : domain.attributes) {
    const Attribute* attribute = schema.find(Kind::domain, entry.name);
    if (attribute == nullptr || attribute->type == AttributeType::secret) continue;
    if (schema.default_of(Kind::domain, entry.name, domain.attributes) == entry.value) continue;
    if (attribute->type == AttributeType::cpu_list && entry.value == Value("all")) continue;
    line(entry.name, literal(entry.value));
  }
  const auto list = [&](std::string_view name, const auto& items, auto text) {
    std::string all;
    for (const auto& item : items) all += (all.empty() ? "" : ", ") + string_literal(text(item));
    if (!items.empty()) line(name, "[" + all + "]");
  };
  list("disk", domain.vbds, [](const ObservedVbd& vbd) { return disk_text(vbd.vbd); });
  list("vif", domain.vifs, vif_text);
  return out;
}

}  // namespace hv::cli
