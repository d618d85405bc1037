#include <algorithm>
#include <string>
#include <utility>

#include "hv/storage/follow.h"
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

// A host without an inventory may call the same disk by this name: each such pair of hosts has a
// store where only names meet.
void add_names(const std::string& name, const HostName& host, const StorageContext& context,
               Resolved& resolved) {
  const Extent own = extent_of_name(name, host, context);
  auto meet = [&](const HostName& other) {
    if (store_of_name(place_of_name(name).whole, other, context) != own.store) return;
    Extent both = own;
    // One word of the operator's for both hosts: no doubt, no store of its own.
    if (is_bare_name(own.store)) {
      const auto& [low, high] = std::minmax(host, other);
      both.store = StoreId{"maybe:name:" + low.text + "+" + high.text + ":" + name_in(own.store)};
    }
    resolved.extents.push_back(std::move(both));
  };
  if (context.map == nullptr) return;
  if (context.map->find(host) == nullptr) {
    for (const auto& [other, known] : context.map->hosts()) meet(other);
  } else {
    for (const HostName& other : context.map->other_hosts()) meet(other);
  }
  std::sort(resolved.extents.begin(), resolved.extents.end());
  resolved.extents.erase(std::unique(resolved.extents.begin(), resolved.extents.end()),
                         resolved.extents.end());
}

Resolved resolve_known(const std::string& source, const std::string& format,
                       const std::string& written, const HostMap& known, const HostName& host,
                       const StorageContext& context) {
  Followed followed = follow_source(source, format, known, context);
  Resolved resolved;
  resolved.extents = std::move(followed.extents);
  resolved.path = std::move(followed.path);
  resolved.path.insert(resolved.path.begin(), written);
  resolved.resolved = followed.resolved;
  resolved.beneath = std::move(followed.beneath);
  resolved.problems = std::move(followed.problems);
  resolved.mounts = std::move(followed.mounts);
  const std::string name = normalise_name(source);
  if (path_of_source(source).starts_with('/')) add_names(name, host, context, resolved);
  return resolved;
}

// Sectors that were recorded by a name only, as the host's inventory of now knows them: of a vdisk,
// by the name of its pool's device; of a disk, from before there was an inventory.
std::vector<Extent> really(const Extent& recorded, const HostName& host,
                           const StorageContext& context) {
  const Extent extent = as_stated_now(recorded, host, context);
  const HostMap* known = context.map == nullptr ? nullptr : context.map->find(host);
  if (extent.resolved || known == nullptr || is_maybe(extent.store)) return {extent};
  const int64_t slot = extent.start.count / kNameSlotSectors;
  const Sectors offset = sectors(extent.start.count - slot * kNameSlotSectors);
  const std::string whole = name_in(extent.store), number = std::to_string(slot);
  const std::vector<std::string> spellings =
      slot == 0 ? std::vector<std::string>{whole}
                : std::vector<std::string>{whole + number, whole + "p" + number,
                                           whole + "-part" + number};
  // A name alone stands for all that it names, however large that is.
  const bool all =
      offset.count == 0 && (extent.count == kWholeName || extent.count.count == kNameSlotSectors);
  for (const std::string& spelling : spellings) {
    const std::string path = path_of_source(spelling);
    Followed followed = all ? follow_source(path, "raw", *known, context)
                            : follow_area(path, offset, extent.count, *known, context);
    if (followed.resolved && followed.problems.empty()) return std::move(followed.extents);
  }
  return {extent};
}

Resolved resolve_vdisk(const std::string& name, const HostName& host,
                       const StorageContext& context) {
  Resolved resolved;
  resolved.path.push_back("vd:" + name);
  auto found = context.vdisks.find(Address{Kind::vdisk, name});
  if (found == context.vdisks.end()) return resolved;
  for (const Extent& extent : found->second) {
    for (Extent& one : really(extent, host, context)) {
      resolved.resolved = resolved.resolved && one.resolved;
      resolved.extents.push_back(std::move(one));
    }
    if (resolved.path.size() <= kExtentsInPath) resolved.path.push_back(describe(extent));
  }
  if (found->second.size() > kExtentsInPath)
    resolved.path.push_back(std::to_string(found->second.size() - kExtentsInPath) + " more");
  return resolved;
}

// The source as its hotplug script understands it.
std::string source_of(const Vbd& vbd) {
  if (vbd.script.ends_with("block-drbd") && !vbd.source.starts_with("drbd:"))
    return "drbd:" + vbd.source;
  if (vbd.script.ends_with("block-iscsi")) {
    const std::size_t at = vbd.source.find("iqn=");
    if (at != std::string::npos)
      return "iscsi:" + vbd.source.substr(at + 4, vbd.source.find(',', at) - at - 4);
  }
  return vbd.source;
}

}  // namespace

Resolved resolve(const Vbd& vbd, const HostName& host, const StorageContext& context) {
  if (vbd.source.empty()) return {};
  if (vbd.backend == "vd") return resolve_vdisk(vbd.source, host, context);
  const std::string written = vbd.backend.empty() ? vbd.source : vbd.backend + ":" + vbd.source;
  if (context.map != nullptr) {
    if (const HostMap* known = context.map->find(host))
      return resolve_known(source_of(vbd), vbd.format, written, *known, host, context);
  }
  const std::string source = source_of(vbd);
  Resolved resolved = resolve_name(source, written, host, context);
  if (path_of_source(source).starts_with('/'))
    add_names(normalise_name(source), host, context, resolved);
  return resolved;
}

std::vector<Extent> extents_now(const std::vector<Extent>& recorded, std::vector<Extent> now,
                                const HostName& host, const StorageContext& context) {
  for (const Extent& extent : recorded)
    for (Extent& one : really(extent, host, context)) now.push_back(std::move(one));
  std::sort(now.begin(), now.end());
  now.erase(std::unique(now.begin(), now.end()), now.end());
  return now;
}

std::vector<Extent> announced_extents(const Vbd& vbd, std::vector<Extent> top, const HostName& host,
                                      const StorageContext& context) {
  if (vbd.backend == "vd" || !path_of_source(source_of(vbd)).starts_with('/')) return top;
  top.push_back(extent_of_name(normalise_name(vbd.source), host, context));
  std::sort(top.begin(), top.end());
  top.erase(std::unique(top.begin(), top.end()), top.end());
  return top;
}

std::vector<Extent> claimed_extents(const std::vector<Extent>& announced, const HostName& host,
                                    const StorageContext& context) {
  Resolved now;
  now.extents = extents_now(announced, {}, host, context);
  for (const Extent& extent : announced) {
    if (extent.resolved || is_maybe(extent.store)) continue;
    const std::string name = name_in(extent.store);
    if (path_of_source(name).starts_with('/')) add_names(name, host, context, now);
  }
  return std::move(now.extents);
}

Resolved resolve_device(const std::string& source, const HostName& host,
                        const StorageContext& context) {
  Resolved resolved = resolve_name(source, source, host, context);
  // Exact places on a whole disk lie in slot 0, apart from the slots of its partitions.
  for (Extent& extent : resolved.extents) extent.count = sectors(kNameSlotSectors);
  return resolved;
}

}  // namespace hv
