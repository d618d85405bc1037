// Which devices of all hosts are one. A unit is a device without layers, or all the paths of a
// multipath map together. Units with a common id form a class and are one store; where one host has
// two units in a class, no map joins them and nobody can say which of them the others are, so that
// each pair gets a store of its own. Units of two classes that have no kind of
// id in common are pairs of which nobody knows where they share a mark, and on two hosts also where
// one has no id at all and their sizes agree.
#include "hv/storage/storage_map.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "hv/storage/host_map.h"
#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

constexpr std::string_view kMaybe = "maybe:";
constexpr std::string_view kTwin = "twin:";
// A class with more units than this where some host has two is taken for one store.
constexpr std::size_t kPairedClass = 32;

// Buses that end in one machine.
bool is_local(const std::string& transport) {
  static const std::set<std::string> kLocal = {"ata", "sata", "usb",   "nvme",
                                               "mmc", "sbp",  "memory"};
  return kLocal.contains(transport);
}

bool means_nothing(const std::string& id) {
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return c == '0' || c == ' ' || c == 'x' || c == '-'; });
}

struct Unit {
  HostName host;
  std::vector<std::string> devices;
  std::set<std::string> ids;    // equal: one device
  std::set<std::string> marks;  // equal: perhaps one
  Sectors size;
  bool local = false;   // no other host can open it
  bool stated = false;  // by the operator's word: no doubts remain
  std::string name() const { return host.text + "/" + devices.front(); }
};

class Sets {
 public:
  explicit Sets(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), 0); }
  std::size_t find(std::size_t one) {
    while (parent_[one] != one) one = parent_[one] = parent_[parent_[one]];
    return one;
  }
  void join(std::size_t a, std::size_t b) {
    a = find(a), b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

class Identity {
 public:
  Identity(const std::map<HostName, std::unique_ptr<HostMap>>& hosts,
           const std::map<std::string, std::vector<HostName>>& statements)
      : statements_(statements) {
    for (const auto& [name, host] : hosts) add_units(*host);
    for (const auto& [name, host] : hosts) add_marks(*host);
  }

  void solve() {
    stores_.resize(units_.size());
    make_classes();
    for (const auto& [root, members] : classes_) name_class(members);
    add_doubts();
  }

  const std::vector<Unit>& units() const { return units_; }
  const std::vector<StoreId>& stores_of(std::size_t unit) const { return stores_[unit]; }

 private:
  void add_units(const HostMap& host) {
    const Inventory& inventory = host.inventory();
    const std::vector<BlockDevice>& devices = inventory.devices;
    std::unordered_map<std::string, std::size_t> index;
    for (std::size_t i = 0; i < devices.size(); ++i) index.emplace(devices[i].name, i);
    Sets sets(devices.size());
    for (const BlockDevice& device : devices)
      for (const Layer& layer : device.layers) {
        if (layer.kind != LayerKind::multipath) continue;
        for (const Leg& leg : layer.legs) {
          const auto first = index.find(layer.legs.front().device), other = index.find(leg.device);
          if (first != index.end() && other != index.end()) sets.join(first->second, other->second);
        }
      }
    std::map<std::size_t, std::size_t> unit_of;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const BlockDevice& device = devices[i];
      if (!device.layers.empty()) continue;
      auto [at, is_new] = unit_of.try_emplace(sets.find(i), units_.size());
      if (is_new) {
        units_.push_back({});
        units_.back().host = inventory.host;
        units_.back().local = true;
      }
      Unit& unit = units_[at->second];
      unit.devices.push_back(device.name);
      unit.size = std::max(unit.size, device.size);
      add_ids(device, unit);
      unit.local = unit.local && (is_local(device.transport) || device.kind == DeviceKind::memory ||
                                  device.kind == DeviceKind::loop);
      by_device_[{inventory.host, device.name}] = at->second;
    }
    for (auto& [root, unit] : unit_of) apply_statements(host, units_[unit]);
  }

  static void add_ids(const BlockDevice& device, Unit& unit) {
    if (!means_nothing(device.wwn)) unit.ids.insert("wwn:" + device.wwn);
    if (!means_nothing(device.serial))
      unit.ids.insert("serial:" + (device.model.empty() ? "" : device.model + "/") + device.serial +
                      "/" + std::to_string(device.size.count));
    for (const std::string& id : device.ids) unit.ids.insert(id);
  }

  // [stores] names a device as some host does; what it says of a partition holds for the disk.
  void apply_statements(const HostMap& host, Unit& unit) const {
    for (const auto& [name, hosts] : statements_) {
      const std::string whole = place_of_name(normalise_name(name)).whole;
      const auto path = host.canonical(whole.starts_with('/') ? whole : "/dev/" + whole);
      const BlockDevice* meant = path ? host.device_at(*path) : nullptr;
      if (meant == nullptr ||
          std::find(unit.devices.begin(), unit.devices.end(), meant->name) == unit.devices.end())
        continue;
      unit.stated = true;
      const bool listed = std::find(hosts.begin(), hosts.end(), unit.host) != hosts.end();
      unit.ids.clear();
      if (hosts.size() > 1 && listed)
        unit.ids.insert("stated:" + whole);
      else
        unit.local = true;
    }
  }

  // A mark counts with where it stands on its disk: two partitions of two disks are one if their
  // disks are.
  void add_marks(const HostMap& host) {
    for (const BlockDevice& device : host.inventory().devices) {
      if (device.marks.empty()) continue;
      const BlockDevice* base = &device;
      int64_t start = 0;
      for (int depth = 0; depth < 8 && base != nullptr && !base->layers.empty(); ++depth) {
        const Layer& layer = base->layers.front();
        const bool simple = layer.start.count == 0 &&
                            (layer.kind == LayerKind::linear || layer.kind == LayerKind::multipath);
        if (!simple) base = nullptr;
        if (base == nullptr) break;
        start += layer.legs.front().start.count;
        base = host.device(layer.legs.front().device);
      }
      if (base == nullptr || !base->layers.empty()) continue;
      const auto unit = by_device_.find({host.inventory().host, base->name});
      if (unit == by_device_.end()) continue;
      for (const std::string& mark : device.marks)
        units_[unit->second].marks.insert(mark + "@" + std::to_string(start));
    }
  }

  void make_classes() {
    Sets sets(units_.size());
    std::map<std::string, std::vector<std::size_t>> holders;
    for (std::size_t u = 0; u < units_.size(); ++u)
      for (const std::string& id : units_[u].ids) {
        std::vector<std::size_t>& before = holders[id];
        for (std::size_t other : before)
          if (!id.starts_with("serial:") || !named_apart(units_[u], units_[other]))
            sets.join(u, other);
        before.push_back(u);
      }
    class_of_.resize(units_.size());
    for (std::size_t u = 0; u < units_.size(); ++u) {
      class_of_[u] = sets.find(u);
      classes_[class_of_[u]].push_back(u);
    }
  }

  // Arrays and controllers give one serial to all their disks: where both have a WWN, it decides.
  static bool named_apart(const Unit& a, const Unit& b) {
    auto wwn_of = [](const Unit& unit) {
      const auto found = unit.ids.lower_bound("wwn:");
      return found != unit.ids.end() && found->starts_with("wwn:") ? *found : std::string();
    };
    const std::string x = wwn_of(a), y = wwn_of(b);
    return !x.empty() && !y.empty() && x != y;
  }

  // The id that names a class: the strongest kind, and of those the first.
  std::string best_id(const std::vector<std::size_t>& members) const {
    std::set<std::string> ids;
    for (std::size_t u : members) ids.insert(units_[u].ids.begin(), units_[u].ids.end());
    for (std::string_view kind : {"stated:", "wwn:", "serial:"}) {
      const auto found = ids.lower_bound(std::string(kind));
      if (found != ids.end() && found->starts_with(kind)) return *found;
    }
    return *ids.begin();
  }

  void name_class(const std::vector<std::size_t>& members) {
    const Unit& first = units_[members.front()];
    if (first.ids.empty()) {
      stores_[members.front()] = {StoreId{"disk:" + first.name()}};
      return;
    }
    const std::string id = best_id(members);
    std::map<HostName, int> per_host;
    bool twinned = false;
    for (std::size_t u : members) twinned = ++per_host[units_[u].host] > 1 || twinned;
    if (!twinned || members.size() > kPairedClass) {
      for (std::size_t u : members) stores_[u] = {StoreId{id}};
      return;
    }
    for (std::size_t u : members) stores_[u] = {StoreId{id + "#" + units_[u].name()}};
    for (std::size_t i = 0; i < members.size(); ++i)
      for (std::size_t j = i + 1; j < members.size(); ++j) {
        const std::size_t a = members[i], b = members[j];
        const std::string pair = units_[a].name() + "=" + units_[b].name();
        const bool one_host = units_[a].host == units_[b].host;
        share(a, b, one_host ? std::string(kTwin) + pair : id + "#" + pair);
      }
  }

  void share(std::size_t a, std::size_t b, const std::string& store) {
    stores_[a].push_back(StoreId{store});
    stores_[b].push_back(StoreId{store});
  }

  // Neither the same by an id nor different by one.
  bool in_doubt(std::size_t a, std::size_t b, bool share_mark) const {
    const Unit &x = units_[a], &y = units_[b];
    if (class_of_[a] == class_of_[b] || x.stated || y.stated) return false;
    if (can_be_compared(x, y)) return false;
    const bool both_known = !x.ids.empty() && !y.ids.empty();
    if (x.host == y.host || both_known) return share_mark;
    if (x.local || y.local) return false;
    return share_mark || (x.size.count != 0 && x.size == y.size);
  }

  // Ids of one kind that differ prove two disks. A WWN here and a bare serial there prove nothing.
  static bool can_be_compared(const Unit& a, const Unit& b) {
    return std::any_of(a.ids.begin(), a.ids.end(), [&](const std::string& id) {
      const std::string kind = id.substr(0, id.find(':') + 1);
      const auto other = b.ids.lower_bound(kind);
      return other != b.ids.end() && other->starts_with(kind);
    });
  }

  void add_doubts() {
    std::map<std::string, std::vector<std::size_t>> by_mark;
    std::map<int64_t, std::vector<std::size_t>> by_size;
    for (std::size_t u = 0; u < units_.size(); ++u) {
      by_size[units_[u].size.count].push_back(u);
      for (const std::string& mark : units_[u].marks) by_mark[mark].push_back(u);
    }
    std::set<std::pair<std::size_t, std::size_t>> doubts;
    auto collect = [&](const std::vector<std::size_t>& list, bool share_mark) {
      for (std::size_t i = 0; i < list.size(); ++i)
        for (std::size_t j = i + 1; j < list.size(); ++j)
          if (in_doubt(list[i], list[j], share_mark)) doubts.insert({list[i], list[j]});
    };
    for (const auto& [mark, list] : by_mark) collect(list, true);
    for (const auto& [size, list] : by_size) collect(list, false);
    for (const auto& [a, b] : doubts) {
      const bool one_host = units_[a].host == units_[b].host;
      share(a, b,
            std::string(one_host ? kTwin : kMaybe) + units_[a].name() + "=" + units_[b].name());
    }
  }

  const std::map<std::string, std::vector<HostName>>& statements_;
  std::vector<Unit> units_;
  std::map<std::pair<HostName, std::string>, std::size_t> by_device_;
  std::vector<std::size_t> class_of_;
  std::map<std::size_t, std::vector<std::size_t>> classes_;
  std::vector<std::vector<StoreId>> stores_;
};

}  // namespace

StorageMap::StorageMap(std::vector<Inventory> inventories,
                       const std::map<std::string, std::vector<HostName>>& statements,
                       std::set<HostName> other_hosts)
    : other_hosts_(std::move(other_hosts)) {
  for (Inventory& inventory : inventories) {
    const HostName name = inventory.host;
    hosts_[name] = std::make_unique<HostMap>(std::move(inventory));
    other_hosts_.erase(name);
  }
  Identity identity(hosts_, statements);
  identity.solve();
  for (std::size_t u = 0; u < identity.units().size(); ++u) {
    const Unit& unit = identity.units()[u];
    for (const std::string& device : unit.devices)
      hosts_.at(unit.host)->set_stores(device, identity.stores_of(u));
    for (const std::string& id : unit.ids)
      for (const StoreId& store : identity.stores_of(u)) {
        std::vector<StoreId>& known = stores_by_id_[id];
        if (std::find(known.begin(), known.end(), store) == known.end()) known.push_back(store);
      }
  }
}

StorageMap::~StorageMap() = default;

const HostMap* StorageMap::find(const HostName& host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? nullptr : found->second.get();
}

std::vector<StoreId> StorageMap::stores_of_id(const std::string& id) const {
  std::vector<StoreId> stores;
  for (auto it = stores_by_id_.lower_bound(id);
       it != stores_by_id_.end() && it->first.starts_with(id); ++it)
    if (it->first == id || (id.starts_with("iscsi:") && it->first[id.size()] == ':'))
      stores.insert(stores.end(), it->second.begin(), it->second.end());
  return stores;
}

bool is_maybe(const StoreId& store) {
  return store.text.starts_with(kMaybe) || store.text.starts_with(kTwin);
}

bool is_twin(const StoreId& store) {
  return store.text.starts_with(kTwin);
}

}  // namespace hv
