// Holds, order and proof: who holds what from which step to which, the edges that follow from it,
// and the verifier's word on the whole.
#include <algorithm>

#include "base/hash.h"
#include "hv/model/codec.h"
#include "reconciler/order.h"
#include "reconciler/planner.h"
#include "reconciler/verify/verify.h"

namespace hv {

std::vector<Access> Planner::accesses_of_spec(const DomainSpec& spec, AccessOrigin origin) const {
  return accesses_of(spec, *in_.desired, in_.project->sharing, context_, origin);
}

Access Planner::access_of(const DomainSpec& spec, const Vbd& vbd, AccessOrigin origin) const {
  DomainSpec one = spec;
  one.vbds = {vbd};
  std::vector<Access> accesses = accesses_of_spec(one, origin);
  if (!accesses.empty()) return accesses.front();
  Access empty;  // an empty drive
  empty.party = party_of(spec.address);
  empty.host = spec.host;
  empty.device = vbd.device;
  empty.mode = vbd.mode;
  empty.origin = origin;
  empty.place = vbd.place;
  return empty;
}

std::vector<Access> Planner::current_accesses(const AppliedDomain& applied,
                                              const ObservedDomain* observed) const {
  // What is on the host counts; where no host says anything, what was last set.
  DomainSpec spec = applied.spec;
  if (observed != nullptr) {
    std::map<std::string, const Vbd*> known;
    for (const Vbd& vbd : applied.spec.vbds) known[vbd.device] = &vbd;
    spec.vbds.clear();
    for (const ObservedVbd& seen : observed->vbds) {
      auto ours = known.find(seen.vbd.device);
      const bool same = ours != known.end() && ours->second->source == seen.vbd.source;
      Vbd vbd = same ? *ours->second : seen.vbd;
      vbd.mode = seen.vbd.mode;
      spec.vbds.push_back(std::move(vbd));
    }
  } else if (applied.spec.state == PowerState::halted) {
    spec.vbds.clear();
  }
  // Where the file still declares it, its present word on sharing and its place count.
  if (const auto* declared = in_.desired->get<DomainSpec>(applied.spec.address)) {
    spec.sharing = declared->sharing;
    for (Vbd& vbd : spec.vbds)
      for (const Vbd& now : declared->vbds)
        if (now.device == vbd.device) vbd.place = now.place;
  }
  std::vector<Access> accesses =
      accesses_of_spec(spec, observed != nullptr ? AccessOrigin::live : AccessOrigin::desired);
  for (Access& access : accesses) {
    auto recorded = applied.extents.find(access.device);
    const bool same_source =
        std::any_of(applied.spec.vbds.begin(), applied.spec.vbds.end(), [&](const Vbd& vbd) {
          return vbd.device == access.device &&
                 std::any_of(spec.vbds.begin(), spec.vbds.end(), [&](const Vbd& now) {
                   return now.device == vbd.device && now.source == vbd.source;
                 });
        });
    if (recorded != applied.extents.end() && same_source && !recorded->second.empty())
      access.extents = recorded->second;
  }
  return accesses;
}

void Planner::hold(Access access, std::optional<Draft> acquire, std::optional<Draft> release,
                   std::optional<Draft> gate, std::optional<Draft> after) {
  if (access.extents.empty() || access.dormant) return;
  holds_.push_back({std::move(access), acquire, release, gate, after});
}

void Planner::charge(const HostName& host_name, const Address& address, int64_t amount,
                     std::optional<Draft> acquire, std::optional<Draft> release) {
  if (amount <= 0) return;
  Charge charge;
  charge.host = host_name;
  charge.resource = "memory";
  charge.amount = amount;
  charge.address = address;
  charges_.push_back({std::move(charge), acquire, release});
}

std::map<std::string, std::vector<Extent>> Planner::extents_of(const DomainSpec& spec) const {
  std::map<std::string, std::vector<Extent>> extents;
  for (const Access& access : accesses_of_spec(spec, AccessOrigin::plan))
    extents[access.device] = access.extents;
  return extents;
}

std::vector<Claim> Planner::claims_of(const DomainSpec& spec, const Uuid& uuid,
                                      const std::set<std::string>* devices) const {
  std::vector<Claim> claims;
  for (const Access& access : accesses_of_spec(spec, AccessOrigin::plan)) {
    if (devices != nullptr && !devices->contains(access.device)) continue;
    Claim claim;
    claim.project = plan_.project_id;
    claim.lineage = plan_.lineage;
    claim.epoch = in_.head.epoch;
    claim.uuid = uuid;
    claim.address = spec.address;
    claim.device = access.device;
    claim.extents = access.extents;
    claim.mode = access.mode;
    claim.permitted = access.permitted;
    claims.push_back(std::move(claim));
  }
  return claims;
}

// Holds of all that this plan does not change: on every host, in scope or not, ours or not.
void Planner::hold_everything_else() {
  for (const auto& [address, applied] : applied_.domains) {
    if (planned_domains_.contains(address)) continue;
    const HostObservation* home = host(applied.spec.host);
    keep(applied, home == nullptr || !home->reachable ? nullptr : find_domain(*home, applied.uuid));
  }
  for (const auto& [name, observation] : in_.observation->hosts) {
    if (!observation.reachable && in_.scope.powered_off.contains(name)) continue;
    for (Access& access : foreign_accesses(observation, ours_, context_))
      hold(std::move(access), std::nullopt, std::nullopt, std::nullopt, std::nullopt);
    for (const ObservedDomain& domain : observation.domains)
      if (!ours_.contains(domain.uuid))
        charge(name, Address{Kind::domain, domain.name}, domain.memory.count, std::nullopt,
               std::nullopt);
    for (const Claim& claim : observation.claims) {
      if (claim.project == plan_.project_id) continue;
      Access access;
      access.party = party_unmanaged(name, to_string(claim.address));
      access.host = name;
      access.device = claim.device;
      access.extents = claim.extents;
      access.mode = claim.mode;
      access.permitted = claim.permitted;
      access.origin = AccessOrigin::claim;
      // The claimant's machine may be live too: one party, told once.
      const bool live = std::any_of(observation.domains.begin(), observation.domains.end(),
                                    [&](const ObservedDomain& d) { return d.uuid == claim.uuid; });
      if (!live) hold(std::move(access), std::nullopt, std::nullopt, std::nullopt, std::nullopt);
    }
  }
  for (const JournalEntry& entry : in_.open_intents)
    for (Access access : entry.intent.accesses) {
      access.origin = AccessOrigin::intent;
      // What the same party holds anyway is no second holder.
      const bool known = std::any_of(holds_.begin(), holds_.end(), [&](const DraftHold& held) {
        return held.access.party == access.party && held.access.device == access.device;
      });
      if (!known) hold(std::move(access), std::nullopt, std::nullopt, std::nullopt, std::nullopt);
    }
}

// Whoever lets go does so before the one that conflicts begins.
void Planner::order_conflicts() {
  struct Piece {
    const Extent* extent;
    std::size_t hold;
  };
  std::map<StoreId, std::vector<Piece>> stores;
  for (std::size_t i = 0; i < holds_.size(); ++i)
    for (const Extent& extent : holds_[i].access.extents)
      stores[extent.store].push_back({&extent, i});
  for (auto& [store, pieces] : stores) {
    // Only pairs of one that ends and one that begins matter; both are few beside what stays.
    std::vector<Piece> ending, beginning;
    for (const Piece& piece : pieces) {
      if (holds_[piece.hold].release) ending.push_back(piece);
      if (holds_[piece.hold].acquire) beginning.push_back(piece);
    }
    const auto by_start = [](const Piece& a, const Piece& b) {
      return a.extent->start < b.extent->start;
    };
    std::sort(beginning.begin(), beginning.end(), by_start);
    for (const Piece& end : ending) {
      for (const Piece& begin : beginning) {
        if (end.hold == begin.hold || !overlap(*end.extent, *begin.extent)) continue;
        const DraftHold& old = holds_[end.hold];
        const DraftHold& fresh = holds_[begin.hold];
        if (level_between(old.access, fresh.access) <= permitted_between(old.access, fresh.access))
          continue;
        edge(old.after.value_or(*old.release), fresh.gate.value_or(*fresh.acquire));
      }
    }
  }
}

// Where the memory of a host would not hold all at once, what shrinks goes before what grows.
void Planner::order_memory() {
  for (const auto& [name, observation] : in_.observation->hosts) {
    if (!observation.reachable) continue;
    int64_t most = 0;
    for (const DraftCharge& each : charges_)
      if (each.charge.host == name) most += each.charge.amount;
    if (most <= observation.memory_total.count) continue;
    for (const DraftCharge& end : charges_)
      for (const DraftCharge& begin : charges_) {
        if (end.charge.host != name || begin.charge.host != name || !end.release ||
            !begin.acquire || *end.release == *begin.acquire)
          continue;
        edge(*end.release, *begin.acquire);
      }
  }
}

bool Planner::number_steps() {
  std::vector<std::set<std::size_t>> after;
  std::vector<int> risk;
  for (const DraftStep& step : drafts_) {
    after.push_back(step.after);
    switch (step.operation.op) {
      case Op::domain_destroy:
      case Op::domain_shutdown:
        risk.push_back(0);
        break;
      case Op::vbd_detach:
      case Op::vdisk_expire:
        risk.push_back(1);
        break;
      case Op::record_state:
        risk.push_back(2);
        break;
      default:
        risk.push_back(3);
        break;
    }
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
  for (const std::size_t draft : order.order) {
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
  const auto id = [&](const std::optional<Draft>& draft) -> std::optional<StepId> {
    if (!draft) return std::nullopt;
    return number[*draft];
  };
  for (const DraftHold& hold : holds_)
    plan_.holds.push_back({hold.access, id(hold.acquire), id(hold.release)});
  for (const DraftCharge& each : charges_) {
    Charge charge = each.charge;
    charge.acquire = id(each.acquire);
    charge.release = id(each.release);
    plan_.charges.push_back(std::move(charge));
  }
  for (const auto& [name, observation] : in_.observation->hosts)
    if (observation.reachable)
      plan_.limits.push_back({name, "memory", observation.memory_total.count});
  return true;
}

void Planner::check_capabilities() {
  for (const Step& step : plan_.steps) {
    const Op op = step.operation.op;
    if (op == Op::record_state || op == Op::claim_put || op == Op::claim_drop ||
        op == Op::domain_verify)
      continue;
    auto driver = in_.capabilities.find(step.operation.host);
    if (driver != in_.capabilities.end() && driver->second.operations.contains(op)) continue;
    refuse(Code::driver_lacks, "the driver of `" + step.operation.host.text + "` cannot do " +
                                   std::string(to_string(op)) + " (" +
                                   to_string(step.operation.address) + ")");
    return;
  }
}

void Planner::prove() {
  VerifyInput input;
  for (const Step& step : plan_.steps) input.steps.push_back({step.id, step.after});
  input.holds = plan_.holds;
  input.charges = plan_.charges;
  input.limits = plan_.limits;
  const Verdict verdict = verify(input);
  HV_CHECK(verdict.malformed.empty(), "a plan whose steps or holds are malformed");
  const auto step_name = [&](StepId id) {
    for (const Step& step : plan_.steps)
      if (step.id == id)
        return std::string(to_string(step.operation.op)) + " " + to_string(step.operation.address);
    return std::string("step ") + std::to_string(id.value);
  };
  for (const SharingConflict& conflict : verdict.sharing) {
    Finding finding;
    finding.code = conflict.level == 2 ? Code::unsafe_write_sharing : Code::unsafe_read_sharing;
    finding.severity = conflict.already ? Severity::warning : Severity::error;
    finding.level = conflict.level;
    finding.permitted = conflict.permitted;
    const Access& a = plan_.holds[conflict.first].access;
    const Access& b = plan_.holds[conflict.second].access;
    const std::string what = conflict.level == 2 ? " would write the same sectors"
                                                 : " would share sectors one of them writes";
    finding.message = a.party.text + " and " + b.party.text +
                      (conflict.already ? what.substr(6) + " already" : what) + " (level " +
                      std::to_string(conflict.level) + ", permitted " +
                      std::to_string(conflict.permitted) + ")";
    if (conflict.already)
      finding.message = a.party.text + " and " + b.party.text + " share sectors already (level " +
                        std::to_string(conflict.level) + ", permitted " +
                        std::to_string(conflict.permitted) + ")";
    finding.accesses = {a, b};
    finding.overlap = conflict.overlap;
    if (!conflict.already && !conflict.started.empty()) {
      std::string started;
      for (const StepId id : conflict.started)
        started += (started.empty() ? "" : " and ") + step_name(id);
      finding.notes.push_back("reached by starting " + started);
    }
    plan_.findings.push_back(std::move(finding));
    if (conflict.already) continue;
    refuse(Code::unsafe_interleaving,
           a.party.text + " and " + b.party.text + " would share what they may not");
  }
  for (const SumConflict& conflict : verdict.sums)
    refuse(Code::memory_overdrawn,
           "`" + conflict.limit.host.text + "` would need " + to_human(bytes(conflict.peak)) +
               " of memory, and has " + to_human(bytes(conflict.limit.amount)) + " for its domains",
           "declare less memory, or stop something first");
  plan_.proof.sharing_proved = verdict.safe();
  plan_.proof.highest_level = verdict.highest_level;
  plan_.proof.peaks = verdict.peaks;
  std::set<std::string> names;
  for (const Hold& hold : plan_.holds)
    for (const Extent& extent : hold.access.extents)
      if (!extent.resolved && !context_.exact_names.contains(hold.access.host))
        names.insert(extent.store.text);
  plan_.proof.unresolved_names = names.size();
  for (const auto& [name, observation] : in_.observation->hosts) {
    ++plan_.proof.hosts_total;
    if (observation.reachable) ++plan_.proof.hosts_read;
  }
}

// What is declared must be safe as a whole, also between domains that this plan does not touch.
void Planner::check_declared_sharing() {
  if (in_.scope.destroy_all) return;
  std::vector<Access> accesses;
  for (const Resource& resource : in_.desired->resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource))
      for (Access& access : accesses_of_spec(*domain, AccessOrigin::desired))
        accesses.push_back(std::move(access));
  const bool detaches_only =
      std::all_of(plan_.steps.begin(), plan_.steps.end(), [](const Step& step) {
        const Op op = step.operation.op;
        return op == Op::vbd_detach || op == Op::claim_drop || op == Op::domain_destroy ||
               op == Op::domain_shutdown || op == Op::record_state;
      });
  std::set<std::pair<std::string, std::string>> told;
  for (const Finding& finding : plan_.findings)
    if (finding.accesses.size() >= 2 && finding.severity == Severity::error)
      told.insert({finding.accesses[0].party.text, finding.accesses[1].party.text});
  bool refused = false;
  for (Finding& finding : check_sharing(accesses, context_)) {
    if (finding.severity == Severity::warning &&
        context_.exact_names.size() == in_.observation->hosts.size())
      continue;
    if (finding.severity == Severity::error) {
      refused = true;
      // The sweep's finding has the better words: it replaces the verifier's of the same pair.
      if (finding.accesses.size() >= 2) {
        const std::string a = finding.accesses[0].party.text, b = finding.accesses[1].party.text;
        std::erase_if(plan_.findings, [&](const Finding& other) {
          return other.accesses.size() >= 2 && other.severity == Severity::error &&
                 ((other.accesses[0].party.text == a && other.accesses[1].party.text == b) ||
                  (other.accesses[0].party.text == b && other.accesses[1].party.text == a));
        });
      }
    }
    plan_.findings.push_back(std::move(finding));
  }
  if (refused && !detaches_only) {
    const bool already =
        std::any_of(plan_.refusals.begin(), plan_.refusals.end(),
                    [](const Error& e) { return e.code == Code::unsafe_interleaving; });
    if (!already)
      refuse(Code::plan_refused, "what is declared shares storage unsafely",
             "the findings above say which, and the ways out");
  }
}

void Planner::check_budget() {
  if (in_.scope.no_budget || budget_used_ == 0) return;
  const DestroyBudget budget = in_.scope.max_destroy.value_or(in_.project->max_destroy);
  std::size_t in_scope_domains = 0;
  for (const auto& [address, domain] : applied_.domains)
    if (in_scope(address)) ++in_scope_domains;
  const int64_t limit =
      budget.percent
          ? std::max<int64_t>(1, static_cast<int64_t>(in_scope_domains) * budget.amount / 100)
          : budget.amount;
  if (static_cast<int64_t>(budget_used_) <= limit) return;
  std::string what;
  for (std::size_t i = 0; i < budget_what_.size() && i < 4; ++i)
    what += (what.empty() ? "" : ", ") + budget_what_[i];
  if (budget_what_.size() > 4) what += ", …";
  refuse(Code::destroys_too_much,
         "the plan takes away " + std::to_string(budget_used_) + " (" + what +
             "), and its budget is " + std::to_string(limit) +
             (budget.percent ? " (" + to_string(budget) + ")" : ""),
         "if that is meant: --max-destroy " + std::to_string(budget_used_));
}

std::string plan_digest(const Plan& plan, const StoreHead& head, const std::string& version) {
  std::string text = "hv " + version + "\n" + to_string(plan.project_id) + "\n" +
                     to_string(head.lineage) + " " + std::to_string(head.serial.value) + "\n";
  for (const InputFile& input : plan.inputs) text += input.file + " " + input.sha256 + "\n";
  for (const auto& [name, value] : plan.params) text += name + "=" + value + "\n";
  // Of the observation only what the plan read: what it touches, and where it stands.
  std::set<HostName> hosts;
  std::set<Uuid> machines;
  for (const Step& step : plan.steps) {
    // A claim names the epoch of the command that makes it: that of apply, not that of plan.
    Operation operation = step.operation;
    for (Claim& claim : operation.claims) {
      claim.epoch = Epoch{};
      claim.lineage = Uuid{};
    }
    text += sha256_hex(encode(operation));
    for (const StepId before : step.after) text += " " + std::to_string(before.value);
    text += "\n";
    hosts.insert(step.operation.host);
    machines.insert(step.operation.uuid);
  }
  for (const HostName& name : hosts) {
    const HostObservation* host = plan.observation.find(name);
    if (host == nullptr) continue;
    text += name.text + " " + host->host_id + " " + host->boot_id + " " +
            std::to_string(host->memory_total.count) + "\n";
    for (const ObservedDomain& domain : host->domains)
      if (machines.contains(domain.uuid)) text += sha256_hex(encode(domain)) + "\n";
  }
  for (const Hold& hold : plan.holds) {
    text += hold.access.party.text + " " + hold.access.device + " " +
            std::string(to_string(hold.access.mode)) + " " + std::to_string(hold.access.permitted);
    for (const Extent& extent : hold.access.extents)
      text += " " + extent.store.text + "+" + std::to_string(extent.start.count) + "+" +
              std::to_string(extent.count.count);
    text += "\n";
  }
  for (const Error& refusal : plan.refusals) text += refusal.message + "\n";
  return sha256_hex(text);
}

Result<Plan> make_again(const Plan& saved, const PlanRequest& now) {
  PlanRequest request = now;
  request.id = saved.id;
  const auto stale = [](const std::string& what) {
    return Error{Code::plan_stale, "the saved plan no longer fits: " + what,
                 "make it again with `hv plan -o FILE`, and look at it again"};
  };
  if (saved.lineage != Uuid{} && saved.lineage != now.head.lineage && !now.applied->empty())
    return stale("it was made for another state");
  for (const InputFile& input : now.desired->inputs) {
    auto before = std::find_if(saved.inputs.begin(), saved.inputs.end(),
                               [&](const InputFile& each) { return each.file == input.file; });
    if (before == saved.inputs.end()) return stale("`" + input.file + "` is new among its inputs");
    if (before->sha256 != input.sha256) return stale("`" + input.file + "` was changed");
  }
  if (saved.inputs.size() != now.desired->inputs.size()) return stale("an input is gone");
  if (saved.serial != now.head.serial)
    return stale("the state has moved from serial " + std::to_string(saved.serial.value) + " to " +
                 std::to_string(now.head.serial.value));
  for (const auto& [name, host] : saved.observation.hosts) {
    const HostObservation* other = now.observation->find(name);
    if (other == nullptr || other->reachable != host.reachable)
      return stale("the host `" + name.text + "` answers differently");
    if (other->boot_id != host.boot_id) return stale("the host `" + name.text + "` was rebooted");
  }
  Result<Plan> again = make_plan(request);
  if (!again.ok()) return again.error();
  // Planned before there was a store: the one that was made since is its store.
  StoreHead then = now.head;
  if (saved.lineage == Uuid{} && now.applied->empty()) then.lineage = Uuid{};
  if (plan_digest(*again, then, now.version) != saved.digest)
    return stale("what runs on its hosts has changed");
  return again;
}

}  // namespace hv
