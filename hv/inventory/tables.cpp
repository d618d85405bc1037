#include "hv/inventory/tables.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <utility>

namespace hv {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMost = int64_t{1} << 55;

// Digits at the beginning, nothing where there are none.
int64_t number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp<int64_t>(value, 0, kMost);
}

std::vector<std::string> words(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(std::move(word));
  return all;
}

std::vector<std::string> lines(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(std::move(line));
  return all;
}

bool is_number_pair(const std::string& word) {
  const std::size_t colon = word.find(':');
  return colon != std::string::npos && colon > 0 && colon + 1 < word.size() &&
         word.find_first_not_of("0123456789:") == std::string::npos;
}

class DmTables {
 public:
  explicit DmTables(const std::map<std::string, std::string>& names) : names_(names) {}

  std::map<std::string, std::vector<Layer>> read(std::string_view text) {
    for (const std::string& line : lines(text)) {
      const std::size_t colon = line.find(": ");
      if (colon == std::string::npos) continue;
      rows_[line.substr(0, colon)].push_back(words(line.substr(colon + 2)));
    }
    std::map<std::string, std::vector<Layer>> tables;
    for (const auto& [name, rows] : rows_)
      for (const std::vector<std::string>& row : rows)
        if (row.size() >= 3) tables[name].push_back(layer_of(row));
    for (auto& [name, layers] : tables)
      std::sort(layers.begin(), layers.end(),
                [](const Layer& a, const Layer& b) { return a.start < b.start; });
    return tables;
  }

 private:
  // A device that nobody knows keeps its number: it is seen to be missing.
  Leg leg(const std::string& device, Sectors start = {}) const {
    const auto known = names_.find(device);
    return {known == names_.end() ? device : known->second, start};
  }

  // START COUNT TARGET ARGUMENT…
  Layer layer_of(const std::vector<std::string>& row) const {
    Layer layer;
    layer.start = sectors(number(row[0]));
    layer.count = sectors(number(row[1]));
    const std::string& target = row[2];
    auto at = [&](std::size_t i) { return i < row.size() ? row[i] : std::string(); };
    if (target == "linear" || target == "flakey" || target == "delay") {
      layer.legs = {leg(at(3), sectors(number(at(4))))};
    } else if (target == "crypt") {  // cipher key iv-offset device offset
      layer.legs = {leg(at(6), sectors(number(at(7))))};
    } else if (target == "snapshot-origin") {
      layer.legs = {leg(at(3))};
    } else if (target == "striped") {  // stripes chunk (device offset)…
      layer.kind = LayerKind::striped;
      layer.chunk = sectors(number(at(4)));
      for (std::size_t i = 5; i + 1 < row.size(); i += 2)
        layer.legs.push_back(leg(row[i], sectors(number(row[i + 1]))));
    } else if (target == "snapshot") {  // origin copy-on-write …
      layer.kind = LayerKind::snapshot;
      layer.legs = {leg(at(4))};
    } else if (target == "thin") {  // pool id [origin]
      thin(at(3), at(4), layer);
    } else if (target == "multipath") {
      layer.kind = LayerKind::multipath;
      for (const std::string& word : row)
        if (is_number_pair(word)) layer.legs.push_back(leg(word));
    } else if (target == "mirror") {
      mirror(row, layer);
    } else if (target == "raid" && at(3) == "raid1") {
      raid1(row, layer);
    } else if (target == "zero" || target == "error") {
      layer.kind = LayerKind::empty;
    } else {
      own(row, layer);
    }
    const bool chunked = layer.kind != LayerKind::striped || layer.chunk.count > 0;
    if ((layer.legs.empty() && layer.kind != LayerKind::empty) || !chunked) {
      layer.chunk = {};
      own(row, layer);
    }
    return layer;
  }

  // Wherever the table names a device. One that names none lies nowhere we can see.
  void own(const std::vector<std::string>& row, Layer& layer) const {
    layer.kind = LayerKind::own;
    layer.legs.clear();
    for (std::size_t i = 3; i < row.size(); ++i)
      if (is_number_pair(row[i])) layer.legs.push_back(leg(row[i]));
    if (layer.legs.empty()) layer.kind = LayerKind::empty;
  }

  // The pool's own row says where: metadata data block-size …
  void thin(const std::string& pool, const std::string& id, Layer& layer) const {
    layer.kind = LayerKind::thin;
    layer.id = id;
    const auto known = names_.find(pool);
    for (const auto& [name, rows] : rows_)
      for (const std::vector<std::string>& row : rows)
        if (known != names_.end() && row.size() > 4 && row[2] == "thin-pool" &&
            mapper_of_.contains(name) && mapper_of_.at(name) == known->second)
          layer.legs = {leg(row[4]), leg(row[3])};
    if (layer.legs.empty()) layer.legs = {leg(pool)};
  }

  // log #arguments … #legs (device offset)…
  void mirror(const std::vector<std::string>& row, Layer& layer) const {
    layer.kind = LayerKind::mirror;
    std::size_t at = 5 + (row.size() > 4 ? static_cast<std::size_t>(number(row[4])) : 0);
    if (at >= row.size()) return;
    const int64_t legs = number(row[at]);
    for (int64_t i = 0; i < legs && at + 2 < row.size(); ++i, at += 2)
      layer.legs.push_back(leg(row[at + 1], sectors(number(row[at + 2]))));
  }

  // raid1 #parameters … #legs (metadata data)…; no metadata is a dash.
  void raid1(const std::vector<std::string>& row, Layer& layer) const {
    layer.kind = LayerKind::mirror;
    std::size_t at = 5 + (row.size() > 4 ? static_cast<std::size_t>(number(row[4])) : 0);
    if (at >= row.size()) return;
    const int64_t legs = number(row[at]);
    for (int64_t i = 0; i < legs && at + 2 < row.size(); ++i, at += 2)
      if (is_number_pair(row[at + 2])) layer.legs.push_back(leg(row[at + 2]));
  }

 public:
  std::map<std::string, std::string> mapper_of_;  // the kernel's name of a mapper name

 private:
  const std::map<std::string, std::string>& names_;
  std::map<std::string, std::vector<std::vector<std::string>>> rows_;
};

// The rows of one report: {"report":[{"lv":[{…},…]}]}.
Result<std::vector<std::map<std::string, std::string>>> rows_of(std::string_view text,
                                                                const std::string& what) {
  const Json json = Json::parse(text, nullptr, false);
  std::vector<std::map<std::string, std::string>> rows;
  if (!json.is_object() || !json.contains("report") || !json["report"].is_array())
    return Error{Code::inventory_unreadable, "`" + what + "` printed no report", {}};
  for (const Json& part : json["report"]) {
    if (!part.is_object()) continue;
    for (const auto& [kind, list] : part.items()) {
      if (!list.is_array()) continue;
      for (const Json& row : list) {
        if (!row.is_object()) continue;
        std::map<std::string, std::string> fields;
        for (const auto& [key, value] : row.items())
          if (value.is_string()) fields[key] = value.get<std::string>();
        rows.push_back(std::move(fields));
      }
    }
  }
  return rows;
}

std::string unbracketed(std::string name) {
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return name;
}

using Row = std::map<std::string, std::string>;

std::string field(const Row& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() ? "" : found->second;
}

// "/dev/sda3(256),lv_sub(0)": with the extents counted from where each one's data begins.
std::vector<Leg> legs_of(const Row& row, const VolumeGroup& group, int64_t extent,
                         const std::map<std::string, std::string>& kernel_names) {
  std::vector<Leg> legs;
  std::istringstream in(field(row, "devices"));
  for (std::string one; std::getline(in, one, ',');) {
    const std::size_t open = one.find('(');
    if (open == std::string::npos) continue;
    std::string name = one.substr(0, open);
    const int64_t at = std::min(number(one.substr(open + 1)), kMost / std::max<int64_t>(extent, 1));
    Leg leg{group.name + "/" + unbracketed(name), sectors(at * extent)};
    if (name.starts_with('/')) {
      const auto known = kernel_names.find(name);
      leg.device = known == kernel_names.end() ? name : known->second;
      for (const PhysicalVolume& pv : group.devices)
        if (pv.device == leg.device) leg.start += pv.data_start;
    }
    legs.push_back(std::move(leg));
  }
  return legs;
}

}  // namespace

std::string mapper_name(const std::string& group, const std::string& volume) {
  auto doubled = [](const std::string& name) {
    std::string text;
    for (char c : name) text += c == '-' ? std::string("--") : std::string(1, c);
    return text;
  };
  return doubled(group) + "-" + doubled(volume);
}

std::map<std::string, std::vector<Layer>> read_dm_tables(
    std::string_view text, const std::map<std::string, std::string>& names) {
  DmTables tables(names);
  // "mapper:NAME" among the names leads from a mapper name to the kernel's.
  for (const auto& [key, value] : names)
    if (key.starts_with("mapper:")) tables.mapper_of_[key.substr(7)] = value;
  return tables.read(text);
}

Result<std::vector<VolumeGroup>> read_lvm(std::string_view lvs, std::string_view vgs,
                                          std::string_view pvs,
                                          const std::map<std::string, std::string>& kernel_names) {
  std::map<std::string, VolumeGroup> groups;
  std::map<std::string, int64_t> extents;
  for (const Row& row : TRY(rows_of(vgs, "vgs"))) {
    VolumeGroup& group = groups[field(row, "vg_name")];
    group.name = field(row, "vg_name");
    group.uuid = field(row, "vg_uuid");
    const std::string attributes = field(row, "vg_attr");
    group.shared = attributes.size() > 5 && (attributes[5] == 's' || attributes[5] == 'c');
    extents[group.name] = number(field(row, "vg_extent_size"));
  }
  for (const Row& row : TRY(rows_of(pvs, "pvs"))) {
    auto group = groups.find(field(row, "vg_name"));
    if (group == groups.end()) continue;
    const std::string path = field(row, "pv_name");
    const auto known = kernel_names.find(path);
    group->second.devices.push_back({known == kernel_names.end() ? path : known->second,
                                     field(row, "pv_uuid"),
                                     sectors(number(field(row, "pe_start")))});
  }
  const std::vector<Row> rows = TRY(rows_of(lvs, "lvs"));
  std::map<std::pair<std::string, std::string>, LogicalVolume> volumes;
  std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> pools;
  for (const Row& row : rows)
    if (!field(row, "data_lv").empty())
      pools[{field(row, "vg_name"), unbracketed(field(row, "lv_name"))}] = {
          unbracketed(field(row, "data_lv")), unbracketed(field(row, "metadata_lv"))};
  for (const Row& row : rows) {
    const std::string group_name = field(row, "vg_name");
    const std::string name = unbracketed(field(row, "lv_name"));
    auto group = groups.find(group_name);
    if (group == groups.end() || name.empty()) continue;
    LogicalVolume& volume = volumes[{group_name, name}];
    volume.name = name;
    volume.uuid = field(row, "lv_uuid");
    Layer layer;
    layer.start = sectors(number(field(row, "seg_start")));
    layer.count = sectors(number(field(row, "seg_size")));
    const std::string type = field(row, "segtype");
    layer.legs = legs_of(row, group->second, extents[group_name], kernel_names);
    if (type == "thin") {
      layer.kind = LayerKind::thin;
      layer.id = field(row, "thin_id");
      const std::string pool = unbracketed(field(row, "pool_lv"));
      layer.legs.clear();
      if (const auto found = pools.find({group_name, pool}); found != pools.end())
        layer.legs = {{group_name + "/" + found->second.first, {}},
                      {group_name + "/" + found->second.second, {}}};
      else
        layer.legs = {{group_name + "/" + pool, {}}};
    } else if (!field(row, "origin").empty() && field(row, "lv_attr").starts_with("s")) {
      layer.kind = LayerKind::snapshot;
    } else if (type == "raid1" || type == "mirror") {
      layer.kind = LayerKind::mirror;
    } else if (type == "striped" && layer.legs.size() > 1) {
      layer.kind = LayerKind::striped;
      layer.chunk = sectors(number(field(row, "stripe_size")));
    } else if (type != "linear" && type != "striped") {
      layer.kind = LayerKind::own;
    }
    const bool whole = !layer.legs.empty() && layer.count.count > 0 &&
                       (layer.kind != LayerKind::striped || layer.chunk.count > 0);
    if (whole) volume.layers.push_back(std::move(layer));
  }
  std::vector<VolumeGroup> all;
  for (auto& [name, group] : groups) {
    for (auto& [key, volume] : volumes)
      if (key.first == name) {
        std::sort(volume.layers.begin(), volume.layers.end());
        group.volumes.push_back(std::move(volume));
      }
    all.push_back(std::move(group));
  }
  return all;
}

namespace {

struct Member {
  int64_t slot = 0;
  std::string device;
  Sectors offset, size;
};

std::vector<Member> members_of(const Machine& machine, const std::string& folder) {
  std::vector<Member> members;
  for (const std::string& entry : machine.list(folder)) {
    if (!entry.starts_with("dev-")) continue;
    const std::string slot = machine.text(folder + "/" + entry + "/slot").value_or("none");
    if (slot == "none") continue;  // a spare holds nothing yet
    members.push_back(
        {number(slot), entry.substr(4),
         sectors(number(machine.text(folder + "/" + entry + "/offset").value_or("0"))),
         sectors(number(machine.text(folder + "/" + entry + "/size").value_or("0")) * 2)});
  }
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.slot < b.slot; });
  return members;
}

// RAID 0 over members of several sizes: a zone of rows as wide as there are members left.
std::vector<Layer> raid0_zones(const std::vector<Member>& members, int64_t chunk) {
  std::vector<Layer> layers;
  std::set<int64_t> sizes;
  for (const Member& member : members) sizes.insert(member.size.count / chunk * chunk);
  int64_t from = 0, start = 0;
  for (int64_t size : sizes) {
    Layer zone;
    zone.kind = LayerKind::striped;
    zone.chunk = sectors(chunk);
    for (const Member& member : members)
      if (member.size.count / chunk * chunk >= size)
        zone.legs.push_back({member.device, member.offset + sectors(from)});
    zone.start = sectors(start);
    zone.count = sectors((size - from) * static_cast<int64_t>(zone.legs.size()));
    if (zone.count.count > 0) layers.push_back(zone);
    start += zone.count.count;
    from = size;
  }
  return layers;
}

}  // namespace

void read_md(const Machine& machine, BlockDevice& device,
             const std::map<std::string, Sectors>& sizes) {
  const std::string folder = "/sys/class/block/" + device.name + "/md";
  const std::string level = machine.text(folder + "/level").value_or("");
  const std::vector<Member> members = members_of(machine, folder);
  const int64_t chunk = number(machine.text(folder + "/chunk_size").value_or("0")) / kSectorBytes;
  if (members.empty()) return;
  Layer whole;
  whole.count = device.size;
  if (level == "raid0" && chunk > 0) {
    device.layers = raid0_zones(members, chunk);
  } else if (level == "linear") {
    Sectors start;
    for (const Member& member : members) {
      const Sectors size = chunk > 0 ? sectors(member.size.count / chunk * chunk) : member.size;
      device.layers.push_back(
          {start, size, LayerKind::linear, {{member.device, member.offset}}, {}, {}});
      start += size;
    }
  } else {
    whole.kind = level == "raid1" ? LayerKind::mirror : LayerKind::own;
    for (const Member& member : members) whole.legs.push_back({member.device, member.offset});
    device.layers = {whole};
  }
  for (const Member& member : members) {
    const auto size = sizes.find(member.device);
    const Sectors end = member.offset + member.size;
    if (member.offset.count > 0)
      device.writes.push_back({member.device, {}, member.offset, "md superblock"});
    if (size != sizes.end() && size->second > end)
      device.writes.push_back({member.device, end, size->second - end, "md superblock"});
  }
}

}  // namespace hv
