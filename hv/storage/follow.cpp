// Every device is a list of layers; following one maps a range of its sectors through the layers it
// meets, until it is on devices without layers (stores), on files (stores named by filesystem and
// inode) or on layers that are stores of their own.
//
// longer because every kind of layer may lie on every other: what follows one calls what follows
// all.
#include "hv/storage/follow.h"

#include <algorithm>
#include <set>
#include <utility>

#include "hv/storage/names.h"

namespace hv {
namespace {

constexpr int kMostDepth = 64;
constexpr std::size_t kMostExtents = std::size_t{1} << 22;
// Legs followed for one name, each counted with its depth: more than the longest table has, and
// soon reached where every level lies twice on the next.
constexpr std::size_t kMostLegs = std::size_t{1} << 20;
constexpr std::size_t kLegsOfFollower = 256;  // one that follows apart costs as much
constexpr int kMostBacking = 256;
// A file whose size nobody wrote down.
constexpr Sectors kWholeFile = sectors(int64_t{1} << 52);

std::string range_text(Sectors start, Sectors count) {
  return " [" + std::to_string(start.count) + ".." + std::to_string(start.count + count.count - 1) +
         "]";
}

bool is_on_server(const Mount& mount) {
  static const std::set<std::string> kTypes = {"nfs",  "nfs4",  "cifs",           "smb3",
                                               "ceph", "smbfs", "fuse.glusterfs", "glusterfs"};
  return kTypes.contains(mount.type);
}

// Filesystems whose files are those of others under a second name.
bool shows_others(const Mount& mount) {
  for (std::string_view type : {"overlay", "aufs", "unionfs", "ecryptfs", "zfs"})
    if (mount.type == type) return true;
  return mount.type.starts_with("fuse.") || mount.type == "9p" || mount.type == "virtiofs";
}

// "file:" in front, but what is in doubt stays so.
StoreId made_of(std::string_view kind, const StoreId& below, const std::string& rest) {
  std::string text = below.text;
  std::string front;
  for (std::string_view doubt : {"maybe:", "twin:"})
    if (text.starts_with(doubt)) {
      front = doubt;
      text = text.substr(doubt.size());
    }
  return StoreId{front + std::string(kind) + text + rest};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

class Follower {
 public:
  Follower(const HostMap& host, const StorageContext& context) : host_(host), context_(context) {}
  // For what lies below what `above` follows.
  explicit Follower(const Follower& above, bool first_half)
      : host_(above.host_),
        context_(above.context_),
        above_(above.above_),
        first_half_(first_half),
        legs_(above.legs_) {
    *legs_ += kLegsOfFollower;
  }

  void source(const std::string& source, const std::string& format) {
    Target top = find(source);
    std::string as_named = top.path;
    open(top);
    note_path(top, source);
    if (format == "raw") return;
    backing(top, as_named);
  }

  // Sectors [start, start + count) of a device, by its name, or of a file, by its path.
  void leg(const Leg& leg, Sectors count, bool first) {
    *legs_ += 1 + above_.size();
    if (*legs_ > kMostLegs) {
      problem("the layers branch more than anybody's disks do");
      by_name(leg.device, leg.start, count);
      return;
    }
    if (leg.device.starts_with('/')) {
      Target target = find(leg.device);
      if (target.device == nullptr && target.volume == nullptr) {
        if (first) say(target.path + range_text(leg.start, count));
        file_range(target, leg.start, count);
        return;
      }
      if (target.device != nullptr)
        device_range(*target.device, leg.start, count, first);
      else
        layers_range(target.name, target.volume->layers, leg.start, count, first);
      return;
    }
    if (const BlockDevice* device = host_.device(leg.device)) {
      device_range(*device, leg.start, count, first);
      return;
    }
    if (const LogicalVolume* volume = host_.volume(leg.device)) {
      volume_range(leg.device, *volume, leg.start, count, first);
      return;
    }
    problem("`" + leg.device + "` is in no inventory of " + host_name());
    by_name(leg.device, leg.start, count);
  }

  void device_range(const BlockDevice& device, Sectors start, Sectors count, bool first) {
    if (count.count <= 0) return;
    if (first) {
      const bool whole = start.count == 0 && count == device.size;
      say(whole ? device.name : device.name + range_text(start, count));
    }
    if (!device.layers.empty()) {
      layers_range(device.name, device.layers, start, count, first);
      // Other hosts have it too, on other disks: a replica.
      for (const std::string& id : device.ids)
        for (const StoreId& store : stores_of_id(id)) add({store, start, count, true});
      return;
    }
    for (const StoreId& store : host_.stores_of(device)) add({store, start, count, true});
  }

  std::vector<Beneath> run_by_host(const BlockDevice& device) {
    for (const Layer& layer : device.layers) beneath(device.name, layer);
    for (const HostArea& area : device.writes) {
      Follower below(host_, context_);
      below.leg({area.device, area.start}, area.count, false);
      result.beneath.push_back(
          {std::move(below.result.extents), AccessMode::write, true, {area.what, device.name}});
    }
    finish();
    return std::move(result.beneath);
  }

  void finish() {
    tidy_extents(result.extents);
    for (Beneath& one : result.beneath) tidy_extents(one.extents);
    std::sort(result.problems.begin(), result.problems.end());
    result.problems.erase(std::unique(result.problems.begin(), result.problems.end()),
                          result.problems.end());
    for (const Extent& extent : result.extents) result.resolved &= extent.resolved;
    std::sort(result.mounts.begin(), result.mounts.end());
    result.mounts.erase(std::unique(result.mounts.begin(), result.mounts.end()),
                        result.mounts.end());
  }

  Followed result;

 private:
  // What a name turned out to be.
  struct Target {
    std::string path;  // without links
    std::string name;  // of a volume
    const BlockDevice* device = nullptr;
    const LogicalVolume* volume = nullptr;
    const ImageFile* file = nullptr;
    std::optional<HostMap::InMount> mount;
    bool lost = false;     // a circle of links, a device that is not there
    bool network = false;  // an identity of its own
  };

  std::string host_name() const { return host_.inventory().host.text; }
  void say(std::string step) {
    if (result.path.empty() || result.path.back() != step) result.path.push_back(std::move(step));
  }
  void problem(std::string text) { result.problems.push_back(std::move(text)); }
  void take_mounts(const Follower& from) {
    const std::vector<const Mount*>& more = from.result.mounts;
    result.mounts.insert(result.mounts.end(), more.begin(), more.end());
  }

  void add(Extent extent) {
    if (result.extents.size() < kMostExtents) {
      result.extents.push_back(std::move(extent));
    } else if (!overflowed_) {
      overflowed_ = true;
      problem("more than " + std::to_string(kMostExtents) + " extents");
    }
  }

  Target find(const std::string& source) const {
    Target target;
    std::string path = path_of_source(source);
    if (!path.starts_with('/')) {
      target.path = path;
      target.network = true;
      return target;
    }
    const auto canonical = host_.canonical(path);
    target.path = canonical.value_or(path);
    target.lost = !canonical.has_value();
    if (target.lost) return target;
    if (look_for_device(target.path, target)) return target;
    const std::string normal = normalise_name(path);
    if (const LogicalVolume* volume = host_.volume(normal)) {
      target.name = normal;
      if (!volume->device.empty()) target.device = host_.device(volume->device);
      if (target.device == nullptr) target.volume = volume;
      return target;
    }
    target.mount = host_.mount_of(target.path);
    target.file = host_.file(target.path);
    if (target.file == nullptr && target.mount) target.file = host_.file_in(*target.mount);
    if (target.mount && target.mount->mount->type == "devtmpfs") {
      // A device bound to another path.
      const std::string node = "/dev" + target.mount->path;
      if (!look_for_device(node, target)) target.lost = true;
      return target;
    }
    if (target.file != nullptr && !target.file->device.empty()) {
      target.device = host_.device_by_number(target.file->device);
      target.lost = target.device == nullptr;
      return target;
    }
    target.lost = !target.mount || target.path.starts_with("/dev/");
    if (target.mount && target.mount->mount->point == "/dev/shm") target.lost = false;
    return target;
  }

  bool look_for_device(const std::string& path, Target& target) const {
    constexpr std::string_view kByNumber = "/dev/block/";
    target.device = host_.device_at(path);
    if (target.device == nullptr && path.starts_with(kByNumber))
      target.device = host_.device_by_number(path.substr(kByNumber.size()));
    return target.device != nullptr;
  }

  // All of it.
  void open(const Target& target) {
    if (target.network) {
      network(target.path);
    } else if (target.device != nullptr) {
      const Sectors size = target.device->size;
      device_range(*target.device, sectors(0), size.count == 0 ? kWholeFile : size, true);
    } else if (target.volume != nullptr) {
      Sectors end;
      for (const Layer& layer : target.volume->layers)
        end = std::max(end, layer.start + layer.count);
      volume_range(target.name, *target.volume, sectors(0), end, true);
    } else if (target.lost) {
      problem(host_.canonical(target.path)
                  ? "`" + target.path + "` is in no inventory of " + host_name()
                  : "the links of `" + target.path + "` go in a circle");
      by_name(normalise_name(target.path), sectors(0), sectors(-1));
      unknown_partition(normalise_name(target.path));
      unknown_volume(normalise_name(target.path));
    } else {
      Sectors size = kWholeFile;
      if (target.file != nullptr) size = sectors_holding(target.file->size);
      file_range(target, sectors(0), std::max(size, sectors(1)));
      parts(target);
    }
  }

  using Ranges = std::vector<std::pair<Sectors, Sectors>>;  // from, to

  // What came after the inventory lies on a disk that is in it: somewhere nothing else is, or in
  // the place of what went. Where, nobody knows: in each such stretch one sector stands for it,
  // which is another one for another name, so that it meets who has all and not who is new as well.
  void somewhere_free(const std::string& name, const std::string& device, Sectors begin,
                      Sectors end, Ranges taken) {
    uint64_t mixed = 14695981039346656037ULL;
    for (const char c : name) mixed = (mixed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    bool any = false;
    const auto stand = [&](Sectors from, Sectors to) {
      if (to <= from) return;
      const auto room = static_cast<uint64_t>((to - from).count);
      leg({device, from + sectors(static_cast<int64_t>(mixed % room))}, sectors(1), !any);
      any = true;
    };
    std::sort(taken.begin(), taken.end());
    Sectors from = begin;
    for (const auto& [start, to] : taken) {
      stand(from, start);
      from = std::max(from, to);
    }
    stand(from, end);
    if (!any) stand(begin, end);
  }

  void unknown_partition(const std::string& name) {
    const NamePlace place = place_of_name(name);
    const BlockDevice* disk =
        place.partition == 0 ? nullptr : host_.device_at("/dev/" + place.whole);
    if (disk == nullptr) return;
    Ranges taken;
    for (const BlockDevice& other : host_.inventory().devices)
      if (other.kind == DeviceKind::partition && !other.layers.empty())
        for (const Leg& leg : other.layers.front().legs)
          if (leg.device == disk->name) taken.emplace_back(leg.start, leg.start + other.size);
    somewhere_free(name, disk->name, sectors(0), disk->size, std::move(taken));
  }

  void unknown_volume(const std::string& name) {
    for (const VolumeGroup& group : host_.inventory().groups) {
      if (!name.starts_with(group.name + "/")) continue;
      for (const PhysicalVolume& on : group.devices) {
        Ranges taken;
        for (const LogicalVolume& volume : group.volumes) {
          const BlockDevice* active = volume.device.empty() ? nullptr : host_.device(volume.device);
          for (const Layer& layer : active == nullptr ? volume.layers : active->layers)
            for (const Leg& leg : layer.legs)
              if (leg.device == on.device)
                taken.emplace_back(leg.start, leg.start + length_on_leg(layer));
        }
        somewhere_free(name, on.device, on.data_start, size_of(on.device), std::move(taken));
      }
    }
  }

  static Sectors length_on_leg(const Layer& layer) {
    if (layer.kind != LayerKind::striped) return layer.count;
    return sectors(layer.count.count / static_cast<int64_t>(layer.legs.size()));
  }

  // The name as written leads; a file's own path follows where it is another.
  void note_path(const Target& target, const std::string& source) {
    if (!target.network && target.device == nullptr && target.volume == nullptr &&
        target.path != source)
      result.path.insert(result.path.begin(), target.path);
  }

  void network(const std::string& name) {
    // The word for a host itself means another machine on each.
    for (std::string_view here : {"localhost", "127.0.0.1", "[::1]", "unix:"})
      if (name.find(here) != std::string::npos) {
        add({StoreId{"net:" + host_name() + ":" + name}, sectors(0), kWholeFile, true});
        return;
      }
    const std::string wanted = name_of_network(name);
    for (const BlockDevice& device : host_.inventory().devices)
      for (const std::string& id : device.ids)
        if (id == wanted || (wanted.starts_with("iscsi:") && id.starts_with(wanted + ":"))) {
          device_range(device, sectors(0), device.size, true);
          return;
        }
    for (const StoreId& store : stores_of_id(wanted)) add({store, sectors(0), kWholeFile, true});
  }

  // What comes after an image's name is how it is opened: "rbd:pool/image:conf=…".
  static std::string name_of_network(const std::string& name) {
    if (!name.starts_with("rbd:")) return name;
    return name.substr(0, name.find_first_of(":@", 4));
  }

  // Under the name that means the same everywhere, and under what any host knows it as.
  std::vector<StoreId> stores_of_id(const std::string& id) const {
    std::vector<StoreId> stores = {StoreId{"net:" + id}};
    if (context_.map == nullptr) return stores;
    for (const StoreId& known : context_.map->stores_of_id(id)) stores.push_back(known);
    return stores;
  }

  void volume_range(const std::string& name, const LogicalVolume& volume, Sectors start,
                    Sectors count, bool first) {
    const BlockDevice* active = volume.device.empty() ? nullptr : host_.device(volume.device);
    if (active != nullptr) {
      device_range(*active, start, count, first);
      return;
    }
    if (first) say(name + range_text(start, count));
    layers_range(name, volume.layers, start, count, first);
  }

  void layers_range(const std::string& name, const std::vector<Layer>& layers, Sectors start,
                    Sectors count, bool first) {
    if (std::find(above_.begin(), above_.end(), name) != above_.end() ||
        above_.size() >= kMostDepth) {
      std::string circle;
      for (const std::string& one : above_) circle += one + " → ";
      problem("the layers go in a circle: " + circle + name);
      by_name(name, start, count);
      return;
    }
    above_.push_back(name);
    const Sectors end = start + count;
    Sectors covered = start;
    for (const Layer& layer : layers) {
      const Sectors from = std::max(start, layer.start);
      const Sectors to = std::min(end, layer.start + layer.count);
      if (from >= to) continue;
      if (from > covered) hole(name, covered, from - covered);
      covered = std::max(covered, to);
      layer_range(name, layer, from, to - from, first);
      first = false;
    }
    if (covered < end) hole(name, covered, end - covered);
    above_.pop_back();
  }

  // Sectors that no layer says anything of.
  void hole(const std::string& name, Sectors start, Sectors count) {
    problem("nothing is known of sectors" + range_text(start, count) + " of `" + name + "`");
    by_name(name, start, count);
  }

  void layer_range(const std::string& name, const Layer& layer, Sectors start, Sectors count,
                   bool first) {
    const Sectors offset = start - layer.start;
    switch (layer.kind) {
      case LayerKind::linear:
        leg({layer.legs[0].device, layer.legs[0].start + offset}, count, first);
        return;
      case LayerKind::mirror:
      case LayerKind::multipath:
        for (const Leg& one : layer.legs) {
          leg({one.device, one.start + offset}, count, first);
          first = false;
          if (first_half_) break;
        }
        return;
      case LayerKind::striped:
        striped_range(layer, offset, count, first);
        return;
      case LayerKind::thin:
      case LayerKind::snapshot:
      case LayerKind::own:
        own_range(name, layer, start, count);
        return;
      case LayerKind::empty:
        return;
    }
  }

  // What lies on one leg is one stretch: chunk n of the device is chunk n / legs of leg n % legs.
  void striped_range(const Layer& layer, Sectors offset, Sectors count, bool first) {
    const auto legs = static_cast<int64_t>(layer.legs.size());
    const int64_t chunk = layer.chunk.count;
    const int64_t begin = offset.count, end = offset.count + count.count;
    const int64_t first_chunk = begin / chunk, last_chunk = (end - 1) / chunk;
    for (int64_t k = 0; k < legs; ++k) {
      // The first and the last chunk of the range that this leg has.
      const int64_t low = first_chunk + ((k - first_chunk % legs) + legs) % legs;
      const int64_t high = last_chunk - ((last_chunk % legs - k) + legs) % legs;
      if (low > last_chunk || high < first_chunk) continue;
      const int64_t from = low / legs * chunk + (low == first_chunk ? begin % chunk : 0);
      const int64_t to = high / legs * chunk + (high == last_chunk ? (end - 1) % chunk + 1 : chunk);
      const Leg& one = layer.legs[static_cast<std::size_t>(k)];
      leg({one.device, one.start + sectors(from)}, sectors(to - from), first);
      first = false;
    }
  }

  static std::string_view word_of_own(LayerKind kind) {
    switch (kind) {
      case LayerKind::thin:
        return "thin:";
      case LayerKind::snapshot:
        return "snapshot:";
      case LayerKind::own:
      case LayerKind::linear:
      case LayerKind::striped:
      case LayerKind::mirror:
      case LayerKind::multipath:
      case LayerKind::empty:
        break;
    }
    return "own:";
  }

  void own_range(const std::string& name, const Layer& layer, Sectors start, Sectors count) {
    for (const StoreId& store : stores_upon(layer.legs.front(), word_of_own(layer.kind),
                                            layer.id.empty() ? "" : ":" + layer.id))
      add({store, start - layer.start, count, true});
    beneath(name, layer);
  }

  // Stores of something that is known by where it begins.
  std::vector<StoreId> stores_upon(const Leg& leg, std::string_view kind, const std::string& rest) {
    Follower below(*this, true);
    below.leg(leg, sectors(1), false);
    std::vector<StoreId> stores;
    for (const Extent& extent : below.result.extents) {
      const std::string at = "@" + std::to_string(extent.start.count) + rest;
      // A name alone says nothing about other hosts.
      const StoreId on =
          extent.resolved ? extent.store : StoreId{host_name() + "/" + name_in(extent.store)};
      stores.push_back(made_of(kind, on, at));
    }
    for (std::string& text : below.result.problems) problem(std::move(text));
    take_mounts(below);
    result.resolved = result.resolved && below.result.resolved;
    if (stores.empty())
      stores.push_back(StoreId{std::string(kind) + host_name() + "/" + leg.device + rest});
    return stores;
  }

  void beneath(const std::string& name, const Layer& layer) {
    switch (layer.kind) {
      case LayerKind::thin:
      case LayerKind::snapshot:
      case LayerKind::own:
        break;
      case LayerKind::linear:
      case LayerKind::striped:
      case LayerKind::mirror:
      case LayerKind::multipath:
      case LayerKind::empty:
        return;
    }
    if (first_half_ || !run_.insert({name, layer.start}).second) return;
    for (const Leg& one : layer.legs) {
      Follower below(*this, false);
      const Sectors size = size_of(one.device);
      below.leg(one, size > one.start ? size - one.start : sectors(1), true);
      Beneath under;
      under.mode = AccessMode::write;
      under.by_host = true;
      under.path = std::move(below.result.path);
      under.path.insert(under.path.begin(), what_host_does(layer.kind) + " " + name);
      under.extents = std::move(below.result.extents);
      result.beneath.push_back(std::move(under));
      for (Beneath& deeper : below.result.beneath) result.beneath.push_back(std::move(deeper));
      take_mounts(below);
      for (std::string& text : below.result.problems) problem(std::move(text));
    }
  }

  static std::string what_host_does(LayerKind kind) {
    switch (kind) {
      case LayerKind::thin:
        return "thin pool of";
      case LayerKind::snapshot:
        return "copy-on-write space of";
      case LayerKind::own:
      case LayerKind::linear:
      case LayerKind::striped:
      case LayerKind::mirror:
      case LayerKind::multipath:
      case LayerKind::empty:
        break;
    }
    return "parts of";
  }

  Sectors size_of(const std::string& name) const {
    if (const BlockDevice* device = host_.device(name)) return device->size;
    Sectors end;
    if (const LogicalVolume* volume = host_.volume(name))
      for (const Layer& layer : volume->layers) end = std::max(end, layer.start + layer.count);
    if (name.starts_with('/'))
      if (const ImageFile* file = host_.file(host_.canonical(name).value_or(name)))
        end = sectors_holding(file->size);
    return end;
  }

  // Only a name is left. A count below nought means all of it.
  void by_name(const std::string& name, Sectors start, Sectors count) {
    Extent whole = extent_of_name(normalise_name(name), host_.inventory().host, context_);
    if (count.count >= 0 && place_of_name(normalise_name(name)).partition == 0 &&
        start.count + count.count < kNameSlotSectors) {
      whole.start = start;
      whole.count = count;
    }
    add(std::move(whole));
    result.resolved = false;
  }

  void file_range(const Target& target, Sectors start, Sectors count) {
    const Mount* mount = target.mount ? target.mount->mount : nullptr;
    if (target.lost || mount == nullptr) {
      by_name(target.path, start, count);
      return;
    }
    const ImageFile* file = target.file;
    const bool known = file != nullptr && file->inode != 0;
    if (file == nullptr)
      problem("the file `" + target.path + "` is in no inventory of " + host_name() +
              ": what other names it has and what it is based on is not known");
    const std::string inode = known ? ":inode " + std::to_string(file->inode) : "";
    if (is_on_server(*mount)) {
      // The way on the server is one identity, the server's own numbers another.
      say(mount->source + target.mount->path);
      add({StoreId{"net:" + mount->source + target.mount->path}, start, count, true});
      if (known && !mount->fsid.empty())
        add({StoreId{"net:" + mount->fsid + inode}, start, count, true});
      return;
    }
    result.mounts.push_back(mount);
    if (known)
      say("inode " + std::to_string(file->inode) + " of " + mount->type + " on " + mount->source);
    const std::string rest = known ? inode : ":" + target.mount->path;
    for (const StoreId& store : filesystem(*mount))
      add({made_of("file:", store, rest), start, count, known});
  }

  // What a filesystem is known by: where its device begins.
  std::vector<StoreId> filesystem(const Mount& mount) {
    const BlockDevice* device = host_.device_of(mount);
    if (device == nullptr && shows_others(mount))
      problem("the " + mount.type + " on `" + mount.point +
              "` shows files of other filesystems: which ones is not known");
    if (device == nullptr)
      return {StoreId{host_name() + "/" + mount.type + ":" +
                      (mount.number.empty() ? mount.source : mount.number)}};
    if (std::find(above_.begin(), above_.end(), device->name) != above_.end()) {
      problem("the layers go in a circle: a file on `" + device->name + "` is below it");
      result.resolved = false;
      return {StoreId{host_name() + "/" + device->name}};
    }
    return stores_upon({device->name, sectors(0)}, "", "");
  }

  // Further files of one disk, written with it.
  void parts(const Target& target) {
    if (target.file == nullptr) return;
    for (const std::string& part : target.file->parts) {
      const Target other = find(part.starts_with('/') ? part : folder_of(target.path) + "/" + part);
      if (other.network || other.device != nullptr || other.volume != nullptr)
        open(other);
      else if (!other.file || other.file->parts.empty())
        open(other);
    }
  }

  const ImageFile* header_of(const Target& target) const {
    if (target.file != nullptr && target.file->device.empty()) return target.file;
    return target.device == nullptr ? nullptr : host_.image_on(*target.device);
  }

  void backing(Target top, std::string as_named) {
    std::set<std::string> seen = {top.path};
    std::vector<std::string> way;
    for (int depth = 0; depth < kMostBacking; ++depth) {
      const ImageFile* header = header_of(top);
      if (header == nullptr || header->backing.empty()) return;
      std::string next = header->backing;
      if (next.starts_with("file:")) next = next.substr(5);
      if (next.starts_with("json:")) {
        problem("the backing file of `" + top.path + "` is given as JSON");
        result.resolved = false;
        return;
      }
      const bool relative = !next.starts_with('/') && path_of_source(next).starts_with('/');
      if (relative) next = folder_of(as_named) + "/" + next;
      Target below = find(next);
      if (!seen.insert(below.path).second) {
        problem("the backing files of `" + *seen.begin() + "` go in a circle");
        return;
      }
      Follower under(host_, context_);
      under.open(below);
      under.finish();
      way.push_back("backing file " + next);
      Beneath read;
      read.mode = AccessMode::read;
      read.path = way;
      read.path.insert(read.path.end(), under.result.path.begin(), under.result.path.end());
      read.source = below.network ? "" : below.path;
      read.extents = std::move(under.result.extents);
      take_mounts(under);
      result.beneath.push_back(std::move(read));
      for (Beneath& deeper : under.result.beneath) result.beneath.push_back(std::move(deeper));
      for (std::string& text : under.result.problems) problem(std::move(text));
      const bool raw = header->backing_format == "raw";
      as_named = next;
      top = std::move(below);
      if (raw) return;
    }
    problem("`" + as_named + "` has more than " + std::to_string(kMostBacking) + " backing files");
  }

  const HostMap& host_;
  const StorageContext& context_;
  std::size_t own_legs_ = 0;
  std::vector<std::string> above_;                 // whose layers are being followed
  std::set<std::pair<std::string, Sectors>> run_;  // layers whose running is told already
  bool first_half_ = false;                        // where data lies twice, the first place will do
  bool overflowed_ = false;
  std::size_t* legs_ = &own_legs_;  // of all that follow for one name
};

}  // namespace

Followed follow_source(const std::string& source, const std::string& format, const HostMap& host,
                       const StorageContext& context) {
  Follower follower(host, context);
  follower.source(source, format);
  follower.finish();
  return std::move(follower.result);
}

Followed follow_device(const BlockDevice& device, const HostMap& host,
                       const StorageContext& context) {
  Follower follower(host, context);
  follower.device_range(device, sectors(0), device.size, true);
  follower.finish();
  return std::move(follower.result);
}

Followed follow_area(const std::string& device, Sectors start, Sectors count, const HostMap& host,
                     const StorageContext& context) {
  Follower follower(host, context);
  follower.leg({device, start}, count, true);
  follower.finish();
  return std::move(follower.result);
}

std::vector<Beneath> run_by_host(const BlockDevice& device, const HostMap& host,
                                 const StorageContext& context) {
  return Follower(host, context).run_by_host(device);
}

}  // namespace hv
