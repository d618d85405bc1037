// Pools, virtual disks and networks: allocation, mapping, growth and expiry.
#include <algorithm>

#include "hv/drivers/mapping.h"
#include "reconciler/effects.h"
#include "reconciler/planner.h"

namespace hv {
namespace {

constexpr Duration kInitialise = milliseconds(500), kMap = milliseconds(800);
// So slow a disk may be that zeroes are written to, and so fast most are: bytes a second.
constexpr int64_t kSlowScrub = 8 * kMiB, kUsualScrub = 200 * kMiB;

std::optional<Sectors> size_on(const HostObservation* host, const std::string& device) {
  if (host == nullptr || !host->disks) return std::nullopt;
  auto disk = host->disks->find(normalise_name(device));
  if (disk == host->disks->end()) return std::nullopt;
  return Sectors{{disk->second.count / kSectorBytes}};
}

bool same_pool(const PoolSpec& a, const PoolSpec& b) {
  return a.host == b.host && a.devices == b.devices && a.extent == b.extent && a.scrub == b.scrub;
}

// New devices come behind the old ones; anything else would move what vdisks stand on.
bool only_grows(const PoolSpec& before, const PoolSpec& after) {
  return before.host == after.host && before.extent == after.extent &&
         before.devices.size() <= after.devices.size() &&
         std::equal(before.devices.begin(), before.devices.end(), after.devices.begin());
}

bool same_network(const NetworkSpec& a, const NetworkSpec& b) {
  return a.host == b.host && a.bridge == b.bridge && a.mtu == b.mtu && a.vlan == b.vlan;
}

Change storage_change(const Address& address, const HostName& host, Action action, std::string why,
                      const Place& place) {
  Change change;
  change.address = address;
  change.host = host;
  change.action = action;
  change.why = std::move(why);
  change.place = place;
  return change;
}

Operation note_of(RecordKind record, const Address& address, const HostName& host,
                  const Uuid& uuid) {
  Operation operation;
  operation.op = Op::record_state;
  operation.record = record;
  operation.address = address;
  operation.host = host;
  operation.uuid = uuid;
  return operation;
}

Value shown(const std::optional<Duration>& expiry) {
  return expiry ? Value(*expiry) : Value("never");
}

bool holds_all(const AppliedVdisk& vdisk) {
  int64_t total = 0;
  for (const Extent& extent : vdisk.extents) total += extent.count.count;
  return total >= sectors_holding(vdisk.spec.size).count;
}

}  // namespace

void Planner::plan_pools() {
  if (in_.scope.destroy_all) return;
  for (const auto& [address, resource] : declared_)
    if (const auto* pool = std::get_if<PoolSpec>(resource); pool && in_scope(address))
      plan_pool(*pool);
}

void Planner::plan_pool(const PoolSpec& pool) {
  auto found = applied_.pools.find(pool.address);
  const AppliedPool* applied = found == applied_.pools.end() ? nullptr : &found->second;
  if (applied && !may_take_over(pool.address, applied->spec.root, pool.root)) return;
  const bool same = applied && same_pool(applied->spec, pool);
  if (same && applied->spec.root == pool.root) return;
  Change change = storage_change(pool.address, pool.host, applied ? Action::update : Action::create,
                                 "declared in " + pool.root, pool.place);
  if (same) {
    Operation note = note_of(RecordKind::update, pool.address, pool.host, applied->uuid);
    note.pool = pool;
    add(note, "", kNoteTime, after_move(pool.address));
    plan_.changes.push_back(std::move(change));
    return;
  }
  if (!reachable(pool.host)) {
    defer(std::move(change), pool.host);
    return;
  }
  if (applied && !only_grows(applied->spec, pool)) {
    refuse(Code::plan_refused,
           "`" + to_string(pool.address) + "` would change under its virtual disks",
           "devices can only be added behind those it has");
    return;
  }
  Operation operation;
  operation.op = Op::pool_initialise;
  operation.address = pool.address;
  operation.host = pool.host;
  operation.uuid = pool_uuid(pool.address);
  operation.pool = pool;
  pool_ready_[pool.address] = add(operation, std::to_string(pool.devices.size()) + " devices",
                                  kInitialise, after_move(pool.address));
  plan_.changes.push_back(std::move(change));
}

void Planner::plan_networks() {
  if (in_.scope.destroy_all) return;
  for (const auto& [address, resource] : declared_) {
    const auto* network = std::get_if<NetworkSpec>(resource);
    if (network == nullptr || !in_scope(address)) continue;
    auto found = applied_.networks.find(address);
    const NetworkSpec* applied = found == applied_.networks.end() ? nullptr : &found->second;
    if (applied && same_network(*applied, *network) && applied->root == network->root) continue;
    if (applied && !may_take_over(address, applied->root, network->root)) continue;
    Operation note =
        note_of(applied ? RecordKind::update : RecordKind::adopt, address, network->host, {});
    note.network = *network;
    add(note, "bridge " + network->bridge, kNoteTime, after_move(address));
    plan_.changes.push_back(storage_change(address, network->host,
                                           applied ? Action::update : Action::create,
                                           "declared in " + network->root, network->place));
  }
}

void Planner::plan_vdisks() {
  if (in_.scope.destroy_all) return;
  std::map<Address, std::vector<const VdiskSpec*>> wanted;  // by pool
  for (const auto& [address, resource] : declared_)
    if (const auto* vdisk = std::get_if<VdiskSpec>(resource); vdisk && in_scope(address))
      wanted[vdisk->pool].push_back(vdisk);
  for (const auto& [address, vdisks] : wanted)
    if (const auto* pool = in_.desired->get<PoolSpec>(address)) plan_vdisks_of(*pool, vdisks);
}

// All that is new in one pool is allocated at once, so that the order of declaration counts for
// nothing.
void Planner::plan_vdisks_of(const PoolSpec& pool, const std::vector<const VdiskSpec*>& vdisks) {
  std::vector<AllocationRequest> requests;
  std::vector<const VdiskSpec*> planned;
  std::map<Address, AppliedVdisk> taken = applied_.vdisks;
  for (const VdiskSpec* vdisk : vdisks) {
    auto applied = applied_.vdisks.find(vdisk->address);
    const bool known = applied != applied_.vdisks.end();
    const bool there = known && !applied->second.expired;
    if (there && !may_take_over(vdisk->address, applied->second.spec.root, vdisk->root)) continue;
    if (there && refuse_vdisk(*vdisk, applied->second)) continue;
    if (!reachable(pool.host) || (!there && !pool_is_there(pool.address))) {
      if (!there || vdisk->size != applied->second.spec.size)
        defer(storage_change(vdisk->address, pool.host, there ? Action::update : Action::create, "",
                             vdisk->place),
              pool.host);
      continue;
    }
    planned.push_back(vdisk);
    // A disk that comes back whole keeps its extents: for the allocator it is live again.
    const bool back = known && !there && comes_back(*vdisk, applied->second);
    if (there || back) {
      taken.at(vdisk->address).expired.reset();
      requests.push_back({vdisk->address, sectors_holding(vdisk->size), applied->second.extents});
    } else {
      requests.push_back({vdisk->address, sectors_holding(vdisk->size), {}});
    }
  }
  if (requests.empty()) return;
  std::vector<PoolDevice> devices;
  for (const std::string& device : pool.devices) {
    devices.push_back({device, size_on(host(pool.host), device)});
    // Without it sectors would be handed out that are not there.
    if (devices.back().size || host(pool.host)->simulated) continue;
    refuse(Code::plan_refused,
           "the size of `" + device + "` of `" + to_string(pool.address) +
               "` is not known: " + pool.host.text + " has no block device of that name",
           "name it as the kernel does, or as group and volume: `phy:/dev/sdb`, `phy:vg0/fast`");
    return;
  }
  Result<Allocation> allocation = allocate(pool, devices, requests, taken, context_);
  if (!allocation.ok()) {
    plan_.applicable = false;
    plan_.refusals.push_back(allocation.error());
    return;
  }
  std::set<std::string> lost;
  for (const auto& [vdisk, victims] : allocation->reused)
    for (const Address& victim : victims) lost.insert(to_string(victim));
  for (const std::string& victim : lost)
    plan_.notes.push_back("extents of the expired " + victim +
                          " are reused: what was on them is gone");
  for (const VdiskSpec* vdisk : planned) {
    const std::vector<Extent>& extents = allocation->extents.at(vdisk->address);
    auto applied = applied_.vdisks.find(vdisk->address);
    if (applied != applied_.vdisks.end() && !applied->second.expired)
      keep_vdisk(*vdisk, applied->second, pool, extents);
    else
      make_vdisk(*vdisk, pool, extents);
  }
}

// Undeleted, while none of its extents has been reused and it is asked for as it was, or larger.
bool Planner::comes_back(const VdiskSpec& vdisk, const AppliedVdisk& applied) const {
  return applied.expired && applied.spec.pool == vdisk.pool && applied.spec.size <= vdisk.size &&
         holds_all(applied);
}

Uuid Planner::pool_uuid(const Address& pool) const {
  auto applied = applied_.pools.find(pool);
  return applied != applied_.pools.end() ? applied->second.uuid
                                         : uuid_v5(plan_.project_id, to_string(pool));
}

std::optional<Uuid> Planner::vdisk_uuid(const std::string& name) const {
  const Address address{Kind::vdisk, name};
  if (auto planned = vdisk_uuids_.find(address); planned != vdisk_uuids_.end())
    return planned->second;
  auto applied = applied_.vdisks.find(address);
  if (applied == applied_.vdisks.end()) return std::nullopt;
  return applied->second.uuid;
}

bool Planner::pool_is_there(const Address& pool) const {
  return pool_ready_.contains(pool) || applied_.pools.contains(pool);
}

bool Planner::refuse_vdisk(const VdiskSpec& vdisk, const AppliedVdisk& applied) {
  const std::string name = "`" + to_string(vdisk.address) + "`";
  if (applied.spec.pool != vdisk.pool) {
    refuse(
        Code::plan_refused,
        name + " would move from " + to_string(applied.spec.pool) + " to " + to_string(vdisk.pool),
        "export it, and import it under another name");
    return true;
  }
  if (applied.spec.size <= vdisk.size) return false;
  refuse(Code::vdisk_shrinks,
         name + " would shrink from " + to_human(applied.spec.size) + " to " + to_human(vdisk.size),
         "the " + to_human(applied.spec.size - vdisk.size) +
             " behind the new end would be lost; declare the old size");
  return true;
}

Draft Planner::vdisk_step(Op op, const VdiskSpec& vdisk, const PoolSpec& pool, const Uuid& uuid,
                          const std::vector<Extent>& extents, bool keep_data) {
  Operation operation;
  operation.op = op;
  operation.address = vdisk.address;
  operation.host = pool.host;
  operation.uuid = uuid;
  operation.vdisk = vdisk;
  operation.extents[""] = extents;
  operation.pool = pool;
  tell_pool(operation, pool_uuid(pool.address));
  std::vector<Uuid> freed;
  for (const auto& [address, other] : applied_.vdisks)
    if (other.expired && other.host == pool.host && other.uuid != uuid) freed.push_back(other.uuid);
  tell_freed(operation, freed);
  Duration estimate = kMap;
  if (keep_data) {
    operation.settings.set("keep_data", true);
  } else {
    operation.timeout += seconds(vdisk.size.count / kSlowScrub);
    if (!host(pool.host)->simulated) estimate += seconds(vdisk.size.count / kUsualScrub);
  }
  vdisk_uuids_[vdisk.address] = uuid;
  const uint32_t next = next_generation(vdisk.address);
  const bool known =
      applied_.vdisks.contains(vdisk.address) && applied_.vdisks.at(vdisk.address).uuid == uuid;
  operation.generation = known ? std::max<uint32_t>(next, 1) - 1 : next;
  const Draft step = add(operation, to_human(vdisk.size), estimate, after_move(vdisk.address));
  if (auto ready = pool_ready_.find(pool.address); ready != pool_ready_.end())
    edge(ready->second, step);
  if (auto ready = vdisk_ready_.find(vdisk.address); ready != vdisk_ready_.end())
    edge(ready->second, step);
  vdisk_ready_[vdisk.address] = step;
  context_.vdisks[vdisk.address] = extents;
  return step;
}

// Scrubbing writes them from dom0.
void Planner::scrub(const VdiskSpec& vdisk, const PoolSpec& pool, std::vector<Extent> extents,
                    Draft step) {
  std::sort(extents.begin(), extents.end());
  Access access;
  access.party = party_dom0(pool.host);
  access.host = pool.host;
  access.extents = std::move(extents);
  access.mode = AccessMode::write;
  access.origin = AccessOrigin::plan;
  access.place = vdisk.place;
  access.path = {to_string(vdisk.address)};
  hold(std::move(access), step, step, {}, {});
}

void Planner::make_vdisk(const VdiskSpec& vdisk, const PoolSpec& pool,
                         const std::vector<Extent>& extents) {
  auto applied = applied_.vdisks.find(vdisk.address);
  Change change = storage_change(vdisk.address, pool.host, Action::create,
                                 "declared in " + vdisk.root, vdisk.place);
  if (applied != applied_.vdisks.end() && comes_back(vdisk, applied->second)) {
    // Its data is what the declaration asks for; only what it has more than before is scrubbed.
    const AppliedVdisk& old = applied->second;
    VdiskSpec as_before = vdisk;
    as_before.size = old.spec.size;
    vdisk_step(Op::vdisk_create, as_before, pool, old.uuid, old.extents, true);
    change.why = "declared again; it comes back with its data";
    if (extents != old.extents) {
      const Draft grown = vdisk_step(Op::vdisk_enlarge, vdisk, pool, old.uuid, extents, false);
      scrub(vdisk, pool, without(extents, old.extents), grown);
    }
  } else {
    if (applied != applied_.vdisks.end())
      plan_.notes.push_back(to_string(vdisk.address) +
                            " is made anew: of the expired one not everything is left, or it is "
                            "asked for smaller or elsewhere");
    const uint32_t generation = next_generation(vdisk.address);
    const Uuid uuid =
        uuid_v5(plan_.project_id, to_string(vdisk.address) + "#" + std::to_string(generation));
    const Draft step = vdisk_step(Op::vdisk_create, vdisk, pool, uuid, extents, false);
    scrub(vdisk, pool, extents, step);
  }
  plan_.changes.push_back(std::move(change));
}

void Planner::keep_vdisk(const VdiskSpec& vdisk, const AppliedVdisk& applied, const PoolSpec& pool,
                         const std::vector<Extent>& extents) {
  Change change = storage_change(vdisk.address, pool.host, Action::update,
                                 "declared in " + vdisk.root, vdisk.place);
  const std::size_t before = drafts_.size();
  // A reboot of the host takes its tables along.
  const HostObservation* where = host(pool.host);
  const bool unsettled =
      std::any_of(in_.open_intents.begin(), in_.open_intents.end(),
                  [&](const JournalEntry& it) { return it.intent.operation.uuid == applied.uuid; });
  for (const ObservedVdisk& seen : where->vdisks)
    if (seen.uuid == applied.uuid && seen.extents != applied.extents && !unsettled) {
      refuse(Code::plan_refused,
             "`" + to_string(vdisk.address) + "` is mapped on " + pool.host.text +
                 " to other sectors than hv knows",
             "hv's state is not of today: put back the newest, or `hv state rebuild`");
      return;
    }
  const bool mapped = std::any_of(where->vdisks.begin(), where->vdisks.end(),
                                  [&](const ObservedVdisk& it) { return it.uuid == applied.uuid; });
  if (!mapped) {
    vdisk_step(Op::vdisk_create, applied.spec, pool, applied.uuid, applied.extents, true);
    change.why = "its host has no table over its extents any more";
  }
  if (vdisk.size > applied.spec.size) {
    const Draft grown = vdisk_step(Op::vdisk_enlarge, vdisk, pool, applied.uuid, extents, false);
    // The rest stays in use. The new sectors may continue an extent that it has.
    scrub(vdisk, pool, without(extents, applied.extents), grown);
    change.attributes.push_back({"size", applied.spec.size, vdisk.size, How::live});
  } else if (vdisk.expiry != applied.spec.expiry || vdisk.root != applied.spec.root) {
    Operation note = note_of(RecordKind::update, vdisk.address, pool.host, applied.uuid);
    note.vdisk = vdisk;
    std::set<Draft> after = after_move(vdisk.address);
    if (auto ready = vdisk_ready_.find(vdisk.address); ready != vdisk_ready_.end())
      after.insert(ready->second);
    add(note, "", kNoteTime, std::move(after));
  }
  if (vdisk.expiry != applied.spec.expiry)
    change.attributes.push_back(
        {"expiry", shown(applied.spec.expiry), shown(vdisk.expiry), How::bookkeeping});
  if (drafts_.size() != before) plan_.changes.push_back(std::move(change));
}

// Virtual disks no longer declared expire: their extents may be reused, nothing is erased.
void Planner::expire_vdisks() {
  for (const auto& [address, applied] : applied_.vdisks) {
    std::string why;
    if (applied.expired || !removes(address, applied.spec.root, &why)) continue;
    Change change = storage_change(address, applied.host, Action::destroy,
                                   why + "; expires, recoverable until its extents are reused",
                                   applied.spec.place);
    if (!reachable(applied.host)) {
      defer(std::move(change), applied.host);
      continue;
    }
    Operation operation;
    operation.op = Op::vdisk_expire;
    operation.address = address;
    operation.host = applied.host;
    operation.uuid = applied.uuid;
    operation.vdisk = applied.spec;
    operation.extents[""] = applied.extents;
    vdisk_expire_[address] = add(operation, to_human(applied.spec.size), kMap, after_move(address));
    plan_.changes.push_back(std::move(change));
  }
}

// Pools and networks nobody declares any more leave the state; the devices keep their bytes.
void Planner::forget_pools_and_networks() {
  const auto forget_one = [&](const Address& address, const HostName& host_name, const Uuid& uuid,
                              std::string why, std::set<Draft> after) {
    after.merge(after_move(address));
    const Operation note = note_of(RecordKind::forget, address, host_name, uuid);
    plan_.changes.push_back(storage_change(address, host_name, Action::forget, std::move(why), {}));
    return add(note, "", kNoteTime, std::move(after));
  };
  std::map<Address, std::set<Draft>> expiring;
  std::map<Address, Address> used;  // pool → a vdisk that stays
  for (const auto& [address, vdisk] : applied_.vdisks) {
    if (vdisk.expired) continue;
    if (auto step = vdisk_expire_.find(address); step != vdisk_expire_.end())
      expiring[vdisk.spec.pool].insert(step->second);
    else
      used.emplace(vdisk.spec.pool, address);
  }
  for (const auto& [address, pool] : applied_.pools) {
    std::string why;
    MaybeDraft forgotten;
    if (removes(address, pool.spec.root, &why)) {
      if (auto user = used.find(address); user != used.end())
        plan_.notes.push_back(to_string(address) + " stays: " + to_string(user->second) +
                              " is in it");
      else
        forgotten = forget_one(address, pool.spec.host, pool.uuid, why, expiring[address]);
    }
    hold_labels(pool.spec, {}, forgotten);
  }
  for (const auto& [address, ready] : pool_ready_)
    hold_labels(*in_.desired->get<PoolSpec>(address), ready, {});
  for (const auto& [address, network] : applied_.networks) {
    std::string why;
    if (removes(address, network.root, &why)) forget_one(address, network.host, {}, why, {});
  }
}

// A pool's devices carry its label: dom0 writes it, and nobody else may. `initialised`: of the
// devices that are new.
void Planner::hold_labels(const PoolSpec& pool, MaybeDraft initialised, MaybeDraft forgotten) {
  if (powered_off(pool.host)) return;
  auto applied = applied_.pools.find(pool.address);
  for (const std::string& device : pool.devices) {
    const bool known =
        applied != applied_.pools.end() &&
        std::find(applied->second.spec.devices.begin(), applied->second.spec.devices.end(),
                  device) != applied->second.spec.devices.end();
    if (initialised && known) continue;  // held already
    Access access;
    access.party = party_dom0(pool.host);
    access.host = pool.host;
    access.extents = label_of_device(device, pool.host, context_);
    access.mode = AccessMode::write;
    access.origin = AccessOrigin::plan;
    access.place = pool.place;
    access.path = {to_string(pool.address), device};
    hold(std::move(access), initialised, forgotten, initialised, forgotten);
  }
}

// A vdisk expires after everybody who uses it has let go; who keeps it, keeps it from expiring.
void Planner::finish_expiry() {
  std::map<Extent, Address> owners;
  std::map<Address, bool> only_destroyed;  // of those that somebody uses
  for (const auto& [address, step] : vdisk_expire_)
    for (const Extent& extent : applied_.vdisks.at(address).extents) owners[extent] = address;
  std::set<Party> gone;
  for (const Address& address : destroyed_) gone.insert(party_of(address));
  std::set<std::pair<Address, Party>> told;
  for (const DraftHold& hold : holds_)
    for (const Extent& extent : hold.access.extents) {
      auto owner = owners.find(extent);
      if (owner == owners.end()) continue;
      const Address& address = owner->second;
      auto destroyed = only_destroyed.emplace(address, true).first;
      destroyed->second = destroyed->second && gone.contains(hold.access.party);
      if (hold.release) {
        edge(hold.after.value_or(*hold.release), vdisk_expire_.at(address));
      } else if (told.insert({address, hold.access.party}).second) {
        refuse(Code::vdisk_in_use,
               "`" + to_string(address) + "` would expire while " + hold.access.party.text +
                   " uses it",
               "detach it there first, or keep it declared");
      }
    }
  for (const auto& [address, step] : vdisk_expire_) {
    auto used = only_destroyed.find(address);
    if (used == only_destroyed.end() || !used->second) spend(to_string(address) + " expired");
  }
}

}  // namespace hv
