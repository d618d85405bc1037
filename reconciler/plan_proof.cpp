// Proof: the verifier's word on the whole plan, and the sweep's on what is declared.
#include <algorithm>

#include "base/check.h"
#include "reconciler/planner.h"
#include "reconciler/verify/verify.h"

namespace hv {
namespace {

using Parties = std::pair<Party, Party>;

// Of a finding about two accesses; which is first means nothing.
std::optional<Parties> parties_of(const Finding& finding) {
  if (finding.accesses.size() < 2) return std::nullopt;
  return std::minmax(finding.accesses[0].party, finding.accesses[1].party);
}

std::string name_of(const Step& step) {
  return std::string(to_string(step.operation.op)) + " " + to_string(step.operation.address);
}

bool only_lets_go(const Step& step) {
  const Op op = step.operation.op;
  return op == Op::vbd_detach || op == Op::claim_drop || op == Op::domain_destroy ||
         op == Op::domain_shutdown || op == Op::vdisk_expire || op == Op::record_state;
}

// A host's own accesses are held as one: which of them it is that meets the other.
Access told_exactly(Access access, const Overlap& overlap, const StorageContext& context,
                    const HostObservation* seen) {
  if (access.party != party_dom0(access.host)) return access;
  const Extent where{overlap.store, overlap.start, overlap.count, overlap.resolved};
  for (Access& one : host_accesses(access.host, context, seen)) {
    if (one.mode != access.mode) continue;
    for (const Extent& extent : one.extents)
      if (hv::overlap(extent, where)) {
        access.path = std::move(one.path);
        return access;
      }
  }
  return access;
}

// In the words of the sweep, so that a conflict between two states of a plan reads like one between
// two files: who, where, how each name led there, and the ways out.
Finding finding_of(const SharingConflict& conflict, const Plan& plan,
                   const StorageContext& context) {
  const auto exactly = [&](uint32_t hold) {
    const Access& access = plan.holds[hold].access;
    return told_exactly(access, conflict.overlap, context, plan.observation.find(access.host));
  };
  const Access a = exactly(conflict.first), b = exactly(conflict.second);
  Finding finding =
      describe_pair(a, b, conflict.level, conflict.permitted, conflict.overlap, context);
  finding.severity = conflict.already ? Severity::warning : Severity::error;
  if (conflict.already) {
    finding.message = a.party == b.party
                          ? a.party.text + " has the same sectors twice, as `" + a.device +
                                "` and as `" + b.device + "`"
                          : a.party.text + " and " + b.party.text + " share sectors already";
    finding.message += " (level " + std::to_string(conflict.level) + ", permitted " +
                       std::to_string(conflict.permitted) + ")";
    return finding;
  }
  std::string started;
  for (const StepId id : conflict.started)
    started += (started.empty() ? "" : " and ") + name_of(plan.steps[id.value - 1]);
  if (!started.empty()) finding.notes.push_back("reached by starting " + started);
  return finding;
}

}  // namespace

void Planner::prove() {
  VerifyInput input;
  for (const Step& step : plan_.steps) input.steps.push_back({step.id, step.after});
  input.holds = plan_.holds;
  input.charges = plan_.charges;
  input.limits = plan_.limits;
  const Verdict verdict = verify(input);
  HV_CHECK(verdict.malformed.empty(), "a plan whose steps or holds are malformed");
  std::set<Parties> told;
  for (const SharingConflict& conflict : verdict.sharing) {
    plan_.findings.push_back(finding_of(conflict, plan_, context_));
    const Parties parties = *parties_of(plan_.findings.back());
    if (conflict.already || !told.insert(parties).second) continue;
    refuse(Code::unsafe_interleaving,
           parties.first == parties.second
               ? parties.first.text + " would attach the same sectors twice"
               : parties.first.text + " and " + parties.second.text +
                     " would share what they may not");
  }
  for (const SumConflict& conflict : verdict.sums)
    refuse(Code::memory_overdrawn,
           "`" + conflict.limit.host.text + "` would need " + to_human(bytes(conflict.peak)) +
               " of memory, and has " + to_human(bytes(conflict.limit.amount)) + " for its domains",
           "declare less memory, or stop something first");
  plan_.proof.sharing_proved = verdict.safe();
  plan_.proof.highest_level = verdict.highest_level;
  plan_.proof.peaks = verdict.peaks;
  std::set<StoreId> names;
  for (const Hold& hold : plan_.holds) {
    const HostName& where = hold.access.host;
    if (hold.access.party == party_dom0(where)) continue;  // told apart from its guests' only
    const bool exact = context_.exact_names.contains(where);
    // What an inventory should know and does not is a name, on whatever host.
    const bool known = context_.map != nullptr && context_.map->find(where) != nullptr;
    for (const Extent& extent : hold.access.extents)
      if (!extent.resolved && (!exact || (known && !is_maybe(extent.store))))
        names.insert(extent.store);
  }
  plan_.proof.unresolved_names = names.size();
  plan_.proof.hosts_total = in_.observation->hosts.size();
  for (const auto& [name, observation] : in_.observation->hosts)
    if (observation.reachable) ++plan_.proof.hosts_read;
}

// What is declared must be safe as a whole, also between domains that this plan does not touch. A
// plan that only lets go is applicable all the same.
void Planner::check_declared_sharing() {
  if (in_.scope.destroy_all) return;
  std::vector<Access> accesses;
  for (const auto& [address, resource] : declared_)
    if (const auto* domain = std::get_if<DomainSpec>(resource)) {
      for (Access& access : accesses_of_spec(*domain, AccessOrigin::desired))
        accesses.push_back(std::move(access));
      for (Access& access : accesses_beneath(*domain, context_, AccessOrigin::desired))
        accesses.push_back(std::move(access));
    }
  const bool all_exact = context_.exact_names.size() == in_.observation->hosts.size();
  std::vector<Finding> found = check_sharing(accesses, context_);
  std::erase_if(found, [&](const Finding& finding) {
    return finding.severity == Severity::warning && all_exact;
  });
  // The sweep has the better words: of the same pair the verifier's finding goes.
  std::set<Parties> unsafe;
  bool refused = false;
  for (const Finding& finding : found) {
    if (finding.severity != Severity::error) continue;
    refused = true;
    if (auto parties = parties_of(finding)) unsafe.insert(*parties);
  }
  std::erase_if(plan_.findings, [&](const Finding& finding) {
    const auto parties = parties_of(finding);
    return parties && finding.overlap && unsafe.contains(*parties);
  });
  for (Finding& finding : found) plan_.findings.push_back(std::move(finding));
  for (Finding& finding : check_layers(*in_.desired, context_))
    plan_.findings.push_back(std::move(finding));
  const bool already =
      std::any_of(plan_.refusals.begin(), plan_.refusals.end(),
                  [](const Error& refusal) { return refusal.code == Code::unsafe_interleaving; });
  const bool lets_go = std::all_of(plan_.steps.begin(), plan_.steps.end(), only_lets_go);
  if (refused && !lets_go && !already)
    refuse(Code::plan_refused, "what is declared shares storage unsafely",
           "the findings above say which, and the ways out");
}

}  // namespace hv
