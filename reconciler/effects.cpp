#include "reconciler/effects.h"

#include <algorithm>
#include <utility>

namespace hv {
namespace {

const AppliedDomain* domain_of(const Operation& operation, const Applied& applied) {
  auto found = applied.domains.find(operation.address);
  if (found == applied.domains.end()) return nullptr;
  // The address may stand for another machine by now (a replacement): that one's record stays.
  if (!operation.uuid.is_nil() && found->second.uuid != operation.uuid) return nullptr;
  return &found->second;
}

template <typename Change>
Transition change_domain(const Operation& operation, const Applied& applied, Change change) {
  Transition transition;
  if (const AppliedDomain* before = domain_of(operation, applied)) {
    AppliedDomain after = *before;
    change(after);
    transition.put_domains.push_back(std::move(after));
  }
  return transition;
}

Transition put(AppliedDomain domain) {
  Transition transition;
  transition.put_domains.push_back(std::move(domain));
  return transition;
}

Transition use_generation(const Address& address, uint32_t generation, const Applied& applied,
                          Transition transition) {
  auto found = applied.next_generation.find(address);
  uint32_t next = found == applied.next_generation.end() ? 0 : found->second;
  if (generation + 1 > next) transition.generations.emplace_back(address, generation + 1);
  return transition;
}

Transition created(const Operation& operation, const Applied& applied) {
  if (!operation.domain) return {};
  AppliedDomain domain;
  domain.spec = *operation.domain;
  domain.uuid = operation.uuid;
  domain.generation = operation.generation;
  domain.incomplete = true;
  domain.extents = operation.extents;
  domain.params = operation.params;
  return use_generation(operation.address, operation.generation, applied, put(std::move(domain)));
}

void complete_if(AppliedDomain& domain, bool condition) {
  if (condition) domain.incomplete = false;
}

// Only if it was the last one used: identities are handed out in order.
void give_back(const Address& address, uint32_t generation, const Applied& applied,
               Transition& transition) {
  auto next = applied.next_generation.find(address);
  if (next != applied.next_generation.end() && next->second == generation + 1)
    transition.generations.emplace_back(address, generation);
}

// What a disk resolved to is not what another one resolves to that is declared in its place.
void set_spec(AppliedDomain& domain, const DomainSpec& spec) {
  std::map<std::string, std::vector<Extent>> known;
  for (const Vbd& vbd : spec.vbds)
    if (const auto* extents = recorded_extents(domain, vbd)) known[vbd.device] = *extents;
  domain.extents = std::move(known);
  domain.spec = spec;
}

// A stopped machine leaves no record, unless the same plan makes it again (a restart): then its
// identity must outlive a crash between the two halves.
Transition stopped(const Operation& operation, const Applied& applied) {
  Transition transition;
  if (operation.record == RecordKind::update) {
    if (operation.domain)
      return change_domain(operation, applied,
                           [&](AppliedDomain& domain) { set_spec(domain, *operation.domain); });
    return transition;
  }
  if (const AppliedDomain* domain = domain_of(operation, applied)) {
    if (domain->incomplete) give_back(operation.address, domain->generation, applied, transition);
    transition.erase.push_back(operation.address);
  }
  return transition;
}

void set_all(const Attributes& settings, Attributes& attributes) {
  for (const auto& [name, value] : settings) {
    if (value.is_unset())
      attributes.erase(name);
    else
      attributes.set(name, value);
  }
}

void put_vbd(const Operation& operation, AppliedDomain& domain) {
  const Vbd& vbd = *operation.vbd;
  auto same = [&](const Vbd& other) { return other.device == vbd.device; };
  auto place = std::find_if(domain.spec.vbds.begin(), domain.spec.vbds.end(), same);
  if (place == domain.spec.vbds.end())
    domain.spec.vbds.push_back(vbd);
  else
    *place = vbd;
  domain.spec.sets_disk = true;
  if (auto found = operation.extents.find(vbd.device); found != operation.extents.end())
    domain.extents[vbd.device] = found->second;
}

void drop_vbd(const Operation& operation, AppliedDomain& domain) {
  std::erase_if(domain.spec.vbds,
                [&](const Vbd& other) { return other.device == operation.vbd->device; });
  domain.extents.erase(operation.vbd->device);
}

bool same_interface(const Vif& a, const Vif& b) {
  auto mac_a = a.settings.find("mac"), mac_b = b.settings.find("mac");
  if (mac_a != a.settings.end() && mac_b != b.settings.end()) return mac_a->second == mac_b->second;
  return same_settings(a, b);
}

void put_vif(const Vif& vif, AppliedDomain& domain) {
  auto place = std::find_if(domain.spec.vifs.begin(), domain.spec.vifs.end(),
                            [&](const Vif& other) { return same_interface(other, vif); });
  if (place == domain.spec.vifs.end())
    domain.spec.vifs.push_back(vif);
  else
    *place = vif;
  domain.spec.sets_vif = true;
}

void drop_vif(const Vif& vif, AppliedDomain& domain) {
  auto place = std::find_if(domain.spec.vifs.begin(), domain.spec.vifs.end(),
                            [&](const Vif& other) { return same_interface(other, vif); });
  if (place != domain.spec.vifs.end()) domain.spec.vifs.erase(place);
}

const std::vector<Extent>& own_extents(const Operation& operation) {
  static const std::vector<Extent> none;
  auto found = operation.extents.find("");
  return found == operation.extents.end() ? none : found->second;
}

// Extents handed out again are no longer those of the expired disk that had them.
Transition cut_from_expired(const Operation& operation, const Applied& applied) {
  Transition transition;
  const std::vector<Extent>& extents = own_extents(operation);
  for (const auto& [address, other] : applied.vdisks) {
    if (!other.expired || address == operation.address) continue;
    std::vector<Extent> left = without(other.extents, extents);
    if (left == other.extents) continue;
    if (left.empty()) {
      transition.erase.push_back(address);
    } else {
      AppliedVdisk rest = other;
      rest.extents = std::move(left);
      transition.put_vdisks.push_back(std::move(rest));
    }
  }
  return transition;
}

Transition allocated(const Operation& operation, const Applied& applied, AppliedVdisk vdisk) {
  Transition transition = cut_from_expired(operation, applied);
  vdisk.extents = own_extents(operation);
  transition.put_vdisks.push_back(std::move(vdisk));
  return transition;
}

Transition vdisk_created(const Operation& operation, const Applied& applied) {
  if (!operation.vdisk) return {};
  AppliedVdisk vdisk;
  vdisk.spec = *operation.vdisk;
  vdisk.uuid = operation.uuid;
  vdisk.host = operation.host;
  return use_generation(operation.address, operation.generation, applied,
                        allocated(operation, applied, std::move(vdisk)));
}

Transition vdisk_enlarged(const Operation& operation, const Applied& applied) {
  auto found = applied.vdisks.find(operation.address);
  if (found == applied.vdisks.end()) return {};
  AppliedVdisk vdisk = found->second;
  if (operation.vdisk) vdisk.spec = *operation.vdisk;
  return allocated(operation, applied, std::move(vdisk));
}

Transition vdisk_expired(const Operation& operation, const Applied& applied, Time now) {
  auto found = applied.vdisks.find(operation.address);
  if (found == applied.vdisks.end() || found->second.expired) return {};
  Transition transition;
  transition.put_vdisks.push_back(found->second);
  transition.put_vdisks.back().expired = now;
  return transition;
}

template <typename Map>
void move_key(const Operation& operation, const Map& map, const auto& put_one) {
  if (auto found = map.find(*operation.moved_from); found != map.end()) put_one(found->second);
}

Transition moved(const Operation& operation, const Applied& applied) {
  Transition transition;
  if (!operation.moved_from) return transition;
  transition.erase.push_back(*operation.moved_from);
  move_key(operation, applied.domains, [&](AppliedDomain domain) {
    domain.spec = operation.domain.value_or(domain.spec);
    domain.spec.address = operation.address;
    transition.put_domains.push_back(std::move(domain));
  });
  move_key(operation, applied.vdisks, [&](AppliedVdisk vdisk) {
    vdisk.spec = operation.vdisk.value_or(vdisk.spec);
    vdisk.spec.address = operation.address;
    transition.put_vdisks.push_back(std::move(vdisk));
  });
  move_key(operation, applied.pools, [&](AppliedPool pool) {
    pool.spec = operation.pool.value_or(pool.spec);
    pool.spec.address = operation.address;
    transition.put_pools.push_back(std::move(pool));
  });
  move_key(operation, applied.networks, [&](NetworkSpec network) {
    network = operation.network.value_or(network);
    network.address = operation.address;
    transition.put_networks.push_back(std::move(network));
  });
  return transition;
}

Transition adopted(const Operation& operation) {
  Transition transition;
  if (operation.domain) {
    AppliedDomain domain;
    domain.spec = *operation.domain;
    domain.uuid = operation.uuid;
    domain.generation = operation.generation;
    domain.extents = operation.extents;
    domain.params = operation.params;
    transition.put_domains.push_back(std::move(domain));
  }
  if (operation.pool) transition.put_pools.push_back({*operation.pool, operation.uuid});
  if (operation.vdisk)
    transition.put_vdisks.push_back(
        {*operation.vdisk, operation.uuid, operation.host, own_extents(operation), std::nullopt});
  if (operation.network) transition.put_networks.push_back(*operation.network);
  return transition;
}

Transition updated(const Operation& operation, const Applied& applied) {
  Transition transition;
  if (operation.address.kind == Kind::domain) {
    auto change = [&](AppliedDomain& domain) {
      if (operation.domain) set_spec(domain, *operation.domain);
      set_all(operation.settings, domain.spec.attributes);
      for (const auto& [device, extents] : operation.extents) domain.extents[device] = extents;
      if (operation.domain) domain.params = operation.params;
      if (operation.domain) domain.home = operation.home;
    };
    // Declared halted: it has its identity before it has a machine.
    if (domain_of(operation, applied) == nullptr)
      return use_generation(operation.address, operation.generation, applied, adopted(operation));
    return change_domain(operation, applied, change);
  }
  if (auto found = applied.pools.find(operation.address);
      operation.pool && found != applied.pools.end())
    transition.put_pools.push_back({*operation.pool, found->second.uuid});
  if (auto found = applied.vdisks.find(operation.address);
      operation.vdisk && found != applied.vdisks.end()) {
    transition.put_vdisks.push_back(found->second);
    transition.put_vdisks.back().spec = *operation.vdisk;
    transition.put_vdisks.back().expired.reset();
  }
  if (operation.network) transition.put_networks.push_back(*operation.network);
  return transition;
}

Transition recorded(const Operation& operation, const Applied& applied) {
  switch (operation.record) {
    case RecordKind::none:
      return {};
    case RecordKind::adopt:
      return adopted(operation);
    case RecordKind::move:
      return moved(operation, applied);
    case RecordKind::forget: {
      Transition transition;
      transition.erase.push_back(operation.address);
      return transition;
    }
    case RecordKind::update:
      return updated(operation, applied);
  }
  return {};
}

template <typename Record, typename KeyOf>
void merge_records(std::vector<Record> part, std::vector<Record>& whole,
                   std::vector<Address>& erase, KeyOf key) {
  for (Record& record : part) {
    std::erase_if(whole, [&](const Record& other) { return key(other) == key(record); });
    std::erase(erase, key(record));
    whole.push_back(std::move(record));
  }
}

const Address& key_of_domain(const AppliedDomain& domain) {
  return domain.spec.address;
}
const Address& key_of_pool(const AppliedPool& pool) {
  return pool.spec.address;
}
const Address& key_of_vdisk(const AppliedVdisk& vdisk) {
  return vdisk.spec.address;
}
const Address& key_of_network(const NetworkSpec& network) {
  return network.address;
}

}  // namespace

bool is_being_restored(const AppliedDomain& domain) {
  return domain.incomplete && domain.spec.state == PowerState::saved;
}

const std::vector<Extent>* recorded_extents(const AppliedDomain& domain, const Vbd& vbd) {
  auto known = domain.extents.find(vbd.device);
  if (known == domain.extents.end() || known->second.empty()) return nullptr;
  const bool same =
      std::any_of(domain.spec.vbds.begin(), domain.spec.vbds.end(), [&](const Vbd& recorded) {
        return recorded.device == vbd.device && recorded.source == vbd.source &&
               (recorded.backend == "vd") == (vbd.backend == "vd");
      });
  return same ? &known->second : nullptr;
}

std::vector<Extent> without(const std::vector<Extent>& from, const std::vector<Extent>& taken) {
  std::vector<Extent> left = from;
  for (const Extent& gone : taken) {
    std::vector<Extent> next;
    for (const Extent& extent : left) {
      if (!overlap(extent, gone)) {
        next.push_back(extent);
        continue;
      }
      if (extent.start < gone.start)
        next.push_back({extent.store, extent.start, gone.start - extent.start, extent.resolved});
      if (gone.end() < extent.end())
        next.push_back({extent.store, gone.end(), extent.end() - gone.end(), extent.resolved});
    }
    left = std::move(next);
  }
  return left;
}

Transition effects_of(const Operation& operation, const Applied& applied, Time now) {
  auto change = [&](auto what) { return change_domain(operation, applied, what); };
  switch (operation.op) {
    case Op::claim_put:
    case Op::claim_drop:
      return {};
    case Op::pool_initialise: {
      Transition transition;
      if (operation.pool) transition.put_pools.push_back({*operation.pool, operation.uuid});
      return transition;
    }
    case Op::vdisk_create:
      return vdisk_created(operation, applied);
    case Op::vdisk_enlarge:
      return vdisk_enlarged(operation, applied);
    case Op::vdisk_expire:
      return vdisk_expired(operation, applied, now);
    case Op::domain_create:
      return created(operation, applied);
    case Op::domain_verify:
      // One that is declared paused is whole now; any other one is once it runs.
      return change([&](AppliedDomain& domain) {
        if (is_being_restored(domain) && operation.domain &&
            operation.domain->state == PowerState::paused)
          domain.spec.state = PowerState::paused;
        complete_if(domain, domain.spec.state == PowerState::paused);
      });
    case Op::domain_unpause:
      return change([](AppliedDomain& domain) {
        complete_if(domain, true);
        domain.spec.state = PowerState::running;
      });
    case Op::domain_pause:
      return change([](AppliedDomain& domain) { domain.spec.state = PowerState::paused; });
    case Op::domain_save:
    case Op::domain_unrestore:
      return change([](AppliedDomain& domain) {
        complete_if(domain, true);
        domain.spec.state = PowerState::saved;
      });
    case Op::domain_migrate:
      return change([&](AppliedDomain& domain) {
        if (operation.peer) domain.spec.host = *operation.peer;
        domain.home = operation.home;
        // Of the disks that it should have; what else went along is drift, as it was.
        std::map<std::string, std::vector<Extent>> extents;
        AppliedDomain there;
        if (operation.domain) there.spec.vbds = operation.domain->vbds;
        there.extents = operation.extents;
        for (const Vbd& vbd : domain.spec.vbds)
          if (const auto* known = recorded_extents(there, vbd)) extents[vbd.device] = *known;
        domain.extents = std::move(extents);
      });
    case Op::domain_restore:
      return change([&](AppliedDomain& domain) {
        if (operation.domain) domain.spec.vbds = operation.domain->vbds;
        domain.extents = operation.extents;
        domain.incomplete = true;
        domain.spec.state = PowerState::saved;
      });
    case Op::domain_shutdown:
    case Op::domain_destroy:
      return stopped(operation, applied);
    case Op::domain_memory:
      return change([&](AppliedDomain& domain) {
        if (operation.memory) domain.spec.attributes.set("memory", *operation.memory);
      });
    case Op::domain_vcpus:
      return change([&](AppliedDomain& domain) {
        if (operation.vcpus) domain.spec.attributes.set("vcpus", *operation.vcpus);
      });
    case Op::domain_schedule:
      return change(
          [&](AppliedDomain& domain) { set_all(operation.settings, domain.spec.attributes); });
    case Op::domain_rename:
      return change([&](AppliedDomain& domain) { domain.spec.name = operation.name; });
    case Op::vbd_attach:
    case Op::vbd_enlarge:
      return change([&](AppliedDomain& domain) {
        if (operation.vbd) put_vbd(operation, domain);
      });
    case Op::vbd_detach:
      return change([&](AppliedDomain& domain) {
        if (operation.vbd) drop_vbd(operation, domain);
      });
    case Op::vif_attach:
      return change([&](AppliedDomain& domain) {
        if (operation.vif) put_vif(*operation.vif, domain);
      });
    case Op::vif_detach:
      return change([&](AppliedDomain& domain) {
        if (operation.vif) drop_vif(*operation.vif, domain);
      });
    case Op::record_state:
      return recorded(operation, applied);
  }
  return {};
}

Transition reservation_of(const Operation& operation, const Applied& applied) {
  const bool makes = operation.op == Op::domain_create || operation.op == Op::vdisk_create;
  Transition reserved;
  // Zeroes may be on them as soon as it has begun: nobody gets those extents back with their data.
  if (operation.op == Op::vdisk_create || operation.op == Op::vdisk_enlarge)
    reserved = cut_from_expired(operation, applied);
  return makes
             ? use_generation(operation.address, operation.generation, applied, std::move(reserved))
             : reserved;
}

Transition release_of(const Operation& operation, const Applied& applied) {
  Transition transition;
  if (operation.op == Op::domain_create)
    give_back(operation.address, operation.generation, applied, transition);
  return transition;
}

void fold(const Transition& transition, Applied& applied) {
  for (const Address& address : transition.erase) {
    applied.domains.erase(address);
    applied.pools.erase(address);
    applied.vdisks.erase(address);
    applied.networks.erase(address);
  }
  for (const auto& domain : transition.put_domains) applied.domains[domain.spec.address] = domain;
  for (const auto& pool : transition.put_pools) applied.pools[pool.spec.address] = pool;
  for (const auto& vdisk : transition.put_vdisks) applied.vdisks[vdisk.spec.address] = vdisk;
  for (const auto& network : transition.put_networks) applied.networks[network.address] = network;
  for (const auto& [address, next] : transition.generations)
    applied.next_generation[address] = next;
}

void merge(Transition part, Transition& whole) {
  for (const Address& address : part.erase) {
    std::erase_if(whole.put_domains, [&](auto& it) { return it.spec.address == address; });
    std::erase_if(whole.put_pools, [&](auto& it) { return it.spec.address == address; });
    std::erase_if(whole.put_vdisks, [&](auto& it) { return it.spec.address == address; });
    std::erase_if(whole.put_networks, [&](auto& it) { return it.address == address; });
    if (std::find(whole.erase.begin(), whole.erase.end(), address) == whole.erase.end())
      whole.erase.push_back(address);
  }
  merge_records(std::move(part.put_domains), whole.put_domains, whole.erase, key_of_domain);
  merge_records(std::move(part.put_pools), whole.put_pools, whole.erase, key_of_pool);
  merge_records(std::move(part.put_vdisks), whole.put_vdisks, whole.erase, key_of_vdisk);
  merge_records(std::move(part.put_networks), whole.put_networks, whole.erase, key_of_network);
  for (const auto& entry : part.generations) {
    std::erase_if(whole.generations, [&](const auto& it) { return it.first == entry.first; });
    whole.generations.push_back(entry);
  }
  for (Intent& intent : part.intents) whole.intents.push_back(std::move(intent));
  for (Outcome& outcome : part.outcomes) whole.outcomes.push_back(std::move(outcome));
  if (part.plan) whole.plan = std::move(part.plan);
  if (part.epoch) whole.epoch = part.epoch;
  if (part.observed) whole.observed = std::move(part.observed);
}

}  // namespace hv
