#include "hv/inventory/inventory_json.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace hv {
namespace {

using Json = nlohmann::ordered_json;

// Larger than any disk; sums of a few stay within 64 bits.
constexpr int64_t kMostSectors = int64_t{1} << 55;
constexpr int64_t kMostBytes = (int64_t{1} << 62);
constexpr std::size_t kMostText = std::size_t{1} << 28;
constexpr std::string_view kFormat = "hv.inventory/1";

// Writing: what is empty or false is left out.

void put(Json& into, const char* key, const std::string& text) {
  if (!text.empty()) into[key] = text;
}
void put(Json& into, const char* key, bool flag) {
  if (flag) into[key] = true;
}
void put(Json& into, const char* key, const std::vector<std::string>& list) {
  if (!list.empty()) into[key] = list;
}

// "2026-11-03T14:02:09Z"
std::string time_text(Time time) {
  std::string text = to_human(time);
  return text.substr(0, 10) + "T" + text.substr(11, 8) + "Z";
}

std::optional<Time> time_from(const std::string& text) {
  int year = 0, hour = 0, minute = 0, second = 0, used = 0;
  unsigned month = 0, day = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute,
                  &second, &used) != 6 ||
      used != static_cast<int>(text.size()))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59)
    return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Time{{(days * 86400 + hour * 3600 + minute * 60 + second) * 1000}};
}

Json json_of(const std::vector<Layer>& layers) {
  Json list = Json::array();
  for (const Layer& layer : layers) {
    Json one{{"start", layer.start.count},
             {"sectors", layer.count.count},
             {"kind", to_string(layer.kind)}};
    if (layer.chunk.count != 0) one["chunk"] = layer.chunk.count;
    put(one, "id", layer.id);
    Json legs = Json::array();
    for (const Leg& leg : layer.legs)
      legs.push_back({{"device", leg.device}, {"start", leg.start.count}});
    if (!legs.empty()) one["on"] = std::move(legs);
    list.push_back(std::move(one));
  }
  return list;
}

Json json_of(const BlockDevice& device) {
  Json one{{"name", device.name}};
  put(one, "number", device.number);
  one["kind"] = to_string(device.kind);
  one["sectors"] = device.size.count;
  put(one, "read_only", device.read_only);
  put(one, "mapper", device.mapper);
  put(one, "wwn", device.wwn);
  put(one, "serial", device.serial);
  put(one, "model", device.model);
  put(one, "transport", device.transport);
  put(one, "ids", device.ids);
  put(one, "marks", device.marks);
  if (!device.layers.empty()) one["layers"] = json_of(device.layers);
  Json writes = Json::array();
  for (const HostArea& area : device.writes)
    writes.push_back({{"device", area.device},
                      {"start", area.start.count},
                      {"sectors", area.count.count},
                      {"what", area.what}});
  if (!writes.empty()) one["writes"] = std::move(writes);
  return one;
}

Json json_of(const VolumeGroup& group) {
  Json one{{"name", group.name}};
  put(one, "uuid", group.uuid);
  put(one, "shared", group.shared);
  Json devices = Json::array(), volumes = Json::array();
  for (const PhysicalVolume& pv : group.devices) {
    Json on{{"device", pv.device}};
    put(on, "uuid", pv.uuid);
    on["data_start"] = pv.data_start.count;
    devices.push_back(std::move(on));
  }
  for (const LogicalVolume& lv : group.volumes) {
    Json volume{{"name", lv.name}};
    put(volume, "uuid", lv.uuid);
    put(volume, "device", lv.device);
    if (!lv.layers.empty()) volume["layers"] = json_of(lv.layers);
    volumes.push_back(std::move(volume));
  }
  one["devices"] = std::move(devices);
  one["volumes"] = std::move(volumes);
  return one;
}

Json json_of(const Mount& mount) {
  Json one{{"point", mount.point}};
  if (mount.root != "/") one["root"] = mount.root;
  put(one, "number", mount.number);
  one["type"] = mount.type;
  put(one, "source", mount.source);
  put(one, "read_only", mount.read_only);
  put(one, "covered", mount.covered);
  put(one, "options", mount.options);
  put(one, "fsid", mount.fsid);
  return one;
}

Json json_of(const ImageFile& file) {
  Json one{{"path", file.path}};
  if (file.inode != 0) one["inode"] = file.inode;
  if (file.links != 1) one["links"] = file.links;
  put(one, "device", file.device);
  if (file.device.empty()) {
    one["bytes"] = file.size.count;
    one["allocated"] = file.allocated.count;
  }
  put(one, "format", file.format);
  if (file.shows) one["shows"] = file.shows->count;
  put(one, "backing", file.backing);
  put(one, "backing_format", file.backing_format);
  put(one, "parts", file.parts);
  return one;
}

Json json_of(const LiveDomain& domain) {
  Json one{{"name", domain.name}};
  if (!domain.uuid.is_nil()) one["uuid"] = to_string(domain.uuid);
  Json vbds = Json::array();
  for (const ObservedVbd& seen : domain.vbds) {
    Json vbd{{"device", seen.vbd.device}, {"source", seen.vbd.source}};
    put(vbd, "backend", seen.vbd.backend);
    put(vbd, "format", seen.vbd.format);
    put(vbd, "script", seen.vbd.script);
    vbd["mode"] = to_string(seen.vbd.mode);
    put(vbd, "cdrom", seen.vbd.cdrom);
    put(vbd, "physical", seen.physical);
    vbds.push_back(std::move(vbd));
  }
  one["vbds"] = std::move(vbds);
  return one;
}

template <typename T>
Json json_of_all(const std::vector<T>& list) {
  Json all = Json::array();
  for (const T& one : list) all.push_back(json_of(one));
  return all;
}

// Reading. The first thing wrong is kept with the way to it, and reading goes on harmlessly.

class Reader {
 public:
  Reader(const Json& json, std::string at, std::string& wrong)
      : json_(json), at_(std::move(at)), wrong_(wrong) {
    if (!json_.is_object()) fail("is no object");
  }
  ~Reader() {
    if (!json_.is_object()) return;
    for (const auto& [key, value] : json_.items())
      if (!known_.contains(key)) fail("has the unknown key `" + key + "`");
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool has(const char* key) {
    known_.insert(key);
    return json_.is_object() && json_.contains(key);
  }
  std::string text(const char* key, bool needed = false) {
    if (!has(key)) {
      if (needed) fail("has no `" + std::string(key) + "`");
      return {};
    }
    const Json& value = json_[key];
    if (!value.is_string()) {
      fail_at(key, "is no text");
      return {};
    }
    const std::string& words = value.get_ref<const std::string&>();
    if (words.size() > 4096 || words.find('\0') != std::string::npos) {
      fail_at(key, "is no name or path");
      return {};
    }
    if (needed && words.empty()) fail_at(key, "is empty");
    return words;
  }
  bool flag(const char* key) {
    if (!has(key)) return false;
    if (!json_[key].is_boolean()) fail_at(key, "is neither true nor false");
    return json_[key].is_boolean() && json_[key].get<bool>();
  }
  int64_t number(const char* key, int64_t most, std::optional<int64_t> unset = std::nullopt) {
    if (!has(key)) {
      if (!unset) fail("has no `" + std::string(key) + "`");
      return unset.value_or(0);
    }
    const Json& value = json_[key];
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(most)) ||
        value.get<int64_t>() < 0 || value.get<int64_t>() > most) {
      fail_at(key, "is no number from 0 to " + std::to_string(most));
      return 0;
    }
    return value.get<int64_t>();
  }
  Sectors sectors_of(const char* key, std::optional<int64_t> unset = std::nullopt) {
    return sectors(number(key, kMostSectors, unset));
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> list;
    if (!has(key)) return list;
    const Json& value = json_[key];
    if (!value.is_array()) {
      fail_at(key, "is no list");
      return list;
    }
    for (const Json& one : value) {
      if (one.is_string())
        list.push_back(one.get<std::string>());
      else
        fail_at(key, "has an item that is no text");
    }
    return list;
  }
  template <typename T, typename Read>
  std::vector<T> all(const char* key, Read read, bool needed = false) {
    std::vector<T> list;
    if (!has(key)) {
      if (needed) fail("has no `" + std::string(key) + "`");
      return list;
    }
    const Json& value = json_[key];
    if (!value.is_array()) {
      fail_at(key, "is no list");
      return list;
    }
    list.reserve(value.size());
    for (std::size_t i = 0; i < value.size() && wrong_.empty(); ++i) {
      Reader one(value[i], at(key) + "[" + std::to_string(i) + "]", wrong_);
      list.push_back(read(one));
    }
    return list;
  }
  template <typename Enum>
  Enum word(const char* key, std::optional<Enum> (*from)(std::string_view)) {
    const std::string said = text(key, true);
    const std::optional<Enum> value = from(said);
    if (!value) fail_at(key, "is `" + said + "`, which is unknown");
    return value.value_or(Enum{});
  }
  const Json* object(const char* key) {
    if (!has(key)) return nullptr;
    if (json_[key].is_object()) return &json_[key];
    fail_at(key, "is no object");
    return nullptr;
  }
  std::string at(const char* key) const { return at_.empty() ? key : at_ + "." + key; }
  void fail_at(const char* key, const std::string& what) { fail_in(at(key), what); }
  void fail(const std::string& what) { fail_in(at_.empty() ? "it" : at_, what); }

 private:
  void fail_in(const std::string& where, const std::string& what) {
    if (wrong_.empty()) wrong_ = "`" + where + "` " + what;
  }
  const Json& json_;
  std::string at_;
  std::string& wrong_;
  std::set<std::string> known_;
};

Layer layer_from(Reader& from) {
  Layer layer;
  layer.start = from.sectors_of("start");
  layer.count = from.sectors_of("sectors");
  layer.kind = from.word<LayerKind>("kind", layer_kind_from);
  layer.chunk = from.sectors_of("chunk", 0);
  layer.id = from.text("id");
  layer.legs = from.all<Leg>("on", [](Reader& leg) {
    return Leg{leg.text("device", true), leg.sectors_of("start")};
  });
  if ((layer.kind == LayerKind::striped) != (layer.chunk.count > 0))
    from.fail("must have a chunk where it is striped, and else none");
  if (layer.legs.empty() != (layer.kind == LayerKind::empty))
    from.fail("must lie on something unless it is empty");
  if (layer.kind == LayerKind::linear && layer.legs.size() > 1)
    from.fail("is linear on more than one device");
  return layer;
}

std::vector<Layer> layers_from(Reader& from) {
  std::vector<Layer> layers = from.all<Layer>("layers", layer_from);
  Sectors end;
  for (const Layer& layer : layers) {
    if (layer.start < end) from.fail_at("layers", "overlap or are out of order");
    end = layer.start + layer.count;
  }
  return layers;
}

BlockDevice device_from(Reader& from) {
  BlockDevice device;
  device.name = from.text("name", true);
  device.number = from.text("number");
  device.kind = from.word<DeviceKind>("kind", device_kind_from);
  device.size = from.sectors_of("sectors");
  device.read_only = from.flag("read_only");
  device.mapper = from.text("mapper");
  device.wwn = from.text("wwn");
  device.serial = from.text("serial");
  device.model = from.text("model");
  device.transport = from.text("transport");
  device.ids = from.texts("ids");
  device.marks = from.texts("marks");
  device.layers = layers_from(from);
  device.writes = from.all<HostArea>("writes", [](Reader& area) {
    return HostArea{area.text("device", true), area.sectors_of("start"), area.sectors_of("sectors"),
                    area.text("what")};
  });
  if (device.name.starts_with('/')) from.fail_at("name", "is a path");
  return device;
}

VolumeGroup group_from(Reader& from) {
  VolumeGroup group;
  group.name = from.text("name", true);
  group.uuid = from.text("uuid");
  group.shared = from.flag("shared");
  group.devices = from.all<PhysicalVolume>("devices", [](Reader& pv) {
    return PhysicalVolume{pv.text("device", true), pv.text("uuid"), pv.sectors_of("data_start")};
  });
  group.volumes = from.all<LogicalVolume>("volumes", [](Reader& lv) {
    return LogicalVolume{lv.text("name", true), lv.text("uuid"), lv.text("device"),
                         layers_from(lv)};
  });
  return group;
}

Mount mount_from(Reader& from) {
  Mount mount;
  mount.point = from.text("point", true);
  if (from.has("root")) mount.root = from.text("root");
  mount.number = from.text("number");
  mount.type = from.text("type", true);
  mount.source = from.text("source");
  mount.read_only = from.flag("read_only");
  mount.covered = from.flag("covered");
  mount.options = from.texts("options");
  mount.fsid = from.text("fsid");
  if (!mount.point.starts_with('/')) from.fail_at("point", "is no absolute path");
  return mount;
}

ImageFile file_from(Reader& from) {
  ImageFile file;
  file.path = from.text("path", true);
  file.inode = from.number("inode", INT64_MAX, 0);
  file.links = from.number("links", INT64_MAX, 1);
  file.device = from.text("device");
  file.size = bytes(from.number("bytes", kMostBytes, 0));
  file.allocated = bytes(from.number("allocated", kMostBytes, 0));
  file.format = from.text("format");
  if (from.has("shows")) file.shows = bytes(from.number("shows", kMostBytes));
  file.backing = from.text("backing");
  file.backing_format = from.text("backing_format");
  file.parts = from.texts("parts");
  if (!file.path.starts_with('/')) from.fail_at("path", "is no absolute path");
  return file;
}

ObservedVbd vbd_from(Reader& from) {
  ObservedVbd seen;
  seen.vbd.device = from.text("device", true);
  seen.vbd.source = from.text("source");
  seen.vbd.backend = from.text("backend");
  seen.vbd.format = from.text("format");
  seen.vbd.script = from.text("script");
  seen.vbd.mode = from.word<AccessMode>("mode", access_mode_from);
  seen.vbd.cdrom = from.flag("cdrom");
  seen.physical = from.text("physical");
  seen.connected = true;
  return seen;
}

LiveDomain domain_from(Reader& from) {
  LiveDomain domain;
  domain.name = from.text("name", true);
  const std::string uuid = from.text("uuid");
  if (!uuid.empty()) {
    const std::optional<Uuid> parsed = parse_uuid(uuid);
    if (!parsed) from.fail_at("uuid", "is no UUID");
    domain.uuid = parsed.value_or(Uuid{});
  }
  domain.vbds = from.all<ObservedVbd>("vbds", vbd_from, true);
  return domain;
}

Inventory inventory_from(Reader& from) {
  Inventory inventory;
  from.has("format");
  inventory.host = HostName{from.text("host", true)};
  const std::optional<Time> taken = time_from(from.text("taken", true));
  if (!taken) from.fail_at("taken", "is no time such as 2026-11-03T14:02:09Z");
  inventory.taken = taken.value_or(Time{});
  inventory.machine = from.text("machine");
  inventory.notes = from.all<InventoryNote>("notes", [](Reader& note) {
    return InventoryNote{note.text("source", true), note.text("text", true)};
  });
  inventory.devices = from.all<BlockDevice>("devices", device_from, true);
  inventory.groups = from.all<VolumeGroup>("groups", group_from);
  inventory.mounts = from.all<Mount>("mounts", mount_from);
  inventory.swaps =
      from.all<Swap>("swaps", [](Reader& swap) { return Swap{swap.text("source", true)}; });
  inventory.uses = from.all<HostUse>("uses", [](Reader& use) {
    return HostUse{use.text("source", true), use.text("what", true),
                   use.word<AccessMode>("mode", access_mode_from)};
  });
  inventory.files = from.all<ImageFile>("files", file_from);
  if (const Json* links = from.object("links"))
    for (const auto& [path, target] : links->items()) {
      if (!path.starts_with('/') || !target.is_string() ||
          target.get_ref<const std::string&>().empty())
        from.fail_at("links", "has `" + path + "`, which is no link");
      else
        inventory.links[path] = target.get<std::string>();
    }
  inventory.domains = from.all<LiveDomain>("domains", domain_from);
  std::set<std::string> names;
  for (const BlockDevice& device : inventory.devices)
    if (!names.insert(device.name).second)
      from.fail_at("devices", "has `" + device.name + "` twice");
  return inventory;
}

}  // namespace

std::string inventory_json(Inventory inventory) {
  sort_inventory(inventory);
  Json json{
      {"format", kFormat}, {"host", inventory.host.text}, {"taken", time_text(inventory.taken)}};
  put(json, "machine", inventory.machine);
  Json notes = Json::array();
  for (const InventoryNote& note : inventory.notes)
    notes.push_back({{"source", note.source}, {"text", note.text}});
  if (!notes.empty()) json["notes"] = std::move(notes);
  json["devices"] = json_of_all(inventory.devices);
  json["groups"] = json_of_all(inventory.groups);
  json["mounts"] = json_of_all(inventory.mounts);
  Json swaps = Json::array();
  for (const Swap& swap : inventory.swaps) swaps.push_back({{"source", swap.source}});
  json["swaps"] = std::move(swaps);
  Json uses = Json::array();
  for (const HostUse& use : inventory.uses)
    uses.push_back({{"source", use.source}, {"what", use.what}, {"mode", to_string(use.mode)}});
  if (!uses.empty()) json["uses"] = std::move(uses);
  json["files"] = json_of_all(inventory.files);
  Json links = Json::object();
  for (const auto& [path, target] : inventory.links) links[path] = target;
  json["links"] = std::move(links);
  json["domains"] = json_of_all(inventory.domains);
  // Names on a host are bytes; what is no UTF-8 is shown, not refused.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Inventory> read_inventory(std::string_view text) {
  auto unreadable = [](const std::string& what) {
    return Error{Code::inventory_unreadable, "this is no inventory: " + what,
                 "`hv inventory HOST -o FILE` writes one"};
  };
  if (text.size() > kMostText) return unreadable("it is larger than 256 MiB");
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return unreadable("it is not JSON");
  const auto format = json.is_object() ? json.find("format") : json.end();
  if (!json.is_object() || format == json.end() || !format->is_string())
    return unreadable("it has no `format`");
  const std::string said = format->get<std::string>();
  if (said != kFormat) {
    if (said.starts_with("hv.inventory/"))
      return Error{
          Code::inventory_newer,
          "the inventory is of the format `" + said + "`, this hv reads " + std::string(kFormat),
          "gather it with this hv, or use the newer one"};
    return unreadable("its format is `" + said + "`");
  }
  std::string wrong;
  Inventory inventory;
  {
    Reader reader(json, "", wrong);
    inventory = inventory_from(reader);
  }
  if (!wrong.empty()) return unreadable(wrong);
  return inventory;
}

}  // namespace hv
