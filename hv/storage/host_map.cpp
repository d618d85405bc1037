#include "hv/storage/host_map.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hv {
namespace {

// As many as Linux follows before it says ELOOP.
constexpr int kMostLinks = 40;

// The parts of `path`, last first.
std::vector<std::string> parts_reversed(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) parts.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::string place_key(const HostMap::InMount& place) {
  const Mount& mount = *place.mount;
  return (mount.number.empty() ? mount.source : mount.number) + "\n" + place.path;
}

}  // namespace

HostMap::HostMap(Inventory inventory) : inventory_(std::move(inventory)) {
  const auto& devices = inventory_.devices;
  stores_.resize(devices.size());
  for (uint32_t i = 0; i < devices.size(); ++i) {
    by_name_.emplace(devices[i].name, i);
    if (!devices[i].number.empty()) by_number_.emplace(devices[i].number, i);
    // The kernel writes a slash in a device's name as an exclamation mark.
    std::string node = devices[i].name;
    std::replace(node.begin(), node.end(), '!', '/');
    by_path_.emplace("/dev/" + node, i);
    if (!devices[i].mapper.empty()) by_path_.emplace("/dev/mapper/" + devices[i].mapper, i);
  }
  for (const VolumeGroup& group : inventory_.groups)
    for (const LogicalVolume& volume : group.volumes)
      volumes_.emplace(group.name + "/" + volume.name, &volume);
  for (uint32_t i = 0; i < inventory_.files.size(); ++i) {
    const ImageFile& file = inventory_.files[i];
    files_.emplace(file.path, i);
    if (!file.device.empty() && !file.format.empty()) images_.emplace(file.device, i);
  }
  for (uint32_t i = 0; i < inventory_.mounts.size(); ++i)
    if (!inventory_.mounts[i].covered) mounts_[inventory_.mounts[i].point] = i;
  for (uint32_t i = 0; i < inventory_.files.size(); ++i)
    if (const auto place = mount_of(inventory_.files[i].path))
      files_in_.emplace(place_key(*place), i);
}

const BlockDevice* HostMap::device(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &inventory_.devices[found->second];
}

const BlockDevice* HostMap::device_by_number(const std::string& number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : &inventory_.devices[found->second];
}

const BlockDevice* HostMap::device_at(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &inventory_.devices[found->second];
}

const LogicalVolume* HostMap::volume(const std::string& name) const {
  const auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : found->second;
}

const ImageFile* HostMap::file(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &inventory_.files[found->second];
}

const ImageFile* HostMap::image_on(const BlockDevice& device) const {
  const auto found = images_.find(device.number);
  return found == images_.end() ? nullptr : &inventory_.files[found->second];
}

std::optional<std::string> HostMap::canonical(const std::string& path) const {
  std::vector<std::string> ahead = parts_reversed(path);
  std::string done;
  for (int links = 0; !ahead.empty();) {
    const std::string part = std::move(ahead.back());
    ahead.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      done.resize(done.empty() ? 0 : done.rfind('/'));
      continue;
    }
    const std::string next = done + "/" + part;
    const auto link = inventory_.links.find(next);
    if (link == inventory_.links.end()) {
      done = next;
      continue;
    }
    if (++links > kMostLinks) return std::nullopt;
    if (link->second.starts_with('/')) done.clear();
    for (std::string& one : parts_reversed(link->second)) {
      // What the link says comes before what is ahead already: it is pushed last.
      ahead.push_back(std::move(one));
    }
  }
  return done.empty() ? "/" : done;
}

std::optional<HostMap::InMount> HostMap::mount_of(const std::string& path) const {
  for (std::string point = path;;) {
    const auto found = mounts_.find(point);
    if (found != mounts_.end()) {
      const Mount& mount = inventory_.mounts[found->second];
      std::string rest = point == "/" ? path : path.substr(point.size());
      std::string root = mount.root == "/" ? "" : mount.root;
      return InMount{&mount, root + rest == "" ? "/" : root + rest};
    }
    if (point == "/") return std::nullopt;
    const std::size_t slash = point.rfind('/');
    point = slash == 0 || slash == std::string::npos ? "/" : point.substr(0, slash);
  }
}

const ImageFile* HostMap::file_in(const InMount& place) const {
  const auto found = files_in_.find(place_key(place));
  return found == files_in_.end() ? nullptr : &inventory_.files[found->second];
}

const BlockDevice* HostMap::device_of(const Mount& mount) const {
  const BlockDevice* device = device_by_number(mount.number);
  if (device != nullptr || !mount.source.starts_with('/')) return device;
  const auto path = canonical(mount.source);
  return path ? device_at(*path) : nullptr;
}

const std::vector<StoreId>& HostMap::stores_of(const BlockDevice& device) const {
  const auto index = static_cast<std::size_t>(&device - inventory_.devices.data());
  HV_CHECK(index < stores_.size(), "a device of another host");
  return stores_[index];
}

void HostMap::set_stores(const std::string& name, std::vector<StoreId> stores) {
  stores_[by_name_.at(name)] = std::move(stores);
}

}  // namespace hv
