#include "hv/inventory/gather.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "hv/inventory/headers.h"
#include "hv/inventory/mounts.h"
#include "hv/inventory/tables.h"
#include "hv/inventory/uses.h"

namespace hv {
namespace {

constexpr int kMostLinks = 40;
constexpr int kMostImages = 4096;
constexpr const char* kBlocks = "/sys/class/block/";

int64_t number(const std::optional<std::string>& text) {
  int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return std::clamp<int64_t>(value, 0, int64_t{1} << 55);
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n\0");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::vector<std::string> split(const std::string& text, char at) {
  std::istringstream in(text);
  std::vector<std::string> parts;
  for (std::string part; std::getline(in, part, at);) parts.push_back(std::move(part));
  return parts;
}

// Which bus a disk hangs on, from its place in the kernel's tree.
std::string transport_of(const std::string& place) {
  const std::pair<const char*, const char*> kBuses[] = {
      {"/usb", "usb"},       {"/session", "iscsi"},     {"/rport-", "fc"},  {"/end_device-", "sas"},
      {"/ata", "sata"},      {"/nvme-fabrics", "nvmf"}, {"/nvme/", "nvme"}, {"/mmc", "mmc"},
      {"/virtio", "virtio"}, {"/vbd-", "xen"}};
  for (const auto& [part, bus] : kBuses)
    if (place.find(part) != std::string::npos) return bus;
  return {};
}

DeviceKind kind_of(const std::string& name, bool is_partition) {
  if (is_partition) return DeviceKind::partition;
  auto begins = [&](const char* word) { return name.starts_with(word); };
  if (begins("loop")) return DeviceKind::loop;
  if (begins("dm-")) return DeviceKind::mapper;
  if (begins("md")) return DeviceKind::md;
  if (begins("drbd")) return DeviceKind::drbd;
  if (begins("nbd") || begins("rbd")) return DeviceKind::network;
  if (begins("zram") || begins("ram")) return DeviceKind::memory;
  if (begins("sr") || begins("fd")) return DeviceKind::other;
  return DeviceKind::disk;
}

class Gatherer {
 public:
  Gatherer(const GatherRequest& request, const Machine& machine)
      : request_(request), machine_(machine) {}

  Inventory run() {
    inventory_.host = request_.host;
    inventory_.taken = request_.now;
    inventory_.domains = request_.domains;
    inventory_.machine = machine_.text("/sys/class/dmi/id/product_uuid").value_or("");
    if (inventory_.machine.empty())
      inventory_.machine = machine_.text("/etc/machine-id").value_or("");
    add_devices();
    add_mapper_tables();
    add_groups();
    const NoteOf noted = [this](const std::string& source, const std::string& text) {
      note(source, text);
    };
    inventory_.mounts = read_mounts(machine_, noted);
    inventory_.swaps = read_swaps(machine_, noted);
    for (const Swap& swap : inventory_.swaps) wanted_.insert(swap.source);
    add_filesystem_members(machine_, inventory_.devices);
    inventory_.uses = read_uses(machine_, inventory_.devices, noted);
    for (const HostUse& use : inventory_.uses) wanted_.insert(use.source);
    add_links("/dev", 0);
    add_network_ids();
    add_files();
    sort_inventory(inventory_);
    return std::move(inventory_);
  }

 private:
  void note(const std::string& source, const std::string& text) {
    const InventoryNote one{source, text};
    if (std::find(inventory_.notes.begin(), inventory_.notes.end(), one) == inventory_.notes.end())
      inventory_.notes.push_back(one);
  }

  std::optional<std::string> fact(const std::string& device, const std::string& name) const {
    return machine_.text(kBlocks + device + "/" + name);
  }

  void add_devices() {
    const std::vector<std::string> names = machine_.list("/sys/class/block");
    if (names.empty()) note("/sys/class/block", "cannot be read: no device is known");
    std::map<std::string, std::string> parents;
    std::map<std::string, Sectors> sizes;
    for (const std::string& name : names) {
      sizes[name] = sectors(number(fact(name, "size")));
      for (const std::string& child : names)
        if (child.size() > name.size() && child.starts_with(name) &&
            machine_.text(kBlocks + name + "/" + child + "/partition"))
          parents[child] = name;
    }
    for (const std::string& name : names) {
      BlockDevice device;
      device.name = name;
      device.kind = kind_of(name, fact(name, "partition").has_value());
      device.number = fact(name, "dev").value_or("");
      device.size = sizes[name];
      device.read_only = fact(name, "ro").value_or("0") == "1";
      device.mapper = fact(name, "dm/name").value_or("");
      names_[device.number] = name;
      if (!device.mapper.empty()) names_["mapper:" + device.mapper] = name;
      if (device.kind == DeviceKind::loop && !fact(name, "loop/backing_file")) continue;
      if (device.kind == DeviceKind::memory && device.size.count == 0) continue;
      if (device.kind == DeviceKind::partition) {
        device.layers = {{{},
                          device.size,
                          LayerKind::linear,
                          {{parents.contains(name) ? parents[name] : "disk of " + name,
                            sectors(number(fact(name, "start")))}},
                          {},
                          {}}};
      } else if (device.kind == DeviceKind::loop) {
        add_loop(device);
      } else if (device.kind == DeviceKind::md) {
        read_md(machine_, device, sizes);
      } else if (device.kind == DeviceKind::drbd) {
        add_slaves(device, LayerKind::linear);
      } else {
        add_identity(device);
        // A cache or whatever else a kernel lays over disks: somewhere on them.
        if (device.kind != DeviceKind::mapper) add_slaves(device, LayerKind::own);
      }
      add_marks(device);
      inventory_.devices.push_back(std::move(device));
    }
  }

  void add_loop(BlockDevice& device) {
    std::string file = fact(device.name, "loop/backing_file").value_or("");
    constexpr std::string_view kGone = " (deleted)";
    if (file.ends_with(kGone)) {
      note(device.name, "its file `" + file + "` has no name any more");
      file.resize(file.size() - kGone.size());
    }
    device.layers = {{{},
                      device.size,
                      LayerKind::linear,
                      {{file, sectors(number(fact(device.name, "loop/offset")) / kSectorBytes)}},
                      {},
                      {}}};
    wanted_.insert(file);
  }

  // What the kernel says a device is held up by, where no table says more.
  void add_slaves(BlockDevice& device, LayerKind kind) {
    Layer layer{{}, device.size, kind, {}, {}, {}};
    for (const std::string& slave : machine_.list(kBlocks + device.name + "/slaves"))
      layer.legs.push_back({slave, {}});
    if (layer.legs.size() > 1) layer.kind = LayerKind::own;
    if (!layer.legs.empty()) device.layers = {layer};
  }

  void add_identity(BlockDevice& device) {
    const std::string place = machine_.link("/sys/class/block/" + device.name).value_or("");
    device.transport = transport_of(place);
    const std::string own = fact(device.name, "wwid").value_or("");
    const std::string wwid =
        trimmed(own.empty() ? fact(device.name, "device/wwid").value_or("") : own);
    for (const char* kind : {"naa.", "eui.", "uuid."})
      if (wwid.starts_with(kind))
        device.wwn = (kind[0] == 'n' ? "0x" : "") + wwid.substr(std::string_view(kind).size());
    if (device.wwn.empty() && wwid.starts_with("nvme.")) device.wwn = wwid;
    device.model = trimmed(fact(device.name, "device/model").value_or(""));
    std::string serial = fact(device.name, "serial").value_or("");
    if (serial.empty()) serial = fact(device.name, "device/serial").value_or("");
    if (serial.empty()) {
      // A SCSI disk's page of serial numbers: four bytes, then the text.
      const Result<std::string> page =
          machine_.bytes_at(kBlocks + device.name + "/device/vpd_pg80", 0, 256);
      if (page.ok() && page->size() > 4) serial = page->substr(4);
    }
    serial.erase(
        std::remove_if(serial.begin(), serial.end(), [](char c) { return c < 33 || c > 126; }),
        serial.end());
    // A controller's serial is that of all its namespaces.
    if (!serial.empty() && device.name.starts_with("nvme"))
      serial += "/n" + fact(device.name, "nsid").value_or("?");
    device.serial = serial;
    add_iscsi(place, device);
    if (device.name.starts_with("rbd")) {
      const std::string at = "/sys/bus/rbd/devices/" + device.name.substr(3) + "/";
      const std::string pool = machine_.text(at + "pool").value_or("");
      const std::string image = machine_.text(at + "name").value_or("");
      if (!pool.empty() && !image.empty()) device.ids.push_back("rbd:" + pool + "/" + image);
    }
  }

  // ".../session3/target5:0:0/5:0:0:1/block/sdb"
  void add_iscsi(const std::string& place, BlockDevice& device) {
    const std::size_t at = place.find("/session");
    if (at == std::string::npos) return;
    const std::string session = place.substr(at + 1, place.find('/', at + 1) - at - 1);
    const std::string name =
        machine_.text("/sys/class/iscsi_session/" + session + "/targetname").value_or("");
    const std::size_t block = place.rfind("/block/");
    if (name.empty() || block == std::string::npos) return;
    const std::string address = place.substr(0, block);
    const std::size_t lun = address.rfind(':');
    if (lun != std::string::npos)
      device.ids.push_back("iscsi:" + name + ":lun" + address.substr(lun + 1));
  }

  void add_marks(BlockDevice& device) {
    if (device.kind == DeviceKind::memory || device.kind == DeviceKind::other ||
        device.size.count == 0)
      return;
    bool denied = false;
    device.marks = read_marks([&](int64_t offset, std::size_t count) {
      Result<std::string> bytes = machine_.bytes_at(node_of(device), offset, count);
      denied = denied || !bytes.ok();
      return bytes.ok() ? *bytes : std::string();
    });
    if (denied) note("headers", "some devices cannot be read: equal copies are not recognised");
  }

  static std::string node_of(const BlockDevice& device) {
    std::string node = device.name;
    std::replace(node.begin(), node.end(), '!', '/');
    return "/dev/" + node;
  }

  void add_mapper_tables() {
    const bool any = std::any_of(inventory_.devices.begin(), inventory_.devices.end(),
                                 [](const BlockDevice& d) { return d.kind == DeviceKind::mapper; });
    if (!any) return;
    const Result<std::string> text = machine_.run({"dmsetup", "table"});
    if (!text.ok())
      note("dmsetup", text.error().message +
                          ": how mapped devices lie on others is known only by what they hold");
    const auto tables = read_dm_tables(text.ok() ? *text : std::string(), names_);
    for (BlockDevice& device : inventory_.devices) {
      if (device.kind != DeviceKind::mapper) continue;
      const auto found = tables.find(device.mapper);
      if (found != tables.end())
        device.layers = found->second;
      else
        add_slaves(device, LayerKind::own);
    }
  }

  void add_groups() {
    std::map<std::string, std::string> paths;
    for (const BlockDevice& device : inventory_.devices) {
      paths[node_of(device)] = device.name;
      if (!device.mapper.empty()) paths["/dev/mapper/" + device.mapper] = device.name;
    }
    const std::vector<std::string> form = {"--reportformat", "json", "--units", "s", "--nosuffix"};
    auto ask = [&](const std::string& tool, std::vector<std::string> more) {
      std::vector<std::string> words = {tool};
      words.insert(words.end(), form.begin(), form.end());
      words.insert(words.end(), more.begin(), more.end());
      return machine_.run(words);
    };
    const Result<std::string> lvs =
        ask("lvs", {"-a", "-o",
                    "vg_name,lv_name,lv_uuid,lv_attr,origin,seg_start,seg_size,segtype,stripe_size,"
                    "devices,thin_id,pool_lv,data_lv,metadata_lv"});
    const Result<std::string> vgs = ask("vgs", {"-o", "vg_name,vg_uuid,vg_attr,vg_extent_size"});
    const Result<std::string> pvs = ask("pvs", {"-o", "pv_name,pv_uuid,vg_name,pe_start"});
    for (const auto& [tool, answer] : {std::pair("lvs", &lvs), {"vgs", &vgs}, {"pvs", &pvs}})
      if (!answer->ok())
        note(tool, answer->error().message + ": logical volumes that are not active are not known");
    if (!lvs.ok() || !vgs.ok() || !pvs.ok()) return;
    Result<std::vector<VolumeGroup>> groups = read_lvm(*lvs, *vgs, *pvs, paths);
    if (!groups.ok()) {
      note("lvs", groups.error().message);
      return;
    }
    inventory_.groups = std::move(*groups);
    for (VolumeGroup& group : inventory_.groups)
      for (LogicalVolume& volume : group.volumes) {
        const auto active = names_.find("mapper:" + mapper_name(group.name, volume.name));
        if (active == names_.end()) continue;
        volume.device = active->second;
        volume.layers.clear();  // the table of the device says it
      }
  }

  // The names that udev and others give to devices.
  void add_links(const std::string& folder, int depth) {
    static const std::set<std::string> kOther = {"fd",    "pts",    "shm",       "char",
                                                 "block", "bus",    "input",     "snd",
                                                 "net",   "mqueue", "hugepages", "dri"};
    for (const std::string& name : machine_.list(folder)) {
      if (depth == 0 && kOther.contains(name)) continue;
      const std::string path = folder + "/" + name;
      if (const auto target = machine_.link(path)) {
        const std::optional<std::string> end = follow(path, false);
        if (end && is_device(*end)) follow(path, true);
      } else if (depth < 3) {
        const std::optional<FileFacts> facts = machine_.facts(path);
        if (facts && facts->kind == FileFacts::Kind::folder) add_links(path, depth + 1);
      }
    }
  }

  bool is_device(const std::string& path) const {
    return std::any_of(inventory_.devices.begin(), inventory_.devices.end(),
                       [&](const BlockDevice& device) { return node_of(device) == path; });
  }

  // The path without links; what was followed is written down if `keep`.
  std::optional<std::string> follow(const std::string& path, bool keep) {
    std::vector<std::string> ahead;
    auto push = [&](const std::string& what) {
      std::vector<std::string> parts = split(what, '/');
      for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        if (!part->empty() && *part != ".") ahead.push_back(*part);
    };
    push(path);
    std::string done;
    for (int links = 0; !ahead.empty();) {
      const std::string part = ahead.back();
      ahead.pop_back();
      if (part == "..") {
        done.resize(done.empty() ? 0 : done.rfind('/'));
        continue;
      }
      const std::string next = done + "/" + part;
      const std::optional<std::string> target = machine_.link(next);
      if (!target) {
        done = next;
        continue;
      }
      if (keep) inventory_.links[next] = *target;
      if (++links > kMostLinks) return std::nullopt;
      if (target->starts_with('/')) done.clear();
      push(*target);
    }
    return done.empty() ? "/" : done;
  }

  void add_network_ids() {
    for (BlockDevice& device : inventory_.devices) {
      if (device.kind != DeviceKind::drbd) continue;
      constexpr std::string_view kResources = "/dev/drbd/by-res/";
      for (const auto& [path, target] : inventory_.links)
        if (path.starts_with(kResources) && target.ends_with("/" + device.name)) {
          const std::string resource = path.substr(kResources.size());
          device.ids.push_back("drbd:" + resource.substr(0, resource.find('/')));
        }
    }
  }

  void add_files() {
    for (const std::string& source : request_.sources) want(source);
    for (const LiveDomain& domain : request_.domains)
      for (const ObservedVbd& seen : domain.vbds) {
        want(seen.vbd.source);
        want(seen.physical);
      }
    std::set<std::string> done;
    for (int n = 0; !wanted_.empty(); ++n) {
      const std::string path = *wanted_.begin();
      wanted_.erase(wanted_.begin());
      if (!done.insert(path).second) continue;
      if (n > kMostImages) {
        note("files", "more than " + std::to_string(kMostImages) + " images: the rest is left out");
        return;
      }
      add_file(path);
    }
  }

  void want(const std::string& source) {
    std::string path = source;
    // Without the words that say how it is opened; what is left with a colon is on no disk of ours.
    for (std::size_t colon = path.find(':'); colon != std::string::npos && !path.starts_with('/');
         colon = path.find(':'))
      path = path.substr(colon + 1);
    if (path.empty()) return;
    wanted_.insert(path.starts_with('/') ? path : "/dev/" + path);
  }

  void add_file(const std::string& as_named) {
    const std::optional<std::string> path = follow(as_named, true);
    if (!path) {
      note(as_named, "its links go in a circle");
      return;
    }
    const std::optional<FileFacts> facts = machine_.facts(*path);
    if (!facts) {
      // Below /dev it is a volume that is not active, of which lvs tells.
      if (!path->starts_with("/dev/")) note(*path, "is not there, or may not be looked at");
      return;
    }
    if (facts->kind != FileFacts::Kind::file && facts->kind != FileFacts::Kind::block) return;
    bool denied = false;
    const ImageHeader header = read_image_header([&](int64_t offset, std::size_t count) {
      Result<std::string> bytes = machine_.bytes_at(*path, offset, count);
      denied = denied || !bytes.ok();
      return bytes.ok() ? *bytes : std::string();
    });
    if (denied) note(*path, "cannot be read: a backing file would not be seen");
    ImageFile file;
    file.path = *path;
    file.format = header.format;
    file.shows = header.shows;
    file.backing = header.backing;
    file.backing_format = header.backing_format;
    for (const std::string& part : header.parts) {
      // A sparse VMDK names itself.
      const std::string full = part.starts_with('/') ? part : folder_of(*path) + "/" + part;
      if (full == *path) continue;
      file.parts.push_back(part);
      wanted_.insert(full);
    }
    if (facts->kind == FileFacts::Kind::block) {
      file.device = facts->number;
      if (is_device(*path) && header.format.empty()) return;  // known as a device already
    } else {
      file.inode = facts->inode;
      file.links = facts->links;
      file.size = bytes(facts->size);
      file.allocated = bytes(facts->allocated);
    }
    std::string below = header.backing;
    if (below.starts_with("file:")) below = below.substr(5);
    if (!below.empty() && !below.starts_with("json:") && below.find("://") == std::string::npos)
      wanted_.insert(below.starts_with('/') ? below : folder_of(as_named) + "/" + below);
    const bool known = std::any_of(inventory_.files.begin(), inventory_.files.end(),
                                   [&](const ImageFile& one) { return one.path == file.path; });
    if (!known) inventory_.files.push_back(std::move(file));
  }

  const GatherRequest& request_;
  const Machine& machine_;
  Inventory inventory_;
  std::map<std::string, std::string> names_;  // by number, and by "mapper:NAME"
  std::set<std::string> wanted_;
};

}  // namespace

Inventory gather(const GatherRequest& request, const Machine& machine) {
  return Gatherer(request, machine).run();
}

}  // namespace hv
