#include <algorithm>
#include <string>
#include <utility>

#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

// How many extents of a vdisk its path names.
constexpr std::size_t kExtentsInPath = 3;

Resolved resolve_name(const std::string& source, const std::string& written, const HostName& host,
                      const StorageContext& context) {
  Resolved resolved;
  resolved.resolved = false;
  const std::string name = normalise_name(source);
  resolved.extents.push_back(extent_of_name(name, host, context));
  resolved.path.push_back(written);
  if (name != written) resolved.path.push_back(name);
  const NamePlace place = place_of_name(name);
  if (place.partition != 0)
    resolved.path.push_back("partition " + std::to_string(place.partition) + " of " + place.whole);
  return resolved;
}

// "sda10 [2048..133119]": counted from the start of the partition or disk.
std::string describe(const Extent& extent) {
  const int64_t slot = extent.resolved ? 0 : extent.start.count / kNameSlotSectors;
  const int64_t start = extent.start.count - slot * kNameSlotSectors;
  std::string name = name_in(extent.store);
  if (slot != 0) name = "partition " + std::to_string(slot) + " of " + name;
  return name + " [" + std::to_string(start) + ".." +
         std::to_string(start + extent.count.count - 1) + "]";
}

Resolved resolve_vdisk(const std::string& name, const HostName& host,
                       const StorageContext& context) {
  Resolved resolved;
  resolved.path.push_back("vd:" + name);
  auto found = context.vdisks.find(Address{Kind::vdisk, name});
  if (found == context.vdisks.end()) return resolved;
  for (const Extent& extent : found->second) {
    resolved.extents.push_back(as_stated_now(extent, host, context));
    resolved.resolved = resolved.resolved && extent.resolved;
    if (resolved.path.size() <= kExtentsInPath) resolved.path.push_back(describe(extent));
  }
  if (found->second.size() > kExtentsInPath)
    resolved.path.push_back(std::to_string(found->second.size() - kExtentsInPath) + " more");
  return resolved;
}

}  // namespace

Resolved resolve(const Vbd& vbd, const HostName& host, const StorageContext& context) {
  if (vbd.source.empty()) return {};
  if (vbd.backend == "vd") return resolve_vdisk(vbd.source, host, context);
  const std::string written = vbd.backend.empty() ? vbd.source : vbd.backend + ":" + vbd.source;
  return resolve_name(vbd.source, written, host, context);
}

Resolved resolve_device(const std::string& source, const HostName& host,
                        const StorageContext& context) {
  Resolved resolved = resolve_name(source, source, host, context);
  // Exact places on a whole disk lie in slot 0, apart from the slots of its partitions.
  for (Extent& extent : resolved.extents) extent.count = sectors(kNameSlotSectors);
  return resolved;
}

}  // namespace hv
