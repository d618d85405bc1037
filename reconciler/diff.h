// The three-way diff of one domain: desired (the file), applied (what we last set), observed.
//
// Pure. A key that no file ever set is not compared; one that was set and is removed returns to its
// default; disks are keyed by their device, interfaces by MAC; order means nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hv/model/applied.h"
#include "hv/model/observation.h"
#include "hv/model/plan.h"
#include "hv/schema/schema.h"

namespace hv {

struct VbdChange {
  std::optional<Vbd> before;  // as it is on the host
  std::optional<Vbd> after;   // as it should be
  bool is_drift = false;      // applied says `after` already: somebody else changed it
};
struct VifChange {
  std::optional<Vif> before, after;
  bool is_drift = false;
};

struct DomainDiff {
  std::vector<AttributeChange> attributes;  // all that differ, disks and interfaces too
  std::vector<DriftItem> drift;
  std::vector<VbdChange> vbds;  // those to be carried out live
  std::vector<VifChange> vifs;
  std::optional<Bytes> memory;  // to be set live
  std::optional<int64_t> vcpus;
  Attributes schedule;  // weight, cap, pinning: to be set live; unset ones to the default
  std::optional<std::string> rename;
  bool bookkeeping = false;          // something only the state has to know
  std::vector<std::string> restart;  // attributes that need one
  std::vector<std::string> replace;
  PowerState want = PowerState::running;
  PowerState have = PowerState::missing;
  bool empty() const {
    return attributes.empty() && vbds.empty() && vifs.empty() && !memory && !vcpus &&
           schedule.empty() && !rename && !bookkeeping && restart.empty() && replace.empty() &&
           want == have;
  }
};

struct DiffInput {
  const DomainSpec& desired;
  const DomainSpec& applied;
  const ObservedDomain* observed;  // nullptr: no such machine
  const Schema& schema;
  bool heal = true;  // drift is undone, not only reported
  int64_t cpus = 0;  // of the host that has the machine
};
DomainDiff diff_domain(const DiffInput& input);

// What the host tells of an attribute; nothing where it does not.
// "running", and "crashed" of one that is kept after its guest crashed.
std::string state_of(const ObservedDomain& domain);
std::optional<Value> observed_value(const ObservedDomain& domain, std::string_view name);

// Whether an interface that a host has is as the file has it: every key that the file sets, by its
// value. The host may tell more.
bool satisfies(const Vif& have, const Vif& want);

// Interfaces without a MAC take those of the interfaces they were before — the ones that are alike,
// then those of the same place in the list —, else one derived from the UUID.
void settle_macs(DomainSpec& desired, const DomainSpec* applied, const Uuid& uuid);

}  // namespace hv
