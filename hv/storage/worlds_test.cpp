// Random small worlds: hosts with disks, and random stacks of layers upon them. Each world is built
// twice, as an inventory for the resolver and as a machine of byte arrays in which every access
// really goes down, sector by sector, and leaves its mark in the cells it ends in. Who met whom in
// a cell must be who the check says. The machine shares no code with the resolver.
// Longer than other files, because the maker of worlds and both builders must agree on one page.
//
// HV_WORLDS sets how many; the test that ctest labels `slow` runs 120 000. HV_WORLD=N replays one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "base/clock.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

// The machine.

struct Block;
struct Part {
  int64_t start = 0, count = 0;
  enum { linear, striped, copies, nowhere } kind = linear;
  int64_t chunk = 0;
  std::vector<std::pair<Block*, int64_t>> legs;
};
struct Block {
  int64_t size = 0;
  int cells = -1;  // an array of its own
  std::vector<Part> parts;
};

using Marks = std::set<std::pair<int, int64_t>>;  // array, cell

void go_down(const Block& block, int64_t sector, Marks& marks) {
  if (block.cells >= 0) {
    marks.insert({block.cells, sector});
    return;
  }
  for (const Part& part : block.parts) {
    if (sector < part.start || sector >= part.start + part.count) continue;
    const int64_t in = sector - part.start;
    switch (part.kind) {
      case Part::linear:
        go_down(*part.legs[0].first, part.legs[0].second + in, marks);
        break;
      case Part::striped: {
        const auto n = static_cast<int64_t>(part.legs.size());
        int64_t row = 0, column = 0, left = in;
        // Counted, not divided, as one would lay bricks.
        while (left >= part.chunk) {
          left -= part.chunk;
          if (++column == n) column = 0, ++row;
        }
        const auto& [to, at] = part.legs[static_cast<std::size_t>(column)];
        go_down(*to, at + row * part.chunk + left, marks);
        break;
      }
      case Part::copies:
        for (const auto& [to, at] : part.legs) go_down(*to, at + in, marks);
        break;
      case Part::nowhere:
        break;
    }
  }
}

Marks everywhere(const Block& block, int64_t from = 0, int64_t to = -1) {
  Marks marks;
  for (int64_t s = from; s < (to < 0 ? block.size : to); ++s) go_down(block, s, marks);
  return marks;
}

// Somebody's way of touching things.
struct Actor {
  std::string party, device;
  std::string host;
  AccessMode mode = AccessMode::read;
  int permitted = 0;
  Marks marks;
};

struct Named {
  Block* block = nullptr;
  std::vector<std::string> names;
  std::vector<Block*> behind;  // backing files, each
  bool inactive = false;
};

enum class Doubts { none, some };

class World {
 public:
  World(uint64_t seed, Doubts doubts) : random_(seed), doubts_(doubts) {
    const int hosts = 1 + pick(2);
    const int disks = 1 + pick(3);
    for (int d = 0; d < disks; ++d) {
      Disk disk;
      disk.block = make(24 + pick(40));
      disk.block->cells = arrays_++;
      disk.id = doubts_ == Doubts::some ? pick(3) : pick(2);
      disk.number = d;
      disks_.push_back(disk);
    }
    for (int h = 0; h < hosts; ++h) build_host("xen" + std::to_string(h + 1));
    for (int d = 2 + pick(4); d > 0; --d) add_domain(d);
  }

  DesiredGraph desired;
  std::vector<Inventory> inventories;
  std::vector<Actor> actors;
  bool countable = true;  // every sector is in one store

 private:
  struct Disk {
    Block* block = nullptr;
    int id = 0;  // 0 a WWN, 1 a serial, 2 nothing
    int number = 0;
  };
  struct Host {
    Inventory inventory;
    std::vector<std::pair<std::string, Block*>> devices;
    std::vector<Named> named;
    int letters = 0, mappers = 0, mds = 0, loops = 0, numbers = 0, folders = 0, parts = 0;
    int groups = 0, links = 0;
    std::set<std::pair<int, int64_t>> mounted;
  };

  int pick(int below) { return static_cast<int>(random_.below(static_cast<uint64_t>(below))); }
  bool chance(int percent) { return pick(100) < percent; }
  Block* make(int64_t size) {
    blocks_.push_back(std::make_unique<Block>());
    blocks_.back()->size = size;
    return blocks_.back().get();
  }

  BlockDevice& add_device(Host& host, const std::string& name, DeviceKind kind, Block* block) {
    BlockDevice device;
    device.name = name;
    device.kind = kind;
    device.number = "9:" + std::to_string(++host.numbers);
    device.size = sectors(block->size);
    host.inventory.devices.push_back(device);
    host.devices.emplace_back(name, block);
    Named named;
    named.block = block;
    named.names = {"/dev/" + name, "phy:" + name, "/dev/./../dev//" + name};
    if (chance(40)) {
      const std::string link = "/dev/disk/by-id/x" + std::to_string(++host.links);
      host.inventory.links[link] = "../../" + name;
      named.names.push_back("phy:" + link);
      if (chance(40)) {
        const std::string further = "/srv/disks/l" + std::to_string(host.links);
        host.inventory.links[further] = chance(50) ? link : "../.." + link;
        named.names.push_back(further);
      }
    }
    host.named.push_back(named);
    return host.inventory.devices.back();
  }

  // "On whom, from where": a random leg with at least `size` sectors behind its start.
  std::optional<std::pair<std::string, std::pair<Block*, int64_t>>> some_leg(Host& host,
                                                                             int64_t size) {
    const auto& [name, block] =
        host.devices[static_cast<std::size_t>(pick(static_cast<int>(host.devices.size())))];
    if (block->size < size || size <= 0) return std::nullopt;
    const int64_t start = pick(static_cast<int>(block->size - size + 1));
    return std::pair(name, std::pair(block, start));
  }

  void build_host(const std::string& name) {
    Host host;
    host.inventory.host = HostName{name};
    host.inventory.mounts.push_back(
        {"/dev", "/", "0:6", "devtmpfs", "devtmpfs", false, false, {}, {}});
    host.inventory.mounts.push_back({"/", "/", "0:1", "tmpfs", "root", false, false, {}, {}});
    // Not in the same order everywhere.
    std::vector<Disk> here;
    for (const Disk& disk : disks_)
      if (here.empty() || chance(80))
        here.insert(here.begin() + pick(static_cast<int>(here.size()) + 1), disk);
    for (const Disk& disk : here) add_disk(host, disk);
    for (int n = 1 + pick(7); n > 0; --n) add_layer(host);
    host_activity(host);
    inventories.push_back(host.inventory);
    for (Named& one : host.named) {
      if (chance(50)) std::swap(one.names.front(), one.names.back());
      named_.emplace_back(name, one);
    }
  }

  void add_disk(Host& host, const Disk& disk) {
    const int ways = chance(15) ? 2 : 1;
    const bool joined = chance(70);
    if (ways == 2 && !joined) {
      // Two names and no map: only an id tells, and then nobody is sure.
      if (doubts_ == Doubts::none || disk.id == 2) return add_way(host, disk);
      countable = false;
    }
    std::vector<std::string> names;
    for (int w = 0; w < ways; ++w) {
      add_way(host, disk);
      names.push_back(host.inventory.devices.back().name);
    }
    if (ways == 1 || !joined) return;
    Block* map = make(disk.block->size);
    Part part{0, map->size, Part::linear, 0, {{disk.block, 0}}};
    map->parts = {part};
    const std::string name = "dm-" + std::to_string(host.mappers++);
    BlockDevice& device = add_device(host, name, DeviceKind::mapper, map);
    device.mapper = "mpath" + name;
    device.layers = {{sectors(0),
                      sectors(map->size),
                      LayerKind::multipath,
                      {{names[0], sectors(0)}, {names[1], sectors(0)}},
                      {},
                      {}}};
    host.named.back().names.push_back("/dev/mapper/mpath" + name);
  }

  void add_way(Host& host, const Disk& disk) {
    const std::string name = std::string("sd") + static_cast<char>('a' + host.letters++);
    BlockDevice& device = add_device(host, name, DeviceKind::disk, disk.block);
    if (disk.id == 0) device.wwn = "0x5000" + std::to_string(disk.number);
    if (disk.id == 1) device.serial = "S" + std::to_string(disk.number), device.model = "M";
    if (disk.id == 2) countable = false;
  }

  void add_layer(Host& host) {
    switch (pick(10)) {
      case 0:
      case 1:
        return add_partition(host);
      case 2:
      case 3:
        return add_group(host);
      case 4:
        return add_md(host);
      case 5:
        return add_mapper(host);
      case 6:
        return add_own(host);
      case 7:
        return add_loop(host);
      default:
        return add_filesystem(host);
    }
  }

  void add_partition(Host& host) {
    const int64_t size = 4 + pick(30);
    const auto leg = some_leg(host, size);
    if (!leg) return;
    Block* block = make(size);
    block->parts = {{0, size, Part::linear, 0, {leg->second}}};
    const bool digit = leg->first.back() >= '0' && leg->first.back() <= '9';
    const std::string name = leg->first + (digit ? "p" : "") + std::to_string(++host.parts);
    add_device(host, name, DeviceKind::partition, block).layers = {
        {sectors(0),
         sectors(size),
         LayerKind::linear,
         {{leg->first, sectors(leg->second.second)}},
         {},
         {}}};
  }

  // One to three layers that cover `size` sectors, on legs that `choose` gives.
  template <typename Choose>
  bool fill(Block* block, std::vector<Layer>& layers, Choose choose) {
    int64_t done = 0;
    while (done < block->size) {
      const int64_t left = block->size - done;
      const int64_t count = chance(60) ? left : 1 + pick(static_cast<int>(left));
      const int kind = pick(4);
      Layer layer;
      layer.start = sectors(done);
      layer.count = sectors(count);
      Part part{done, count, Part::linear, 0, {}};
      int legs = 1;
      int64_t each = count;
      if (kind == 1) {
        layer.kind = LayerKind::striped;
        part.kind = Part::striped;
        legs = 2 + pick(2);
        part.chunk = 1 + pick(4);
        layer.chunk = sectors(part.chunk);
        const int64_t row = part.chunk * legs;
        each = (count + row - 1) / row * part.chunk;
      } else if (kind == 2) {
        layer.kind = LayerKind::mirror;
        part.kind = Part::copies;
        legs = 1 + pick(2);
      } else if (kind == 3 && chance(20)) {
        layer.kind = LayerKind::empty;
        part.kind = Part::nowhere;
        legs = 0;
      }
      for (int l = 0; l < legs; ++l) {
        const auto leg = choose(each);
        if (!leg) return false;
        layer.legs.push_back({leg->first, sectors(leg->second.second)});
        part.legs.push_back(leg->second);
      }
      layers.push_back(layer);
      block->parts.push_back(part);
      done += count;
    }
    return true;
  }

  void add_group(Host& host) {
    VolumeGroup group;
    group.name = (chance(30) ? "vg-" : "vg") + std::to_string(++host.groups);
    group.shared = chance(20);
    const int64_t head = 1 + pick(2);
    std::vector<std::pair<std::string, Block*>> on;
    for (int p = 1 + pick(2); p > 0; --p) {
      const auto one =
          host.devices[static_cast<std::size_t>(pick(static_cast<int>(host.devices.size())))];
      if (one.second->size <= head + 4) return;
      on.push_back(one);
      group.devices.push_back({one.first, "", sectors(head)});
    }
    bool active = false;
    std::vector<std::pair<std::string, Block*>> hidden;
    for (int v = 1 + pick(3); v > 0; --v) {
      Block* block = make(2 + pick(14));
      LogicalVolume volume;
      volume.name = (chance(30) ? "l-v" : "lv") + std::to_string(v);
      auto choose =
          [&](int64_t size) -> std::optional<std::pair<std::string, std::pair<Block*, int64_t>>> {
        if (!hidden.empty() && chance(30)) {
          const auto& [name, sub] = hidden.back();
          if (sub->size < size) return std::nullopt;
          return std::pair(name,
                           std::pair(sub, int64_t{pick(static_cast<int>(sub->size - size + 1))}));
        }
        const auto& [name, pv] = on[static_cast<std::size_t>(pick(static_cast<int>(on.size())))];
        if (pv->size - head < size) return std::nullopt;
        return std::pair(name,
                         std::pair(pv, head + pick(static_cast<int>(pv->size - head - size + 1))));
      };
      if (!fill(block, volume.layers, choose)) continue;
      const std::string full = group.name + "/" + volume.name;
      std::string mangled;
      for (char c : full) mangled += c == '-' ? "--" : c == '/' ? "-" : std::string(1, c);
      Named named;
      if (chance(60)) {
        active = true;
        const std::string name = "dm-" + std::to_string(host.mappers++);
        BlockDevice& device = add_device(host, name, DeviceKind::mapper, block);
        device.mapper = mangled;
        device.layers = std::move(volume.layers);
        volume.layers.clear();
        volume.device = name;
        named = host.named.back();
        host.named.pop_back();
        if (chance(50)) host.inventory.links["/dev/" + full] = "../" + name;
      } else {
        named.block = block;
        named.inactive = true;
        hidden.emplace_back(full, block);
      }
      named.names.push_back("/dev/" + full);
      named.names.push_back("phy:" + full);
      named.names.push_back("/dev/mapper/" + mangled);
      host.named.push_back(named);
      group.volumes.push_back(volume);
    }
    if (active)
      for (const auto& [name, block] : on)
        host_does(host, group.shared ? AccessMode::write_shared : AccessMode::write,
                  everywhere(*block, 0, head));
    host.inventory.groups.push_back(group);
  }

  void add_md(Host& host) {
    Block* block = make(4 + pick(24));
    std::vector<Layer> layers;
    if (!fill(block, layers, [&](int64_t size) { return some_leg(host, size); })) return;
    const std::string name = "md" + std::to_string(host.mds++);
    BlockDevice& device = add_device(host, name, DeviceKind::md, block);
    device.layers = std::move(layers);
    if (chance(50)) {
      const auto area = some_leg(host, 2);
      // Not on itself: a superblock lies on a member.
      if (area && area->first != name) {
        host.inventory.devices.back().writes = {
            {area->first, sectors(area->second.second), sectors(2), "superblock"}};
        host_does(host, AccessMode::write,
                  everywhere(*area->second.first, area->second.second, area->second.second + 2));
      }
    }
  }

  void add_mapper(Host& host) {
    Block* block = make(4 + pick(24));
    std::vector<Layer> layers;
    if (!fill(block, layers, [&](int64_t size) { return some_leg(host, size); })) return;
    const std::string name = "dm-" + std::to_string(host.mappers++);
    BlockDevice& device = add_device(host, name, DeviceKind::mapper, block);
    device.mapper = "map-" + name;
    device.layers = std::move(layers);
    host.named.back().names.push_back("/dev/mapper/map-" + name);
  }

  // The first cell a leg ends in: what lies there is known by it.
  std::pair<int, int64_t> first_cell(const Block& block, int64_t at) const {
    if (block.cells >= 0) return {block.cells, at};
    for (const Part& part : block.parts) {
      if (at < part.start || at >= part.start + part.count || part.legs.empty()) continue;
      std::size_t leg = 0;
      int64_t in = at - part.start;
      if (part.kind == Part::striped) {
        const auto n = static_cast<int64_t>(part.legs.size());
        leg = static_cast<std::size_t>(in / part.chunk % n);
        in = in / part.chunk / n * part.chunk + in % part.chunk;
      }
      return first_cell(*part.legs[leg].first, part.legs[leg].second + in);
    }
    return {-1, 0};
  }

  int array_of(const std::string& what, const std::pair<int, int64_t>& at) {
    auto [found, is_new] = own_arrays_.try_emplace({what, at.first, at.second}, arrays_);
    if (is_new) ++arrays_;
    return found->second;
  }

  void add_own(Host& host) {
    const int kind = pick(3);
    const auto one = some_leg(host, 2 + pick(6));
    const auto two = some_leg(host, 1);
    if (!one || !two) return;
    const auto at = first_cell(*one->second.first, one->second.second);
    if (at.first < 0) return;  // begins nowhere
    Layer layer;
    std::string what;
    layer.legs = {{one->first, sectors(one->second.second)}};
    if (kind == 0) {
      layer.kind = LayerKind::thin;
      layer.id = std::to_string(pick(2));
      what = "thin" + layer.id;
    } else {
      layer.kind = kind == 1 ? LayerKind::snapshot : LayerKind::own;
      what = kind == 1 ? "snapshot" : "own";
    }
    if (kind != 1) layer.legs.push_back({two->first, sectors(two->second.second)});
    Block* block = make(4 + pick(8));
    block->cells = array_of(what, at);
    layer.count = sectors(block->size);
    host_does(host, AccessMode::write, everywhere(*one->second.first, one->second.second));
    if (kind != 1)
      host_does(host, AccessMode::write, everywhere(*two->second.first, two->second.second));
    const std::string name = "dm-" + std::to_string(host.mappers++);
    add_device(host, name, DeviceKind::mapper, block).layers = {layer};
  }

  void add_loop(Host& host) {
    const int64_t size = 2 + pick(20);
    const auto leg = some_leg(host, size);
    if (!leg) return;
    Block* block = make(size);
    block->parts = {{0, size, Part::linear, 0, {leg->second}}};
    const std::string name = "loop" + std::to_string(host.loops++);
    std::string on = leg->first;
    if (chance(50)) on = "/dev/" + on;
    add_device(host, name, DeviceKind::loop, block).layers = {{sectors(0),
                                                               sectors(size),
                                                               LayerKind::linear,
                                                               {{on, sectors(leg->second.second)}},
                                                               {},
                                                               {}}};
  }

  // A filesystem on a device or on a server, with files, some of them with several names.
  void add_filesystem(Host& host) {
    const std::size_t index = static_cast<std::size_t>(pick(static_cast<int>(host.devices.size())));
    const auto [device_name, device] = host.devices[index];
    const std::string point = "/srv/m" + std::to_string(++host.folders);
    const bool served = chance(15);
    Mount mount;
    mount.point = point;
    std::pair<int, int64_t> at = {-2, 0};
    if (served) {
      mount.type = "nfs4";
      mount.source = "nas:/export";
      mount.number = "0:" + std::to_string(100 + host.folders);
      if (chance(50)) mount.root = "/deep";
    } else {
      at = first_cell(*device, 0);
      // Mounted once: twice is what bind mounts are for.
      if (at.first < 0 || !host.mounted.insert(at).second) return;
      const char* types[] = {"ext4", "xfs", "vfat", "ocfs2"};
      mount.type = types[pick(4)];
      mount.source = "/dev/" + device_name;
      mount.number = host.inventory.devices[index].number;
      mount.read_only = chance(25);
      if (mount.read_only && chance(50)) mount.options = {"noload"};
    }
    host.inventory.mounts.push_back(mount);
    std::string bound;
    if (chance(40)) {
      bound = "/jail" + std::to_string(host.folders);
      Mount second = mount;
      second.point = bound;
      second.root = mount.root == "/" ? "/in" : mount.root + "/in";
      host.inventory.mounts.push_back(second);
    }
    if (!served) {
      AccessMode mode = AccessMode::write;
      if (mount.read_only &&
          (mount.type == "vfat" || mount.type == "ocfs2" || !mount.options.empty()))
        mode = AccessMode::read;
      if (mode == AccessMode::write && mount.type == "ocfs2") mode = AccessMode::write_shared;
      host_does(host, mode, everywhere(*device));
    }
    std::vector<Named> files;
    for (int f = 1 + pick(3); f > 0; --f) {
      const std::string name = "f" + std::to_string(f);
      const std::string inside = "/in/" + name;
      Block* block = make(1 + pick(6));
      const std::string identity =
          served ? "nfs" + (mount.root == "/" ? "" : mount.root) + inside : "inode" + name;
      block->cells = array_of(identity, at);
      // One file, whoever mounts its filesystem, has one size.
      block->size = file_sizes_.try_emplace(block->cells, block->size).first->second;
      Named named;
      named.block = block;
      ImageFile file;
      file.path = point + inside;
      file.size = to_bytes(sectors(block->size));
      file.inode = served ? 0 : 100 + f;
      named.names = {file.path, "file:" + file.path};
      if (!bound.empty()) {
        named.names.push_back(bound + "/" + name);
        if (chance(30)) file.path = bound + "/" + name;
      }
      if (!served && chance(30)) {
        ImageFile hard = file;
        hard.path = point + "/hard-" + name;
        hard.links = file.links = 2;
        host.inventory.files.push_back(hard);
        named.names.push_back(hard.path);
      }
      if (chance(30)) {
        host.inventory.links["/home" + std::to_string(host.folders)] = point + "/in";
        named.names.push_back("/home" + std::to_string(host.folders) + "/" + name);
      }
      if (!files.empty() && chance(40)) {
        const Named& below = files.back();
        file.format = "qcow2";
        file.backing = chance(50) ? below.names.front() : "f" + std::to_string(f + 1);  // beside it
        named.behind = below.behind;
        named.behind.push_back(below.block);
        // A relative name is looked up beside the name that was used.
        named.names.resize(2);
      }
      host.inventory.files.push_back(file);
      files.push_back(named);
      host.named.push_back(named);
    }
    if (!files.empty() && chance(30)) {
      const Named& file = files.front();
      Block* block = make(file.block->size);
      block->parts = {{0, block->size, Part::linear, 0, {{file.block, 0}}}};
      const std::string name = "loop" + std::to_string(host.loops++);
      add_device(host, name, DeviceKind::loop, block).layers = {
          {sectors(0),
           sectors(block->size),
           LayerKind::linear,
           {{file.names[chance(50) && file.names.size() > 2 ? 2 : 0], sectors(0)}},
           {},
           {}}};
    }
  }

  void host_activity(Host& host) {
    if (!chance(20)) return;
    const auto& [name, block] =
        host.devices[static_cast<std::size_t>(pick(static_cast<int>(host.devices.size())))];
    host.inventory.swaps.push_back({"/dev/" + name});
    host_does(host, AccessMode::write, everywhere(*block));
  }

  void host_does(const Host& host, AccessMode mode, Marks marks) {
    const std::string& name = host.inventory.host.text;
    actors.push_back({"dom0." + name, "", name, mode, 0, std::move(marks)});
  }

  void add_domain(int number) {
    DomainSpec domain;
    const std::string& host =
        named_[static_cast<std::size_t>(pick(static_cast<int>(named_.size())))].first;
    domain.address = Address{Kind::domain, "d" + std::to_string(number)};
    domain.host = HostName{host};
    domain.sharing = pick(3);
    for (int v = 1 + pick(2); v > 0; --v) {
      const auto& [where, named] =
          named_[static_cast<std::size_t>(pick(static_cast<int>(named_.size())))];
      if (where != host) continue;
      Vbd vbd;
      vbd.device = "xvd" + std::string(1, static_cast<char>('a' + v));
      vbd.source =
          named.names[static_cast<std::size_t>(pick(static_cast<int>(named.names.size())))];
      const AccessMode modes[] = {AccessMode::read, AccessMode::write, AccessMode::write,
                                  AccessMode::write_shared};
      vbd.mode = modes[pick(4)];
      const std::string party = "domain." + domain.address.name;
      actors.push_back(
          {party, vbd.device, host, vbd.mode, *domain.sharing, everywhere(*named.block)});
      for (Block* below : named.behind)
        actors.push_back({party, vbd.device, host, AccessMode::read, 0, everywhere(*below)});
      domain.vbds.push_back(vbd);
    }
    desired.add(domain);
  }

  SeededRandom random_;
  Doubts doubts_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<Disk> disks_;
  int arrays_ = 0;
  std::map<std::tuple<std::string, int, int64_t>, int> own_arrays_;
  std::map<int, int64_t> file_sizes_;
  std::vector<std::pair<std::string, Named>> named_;
};

// What the machine saw.

using Vbd2 = std::pair<std::string, std::string>;    // party, device
using Pairs = std::map<std::pair<Vbd2, Vbd2>, int>;  // the level, above what is permitted

bool meet(const Marks& a, const Marks& b) {
  auto x = a.begin(), y = b.begin();
  while (x != a.end() && y != b.end()) {
    if (*x == *y) return true;
    *x < *y ? ++x : ++y;
  }
  return false;
}

Pairs seen_by_machine(const std::vector<Actor>& actors) {
  Pairs pairs;
  for (std::size_t i = 0; i < actors.size(); ++i)
    for (std::size_t j = i + 1; j < actors.size(); ++j) {
      const Actor &a = actors[i], &b = actors[j];
      Vbd2 x{a.party, a.device}, y{b.party, b.device};
      if (x == y) continue;
      const int level = (a.mode != AccessMode::read ? 1 : 0) + (b.mode != AccessMode::read ? 1 : 0);
      int permitted = std::min(a.permitted, b.permitted);
      if (a.mode == AccessMode::write_shared && b.mode == AccessMode::write_shared) permitted = 2;
      if (level <= permitted || !meet(a.marks, b.marks)) continue;
      if (y < x) std::swap(x, y);
      int& worst = pairs[{x, y}];
      worst = std::max(worst, level);
    }
  return pairs;
}

struct Answer {
  Pairs sure, doubtful;
  bool counted_only = false;  // so many pairs in one place that not all are listed
  std::vector<Access> accesses;
};

Answer seen_by_hv(const World& world) {
  StorageContext context;
  context.map =
      std::make_shared<StorageMap>(world.inventories, context.local_stores, std::set<HostName>{});
  Answer answer;
  auto add = [&](std::vector<Access> more) {
    answer.accesses.insert(answer.accesses.end(), more.begin(), more.end());
  };
  for (const Resource& resource : world.desired.resources()) {
    const auto& domain = std::get<DomainSpec>(resource);
    add(accesses_of(domain, world.desired, 0, context, AccessOrigin::desired));
    add(accesses_beneath(domain, context, AccessOrigin::desired));
  }
  for (const Inventory& inventory : world.inventories) add(host_accesses(inventory.host, context));
  for (const Finding& finding : check_layers(world.desired, context))
    ADD_FAILURE() << "not followed: " << finding.message;
  for (const Finding& finding : check_sharing(answer.accesses, context)) {
    for (const std::string& note : finding.notes)
      answer.counted_only = answer.counted_only || note.find("not listed") != std::string::npos;
    if (!finding.level || *finding.level <= finding.permitted) continue;
    Vbd2 x{finding.accesses[0].party.text, finding.accesses[0].device};
    Vbd2 y{finding.accesses[1].party.text, finding.accesses[1].device};
    if (y < x) std::swap(x, y);
    (finding.code == Code::maybe_same_store ? answer.doubtful : answer.sure)[{x, y}] =
        *finding.level;
  }
  return answer;
}

std::string in_words(const Pairs& pairs) {
  std::string text;
  for (const auto& [pair, level] : pairs)
    text += "  " + pair.first.first + " " + pair.first.second + " with " + pair.second.first + " " +
            pair.second.second + ": level " + std::to_string(level) + "\n";
  return text;
}

std::string in_words(const std::vector<Access>& accesses) {
  std::string text;
  for (const Access& access : accesses) {
    text += "  " + access.party.text + " " + access.device + " " +
            std::string(to_string(access.mode)) + ":";
    for (const std::string& step : access.path) text += " → " + step;
    for (const Extent& extent : access.extents)
      text += " (" + extent.store.text + " " + std::to_string(extent.start.count) + "+" +
              std::to_string(extent.count.count) + ")";
    text += "\n";
  }
  return text;
}

// How many cells each disk of each domain touches, as told by marks and by extents.
std::map<Vbd2, std::vector<int64_t>> sizes_by_machine(const std::vector<Actor>& actors) {
  std::map<Vbd2, std::vector<int64_t>> sizes;
  for (const Actor& actor : actors)
    if (!actor.device.empty())
      sizes[{actor.party, actor.device}].push_back(static_cast<int64_t>(actor.marks.size()));
  for (auto& [vbd, list] : sizes) std::sort(list.begin(), list.end());
  return sizes;
}

std::map<Vbd2, std::vector<int64_t>> sizes_by_hv(const std::vector<Access>& accesses) {
  std::map<Vbd2, std::vector<int64_t>> sizes;
  for (const Access& access : accesses) {
    if (access.device.empty()) continue;
    int64_t total = 0;
    for (const Extent& extent : access.extents) total += extent.count.count;
    sizes[{access.party.text, access.device}].push_back(total);
  }
  for (auto& [vbd, list] : sizes) std::sort(list.begin(), list.end());
  return sizes;
}

int worlds_to_try(int otherwise) {
  const char* said = std::getenv("HV_WORLDS");
  return said == nullptr ? otherwise : std::atoi(said);
}

TEST(Worlds, TheCheckSaysWhoMeetsInTheCells) {
  const int worlds = worlds_to_try(1500);
  const char* only = std::getenv("HV_WORLD");
  int64_t crowded = 0, accesses = 0, pairs = 0, extents = 0, unsafe_worlds = 0;
  for (int n = 1; n <= worlds; ++n) {
    const int seed = only == nullptr ? n : std::atoi(only);
    const World world(static_cast<uint64_t>(seed), Doubts::none);
    const Pairs expected = seen_by_machine(world.actors);
    const Answer answer = seen_by_hv(world);
    if (answer.counted_only) {
      ++crowded;
      for (const auto& [pair, level] : answer.sure)
        ASSERT_TRUE(expected.contains(pair) && expected.at(pair) >= level) << "world " << seed;
    } else {
      ASSERT_EQ(in_words(answer.sure), in_words(expected)) << "world " << seed << "\n"
                                                           << in_words(answer.accesses);
    }
    ASSERT_TRUE(answer.doubtful.empty()) << "world " << seed << "\n" << in_words(answer.doubtful);
    if (world.countable) {
      ASSERT_EQ(sizes_by_hv(answer.accesses), sizes_by_machine(world.actors))
          << "world " << seed << "\n"
          << in_words(answer.accesses);
    }
    accesses += static_cast<int64_t>(answer.accesses.size());
    for (const Access& access : answer.accesses)
      extents += static_cast<int64_t>(access.extents.size());
    pairs += static_cast<int64_t>(expected.size());
    unsafe_worlds += expected.empty() ? 0 : 1;
  }
  std::cout << worlds << " worlds, " << accesses << " accesses, " << extents << " extents, "
            << pairs << " unsafe pairs in " << unsafe_worlds << " worlds: no disagreement; "
            << crowded << " worlds too crowded to list every pair\n";
  EXPECT_LT(crowded, 1 + worlds / 20);
  EXPECT_GT(unsafe_worlds, worlds / 4) << "worlds in which nothing happens prove nothing";
  EXPECT_LT(unsafe_worlds, worlds) << "nor do worlds that are always unsafe";
}

// Where disks carry no id, nothing unsafe is passed over, and nothing is called sure that is not.
TEST(Worlds, WhatIsInDoubtIsNeverPassedOver) {
  const int worlds = worlds_to_try(1000) / 2;
  int64_t sure = 0, doubtful = 0;
  for (int seed = 1; seed <= worlds; ++seed) {
    const World world(static_cast<uint64_t>(seed) + 1'000'000, Doubts::some);
    const Pairs expected = seen_by_machine(world.actors);
    const Answer answer = seen_by_hv(world);
    for (const auto& [pair, level] : expected) {
      const auto found = answer.sure.find(pair), maybe = answer.doubtful.find(pair);
      const int told = std::max(found == answer.sure.end() ? 0 : found->second,
                                maybe == answer.doubtful.end() ? 0 : maybe->second);
      ASSERT_TRUE(told >= level || answer.counted_only)
          << "world " << seed << "\n"
          << in_words(Pairs{{pair, level}}) << in_words(answer.accesses);
    }
    for (const auto& [pair, level] : answer.sure) {
      const auto found = expected.find(pair);
      ASSERT_TRUE(found != expected.end() && found->second >= level)
          << "world " << seed << ": called sure\n"
          << in_words(Pairs{{pair, level}}) << in_words(answer.accesses);
    }
    sure += static_cast<int64_t>(answer.sure.size());
    doubtful += static_cast<int64_t>(answer.doubtful.size());
  }
  std::cout << worlds << " worlds, " << sure << " pairs sure, " << doubtful << " in doubt\n";
  EXPECT_GT(doubtful, worlds / 50);
}

}  // namespace
}  // namespace hv
