#include "hv/storage/inventory.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/check.h"

namespace hv {
namespace {

constexpr std::array<std::string_view, 9> kDeviceKinds = {
    "disk", "partition", "loop", "mapper", "md", "drbd", "network", "memory", "other"};
constexpr std::array<std::string_view, 8> kLayerKinds = {
    "linear", "striped", "mirror", "multipath", "thin", "snapshot", "own", "empty"};
static_assert(kDeviceKinds.size() == static_cast<std::size_t>(DeviceKind::other) + 1);
static_assert(kLayerKinds.size() == static_cast<std::size_t>(LayerKind::empty) + 1);

template <typename Enum, std::size_t N>
std::optional<Enum> value_in(const std::array<std::string_view, N>& words, std::string_view text) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

// "sda2" before "sda10": digits count as numbers.
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    std::size_t k = i, l = j;
    while (k < a.size() && is_digit(a[k])) ++k;
    while (l < b.size() && is_digit(b[l])) ++l;
    const std::string x = a.substr(i, k - i), y = b.substr(j, l - j);
    if (x != y) return x.size() != y.size() ? x.size() < y.size() : x < y;
    i = k, j = l;
  }
  return a.size() - i < b.size() - j;
}

template <typename T, typename Key>
void sort_by(std::vector<T>& list, Key key) {
  std::stable_sort(list.begin(), list.end(), [&](const T& a, const T& b) {
    const std::string &x = key(a), &y = key(b);
    return natural_less(x, y) || (!natural_less(y, x) && x < y);
  });
}

}  // namespace

std::string_view to_string(DeviceKind kind) {
  return kDeviceKinds[static_cast<std::size_t>(kind)];
}

std::optional<DeviceKind> device_kind_from(std::string_view text) {
  return value_in<DeviceKind>(kDeviceKinds, text);
}

std::string_view to_string(LayerKind kind) {
  return kLayerKinds[static_cast<std::size_t>(kind)];
}

std::optional<LayerKind> layer_kind_from(std::string_view text) {
  return value_in<LayerKind>(kLayerKinds, text);
}

void sort_inventory(Inventory& inventory) {
  std::sort(inventory.notes.begin(), inventory.notes.end());
  sort_by(inventory.devices,
          [](const BlockDevice& device) -> const std::string& { return device.name; });
  for (BlockDevice& device : inventory.devices) {
    std::sort(device.ids.begin(), device.ids.end());
    std::sort(device.marks.begin(), device.marks.end());
    std::sort(device.layers.begin(), device.layers.end());
    std::sort(device.writes.begin(), device.writes.end());
  }
  sort_by(inventory.groups,
          [](const VolumeGroup& group) -> const std::string& { return group.name; });
  for (VolumeGroup& group : inventory.groups) {
    sort_by(group.devices,
            [](const PhysicalVolume& pv) -> const std::string& { return pv.device; });
    sort_by(group.volumes, [](const LogicalVolume& lv) -> const std::string& { return lv.name; });
    for (LogicalVolume& volume : group.volumes)
      std::sort(volume.layers.begin(), volume.layers.end());
  }
  std::sort(inventory.swaps.begin(), inventory.swaps.end());
  std::sort(inventory.uses.begin(), inventory.uses.end());
  inventory.uses.erase(std::unique(inventory.uses.begin(), inventory.uses.end()),
                       inventory.uses.end());
  sort_by(inventory.files, [](const ImageFile& file) -> const std::string& { return file.path; });
  sort_by(inventory.domains,
          [](const LiveDomain& domain) -> const std::string& { return domain.name; });
  for (LiveDomain& domain : inventory.domains)
    sort_by(domain.vbds,
            [](const ObservedVbd& vbd) -> const std::string& { return vbd.vbd.device; });
}

}  // namespace hv
