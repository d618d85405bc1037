// A migration of which only a copy is left, one that was never let run: its source died, or was
// taken away, before it said so. What is right only an operator can know. The memory of the copy
// may be older than what its machine wrote to its disks until it ended; so the copy is either let
// go on, by somebody who knows that it is not, or given up, and the machine made again from its
// disks.
#include "reconciler/planner.h"

namespace hv {

// Nothing where its source cannot be read, or has it yet.
const ObservedDomain* Planner::left_copy(const AppliedDomain& applied, HostName& where) const {
  for (const JournalEntry& entry : in_.open_intents) {
    const Operation& operation = entry.intent.operation;
    if (operation.op != Op::domain_migrate || operation.uuid != applied.uuid || !operation.peer)
      continue;
    if (!reachable(operation.host) && !powered_off(operation.host)) continue;
    const ObservedDomain* copy = nullptr;
    std::size_t there = 0;
    if (auto seen = machines_.find(applied.uuid); seen != machines_.end())
      for (const Seen& each : seen->second) {
        if (powered_off(each.host)) continue;
        ++there;
        if (each.host == *operation.peer) copy = each.domain;
      }
    if (there != 1 || copy == nullptr || !copy->never_ran || copy->dying) continue;
    where = *operation.peer;
    return copy;
  }
  return nullptr;
}

void Planner::power_left(const AppliedDomain& applied, const ObservedDomain& copy,
                         const HostName& where, PowerAsk ask) {
  const Address& address = applied.spec.address;
  const std::string name = to_string(address);
  if (ask != PowerAsk::unpause && ask != PowerAsk::stop)
    return no_power(
        address, ask,
        "a migration left only a copy of it on " + where.text + ", which was never let run",
        "`hv unpause " + name + "` lets it go on there; `hv stop " + name +
            "` gives it up, and then `hv start " + name + "` makes it again");
  const bool goes_on = ask == PowerAsk::unpause;
  const auto there = [&](Op op) {
    Operation operation = operation_for(op, applied.spec, applied.uuid);
    operation.host = where;
    return operation;
  };
  keep(applied);
  if (goes_on) {
    // The last look at every host; what it finds stops this, and leaves the copy as it is.
    Draft last = add(there(Op::domain_verify), "", kQuick, after_move(address));
    const bool free = !named_.contains({where, applied.spec.name});
    if (copy.name != applied.spec.name && free) {
      Operation rename = there(Op::domain_rename);
      rename.name = applied.spec.name;
      last = add(std::move(rename), copy.name, kQuick, {last});
    }
    add(there(Op::domain_unpause), "", kQuick, {last});
    plan_.notes.push_back(name + " goes on with the memory that has come to " + where.text +
                          ": only where it had stopped on " + applied.spec.host.text +
                          " before is that as new as its disks");
  } else {
    Operation destroy = there(Op::domain_destroy);
    destroy.force = true;
    destroy.record = RecordKind::update;  // the machine itself stays ours
    add(std::move(destroy), "the copy", kQuick, after_move(address));
  }
  Change change = change_of(applied.spec, Action::update,
                            "asked for by `hv " + std::string(to_string(ask)) + "`");
  if (goes_on)
    change.attributes.push_back({"host", applied.spec.host.text, where.text, How::live});
  else
    change.downtime = Downtime::gone;
  change.attributes.push_back({"state", std::string(to_string(copy.state)),
                               goes_on ? std::string("running") : std::string("halted"),
                               How::live});
  plan_.changes.push_back(std::move(change));
}

// In place of the alarm that a machine is live where nobody expects it.
bool Planner::tell_left(const Address& address, const Uuid& uuid) {
  auto applied = applied_.domains.find(address);
  HostName where;
  if (applied == applied_.domains.end() || applied->second.uuid != uuid ||
      left_copy(applied->second, where) == nullptr)
    return false;
  const std::string name = to_string(address);
  Finding finding;
  finding.code = Code::operation_unknown;
  finding.message =
      "a migration left only a copy of " + name + " on " + where.text + ", which was never let run";
  Access access;
  access.party = party_of(address);
  access.host = where;
  access.origin = AccessOrigin::live;
  finding.accesses.push_back(std::move(access));
  finding.ways_out = {
      "`hv unpause " + name + "` lets it go on there",
      "`hv stop " + name + "` gives it up, and `hv start " + name + "` makes it again"};
  plan_.findings.push_back(std::move(finding));
  return true;
}

}  // namespace hv
