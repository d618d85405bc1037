// Order: the edges that follow from holds, memory and names, and the numbering of the steps.
#include <algorithm>

#include "reconciler/extent_index.h"
#include "reconciler/order.h"
#include "reconciler/planner.h"

namespace hv {
namespace {

int risk_of(Op op) {
  switch (op) {
    case Op::domain_destroy:
    case Op::domain_shutdown:
    case Op::domain_save:
      return 0;
    case Op::vbd_detach:
    case Op::vdisk_expire:
      return 1;
    case Op::record_state:
      return 2;
    case Op::claim_put:
    case Op::claim_drop:
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::domain_create:
    case Op::domain_verify:
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_restore:
    case Op::domain_migrate:
    case Op::domain_unrestore:
    case Op::domain_memory:
    case Op::domain_vcpus:
    case Op::domain_schedule:
    case Op::domain_rename:
    case Op::vbd_attach:
    case Op::vbd_enlarge:
    case Op::vif_attach:
    case Op::vif_detach:
      return 3;
  }
  return 3;
}

int risk_of(Action action) {
  switch (action) {
    case Action::destroy:
      return 0;
    case Action::replace:
      return 1;
    case Action::restart:
      return 2;
    case Action::forget:
      return 3;
    case Action::update:
      return 4;
    case Action::move:
      return 5;
    case Action::adopt:
      return 6;
    case Action::create:
      return 7;
  }
  return 8;
}

// Storage comes before what uses it among the new, after it among the old.
int rank_of(const Change& change) {
  int rank = 0;
  switch (change.address.kind) {
    case Kind::pool:
      rank = 0;
      break;
    case Kind::network:
      rank = 1;
      break;
    case Kind::vdisk:
      rank = 2;
      break;
    case Kind::domain:
      rank = 3;
      break;
  }
  return change.action == Action::create ? rank : 3 - rank;
}

}  // namespace

// Whoever lets go does so before the one that conflicts begins; and who begins on the strength of
// what another permits, does so after that one's host was told. Readers beside readers are never
// looked at.
void Planner::order_conflicts() {
  ExtentIndex readers, writers;  // that begin
  for (std::size_t i = 0; i < holds_.size(); ++i)
    if (holds_[i].acquire)
      for (const Extent& extent : holds_[i].access.extents)
        (writes(holds_[i].access.mode) ? writers : readers).add(extent, i);
  for (std::size_t i = 0; i < holds_.size(); ++i) {
    const DraftHold& old = holds_[i];
    if (!old.release && !old.announced) continue;
    const auto found = [&](std::size_t fresh) {
      if (fresh != i) order_pair(old, holds_[fresh]);
    };
    for (const Extent& extent : old.access.extents) {
      writers.each_overlap(extent, found);
      if (writes(old.access.mode)) readers.each_overlap(extent, found);
    }
  }
}

void Planner::order_pair(const DraftHold& old, const DraftHold& fresh) {
  if (level_between(old.access, fresh.access) <= permitted_between(old.access, fresh.access)) {
    // Not after its own claim: two that restart tell each other.
    if (old.announced && old.access.party != fresh.access.party)
      edge(*old.announced, *fresh.acquire);
    return;
  }
  // The two ends of one migration.
  if (old.release && old.release == fresh.acquire) return;
  if (old.release) edge(old.after.value_or(*old.release), fresh.gate.value_or(*fresh.acquire));
}

// Where the memory of a host would not hold all at once: what must begin late does so one after
// the other, each after as many releases as it needs. In the order of a run that the other edges
// permit, so that none of this makes a circle.
void Planner::order_memory() {
  std::map<HostName, std::vector<const DraftCharge*>> by_host;
  for (const DraftCharge& each : charges_) by_host[each.charge.host].push_back(&each);
  std::vector<std::size_t> place;  // of each draft in such a run
  for (const auto& [name, charges] : by_host) {
    const HostObservation* where = host(name);
    if (where == nullptr || !where->reachable) continue;
    int64_t taken = 0, most = 0;
    std::vector<const DraftCharge*> ends, begins;
    for (const DraftCharge* each : charges) {
      most += each->charge.amount;
      if (!each->acquire) taken += each->charge.amount;
      if (each->release) ends.push_back(each);
      if (each->acquire) begins.push_back(each);
    }
    if (most <= where->memory_total.count) continue;
    if (place.empty()) place = places();
    if (place.empty()) return;  // a circle already: it is told when the steps are numbered
    std::sort(ends.begin(), ends.end(), [&](const DraftCharge* a, const DraftCharge* b) {
      return place[*a->release] < place[*b->release];
    });
    std::sort(begins.begin(), begins.end(), [&](const DraftCharge* a, const DraftCharge* b) {
      return place[*a->acquire] < place[*b->acquire];
    });
    auto end = ends.begin();
    MaybeDraft late;
    for (const DraftCharge* begin : begins) {
      taken += begin->charge.amount;
      const bool waits = taken > where->memory_total.count;
      for (; taken > where->memory_total.count && end != ends.end(); ++end) {
        taken -= (*end)->charge.amount;
        edge(*(*end)->release, *begin->acquire);
      }
      if (!waits && !late) continue;
      if (late) edge(*late, *begin->acquire);
      late = begin->acquire;
    }
  }
}

// Of each draft its place in a run that the present edges permit; nothing if there is none.
std::vector<std::size_t> Planner::places() const {
  std::vector<std::set<std::size_t>> after;
  std::vector<int> risk;
  for (const DraftStep& step : drafts_) {
    after.push_back(step.after);
    risk.push_back(risk_of(step.operation.op));
  }
  const Order order = topological_order(after, risk);
  if (!order.cycle.empty()) return {};
  std::vector<std::size_t> place(drafts_.size());
  for (std::size_t i = 0; i < order.order.size(); ++i) place[order.order[i]] = i;
  return place;
}

// A name is free once the machine that has it is gone or is called something else.
void Planner::order_names() {
  for (Draft i = 0; i < drafts_.size(); ++i) {
    const Operation& operation = drafts_[i].operation;
    std::string name;
    if (operation.op == Op::domain_create || operation.op == Op::domain_restore)
      name = operation.domain->name;
    if (operation.op == Op::domain_rename) name = operation.name;
    if (operation.op == Op::domain_migrate) name = operation.domain->name;
    auto seen =
        named_.find({operation.op == Op::domain_migrate ? *operation.peer : operation.host, name});
    if (name.empty() || seen == named_.end()) continue;
    for (const ObservedDomain* other : seen->second) {
      if (other->uuid == operation.uuid) continue;
      if (auto stopped = stopped_.find(other->uuid); stopped != stopped_.end()) {
        edge(stopped->second, i);
      } else if (auto renamed = renamed_.find(other->uuid); renamed != renamed_.end()) {
        edge(renamed->second, i);
      } else {
        lacks(drafts_[i], "a machine called `" + name + "` is there already",
              "stop it or call it something else; its UUID is " + to_string(other->uuid));
      }
    }
  }
}

bool Planner::number_steps() {
  std::vector<std::set<std::size_t>> after;
  std::vector<int> risk;
  for (const DraftStep& step : drafts_) {
    after.push_back(step.after);
    risk.push_back(risk_of(step.operation.op));
  }
  const Order order = topological_order(after, risk);
  if (!order.cycle.empty()) {
    std::string path;
    for (const std::size_t i : order.cycle)
      path += std::string(to_string(drafts_[i].operation.op)) + " " +
              to_string(drafts_[i].operation.address) + " → ";
    path += std::string(to_string(drafts_[order.cycle.front()].operation.op));
    refuse(Code::steps_in_circle, "no order of the steps is safe: " + path,
           "stop one of the domains first: `hv apply` with its state = \"halted\"");
    return false;
  }
  std::vector<StepId> number(drafts_.size());
  for (std::size_t i = 0; i < order.order.size(); ++i) number[order.order[i]] = StepId{i + 1};
  for (const Draft draft : order.order) {
    DraftStep& from = drafts_[draft];
    Step step;
    step.id = number[draft];
    step.operation = std::move(from.operation);
    for (const Draft before : from.after) step.after.push_back(number[before]);
    std::sort(step.after.begin(), step.after.end());
    step.detail = std::move(from.detail);
    step.estimate = from.estimate;
    plan_.steps.push_back(std::move(step));
  }
  const auto id = [&](const MaybeDraft& draft) -> std::optional<StepId> {
    if (!draft) return std::nullopt;
    return number[*draft];
  };
  for (DraftHold& hold : holds_)
    plan_.holds.push_back({std::move(hold.access), id(hold.acquire), id(hold.release)});
  for (DraftCharge& each : charges_) {
    each.charge.acquire = id(each.acquire);
    each.charge.release = id(each.release);
    plan_.charges.push_back(std::move(each.charge));
  }
  for (const auto& [name, observation] : in_.observation->hosts)
    if (observation.reachable)
      plan_.limits.push_back({name, "memory", observation.memory_total.count});
  return true;
}

void Planner::sort_changes() {
  std::stable_sort(plan_.changes.begin(), plan_.changes.end(),
                   [](const Change& a, const Change& b) {
                     const int risk_a = risk_of(a.action), risk_b = risk_of(b.action);
                     if (risk_a != risk_b) return risk_a < risk_b;
                     const int rank_a = rank_of(a), rank_b = rank_of(b);
                     if (rank_a != rank_b) return rank_a < rank_b;
                     return a.address < b.address;
                   });
}

}  // namespace hv
