#include "report/json_values.h"
#include "report/report.h"
#include "report/words.h"

namespace hv {
namespace {

struct Shown {
  Json attributes = Json::object();
  Json defaults = Json::array();
  std::string host;
};

void add_defaults(Shown& shown, Kind kind, const Attributes& given, const Schema& schema,
                  std::initializer_list<std::string_view> own) {
  for (const Attribute& attribute : schema.attributes(kind)) {
    bool has_field = false;
    for (const std::string_view name : own) has_field = has_field || name == attribute.name;
    if (has_field || given.contains(attribute.name) || attribute.name.starts_with("lifecycle."))
      continue;
    const Value value = schema.default_of(kind, attribute.name, given);
    if (value.is_unset()) continue;
    shown.attributes[std::string(attribute.name)] = to_json(value);
    shown.defaults.push_back(attribute.name);
  }
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Shown show(const DomainSpec& domain, const Schema& schema) {
  Shown shown;
  shown.host = domain.host.text;
  shown.attributes["name"] = domain.name;
  if (domain.uuid) shown.attributes["uuid"] = to_string(*domain.uuid);
  shown.attributes["state"] = to_string(domain.state);
  for (const Attributes::Entry& entry : domain.attributes)
    shown.attributes[entry.name] = to_json(entry.value);
  Json vbds = Json::array();
  for (const Vbd& vbd : domain.vbds) vbds.push_back(to_json(vbd));
  shown.attributes["vbds"] = std::move(vbds);
  Json vifs = Json::array();
  for (const Vif& vif : domain.vifs) {
    Json entry = Json::object();
    for (const auto& [key, value] : vif.settings) entry[key] = value;
    if (vif.network) entry["network"] = to_string(*vif.network);
    vifs.push_back(std::move(entry));
  }
  shown.attributes["vifs"] = std::move(vifs);
  if (domain.sharing) shown.attributes["sharing"] = *domain.sharing;
  const Lifecycle& lifecycle = domain.lifecycle;
  shown.attributes["lifecycle"] =
      Json{{"protect", lifecycle.protect},
           {"on_restart_needed", to_string(lifecycle.on_restart_needed)},
           {"stop", to_string(lifecycle.stop)},
           {"stop_timeout", to_json(Value(lifecycle.stop_timeout))},
           {"ignore", lifecycle.ignore}};
  add_defaults(shown, Kind::domain, domain.attributes, schema,
               {"name", "uuid", "state", "disk", "vif", "host", "nics", "builder"});
  return shown;
}

Shown show(const VdiskSpec& vdisk, const Schema&) {
  Shown shown;
  shown.attributes["pool"] = vdisk.pool.name.empty() ? Json(nullptr) : Json(to_string(vdisk.pool));
  shown.attributes["size"] = vdisk.size.count;
  if (vdisk.expiry) shown.attributes["expiry"] = to_json(Value(*vdisk.expiry));
  return shown;
}

Shown show(const PoolSpec& pool, const Schema&) {
  Shown shown;
  shown.host = pool.host.text;
  shown.attributes["devices"] = pool.devices;
  shown.attributes["extent"] = pool.extent.count;
  shown.attributes["scrub"] = to_string(pool.scrub);
  return shown;
}

Shown show(const NetworkSpec& network, const Schema&) {
  Shown shown;
  shown.host = network.host.text;
  shown.attributes["bridge"] = or_null(network.bridge);
  if (network.mtu) shown.attributes["mtu"] = *network.mtu;
  if (network.vlan) shown.attributes["vlan"] = *network.vlan;
  return shown;
}

HostName host_of(const DesiredGraph& desired, const Resource& resource) {
  if (const auto* vdisk = std::get_if<VdiskSpec>(&resource)) {
    const auto* pool = desired.get<PoolSpec>(vdisk->pool);
    return pool == nullptr ? HostName{} : pool->host;
  }
  if (const auto* domain = std::get_if<DomainSpec>(&resource)) return domain->host;
  if (const auto* pool = std::get_if<PoolSpec>(&resource)) return pool->host;
  return std::get<NetworkSpec>(resource).host;
}

}  // namespace

std::string desired_json(const DesiredGraph& desired, const Schema& schema) {
  Json resources = Json::array();
  for (const Resource& resource : desired.resources()) {
    Shown shown = std::visit([&](const auto& each) { return show(each, schema); }, resource);
    const HostName host = host_of(desired, resource);
    resources.push_back({{"address", to_string(address_of(resource))},
                         {"kind", to_string(address_of(resource).kind)},
                         {"host", or_null(host.text)},
                         {"attributes", std::move(shown.attributes)},
                         {"defaults", std::move(shown.defaults)},
                         {"source", to_json(place_of(resource))}});
  }
  return dump(Json{{"format", "hv.desired/1"}, {"resources", std::move(resources)}});
}

std::string desired_text(const DesiredGraph& desired, const Schema& schema) {
  std::string out;
  for (const Resource& resource : desired.resources()) {
    if (!out.empty()) out += "\n";
    const Address& address = address_of(resource);
    const HostName host = host_of(desired, resource);
    out += to_string(address) + (host.empty() ? "" : " on " + host.text) + "   # " +
           to_string(place_of(resource)) + "\n";
    const auto line = [&](const std::string& name, const std::string& value, bool is_default) {
      out += "    " + padded(name, 24) + " " + value + (is_default ? "   # default" : "") + "\n";
    };
    if (const auto* domain = std::get_if<DomainSpec>(&resource)) {
      line("name", domain->name, false);
      if (domain->uuid) line("uuid", to_string(*domain->uuid), false);
      for (const Attribute& attribute : schema.attributes(Kind::domain)) {
        if (attribute.name == "name" || attribute.name == "uuid" || attribute.name == "builder" ||
            attribute.name.starts_with("lifecycle."))
          continue;
        if (const Value* value = domain->attributes.find(attribute.name)) {
          line(std::string(attribute.name), to_human(*value), false);
          continue;
        }
        const Value value = schema.default_of(Kind::domain, attribute.name, domain->attributes);
        if (!value.is_unset() && attribute.name != "state")
          line(std::string(attribute.name), to_human(value), true);
      }
      line("state", std::string(to_string(domain->state)), false);
      for (const Vbd& vbd : domain->vbds) line("disk " + vbd.device, describe(vbd), false);
      for (const Vif& vif : domain->vifs) {
        std::string settings;
        for (const auto& [key, value] : vif.settings)
          settings += (settings.empty() ? "" : ",") + key + "=" + value;
        line("vif", settings.empty() ? "defaults" : settings, false);
      }
      if (domain->lifecycle.protect) line("lifecycle.protect", "yes", false);
    } else if (const auto* vdisk = std::get_if<VdiskSpec>(&resource)) {
      line("pool", vdisk->pool.name, false);
      line("size", to_human(vdisk->size), false);
      if (vdisk->expiry) line("expiry", to_human(*vdisk->expiry), false);
    } else if (const auto* pool = std::get_if<PoolSpec>(&resource)) {
      std::string devices;
      for (const std::string& device : pool->devices)
        devices += (devices.empty() ? "" : ", ") + device;
      line("devices", devices, false);
      line("extent", to_human(pool->extent), false);
      line("scrub", std::string(to_string(pool->scrub)), false);
    } else if (const auto* network = std::get_if<NetworkSpec>(&resource)) {
      line("bridge", network->bridge, false);
      if (network->mtu) line("mtu", std::to_string(*network->mtu), false);
      if (network->vlan) line("vlan", std::to_string(*network->vlan), false);
    }
  }
  return out;
}

}  // namespace hv
