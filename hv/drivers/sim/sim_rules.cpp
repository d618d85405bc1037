// The rules of a hypervisor, as real Xen has them where it matters to hv.
#include <algorithm>

#include "hv/drivers/sim/sim_host.h"
#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

constexpr Bytes kBalloonFloor = mib(16);

const Claim* claim_for(const std::vector<Claim>& claims, const std::string& device) {
  for (const Claim& claim : claims)
    if (claim.device == device) return &claim;
  return nullptr;
}

bool names(const Claim& claim, const Claim& other) {
  return claim.project == other.project && std::find(claim.sharers.begin(), claim.sharers.end(),
                                                     other.address) != claim.sharers.end();
}

int permitted_between(const Claim& a, const Claim& b) {
  if (names(a, b) && names(b, a)) return 2;
  const auto alone = [](const Claim& claim) {
    return claim.mode == AccessMode::write_shared ? 2 : claim.permitted;
  };
  return std::min(alone(a), alone(b));
}

// "STORE@START+COUNT;…": how the tables keep the real sectors behind a VBD.
std::string physical_text(const std::vector<Extent>& extents) {
  std::string text;
  for (const Extent& extent : extents)
    text += (text.empty() ? "" : ";") + extent.store.text + "@" +
            std::to_string(extent.start.count) + "+" + std::to_string(extent.count.count) +
            (extent.resolved ? "" : "?");
  return text;
}

std::vector<Extent> extents_from(const std::string& text) {
  std::vector<Extent> extents;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string piece = text.substr(begin, end - begin);
    const std::size_t at = piece.rfind('@');
    const std::size_t plus = at == std::string::npos ? at : piece.find('+', at);
    if (plus == std::string::npos) return extents;
    Extent extent;
    extent.store = StoreId{piece.substr(0, at)};
    extent.start = Sectors{{std::atoll(piece.c_str() + at + 1)}};
    extent.count = Sectors{{std::atoll(piece.c_str() + plus + 1)}};
    extent.resolved = !piece.ends_with('?');
    extents.push_back(std::move(extent));
    begin = end + 1;
  }
  return extents;
}

bool any_overlap(const std::vector<Extent>& a, const std::vector<Extent>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Extent& x) {
    return std::any_of(b.begin(), b.end(), [&](const Extent& y) { return overlap(x, y); });
  });
}

std::string mac_of(const Vif& vif) {
  auto mac = vif.settings.find("mac");
  return mac == vif.settings.end() ? "" : mac->second;
}

int64_t number_of(const Value& value, int64_t fallback) {
  const auto* n = value.get<int64_t>();
  return n == nullptr ? fallback : *n;
}

Bytes size_of(const Value& value, Bytes fallback) {
  const auto* b = value.get<Bytes>();
  return b == nullptr ? fallback : *b;
}

}  // namespace

bool is_file(const Vbd& vbd) {
  if (vbd.source.empty() || vbd.backend == "vd") return false;
  return vbd.backend == "file" || (vbd.source.starts_with('/') && !vbd.source.starts_with("/dev/"));
}

ObservedDomain* SimHost::find(const Uuid& uuid) {
  ObservedDomain* dying = nullptr;
  for (auto& [domid, domain] : domains) {
    if (domain.uuid != uuid) continue;
    if (!domain.dying) return &domain;
    dying = &domain;
  }
  return dying;
}

Bytes SimHost::memory_total() const {
  return config_.memory - config_.dom0_memory;
}

Bytes SimHost::memory_free() const {
  Bytes used;
  for (const auto& [domid, domain] : domains) used += domain.memory;
  return memory_total() - used;
}

std::vector<Extent> SimHost::extents_of(const ObservedVbd& vbd) const {
  return extents_from(vbd.physical);
}

std::size_t SimHost::loops_used() const {
  std::size_t used = 0;
  for (const auto& [domid, domain] : domains)
    used += static_cast<std::size_t>(
        std::count_if(domain.vbds.begin(), domain.vbds.end(),
                      [](const ObservedVbd& vbd) { return is_file(vbd.vbd); }));
  return used;
}

SimHost::Refusal SimHost::lacks(const Vbd& vbd) const {
  if (vbd.source.empty() || vbd.backend == "vd" || !config_.disks) return std::nullopt;
  if (!vbd.source.starts_with("/dev/")) return std::nullopt;
  const std::string name = normalise_name(vbd.source);
  for (const auto& [disk, size] : *config_.disks)
    if (lies_on(name, disk)) return std::nullopt;
  if (name.find('/') != std::string::npos) return std::nullopt;  // a volume of some group
  return "device " + vbd.source + " does not exist";
}

SimHost::Refusal SimHost::lacks_file(const DomainSpec& spec, const char* attribute) const {
  const auto* path = spec.attributes.get<std::string>(attribute);
  if (path == nullptr || !config_.files ||
      std::find(config_.files->begin(), config_.files->end(), *path) != config_.files->end())
    return std::nullopt;
  return std::string(attribute) + " " + *path + ": No such file or directory";
}

SimHost::Refusal SimHost::cannot_open(const Uuid& uuid, const Vbd& vbd, const Operation& operation,
                                      std::size_t loops) const {
  if (Refusal why = lacks(vbd)) return why;
  const ObservedVbd open = opened(operation, vbd, true);
  if (Refusal why = busy(uuid, vbd, extents_of(open), claim_for(operation.claims, vbd.device)))
    return why;
  if (is_file(vbd) && loops >= static_cast<std::size_t>(config_.loop_devices))
    return "no free loop device";
  return std::nullopt;
}

SimHost::Refusal SimHost::lacks_bridge(const Vif& vif) const {
  auto bridge = vif.settings.find("bridge");
  if (bridge == vif.settings.end() || !config_.bridges) return std::nullopt;
  if (std::find(config_.bridges->begin(), config_.bridges->end(), bridge->second) !=
      config_.bridges->end())
    return std::nullopt;
  return "bridge " + bridge->second + " does not exist";
}

int SimHost::permitted_together(const Claim* mine, const Uuid& other,
                                const std::string& device) const {
  if (mine == nullptr) return 0;
  std::optional<int> permitted;
  for (const auto& [key, claim] : claims)
    if (claim.uuid == other && claim.device == device)
      permitted = std::min(permitted.value_or(2), permitted_between(*mine, claim));
  return permitted.value_or(0);
}

// As Xen's block script: readers beside readers; who writes is alone, unless each sharer has a
// device of its own, which permitted sharing gives it; equal UUIDs are taken for one machine.
SimHost::Refusal SimHost::busy(const Uuid& uuid, const Vbd& vbd, const std::vector<Extent>& extents,
                               const Claim* claim) const {
  for (const auto& [domid, domain] : domains) {
    if (domain.uuid == uuid) continue;
    for (const ObservedVbd& other : domain.vbds) {
      const int level =
          static_cast<int>(writes(vbd.mode)) + static_cast<int>(writes(other.vbd.mode));
      if (level == 0 || !any_overlap(extents, extents_of(other))) continue;
      if (level <= permitted_together(claim, domain.uuid, other.vbd.device)) continue;
      return "Device " + vbd.source + " is mounted " +
             (writes(other.vbd.mode) ? "read-write" : "read-only") + " in a guest domain (" +
             domain.name + "), and so cannot be mounted now.";
    }
  }
  return std::nullopt;
}

ObservedVbd SimHost::opened(const Operation& operation, const Vbd& vbd, bool connected) const {
  ObservedVbd open;
  open.vbd = vbd;
  open.connected = connected;
  auto planned = operation.extents.find(vbd.device);
  if (planned != operation.extents.end()) {
    open.physical = physical_text(planned->second);
  } else {
    open.physical = physical_text(resolve(vbd, config_.host, StorageContext{}).extents);
  }
  return open;
}

void SimHost::set_attributes(ObservedDomain& domain, const DomainSpec& spec) const {
  for (const Attributes::Entry& entry : spec.attributes) {
    if (entry.name == "memory" || entry.name == "maxmem" || entry.name == "vcpus" ||
        entry.name == "maxvcpus")
      continue;
    const Attribute* attribute = schema_.find(Kind::domain, entry.name);
    if (attribute != nullptr && attribute->observed) domain.attributes.set(entry.name, entry.value);
  }
}

SimHost::Refusal SimHost::create(const Operation& operation) {
  const DomainSpec& spec = *operation.domain;
  if (saved.contains(operation.uuid)) return "a save file of this machine is there";
  if (name_taken(spec.name, DomId{})) return "Domain " + spec.name + " already exists";
  if (Refusal why = lacks_file(spec, "kernel")) return why;
  if (Refusal why = lacks_file(spec, "ramdisk")) return why;
  ObservedDomain domain;
  domain.uuid = operation.uuid;
  domain.name = spec.name;
  domain.domid = DomId{next_domid++};
  domain.state = PowerState::paused;
  domain.never_ran = true;
  touch_meta();
  const Bytes memory = size_of(schema_.effective(Kind::domain, "memory", spec.attributes), mib(32));
  domain.memory_max = size_of(schema_.effective(Kind::domain, "maxmem", spec.attributes), memory);
  if (domain.memory_max < memory) domain.memory_max = memory;
  domain.vcpus = number_of(schema_.effective(Kind::domain, "vcpus", spec.attributes), 1);
  domain.vcpus_max = std::max(
      domain.vcpus, number_of(schema_.effective(Kind::domain, "maxvcpus", spec.attributes), 1));
  const uint64_t domid = domain.domid.value;
  if (memory > memory_free()) {
    // What xl leaves behind: a paused machine without memory.
    domains[domid] = std::move(domain);
    touch_domain(domid);
    return "not enough free memory: " + to_literal(memory) + " wanted, " +
           to_literal(memory_free()) + " free";
  }
  domain.memory = memory;
  std::size_t loops = loops_used();
  for (const Vbd& vbd : spec.vbds) {
    for (const ObservedVbd& other : domain.vbds)
      if (other.vbd.device == vbd.device) return "device already exists in xenstore";
    if (Refusal why = cannot_open(domain.uuid, vbd, operation, loops)) return why;
    if (is_file(vbd)) ++loops;
    domain.vbds.push_back(opened(operation, vbd, true));
  }
  for (const Vif& vif : spec.vifs) {
    if (Refusal why = lacks_bridge(vif)) return why;
    domain.vifs.push_back(vif);
  }
  set_attributes(domain, spec);
  domains[domid] = std::move(domain);
  touch_domain(domid);
  return std::nullopt;
}

SimHost::Refusal SimHost::attach(const Operation& operation, bool half) {
  ObservedDomain* domain = find(operation.uuid);
  if (domain == nullptr || domain->dying) return "no such domain";
  const Vbd& vbd = *operation.vbd;
  for (const ObservedVbd& other : domain->vbds)
    if (other.vbd.device == vbd.device) return "device already exists in xenstore";
  if (Refusal why = lacks(vbd)) return why;
  ObservedVbd open = opened(operation, vbd, !half);
  Refusal why = cannot_open(domain->uuid, vbd, operation, loops_used());
  if (why || half) {
    // The refused device stays in xenstore, not connected and without the sectors behind it.
    open.connected = false;
    if (why) open.physical.clear();
    domain->vbds.push_back(std::move(open));
    touch_domain(domain->domid.value);
    return why ? why : Refusal("hotplug script failed");
  }
  domain->vbds.push_back(std::move(open));
  touch_domain(domain->domid.value);
  return std::nullopt;
}

SimHost::Refusal SimHost::detach_begin(const Operation& operation) {
  ObservedDomain* domain = find(operation.uuid);
  if (domain == nullptr) return "no such domain";
  for (ObservedVbd& vbd : domain->vbds) {
    if (vbd.vbd.device != operation.vbd->device) continue;
    vbd.connected = false;
    touch_domain(domain->domid.value);
    return std::nullopt;
  }
  return "device " + operation.vbd->device + " does not exist";
}

void SimHost::detach_end(const Operation& operation) {
  for (auto& [domid, domain] : domains) {
    if (domain.uuid != operation.uuid) continue;
    // Only what was let go: a guest that reconnected meanwhile keeps it.
    const auto gone = std::erase_if(domain.vbds, [&](const ObservedVbd& vbd) {
      return vbd.vbd.device == operation.vbd->device && !vbd.connected;
    });
    if (gone != 0) touch_domain(domid);
  }
}

SimHost::Refusal SimHost::stop_begin(const Operation& operation) {
  bool any = false;
  for (auto& [domid, domain] : domains) {
    if (domain.uuid != operation.uuid) continue;
    any = true;
    domain.dying = true;
    domain.state = PowerState::halted;
    touch_domain(domid);
  }
  if (!any && !saved.contains(operation.uuid)) return "no such domain";
  return std::nullopt;
}

void SimHost::stop_end(const Operation& operation, bool keep_image) {
  if (!keep_image) drop_image(operation.uuid);
  for (auto it = domains.begin(); it != domains.end();) {
    if (it->second.uuid != operation.uuid || !it->second.dying) {
      ++it;
      continue;
    }
    touch_domain(it->first);
    it = domains.erase(it);
  }
}

SimHost::Refusal SimHost::change(const Operation& operation) {
  ObservedDomain* domain = find(operation.uuid);
  if (domain == nullptr || domain->dying) return "no such domain";
  touch_domain(domain->domid.value);
  switch (operation.op) {
    case Op::domain_unpause:
      domain->state = PowerState::running;
      domain->never_ran = false;
      drop_image(operation.uuid);
      return std::nullopt;
    case Op::domain_pause:
      domain->state = PowerState::paused;
      return std::nullopt;
    case Op::domain_memory: {
      const Bytes want = operation.memory.value_or(domain->memory);
      if (want > domain->memory_max)
        return "memory_dynamic_max must be less than or equal to memory_static_max";
      // A guest does not shrink below its floor, and one that is below is left there.
      const Bytes floor = std::min(kBalloonFloor, domain->memory);
      if (want > domain->memory + memory_free()) return "not enough free memory";
      domain->memory = std::max(want, floor);
      return std::nullopt;
    }
    case Op::domain_vcpus: {
      const int64_t want = operation.vcpus.value_or(domain->vcpus);
      if (want > domain->vcpus_max) return "vcpu count is above the domain's maximum";
      if (want > config_.cpus) return "the host has only " + std::to_string(config_.cpus) + " cpus";
      domain->vcpus = want;
      return std::nullopt;
    }
    case Op::domain_schedule:
      for (const Attributes::Entry& entry : operation.settings) {
        if (entry.value.is_unset())
          domain->attributes.erase(entry.name);
        else
          domain->attributes.set(entry.name, entry.value);
      }
      return std::nullopt;
    case Op::domain_rename:
      if (name_taken(operation.name, domain->domid))
        return "Domain " + operation.name + " already exists";
      domain->name = operation.name;
      return std::nullopt;
    case Op::vif_attach:
      if (Refusal why = lacks_bridge(*operation.vif)) return why;
      for (const Vif& vif : domain->vifs)
        if (!mac_of(vif).empty() && mac_of(vif) == mac_of(*operation.vif))
          return "an interface with that MAC is there already";
      domain->vifs.push_back(*operation.vif);
      return std::nullopt;
    case Op::vif_detach: {
      const auto gone = std::erase_if(domain->vifs, [&](const Vif& vif) {
        return mac_of(*operation.vif).empty() ? same_settings(vif, *operation.vif)
                                              : mac_of(vif) == mac_of(*operation.vif);
      });
      return gone == 0 ? Refusal("no such interface") : std::nullopt;
    }
    case Op::vbd_enlarge:
      for (ObservedVbd& vbd : domain->vbds)
        if (vbd.vbd.device == operation.vbd->device) {
          vbd.physical = opened(operation, vbd.vbd, true).physical;
          return std::nullopt;
        }
      return "device " + operation.vbd->device + " does not exist";
    case Op::claim_put:
    case Op::claim_drop:
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::vdisk_expire:
    case Op::domain_create:
    case Op::domain_verify:
    case Op::domain_shutdown:
    case Op::domain_destroy:
    case Op::domain_save:
    case Op::domain_restore:
    case Op::domain_unrestore:
    case Op::domain_migrate:
    case Op::vbd_attach:
    case Op::vbd_detach:
    case Op::record_state:
      break;
  }
  return "not an operation on a domain";
}

bool SimHost::name_taken(const std::string& name, DomId but) const {
  return name == "Domain-0" || std::any_of(domains.begin(), domains.end(), [&](const auto& entry) {
           return entry.second.name == name && entry.second.domid != but;
         });
}

// As xl's own watcher of a domain: it acts on the configuration it keeps, which has what was
// plugged in meanwhile.
SimHost::Refusal SimHost::guest_ends(const Uuid& uuid, const char* attribute) {
  ObservedDomain* domain = find(uuid);
  if (domain == nullptr || domain->dying || domain->state != PowerState::running)
    return "no such domain runs";
  const Value action = schema_.effective(Kind::domain, attribute, domain->attributes);
  const auto* word = action.get<std::string>();
  const std::string what = word == nullptr ? "destroy" : *word;
  const uint64_t domid = domain->domid.value;
  touch_domain(domid);
  if (what == "soft-reset") return std::nullopt;  // the same number, devices and all
  if (what == "restart" || what == "coredump-restart") {
    ObservedDomain again = *domain;
    domains.erase(domid);
    again.domid = DomId{next_domid++};
    touch_meta();
    touch_domain(again.domid.value);
    domains[again.domid.value] = std::move(again);
    return std::nullopt;
  }
  if (what == "destroy" || what == "coredump-destroy") {
    domains.erase(domid);
    return std::nullopt;
  }
  // "preserve", and "rename-restart", of which real Xen 4.17 was seen to do the first half only:
  // the old machine stays, shut down, with its UUID and its disks.
  if (what == "rename-restart") domain->name += "-" + std::to_string(domid);
  domain->dying = true;
  domain->crashed = std::string_view(attribute) == "on_crash";
  domain->state = PowerState::halted;
  return std::nullopt;
}

SimHost::Refusal SimHost::map(const Operation& operation) {
  SimMapping mapping;
  mapping.operation = operation;
  mapping.vdisk.uuid = operation.uuid;
  mapping.vdisk.name = operation.address.name;
  mapping.vdisk.scrubbed = !operation.settings.contains("keep_data");
  if (operation.op == Op::pool_initialise) {
    for (const std::string& device : operation.pool->devices) {
      Vbd vbd;
      vbd.source = "/dev/" + normalise_name(device);
      if (Refusal why = lacks(vbd)) return why;
    }
    mapping.vdisk.name = "pool " + operation.address.name;
  } else {
    auto own = operation.extents.find("");
    if (own != operation.extents.end()) mapping.vdisk.extents = own->second;
    for (const auto& [uuid, other] : mappings)
      if (uuid != operation.uuid && any_overlap(other.vdisk.extents, mapping.vdisk.extents))
        return "the sectors are mapped by " + other.vdisk.name;
    auto before = mappings.find(operation.uuid);
    if (operation.op == Op::vdisk_create && before != mappings.end() &&
        before->second.vdisk.extents != mapping.vdisk.extents)
      return "device " + mapping.vdisk.name + " exists already";
    if (operation.op == Op::vdisk_create && before == mappings.end())
      for (const auto& [domid, domain] : domains)
        for (const ObservedVbd& vbd : domain.vbds)
          if (any_overlap(extents_of(vbd), mapping.vdisk.extents))
            return "the sectors are open in " + domain.name;
  }
  mappings[operation.uuid] = std::move(mapping);
  touch("map/" + to_string(operation.uuid));
  return std::nullopt;
}

SimHost::Refusal SimHost::unmap(const Operation& operation) {
  auto found = mappings.find(operation.uuid);
  if (found == mappings.end()) return "no such device";
  for (const auto& [domid, domain] : domains)
    for (const ObservedVbd& vbd : domain.vbds)
      if (any_overlap(extents_of(vbd), found->second.vdisk.extents))
        return "device is busy: " + domain.name + " has it open";
  mappings.erase(found);
  touch("map/" + to_string(operation.uuid));
  return std::nullopt;
}

void SimHost::boot() {
  std::map<uint64_t, ObservedDomain> before = std::move(domains);
  domains.clear();
  for (auto& [domid, domain] : before) {
    touch_domain(domid);
    if (domain.dying) continue;
    spend_image(domain.uuid);  // what was being restored
    const auto* at_boot = domain.attributes.get<bool>("autostart");
    if (at_boot == nullptr || !*at_boot || domain.state != PowerState::running) continue;
    domain.domid = DomId{next_domid++};
    touch_domain(domain.domid.value);
    domains[domain.domid.value] = std::move(domain);
  }
  for (const auto& [uuid, mapping] : mappings)
    if (mapping.operation.op != Op::pool_initialise) touch("map/" + to_string(uuid));
  std::erase_if(mappings,
                [](const auto& entry) { return entry.second.operation.op != Op::pool_initialise; });
  for (const auto& [id, operation] : operations) touch("op/" + id);
  operations.clear();
  boot_id = to_string(uuid_v5(*parse_uuid(host_id), "boot " + std::to_string(next_sequence++)));
  touch_meta();
}

HostObservation SimHost::observe(Time now) const {
  HostObservation seen;
  seen.host = config_.host;
  seen.reachable = true;
  seen.at = now;
  seen.simulated = true;
  seen.host_id = host_id;
  seen.boot_id = boot_id;
  seen.memory_total = memory_total();
  seen.memory_free = memory_free();
  seen.cpus = config_.cpus;
  seen.bridges = config_.bridges;
  seen.files = config_.files;
  seen.disks = config_.disks;
  if (config_.mounted) {
    seen.uses.emplace();
    for (const std::string& source : *config_.mounted)
      seen.uses->push_back({source, "mounted in dom0", AccessMode::write});
  }
  for (const auto& [domid, domain] : domains) seen.domains.push_back(domain);
  // While a machine of it is there, that one is what counts.
  for (const auto& [uuid, image] : saved)
    if (find_domain(seen, uuid) == nullptr) seen.domains.push_back(image);
  for (const auto& [key, claim] : claims) seen.claims.push_back(claim);
  for (const auto& [uuid, project] : projects) seen.projects.push_back(project);
  for (const auto& [uuid, mapping] : mappings) seen.vdisks.push_back(mapping.vdisk);
  return seen;
}

}  // namespace hv
