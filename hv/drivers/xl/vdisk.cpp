#include "hv/drivers/xl/vdisk.h"

#include <algorithm>
#include <map>

#include "hv/drivers/mapping.h"
#include "hv/drivers/xl/look_text.h"
#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

constexpr std::string_view kFolder = "/dev/mapper/hv-vd-";

Error refused(std::string message, std::string help = "") {
  return {Code::operation_failed, std::move(message), std::move(help)};
}

Result<std::string> path_of(const std::string& device) {
  std::string path = path_of_source(device);
  if (!path.starts_with('/')) path = "/dev/" + path;
  if (!path.starts_with("/dev/"))
    return refused("the pool's device `" + device + "` is no block device",
                   "virtual disks on a Xen host need a disk, a partition or a volume");
  if (path.find('\n') != std::string::npos)
    return refused("the name of a pool's device is of two lines");
  return path;
}

Result<std::string> devices_of(const Operation& operation, const Uuid& pool) {
  std::string input = "pool " + to_string(pool) + " " + operation.pool->address.name + "\n";
  for (std::size_t i = 0; i < operation.pool->devices.size(); ++i)
    input += "device " + std::to_string(i) + " " + TRY(path_of(operation.pool->devices[i])) + "\n";
  return input;
}

// A name's sectors: of which disk, which partition of it, and where there.
struct Placed {
  std::string whole;
  int64_t partition = 0;
  bool operator==(const Placed&) const = default;
};

// The words of a line, the last with all that is left.
std::vector<std::string_view> parts_of(std::string_view line, std::size_t most) {
  std::vector<std::string_view> words;
  while (words.size() + 1 < most) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) break;
    words.push_back(line.substr(0, blank));
    line.remove_prefix(blank + 1);
  }
  words.push_back(line);
  return words;
}

std::optional<Extent> extent_in(std::string_view line) {
  const auto words = parts_of(line, 4);
  if (words.size() < 4) return std::nullopt;
  const auto start = number_in(words[0]), count = number_in(words[1]);
  constexpr int64_t kMost = INT64_MAX / kSectorBytes;
  if (!start || !count || *start < 0 || *count <= 0 || *start > kMost || *count > kMost - *start)
    return std::nullopt;
  return Extent{StoreId{std::string(words[3])}, sectors(*start), sectors(*count),
                words[2] == "resolved"};
}

}  // namespace

std::string vdisk_path(const Uuid& vdisk) {
  return std::string(kFolder) + to_string(vdisk);
}

std::optional<Uuid> vdisk_of_path(std::string_view path) {
  if (!path.starts_with(kFolder)) return std::nullopt;
  return parse_uuid(path.substr(kFolder.size()));
}

Result<std::string> pool_input(const Operation& operation) {
  return devices_of(operation, operation.uuid);
}

Result<std::string> vdisk_input(const Operation& operation) {
  const std::optional<Uuid> pool = told_pool(operation);
  const auto own = operation.extents.find("");
  if (!pool || !operation.pool || own == operation.extents.end())
    return refused("`" + std::string(to_string(operation.op)) +
                   "` does not say where the virtual disk lies");
  std::string input = TRY(devices_of(operation, *pool));
  input += "name " + operation.address.name + "\n";
  std::vector<Placed> devices;
  for (const std::string& device : operation.pool->devices) {
    const NamePlace place = place_of_name(normalise_name(device));
    devices.push_back({place.whole, place.partition});
  }
  std::string map;
  for (const Extent& extent : own->second) {
    const int64_t slot = extent.start.count / kNameSlotSectors;
    const auto found = std::find(devices.begin(), devices.end(),
                                 Placed{extent.resolved ? "" : name_in(extent.store), slot});
    if (found == devices.end())
      return refused("sectors of the virtual disk `" + operation.address.name +
                         "` lie on no device of its pool: " + extent.store.text,
                     "declare the pool's devices by the names they had");
    input += "extent " + std::to_string(extent.start.count) + " " +
             std::to_string(extent.count.count) + (extent.resolved ? " resolved " : " named ") +
             extent.store.text + "\n";
    map += "map " + std::to_string(found - devices.begin()) + " " +
           std::to_string(extent.start.count - slot * kNameSlotSectors) + " " +
           std::to_string(extent.count.count) + "\n";
  }
  for (const Uuid& freed : told_freed(operation)) map += "freed " + to_string(freed) + "\n";
  return input + map;
}

std::optional<MappingRecord> mapping_record(std::string_view text) {
  MappingRecord record;
  bool is_named = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = parts_of(text.substr(0, end), 2);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.size() < 2) continue;
    const std::string rest(words[1]);
    if (words[0] == "pool") {
      // Its own name, where no `name` follows.
      record.name = rest.substr(std::min(rest.find(' '), rest.size() - 1) + 1);
      is_named = true;
    } else if (words[0] == "name") {
      record.name = rest;
    } else if (words[0] == "device") {
      record.pool.push_back(rest.substr(rest.find(' ') + 1));
    } else if (words[0] == "project") {
      const auto project = parse_uuid(rest);
      if (!project) return std::nullopt;
      record.project = *project;
    } else if (words[0] == "extent") {
      auto extent = extent_in(rest);
      if (!extent) return std::nullopt;
      record.extents.push_back(std::move(*extent));
    } else if (words[0] == "boot") {
      record.boot_id = rest;
    } else if (words[0] == "table") {
      record.table.push_back(rest);
    } else if (words[0] == "before") {
      record.before.push_back(rest);
    }
  }
  if (!is_named || record.name.empty()) return std::nullopt;
  return record;
}

}  // namespace hv
