// From what look.sh printed to an observation. Longer because everything that one look tells —
// lists, JSON, xenstore, sysfs, records — is put together here, and each part corrects another.
#include "hv/drivers/xl/look.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "hv/drivers/xl/backend.h"
#include "hv/drivers/xl/claim_text.h"
#include "hv/drivers/xl/configuration.h"
#include "hv/drivers/xl/look_text.h"
#include "hv/drivers/xl/uses.h"
#include "hv/drivers/xl/vdisk.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

using Json = nlohmann::json;

// ---- JSON of xl list -l and of what libxl keeps: numbers and booleans come in several spellings

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_in(const Json& object, const char* key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<int64_t> member_number(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<int64_t>();
}

bool truth_in(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_number()) return value->get<double>() != 0;
  return value->is_string() && value->get<std::string>() == "True";
}

Vbd vbd_of(const Json& disk) {
  Vbd vbd;
  vbd.device = text_in(disk, "vdev");
  vbd.source = text_in(disk, "pdev_path");
  vbd.format = text_in(disk, "format");
  vbd.script = text_in(disk, "script");
  vbd.mode = truth_in(disk, "readwrite") ? AccessMode::write : AccessMode::read;
  vbd.cdrom = truth_in(disk, "is_cdrom");
  vbd.removable = truth_in(disk, "removable");
  return vbd;
}

// Of a configuration as xl tells it; nothing where it is none.
std::optional<std::vector<Vbd>> disks_in(const Json& config) {
  const Json* create = member(config, "c_info");
  if (create == nullptr || text_in(*create, "name").empty()) return std::nullopt;
  std::vector<Vbd> vbds;
  const Json* disks = member(config, "disks");
  if (disks == nullptr) return vbds;
  if (!disks->is_array()) return std::nullopt;
  for (const Json& disk : *disks) {
    vbds.push_back(vbd_of(disk));
    if (vbds.back().device.empty()) return std::nullopt;
  }
  return vbds;
}

// A line of a domain file as domain_file.cpp writes it: `
// "vdev=xvda,…,access=rw,…,target=/img/a",`.
std::optional<Vbd> vbd_of_line(std::string_view line) {
  line = trimmed(line);
  if (line.ends_with(',')) line.remove_suffix(1);
  if (line.size() < 2 || line.front() != line.back()) return std::nullopt;
  line = line.substr(1, line.size() - 2);
  constexpr std::string_view kDevice = "vdev=", kTarget = "target=";
  if (!line.starts_with(kDevice)) return std::nullopt;
  Vbd vbd;
  vbd.mode = AccessMode::write;
  while (!line.empty() && !line.starts_with(kTarget)) {
    const std::size_t comma = std::min(line.find(','), line.size());
    const std::string_view part = line.substr(0, comma);
    if (part.starts_with(kDevice)) vbd.device = std::string(part.substr(kDevice.size()));
    if (part == "access=ro") vbd.mode = AccessMode::read;
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  if (!line.empty()) vbd.source = std::string(line.substr(kTarget.size()));
  return vbd;
}

Vif vif_of(const Json& nic) {
  Vif vif;
  const auto take = [&](const char* theirs, const char* ours) {
    if (std::string text = text_in(nic, theirs); !text.empty()) vif.settings[ours] = text;
  };
  take("mac", "mac");
  take("bridge", "bridge");
  take("ip", "ip");
  take("ifname", "vifname");
  take("model", "model");
  // Told only where they are not xl's own.
  take("script", "script");
  take("gatewaydev", "gatewaydev");
  take("backend_domname", "backend");
  take("vlan", "vlan");
  if (auto mtu = member_number(nic, "mtu"); mtu && *mtu != 0)
    vif.settings["mtu"] = std::to_string(*mtu);
  return vif;
}

// ---- what libxl says of the configuration of a domain

void read_configuration(const Json& config, ObservedDomain& domain) {
  const Json* create = member(config, "c_info");
  const Json* build = member(config, "b_info");
  if (create == nullptr || build == nullptr) return;
  const auto set_text = [&](const char* name, std::string text) {
    if (!text.empty()) domain.attributes.set(name, std::move(text));
  };
  set_text("type", text_in(*create, "type"));
  set_text("pool", text_in(*create, "pool_name"));
  for (const char* name : {"kernel", "ramdisk", "cmdline", "bootloader"}) {
    std::string text = text_in(*build, name);
    if (text.empty())
      if (const Json* special = member(*build, "type.pv")) text = text_in(*special, name);
    set_text(name, text);
  }
  // What is left out is libxl's default, and that is not always xl's.
  for (const char* name :
       {"on_poweroff", "on_reboot", "on_crash", "on_watchdog", "on_soft_reset"}) {
    std::string text = text_in(config, name);
    std::replace(text.begin(), text.end(), '_', '-');
    domain.attributes.set(name, text.empty() ? "destroy" : text);
  }
  if (const Json* schedule = member(*build, "sched_params")) {
    if (auto weight = member_number(*schedule, "weight"); weight && *weight > 0)
      domain.attributes.set("cpu_weight", *weight);
    if (auto cap = member_number(*schedule, "cap"); cap && *cap >= 0)
      domain.attributes.set("cap", *cap);
  }
  if (auto most = member_number(*build, "max_vcpus")) domain.vcpus_max = *most;
  if (auto most = member_number(*build, "max_memkb")) domain.memory_max = kib(*most);
  if (auto target = member_number(*build, "target_memkb")) {
    // xl counts whole MiB; a guest that is within one of its target has reached it. Fully
    // virtualised ones have the memory of their screen besides.
    const int64_t now = domain.memory.count / kMiB, want = *target / 1024;
    const auto* type = domain.attributes.get<std::string>("type");
    const bool emulated = type != nullptr && *type != "pv";
    const int64_t screen =
        emulated ? member_number(*build, "video_memkb").value_or(16384) / 1024 + 4 : 0;
    if (now >= want - 1 && now <= want + 1 + screen) domain.memory = kib(*target);
  }
}

// ---- the whole look

// Between the sections of a look, and of the description of a saved machine within it.
constexpr char kMark = '\036', kInnerMark = '\035';
// Of processor time: so much a machine takes at most until it has started.
constexpr double kYoung = 60;
// So much dom0 keeps where xl may take memory from it: below that dom0 itself is in need.
constexpr Bytes kKeptByDom0 = mib(512);

class LookReader {
 public:
  LookReader(std::string_view text, const HostName& host, Time at, const Uuid& project, char mark)
      : project_(project) {
    seen_.host = host;
    seen_.at = at;
    cut(text, mark);
  }

  HostObservation run() {
    if (!sections_.contains("end")) return unreadable("the answer of the host ends in the middle");
    const std::string_view list = sections_["list"];
    if (list.find("ID") == std::string_view::npos || list.find("Mem") == std::string_view::npos)
      return unreadable("xl list: " + std::string(trimmed(list.substr(0, 300))));
    seen_.boot_id = std::string(trimmed(sections_["boot"]));
    seen_.host_id = std::string(trimmed(sections_["machine"]));
    info();
    domains();
    between_lives();
    young_processors();
    affinity();
    mappings();
    sizes();
    if (!reason_.empty()) return unreadable(reason_);
    disks_and_interfaces();
    leftovers();
    kept_configurations();
    updated_configurations();
    saved();
    autostart();
    others();
    records();
    if (!reason_.empty()) return unreadable(reason_);
    std::vector<std::string> bridges;
    if (sections_.contains("uses")) seen_.uses = read_uses(sections_["uses"]);
    for (std::string_view line : lines_of(sections_["bridges"]))
      if (!trimmed(line).empty()) bridges.emplace_back(trimmed(line));
    seen_.bridges = std::move(bridges);
    Bytes used;
    for (const ObservedDomain& domain : seen_.domains) used += memory_taken(domain);
    seen_.memory_total = seen_.memory_free + used;
    seen_.reachable = true;
    return std::move(seen_);
  }

  // The machine of this UUID as hostop.sh described it when it was saved, with the virtual disks
  // that are known now.
  std::optional<ObservedDomain> described(const Uuid& uuid,
                                          const std::map<Uuid, std::string>& vdisks) {
    if (!sections_.contains("end")) return std::nullopt;
    vdisks_ = vdisks;
    domains();
    if (!reason_.empty()) return std::nullopt;
    std::erase_if(seen_.domains, [&](const ObservedDomain& it) { return it.uuid != uuid; });
    if (seen_.domains.size() != 1) return std::nullopt;
    const uint64_t domid = seen_.domains[0].domid.value;
    disks_and_interfaces();
    ObservedDomain* domain = find(domid);
    domain->domid = DomId{};
    domain->state = PowerState::saved;
    domain->dying = domain->crashed = domain->never_ran = false;
    return *domain;
  }

 private:
  void cut(std::string_view text, char separator) {
    while (true) {
      const std::size_t mark = text.find(separator);
      if (mark == std::string_view::npos) return;
      text.remove_prefix(mark + 1);
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string name(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      sections_[name] = text.substr(0, text.find(separator));
    }
  }

  HostObservation unreadable(const std::string& why) {
    HostObservation nothing;
    nothing.host = seen_.host;
    nothing.at = seen_.at;
    nothing.reason = why;
    return nothing;
  }

  // Whether xl makes dom0 smaller for a machine that does not fit: as xl.conf says, else where dom0
  // was not given its memory at boot (xl.conf(5)).
  bool balloons(std::string_view command_line) {
    std::string_view said;
    for (std::string_view line : lines_of(sections_["balloon"]))
      if (const std::vector<Word> words = words_of(line); words.size() == 2) said = words[1].text;
    if (said.empty() || said == "auto")
      return command_line.find("dom0_mem=") == std::string_view::npos;
    return said == "on" || said == "1";
  }

  void info() {
    std::string_view command_line;
    for (std::string_view line : lines_of(sections_["info"])) {
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const std::string_view key = trimmed(line.substr(0, colon));
      if (key == "xen_commandline") command_line = line.substr(colon + 1);
      const auto number = number_in(trimmed(line.substr(colon + 1)));
      if (!number) continue;
      if (key == "nr_cpus") seen_.cpus = *number;
      if (key == "free_memory") seen_.memory_free += mib(*number);
      if (key == "outstanding_claims") seen_.memory_free += mib(-*number);
    }
    if (!balloons(command_line)) return;
    for (const ListedDomain& listed : read_list(sections_["list"]))
      if (listed.domid == 0 && mib(listed.memory_mib) > kKeptByDom0)
        seen_.memory_free += mib(listed.memory_mib) - kKeptByDom0;
  }

  static std::optional<Uuid> uuid_in(std::string_view line) {
    for (const Word& word : words_of(line))
      if (word.text.size() == 36)
        if (const auto uuid = parse_uuid(word.text)) return uuid;
    return std::nullopt;
  }

  void domains() {
    std::map<uint64_t, const Json*> configurations;
    const Json details = Json::parse(sections_["long"], nullptr, /*allow_exceptions=*/false);
    if (!details.is_array()) {
      reason_ = "xl list -l gives no list";
      return;
    }
    for (const Json& entry : details)
      if (auto domid = member_number(entry, "domid"))
        configurations[static_cast<uint64_t>(*domid)] = member(entry, "config");
    const std::vector<ListedDomain> all = read_list(sections_["list"]);
    for (std::string_view line : lines_of(sections_["list"])) {
      const auto uuid = uuid_in(line);
      if (uuid && std::none_of(all.begin(), all.end(), [&](const ListedDomain& listed) {
            return parse_uuid(listed.uuid) == uuid;
          })) {
        reason_ = "xl list: " + std::string(trimmed(line));
        return;
      }
    }
    std::set<std::string> fresh;
    for (std::string_view line : lines_of(sections_["fresh"])) fresh.emplace(trimmed(line));
    for (const ListedDomain& listed : all) {
      if (listed.domid == 0) continue;
      ObservedDomain domain;
      domain.uuid = parse_uuid(listed.uuid).value_or(Uuid{});
      domain.name = listed.name;
      domain.domid = DomId{listed.domid};
      domain.memory = mib(listed.memory_mib);
      domain.memory_max = domain.memory;
      domain.vcpus = domain.vcpus_max = listed.vcpus;
      const auto flag = [&](char c) { return listed.state.find(c) != std::string::npos; };
      // Suspended is what somebody saves at this moment: it is neither gone nor to be made again.
      const bool suspended = listed.state.find("ss") != std::string::npos && !flag('d');
      domain.crashed = flag('c');
      domain.dying = !suspended && (flag('s') || flag('d') || domain.crashed);
      domain.state = domain.dying             ? PowerState::halted
                     : flag('p') || suspended ? PowerState::paused
                                              : PowerState::running;
      if (listed.seconds < kYoung) young_.insert(listed.domid);
      domain.never_ran =
          flag('p') && !domain.dying && listed.seconds == 0 && fresh.contains(listed.uuid);
      auto configuration = configurations.find(listed.domid);
      if (configuration != configurations.end() && configuration->second != nullptr) {
        read_configuration(*configuration->second, domain);
        details_[listed.domid] = *configuration->second;
      }
      seen_.domains.push_back(std::move(domain));
    }
    for (const auto& [domid, rest] : rest_of_configurations(sections_["long"]))
      if (ObservedDomain* domain = find(domid))
        for (const Attributes::Entry& entry : rest) domain->attributes.set(entry.name, entry.value);
  }

  // A guest begins with all the processors it can have, and gives back those it is not to have when
  // it has come so far.
  void young_processors() {
    std::map<uint64_t, int64_t> online;
    for (const auto& [path, value] : read_store(sections_["processors"])) {
      constexpr std::string_view kRoot = "/local/domain/";
      if (!path.starts_with(kRoot) || !path.ends_with("/availability") || value != "online")
        continue;
      const std::string rest = path.substr(kRoot.size());
      if (auto domid = number_in(rest.substr(0, rest.find('/'))))
        ++online[static_cast<uint64_t>(*domid)];
    }
    for (ObservedDomain& domain : seen_.domains) {
      auto wanted = online.find(domain.domid.value);
      if (wanted != online.end() && wanted->second < domain.vcpus &&
          young_.contains(domain.domid.value))
        domain.vcpus = wanted->second;
    }
  }

  // Each virtual processor's hard and soft affinity, as `cpus` and `cpus_soft` would say them.
  void affinity() {
    std::map<uint64_t, std::pair<List, List>> told;
    for (std::string_view line : lines_of(sections_["affinity"])) {
      const std::size_t slash = line.rfind(" / ");
      if (slash == std::string_view::npos) continue;
      // From the right: NAME ID VCPU CPU STATE TIME HARD, and a name may hold blanks.
      const std::vector<Word> words = words_of(line.substr(0, slash));
      if (words.size() < 7) continue;
      const auto domid = number_in(words[words.size() - 6].text);
      if (!domid) continue;
      auto& [hard, soft] = told[static_cast<uint64_t>(*domid)];
      hard.emplace_back(std::string(words.back().text));
      soft.emplace_back(std::string(trimmed(line.substr(slash + 3))));
    }
    const auto as_declared = [](const List& each) {
      return std::equal(each.begin() + 1, each.end(), each.begin()) ? each.front() : Value(each);
    };
    for (ObservedDomain& domain : seen_.domains)
      if (auto found = told.find(domain.domid.value); found != told.end()) {
        domain.attributes.set("cpus", as_declared(found->second.first));
        domain.attributes.set("cpus_soft", as_declared(found->second.second));
      }
  }

  // An xl that waits for a machine which is not there will start it again, or has died on the way:
  // nobody can say whether the machine is gone.
  void between_lives() {
    for (std::string_view line : lines_of(sections_["monitors"])) {
      const std::vector<Word> words = words_of(line);
      if (words.size() < 4) continue;
      const auto domid = number_in(words[1].text);
      const std::string uuid(words[2].text), name(trimmed(line.substr(words[3].at)));
      // Listed, and if it is paused, whole: what is being built has no configuration yet.
      const bool listed = std::any_of(
          seen_.domains.begin(), seen_.domains.end(), [&](const ObservedDomain& domain) {
            const bool that = domain.domid.value == static_cast<uint64_t>(domid.value_or(-1)) ||
                              domain.name == name || to_string(domain.uuid) == uuid;
            return that &&
                   (domain.state != PowerState::paused || details_.contains(domain.domid.value));
          });
      if (!listed)
        reason_ = "the machine `" + name + "` is being restarted by xl (process " +
                  std::string(words[0].text) + " there)";
    }
  }

  ObservedDomain* find(uint64_t domid) {
    for (ObservedDomain& domain : seen_.domains)
      if (domain.domid.value == domid) return &domain;
    return nullptr;
  }

  // A device of a domain that is listed no more is held all the same.
  ObservedDomain& find_or_gone(uint64_t domid) {
    if (ObservedDomain* domain = find(domid)) return *domain;
    ObservedDomain gone;
    gone.domid = DomId{domid};
    gone.name = "(gone " + std::to_string(domid) + ")";
    gone.state = PowerState::halted;
    gone.dying = true;
    seen_.domains.push_back(std::move(gone));
    return seen_.domains.back();
  }

  void disks_and_interfaces() {
    for (std::string_view line : lines_of(sections_["loops"])) {
      const std::size_t blank = line.find(' ');
      if (blank != std::string_view::npos)
        loops_[std::string(line.substr(0, blank))] = std::string(trimmed(line.substr(blank)));
    }
    // What is below a device that a sharer has of its own (hostop.sh).
    for (std::string_view line : lines_of(sections_["own"])) {
      const std::size_t blank = line.find(' ');
      if (blank != std::string_view::npos)
        own_[std::string(line.substr(0, blank))] = std::string(line.substr(blank + 1));
    }
    for (const Backend& backend : backends_of(sections_["store"])) {
      if (is_disk(backend)) {
        ObservedVbd seen = vbd_of(backend);
        check_vdisk(backend, seen);
        seen.physical = opened_by(backend);
        name_source(seen.vbd);
        if (seen.vbd.source.empty()) seen.vbd.source = seen.physical;
        find_or_gone(backend.domid).vbds.push_back(std::move(seen));
        known_.insert(backend.kind + "-" + std::to_string(backend.domid) + "-" +
                      std::to_string(backend.device));
      }
      if (backend.kind != "vif") continue;
      ObservedDomain* domain = find(backend.domid);
      if (domain == nullptr || backend.get("online") == "0") continue;
      // One whose script failed is connected to nothing.
      if (backend.get("hotplug-status") == "error") continue;
      Vif vif;
      for (const char* key : {"mac", "bridge", "ip"})
        if (std::string text = backend.get(key); !text.empty()) vif.settings[key] = text;
      if (const auto rate = rate_of(backend)) vif.settings["rate"] = to_string(*rate);
      const auto* machine = domain->attributes.get<std::string>("type");
      const std::string type = backend.get("type");
      if (machine != nullptr && *machine == "hvm" && !type.empty())
        vif.settings["type"] = type == "vif_ioemu" ? "ioemu" : type;
      domain->vifs.push_back(std::move(vif));
    }
    for (ObservedDomain& domain : seen_.domains) complete(domain);
  }

  void name_source(Vbd& vbd) const {
    if (auto below = own_.find(vbd.source); below != own_.end()) vbd.source = below->second;
    const auto vdisk = vdisk_of_path(vbd.source);
    const auto named = vdisk ? vdisks_.find(*vdisk) : vdisks_.end();
    if (named == vdisks_.end()) return;
    vbd.backend = "vd";
    vbd.source = named->second;
  }

  // Pools and virtual disks, as hostop.sh wrote them down. A table that is not the one it made
  // means that somebody else maps those sectors.
  void mappings() {
    std::map<std::string, std::vector<std::string>> tables;
    for (std::string_view line : lines_of(sections_["tables"])) {
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos)
        tables[std::string(line.substr(0, colon))].emplace_back(trimmed(line.substr(colon + 2)));
    }
    std::map<Uuid, std::vector<MappingRecord>> vdisks;
    for (const auto& [name, text] : sections_) {
      constexpr std::string_view kPool = "file pool/", kVdisk = "file vdisk/", kNext = ".next";
      const bool is_pool = name.starts_with(kPool);
      if (!is_pool && !name.starts_with(kVdisk)) continue;
      std::string_view id = std::string_view(name).substr((is_pool ? kPool : kVdisk).size());
      if (id.ends_with(kNext)) id.remove_suffix(kNext.size());
      const auto uuid = parse_uuid(id);
      auto record = uuid ? mapping_record(text) : std::nullopt;
      if (!record) {
        reason_ = "what the host knows of a pool or a virtual disk cannot be read (" +
                  name.substr(5) + ")";
        return;
      }
      if (is_pool) {
        seen_.pools.push_back({*uuid, record->name, record->pool});
        seen_.vdisks.push_back({*uuid, "pool " + record->name, {}, true});
      } else {
        vdisks[*uuid].push_back(std::move(*record));
      }
    }
    for (auto& [uuid, records] : vdisks) {
      if (records.front().project == project_) vdisks_[uuid] = records.front().name;
      auto table = tables.find("hv-vd-" + to_string(uuid));
      // What was made in an earlier life of dom0 is gone, whatever has the name now.
      std::erase_if(records, [&](const MappingRecord& it) { return it.boot_id != seen_.boot_id; });
      if (table == tables.end() || records.empty()) continue;
      auto made = std::find_if(records.begin(), records.end(),
                               [&](const MappingRecord& it) { return it.table == table->second; });
      if (made == records.end())
        made = std::find_if(records.begin(), records.end(),
                            [&](const MappingRecord& it) { return it.before == table->second; });
      if (made == records.end()) {
        reason_ = "the virtual disk `" + records.front().name +
                  "` is mapped there otherwise than hv did (device hv-vd-" + to_string(uuid) + ")";
        return;
      }
      seen_.vdisks.push_back({uuid, made->name, std::move(made->extents), true});
    }
  }

  void sizes() {
    std::map<std::string, Bytes> disks;
    for (std::string_view line : lines_of(sections_["sizes"])) {
      const std::vector<Word> words = words_of(line);
      if (words.size() < 3) continue;
      const std::string path = "/dev/" + std::string(words[0].text);
      names_[std::string(words[2].text)] = std::string(words[0].text);
      if (words.size() > 3) below_[std::string(words[0].text)] = std::string(words[3].text);
      const auto size = number_in(words[1].text);
      if (!size || *size <= 0) continue;
      disks[normalise_name(path)] = to_bytes(sectors(*size));
      numbers_[path] = std::string(words[2].text);
    }
    if (sections_.contains("sizes")) seen_.disks = std::move(disks);
  }

  // A backend that has another device open than the virtual disk's serves something else.
  void check_vdisk(const Backend& backend, ObservedVbd& seen) const {
    auto number = numbers_.find(seen.vbd.source);
    if (!vdisk_of_path(seen.vbd.source) || number == numbers_.end()) return;
    const std::string open = device_number(backend.get("physical-device"));
    if (!open.empty() && open != number->second) seen.connected = false;
  }

  std::string opened_by(const Backend& backend) const {
    const std::string number = device_number(backend.get("physical-device"));
    if (names_.contains(number)) return lasting_name(number);
    // Of a machine that lies saved no numbers are kept.
    const std::string path = backend.get("physical-device-path");
    auto file = loops_.find(path.substr(path.rfind('/') + 1));
    if (file != loops_.end()) return file->second;
    return path.starts_with('/') && !vdisk_of_path(path) ? path : "";
  }

  // A block device by what lasts: of a loop device its file, of a sharer's own what is below it. ""
  // of a virtual disk, which is known by its number already.
  std::string lasting_name(const std::string& number) const {
    auto named = names_.find(number);
    if (named == names_.end()) return "";
    std::string name = named->second;
    if (auto below = below_.find(name); below != below_.end()) name = below->second;
    if (auto file = loops_.find(name); file != loops_.end()) return file->second;
    return vdisk_of_path("/dev/" + name) ? "" : "/dev/" + name;
  }

  // What only libxl's configuration tells: a disk of another backend domain, an interface's
  // settings.
  void complete(ObservedDomain& domain) {
    auto found = details_.find(domain.domid.value);
    if (found == details_.end()) return;
    if (const Json* disks = member(found->second, "disks"))
      for (const Json& disk : *disks) {
        ObservedVbd more{vbd_of(disk), "", true};
        auto same = std::find_if(domain.vbds.begin(), domain.vbds.end(),
                                 [&](const auto& it) { return it.vbd.device == more.vbd.device; });
        if (same != domain.vbds.end()) {
          same->vbd.format = more.vbd.format;
          same->vbd.script = more.vbd.script;
        } else if (!text_in(disk, "backend_domname").empty()) {
          domain.vbds.push_back(std::move(more));
        }
      }
    if (const Json* nics = member(found->second, "nics"))
      for (const Json& nic : *nics) {
        const Vif told = vif_of(nic);
        auto mac = told.settings.find("mac");
        if (mac == told.settings.end()) continue;
        for (Vif& vif : domain.vifs)
          if (vif.settings["mac"] == mac->second)
            vif.settings.insert(told.settings.begin(), told.settings.end());
      }
  }

  // The kernel's own list of devices, "NAME MODE NUMBER": one that xenstore has forgotten is still
  // open.
  void leftovers() {
    for (std::string_view line : lines_of(sections_["backends"])) {
      const std::vector<Word> words = words_of(line);
      const std::string name(words.empty() ? "" : words[0].text);
      if (!name.starts_with("vbd-") || known_.contains(name)) continue;
      const std::size_t dash = name.find('-', 4);
      if (dash == std::string::npos) continue;
      const auto domid = number_in(std::string_view(name).substr(4, dash - 4));
      const auto device = number_in(std::string_view(name).substr(dash + 1));
      if (!domid || !device) continue;
      ObservedVbd open;
      open.vbd.device = device_of_number(static_cast<uint64_t>(*device));
      open.connected = false;
      open.vbd.mode =
          words.size() == 3 && words[1].text == "r" ? AccessMode::read : AccessMode::write;
      if (words.size() == 3) {
        const std::string number = device_number(words[2].text);
        open.physical = open.vbd.source = lasting_name(number);
        if (auto path = names_.find(number); path != names_.end() && open.vbd.source.empty())
          open.vbd.source = "/dev/" + path->second;
        name_source(open.vbd);
        if (open.vbd.source.empty()) {
          reason_ = "the kernel there has the device " + std::string(words[2].text) + " open for " +
                    name + ", and nobody knows which that is";
          return;
        }
      }
      find_or_gone(static_cast<uint64_t>(*domid)).vbds.push_back(std::move(open));
    }
  }

  // A guest that reboots gets what libxl's configuration of it says: what `xl list -l` tells, which
  // is what libxl keeps without the devices that xenstore knows no more. Where xl tells nothing of
  // a machine, all that is kept counts.
  void kept_configurations() {
    for (ObservedDomain& domain : seen_.domains)
      if (auto told = details_.find(domain.domid.value); told != details_.end())
        would_bring(told->second, domain);
    for (const auto& [name, text] : sections_) {
      constexpr std::string_view kKept = "kept userdata-d.";
      if (!name.starts_with(kKept)) continue;
      const std::size_t dot = name.find('.', kKept.size());
      if (dot == std::string::npos) continue;
      const auto domid = number_in(std::string_view(name).substr(kKept.size(), dot - kKept.size()));
      ObservedDomain* domain = domid ? find(static_cast<uint64_t>(*domid)) : nullptr;
      if (domain == nullptr || details_.contains(domain->domid.value)) continue;
      would_bring(Json::parse(text, nullptr, /*allow_exceptions=*/false), *domain);
    }
  }

  // What `xl config-update` left for a machine's next life. hv never writes it: it is told, and
  // holds what it would bring.
  void updated_configurations() {
    for (const auto& [name, text] : sections_) {
      constexpr std::string_view kUpdated = "updated userdata-d.";
      if (!name.starts_with(kUpdated)) continue;
      const std::size_t dot = std::min(name.find('.', kUpdated.size()), name.size());
      const auto domid =
          number_in(std::string_view(name).substr(kUpdated.size(), dot - kUpdated.size()));
      const ObservedDomain* domain = domid ? find(static_cast<uint64_t>(*domid)) : nullptr;
      if (domain == nullptr) continue;
      LatentAccess access{std::string(kPendingUpdate), domain->uuid, domain->name, Vbd{}};
      seen_.latent.push_back(access);
      const Json config = Json::parse(text, nullptr, /*allow_exceptions=*/false);
      for (const Vbd& vbd : disks_in(config).value_or(std::vector<Vbd>())) {
        access.vbd = vbd;
        name_source(access.vbd);
        if (!has(*domain, access.vbd)) seen_.latent.push_back(access);
      }
    }
  }

  static bool is_live(const Vbd& vbd, const ObservedDomain& domain) {
    return std::any_of(domain.vbds.begin(), domain.vbds.end(), [&](const ObservedVbd& it) {
      return it.vbd.device == vbd.device && it.vbd.source == vbd.source;
    });
  }

  void would_bring(const Json& config, const ObservedDomain& domain) {
    const Json* disks = member(config, "disks");
    if (disks == nullptr) return;
    for (const Json& disk : *disks) {
      Vbd vbd = vbd_of(disk);
      name_source(vbd);
      if (!is_live(vbd, domain))
        seen_.latent.push_back({"restart configuration", domain.uuid, domain.name, vbd});
    }
  }

  // What lies saved holds what it had; while a machine of it is there, that one is what counts.
  void saved() {
    for (const auto& [name, text] : sections_) {
      constexpr std::string_view kSaved = "saved ";
      if (!name.starts_with(kSaved)) continue;
      const std::string_view file = std::string_view(name).substr(kSaved.size());
      const auto uuid = parse_uuid(file.substr(0, file.find('.')));
      if (uuid && find_domain(seen_, *uuid) != nullptr) continue;
      auto domain = uuid ? LookReader(text, seen_.host, seen_.at, project_, kInnerMark)
                               .described(*uuid, vdisks_)
                         : std::nullopt;
      if (!domain) {
        reason_ = "what lies saved there cannot be read (" + std::string(file) + ")";
        return;
      }
      domain->dying = file.ends_with(".in-use");
      seen_.domains.push_back(std::move(*domain));
    }
  }

  // What hostop.sh has start at boot, "auto UUID linked": a disk of it that the machine does not
  // have is one that it would get.
  void autostart() {
    for (ObservedDomain& domain : seen_.domains) domain.attributes.set("autostart", false);
    for (const auto& [name, text] : sections_) {
      const std::vector<Word> words = words_of(name);
      const auto uuid =
          words.size() == 3 && words[0].text == "auto" ? parse_uuid(words[1].text) : std::nullopt;
      if (!uuid) continue;
      const bool linked = words[2].text == "linked";
      auto found = std::find_if(seen_.domains.begin(), seen_.domains.end(),
                                [&](const ObservedDomain& it) { return it.uuid == *uuid; });
      const ObservedDomain* domain = found == seen_.domains.end() ? nullptr : &*found;
      // One that does not run yet gets its link when it does.
      if (domain != nullptr && (linked || domain->state != PowerState::running))
        found->attributes.set("autostart", true);
      if (!linked) continue;
      std::vector<Vbd> listed;
      for (std::string_view line : lines_of(text))
        if (auto vbd = vbd_of_line(line)) listed.push_back(std::move(*vbd));
      // With other disks than it has it would not start as it is: the file is to be made again.
      if (domain != nullptr && !has_all(listed, *domain)) found->attributes.set("autostart", false);
      for (const Vbd& vbd : listed) {
        if (domain == nullptr || !is_live(vbd, *domain))
          seen_.latent.push_back(
              {"autostart", *uuid, domain == nullptr ? to_string(*uuid) : domain->name, vbd});
      }
    }
  }

  // What others have start at boot, or lies saved, "others auto|save uuid|- FILE": a disk that its
  // machine does not have is one that it would get; a save file is told in any case, without a disk
  // where the machine has them all. Without a UUID it is the machine of its name: xl gives each
  // name once.
  void others() {
    for (const auto& [name, text] : sections_) {
      const std::vector<Word> words = words_of(name);
      if (words.size() < 4 || words[0].text != "others") continue;
      const std::string file(std::string_view(name).substr(words[3].at));
      const char* what = words[1].text == "save" ? "save file" : "autostart";
      const Json config = Json::parse(text, nullptr, /*allow_exceptions=*/false);
      const std::optional<std::vector<Vbd>> disks = disks_in(config);
      if (!disks) {
        seen_.latent.push_back({what, Uuid{}, file, Vbd{}, file});
        continue;
      }
      const Json& create = *member(config, "c_info");
      LatentAccess access{what, Uuid{}, text_in(create, "name"), Vbd{}, file};
      if (words[2].text == "uuid")
        access.uuid = parse_uuid(text_in(create, "uuid")).value_or(Uuid{});
      auto domain =
          std::find_if(seen_.domains.begin(), seen_.domains.end(), [&](const ObservedDomain& it) {
            return access.uuid.is_nil() ? it.name == access.name : it.uuid == access.uuid;
          });
      if (domain != seen_.domains.end()) {
        access.uuid = domain->uuid;
        access.name = domain->name;
      }
      const std::size_t before = seen_.latent.size();
      for (const Vbd& vbd : *disks) {
        access.vbd = vbd;
        name_source(access.vbd);
        if (domain == seen_.domains.end() || !has(*domain, access.vbd))
          seen_.latent.push_back(access);
      }
      access.vbd = Vbd{};
      if (words[1].text == "save" && seen_.latent.size() == before) seen_.latent.push_back(access);
    }
  }

  static bool has_all(const std::vector<Vbd>& vbds, const ObservedDomain& domain) {
    return std::all_of(domain.vbds.begin(), domain.vbds.end(), [&](const ObservedVbd& it) {
      return !it.connected || std::any_of(vbds.begin(), vbds.end(), [&](const Vbd& vbd) {
        return vbd.device == it.vbd.device && vbd.source == it.vbd.source;
      });
    });
  }

  static bool has(const ObservedDomain& domain, const Vbd& vbd) {
    return std::any_of(domain.vbds.begin(), domain.vbds.end(), [&](const ObservedVbd& it) {
      return it.vbd.device == vbd.device && it.vbd.source == vbd.source &&
             (writes(it.vbd.mode) || !writes(vbd.mode));
    });
  }

  void records() {
    for (const auto& [name, text] : sections_) {
      constexpr std::string_view kProject = "file project/", kClaim = "file claims/";
      if (name.starts_with(kProject)) {
        const auto id = parse_uuid(name.substr(kProject.size()));
        const auto project = id ? project_from(*id, text) : std::nullopt;
        if (!project) {
          reason_ = "what the host remembers of a project cannot be read (" + name.substr(5) + ")";
          return;
        }
        seen_.projects.push_back(*project);
      }
      if (name.starts_with(kClaim)) {
        const auto claim = claim_from(text);
        if (!claim) {
          reason_ = "a claim cannot be read (" + name.substr(5) + ")";
          return;
        }
        seen_.claims.push_back(*claim);
      }
    }
  }

  const Uuid project_;
  std::map<std::string, std::string_view> sections_;
  HostObservation seen_;
  std::string reason_;
  std::map<uint64_t, Json> details_;
  std::map<std::string, std::string> loops_, own_;
  std::map<Uuid, std::string> vdisks_;          // the project's, by name
  std::map<std::string, std::string> numbers_;  // "253:3", by path
  std::map<std::string, std::string> names_;    // "sda1" or "mapper/a", by "253:3"
  std::map<std::string, std::string> below_;    // of a sharer's own "mapper/a" what is below it
  std::set<std::string> known_;
  std::set<uint64_t> young_;
};

}  // namespace

HostObservation read_look(std::string_view text, const HostName& host, Time at,
                          const Uuid& project) {
  return LookReader(text, host, at, project, kMark).run();
}

}  // namespace hv
