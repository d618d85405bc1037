// What a host is known not to have is said in the plan, not found half way through the apply.
#include <algorithm>

#include "hv/storage/names.h"
#include "reconciler/planner.h"

namespace hv {
namespace {

template <typename List>
bool has(const std::optional<List>& list, const std::string& what) {
  return !list || std::find(list->begin(), list->end(), what) != list->end();
}

}  // namespace

void Planner::lacks(const DraftStep& step, const std::string& what, const std::string& help) {
  refuse(Code::host_lacks,
         "the host `" + step.operation.host.text + "` would refuse " +
             std::string(to_string(step.operation.op)) + " of " +
             to_string(step.operation.address) + ": " + what,
         help);
}

void Planner::check_bridge(const DraftStep& step, const Vif& vif, const HostObservation& where) {
  auto bridge = vif.settings.find("bridge");
  if (bridge != vif.settings.end() && !has(where.bridges, bridge->second))
    lacks(step, "it has no bridge `" + bridge->second + "`", "its bridges are listed in hv.toml");
}

// A device by its own name: volumes and what lies below other folders are not listed.
void Planner::check_device(const DraftStep& step, const std::string& device,
                           const HostObservation& where) {
  if (!where.disks) return;
  const std::string name = normalise_name(device);
  const bool known = std::any_of(where.disks->begin(), where.disks->end(),
                                 [&](const auto& disk) { return lies_on(name, disk.first); });
  if (!known && name.find('/') == std::string::npos)
    lacks(step, "it has no disk `" + name + "`", "its disks are listed in hv.toml");
}

void Planner::check_disk(const DraftStep& step, const Vbd& vbd, const HostObservation& where) {
  if (vbd.backend != "vd" && vbd.source.starts_with("/dev/")) check_device(step, vbd.source, where);
}

void Planner::check_vcpus(const DraftStep& step, const Value& vcpus, const HostObservation& where) {
  const auto* count = vcpus.get<int64_t>();
  if (count != nullptr && where.cpus > 0 && *count > where.cpus)
    lacks(step, "it has " + std::to_string(where.cpus) + " cpus", "declare fewer vcpus");
}

void Planner::check_create(const DraftStep& step, const HostObservation& where) {
  const DomainSpec& domain = *step.operation.domain;
  for (const Vif& vif : domain.vifs) check_bridge(step, vif, where);
  for (const Vbd& vbd : domain.vbds) check_disk(step, vbd, where);
  const auto* kernel = domain.attributes.get<std::string>("kernel");
  if (kernel != nullptr && !has(where.files, *kernel))
    lacks(step, "it has no kernel `" + *kernel + "`", "its files are listed in hv.toml");
  check_vcpus(step, in_.schema->effective(Kind::domain, "vcpus", domain.attributes), where);
}

void Planner::check_host_facts() {
  for (const DraftStep& step : drafts_) {
    const HostObservation* where = host(step.operation.host);
    if (where == nullptr || !where->reachable) continue;
    if (step.operation.op == Op::pool_initialise)
      for (const std::string& device : step.operation.pool->devices)
        check_device(step, device, *where);
    if (step.operation.op == Op::domain_create) check_create(step, *where);
    if (step.operation.op == Op::domain_migrate) {
      DraftStep there = step;
      there.operation.host = *step.operation.peer;
      if (const HostObservation* other = host(there.operation.host)) check_create(there, *other);
    }
    if (step.operation.op == Op::vif_attach) check_bridge(step, *step.operation.vif, *where);
    if (step.operation.op == Op::vbd_attach) check_disk(step, *step.operation.vbd, *where);
    if (step.operation.op == Op::domain_vcpus)
      check_vcpus(step, Value(*step.operation.vcpus), *where);
  }
  if (in_.scope.destroy_all) return;
  for (const auto& [address, resource] : declared_) {
    const auto* network = std::get_if<NetworkSpec>(resource);
    if (network == nullptr || !in_scope(address)) continue;
    const HostObservation* where = host(network->host);
    if (where == nullptr || !where->reachable || has(where->bridges, network->bridge)) continue;
    refuse(Code::host_lacks,
           "`" + to_string(address) + "`: the host `" + network->host.text + "` has no bridge `" +
               network->bridge + "`",
           "hv makes no bridges; make it there first");
  }
}

// Where sharing is permitted each sharer has a device of its own, which the hypervisor cannot
// compare.
void Planner::note_unchecked(const Step& step) {
  auto driver = in_.capabilities.find(step.operation.host);
  if (driver == in_.capabilities.end() || !driver->second.checks_sharing) return;
  const Op op = step.operation.op;
  if (op != Op::domain_create && op != Op::domain_migrate && op != Op::vbd_attach) return;
  for (const Claim& claim : step.operation.claims)
    if (claim.permitted >= 1)
      plan_.notes.push_back("the hypervisor's own check is off for " +
                            to_string(step.operation.address) + " " + claim.device +
                            ", which may be shared");
}

// What its driver cannot put to the host is found now, and not when the machine is down already.
void Planner::check_words(const Operation& operation) {
  const Status can = in_.check ? in_.check(operation) : Status();
  if (can.ok()) return;
  refuse(Code::driver_lacks,
         "`" + operation.host.text + "` cannot be told to do " +
             std::string(to_string(operation.op)) + " of " + to_string(operation.address) + ": " +
             can.error().message,
         can.error().help);
}

void Planner::check_capabilities() {
  std::set<std::pair<HostName, Op>> told;
  for (const Step& step : plan_.steps) {
    note_unchecked(step);
    const Op op = step.operation.op;
    if (op == Op::record_state || op == Op::claim_put || op == Op::claim_drop ||
        op == Op::domain_verify)
      continue;
    auto driver = in_.capabilities.find(step.operation.host);
    if (driver != in_.capabilities.end() && driver->second.operations.contains(op)) {
      check_words(step.operation);
      continue;
    }
    if (!told.insert({step.operation.host, op}).second) continue;
    refuse(Code::driver_lacks, "the driver of `" + step.operation.host.text + "` cannot do " +
                                   std::string(to_string(op)) + " (" +
                                   to_string(step.operation.address) + ")");
  }
}

}  // namespace hv
