// HostMap: one host's inventory with its names indexed. Private to hv/storage.
//
// Immutable but for the stores of devices, which StorageMap's constructor fills in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "hv/model/access.h"
#include "hv/storage/inventory.h"

namespace hv {

class HostMap {
 public:
  explicit HostMap(Inventory inventory);

  const Inventory& inventory() const { return inventory_; }

  // By the kernel's name; nothing if there is none.
  const BlockDevice* device(std::string_view name) const;
  const BlockDevice* device_by_number(const std::string& number) const;
  // By a path with no symbolic link in it: "/dev/sda", "/dev/mapper/x".
  const BlockDevice* device_at(const std::string& path) const;
  // By "GROUP/NAME".
  const LogicalVolume* volume(const std::string& name) const;
  const ImageFile* file(const std::string& path) const;
  const ImageFile* image_on(const BlockDevice& device) const;

  // The path with all symbolic links followed, `.` and `..` folded; nothing for a circle of links.
  std::optional<std::string> canonical(const std::string& path) const;

  // Where a file lies: the mount with the longest point above it, and its path in that filesystem.
  struct InMount {
    const Mount* mount = nullptr;
    std::string path;
  };
  std::optional<InMount> mount_of(const std::string& path) const;

  // The file that is known by another path of the same filesystem: a bind mount shows it twice.
  const ImageFile* file_in(const InMount& place) const;
  // What a filesystem is on; nothing where that is no device.
  const BlockDevice* device_of(const Mount& mount) const;

  // The stores that a device without layers is, in all their sectors.
  const std::vector<StoreId>& stores_of(const BlockDevice& device) const;
  void set_stores(const std::string& name, std::vector<StoreId> stores);

 private:
  Inventory inventory_;
  std::unordered_map<std::string, uint32_t> by_name_, by_number_, by_path_;
  std::unordered_map<std::string, const LogicalVolume*> volumes_;
  std::unordered_map<std::string, uint32_t> files_, files_in_, images_;
  std::unordered_map<std::string, uint32_t> mounts_;  // by point: the last
  std::vector<std::vector<StoreId>> stores_;          // by device
};

}  // namespace hv
