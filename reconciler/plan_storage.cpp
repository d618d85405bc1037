// Pools, virtual disks and networks: allocation, mapping and expiry; and what the host must have.
#include <algorithm>

#include "reconciler/effects.h"
#include "reconciler/planner.h"

namespace hv {
namespace {

constexpr Duration kInitialise = milliseconds(500), kMap = milliseconds(800),
                   kNote = milliseconds(10);

std::optional<Sectors> size_on(const HostObservation* host, const std::string& device) {
  if (host == nullptr || !host->disks) return std::nullopt;
  auto disk = host->disks->find(normalise_name(device));
  if (disk == host->disks->end()) return std::nullopt;
  return Sectors{{disk->second.count / kSectorBytes}};
}

bool same_pool(const PoolSpec& a, const PoolSpec& b) {
  return a.host == b.host && a.devices == b.devices && a.extent == b.extent && a.scrub == b.scrub;
}

bool same_network(const NetworkSpec& a, const NetworkSpec& b) {
  return a.host == b.host && a.bridge == b.bridge && a.mtu == b.mtu && a.vlan == b.vlan;
}

Change change_of(const Address& address, const HostName& host, Action action, std::string why,
                 const Place& place) {
  Change change;
  change.address = address;
  change.host = host;
  change.action = action;
  change.why = std::move(why);
  change.place = place;
  return change;
}

}  // namespace

void Planner::plan_pools() {
  for (const Resource& resource : in_.desired->resources()) {
    const auto* pool = std::get_if<PoolSpec>(&resource);
    if (pool == nullptr || !in_scope(pool->address) || in_.scope.destroy_all) continue;
    auto applied = applied_.pools.find(pool->address);
    if (applied != applied_.pools.end() && same_pool(applied->second.spec, *pool)) continue;
    if (!reachable(pool->host)) {
      refuse(Code::host_unreachable, "the host of " + to_string(pool->address) + " cannot be read");
      continue;
    }
    if (applied != applied_.pools.end()) {
      const PoolSpec& before = applied->second.spec;
      // New devices come behind the old ones; anything else would move what vdisks stand on.
      const bool grows =
          before.host == pool->host && before.extent == pool->extent &&
          before.devices.size() <= pool->devices.size() &&
          std::equal(before.devices.begin(), before.devices.end(), pool->devices.begin());
      if (!grows) {
        refuse(Code::plan_refused,
               "`" + to_string(pool->address) + "` would change under its virtual disks",
               "devices can only be added behind those it has");
        continue;
      }
    }
    Operation operation;
    operation.op = Op::pool_initialise;
    operation.address = pool->address;
    operation.host = pool->host;
    operation.uuid = applied != applied_.pools.end()
                         ? applied->second.uuid
                         : uuid_v5(plan_.project_id, to_string(pool->address));
    operation.pool = *pool;
    std::set<Draft> after;
    if (auto moved = moved_.find(pool->address); moved != moved_.end()) after = {moved->second};
    pool_ready_[pool->address] =
        add(operation, std::to_string(pool->devices.size()) + " devices", kInitialise, after);
    plan_.changes.push_back(
        change_of(pool->address, pool->host,
                  applied == applied_.pools.end() ? Action::create : Action::update,
                  "declared in " + pool->root, pool->place));
  }
}

void Planner::plan_networks() {
  for (const Resource& resource : in_.desired->resources()) {
    const auto* network = std::get_if<NetworkSpec>(&resource);
    if (network == nullptr || !in_scope(network->address) || in_.scope.destroy_all) continue;
    auto applied = applied_.networks.find(network->address);
    if (applied != applied_.networks.end() && same_network(applied->second, *network)) continue;
    Operation operation;
    operation.op = Op::record_state;
    operation.record = applied == applied_.networks.end() ? RecordKind::adopt : RecordKind::update;
    operation.address = network->address;
    operation.host = network->host;
    operation.network = *network;
    add(operation, "bridge " + network->bridge, kNote);
    plan_.changes.push_back(
        change_of(network->address, network->host,
                  applied == applied_.networks.end() ? Action::create : Action::update,
                  "declared in " + network->root, network->place));
  }
}

void Planner::plan_vdisks() {
  if (in_.scope.destroy_all) return;
  std::map<Address, std::vector<const VdiskSpec*>> wanted;  // by pool
  for (const Resource& resource : in_.desired->resources()) {
    const auto* vdisk = std::get_if<VdiskSpec>(&resource);
    if (vdisk == nullptr || !in_scope(vdisk->address)) continue;
    wanted[vdisk->pool].push_back(vdisk);
  }
  for (const auto& [pool_address, vdisks] : wanted) {
    const auto* pool = in_.desired->get<PoolSpec>(pool_address);
    if (pool == nullptr) continue;
    std::vector<PoolDevice> devices;
    for (const std::string& device : pool->devices)
      devices.push_back({device, size_on(host(pool->host), device)});
    std::vector<AllocationRequest> requests;
    std::map<Address, const VdiskSpec*> making, growing;
    for (const VdiskSpec* vdisk : vdisks) {
      auto applied = applied_.vdisks.find(vdisk->address);
      if (applied == applied_.vdisks.end()) {
        requests.push_back({vdisk->address, sectors_holding(vdisk->size), {}});
        making[vdisk->address] = vdisk;
        continue;
      }
      const AppliedVdisk& have = applied->second;
      if (have.spec.pool != vdisk->pool) {
        refuse(Code::plan_refused,
               "`" + to_string(vdisk->address) + "` would move from " + to_string(have.spec.pool) +
                   " to " + to_string(vdisk->pool),
               "export it, and import it under another name");
        continue;
      }
      if (vdisk->size < have.spec.size) {
        refuse(Code::vdisk_shrinks,
               "`" + to_string(vdisk->address) + "` would shrink from " + to_human(have.spec.size) +
                   " to " + to_human(vdisk->size),
               "what is behind the new end would be lost; declare the old size");
        continue;
      }
      if (have.expired || vdisk->size > have.spec.size) {
        requests.push_back({vdisk->address, sectors_holding(vdisk->size), have.extents});
        if (have.expired)
          making[vdisk->address] = vdisk;
        else
          growing[vdisk->address] = vdisk;
      }
    }
    if (requests.empty()) continue;
    std::sort(requests.begin(), requests.end(),
              [](const auto& a, const auto& b) { return a.vdisk < b.vdisk; });
    // A disk that comes back keeps its extents: for the allocator it is live again.
    std::map<Address, AppliedVdisk> taken = applied_.vdisks;
    for (const auto& [address, vdisk] : making)
      if (auto back = taken.find(address); back != taken.end()) back->second.expired.reset();
    Result<Allocation> allocation = allocate(*pool, devices, requests, taken, context_);
    if (!allocation.ok()) {
      plan_.applicable = false;
      plan_.refusals.push_back(allocation.error());
      continue;
    }
    for (const auto& [victim, users] : allocation->reused)
      plan_.notes.push_back("the extents of the expired " + to_string(victim) +
                            " are reused: what was on it is gone");
    for (const AllocationRequest& request : requests) {
      const bool grows = growing.contains(request.vdisk);
      const VdiskSpec& vdisk = grows ? *growing[request.vdisk] : *making[request.vdisk];
      const std::vector<Extent>& extents = allocation->extents.at(request.vdisk);
      auto applied = applied_.vdisks.find(request.vdisk);
      Operation operation;
      operation.op = grows ? Op::vdisk_enlarge : Op::vdisk_create;
      operation.address = vdisk.address;
      operation.host = pool->host;
      operation.vdisk = vdisk;
      operation.extents[""] = extents;
      operation.generation = next_generation(vdisk.address);
      operation.uuid = applied != applied_.vdisks.end()
                           ? applied->second.uuid
                           : uuid_v5(plan_.project_id, to_string(vdisk.address) + "#" +
                                                           std::to_string(operation.generation));
      // Undeleted: its data is what the declaration asks for, so it is not scrubbed.
      if (applied != applied_.vdisks.end() && !grows) operation.settings.set("keep_data", true);
      const Draft step = add(operation, to_human(vdisk.size), kMap);
      if (auto ready = pool_ready_.find(pool->address); ready != pool_ready_.end())
        edge(ready->second, step);
      if (auto moved = moved_.find(vdisk.address); moved != moved_.end()) edge(moved->second, step);
      vdisk_ready_[vdisk.address] = step;
      context_.vdisks[vdisk.address] = extents;
      // Scrubbing writes them from dom0.
      Access scrub;
      scrub.party = party_dom0(pool->host);
      scrub.host = pool->host;
      scrub.extents = extents;
      if (grows && applied != applied_.vdisks.end()) {
        // Only what is new is scrubbed; the rest stays in use. The new sectors may continue an
        // extent that it has.
        scrub.extents = without(extents, applied->second.extents);
      }
      scrub.mode = AccessMode::write;
      scrub.origin = AccessOrigin::plan;
      scrub.place = vdisk.place;
      scrub.path = {to_string(vdisk.address)};
      if (!operation.settings.contains("keep_data"))
        hold(std::move(scrub), step, step, std::nullopt, std::nullopt);
      Change change = change_of(vdisk.address, pool->host, grows ? Action::update : Action::create,
                                "declared in " + vdisk.root, vdisk.place);
      if (grows)
        change.attributes.push_back({"size", applied->second.spec.size, vdisk.size, How::live});
      plan_.changes.push_back(std::move(change));
    }
  }
}

// Virtual disks no longer declared expire: their extents may be reused, nothing is erased.
void Planner::expire_vdisks() {
  for (const auto& [address, applied] : applied_.vdisks) {
    if (applied.expired) continue;
    const bool declared = in_.desired->find(address) != nullptr && !in_.scope.destroy_all;
    if (declared || !in_scope(address)) continue;
    const bool here = in_.scope.whole_project ? !is_outside(applied.spec.root)
                                              : was_declared_here(applied.spec.root);
    if (!here) continue;
    if (!in_.scope.whole_project && !in_.scope.prune && !in_.scope.destroy_all) {
      plan_.leftovers.push_back("no longer declared by " + applied.spec.root + ": " +
                                to_string(address));
      continue;
    }
    Operation operation;
    operation.op = Op::vdisk_expire;
    operation.address = address;
    operation.host = applied.host;
    operation.uuid = applied.uuid;
    operation.vdisk = applied.spec;
    operation.extents[""] = applied.extents;
    vdisk_expire_[address] = add(operation, to_human(applied.spec.size), kMap);
    plan_.changes.push_back(change_of(address, applied.host, Action::destroy,
                                      "no longer declared; expires, recoverable until its extents "
                                      "are reused",
                                      applied.spec.place));
  }
  // Pools and networks nobody declares any more leave the state; the devices keep their bytes.
  const auto forget = [&](const Address& address, const HostName& host_name,
                          const std::string& root, std::set<Draft> after) {
    const bool here = in_.scope.whole_project ? !is_outside(root) : was_declared_here(root);
    const bool declared = in_.desired->find(address) != nullptr && !in_.scope.destroy_all;
    if (declared || !here || !in_scope(address)) return;
    if (!in_.scope.whole_project && !in_.scope.prune && !in_.scope.destroy_all) return;
    Operation operation;
    operation.op = Op::record_state;
    operation.record = RecordKind::forget;
    operation.address = address;
    operation.host = host_name;
    add(operation, "", kNote, std::move(after));
    plan_.changes.push_back(
        change_of(address, host_name, Action::forget, "no longer declared", {}));
  };
  for (const auto& [address, pool] : applied_.pools) {
    std::set<Draft> after;
    bool used = false;
    for (const auto& [vdisk, applied] : applied_.vdisks) {
      if (applied.spec.pool != address || applied.expired) continue;
      auto expire = vdisk_expire_.find(vdisk);
      if (expire == vdisk_expire_.end())
        used = true;
      else
        after.insert(expire->second);
    }
    if (!used) forget(address, pool.spec.host, pool.spec.root, std::move(after));
  }
  for (const auto& [address, network] : applied_.networks)
    forget(address, network.host, network.root, {});
}

// A vdisk expires after everybody who uses it has let go; who keeps it, keeps it from expiring.
void Planner::finish_expiry() {
  for (const auto& [address, step] : vdisk_expire_) {
    const std::vector<Extent>& extents = applied_.vdisks.at(address).extents;
    bool only_destroyed = true;
    bool used = false;
    for (const DraftHold& hold : holds_) {
      const bool uses = std::any_of(
          hold.access.extents.begin(), hold.access.extents.end(), [&](const Extent& extent) {
            return std::any_of(extents.begin(), extents.end(),
                               [&](const Extent& own) { return own == extent; });
          });
      if (!uses || hold.acquire == step) continue;
      used = true;
      if (!hold.release) {
        refuse(Code::vdisk_in_use,
               "`" + to_string(address) + "` would expire while " + hold.access.party.text +
                   " uses it",
               "detach it there first, or keep it declared");
        continue;
      }
      edge(hold.after.value_or(*hold.release), step);
      bool destroyed = false;
      for (const Address& gone : destroyed_)
        destroyed = destroyed || party_of(gone) == hold.access.party;
      only_destroyed = only_destroyed && destroyed;
    }
    if (!used || !only_destroyed) {
      ++budget_used_;
      budget_what_.push_back(to_string(address) + " expired");
    }
  }
}

// What the host is known not to have is said in the plan, not found half way through the apply.
void Planner::check_host_facts() {
  for (const DraftStep& step : drafts_) {
    const HostObservation* where = host(step.operation.host);
    if (where == nullptr || !where->reachable) continue;
    const auto lacks = [&](const std::string& what, const std::string& help) {
      refuse(Code::host_lacks,
             "the host `" + step.operation.host.text + "` would refuse " +
                 std::string(to_string(step.operation.op)) + " of " +
                 to_string(step.operation.address) + ": " + what,
             help);
    };
    const auto check_bridge = [&](const Vif& vif) {
      auto bridge = vif.settings.find("bridge");
      if (!where->bridges || bridge == vif.settings.end()) return;
      if (std::find(where->bridges->begin(), where->bridges->end(), bridge->second) ==
          where->bridges->end())
        lacks("it has no bridge `" + bridge->second + "`", "its bridges are listed in hv.toml");
    };
    const auto check_disk = [&](const Vbd& vbd) {
      if (!where->disks || vbd.backend == "vd" || vbd.source.empty()) return;
      const std::string name = normalise_name(vbd.source);
      const bool known =
          std::any_of(where->disks->begin(), where->disks->end(), [&](const auto& disk) {
            return name == disk.first ||
                   (name.starts_with(disk.first) && vbd.source.starts_with("/dev/"));
          });
      const bool is_device = vbd.source.starts_with("/dev/");
      if (is_device && !known && name.find('/') == std::string::npos)
        lacks("it has no disk `" + name + "`", "its disks are listed in hv.toml");
    };
    switch (step.operation.op) {
      case Op::domain_create: {
        for (const Vif& vif : step.operation.domain->vifs) check_bridge(vif);
        for (const Vbd& vbd : step.operation.domain->vbds) check_disk(vbd);
        const auto* kernel = step.operation.domain->attributes.get<std::string>("kernel");
        if (kernel != nullptr && where->files &&
            std::find(where->files->begin(), where->files->end(), *kernel) == where->files->end())
          lacks("it has no kernel `" + *kernel + "`", "its files are listed in hv.toml");
        const Value vcpus =
            in_.schema->effective(Kind::domain, "vcpus", step.operation.domain->attributes);
        if (vcpus.get<int64_t>() != nullptr && where->cpus > 0 &&
            *vcpus.get<int64_t>() > where->cpus)
          lacks("it has " + std::to_string(where->cpus) + " cpus", "");
        break;
      }
      case Op::vif_attach:
        check_bridge(*step.operation.vif);
        break;
      case Op::vbd_attach:
        check_disk(*step.operation.vbd);
        break;
      default:
        break;
    }
  }
  for (const Resource& resource : in_.desired->resources()) {
    const auto* network = std::get_if<NetworkSpec>(&resource);
    if (network == nullptr || in_.scope.destroy_all) continue;
    const HostObservation* where = host(network->host);
    if (where == nullptr || !where->bridges) continue;
    if (std::find(where->bridges->begin(), where->bridges->end(), network->bridge) ==
        where->bridges->end())
      refuse(Code::host_lacks,
             "`" + to_string(network->address) + "`: the host `" + network->host.text +
                 "` has no bridge `" + network->bridge + "`",
             "hv makes no bridges; make it there first");
  }
}

}  // namespace hv
