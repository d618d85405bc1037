#include "hv/drivers/effect.h"

#include <algorithm>
#include <set>

#include "hv/model/cpu_sets.h"
#include "hv/schema/schema.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

Effect present(std::string words) {
  return {EffectState::present, std::move(words)};
}
Effect absent(std::string words) {
  return {EffectState::absent, std::move(words)};
}
Effect different(std::string words) {
  return {EffectState::different, std::move(words)};
}

const ObservedVbd* find_vbd(const ObservedDomain& domain, const std::string& device) {
  for (const ObservedVbd& vbd : domain.vbds)
    if (vbd.vbd.device == device) return &vbd;
  return nullptr;
}

// What a host shows of a VBD is its source and whether it may write.
bool is_that(const ObservedVbd& have, const Vbd& want) {
  return have.vbd.source == want.source && writes(have.vbd.mode) == writes(want.mode);
}

Effect all_connected(const ObservedDomain& domain, const DomainSpec& spec) {
  for (const Vbd& vbd : spec.vbds) {
    const ObservedVbd* have = find_vbd(domain, vbd.device);
    if (have == nullptr) return different("its disk " + vbd.device + " is missing");
    if (!is_that(*have, vbd))
      return different("its disk " + vbd.device + " is " + have->vbd.source + " (" +
                       std::string(to_string(have->vbd.mode)) + ")");
    if (!have->connected) return different("its disk " + vbd.device + " is not connected");
  }
  return present("the machine is there with all its disks");
}

std::string mac_of(const Vif& vif) {
  auto mac = vif.settings.find("mac");
  return mac == vif.settings.end() ? "" : mac->second;
}

const Vif* find_vif(const ObservedDomain& domain, const Vif& wanted) {
  for (const Vif& vif : domain.vifs)
    if (mac_of(wanted).empty() ? same_settings(vif, wanted) : mac_of(vif) == mac_of(wanted))
      return &vif;
  return nullptr;
}

const ObservedVdisk* find_vdisk(const HostObservation& host, const Uuid& uuid) {
  for (const ObservedVdisk& vdisk : host.vdisks)
    if (vdisk.uuid == uuid) return &vdisk;
  return nullptr;
}

Effect mapped(const Operation& operation, const HostObservation& host) {
  const ObservedVdisk* vdisk = find_vdisk(host, operation.uuid);
  if (vdisk == nullptr) return absent("the virtual disk is not mapped");
  auto wanted = operation.extents.find("");
  if (wanted != operation.extents.end() && vdisk->extents != wanted->second)
    return operation.op == Op::vdisk_enlarge ? absent("it is mapped as it was before")
                                             : different("it is mapped to other extents");
  return present("the virtual disk is mapped");
}

// All devices of the pool, where the host tells which it has.
Effect in_use(const Operation& operation, const HostObservation& host) {
  if (find_vdisk(host, operation.uuid) == nullptr) return absent("the pool is not in use");
  for (const ObservedPool& pool : host.pools) {
    if (pool.uuid != operation.uuid || !operation.pool) continue;
    std::set<std::string> has;
    for (const std::string& device : pool.devices) has.insert(normalise_name(device));
    for (const std::string& device : operation.pool->devices)
      if (!has.contains(normalise_name(device))) return absent("the pool does not have " + device);
  }
  return present("the pool is in use");
}

// All the machine's claims, or only those of the devices that are named.
Effect claimed(const Operation& operation, const HostObservation& host) {
  std::vector<std::string> devices;
  for (const Claim& claim : operation.claims) devices.push_back(claim.device);
  if (devices.empty() && operation.vbd) devices.push_back(operation.vbd->device);
  const auto on_host = [&](const std::string& device) {
    return std::any_of(host.claims.begin(), host.claims.end(), [&](const Claim& claim) {
      return claim.uuid == operation.uuid && (device.empty() || claim.device == device);
    });
  };
  const bool put = operation.op == Op::claim_put;
  if (devices.empty()) {
    // A machine without disks announces nothing.
    if (put || !on_host("")) return present("the claims are as asked");
    return absent("the claim is still on the host");
  }
  for (const std::string& device : devices)
    if (on_host(device) != put)
      return absent("the claim on " + device + (put ? " is not on the host" : " is still there"));
  return present("the claims are as asked");
}

Effect number(const char* what, int64_t have, int64_t want, const std::string& shown) {
  if (have == want) return present(std::string(what) + " is " + shown);
  return absent(std::string(what) + " is still " + shown);
}

// A setting that is taken away is as it would be without.
bool is_set(const Attributes::Entry& entry, const ObservedDomain& domain, int64_t cpus) {
  const Value* have = domain.attributes.find(entry.name);
  if (entry.name == "cpus" || entry.name == "cpus_soft")
    return same_cpu_sets(have == nullptr ? Value() : *have, entry.value, domain.vcpus_max, cpus);
  if (!entry.value.is_unset()) return have != nullptr && *have == entry.value;
  return have == nullptr ||
         *have == Schema::builtin().default_of(Kind::domain, entry.name, domain.attributes);
}

// Effects on a machine that must be there.
Effect on_domain(const Operation& operation, const ObservedDomain& domain,
                 const HostObservation& host) {
  switch (operation.op) {
    case Op::domain_create:
    case Op::domain_verify:
      return operation.domain ? all_connected(domain, *operation.domain)
                              : present("the machine is there");
    case Op::domain_unpause:
      if (domain.state == PowerState::running && !domain.never_ran) return present("it runs");
      return absent("it is " + std::string(to_string(domain.state)));
    case Op::domain_pause:
      if (domain.state == PowerState::paused) return present("it is paused");
      return absent("it is " + std::string(to_string(domain.state)));
    case Op::domain_save:
      if (domain.state == PowerState::saved)
        return domain.dying ? different("its image was used") : present("it is saved");
      return absent("it is " + std::string(to_string(domain.state)));
    case Op::domain_restore:
      if (domain.state == PowerState::saved) return absent("it is still saved");
      return operation.domain ? all_connected(domain, *operation.domain)
                              : present("the machine is there");
    case Op::domain_migrate:
      return absent("it is still here");
    case Op::domain_unrestore:
      if (domain.state == PowerState::saved) return present("it is saved as before");
      return absent("it is still there");
    case Op::domain_memory:
      return number("its memory", domain.memory.count,
                    operation.memory.value_or(domain.memory).count, to_human(domain.memory));
    case Op::domain_vcpus:
      return number("its vcpu count", domain.vcpus, operation.vcpus.value_or(domain.vcpus),
                    std::to_string(domain.vcpus));
    case Op::domain_schedule:
      for (const Attributes::Entry& entry : operation.settings)
        if (!is_set(entry, domain, host.cpus)) return absent("`" + entry.name + "` is as before");
      return present("its schedule is set");
    case Op::domain_rename:
      if (domain.name == operation.name) return present("it is called " + operation.name);
      return absent("it is still called " + domain.name);
    case Op::vbd_attach: {
      if (!operation.vbd) return different("no disk was named");
      const ObservedVbd* vbd = find_vbd(domain, operation.vbd->device);
      if (vbd == nullptr) return absent("no disk is " + operation.vbd->device);
      if (!is_that(*vbd, *operation.vbd))
        return different(operation.vbd->device + " is " + vbd->vbd.source);
      if (!vbd->connected) return different(operation.vbd->device + " is not connected");
      return present(operation.vbd->device + " is attached");
    }
    case Op::vbd_enlarge: {
      const ObservedVbd* vbd = operation.vbd ? find_vbd(domain, operation.vbd->device) : nullptr;
      if (vbd == nullptr) return absent("the disk is not there");
      return vbd->connected ? present("the disk is attached") : different("it is not connected");
    }
    case Op::vbd_detach: {
      if (!operation.vbd) return different("no disk was named");
      const ObservedVbd* vbd = find_vbd(domain, operation.vbd->device);
      if (vbd == nullptr) return present(operation.vbd->device + " is gone");
      if (!vbd->connected) return different(operation.vbd->device + " is not released yet");
      return absent(operation.vbd->device + " is still attached");
    }
    case Op::vif_attach: {
      if (!operation.vif) return different("no interface was named");
      return find_vif(domain, *operation.vif) != nullptr ? present("the interface is there")
                                                         : absent("the interface is not there");
    }
    case Op::vif_detach: {
      if (!operation.vif) return different("no interface was named");
      return find_vif(domain, *operation.vif) == nullptr ? present("the interface is gone")
                                                         : absent("the interface is still there");
    }
    case Op::claim_put:
    case Op::claim_drop:
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::vdisk_expire:
    case Op::domain_shutdown:
    case Op::domain_destroy:
    case Op::record_state:
      break;
  }
  return different("no effect on a machine");
}

}  // namespace

Effect read_effect(const Operation& operation, const HostObservation& host) {
  if (!host.reachable) return different("the host cannot be read: " + host.reason);
  switch (operation.op) {
    case Op::claim_put:
    case Op::claim_drop:
      return claimed(operation, host);
    case Op::pool_initialise:
      return in_use(operation, host);
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
      return mapped(operation, host);
    case Op::vdisk_expire:
      return find_vdisk(host, operation.uuid) == nullptr ? present("the virtual disk is unmapped")
                                                         : absent("it is still mapped");
    case Op::domain_shutdown:
    case Op::domain_destroy: {
      const ObservedDomain* domain = find_domain(host, operation.uuid);
      if (domain == nullptr) return present("no machine has its UUID");
      if (domain->dying) return different("it is going, and holds what it has");
      return absent("it is still " + std::string(to_string(domain->state)));
    }
    case Op::record_state:
      return present("nothing on the host");
    case Op::domain_create:
    case Op::domain_verify:
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_save:
    case Op::domain_restore:
    case Op::domain_unrestore:
    case Op::domain_migrate:
    case Op::domain_memory:
    case Op::domain_vcpus:
    case Op::domain_schedule:
    case Op::domain_rename:
    case Op::vbd_attach:
    case Op::vbd_detach:
    case Op::vbd_enlarge:
    case Op::vif_attach:
    case Op::vif_detach:
      break;
  }
  const ObservedDomain* domain = find_domain(host, operation.uuid);
  if (domain == nullptr) {
    // What is to go from a machine has gone with it.
    if (operation.op == Op::vbd_detach || operation.op == Op::vif_detach)
      return present("no machine has its UUID");
    return absent("no machine has its UUID");
  }
  return on_domain(operation, *domain, host);
}

Migrated read_migration(const Operation& operation, const HostObservation& source,
                        const HostObservation& target) {
  const ObservedDomain* here = find_domain(source, operation.uuid);
  const ObservedDomain* there = find_domain(target, operation.uuid);
  const bool runs_here = here != nullptr && !here->dying && here->state != PowerState::saved;
  const bool runs_there = there != nullptr && !there->dying && !there->never_ran;
  if (!source.reachable || !target.reachable) return Migrated::unread;
  if (here == nullptr && there == nullptr) return Migrated::lost;
  if (runs_here && there == nullptr) return Migrated::still_here;
  if (runs_here && there->never_ran) return Migrated::half;
  if (here == nullptr && runs_there) return Migrated::done;
  if (here == nullptr && there->never_ran) return Migrated::runs_nowhere;
  if (runs_here && runs_there) return Migrated::runs_twice;
  return Migrated::going;
}

std::string_view to_string(Migrated state) {
  switch (state) {
    case Migrated::done:
      return "it runs on the other host";
    case Migrated::still_here:
      return "it runs where it was";
    case Migrated::half:
      return "it runs where it was, and its copy does not run yet";
    case Migrated::going:
      return "it is on its way";
    case Migrated::lost:
      return "it is on neither host";
    case Migrated::runs_nowhere:
      return "it is gone where it was, and its copy on the other host was never let run: "
             "`hv unpause` lets it go on there, `hv stop` gives it up";
    case Migrated::runs_twice:
      return "it runs on both hosts: destroy one of them there";
    case Migrated::unread:
      return "not both hosts can be read";
  }
  return "";
}

}  // namespace hv
