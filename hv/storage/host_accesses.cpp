// What a host itself does with its storage, as its inventory tells: dom0 is a party like others.
//
// Where it runs a layer that translates (LVM, RAID 1, partitions) it writes the tables only: its
// guests' sectors are theirs. Where it runs one that is a store of its own (a thin pool, a
// filesystem) it writes all that lies below.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "hv/storage/follow.h"
#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Filesystems made for several writers.
bool is_for_clusters(std::string_view type) {
  return is_one_of(type, {"ocfs2", "gfs2", "gfs", "vmfs"});
}

// A read-only mount of these writes all the same when their journal has something to replay.
bool replays_journal(const Mount& mount) {
  if (!is_one_of(mount.type, {"ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "nilfs2"}))
    return false;
  return std::none_of(mount.options.begin(), mount.options.end(), [](const std::string& option) {
    return is_one_of(option,
                     {"noload", "norecovery", "nologreplay", "nolog", "rescue=nologreplay"});
  });
}

class HostAccesses {
 public:
  HostAccesses(const HostMap& host, const StorageContext& context)
      : host_(host), context_(context) {}

  // Without mounts, swap space and what is open, where a look has told of those.
  std::vector<Access> all(bool told) {
    if (!told) {
      for (const Mount& mount : host_.inventory().mounts) add_mount(mount);
      for (const Swap& swap : host_.inventory().swaps) {
        Followed followed = follow_source(swap.source, "raw", host_, context_);
        add(AccessMode::write, std::move(followed), "swap space");
      }
      for (const HostUse& use : host_.inventory().uses)
        add(use.mode, follow_source(use.source, "raw", host_, context_), use.what);
    }
    for (const BlockDevice& device : host_.inventory().devices)
      for (Beneath& one : run_by_host(device, host_, context_))
        add(one.mode, std::move(one.extents), std::move(one.path));
    for (const VolumeGroup& group : host_.inventory().groups) add_group(group);
    return std::move(accesses_);
  }

 private:
  void add(AccessMode mode, std::vector<Extent> extents, std::vector<std::string> path) {
    if (extents.empty()) return;
    Access access;
    access.party = party_dom0(host_.inventory().host);
    access.host = host_.inventory().host;
    access.extents = std::move(extents);
    access.mode = mode;
    access.origin = AccessOrigin::live;
    access.path = std::move(path);
    accesses_.push_back(std::move(access));
  }

  void add(AccessMode mode, Followed followed, const std::string& what) {
    followed.path.insert(followed.path.begin(), what);
    add(mode, std::move(followed.extents), std::move(followed.path));
  }

  void add_mount(const Mount& mount) {
    const BlockDevice* device = host_.device_of(mount);
    if (device == nullptr) return;
    const AccessMode mode = mode_of_mount(mount, device->read_only);
    for (const std::string& option : mount.options)
      if (option.starts_with("logdev=") || option.starts_with("rtdev="))
        add(mode, follow_source(option.substr(option.find('=') + 1), "raw", host_, context_),
            mount.type + " mounted on " + mount.point + " has its " +
                (option[0] == 'l' ? "journal" : "realtime data") + " there");
    // Mounted at several places, it is open once, in the strongest way.
    if (!told_.insert({device->name, mode}).second) return;
    add(mode, follow_device(*device, host_, context_),
        mount.type + " mounted on " + mount.point + (mount.read_only ? " read-only" : ""));
  }

  // The head of each physical volume, while a volume of the group is in use.
  void add_group(const VolumeGroup& group) {
    const bool active =
        std::any_of(group.volumes.begin(), group.volumes.end(),
                    [](const LogicalVolume& volume) { return !volume.device.empty(); });
    if (!active) return;
    for (const PhysicalVolume& on : group.devices) {
      if (on.data_start.count <= 0 || host_.device(on.device) == nullptr) continue;
      Followed followed = follow_area(on.device, sectors(0), on.data_start, host_, context_);
      add(group.shared ? AccessMode::write_shared : AccessMode::write, std::move(followed),
          "LVM's tables of " + group.name);
    }
  }

  const HostMap& host_;
  const StorageContext& context_;
  std::vector<Access> accesses_;
  std::set<std::pair<std::string, AccessMode>> told_;
};

}  // namespace

void tidy_extents(std::vector<Extent>& extents) {
  std::sort(extents.begin(), extents.end());
  std::vector<Extent> joined;
  for (Extent& extent : extents) {
    if (extent.count.count <= 0) continue;
    if (!joined.empty() && joined.back().store == extent.store &&
        joined.back().resolved == extent.resolved && extent.start <= joined.back().end()) {
      Extent& last = joined.back();
      if (extent.end() > last.end()) last.count = extent.end() - last.start;
      continue;
    }
    joined.push_back(std::move(extent));
  }
  extents = std::move(joined);
}

AccessMode mode_of_mount(const Mount& mount, bool device_is_read_only) {
  if (mount.read_only && (device_is_read_only || !replays_journal(mount))) return AccessMode::read;
  return is_for_clusters(mount.type) ? AccessMode::write_shared : AccessMode::write;
}

namespace {

Access access_of_host(const HostName& host, AccessMode mode, std::vector<Extent> extents,
                      std::vector<std::string> path) {
  Access access;
  access.party = party_dom0(host);
  access.host = host;
  access.extents = std::move(extents);
  access.mode = mode;
  access.origin = AccessOrigin::live;
  access.path = std::move(path);
  return access;
}

}  // namespace

std::vector<Access> host_accesses(const HostName& host, const StorageContext& context,
                                  const HostObservation* seen) {
  const HostMap* known = context.map == nullptr ? nullptr : context.map->find(host);
  const bool told = seen != nullptr && seen->uses.has_value();
  std::vector<Access> accesses;
  if (known != nullptr) accesses = HostAccesses(*known, context).all(told);
  if (told)
    for (const HostUse& use : *seen->uses) {
      Vbd open;
      open.source = use.source;
      open.format = "raw";
      Resolved resolved = resolve(open, host, context);
      resolved.path.insert(resolved.path.begin(), use.what);
      accesses.push_back(
          access_of_host(host, use.mode, std::move(resolved.extents), std::move(resolved.path)));
    }
  if (seen == nullptr) return accesses;
  for (const Claim& claim : seen->claims)
    for (const ClaimedBeneath& one : claim.beneath)
      if (one.by_host)
        accesses.push_back(
            access_of_host(host, one.mode, claimed_extents(one.extents, host, context),
                           {"runs " + claim.device + " of " + to_string(claim.address)}));
  return accesses;
}

namespace {

// Each kind of access to the same host's storage once, and each mount below it.
class Announced {
 public:
  Announced(const HostMap& host, const StorageContext& context) : host_(host), context_(context) {}

  void add(AccessMode mode, bool by_host, const std::vector<Extent>& extents) {
    std::vector<Extent>& all = parts_[{by_host, mode}];
    all.insert(all.end(), extents.begin(), extents.end());
  }

  void add_mount(const Mount* mount) {
    if (!seen_.insert(mount).second) return;
    const BlockDevice* device = host_.device_of(*mount);
    if (device == nullptr) return;
    const Followed followed = follow_device(*device, host_, context_);
    add(mode_of_mount(*mount, device->read_only), true, followed.extents);
    for (const Mount* below : followed.mounts) add_mount(below);
  }

  std::vector<ClaimedBeneath> parts() {
    std::vector<ClaimedBeneath> all;
    for (auto& [kind, extents] : parts_) {
      tidy_extents(extents);
      if (!extents.empty()) all.push_back({std::move(extents), kind.second, kind.first});
    }
    return all;
  }

 private:
  const HostMap& host_;
  const StorageContext& context_;
  std::map<std::pair<bool, AccessMode>, std::vector<Extent>> parts_;
  std::set<const Mount*> seen_;
};

}  // namespace

std::vector<ClaimedBeneath> announced_beneath(const Vbd& vbd, const HostName& host,
                                              const StorageContext& context) {
  const HostMap* known = context.map == nullptr ? nullptr : context.map->find(host);
  if (known == nullptr) return {};
  const Resolved resolved = resolve(vbd, host, context);
  Announced announced(*known, context);
  for (const Beneath& one : resolved.beneath) {
    announced.add(one.mode, one.by_host, one.extents);
    if (one.source.starts_with('/'))
      announced.add(one.mode, one.by_host,
                    {extent_of_name(normalise_name(one.source), host, context)});
  }
  for (const Mount* mount : resolved.mounts) announced.add_mount(mount);
  return announced.parts();
}

std::vector<Access> accesses_behind(const Claim& claim, const Party& party, const HostName& host,
                                    const StorageContext& context) {
  std::vector<Access> accesses;
  for (const ClaimedBeneath& one : claim.beneath) {
    if (one.by_host) continue;
    Access access;
    access.party = party;
    access.host = host;
    access.device = claim.device;
    access.extents = claimed_extents(one.extents, host, context);
    access.mode = one.mode;
    access.origin = AccessOrigin::claim;
    access.path = {"a file behind " + claim.device};
    accesses.push_back(std::move(access));
  }
  return accesses;
}

namespace {

// What `from` has and `taken` has not; both tidy.
std::vector<Extent> without(const std::vector<Extent>& from, const std::vector<Extent>& taken) {
  std::vector<Extent> rest;
  for (Extent extent : from) {
    for (const Extent& gone : taken) {
      if (gone.store != extent.store || gone.end() <= extent.start || extent.end() <= gone.start)
        continue;
      if (gone.start > extent.start) {
        rest.push_back(extent);
        rest.back().count = gone.start - extent.start;
      }
      const Sectors end = extent.end();
      extent.start = std::min(gone.end(), end);
      extent.count = end - extent.start;
    }
    if (extent.count.count > 0) rest.push_back(std::move(extent));
  }
  return rest;
}

}  // namespace

std::vector<Access> merged_host_accesses(const HostName& host, const StorageContext& context,
                                         const HostObservation* seen) {
  std::vector<Access> merged;
  std::vector<Extent> told;
  const std::vector<Access> all = host_accesses(host, context, seen);
  for (AccessMode mode : {AccessMode::write, AccessMode::write_shared, AccessMode::read}) {
    Access one;
    for (const Access& access : all) {
      if (access.mode != mode) continue;
      std::vector<Extent> extents = std::move(one.extents);
      extents.insert(extents.end(), access.extents.begin(), access.extents.end());
      one = access;
      one.extents = std::move(extents);
    }
    tidy_extents(one.extents);
    one.extents = without(one.extents, told);
    if (one.extents.empty()) continue;
    told.insert(told.end(), one.extents.begin(), one.extents.end());
    tidy_extents(told);
    one.path = {"mounts, swap space and tables of " + host.text};
    merged.push_back(std::move(one));
  }
  return merged;
}

void NamesInUse::add(const Access& access) {
  if (access.party == party_dom0(access.host)) return;
  for (const Extent& extent : access.extents)
    if (!extent.resolved) names_[access.host].push_back(extent);
}

void NamesInUse::keep_met(Access& of_host) const {
  const auto there = names_.find(of_host.host);
  std::erase_if(of_host.extents, [&](const Extent& extent) {
    return !extent.resolved &&
           (there == names_.end() ||
            std::none_of(there->second.begin(), there->second.end(),
                         [&](const Extent& other) { return overlap(extent, other); }));
  });
}

namespace {

// The domain that serves a disk where it is not dom0; xl's name for dom0 is its number, too.
std::string_view served_by(const Vbd& vbd) {
  auto backend = vbd.options.find("backend");
  if (backend == vbd.options.end() || backend->second == "0" || backend->second == "Domain-0")
    return {};
  return backend->second;
}

// A driver domain's names are its own, and no inventory tells them.
void check_driver_domains(const DesiredGraph& desired, const StorageContext& context,
                          std::vector<Finding>& findings) {
  for (const Resource& resource : desired.resources()) {
    const auto* domain = std::get_if<DomainSpec>(&resource);
    if (domain == nullptr || std::all_of(domain->vbds.begin(), domain->vbds.end(),
                                         [](const Vbd& vbd) { return served_by(vbd).empty(); }))
      continue;
    std::vector<Access> accesses = accesses_of(*domain, desired, 0, context, AccessOrigin::desired);
    for (std::size_t i = 0; i < accesses.size(); ++i) {
      const std::string_view server = served_by(domain->vbds[i]);
      if (server.empty()) continue;
      Finding finding;
      finding.code = Code::layer_unfollowed;
      finding.severity = Severity::warning;
      finding.message = "the domain `" + std::string(server) + "` serves this disk: `" +
                        domain->vbds[i].source + "` is taken as if it were dom0's name";
      finding.accesses = {std::move(accesses[i])};
      finding.ways_out.push_back("let no other machine have what `" + std::string(server) +
                                 "` calls so");
      findings.push_back(std::move(finding));
    }
  }
}

}  // namespace

std::vector<Finding> check_layers(const DesiredGraph& desired, const StorageContext& context) {
  std::vector<Finding> findings;
  check_driver_domains(desired, context, findings);
  if (context.map == nullptr) return findings;
  for (const Resource& resource : desired.resources()) {
    const auto* domain = std::get_if<DomainSpec>(&resource);
    if (domain == nullptr || context.map->find(domain->host) == nullptr) continue;
    std::vector<Access> accesses = accesses_of(*domain, desired, 0, context, AccessOrigin::desired);
    for (std::size_t i = 0; i < accesses.size(); ++i) {
      for (const std::string& problem : resolve(domain->vbds[i], domain->host, context).problems) {
        Finding finding;
        finding.code = Code::layer_unfollowed;
        finding.severity = Severity::warning;
        finding.message = problem;
        finding.accesses = {accesses[i]};
        finding.ways_out.push_back("`hv inventory " + domain->host.text +
                                   "` gathers what the host has now");
        findings.push_back(std::move(finding));
      }
    }
  }
  return findings;
}

}  // namespace hv
